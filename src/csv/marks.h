/* Which bytes of a block of text matter to CSV: one bit each. The one place that uses what the
 * machine offers; mc_marks_plain says the same byte by byte. */
#ifndef MC_CSV_MARKS_H
#define MC_CSV_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MC_MARKS_BLOCK 64

/* Bit i: byte i of the block is the delimiter, a quote, LF or `line_break`. */
static inline uint64_t mc_marks_plain(const char *block, char delimiter, char line_break)
{
    uint64_t marks = 0;
    for (unsigned i = 0; i < MC_MARKS_BLOCK; i++) {
        char c = block[i];
        bool mark = c == delimiter || c == '"' || c == '\n' || c == line_break;
        marks |= (uint64_t)mark << i;
    }
    return marks;
}

#if defined(__SSE2__)
static inline uint64_t mc_marks(const char *block, char delimiter, char line_break)
{
    const __m128i delimiters = _mm_set1_epi8(delimiter), quotes = _mm_set1_epi8('"');
    const __m128i newlines = _mm_set1_epi8('\n'), breaks = _mm_set1_epi8(line_break);
    uint64_t marks = 0;
    for (unsigned i = 0; i < MC_MARKS_BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
        __m128i hits = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiters), _mm_cmpeq_epi8(bytes, quotes)),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, newlines), _mm_cmpeq_epi8(bytes, breaks)));
        marks |= (uint64_t)(uint32_t)_mm_movemask_epi8(hits) << i;
    }
    return marks;
}
#else
static inline uint64_t mc_marks(const char *block, char delimiter, char line_break)
{
    return mc_marks_plain(block, delimiter, line_break);
}
#endif

#endif
