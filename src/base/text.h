/* Growable text, and the few safe ways to turn bytes into numbers or into something printable.
 * Never looks at the locale. */
#ifndef MC_BASE_TEXT_H
#define MC_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/span.h"

/* {0} is an empty text. `at` may be NULL while `len` is 0; it is not NUL-terminated until
 * mc_text_z() is called. */
struct mc_text {
    char *at;
    size_t len, room;
};

void mc_text_grow(struct mc_text *text, size_t extra);

/* Room for `extra` more bytes behind `len`; returns where they start. */
static inline char *mc_text_reserve(struct mc_text *text, size_t extra)
{
    if (text->room - text->len < extra)
        mc_text_grow(text, extra);
    return text->at + text->len;
}

/* Here, so that what is added by name or letter costs a few stores. */
static inline void mc_text_add(struct mc_text *text, const char *bytes, size_t len)
{
    if (!len)
        return;
    memcpy(mc_text_reserve(text, len), bytes, len);
    text->len += len;
}

static inline void mc_text_add_z(struct mc_text *text, const char *z)
{
    mc_text_add(text, z, strlen(z));
}

static inline void mc_text_add_span(struct mc_text *text, struct mc_span span)
{
    mc_text_add(text, span.at, span.len);
}

static inline void mc_text_add_char(struct mc_text *text, char c)
{
    *mc_text_reserve(text, 1) = c;
    text->len++;
}

void mc_text_add_u64(struct mc_text *text, uint64_t number);
void mc_text_printf(struct mc_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void mc_text_vprintf(struct mc_text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* The text with a NUL behind it; valid until the next change. */
const char *mc_text_z(struct mc_text *text);
static inline struct mc_span mc_text_span(const struct mc_text *text)
{
    return mc_span(text->at ? text->at : "", text->len);
}
void mc_text_free(struct mc_text *text);

/* Decimal digits only, the whole span, at most `max`. */
bool mc_parse_u64(struct mc_span digits, uint64_t max, uint64_t *number)
    __attribute__((warn_unused_result));

/* Appends `bytes` as one line that is safe on a terminal and in a log: control bytes, DEL, and
 * bytes that are no valid UTF-8 become '?', line breaks become a blank. At most `limit` bytes are
 * added, cut between characters. */
void mc_text_add_printable(struct mc_text *text, struct mc_span bytes, size_t limit);

/* The length (1 to 4) of the valid UTF-8 character at `at`, 0 where it is none. */
size_t mc_utf8_length(const char *at, size_t len);

#endif
