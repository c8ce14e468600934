#include "bounce/mime.h"

#include <dlfcn.h>
#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>
#include <stdio.h>
#include <strings.h>

#include "base/memory.h"

/* What is used of GMime and its GLib, by name. */
#define FUNCTIONS(X)                                                                               \
    X(g_mime_init)                                                                                 \
    X(g_mime_stream_mem_new_with_buffer)                                                           \
    X(g_mime_stream_mem_new)                                                                       \
    X(g_mime_stream_mem_get_byte_array)                                                            \
    X(g_mime_stream_mem_get_type)                                                                  \
    X(g_mime_parser_new_with_stream)                                                               \
    X(g_mime_parser_construct_message)                                                             \
    X(g_mime_message_get_mime_part)                                                                \
    X(g_mime_message_get_date)                                                                     \
    X(g_mime_message_part_get_message)                                                             \
    X(g_mime_message_part_get_type)                                                                \
    X(g_mime_multipart_get_type)                                                                   \
    X(g_mime_multipart_get_count)                                                                  \
    X(g_mime_multipart_get_part)                                                                   \
    X(g_mime_part_get_type)                                                                        \
    X(g_mime_part_get_content)                                                                     \
    X(g_mime_data_wrapper_write_to_stream)                                                         \
    X(g_mime_object_get_content_type)                                                              \
    X(g_mime_object_get_content_type_parameter)                                                    \
    X(g_mime_object_get_headers)                                                                   \
    X(g_mime_object_get_header)                                                                    \
    X(g_mime_content_type_get_media_type)                                                          \
    X(g_mime_content_type_get_media_subtype)                                                       \
    X(g_mime_utils_header_decode_text)                                                             \
    X(g_type_check_instance_is_a)                                                                  \
    X(g_object_unref)                                                                              \
    X(g_date_time_to_unix)                                                                         \
    X(g_free)

static struct {
#define X(name) __typeof__(&name) name;
    FUNCTIONS(X)
#undef X
} lib;

bool mc_mime_open(char *error, size_t error_size)
{
    if (lib.g_mime_init)
        return true;
    void *handle = dlopen("libgmime-3.0.so.0", RTLD_LAZY | RTLD_GLOBAL);
    if (!handle) {
        snprintf(error, error_size, "reading messages needs GMime (package libgmime-3.0-0): %s",
                 dlerror());
        return false;
    }
#define X(name)                                                                                    \
    *(void **)&lib.name = dlsym(handle, #name);                                                    \
    if (!lib.name) {                                                                               \
        lib.g_mime_init = NULL;                                                                    \
        snprintf(error, error_size, "libgmime-3.0 has no " #name);                                 \
        return false;                                                                              \
    }
    FUNCTIONS(X)
#undef X
    lib.g_mime_init();
    return true;
}

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
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.at[i] >= 0x80 || bytes.at[i] == '\033')
            return false;
    return true;
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
    bool escapes =
        memmem(bytes.at, bytes.len, "\033$", 2) || memmem(bytes.at, bytes.len, "\033(", 2);
    if (is_plain(bytes) || (!escapes && is_utf8(bytes))) {
        mc_text_add_span(text, bytes);
        return;
    }
    if (escapes && (!charset || strncasecmp(charset, "iso-2022", 8)))
        charset = "iso-2022-jp";
    if (!charset || !*charset || !strcasecmp(charset, "utf-8") ||
        !convert(usual_name(charset), bytes, text))
        convert("CP1252", bytes, text);
}

/* ---- the tree, flat ---- */

static bool is_a(void *object, GType type)
{
    return lib.g_type_check_instance_is_a((GTypeInstance *)object, type);
}

static size_t add_mail(struct mc_message *message, unsigned depth, struct mc_span headers,
                       const char *subject)
{
    message->mails =
        mc_grow(message->mails, message->mail_count, &message->mail_room, sizeof *message->mails);
    struct mc_mail *mail = &message->mails[message->mail_count];
    *mail = (struct mc_mail){.depth = depth, .headers_at = message->text.len};
    mc_text_add_span(&message->text, headers);
    mail->headers_len = message->text.len - mail->headers_at;
    mail->subject_at = message->text.len;
    if (subject) {
        char *decoded = lib.g_mime_utils_header_decode_text(NULL, subject);
        add_utf8(&message->text, mc_span_of(decoded), NULL);
        lib.g_free(decoded);
    }
    mail->subject_len = message->text.len - mail->subject_at;
    return message->mail_count++;
}

