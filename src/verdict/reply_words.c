/* From the text of a reply to a row of words. What is a word at all is known to reply_rules.c. */
#include "base/text.h"
#include "verdict/reply.h"
#include "verdict/reply_rules.h"

/* Stand in the copied text for our own strings. */
#define RECIPIENT_MARK '\x01'
#define US_MARK        '\x02'

#define BRACKETS_MAX 320 /* longer <...> are no address */
#define WORD_MAX     48

struct reader {
    struct mc_reply_words *words;
    char last[WORD_MAX]; /* the word before, as long as nothing stands between */
    size_t last_len;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word_byte(char c)
{
    return is_letter(c) || mc_is_digit(c) || (unsigned char)c >= 0x80;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

static void add(struct reader *reader, uint16_t word)
{
    struct mc_reply_words *words = reader->words;
    reader->last_len = 0;
    if (words->count < MC_REPLY_WORDS_MAX)
        words->at[words->count++] = word;
}

/* Adds a word; "black" "list" becomes "blacklist" where that is a word. */
static void add_word(struct reader *reader, const char *at, size_t len)
{
    struct mc_reply_words *words = reader->words;
    if (len >= WORD_MAX)
        len = WORD_MAX - 1;
    if (reader->last_len && words->count && reader->last_len + len < WORD_MAX &&
        mc_reply_word_joins(words->at[words->count - 1])) {
        memcpy(reader->last + reader->last_len, at, len);
        uint16_t joined = mc_reply_word(mc_span(reader->last, reader->last_len + len));
        if (joined && joined != words->at[words->count - 1]) {
            words->at[words->count - 1] = joined;
            reader->last_len = 0;
            return;
        }
    }
    uint16_t word = mc_reply_word(mc_span(at, len));
    bool digits = true;
    for (size_t i = 0; i < len; i++)
        digits = digits && mc_is_digit(at[i]);
    add(reader, !word && digits ? (uint16_t)MC_WORD_NUMBER : word);
    memcpy(reader->last, at, len);
    reader->last_len = len;
}

static uint32_t character_at(const char *at, size_t n)
{
    const unsigned char *b = (const unsigned char *)at;
    if (n < 2)
        return b[0]; /* not UTF-8: most likely Latin-1 */
    uint32_t c = b[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (b[i] & 0x3fu);
    return c;
}

/* Letters gather here until something that is none. */
struct word {
    char at[WORD_MAX];
    size_t len;
    uint64_t borders; /* bit of each inner place where a word starts: NoSuchUser */
};

static void put(struct word *word, char c)
{
    if (word->len < WORD_MAX)
        word->at[word->len++] = c;
}

static void end_word(struct reader *reader, struct word *word)
{
    struct mc_span whole = mc_span(word->at, word->len);
    if (word->len && word->borders && !mc_reply_word(whole)) {
        size_t from = 0;
        for (size_t i = 1; i <= word->len; i++)
            if (i == word->len || word->borders >> i & 1) {
                add_word(reader, word->at + from, i - from);
                from = i;
            }
    } else if (word->len) {
        add_word(reader, word->at, word->len);
    }
    word->len = 0;
    word->borders = 0;
}

/* A character beyond ASCII. */
static void take_character(struct reader *reader, struct word *word, const char *at, size_t n)
{
    uint32_t c = character_at(at, n);
    if ((c == 0x2019 || c == 0x2018) && word->len != 1)
        return; /* an apostrophe within a word */
    char letter[4];
    size_t len = 0;
    switch (mc_reply_letter_read(c, letter, &len)) {
    case MC_LETTER_PART:
        for (size_t i = 0; i < len; i++)
            put(word, letter[i]);
        break;
    case MC_LETTER_SILENT:
        break;
    case MC_LETTER_WORD:
        end_word(reader, word);
        add_word(reader, at, n);
        break;
    case MC_LETTER_NONE:
        end_word(reader, word);
        reader->last_len = 0;
        if (c == 0x3002 || c == 0xff01 || c == 0xff0e)
            add(reader, MC_WORD_SENTENCE);
        else if (c == 0xff1a)
            add(reader, MC_WORD_COLON);
        break;
    }
}

/* Letters, digits and what joins or parts them. */
static void split_words(struct reader *reader, struct mc_span text)
{
    struct word word = {.len = 0};
    for (size_t i = 0; i < text.len;) {
        char c = text.at[i];
        if ((unsigned char)c >= 0x80) {
            size_t n = mc_utf8_length(text.at + i, text.len - i);
            take_character(reader, &word, text.at + i, n);
            i += n ? n : 1;
            continue;
        }
        if (is_letter(c) || mc_is_digit(c)) {
            char before = i ? text.at[i - 1] : ' ', after = i + 1 < text.len ? text.at[i + 1] : ' ';
            if (word.len && word.len < 64 && is_upper(c) && is_letter(before) &&
                (!is_upper(before) || (is_letter(after) && !is_upper(after))))
                word.borders |= UINT64_C(1) << word.len;
            put(&word, mc_ascii_lower(c));
        } else if ((c != '\'' && c != '`') || word.len == 1) { /* n'existe, l'indirizzo */
            end_word(reader, &word);
            if (c == ':') {
                add(reader, MC_WORD_COLON);
            } else if (c == '/' || c == '=') {
                reader->last_len = 0;
            }
        }
        i++;
    }
    end_word(reader, &word);
}

static bool is_address_v4(struct mc_span text)
{
    size_t i = 0;
    for (unsigned part = 0; part < 4; part++) {
        size_t start = i;
        while (i < text.len && mc_is_digit(text.at[i]))
            i++;
        if (i == start || i - start > 3 || (part < 3 && (i >= text.len || text.at[i++] != '.')))
            return false;
    }
    /* a prefix length or a port may follow */
    return i == text.len || text.at[i] == '/' || text.at[i] == ':';
}

static bool is_address_v6(struct mc_span text)
{
    size_t colons = 0, digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = mc_ascii_lower(text.at[i]);
        if (c == ':')
            colons++;
        else if (mc_is_digit(c) || (c >= 'a' && c <= 'f'))
            digits++;
        else if (c != '.' && c != '/' && c != '%')
            return false;
    }
    return colons >= 2 && digits >= 2;
}

/* "5.1.1", alone. */
static bool is_enhanced_code(struct mc_span text, struct mc_reply_words *words)
{
    unsigned number[3] = {0};
    size_t part = 0, digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (mc_is_digit(text.at[i]) && digits < 3) {
            number[part] = number[part] * 10 + (unsigned)(text.at[i] - '0');
            digits++;
        } else if (text.at[i] == '.' && digits && part < 2) {
            part++;
            digits = 0;
        } else {
            return false;
        }
    }
    if (part != 2 || !digits || (number[0] != 2 && number[0] != 4 && number[0] != 5))
        return false;
    if (!words->class) {
        words->class = (uint8_t)number[0];
        words->subject = (uint16_t)number[1];
        words->detail = (uint16_t)number[2];
    }
    return true;
}

/* The top-level domains that are also words of replies; any other word a rule knows is no
 * top-level domain but the start of a sentence whose blank was forgotten: "found.Please". */
static bool may_be_top_level(struct mc_span label)
{
    static const char *const known[] = {"com", "net",  "org",     "info",   "name",   "email",
                                        "pro", "host", "network", "online", "account"};
    if (label.len < 2 || label.len > 24)
        return false;
    char lower[24];
    for (size_t i = 0; i < label.len; i++) {
        lower[i] = mc_ascii_lower(label.at[i]);
        if (!is_letter(lower[i]) && lower[i] != '-' && !(i > 3 && mc_is_digit(lower[i])))
            return false;
        /* Example.Com is one, RecipNotFound and "found.Please" are none */
        if (i && is_upper(label.at[i]) && !is_upper(label.at[i - 1]))
            return false;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mc_span_equal(mc_span(lower, label.len), mc_span_of(known[i])))
            return true;
    return label.len == 2 || !mc_reply_word(mc_span(lower, label.len));
}

static bool is_host_byte(char c)
{
    return is_letter(c) || mc_is_digit(c) || c == '-' || c == '_' || c == '.';
}

/* Dotted labels that end like a domain name. */
static bool is_host(struct mc_span text)
{
    size_t label = 0, dots = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '.') {
            if (i == label)
                return false;
            bool sentence = i + 1 < text.len && is_upper(text.at[i + 1]) &&
                            !is_upper(text.at[i - 1]) && !mc_is_digit(text.at[i - 1]) &&
                            i + 2 < text.len && !is_upper(text.at[i + 2]) && !dots;
            if (sentence)
                return false;
            label = i + 1;
            dots++;
        } else if (!is_host_byte(c)) {
            return false;
        }
    }
    return dots && may_be_top_level(mc_span(text.at + label, text.len - label));
}

