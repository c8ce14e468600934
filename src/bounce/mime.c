#include "bounce/mime.h"

#include <strings.h>

#include "base/memory.h"
#include "bounce/decode.h"

#define NESTING_MAX 32
#define ROOM_KEPT   (64u << 10) /* of a part, for the next message */
#define NAME_BYTES  64          /* no name that is asked for is as long */
#define FIELDS_MAX  256         /* of one header that are known by name; the rest is searched */

/* ---- header fields ---- */

/* From behind the colon of a field to its end, with the lines that go on with it. */
static struct mc_span field_value(const char *at, const char *end)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    while (stop && stop + 1 < end && (stop[1] == ' ' || stop[1] == '\t'))
        stop = memchr(stop + 1, '\n', (size_t)(end - stop - 1));
    stop = stop ? stop : end;
    while (at < stop && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    while (stop > at && (stop[-1] == ' ' || stop[-1] == '\r' || stop[-1] == '\n'))
        stop--;
    return mc_span(at, (size_t)(stop - at));
}

static unsigned key_of(struct mc_span name)
{
    return (unsigned)name.len << 8 | (unsigned char)mc_ascii_lower(*name.at);
}

static struct mc_span named(const struct mc_message *message, const struct mc_headers *headers,
                            struct mc_span name)
{
    const char *end = headers->raw.at + headers->raw.len, *last = end;
    const unsigned key = key_of(name);
    for (size_t i = 0; i < headers->count; i++) {
        const struct mc_field *field = &message->fields[headers->first + i];
        if (field->key == key && mc_span_equal_nocase(mc_span(field->at, name.len), name))
            return field_value(field->at + name.len + 1, end);
        last = field->at;
    }
    return headers->count < FIELDS_MAX ? mc_span("", 0)
                                       : mc_header(mc_span(last, (size_t)(end - last)), name.at);
}

static struct mc_span field_of(const struct mc_message *message, const struct mc_headers *headers,
                               const char *name)
{
    return named(message, headers, mc_span_of(name));
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

static size_t add_mail(struct mc_message *message, unsigned depth, const struct mc_headers *headers)
{
    message->mails =
        mc_grow(message->mails, message->mail_count, &message->mail_room, sizeof *message->mails);
    struct mc_mail *mail = &message->mails[message->mail_count];
    *mail =
        (struct mc_mail){.depth = depth, .headers = *headers, .subject_at = message->subjects.len};
    mc_decode_field(field_of(message, headers, "Subject"), &message->subjects);
    mail->subject_len = message->subjects.len - mail->subject_at;
    return message->mail_count++;
}

static void add_part(struct mc_message *message, enum mc_part_kind kind, size_t mail,
                     const struct mc_headers *headers, struct mc_span body)
{
    size_t room = message->part_room;
    message->parts =
        mc_grow(message->parts, message->part_count, &message->part_room, sizeof *message->parts);
    if (message->part_room > room)
        memset(message->parts + room, 0, (message->part_room - room) * sizeof *message->parts);
    struct mc_part *part = &message->parts[message->part_count++];
    struct mc_text kept = part->room;
    *part = (struct mc_part){
        .kind = kind, .mail = (unsigned)mail, .headers = *headers, .body = body, .room = kept};
}

/* The bytes of what is a message again, without its transfer encoding; kept with the message. */
static struct mc_span decoded(struct mc_message *message, const struct mc_headers *headers,
                              struct mc_span body)
{
    struct mc_text room = {0};
    struct mc_span bytes =
        mc_decode_body(field_of(message, headers, "Content-Transfer-Encoding"), body, &room);
    if (!room.at)
        return bytes;
    message->decoded = mc_grow(message->decoded, message->decoded_count, &message->decoded_room,
                               sizeof *message->decoded);
    message->decoded[message->decoded_count++] = room;
    return bytes;
}

static void add_field(struct mc_message *message, struct mc_headers *headers, struct mc_span line)
{
    const char *colon = memchr(line.at, ':', line.len < NAME_BYTES ? line.len : NAME_BYTES);
    if (!colon || line.at[0] == ' ' || line.at[0] == '\t' || headers->count == FIELDS_MAX)
        return;
    headers->count++;
    message->fields = mc_grow(message->fields, message->field_count, &message->field_room,
                              sizeof *message->fields);
    message->fields[message->field_count++] = (struct mc_field){
        .at = line.at, .key = key_of(mc_span(line.at, (size_t)(colon - line.at)))};
}

/* Up to the first empty line; the body is what follows it. All of it where `body` is NULL. */
static struct mc_headers split(struct mc_message *message, struct mc_span raw, struct mc_span *body)
{
    struct mc_headers headers = {.raw = raw, .first = message->field_count};
    const char *at = raw.at, *end = raw.at + raw.len;
    if (body)
        *body = mc_span(end, 0);
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *stop = line ? line : end;
        if (body && (stop == at || (stop == at + 1 && *at == '\r'))) {
            const char *start = line ? line + 1 : end;
            *body = mc_span(start, (size_t)(end - start));
            headers.raw.len = (size_t)(at - raw.at);
            break;
        }
        add_field(message, &headers, mc_span(at, (size_t)(stop - at)));
        at = line ? line + 1 : end;
    }
    return headers;
}

/* A mail of which only the header came. */
static void add_bare_mail(struct mc_message *message, unsigned depth, struct mc_span raw)
{
    struct mc_headers headers = split(message, raw, NULL);
    add_mail(message, depth, &headers);
}

static void read_mail(struct mc_message *message, struct mc_span raw, unsigned depth,
                      unsigned nesting);

static bool is_type(struct mc_span value, const char *type)
{
    size_t len = strlen(type);
    return value.len >= len && !strncasecmp(value.at, type, len) &&
           (value.len == len || type[len - 1] == '/' || strchr("; \t\r\n", value.at[len]));
}

