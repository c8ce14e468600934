#include "address/rescue.h"

#include <unictype.h>
#include <unistr.h>

#include "address/local_part.h"
#include "base/memory.h"
#include "base/text.h"

static bool is_blank(const char *at, size_t n)
{
    ucs4_t c;
    u8_mbtouc(&c, (const uint8_t *)at, n);
    return uc_is_property_white_space(c) || uc_is_general_category(c, UC_FORMAT);
}

/* The no-break space of Windows-1252 and Latin-1, where it is no part of a UTF-8 character. */
static bool is_latin1_blank(char c)
{
    return (unsigned char)c == 0xa0;
}

static size_t blank_at_start(struct mc_span text)
{
    size_t n = mc_utf8_length(text.at, text.len);
    if (!n)
        return text.len && is_latin1_blank(text.at[0]);
    return is_blank(text.at, n) ? n : 0;
}

static size_t blank_at_end(struct mc_span text)
{
    for (size_t n = 1; n <= 4 && n <= text.len; n++) {
        const char *at = text.at + text.len - n;
        if (mc_utf8_length(at, n) == n)
            return is_blank(at, n) ? n : 0;
    }
    return text.len && is_latin1_blank(text.at[text.len - 1]);
}

struct mc_span mc_trim(struct mc_span text)
{
    size_t n;
    while ((n = blank_at_start(text)) != 0)
        text = mc_span(text.at + n, text.len - n);
    while ((n = blank_at_end(text)) != 0)
        text.len -= n;
    return text;
}

static bool starts_with(struct mc_span text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.at, start, len) == 0;
}

/* Does `text` hold an address that is not `known` again? An at-sign with something on both sides
 * is enough; what stands in quotes is a name, whatever it says. */
static bool names_another(struct mc_span text, struct mc_span known)
{
    for (size_t start = 0, at = 0; at <= text.len; at++) {
        size_t quoted = mc_quoted_length(mc_span(text.at + at, text.len - at));
        if (at < text.len && !quoted && !strchr(" \t\r\n,;()[]", text.at[at]))
            continue;
        struct mc_span word = mc_span(text.at + start, at - start);
        while (word.len && word.at[0] == '\'')
            word = mc_span(word.at + 1, word.len - 1);
        while (word.len && word.at[word.len - 1] == '\'')
            word.len--;
        if (word.len > 2 && memchr(word.at + 1, '@', word.len - 2) &&
            !mc_span_equal_nocase(word, known))
            return true;
        at += quoted ? quoted - 1 : 0;
        start = at + 1;
    }
    return false;
}

/* "ann@x.example," and "; ann@x.example": the list it was cut from shows at its ends. */
static bool peel_separators(struct mc_rescue *rescue, struct mc_span *text)
{
    struct mc_span inner = *text;
    (void)rescue;
    while (inner.len && (inner.at[0] == ',' || inner.at[0] == ';'))
        inner = mc_trim(mc_span(inner.at + 1, inner.len - 1));
    while (inner.len && (inner.at[inner.len - 1] == ',' || inner.at[inner.len - 1] == ';'))
        inner = mc_trim(mc_span(inner.at, inner.len - 1));
    bool peeled = inner.len < text->len;
    *text = inner;
    return peeled;
}

/* 'ann@x.example' as a whole. One apostrophe alone stays: it may start a local part. */
static bool peel_quotes(struct mc_rescue *rescue, struct mc_span *text)
{
    static const struct {
        const char *open, *close;
    } pairs[] = {
        {"\"", "\""},
        {"'", "'"},
        {"`", "`"},
        {"`", "'"},
        {"\xe2\x80\x9c", "\xe2\x80\x9d"}, /* U+201C U+201D */
        {"\xe2\x80\x9d", "\xe2\x80\x9d"},
        {"\xe2\x80\x9e", "\xe2\x80\x9c"}, /* U+201E U+201C */
        {"\xe2\x80\x9e", "\xe2\x80\x9d"},
        {"\xe2\x80\x98", "\xe2\x80\x99"}, /* U+2018 U+2019 */
        {"\xe2\x80\x9a", "\xe2\x80\x98"}, /* U+201A U+2018 */
        {"\xc2\xab", "\xc2\xbb"},         /* U+00AB U+00BB */
        {"\xc2\xbb", "\xc2\xab"},
    };
    (void)rescue;
    for (size_t i = 0; i < MC_ARRAY_LEN(pairs); i++) {
        size_t open = strlen(pairs[i].open), close = strlen(pairs[i].close);
        if (text->len < open + close || !starts_with(*text, pairs[i].open) ||
            !mc_span_ends_with(*text, mc_span_of(pairs[i].close)))
            continue;
        *text = mc_span(text->at + open, text->len - open - close);
        return true;
    }
    return false;
}

