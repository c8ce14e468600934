#include "http/request.h"

#include "base/memory.h"

static const struct {
    const char *name; /* lower case */
    enum mc_http_header header;
} known[] = {
    {"host", MC_HTTP_HOST},
    {"authorization", MC_HTTP_AUTHORIZATION},
    {"x-api-key", MC_HTTP_API_KEY},
    {"origin", MC_HTTP_ORIGIN},
    {"x-forwarded-for", MC_HTTP_FORWARDED_FOR},
    {"expect", MC_HTTP_EXPECT},
};

/* What proxies add. */
static const struct {
    const char *name;
    bool is_prefix;
} added[] = {
    {"x-forwarded-", true},
    {"forwarded", false},
    {"via", false},
    {"x-real-ip", false},
};

static int refuse(struct mc_http_request *request, unsigned status)
{
    request->refused = (uint16_t)status;
    return -1;
}

/* Pieces come one after the other, so each is in one place. */
static void add(struct mc_http_request *request, struct mc_http_piece *piece, const char *at,
                size_t len)
{
    if (!piece->len)
        piece->at = (uint32_t)request->text.len;
    mc_text_add(&request->text, at, len);
    piece->len += (uint32_t)len;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct mc_http_request *request = parser->data;
    add(request, &request->target, at, len);
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
    struct mc_http_request *request = parser->data;
    if (request->in_value)
        request->name_len = 0;
    request->in_value = false;
    for (size_t i = 0; i < len; i++) {
        if (at[i] == ' ') /* which the library, as Debian builds it, lets pass */
            return refuse(request, 400);
        if (request->name_len < sizeof request->name)
            request->name[request->name_len] = mc_ascii_lower(at[i]);
        if (request->name_len < UINT8_MAX)
            request->name_len++;
    }
    return 0;
}

/* Is the header whose value begins one that a proxy adds? */
static bool is_added(const struct mc_http_request *request)
{
    size_t len =
        request->name_len < sizeof request->name ? request->name_len : sizeof request->name;
    struct mc_span name = mc_span(request->name, len);
    for (size_t i = 0; i < MC_ARRAY_LEN(added); i++) {
        struct mc_span wanted = mc_span_of(added[i].name);
        if (added[i].is_prefix && len > wanted.len)
            name.len = wanted.len;
        if (mc_span_equal(name, wanted))
            return true;
        name.len = len;
    }
    return false;
}

/* The header whose value begins; MC_HTTP_HEADER_COUNT: none of ours. */
static enum mc_http_header which(const struct mc_http_request *request)
{
    if (request->head_done || request->name_len > sizeof request->name) /* a trailer is nothing */
        return MC_HTTP_HEADER_COUNT;
    struct mc_span name = mc_span(request->name, request->name_len);
    for (size_t i = 0; i < MC_ARRAY_LEN(known); i++)
        if (mc_span_equal(name, mc_span_of(known[i].name)))
            return known[i].header;
    return MC_HTTP_HEADER_COUNT;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct mc_http_request *request = parser->data;
    if (!request->in_value) {
        enum mc_http_header header = which(request);
        request->in_value = true;
        request->is_passed_on |= !request->head_done && is_added(request);
        request->current = (uint8_t)header;
        if (header != MC_HTTP_HEADER_COUNT && request->seen & 1u << header) {
            /* two of these could be read in two ways; of a list the last line is the nearest hop's
             */
            if (header != MC_HTTP_FORWARDED_FOR)
                return refuse(request, 400);
            request->header[header].len = 0;
        }
        if (header != MC_HTTP_HEADER_COUNT)
            request->seen |= 1u << header;
    }
    if (request->current != MC_HTTP_HEADER_COUNT)
        add(request, &request->header[request->current], at, len);
    return 0;
}

