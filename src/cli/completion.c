#include "cli/completion.h"

#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/option_table.h"
#include "verdict/verdict.h"

/* Set once, by mc_completion_print: main.c owns the table. */
static const struct mc_command *commands;
static size_t command_count;

/* What a value is, read off what --help calls it: FILE, DIR, STATUS,... or words to choose from. */
enum kind { KIND_NONE, KIND_FREE, KIND_FILE, KIND_DIR, KIND_STATUSES, KIND_WORDS };

static enum kind kind_of(const struct mc_option *option)
{
    static const struct {
        const char *value;
        enum kind kind;
    } kinds[] = {{"FILE", KIND_FILE}, {"DIR", KIND_DIR}, {"STATUS,...", KIND_STATUSES}};
    if (!option->value)
        return KIND_NONE;
    for (size_t i = 0; i < MC_ARRAY_LEN(kinds); i++)
        if (strcmp(option->value, kinds[i].value) == 0)
            return kinds[i].kind;
    return option->value[0] >= 'a' && option->value[0] <= 'z' ? KIND_WORDS : KIND_FREE;
}

static void print_words(const struct mc_option *option, FILE *out)
{
    if (kind_of(option) == KIND_STATUSES) {
        for (size_t i = 0; i < MC_STATUS_COUNT; i++)
            fprintf(out, "%s%s", i ? " " : "", mc_status_name((enum mc_status)i));
        return;
    }
    for (const char *c = option->value; *c; c++)
        fputc(*c == '|' ? ' ' : *c, out);
}

static void print_names(unsigned of, const char *between, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < command_count; i++)
        if (of & commands[i].bit) {
            fprintf(out, "%s%s", first ? "" : between, commands[i].name);
            first = false;
        }
}

#define EVERYWHERE   "--help"
#define AT_THE_START "--help --version --print-config --print-completion"

/* ---- bash ---- */

static void bash_value(const struct mc_option *option, FILE *out)
{
    enum kind kind = kind_of(option);
    if (kind == KIND_NONE)
        return;
    fprintf(out, "    --%s", option->name);
    if (option->letter)
        fprintf(out, " | -%c", option->letter);
    if (kind == KIND_FREE) {
        fputs(") return ;;\n", out);
    } else if (kind == KIND_FILE || kind == KIND_DIR) {
        fprintf(out,
                ") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\"); "
                "return ;;\n",
                kind == KIND_DIR ? 'd' : 'f');
    } else {
        fputs(") mapfile -t COMPREPLY < <(compgen -W '", out);
        print_words(option, out);
        fputs("' -- \"$cur\"); return ;;\n", out);
    }
}

static void print_bash(FILE *out)
{
    fputs("# mailcheck completion for bash\n"
          "_mailcheck() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} command= word\n"
          "    COMPREPLY=()\n"
          "    if [ \"$cur\" = = ]; then\n"
          "        cur=\n"
          "    elif [ \"$last\" = = ]; then\n"
          "        last=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    fi\n"
          "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "        case $word in\n        ",
          out);
    print_names(~0u, " | ", out);
    fputs(") command=$word; break ;;\n        esac\n    done\n    case $last in\n", out);
    for (size_t i = 0; i < mc_option_count; i++)
        bash_value(&mc_options[i], out);
    fputs("    --print-completion) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "
          "\"$cur\"); return ;;\n    esac\n    case $command in\n",
          out);
    for (size_t c = 0; c < command_count; c++) {
        fprintf(out, "    %s) word='" EVERYWHERE " --print-config", commands[c].name);
        for (size_t i = 0; i < mc_option_count; i++)
            if (mc_options[i].commands & commands[c].bit)
                fprintf(out, " --%s", mc_options[i].name);
        fputs("' ;;\n", out);
    }
    fputs("    *) word='", out);
    print_names(~0u, " ", out);
    fputs(" " AT_THE_START "' ;;\n    esac\n"
          "    if [[ -z $command || $cur == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"$cur\")\n"
          "    else\n"
          "        compopt -o filenames\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "    fi\n"
          "}\n"
          "complete -F _mailcheck mailcheck\n",
          out);
}

/* ---- zsh ---- */

