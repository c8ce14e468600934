#include "bounce/mime.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"

#define NESTING_MAX 32

/* ---- charsets ---- */

static bool is_utf8(struct mc_span bytes)
{
    for (size_t i = 0; i < bytes.len;) {
        size_t n =
            (unsigned char)bytes.at[i] < 0x80 ? 1 : mc_utf8_length(bytes.at + i, bytes.len - i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}

static bool is_plain(struct mc_span bytes)
{
    uint64_t high = 0, eight;
    size_t i = 0;
    for (; i + sizeof eight <= bytes.len; i += sizeof eight) {
        memcpy(&eight, bytes.at + i, sizeof eight);
        high |= eight;
    }
    for (; i < bytes.len; i++)
        high |= (unsigned char)bytes.at[i];
    return !(high & UINT64_C(0x8080808080808080)) &&
           !(bytes.len && memchr(bytes.at, '\033', bytes.len));
}

static bool convert(const char *charset, struct mc_span from, struct mc_text *to)
{
    iconv_t state = iconv_open("UTF-8", charset);
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
    iconv_close(state);
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

static void add_utf8(struct mc_text *text, struct mc_span bytes, const char *charset)
{
    if (is_plain(bytes)) {
        mc_text_add_span(text, bytes);
        return;
    }
    bool escapes =
        memmem(bytes.at, bytes.len, "\033$", 2) || memmem(bytes.at, bytes.len, "\033(", 2);
    if (!escapes && is_utf8(bytes)) {
        mc_text_add_span(text, bytes);
        return;
    }
    if (escapes && (!charset || strncasecmp(charset, "iso-2022", 8) != 0))
        charset = "iso-2022-jp";
    if (!charset || !*charset || !strcasecmp(charset, "utf-8") ||
        !convert(usual_name(charset), bytes, text))
        convert("CP1252", bytes, text);
}

/* ---- transfer encodings ---- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (mc_is_digit(c))
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static void decode_base64(struct mc_span from, struct mc_text *to)
{
    uint32_t bits = 0;
    unsigned count = 0;
    char *out = mc_text_reserve(to, from.len);
    for (size_t i = 0; i < from.len; i++) {
        int value = base64_value(from.at[i]);
        if (value < 0) /* line breaks, padding, rubble */
            continue;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *out++ = (char)(bits >> count & 0xff);
            to->len++;
        }
    }
}

static int hex_value(char c)
{
    if (mc_is_digit(c))
        return c - '0';
    c = mc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `words`: the form of RFC 2047, where an underscore is a blank. */
static void decode_quoted(struct mc_span from, bool words, struct mc_text *to)
{
    for (size_t i = 0; i < from.len; i++) {
        char c = from.at[i];
        if (c == '=' && i + 2 < from.len && hex_value(from.at[i + 1]) >= 0 &&
            hex_value(from.at[i + 2]) >= 0) {
            mc_text_add_char(to,
                             (char)(hex_value(from.at[i + 1]) * 16 + hex_value(from.at[i + 2])));
            i += 2;
        } else if (c == '=' && !words && i + 1 < from.len && from.at[i + 1] == '\n') {
            i++;
        } else if (c == '=' && !words && i + 2 < from.len && from.at[i + 1] == '\r' &&
                   from.at[i + 2] == '\n') {
            i += 2;
        } else {
            mc_text_add_char(to, c == '_' && words ? ' ' : c);
        }
    }
}

/* The bytes of a body; `room` holds them where they had to be decoded. */
static struct mc_span decoded(struct mc_span headers, struct mc_span body, struct mc_text *room)
{
    struct mc_span encoding = mc_header(headers, "Content-Transfer-Encoding");
    if (encoding.len >= 6 && !strncasecmp(encoding.at, "base64", 6))
        decode_base64(body, room);
    else if (encoding.len >= 16 && !strncasecmp(encoding.at, "quoted-printable", 16))
        decode_quoted(body, false, room);
    else
        return body;
    return mc_text_span(room);
}

/* ---- header fields ---- */

/* One encoded word of RFC 2047 at the start; returns its length, 0 where there is none. */
static size_t decode_word(struct mc_span from, struct mc_text *to)
{
    const char *mark[3], *at = from.at + 2, *end = from.at + from.len;
    char charset[64];
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
    struct mc_text bytes = {0};
    if (mc_ascii_lower(mark[0][1]) == 'b')
        decode_base64(word, &bytes);
    else
        decode_quoted(word, true, &bytes);
    add_utf8(to, mc_text_span(&bytes), charset);
    mc_text_free(&bytes);
    return (size_t)(mark[2] + 2 - from.at);
}

static void add_decoded_field(struct mc_text *to, struct mc_span field)
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
        add_utf8(to, mc_span(rest.at, plain), NULL);
        i += plain;
    }
}

