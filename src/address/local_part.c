#include "address/local_part.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "address/parse.h"
#include "base/text.h"

/* Decomposed or escaped text may be far longer than what it stands for. */
#define RAW_MAX 1024

size_t mc_quoted_length(struct mc_span text)
{
    if (!text.len || text.at[0] != '"')
        return 0;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == '"')
            return i + 1;
        if (text.at[i] == '\\')
            i++;
    }
    return 0;
}

size_t mc_at_sign_length(struct mc_span text)
{
    if (text.len && text.at[0] == '@')
        return 1;
    return text.len >= 3 && (memcmp(text.at, "\xef\xbc\xa0", 3) == 0 || /* U+FF20 */
                             memcmp(text.at, "\xef\xb9\xab", 3) == 0)   /* U+FE6B */
               ? 3
               : 0;
}

static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || mc_is_digit(c) ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static const char *complaint_about(ucs4_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return "there is a control character in the local part";
    if (c < 0x80)
        return NULL;
    /* joiners are spelling in Persian and in Indic scripts; the other format characters are
     * leftovers of copying, or meant to deceive */
    bool joiner = c == 0x200c || c == 0x200d;
    if (!joiner && uc_is_general_category(c, UC_FORMAT))
        return "there is an invisible character in the local part";
    if (uc_is_property_white_space(c))
        return "there is white space in the local part";
    if (c == 0xfffd || uc_is_property_not_a_character(c))
        return "there is a damaged character in the local part";
    return NULL;
}

static const char *check_characters(struct mc_span text)
{
    for (size_t i = 0; i < text.len;) {
        ucs4_t c;
        size_t n = mc_utf8_length(text.at + i, text.len - i);
        if (!n)
            return "the local part is not valid UTF-8";
        u8_mbtouc(&c, (const uint8_t *)text.at + i, n);
        const char *complaint = complaint_about(c);
        if (complaint)
            return complaint;
        if (!i && (c == 0x200c || c == 0x200d))
            return "there is an invisible character in the local part";
        i += n;
    }
    return NULL;
}

/* A dot-atom of RFC 5322 3.2.3, with the characters that RFC 6531 3.3 adds. */
static const char *check_dot_atom(struct mc_span text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '.' && after_dot)
            return i ? "there are two dots in a row in the local part"
                     : "the local part starts with a dot";
        if (c == ' ')
            return "there is white space in the local part";
        if (c == '(' || c == ')')
            return "a comment may only stand at the end";
        if (c != '.' && (unsigned char)c < 0x80 && !is_atext(c))
            return "there is a character in the local part that may only stand in quotes";
        if (mc_at_sign_length(mc_span(text.at + i, text.len - i)))
            return "there is an at-sign in the local part";
        after_dot = c == '.';
    }
    if (!text.len)
        return "there is nothing before the at-sign";
    return after_dot ? "the local part ends with a dot" : NULL;
}

static const char *too_long(void)
{
    return "the local part is longer than 64 octets";
}

/* The shortest way to write `text` on the wire. */
static const char *write_wire(struct mc_span text, bool quotes, char *out, size_t *len)
{
    size_t at = 0;
    if (text.len + (quotes ? 2 : 0) > MC_LOCAL_MAX)
        return too_long();
    if (quotes)
        out[at++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        bool escape = quotes && (text.at[i] == '"' || text.at[i] == '\\');
        if (at + escape + 1 + quotes > MC_LOCAL_MAX)
            return too_long();
        if (escape)
            out[at++] = '\\';
        out[at++] = text.at[i];
    }
    if (quotes)
        out[at++] = '"';
    *len = at;
    return NULL;
}

/* The meaning of a quoted string: without quotes and backslashes. */
static struct mc_span unquote(struct mc_span raw, char *scratch)
{
    size_t len = 0;
    for (size_t i = 1; i + 1 < raw.len; i++) {
        if (raw.at[i] == '\\')
            i++;
        scratch[len++] = raw.at[i];
    }
    return mc_span(scratch, len);
}

const char *mc_local_part_read(struct mc_span raw, char *out, size_t *len)
{
    char scratch[RAW_MAX];
    uint8_t normal[RAW_MAX];
    size_t normal_len = sizeof normal;
    bool quoted = raw.len && mc_quoted_length(raw) == raw.len;
    if (raw.len > RAW_MAX)
        return too_long();
    struct mc_span text = quoted ? unquote(raw, scratch) : raw;
    const char *complaint = check_characters(text);
    if (complaint)
        return complaint;
    uint8_t *got =
        u8_normalize(UNINORM_NFC, (const uint8_t *)text.at, text.len, normal, &normal_len);
    if (!got)
        return too_long();
    /* judged after NFC: a few characters turn into ASCII there (U+037E is a semicolon) */
    struct mc_span meaning = mc_span((const char *)got, normal_len);
    complaint = check_dot_atom(meaning);
    if (!complaint || quoted)
        complaint = write_wire(meaning, complaint != NULL, out, len);
    if (got != normal)
        free(got);
    return complaint;
}