/* The host, and where one of its labels is a name that rules know, that. */
static void add_host(struct reader *reader, struct mc_span host)
{
    char label[WORD_MAX] = ".";
    size_t len = 1;
    for (size_t i = 0; i <= host.len; i++) {
        if (i < host.len && host.at[i] != '.') {
            if (len < WORD_MAX)
                label[len++] = mc_ascii_lower(host.at[i]);
            continue;
        }
        uint16_t word = mc_reply_word(mc_span(label, len));
        if (word) {
            add(reader, word);
            return;
        }
        len = 1;
    }
    add(reader, MC_WORD_HOST);
}

/* Of an address on the web only the host counts, and what some put into its query or fragment:
 * Google's ?p=NoSuchUser, Mimecast's #550, Tencent's &no=1000728. */
static void add_url(struct reader *reader, struct mc_span url)
{
    size_t i = 0;
    while (i < url.len && url.at[i] != ':')
        i++;
    i = i + 2 < url.len ? i + 3 : 0;
    size_t start = i;
    while (i < url.len && url.at[i] != '/' && url.at[i] != '?' && url.at[i] != ':')
        i++;
    add(reader, MC_WORD_URL);
    add_host(reader, mc_span(url.at + start, i - start));
    for (; i < url.len; i++) {
        bool p = url.at[i] == 'p' && i && (url.at[i - 1] == '?' || url.at[i - 1] == '&');
        bool no = url.at[i] == 'o' && i && url.at[i - 1] == 'n';
        if (url.at[i] != '#' && !((p || no) && i + 1 < url.len && url.at[i + 1] == '='))
            continue;
        size_t from = i + (url.at[i] == '#' ? 1 : 2), to = from;
        while (to < url.len && is_word_byte(url.at[to]))
            to++;
        add(reader, MC_WORD_SENTENCE);
        split_words(reader, mc_span(url.at + from, to - from));
        add(reader, MC_WORD_SENTENCE);
        i = to;
    }
}