/* Inside single quotes, in a specification of _arguments. */
static void zsh_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr("[]:\\", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void zsh_option(const struct mc_option *option, FILE *out)
{
    enum kind kind = kind_of(option);
    fputs("            ", out);
    if (option->letter)
        fprintf(out, "{-%c%s,--%s%s}", option->letter, kind == KIND_NONE ? "" : "+", option->name,
                kind == KIND_NONE ? "" : "=");
    else
        fprintf(out, "--%s%s", option->name, kind == KIND_NONE ? "" : "=");
    fputs("'[", out);
    zsh_text(option->help, out);
    fputs("]", out);
    if (kind != KIND_NONE) {
        fputs(":", out);
        zsh_text(option->value, out);
        fputs(":", out);
    }
    if (kind == KIND_FILE)
        fputs("_files", out);
    if (kind == KIND_DIR)
        fputs("_files -/", out);
    if (kind == KIND_WORDS || kind == KIND_STATUSES) {
        fputs("(", out);
        print_words(option, out);
        fputs(")", out);
    }
    fputs("' \\\n", out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef mailcheck\n"
          "_mailcheck() {\n"
          "    if (( CURRENT == 2 )); then\n"
          "        local -a commands=(\n",
          out);
    for (size_t c = 0; c < command_count; c++) {
        fprintf(out, "            '%s:", commands[c].name);
        zsh_text(commands[c].summary, out);
        fputs("'\n", out);
    }
    fputs("        )\n        _describe command commands\n"
          "        compadd -- " AT_THE_START "\n"
          "        return\n    fi\n    case $words[2] in\n",
          out);
    for (size_t c = 0; c < command_count; c++) {
        fprintf(out, "    %s)\n        _arguments -s \\\n", commands[c].name);
        for (size_t i = 0; i < mc_option_count; i++)
            if (mc_options[i].commands & commands[c].bit)
                zsh_option(&mc_options[i], out);
        fputs("            {-h,--help}'[list the options]' \\\n"
              "            --print-config'[what holds, and where it came from]' \\\n"
              "            '*:file:_files'\n        ;;\n",
              out);
    }
    fputs("    --print-completion) compadd bash zsh fish ;;\n    esac\n}\n"
          "if [ \"$funcstack[1]\" = _mailcheck ]; then\n"
          "    _mailcheck \"$@\"\n"
          "else\n"
          "    (( ! $+functions[compdef] )) || compdef _mailcheck mailcheck\n"
          "fi\n",
          out);
}

/* ---- fish ---- */

static void fish_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void fish_option(const struct mc_option *option, FILE *out)
{
    enum kind kind = kind_of(option);
    fputs("complete -c mailcheck -n '__fish_seen_subcommand_from ", out);
    print_names(option->commands, " ", out);
    fprintf(out, "' -l %s", option->name);
    if (option->letter)
        fprintf(out, " -s %c", option->letter);
    if (kind == KIND_FILE)
        fputs(" -r -F", out);
    if (kind == KIND_DIR)
        fputs(" -x -a '(__fish_complete_directories)'", out);
    if (kind == KIND_FREE)
        fputs(" -x", out);
    if (kind == KIND_WORDS || kind == KIND_STATUSES) {
        fputs(" -x -a '", out);
        print_words(option, out);
        fputs("'", out);
    }
    fputs(" -d '", out);
    fish_text(option->help, out);
    fputs("'\n", out);
}

static void print_fish(FILE *out)
{
    fputs("# mailcheck completion for fish\n", out);
    for (size_t c = 0; c < command_count; c++) {
        fprintf(out, "complete -c mailcheck -n __fish_use_subcommand -f -a %s -d '",
                commands[c].name);
        fish_text(commands[c].summary, out);
        fputs("'\n", out);
    }
    fputs("complete -c mailcheck -n __fish_use_subcommand -l version -d 'The version'\n"
          "complete -c mailcheck -n __fish_use_subcommand -l print-completion -x "
          "-a 'bash zsh fish' -d 'What a shell needs'\n"
          "complete -c mailcheck -l print-config -d 'What holds, and where it came from'\n"
          "complete -c mailcheck -s h -l help -d 'List the options'\n",
          out);
    for (size_t i = 0; i < mc_option_count; i++)
        fish_option(&mc_options[i], out);
}

bool mc_completion_print(const char *shell, const struct mc_command *all, size_t count, FILE *out)
{
    static const struct {
        const char *shell;
        void (*print)(FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    commands = all;
    command_count = count;
    for (size_t i = 0; i < MC_ARRAY_LEN(shells); i++)
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].print(out);
            return true;
        }
    return false;
}
