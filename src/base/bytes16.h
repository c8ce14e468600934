/* Sixteen bytes looked at together: which of them are this or that, one bit a byte. With SSE2 a
 * few instructions; elsewhere the same in loops. */
#ifndef MC_BASE_BYTES16_H
#define MC_BASE_BYTES16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MC_BYTES16 16

struct mc_bytes16 {
#if defined(__SSE2__)
    __m128i all;
#else
    unsigned char all[MC_BYTES16];
#endif
};

static inline struct mc_bytes16 mc_bytes16_load(const char *at)
{
    struct mc_bytes16 bytes;
    memcpy(&bytes.all, at, MC_BYTES16);
    return bytes;
}

static inline void mc_bytes16_store(char *at, struct mc_bytes16 bytes)
{
    memcpy(at, &bytes.all, MC_BYTES16);
}

/* Capital letters become small ones (and a few other bytes change as well). */
static inline struct mc_bytes16 mc_bytes16_fold(struct mc_bytes16 bytes)
{
#if defined(__SSE2__)
    bytes.all = _mm_or_si128(bytes.all, _mm_set1_epi8(0x20));
#else
    for (size_t i = 0; i < MC_BYTES16; i++)
        bytes.all[i] |= 0x20;
#endif
    return bytes;
}

/* Bit i: byte i is one of `first` to `last`. */
static inline uint64_t mc_bytes16_among(struct mc_bytes16 bytes, char first, char last)
{
#if defined(__SSE2__)
    __m128i from_first = _mm_sub_epi8(bytes.all, _mm_set1_epi8(first));
    __m128i least = _mm_min_epu8(from_first, _mm_set1_epi8((char)(last - first)));
    return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(least, from_first));
#else
    uint64_t bits = 0;
    for (size_t i = 0; i < MC_BYTES16; i++)
        bits |=
            (uint64_t)(bytes.all[i] >= (unsigned char)first && bytes.all[i] <= (unsigned char)last)
            << i;
    return bits;
#endif
}

static inline uint64_t mc_bytes16_are(struct mc_bytes16 bytes, char c)
{
#if defined(__SSE2__)
    __m128i hits = _mm_cmpeq_epi8(bytes.all, _mm_set1_epi8(c));
    return (uint64_t)(uint32_t)_mm_movemask_epi8(hits);
#else
    return mc_bytes16_among(bytes, c, c);
#endif
}

#endif