static bool starts_with(struct mc_span text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && mc_span_equal_nocase(mc_span(text.at, len), mc_span_of(start));
}

static bool is_url(struct mc_span text)
{
    char first = text.len ? text.at[0] | 0x20 : '\0';
    if ((first == 'h' && (starts_with(text, "http:") || starts_with(text, "https:"))) ||
        (first == 'w' && starts_with(text, "www.")))
        return true;
    const char *slash = memchr(text.at, '/', text.len);
    return slash && is_host(mc_span(text.at, (size_t)(slash - text.at)));
}

/* The length of the address at the start, 0 where there is none. What a colon parts from it is
 * none of it: "(user@example.com:blocked)". */
static size_t address_length(struct mc_span text)
{
    const char *at = memchr(text.at, '@', text.len);
    if (!at || at == text.at)
        return 0;
    const char *colon = memchr(at, ':', text.len - (size_t)(at - text.at));
    return colon ? (size_t)(colon - text.at) : text.len;
}

static void take_address(struct reader *reader, struct mc_span text)
{
    size_t len = address_length(text);
    add(reader, MC_WORD_ADDRESS);
    if (len < text.len) {
        add(reader, MC_WORD_COLON);
        split_words(reader, mc_span(text.at + len, text.len - len));
    }
}

