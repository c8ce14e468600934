#include "lists/role_filter.h"

#include "base/bytes16.h"

/* Longer ones are let through. One bit of a mask for each byte. */
#define LOCAL_MAX 63

/* Two places in the filter, from the length, the first four bytes and the last four, whatever the
 * case of their letters. */
static inline uint32_t digest_of(uint32_t first, uint32_t last, size_t len)
{
    const uint32_t lower = 0x20202020;
    uint64_t mixed = (first | lower | (uint64_t)(last | lower) << 32) + (len << 5);
    return (uint32_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static inline uint32_t four_bytes(const char *at)
{
    uint32_t four;
    memcpy(&four, at, sizeof four);
    return four;
}

static inline uint32_t digest(const char *at, size_t len)
{
    if (len >= 4)
        return digest_of(four_bytes(at), four_bytes(at + len - 4), len);
    if (len == 0)
        return 0;
    uint32_t all = (unsigned char)at[0] | (uint32_t)(unsigned char)at[len / 2] << 8 |
                   (uint32_t)(unsigned char)at[len - 1] << 16;
    return digest_of(all, 0, len);
}

/* Which word of the filter, and which two bits of it. */
static inline size_t place(uint32_t digest)
{
    return digest >> (32 - (MC_ROLE_FILTER_BITS - 6));
}

static inline uint64_t two_bits(uint32_t digest)
{
    return UINT64_C(1) << (digest & 63) | UINT64_C(1) << (digest >> 6 & 63);
}

static inline bool has(const struct mc_role_filter *filter, uint32_t hash)
{
    return (~filter->bits[place(hash)] & two_bits(hash)) == 0;
}

static inline bool may_be(const struct mc_role_filter *filter, const char *at, size_t len)
{
    return has(filter, digest(at, len));
}

void mc_role_filter_add(struct mc_role_filter *filter, struct mc_span word)
{
    uint32_t hash = digest(word.at, word.len);
    filter->bits[place(hash)] |= two_bits(hash);
}

struct view {
    const char *text;
    uint64_t digits, separators;
};

/* How much of the first `len` bytes is left without the digits at their end. */
static inline size_t without_digits(const struct view *view, size_t len)
{
    return len ? len - (size_t)__builtin_clzll(~(view->digits << (64 - len))) : 0;
}

/* The tokens put together, without the digits at their end: what is left behind is `end` long,
 * or shorter where that ends with a separator. */
static inline bool joined_may_be(const struct mc_role_filter *filter, const struct view *view,
                                 size_t end)
{
    const uint64_t four = 0xf;
    char joined[LOCAL_MAX];
    while (end > 0 && view->separators >> (end - 1) & 1)
        end = without_digits(view, end - 1);
    uint64_t separators = view->separators & ((UINT64_C(1) << end) - 1);
    size_t len = end - (size_t)__builtin_popcountll(separators), at = 0;
    /* mostly both ends are whole */
    if (len >= 4 && !(separators & (four | four << (end - 4))))
        return has(filter,
                   digest_of(four_bytes(view->text), four_bytes(view->text + end - 4), len));
    for (size_t i = 0; i < end; i++) {
        joined[at] = view->text[i];
        at += !(separators >> i & 1);
    }
    return may_be(filter, joined, len);
}

static inline bool look(struct view *view, struct mc_span local)
{
    uint64_t letters = 0;
    view->text = local.at;
    for (size_t done = 0; done < local.len; done += MC_BYTES16) {
        size_t left = local.len - done;
        struct mc_bytes16 bytes = left < MC_BYTES16 ? mc_bytes16_load_short(local.at + done, left)
                                                    : mc_bytes16_load(local.at + done);
        letters |= mc_bytes16_among(mc_bytes16_fold(bytes), 'a', 'z') << done;
        view->digits |= mc_bytes16_among(bytes, '0', '9') << done;
        view->separators |= (mc_bytes16_among(bytes, '-', '.') | mc_bytes16_are(bytes, '_'))
                            << done;
    }
    return (letters | view->digits | view->separators) == (UINT64_C(1) << local.len) - 1;
}

bool mc_role_filter_may_match(const struct mc_role_filter *filter, struct mc_span local)
{
    struct view view = {0};
    if (local.len > LOCAL_MAX || !look(&view, local))
        return true;
    size_t start = 0, stem = 0;
    for (uint64_t ends = view.separators | UINT64_C(1) << local.len; ends; ends &= ends - 1) {
        size_t end = (size_t)__builtin_ctzll(ends);
        stem = without_digits(&view, end);
        if ((stem > start && may_be(filter, local.at + start, stem - start)) ||
            (stem < end && may_be(filter, local.at + start, end - start)))
            return true;
        start = end + 1;
    }
    return view.separators &&
           (may_be(filter, local.at, local.len) || may_be(filter, local.at, stem) ||
            joined_may_be(filter, &view, stem));
}