/* A parameter of Content-Type, NUL-terminated; false where there is none that fits. */
static bool parameter(struct mc_span value, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name), len = 0;
    bool quoted = false;
    for (size_t i = 0; i + name_len < value.len; i++) {
        if (value.at[i] == '"')
            quoted = !quoted;
        if (quoted || value.at[i] != ';')
            continue;
        size_t at = i + 1;
        while (at < value.len && strchr(" \t\r\n", value.at[at]))
            at++;
        if (at + name_len >= value.len || strncasecmp(value.at + at, name, name_len) != 0)
            continue;
        at += name_len;
        while (at < value.len && strchr(" \t\r\n", value.at[at]))
            at++;
        if (at >= value.len || value.at[at] != '=')
            continue;
        at++;
        while (at < value.len && strchr(" \t\r\n", value.at[at]))
            at++;
        bool string = at < value.len && value.at[at] == '"';
        for (at += string; at < value.len && len + 1 < size; at++) {
            char c = value.at[at];
            if (string ? c == '"' : strchr("; \t\r\n", c) != NULL)
                break;
            if (string && c == '\\' && at + 1 < value.len)
                c = value.at[++at];
            out[len++] = c;
        }
        out[len] = '\0';
        return len > 0;
    }
    return false;
}

/* ---- the tree, flat ---- */

static size_t add_mail(struct mc_message *message, unsigned depth, struct mc_span headers)
{
    message->mails =
        mc_grow(message->mails, message->mail_count, &message->mail_room, sizeof *message->mails);
    struct mc_mail *mail = &message->mails[message->mail_count];
    *mail = (struct mc_mail){.depth = depth, .headers_at = message->text.len};
    mc_text_add_span(&message->text, headers);
    mail->headers_len = message->text.len - mail->headers_at;
    mail->subject_at = message->text.len;
    add_decoded_field(&message->text, mc_header(headers, "Subject"));
    mail->subject_len = message->text.len - mail->subject_at;
    return message->mail_count++;
}

static void add_part(struct mc_message *message, enum mc_part_kind kind, size_t mail,
                     struct mc_span bytes, const char *charset)
{
    if (bytes.len > MC_PART_MAX) {
        bytes.len = MC_PART_MAX;
        message->cut = true;
    }
    message->parts =
        mc_grow(message->parts, message->part_count, &message->part_room, sizeof *message->parts);
    struct mc_part *part = &message->parts[message->part_count++];
    *part = (struct mc_part){.kind = kind, .mail = (unsigned)mail, .at = message->text.len};
    add_utf8(&message->text, bytes, charset);
    part->len = message->text.len - part->at;
}

/* Up to the first empty line; the body is what follows it. */
static struct mc_span split(struct mc_span raw, struct mc_span *body)
{
    const char *at = raw.at, *end = raw.at + raw.len;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *stop = line ? line : end;
        if (stop == at || (stop == at + 1 && *at == '\r')) {
            const char *start = line ? line + 1 : end;
            *body = mc_span(start, (size_t)(end - start));
            return mc_span(raw.at, (size_t)(at - raw.at));
        }
        at = line ? line + 1 : end;
    }
    *body = mc_span(end, 0);
    return raw;
}

static void read_mail(struct mc_message *message, struct mc_span raw, unsigned depth,
                      unsigned nesting);

static bool is_type(struct mc_span value, const char *type)
{
    size_t len = strlen(type);
    return value.len >= len && !strncasecmp(value.at, type, len) &&
           (value.len == len || type[len - 1] == '/' || strchr("; \t\r\n", value.at[len]));
}

static void read_leaf(struct mc_message *message, struct mc_span headers, struct mc_span body,
                      struct mc_span type, size_t mail, unsigned nesting)
{
    bool msg = is_type(type, "message/");
    bool report = is_type(type, "message/delivery-status") ||
                  is_type(type, "message/global-delivery-status") ||
                  is_type(type, "message/disposition-notification");
    bool feedback = is_type(type, "message/feedback-report");
    bool mailed = is_type(type, "message/rfc822") || is_type(type, "message/global");
    /* an odd type is text all the same where a report has it in place of its status */
    if (type.len && !is_type(type, "text/") && !is_type(type, "text") && !msg &&
        !is_type(type, "unknown/"))
        return;
    struct mc_text room = {0};
    struct mc_span bytes = decoded(headers, body, &room);
    unsigned depth = message->mails[mail].depth + 1;
    char charset[64] = "";
    parameter(type, "charset", charset, sizeof charset);
    if (mailed && depth <= MC_MAIL_DEPTH)
        read_mail(message, bytes, depth, nesting + 1);
    else if (is_type(type, "text/rfc822-headers") || is_type(type, "message/global-headers"))
        add_mail(message, depth, bytes);
    else if (!mailed)
        add_part(message,
                 report                       ? MC_PART_STATUS
                 : feedback                   ? MC_PART_FEEDBACK
                 : is_type(type, "text/html") ? MC_PART_HTML
                                              : MC_PART_TEXT,
                 mail, bytes, charset);
    mc_text_free(&room);
}