/* What stands between blanks, without the marks around it. */
static void take_core(struct reader *reader, struct mc_span core)
{
    size_t letters = 0;
    while (letters < core.len && is_letter(core.at[letters]))
        letters++;
    if (letters == core.len) { /* most are: nothing of what follows */
        split_words(reader, core);
        return;
    }
    if (core.len > 4 && core.at[3] == '-' && mc_is_digit(core.at[0]) && mc_is_digit(core.at[1]) &&
        mc_is_digit(core.at[2])) /* "550-5.1.1": the head of a line that somebody joined */
        core = mc_span(core.at + 4, core.len - 4);
    if (is_url(core))
        add_url(reader, core);
    else if (is_enhanced_code(core, reader->words))
        add(reader, MC_WORD_CODE);
    else if (is_address_v4(core) || is_address_v6(core))
        add(reader, MC_WORD_IP);
    else if (address_length(core))
        take_address(reader, core);
    else if (is_host(core))
        add_host(reader, core);
    else
        split_words(reader, core);
}

static void take_chunk(struct reader *reader, struct mc_span chunk)
{
    static const char around[] = "'`*:-#/=.!?_~+&";
    size_t start = 0, end = chunk.len, dots = 0;
    bool sentence = false, colon = false;
    while (start < end && strchr(around, chunk.at[start])) {
        if (chunk.at[start] == ':' || chunk.at[start] == '-')
            colon = true;
        start++;
    }
    if (start == end) {
        if (colon)
            add(reader, MC_WORD_COLON);
        else if (chunk.at[0] == '.' || chunk.at[0] == '!')
            add(reader, MC_WORD_SENTENCE);
        return;
    }
    if (colon && chunk.at[0] == ':')
        add(reader, MC_WORD_COLON);
    colon = false;
    for (; strchr(around, chunk.at[end - 1]); end--) {
        char c = chunk.at[end - 1];
        dots += c == '.';
        sentence = sentence || c == '.' || c == '!' || c == '?';
        colon = colon || c == ':' || (c == '-' && end < chunk.len);
    }
    /* "foo@" before a blanked domain is an address */
    if (chunk.at[end - 1] != '@')
        take_core(reader, mc_span(chunk.at + start, end - start));
    if (colon || dots > 1)
        add(reader, MC_WORD_COLON);
    else if (sentence)
        add(reader, MC_WORD_SENTENCE);
}

static bool ends_chunk(char c)
{
    static const bool ends[256] = {
        [' '] = true,     ['\t'] = true, ['\n'] = true,
        ['\r'] = true,    ['\0'] = true, ['<'] = true,
        ['>'] = true,     ['('] = true,  [')'] = true,
        ['['] = true,     [']'] = true,  ['{'] = true,
        ['}'] = true,     ['"'] = true,  [','] = true,
        [';'] = true,     ['|'] = true,  [RECIPIENT_MARK] = true,
        [US_MARK] = true,
    };
    return ends[(unsigned char)c];
}

/* At '<': the length of a bracketed address with its brackets, 0 where it is none. */
static size_t brackets(struct mc_span text)
{
    bool blank = false, at = false;
    for (size_t i = 1; i < text.len && i < BRACKETS_MAX; i++) {
        char c = text.at[i];
        if (c == '>')
            return blank && !at ? 0 : i + 1;
        if (c == '<' || c == '\n')
            return 0;
        blank = blank || is_blank(c);
        at = at || c == '@' || c == RECIPIENT_MARK || c == US_MARK;
    }
    return 0;
}

static void add_brackets(struct reader *reader, struct mc_span inside)
{
    if (starts_with(inside, "http"))
        add_url(reader, inside);
    else if (memchr(inside.at, RECIPIENT_MARK, inside.len))
        add(reader, MC_WORD_RECIPIENT);
    else if (memchr(inside.at, US_MARK, inside.len))
        add(reader, MC_WORD_US);
    else if (is_host(inside)) /* <mx.example.net>: Helo command rejected */
        add_host(reader, inside);
    else
        add(reader, MC_WORD_ADDRESS);
}

static void read_all(struct reader *reader, struct mc_span text)
{
    for (size_t i = 0; i < text.len;) {
        struct mc_span rest = mc_span(text.at + i, text.len - i);
        char c = *rest.at;
        size_t n = 1;
        if (c == '<' && (n = brackets(rest)) != 0) {
            add_brackets(reader, mc_span(rest.at + 1, n - 2));
        } else if (c == RECIPIENT_MARK || c == US_MARK) {
            while (n < rest.len && rest.at[n] == c)
                n++;
            add(reader, c == US_MARK ? (uint16_t)MC_WORD_US : (uint16_t)MC_WORD_RECIPIENT);
        } else if (ends_chunk(c)) {
            n = 1;
            if (c == ';')
                add(reader, MC_WORD_COLON);
            else if (!is_blank(c))
                reader->last_len = 0;
        } else {
            while (n < rest.len && !ends_chunk(rest.at[n]))
                n++;
            bool web = is_url(mc_span(rest.at, n));
            while (web && n < rest.len && !is_blank(rest.at[n]) &&
                   !strchr("<>\"()[],;", rest.at[n]))
                n++;
            take_chunk(reader, mc_span(rest.at, n));
        }
        i += n;
    }
}