static void read_leaf(struct mc_message *message, const struct mc_headers *headers,
                      struct mc_span body, struct mc_span type, size_t mail, unsigned nesting)
{
    bool msg = is_type(type, "message/");
    bool report = msg && (is_type(type, "message/delivery-status") ||
                          is_type(type, "message/global-delivery-status") ||
                          is_type(type, "message/disposition-notification"));
    bool feedback = msg && is_type(type, "message/feedback-report");
    bool mailed = msg && (is_type(type, "message/rfc822") || is_type(type, "message/global"));
    /* an odd type is text all the same where a report has it in place of its status */
    if (type.len && !is_type(type, "text/") && !is_type(type, "text") && !msg &&
        !is_type(type, "unknown/"))
        return;
    unsigned depth = message->mails[mail].depth + 1;
    if (mailed && depth <= MC_MAIL_DEPTH)
        read_mail(message, decoded(message, headers, body), depth, nesting + 1);
    else if (is_type(type, "text/rfc822-headers") || is_type(type, "message/global-headers"))
        add_bare_mail(message, depth, decoded(message, headers, body));
    else if (!mailed)
        add_part(message,
                 report                       ? MC_PART_STATUS
                 : feedback                   ? MC_PART_FEEDBACK
                 : is_type(type, "text/html") ? MC_PART_HTML
                                              : MC_PART_TEXT,
                 mail, headers, body);
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

static void read_body(struct mc_message *message, const struct mc_headers *headers,
                      struct mc_span body, size_t mail, unsigned nesting, bool digest)
{
    struct mc_span type = field_of(message, headers, "Content-Type");
    char mark[256] = "--";
    if (nesting > NESTING_MAX || ++message->entities > MC_MIME_PARTS) {
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
        struct mc_headers fields = split(message, mc_span(body.at + start, at - start), &inner);
        read_body(message, &fields, inner, mail, nesting + 1, is_type(type, "multipart/digest"));
    }
}

static void read_mail(struct mc_message *message, struct mc_span raw, unsigned depth,
                      unsigned nesting)
{
    struct mc_span body;
    struct mc_headers headers = split(message, raw, &body);
    size_t mail = add_mail(message, depth, &headers);
    read_body(message, &headers, body, mail, nesting, false);
}

static void free_decoded(struct mc_message *message)
{
    while (message->decoded_count)
        mc_text_free(&message->decoded[--message->decoded_count]);
}

void mc_mime_read(struct mc_span raw, struct mc_message *message)
{
    free_decoded(message);
    message->field_count = 0;
    message->subjects.len = message->mail_count = message->part_count = message->entities = 0;
    mc_text_reserve(&message->subjects, 1); /* where all are empty, spans still need a place */
    message->cut = raw.len > MC_MESSAGE_MAX;
    if (message->cut)
        raw.len = MC_MESSAGE_MAX;
    message->raw = raw;
    read_mail(message, raw, 0, 0);
}

void mc_message_free(struct mc_message *message)
{
    free_decoded(message);
    for (size_t i = 0; i < message->part_room; i++)
        mc_text_free(&message->parts[i].room);
    mc_text_free(&message->subjects);
    free(message->decoded);
    free(message->fields);
    free(message->mails);
    free(message->parts);
    *message = (struct mc_message){0};
}

/* Decodes it. The limit holds before and after: a bomb is not unpacked to be cut. */
static void read_part(const struct mc_message *message, struct mc_part *part)
{
    struct mc_text room = {0};
    char charset[64] = "";
    struct mc_span body = part->body;
    if (body.len > 3 * MC_PART_MAX) /* as long as quoted-printable can be */
        body.len = 3 * MC_PART_MAX;
    struct mc_span bytes =
        mc_decode_body(field_of(message, &part->headers, "Content-Transfer-Encoding"), body, &room);
    part->cut = bytes.len > MC_PART_MAX || body.len < part->body.len;
    if (bytes.len > MC_PART_MAX)
        bytes.len = MC_PART_MAX;
    parameter(field_of(message, &part->headers, "Content-Type"), "charset", charset,
              sizeof charset);
    if (part->room.room > ROOM_KEPT)
        mc_text_free(&part->room);
    part->room.len = 0;
    part->text = mc_decode_charset(bytes, charset, &part->room);
    if (room.at && part->text.at == room.at) {
        mc_text_free(&part->room);
        part->room = room;
    } else {
        mc_text_free(&room);
    }
    part->is_read = true;
}

struct mc_span mc_message_part(const struct mc_message *message, size_t part)
{
    if (!message->parts[part].is_read)
        read_part(message, &message->parts[part]);
    return message->parts[part].text;
}

bool mc_message_is_cut(const struct mc_message *message)
{
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].cut)
            return true;
    return message->cut;
}

struct mc_span mc_message_headers(const struct mc_message *message, size_t mail)
{
    return message->mails[mail].headers.raw;
}

struct mc_span mc_message_subject(const struct mc_message *message, size_t mail)
{
    return mc_span(message->subjects.at + message->mails[mail].subject_at,
                   message->mails[mail].subject_len);
}

struct mc_span mc_header(struct mc_span headers, const char *name)
{
    size_t len = strlen(name);
    const char *at = headers.at, *end = headers.at + headers.len;
    while (at && at < end) {
        if ((size_t)(end - at) > len && at[len] == ':' && !strncasecmp(at, name, len))
            return field_value(at + len + 1, end);
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : NULL;
    }
    return mc_span("", 0);
}

struct mc_span mc_message_named(const struct mc_message *message, size_t mail, struct mc_span name)
{
    return named(message, &message->mails[mail].headers, name);
}