/* Where the next line that begins with the boundary starts, the end where there is none. */
static size_t next_boundary(struct mc_span body, size_t from, struct mc_span boundary)
{
    for (size_t at = from; at < body.len;) {
        if (body.len - at >= boundary.len && body.at[at] == '-' &&
            !memcmp(body.at + at, boundary.at, boundary.len))
            return at;
        const char *line = memchr(body.at + at, '\n', body.len - at);
        at = line ? (size_t)(line - body.at) + 1 : body.len;
    }
    return body.len;
}

static void read_body(struct mc_message *message, struct mc_span headers, struct mc_span body,
                      size_t mail, unsigned nesting, bool digest)
{
    struct mc_span type = mc_header(headers, "Content-Type");
    char mark[256] = "--";
    if (nesting > NESTING_MAX || message->part_count + message->mail_count > MC_MIME_PARTS) {
        message->cut = true;
        return;
    }
    if (!type.len && digest)
        type = mc_span_of("message/rfc822");
    bool multipart = is_type(type, "multipart/");
    if (!multipart || !parameter(type, "boundary", mark + 2, sizeof mark - 2)) {
        read_leaf(message, headers, body, multipart ? mc_span("", 0) : type, mail, nesting);
        return;
    }
    if (is_type(type, "multipart/report"))
        message->mails[mail].is_report = true;
    struct mc_span boundary = mc_span_of(mark);
    size_t at = next_boundary(body, 0, boundary);
    if (at == body.len) { /* a boundary that is not there: all is text */
        read_leaf(message, headers, body, mc_span("", 0), mail, nesting);
        return;
    }
    while (at < body.len) {
        size_t start = at + boundary.len;
        if (body.len - start >= 2 && !memcmp(body.at + start, "--", 2))
            return;
        const char *line = memchr(body.at + start, '\n', body.len - start);
        start = line ? (size_t)(line - body.at) + 1 : body.len;
        at = next_boundary(body, start, boundary);
        struct mc_span inner;
        struct mc_span fields = split(mc_span(body.at + start, at - start), &inner);
        read_body(message, fields, inner, mail, nesting + 1, is_type(type, "multipart/digest"));
    }
}

static void read_mail(struct mc_message *message, struct mc_span raw, unsigned depth,
                      unsigned nesting)
{
    struct mc_span body, headers = split(raw, &body);
    size_t mail = add_mail(message, depth, headers);
    read_body(message, headers, body, mail, nesting, false);
}

/* Cut where a bomb would go off. */
static struct mc_span bounded(struct mc_span raw, bool *cut)
{
    size_t count = 0;
    *cut = raw.len > MC_MESSAGE_MAX;
    if (*cut)
        raw.len = MC_MESSAGE_MAX;
    for (const char *at = raw.at, *end = raw.at + raw.len;
         (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
        at++;
        if (end - at < 12 || (*at | 0x20) != 'c' || strncasecmp(at, "content-type", 12) != 0)
            continue;
        if (++count > MC_MIME_PARTS) {
            *cut = true;
            return mc_span(raw.at, (size_t)(at - raw.at));
        }
    }
    return raw;
}

void mc_mime_read(struct mc_span raw, struct mc_message *message)
{
    message->text.len = message->mail_count = message->part_count = 0;
    raw = bounded(raw, &message->cut);
    read_mail(message, raw, 0, 0);
}

void mc_message_free(struct mc_message *message)
{
    mc_text_free(&message->text);
    free(message->mails);
    free(message->parts);
    *message = (struct mc_message){0};
}

struct mc_span mc_message_part(const struct mc_message *message, size_t part)
{
    return mc_span(message->text.at + message->parts[part].at, message->parts[part].len);
}

struct mc_span mc_message_headers(const struct mc_message *message, size_t mail)
{
    return mc_span(message->text.at + message->mails[mail].headers_at,
                   message->mails[mail].headers_len);
}

struct mc_span mc_message_subject(const struct mc_message *message, size_t mail)
{
    return mc_span(message->text.at + message->mails[mail].subject_at,
                   message->mails[mail].subject_len);
}

struct mc_span mc_header(struct mc_span headers, const char *name)
{
    size_t len = strlen(name);
    const char *at = headers.at, *end = headers.at + headers.len;
    while (at && at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if ((size_t)(end - at) > len && at[len] == ':' && !strncasecmp(at, name, len)) {
            const char *stop = next;
            while (stop && stop + 1 < end && (stop[1] == ' ' || stop[1] == '\t'))
                stop = memchr(stop + 1, '\n', (size_t)(end - stop - 1));
            stop = stop ? stop : end;
            at += len + 1;
            while (at < stop && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
                at++;
            while (stop > at && (stop[-1] == ' ' || stop[-1] == '\r' || stop[-1] == '\n'))
                stop--;
            return mc_span(at, (size_t)(stop - at));
        }
        at = next ? next + 1 : NULL;
    }
    return mc_span("", 0);
}
