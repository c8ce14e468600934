#include "lists/role_filter.h"

#include <endian.h>

#include "base/bytes16.h"

/* What the filter knows of a word: its first eight bytes, whatever the case of their letters, and
 * how long it is. `eight`: behind the word's own bytes may stand anything. */
static inline uint64_t own_bytes(uint64_t eight, size_t len)
{
    return len < 8 ? eight & ((UINT64_C(1) << 8 * len) - 1) : eight;
}

static inline uint64_t eight_bytes(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return le64toh(eight) | UINT64_C(0x2020202020202020);
}

static inline uint64_t digest(uint64_t own, size_t len)
{
    return (own + (len << 5)) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Which word of the filter, and which two bits of it. */
static inline size_t place(uint64_t digest)
{
    return digest >> (64 - (MC_ROLE_FILTER_BITS - 6));
}

static inline uint64_t two_bits(uint64_t digest)
{
    return UINT64_C(1) << (digest >> 40 & 63) | UINT64_C(1) << (digest >> 46 & 63);
}

static inline bool has(const struct mc_role_filter *filter, uint64_t own, size_t len)
{
    uint64_t hash = digest(own, len);
    return (~filter->bits[place(hash)] & two_bits(hash)) == 0;
}

static inline bool is_separator(char c)
{
    return c == '.' || c == '-' || c == '_';
}

/* Of a word its first token is kept, without digits at the end: a local part that is this word, or
 * has it, has that token. Nearly all are one token without digits. */
void mc_role_filter_add(struct mc_role_filter *filter, struct mc_span word)
{
    for (size_t start = 0, end; start < word.len; start = end + 1) {
        char eight[8] = {0};
        for (end = start; end < word.len && !is_separator(word.at[end]);)
            end++;
        size_t len = end - start;
        while (len > 0 && mc_is_digit(word.at[start + len - 1]))
            len--;
        if (len == 0)
            continue;
        memcpy(eight, word.at + start, len < sizeof eight ? len : sizeof eight);
        uint64_t hash = digest(own_bytes(eight_bytes(eight), len), len);
        filter->bits[place(hash)] |= two_bits(hash);
        return;
    }
    filter->passes_all = filter->passes_all || word.len > 0;
}

/* How much of the first `len` bytes is left without the digits at their end. */
static inline size_t without_digits(uint64_t digits, size_t len)
{
    return len ? len - (size_t)__builtin_clzll(~(digits << (64 - len))) : 0;
}

bool mc_role_filter_may_match_looked(const struct mc_role_filter *filter, struct mc_span local,
                                     uint64_t digits, uint64_t separators)
{
    uint64_t joined = 0;
    size_t start = 0, joined_len = 0, joined_stem = 0;
    bool found = filter->passes_all;
    for (uint64_t ends = separators | UINT64_C(1) << local.len; ends; ends &= ends - 1) {
        size_t end = (size_t)__builtin_ctzll(ends), stem = without_digits(digits, end);
        uint64_t eight = eight_bytes(local.at + start);
        if (stem > start) {
            found |= has(filter, own_bytes(eight, stem - start), stem - start);
            joined_stem = joined_len + stem - start;
        }
        if (joined_len < 8)
            joined |= own_bytes(eight, end - start) << 8 * joined_len;
        joined_len += end - start;
        start = end + 1;
    }
    return found || (separators && joined_stem > 0 &&
                     has(filter, own_bytes(joined, joined_stem), joined_stem));
}

bool mc_role_filter_may_match(const struct mc_role_filter *filter, struct mc_span local)
{
    char text[MC_ROLE_LOOKED_MAX + 1 + MC_BYTES16];
    uint64_t letters = 0, digits = 0, separators = 0;
    if (local.len == 0 || local.len > MC_ROLE_LOOKED_MAX)
        return true;
    memcpy(text, local.at, local.len);
    memset(text + local.len, 0, MC_BYTES16);
    for (size_t at = 0; at < local.len; at += MC_BYTES16) {
        struct mc_bytes16 bytes = mc_bytes16_load(text + at);
        letters |= mc_bytes16_among(mc_bytes16_fold(bytes), 'a', 'z') << at;
        digits |= mc_bytes16_among(bytes, '0', '9') << at;
        separators |= (mc_bytes16_among(bytes, '-', '.') | mc_bytes16_are(bytes, '_')) << at;
    }
    return (letters | digits | separators) != (UINT64_C(1) << local.len) - 1 ||
           mc_role_filter_may_match_looked(filter, mc_span(text, local.len), digits, separators);
}
