#!/bin/bash
# world: none
# Config files, --print-config, and the completions as each shell reads them.
source "$(dirname "$0")/lib.sh"

mkdir -p "$T/config/mailcheck"
printf '# ours\npace = gentle\n\n  per-mx=3\nno-store\nsplit = /there\n' \
    >"$T/config/mailcheck/mailcheck.conf"
mailcheck clean --per-mx 4 --print-config
same "--print-config: exit status" "$status" 0
value() { grep -B1 -E "^(# )?$1( |\$)" "$T/out" | paste -sd' '; }
same "a value of a file" "$(value pace)" "# $T/config/mailcheck/mailcheck.conf:2 pace = gentle"
same "the command line wins" "$(value per-mx)" "# command line per-mx = 4"
same "a default" "$(value reply-timeout)" "# default reply-timeout = 1m"
same "what holds nothing" "$(value helo)" "# default # helo is not set"
cp "$T/out" "$T/all.conf"
mailcheck clean --config "$T/all.conf" --print-config
same "what it prints is a config file" "$(grep -v '^#' "$T/out")" "$(grep -v '^#' "$T/all.conf")"
mailcheck --print-config
same "without a command" "$(value per-mx)" "# $T/config/mailcheck/mailcheck.conf:4 per-mx = 3"
mailcheck check --print-config
ok "options of other commands are left out" lacks '^split' "$T/out"
printf 'pace = gentle\npacee = off\n' >"$T/bad.conf"
mailcheck clean --config "$T/bad.conf" --print-config
same "an unknown key: exit status" "$status" 2
ok "with file and line" has 'bad\.conf:2: .*"pacee"' "$T/err"
rm -r "$T/config"
# one that is there and may not be read: root loses the right to read everything for this
mkdir -p "$T/config/mailcheck"
install -m 000 /dev/null "$T/config/mailcheck/mailcheck.conf"
as_others=()
[ "$(id -u)" != 0 ] || as_others=(setpriv --bounding-set=-dac_override,-dac_read_search)
status=0
"${as_others[@]}" "$MAILCHECK" check --offline ann@x.example >"$T/out" 2>"$T/err" || status=$?
same "a config file that may not be read is no reason to stop" "$status" 12
ok "and is said" has 'warning: cannot read .*mailcheck\.conf: Permission denied' "$T/err"
"${as_others[@]}" "$MAILCHECK" check -q --offline ann@x.example >"$T/out" 2>"$T/err"
same "but not to who wants errors only" "$(cat "$T/err")" ""
rm -rf "$T/config"
mkdir -p "$T/there/mailcheck"
cp "$T/bad.conf" "$T/there/mailcheck/mailcheck.conf"
cd "$T" || exit 1 # a relative XDG_CONFIG_HOME counts for nothing, as its specification says
XDG_CONFIG_HOME=there mailcheck --print-config
same "a relative XDG_CONFIG_HOME" "$status $(value pace)" "0 # default pace = default"
cd "$OLDPWD" || exit 1

sed -n '/^\.Bd/,/^\.Ed/p' data/man/mailcheck.conf.5 | grep -v '^\.' >"$T/example.conf"
mailcheck clean --config "$T/example.conf" --print-config
same "the example of mailcheck.conf(5)" "$status $(grep -A1 'example.conf:' "$T/out" | grep -c =)" \
    "0 6"

# --- completions
mailcheck --print-completion tcsh
same "a shell there is none for" "$status" 2
"$MAILCHECK" --print-completion bash >"$T/bash"
cat >"$T/try.bash" <<'SCRIPT'
compopt() { :; }
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_mailcheck
printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
SCRIPT
completes() { same "bash: $1" "$(bash "$T/try.bash" "$T/bash" "${@:3}")" "$2"; }
completes "a command" "classify clean" mailcheck cl
completes "an option" "--pace" mailcheck clean --pa
completes "an option of this command only" "" mailcheck check --spl
completes "a value" "gentle" mailcheck clean --pace g
completes "a value after =" "default gentle off" mailcheck clean --pace =
touch "$T/somelist.csv"
completes "a file" "$T/somelist.csv" mailcheck clean --offline "$T/somel"
if command -v fish >/dev/null; then
    "$MAILCHECK" --print-completion fish >"$T/fish"
    fish_says() { fish -c "source $T/fish; complete -C '$1'" 2>&1 | cut -f1 | sort | paste -sd' '; }
    same "fish: a command" "$(fish_says 'mailcheck cle')" clean
    same "fish: an option" "$(fish_says 'mailcheck clean --pa')" --pace
    same "fish: a value" "$(fish_says 'mailcheck clean --pace ')" "default gentle off"
    same "fish: not of this command" "$(fish_says 'mailcheck check --spl')" ""
else
    skip "completion for fish" "fish is not installed"
fi
if command -v zsh >/dev/null; then
    "$MAILCHECK" --print-completion zsh >"$T/_mailcheck"
    zsh_says() { # what _arguments is given after `mailcheck $1`
        zsh -f -c '_arguments() { print -rl -- "$@" }; compadd() { shift; print -r -- "$@" }
            _describe() { print -rl -- ${(P)2} }; source '"$T"'/_mailcheck
            words=(mailcheck '"$1"'); CURRENT=$(( $#words )); _mailcheck' 2>&1
    }
    same "zsh: a command" "$(zsh_says c | grep -c '^clean:')" 1
    same "zsh: a value" "$(zsh_says 'clean --pace' | grep '^--pace=')" \
        '--pace=[how fast to ask; off only for servers of your own]:default|gentle|off:(default gentle off)'
    same "zsh: a short option" "$(zsh_says 'clean -' | grep -c '^-o+\[')" 1
    same "zsh: not of this command" "$(zsh_says 'check -' | grep -c '^--split')" 0
else
    skip "completion for zsh" "zsh is not installed"
fi

# --- an option that is nowhere documented ends the build
mkdir -p "$T/tree/build/release" "$T/tree/src/verdict"
cp -r data tests/check_docs.sh "$T/tree/"
mkdir "$T/tree/tests" && mv "$T/tree/check_docs.sh" "$T/tree/tests/"
cp src/verdict/verdict.h src/verdict/columns.c "$T/tree/src/verdict/"
cat >"$T/tree/build/release/mailcheck" <<SCRIPT
#!/bin/bash
"$MAILCHECK" "\$@"
[ "\$*" != "clean --help" ] || echo "      --frobnicate N             what nobody wrote down"
SCRIPT
chmod +x "$T/tree/build/release/mailcheck"
same "check_docs.sh: an option without documents" \
    "$("$T/tree/tests/check_docs.sh" 2>&1 | grep -c 'frobnicate is missing')" 5
sed -i '/frobnicate/d' "$T/tree/build/release/mailcheck"
ok "check_docs.sh: nothing else is wrong" "$T/tree/tests/check_docs.sh"
finish
