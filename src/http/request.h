/* The bytes of one HTTP/1.1 request -> its parts, or the status that refuses it. Pure: no socket,
 * no clock. The grammar is libhttp-parser's; the limits, and what of a request is kept, are ours.
 *
 * Keeps the target, the few headers of the table below and the body; forgets the rest. */
#ifndef MC_HTTP_REQUEST_H
#define MC_HTTP_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/text.h"

#define MC_HTTP_HEAD_MAX  (16 * 1024)  /* request line and headers: more is 431 */
#define MC_HTTP_HEAD_READ 4096         /* at once: most heads are shorter */
#define MC_HTTP_BODY_MAX  (512 * 1024) /* 1,000 addresses of the longest kind fit: more is 413 */

enum mc_http_header {
    MC_HTTP_HOST,
    MC_HTTP_AUTHORIZATION,
    MC_HTTP_API_KEY,
    MC_HTTP_ORIGIN,
    MC_HTTP_FORWARDED_FOR,
    MC_HTTP_EXPECT,
    MC_HTTP_HEADER_COUNT
};

struct mc_http_piece {
    uint32_t at, len; /* in `text` */
};

struct mc_http_request {
    http_parser parser; /* private, and so is what follows */
    struct mc_text text;
    struct mc_http_piece target, body, header[MC_HTTP_HEADER_COUNT];
    uint32_t seen; /* bit of each enum mc_http_header */
    char name[24]; /* of the header being read; longer ones are none of ours */
    uint8_t name_len, current;
    char last;                              /* byte of the head */
    bool begun, in_line, head_read;         /* of the head, as lines */
    bool in_value, head_done, is_passed_on; /* of the head, as the library sees it */
    bool wants_continue, complete;
    uint16_t refused; /* a status, or 0 */
};

void mc_http_request_begin(struct mc_http_request *request);
void mc_http_request_free(struct mc_http_request *request);

/* Takes bytes up to the end of the request; returns how many. Stops where it is refused. */
size_t mc_http_request_take(struct mc_http_request *request, const char *at, size_t len);

/* How many bytes to read for it: not many of the request behind it. */
size_t mc_http_request_wants(const struct mc_http_request *request);

/* After each mc_http_request_take. */
static inline bool mc_http_request_complete(const struct mc_http_request *request)
{
    return request->complete;
}
/* 400, 413, 431, 505; or 0. */
static inline int mc_http_request_refused(const struct mc_http_request *request)
{
    return request->refused;
}
/* Headers are there, and the client waits for "100 Continue" before it sends the body. True once.
 */
bool mc_http_request_wants_continue(struct mc_http_request *request);
/* Of a complete one whose body is not wanted any more, so that it takes no memory while its reply
 * is made. */
void mc_http_request_drop_body(struct mc_http_request *request);
/* Bytes held. */
static inline size_t mc_http_request_size(const struct mc_http_request *request)
{
    return request->text.room;
}

/* Of a complete one. Spans live as long as the request. */
bool mc_http_request_keep_alive(const struct mc_http_request *request);
/* By its headers a proxy sent it, not the client himself. HTTP/1.0 is taken for a proxy: so speaks
 * nginx, which left to its defaults says nothing else of whom it asks for. */
bool mc_http_request_is_passed_on(const struct mc_http_request *request);
const char *mc_http_request_method(const struct mc_http_request *request);
/* The target up to the "?", undecoded and without "http://HOST", and what follows it. */
struct mc_span mc_http_request_path(const struct mc_http_request *request);
struct mc_span mc_http_request_query(const struct mc_http_request *request);
struct mc_span mc_http_request_body(const struct mc_http_request *request);
bool mc_http_request_has(const struct mc_http_request *request, enum mc_http_header header);
/* Empty where it was not sent. */
struct mc_span mc_http_request_header(const struct mc_http_request *request,
                                      enum mc_http_header header);

/* The value of a field of a query, decoded into `out`. False where it is missing, is there twice,
 * or its escapes are broken. */
enum mc_http_field { MC_HTTP_FIELD_OK, MC_HTTP_FIELD_MISSING, MC_HTTP_FIELD_BAD };
enum mc_http_field mc_http_query_field(struct mc_span query, const char *name, struct mc_text *out);

#endif
