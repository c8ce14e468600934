#include "bounce/decode.h"

#include <errno.h>
#include <iconv.h>
#include <strings.h>

#include "base/memory.h"

#define CONVERTERS  16
#define CHARSET_MAX 64 /* bytes of a name, with its end */

/* ---- charsets ---- */

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t eight_at(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return eight;
}

static bool has_high_bytes(struct mc_span bytes)
{
    uint64_t high = 0;
    size_t i = 0;
    for (; i + 32 <= bytes.len; i += 32)
        high |= eight_at(bytes.at + i) | eight_at(bytes.at + i + 8) | eight_at(bytes.at + i + 16) |
                eight_at(bytes.at + i + 24);
    for (; i < bytes.len; i++)
        high |= (unsigned char)bytes.at[i];
    return high & HIGH_BITS;
}

static bool is_plain(struct mc_span bytes)
{
    return !has_high_bytes(bytes) && !(bytes.len && memchr(bytes.at, '\033', bytes.len));
}

static bool is_utf8(struct mc_span bytes)
{
    for (size_t i = 0; i < bytes.len;) {
        if (i + 8 <= bytes.len && !(eight_at(bytes.at + i) & HIGH_BITS)) {
            i += 8;
            continue;
        }
        size_t n =
            (unsigned char)bytes.at[i] < 0x80 ? 1 : mc_utf8_length(bytes.at + i, bytes.len - i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}

/* Opening one loads a library, and closing it throws that away: those used of late stay open. Not
 * for the library: one thread. */
static iconv_t converter(const char *charset)
{
    static struct {
        char charset[CHARSET_MAX];
        iconv_t state;
    } known[CONVERTERS];
    static size_t next;
    size_t len = strlen(charset);
    for (size_t i = 0; i < CONVERTERS; i++)
        if (known[i].charset[0] && !strcasecmp(known[i].charset, charset)) {
            if (known[i].state != (iconv_t)-1)
                iconv(known[i].state, NULL, NULL, NULL, NULL); /* as if it had just been opened */
            return known[i].state;
        }
    if (!len || len >= CHARSET_MAX)
        return (iconv_t)-1;
    size_t at = next++ % CONVERTERS;
    if (known[at].charset[0] && known[at].state != (iconv_t)-1)
        iconv_close(known[at].state);
    memcpy(known[at].charset, charset, len + 1);
    return known[at].state = iconv_open("UTF-8", charset);
}

static bool convert(const char *charset, struct mc_span from, struct mc_text *to)
{
    iconv_t state = converter(charset);
    if (state == (iconv_t)-1)
        return false;
    char *in = (char *)from.at;
    size_t left = from.len;
    while (left) {
        char *out = mc_text_reserve(to, left * 2 + 16), *start = out;
        size_t room = left * 2 + 16;
        size_t done = iconv(state, &in, &left, &out, &room);
        to->len += (size_t)(out - start);
        if (done != (size_t)-1)
            break;
        if (errno != E2BIG && left) { /* a byte that means nothing there */
            mc_text_add_char(to, '?');
            in++;
            left--;
        }
    }
    return true;
}

/* What calls itself so is often a wider set. */
static const char *usual_name(const char *charset)
{
    static const char *const names[][2] = {
        {"gb2312", "GB18030"},    {"gbk", "GB18030"},
        {"x-gbk", "GB18030"},     {"iso-8859-1", "CP1252"},
        {"us-ascii", "CP1252"},   {"ks_c_5601-1987", "CP949"},
        {"euc-kr", "CP949"},      {"shift_jis", "CP932"},
        {"x-sjis", "CP932"},      {"iso-2022-jp", "ISO-2022-JP-2"},
        {"windows-874", "CP874"}, {"big5", "BIG5-HKSCS"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        if (!strcasecmp(charset, names[i][0]))
            return names[i][1];
    return charset;
}

static void convert_from(const char *charset, struct mc_span bytes, struct mc_text *room)
{
    if (!charset || !*charset || !strcasecmp(charset, "utf-8") ||
        !convert(usual_name(charset), bytes, room))
        convert("CP1252", bytes, room);
}

struct mc_span mc_decode_charset(struct mc_span bytes, const char *charset, struct mc_text *room)
{
    if (is_plain(bytes))
        return bytes;
    size_t before = room->len;
    /* ISO-2022 has seven bits, whatever else calls itself so */
    bool escapes = !has_high_bytes(bytes) && (memmem(bytes.at, bytes.len, "\033$", 2) ||
                                              memmem(bytes.at, bytes.len, "\033(", 2));
    if (!escapes && is_utf8(bytes))
        return bytes;
    if (escapes && (!charset || strncasecmp(charset, "iso-2022", 8) != 0))
        charset = "iso-2022-jp";
    convert_from(charset, bytes, room);
    return mc_span(room->at + before, room->len - before);
}

/* ---- transfer encodings ---- */

#define NO_DIGIT 0x40 /* line breaks, padding, rubble */

/* What each letter counts, and NO_DIGIT. */
static const uint8_t *base64_digits(void)
{
    static uint8_t digits[256];
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!digits['/']) {
        memset(digits, NO_DIGIT, sizeof digits);
        for (uint8_t i = 0; i < 64; i++)
            digits[(unsigned char)letters[i]] = i;
        digits['-'] = 62;
        digits['_'] = 63;
    }
    return digits;
}

/* Four letters at once, as long as all four count; one by one around line breaks. */
static void decode_base64(struct mc_span from, struct mc_text *to)
{
    const uint8_t *digits = base64_digits();
    const unsigned char *at = (const unsigned char *)from.at, *end = at + from.len;
    uint32_t bits = 0;
    unsigned count = 0;
    char *start = mc_text_reserve(to, from.len + 1), *out = start;
    while (at < end) {
        while (!count && end - at >= 4) {
            uint32_t a = digits[at[0]], b = digits[at[1]], c = digits[at[2]], d = digits[at[3]];
            if ((a | b | c | d) & NO_DIGIT)
                break;
            uint32_t three = a << 18 | b << 12 | c << 6 | d;
            *out++ = (char)(three >> 16);
            *out++ = (char)(three >> 8 & 0xff);
            *out++ = (char)(three & 0xff);
            at += 4;
        }
        uint32_t digit = at < end ? digits[*at++] : NO_DIGIT;
        if (digit & NO_DIGIT)
            continue;
        bits = bits << 6 | digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *out++ = (char)(bits >> count & 0xff);
        }
    }
    to->len += (size_t)(out - start);
}

static int hex_value(char c)
{
    if (mc_is_digit(c))
        return c - '0';
    c = mc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What "=" at the start stands for; returns how much of the text that takes. */
static size_t decode_escape(struct mc_span at, struct mc_text *to)
{
    if (at.len > 2 && hex_value(at.at[1]) >= 0 && hex_value(at.at[2]) >= 0) {
        mc_text_add_char(to, (char)(hex_value(at.at[1]) * 16 + hex_value(at.at[2])));
        return 3;
    }
    if (at.len > 1 && at.at[1] == '\n')
        return 2;
    if (at.len > 2 && at.at[1] == '\r' && at.at[2] == '\n')
        return 3;
    mc_text_add_char(to, '=');
    return 1;
}

static void decode_quoted(struct mc_span from, struct mc_text *to)
{
    while (from.len) {
        const char *escape = memchr(from.at, '=', from.len);
        size_t plain = escape ? (size_t)(escape - from.at) : from.len;
        mc_text_add(to, from.at, plain);
        from = mc_span(from.at + plain, from.len - plain);
        size_t used = from.len ? decode_escape(from, to) : 0;
        from = mc_span(from.at + used, from.len - used);
    }
}

struct mc_span mc_decode_body(struct mc_span encoding, struct mc_span body, struct mc_text *room)
{
    if (encoding.len >= 6 && !strncasecmp(encoding.at, "base64", 6))
        decode_base64(body, room);
    else if (encoding.len >= 16 && !strncasecmp(encoding.at, "quoted-printable", 16))
        decode_quoted(body, room);
    else
        return body;
    return mc_text_span(room);
}

/* ---- encoded words ---- */

static void add_text(struct mc_span bytes, const char *charset, struct mc_text *to)
{
    size_t before = to->len;
    struct mc_span text = mc_decode_charset(bytes, charset, to);
    if (to->len == before) /* it needed no conversion */
        mc_text_add_span(to, text);
}

/* One encoded word of RFC 2047 at the start; returns its length, 0 where there is none. */
static size_t decode_word(struct mc_span from, struct mc_text *to)
{
    const char *mark[3], *at = from.at + 2, *end = from.at + from.len;
    char charset[CHARSET_MAX];
    if (from.len < 8 || memcmp(from.at, "=?", 2) != 0)
        return 0;
    for (size_t i = 0; i < 3; i++, at = mark[i - 1] + 1)
        if (!(mark[i] = memchr(at, '?', (size_t)(end - at))) || mark[i] + 1 >= end)
            return 0;
    if (mark[1] != mark[0] + 2 || mark[2][1] != '=')
        return 0;
    size_t len = (size_t)(mark[0] - from.at) - 2;
    const char *language = memchr(from.at + 2, '*', len);
    len = language ? (size_t)(language - from.at) - 2 : len;
    if (len >= sizeof charset)
        return 0;
    memcpy(charset, from.at + 2, len);
    charset[len] = '\0';
    struct mc_span word = mc_span(mark[1] + 1, (size_t)(mark[2] - mark[1]) - 1);
    struct mc_text bytes = {0}, blanks = {0};
    if (mc_ascii_lower(mark[0][1]) == 'b') {
        decode_base64(word, &bytes);
    } else {
        mc_text_add_span(&blanks, word);
        for (size_t i = 0; i < blanks.len; i++) /* a blank is an underscore there */
            if (blanks.at[i] == '_')
                blanks.at[i] = ' ';
        decode_quoted(mc_text_span(&blanks), &bytes);
    }
    add_text(mc_text_span(&bytes), charset, to);
    mc_text_free(&blanks);
    mc_text_free(&bytes);
    return (size_t)(mark[2] + 2 - from.at);
}

void mc_decode_field(struct mc_span field, struct mc_text *to)
{
    for (size_t i = 0; i < field.len;) {
        struct mc_span rest = mc_span(field.at + i, field.len - i);
        size_t used = rest.at[0] == '=' ? decode_word(rest, to) : 0;
        if (used) {
            i += used;
            size_t blanks = i;
            while (blanks < field.len && strchr(" \t\r\n", field.at[blanks]))
                blanks++;
            if (blanks + 1 < field.len && !memcmp(field.at + blanks, "=?", 2))
                i = blanks; /* blanks between two of them are none */
            continue;
        }
        size_t plain = 1;
        while (plain < rest.len && rest.at[plain] != '=')
            plain++;
        add_text(mc_span(rest.at, plain), NULL, to);
        i += plain;
    }
}