/* The bytes of a part, without its transfer encoding; to be freed by g_object_unref. */
static GMimeStream *content(GMimeObject *object, struct mc_span *bytes)
{
    GMimeDataWrapper *wrapper = lib.g_mime_part_get_content((GMimePart *)object);
    if (!wrapper)
        return NULL;
    GMimeStream *stream = lib.g_mime_stream_mem_new();
    lib.g_mime_data_wrapper_write_to_stream(wrapper, stream);
    GByteArray *array = lib.g_mime_stream_mem_get_byte_array((GMimeStreamMem *)stream);
    *bytes = mc_span((const char *)array->data, array->len);
    return stream;
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

static void walk_message(struct mc_message *message, GMimeMessage *mail, unsigned depth);

static void walk_leaf(struct mc_message *message, GMimeObject *object, size_t mail,
                      const char *type, const char *subtype)
{
    bool text = !strcasecmp(type, "text"), msg = !strcasecmp(type, "message");
    bool report = msg && (!strcasecmp(subtype, "delivery-status") ||
                          !strcasecmp(subtype, "global-delivery-status") ||
                          !strcasecmp(subtype, "disposition-notification"));
    bool feedback = msg && !strcasecmp(subtype, "feedback-report");
    /* an odd type is text all the same where a report has it in place of its status */
    if (!text && !report && !feedback && !msg && strcasecmp(type, "unknown"))
        return;
    struct mc_span bytes;
    GMimeStream *stream = content(object, &bytes);
    if (!stream)
        return;
    unsigned depth = message->mails[mail].depth + 1;
    if (!strcasecmp(subtype, "rfc822-headers") || !strcasecmp(subtype, "global-headers") ||
        (msg && !report && !feedback && !strcasecmp(subtype, "rfc822")))
        add_mail(message, depth, bytes, NULL);
    else
        add_part(message,
                 report                         ? MC_PART_STATUS
                 : feedback                     ? MC_PART_FEEDBACK
                 : !strcasecmp(subtype, "html") ? MC_PART_HTML
                                                : MC_PART_TEXT,
                 mail, bytes, lib.g_mime_object_get_content_type_parameter(object, "charset"));
    lib.g_object_unref(stream);
}

static void walk(struct mc_message *message, GMimeObject *object, size_t mail)
{
    GMimeContentType *content_type = lib.g_mime_object_get_content_type(object);
    const char *type = lib.g_mime_content_type_get_media_type(content_type);
    const char *subtype = lib.g_mime_content_type_get_media_subtype(content_type);
    if (is_a(object, lib.g_mime_message_part_get_type())) {
        GMimeMessage *inner = lib.g_mime_message_part_get_message((GMimeMessagePart *)object);
        if (inner && message->mails[mail].depth < MC_MAIL_DEPTH)
            walk_message(message, inner, message->mails[mail].depth + 1);
        return;
    }
    if (is_a(object, lib.g_mime_multipart_get_type())) {
        if (subtype && !strcasecmp(subtype, "report"))
            message->mails[mail].is_report = true;
        int count = lib.g_mime_multipart_get_count((GMimeMultipart *)object);
        for (int i = 0; i < count && i < MC_MIME_PARTS; i++)
            walk(message, lib.g_mime_multipart_get_part((GMimeMultipart *)object, i), mail);
        return;
    }
    if (is_a(object, lib.g_mime_part_get_type()))
        walk_leaf(message, object, mail, type ? type : "text", subtype ? subtype : "plain");
}

static void walk_message(struct mc_message *message, GMimeMessage *mail, unsigned depth)
{
    char *headers = lib.g_mime_object_get_headers((GMimeObject *)mail, NULL);
    const char *subject = lib.g_mime_object_get_header((GMimeObject *)mail, "Subject");
    size_t number = add_mail(message, depth, mc_span_of(headers ? headers : ""), subject);
    lib.g_free(headers);
    GMimeObject *body = lib.g_mime_message_get_mime_part(mail);
    if (body)
        walk(message, body, number);
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
        if ((*at | 0x20) != 'c' || end - at < 12 || strncasecmp(at, "content-type", 12) != 0)
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
    message->date = 0;
    raw = bounded(raw, &message->cut);
    GMimeStream *stream = lib.g_mime_stream_mem_new_with_buffer(raw.at, raw.len);
    GMimeParser *parser = lib.g_mime_parser_new_with_stream(stream);
    GMimeMessage *mail = lib.g_mime_parser_construct_message(parser, NULL);
    if (mail) {
        walk_message(message, mail, 0);
        GDateTime *date = lib.g_mime_message_get_date(mail);
        message->date = date ? lib.g_date_time_to_unix(date) : 0;
        lib.g_object_unref(mail);
    } else {
        add_mail(message, 0, mc_span("", 0), NULL);
        add_part(message, MC_PART_TEXT, 0, raw, NULL);
    }
    lib.g_object_unref(parser);
    lib.g_object_unref(stream);
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
