/* A length-counted piece of somebody else's bytes. Borrows; never owns, never NUL-terminated. */
#ifndef MC_BASE_SPAN_H
#define MC_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mc_span {
    const char *at;
    size_t len;
};

static inline struct mc_span mc_span(const char *at, size_t len)
{
    return (struct mc_span){at, len};
}

static inline struct mc_span mc_span_of(const char *text)
{
    return (struct mc_span){text, strlen(text)};
}

static inline bool mc_span_equal(struct mc_span a, struct mc_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline char mc_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Eight bytes at once. */
static inline uint64_t mc_ascii_lower_eight(uint64_t bytes)
{
    const uint64_t each = UINT64_C(0x0101010101010101), low_bits = bytes & 0x7f * each;
    uint64_t from_a = low_bits + (0x80 - 'A') * each, behind_z = low_bits + (0x7f - 'Z') * each;
    return bytes | ((from_a & ~behind_z & ~bytes & 0x80 * each) >> 2);
}

/* ASCII case is ignored; other bytes must be the same. */
static inline bool mc_span_equal_nocase(struct mc_span a, struct mc_span b)
{
    size_t i = 0;
    uint64_t first, second;
    if (a.len != b.len)
        return false;
    for (; i + sizeof first <= a.len; i += sizeof first) {
        memcpy(&first, a.at + i, sizeof first);
        memcpy(&second, b.at + i, sizeof second);
        if (first != second && mc_ascii_lower_eight(first) != mc_ascii_lower_eight(second))
            return false;
    }
    for (; i < a.len; i++)
        if (mc_ascii_lower(a.at[i]) != mc_ascii_lower(b.at[i]))
            return false;
    return true;
}

static inline bool mc_span_ends_with(struct mc_span text, struct mc_span end)
{
    return text.len >= end.len && memcmp(text.at + text.len - end.len, end.at, end.len) == 0;
}

static inline bool mc_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