static int hex_value(char c)
{
    if (mc_is_digit(c))
        return c - '0';
    c = mc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool drop_scheme(struct mc_span *text)
{
    static const struct mc_span scheme = {"mailto:", 7};
    if (text->len < scheme.len || !mc_span_equal_nocase(mc_span(text->at, scheme.len), scheme))
        return false;
    *text = mc_span(text->at + scheme.len, text->len - scheme.len);
    return true;
}

/* RFC 6068: mailto:ann%2Bnews@x.example?subject=hello. */
static bool peel_mailto(struct mc_rescue *rescue, struct mc_span *text)
{
    struct mc_span rest = *text;
    if (!drop_scheme(&rest))
        return false;
    if (starts_with(rest, "//")) /* as if it were a web address: often seen, never meant */
        rest = mc_span(rest.at + 2, rest.len - 2);
    const char *query = memchr(rest.at, '?', rest.len);
    if (query)
        rest.len = (size_t)(query - rest.at);
    if (rest.len > MC_RESCUE_SCRATCH)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < rest.len; i++) {
        int high = i + 2 < rest.len ? hex_value(rest.at[i + 1]) : -1;
        int low = i + 2 < rest.len ? hex_value(rest.at[i + 2]) : -1;
        char c = rest.at[i];
        if (c == '%' && high >= 0 && low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        rescue->scratch[len++] = c;
    }
    *text = mc_span(rescue->scratch, len);
    return true;
}

/* "ann@x.example (Ann)". */
static bool peel_comment(struct mc_rescue *rescue, struct mc_span *text)
{
    size_t depth = 0, at = text->len;
    (void)rescue;
    if (!at || text->at[at - 1] != ')')
        return false;
    do {
        at--;
        if (text->at[at] == ')')
            depth++;
        else if (text->at[at] == '(')
            depth--;
    } while (depth && at);
    struct mc_span before = mc_trim(mc_span(text->at, at));
    if (depth || names_another(mc_span(text->at + at, text->len - at), before))
        return false;
    *text = before;
    return true;
}

/* "Ann <ann@x.example>", "<ann@x.example>". A name without quotes may hold anything but another
 * address ("Smith, Ann <...>" is what people have). */
static bool peel_display_name(struct mc_rescue *rescue, struct mc_span *text)
{
    (void)rescue;
    if (!text->len || text->at[text->len - 1] != '>')
        return false;
    for (size_t at = 0; at < text->len; at++) {
        size_t quoted = mc_quoted_length(mc_span(text->at + at, text->len - at));
        if (quoted) {
            at += quoted - 1;
        } else if (text->at[at] == '<') {
            struct mc_span inner = mc_trim(mc_span(text->at + at + 1, text->len - at - 2));
            struct mc_span bare = inner;
            if (drop_scheme(&bare))
                bare = mc_trim(bare);
            if (names_another(mc_span(text->at, at), bare))
                return false;
            *text = inner;
            return true;
        }
    }
    return false;
}

bool mc_rescue_step(struct mc_rescue *rescue, struct mc_span *text)
{
    static bool (*const peels[])(struct mc_rescue *, struct mc_span *) = {
        peel_separators, peel_quotes, peel_mailto, peel_comment, peel_display_name,
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(peels); i++) {
        if (rescue->done & 1u << i || !peels[i](rescue, text))
            continue;
        rescue->done |= 1u << i;
        *text = mc_trim(*text);
        return true;
    }
    return false;
}