static int on_headers(http_parser *parser)
{
    struct mc_http_request *request = parser->data;
    request->head_done = true;
    parser->upgrade = 0; /* the offer of another protocol is passed over */
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(request, 505);
    if (parser->method == HTTP_CONNECT) /* to the library its body is no body */
        return refuse(request, 400);
    if (parser->http_minor == 1 && !mc_http_request_has(request, MC_HTTP_HOST))
        return refuse(request, 400);
    if (parser->http_minor == 0 && parser->uses_transfer_encoding)
        return refuse(request, 400); /* RFC 9112 section 6.1 */
    if (parser->flags & F_CONTENTLENGTH && parser->content_length > MC_HTTP_BODY_MAX)
        return refuse(request, 413);
    request->wants_continue = mc_span_equal_nocase(mc_http_request_header(request, MC_HTTP_EXPECT),
                                                   mc_span_of("100-continue"));
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct mc_http_request *request = parser->data;
    request->wants_continue = false;
    if (request->body.len + len > MC_HTTP_BODY_MAX)
        return refuse(request, 413);
    add(request, &request->body, at, len);
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct mc_http_request *request = parser->data;
    request->complete = true;
    request->wants_continue = false;
    http_parser_pause(parser, 1); /* what follows is the next request */
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void mc_http_request_begin(struct mc_http_request *request)
{
    *request = (struct mc_http_request){.current = MC_HTTP_HEADER_COUNT};
    http_parser_init(&request->parser, HTTP_REQUEST);
    http_parser_set_max_header_size(MC_HTTP_HEAD_MAX); /* of the whole process, alas */
    request->parser.data = request;
}

void mc_http_request_free(struct mc_http_request *request)
{
    mc_text_free(&request->text);
}

void mc_http_request_drop_body(struct mc_http_request *request)
{
    if (!request->body.len)
        return;
    request->text.len = request->body.at; /* it came last */
    request->body.len = 0;
    request->text.room = request->text.len ? request->text.len : 1;
    request->text.at = mc_realloc(request->text.at, request->text.room);
}

/* How many bytes may be shown to the library: up to the first that ends or continues a line in a
 * way RFC 9112 sections 2.2 and 5.2 let a server refuse. The library takes them, and so might not
 * the proxy before us: what is a header to one would be a request to the other. */
static size_t strict(struct mc_http_request *request, const char *at, size_t len)
{
    for (size_t i = 0; i < len && !request->head_read; i++) {
        char c = at[i];
        bool is_blank = c == ' ' || c == '\t', is_end = c == '\r' || c == '\n';
        if ((c == '\n') != (request->last == '\r') ||
            (is_blank && request->last == '\n' && request->begun))
            return i;
        request->begun |= !is_end;
        request->head_read = c == '\n' && !request->in_line && request->begun;
        request->in_line = (request->in_line || !is_end) && c != '\n';
        request->last = c;
    }
    return len;
}

size_t mc_http_request_take(struct mc_http_request *request, const char *at, size_t len)
{
    size_t clean = strict(request, at, len);
    size_t taken = http_parser_execute(&request->parser, &settings, at, clean);
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (error == HPE_HEADER_OVERFLOW)
        refuse(request, 431);
    else if (((error != HPE_OK && error != HPE_PAUSED) || clean < len) && !request->refused)
        refuse(request, 400);
    return taken;
}

size_t mc_http_request_wants(const struct mc_http_request *request)
{
    const http_parser *parser = &request->parser;
    if (!request->head_done)
        return MC_HTTP_HEAD_READ;
    return parser->flags & F_CONTENTLENGTH ? (size_t)parser->content_length : MC_HTTP_BODY_MAX;
}

bool mc_http_request_wants_continue(struct mc_http_request *request)
{
    bool wants = request->wants_continue;
    request->wants_continue = false;
    return wants;
}

bool mc_http_request_keep_alive(const struct mc_http_request *request)
{
    /* nothing is read behind a body in chunks: where it ends, readers have disagreed before */
    return http_should_keep_alive(&request->parser) && !(request->parser.flags & F_CHUNKED);
}

bool mc_http_request_is_passed_on(const struct mc_http_request *request)
{
    return request->is_passed_on || request->parser.http_minor == 0;
}

const char *mc_http_request_method(const struct mc_http_request *request)
{
    return http_method_str((enum http_method)request->parser.method);
}

static struct mc_span piece(const struct mc_http_request *request, struct mc_http_piece piece)
{
    return piece.len ? mc_span(request->text.at + piece.at, piece.len) : mc_span("", 0);
}

/* The target, of which only path and query are of interest: "http://HOST" may stand before them
 * (RFC 9112 section 3.2.2). */
static struct mc_span target_of(const struct mc_http_request *request)
{
    static const char scheme[] = "http://";
    struct mc_span target = piece(request, request->target);
    if (target.len < sizeof scheme - 1 || memcmp(target.at, scheme, sizeof scheme - 1) != 0)
        return target;
    size_t at = sizeof scheme - 1;
    while (at < target.len && target.at[at] != '/' && target.at[at] != '?')
        at++;
    return mc_span(target.at + at, target.len - at);
}

struct mc_span mc_http_request_path(const struct mc_http_request *request)
{
    struct mc_span target = target_of(request);
    const char *mark = memchr(target.at, '?', target.len);
    size_t len = mark ? (size_t)(mark - target.at) : target.len;
    return len ? mc_span(target.at, len) : mc_span("/", 1);
}

struct mc_span mc_http_request_query(const struct mc_http_request *request)
{
    struct mc_span target = target_of(request);
    const char *mark = memchr(target.at, '?', target.len);
    const char *hash = memchr(target.at, '#', target.len);
    const char *end = hash ? hash : target.at + target.len;
    return mark && mark < end ? mc_span(mark + 1, (size_t)(end - mark) - 1) : mc_span("", 0);
}

struct mc_span mc_http_request_body(const struct mc_http_request *request)
{
    return piece(request, request->body);
}

bool mc_http_request_has(const struct mc_http_request *request, enum mc_http_header header)
{
    return request->seen & 1u << header;
}

struct mc_span mc_http_request_header(const struct mc_http_request *request,
                                      enum mc_http_header header)
{
    struct mc_span value = piece(request, request->header[header]);
    while (value.len && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    return value;
}

static int hex(char c)
{
    if (mc_is_digit(c))
        return c - '0';
    c = mc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A "+" is a plus, as RFC 3986 has it: addresses have them, and no blanks. */
static bool decode(struct mc_span text, struct mc_text *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (i + 2 >= text.len || hex(text.at[i + 1]) < 0 || hex(text.at[i + 2]) < 0)
                return false;
            c = (char)(hex(text.at[i + 1]) << 4 | hex(text.at[i + 2]));
            i += 2;
        }
        mc_text_add_char(out, c);
    }
    return true;
}

enum mc_http_field mc_http_query_field(struct mc_span query, const char *name, struct mc_text *out)
{
    size_t name_len = strlen(name);
    bool found = false;
    out->len = 0;
    for (size_t at = 0; at < query.len;) {
        const char *amp = memchr(query.at + at, '&', query.len - at);
        size_t end = amp ? (size_t)(amp - query.at) : query.len;
        struct mc_span pair = mc_span(query.at + at, end - at);
        at = end + 1;
        if (pair.len <= name_len || pair.at[name_len] != '=' ||
            memcmp(pair.at, name, name_len) != 0)
            continue;
        if (found || !decode(mc_span(pair.at + name_len + 1, pair.len - name_len - 1), out))
            return MC_HTTP_FIELD_BAD;
        found = true;
    }
    return found ? MC_HTTP_FIELD_OK : MC_HTTP_FIELD_MISSING;
}