/* Marks each place where `what` stands as a word of its own. */
static void blank(struct mc_span text, char *copy, struct mc_span what, char mark)
{
    if (!what.len || what.len > text.len)
        return;
    for (size_t i = 0; i + what.len <= text.len; i++) {
        if (mc_ascii_lower(copy[i]) != mc_ascii_lower(what.at[0]) ||
            !mc_span_equal_nocase(mc_span(copy + i, what.len), what))
            continue;
        size_t after = i + what.len;
        if ((i && is_word_byte(copy[i - 1])) || (after < text.len && is_word_byte(copy[after])))
            continue;
        memset(copy + i, mark, what.len);
        i = after - 1;
    }
}

/* A local part by itself is blanked unless it is a word that replies are made of: in "user
 * unknown" it is not user@'s fault. */
static bool is_blankable(struct mc_span local)
{
    bool letters = true;
    char lower[WORD_MAX];
    if (!local.len || local.len > WORD_MAX)
        return local.len > 0;
    for (size_t i = 0; i < local.len; i++) {
        lower[i] = mc_ascii_lower(local.at[i]);
        letters = letters && is_letter(lower[i]);
    }
    return !letters || !mc_reply_word(mc_span(lower, local.len));
}

static void blank_ours(struct mc_span text, char *copy, const struct mc_ours *ours)
{
    blank(text, copy, ours->recipient, RECIPIENT_MARK);
    blank(text, copy, ours->sender, US_MARK);
    blank(text, copy, ours->helo, US_MARK);
    blank(text, copy, ours->address, US_MARK);
    const char *at =
        ours->recipient.len ? memrchr(ours->recipient.at, '@', ours->recipient.len) : NULL;
    if (!at)
        return;
    struct mc_span local = mc_span(ours->recipient.at, (size_t)(at - ours->recipient.at));
    blank(text, copy, mc_span(at + 1, ours->recipient.len - local.len - 1), RECIPIENT_MARK);
    if (is_blankable(local))
        blank(text, copy, local, RECIPIENT_MARK);
}

/* "Recipient address rejected: X": Postfix says so of whatever X is about, the recipient, its
 * domain or our host, so these three words must not lend X a subject. */
static void fold_rejected(struct mc_reply_words *words)
{
    const uint16_t phrase[] = {mc_reply_word(mc_span_of("recipient")),
                               mc_reply_word(mc_span_of("address")),
                               mc_reply_word(mc_span_of("rejected")), MC_WORD_COLON};
    for (uint16_t i = 0; i + 4 < words->count; i++) {
        if (memcmp(words->at + i, phrase, sizeof phrase) != 0 ||
            (words->at[i + 4] < MC_WORD_FIRST && words->at[i + 4] != MC_WORD_OTHER))
            continue;
        words->at[i] = MC_WORD_REJECTED;
        words->count = (uint16_t)(words->count - 2);
        memmove(words->at + i + 1, words->at + i + 3,
                (size_t)(words->count - i - 1) * sizeof *words->at);
    }
}

void mc_reply_words_read(struct mc_span text, const struct mc_ours *ours,
                         struct mc_reply_words *words)
{
    char copy[MC_REPLY_TEXT_MAX];
    struct reader reader = {.words = words};
    words->count = 0;
    words->class = 0;
    if (text.len > sizeof copy)
        text.len = sizeof copy;
    memcpy(copy, text.at, text.len);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] == RECIPIENT_MARK || copy[i] == US_MARK)
            copy[i] = ' ';
    if (ours)
        blank_ours(text, copy, ours);
    read_all(&reader, mc_span(copy, text.len));
    fold_rejected(words);
}
