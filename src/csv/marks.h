/* Which bytes of a text matter to CSV. The one place that uses what the machine offers; the
 * functions called plain say the same byte by byte. */
#ifndef MC_CSV_MARKS_H
#define MC_CSV_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline bool mc_has_marks_plain(const char *at, size_t len, char delimiter)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] == delimiter || at[i] == '"' || at[i] == '\n' || at[i] == '\r')
            return true;
    return false;
}

#if defined(__SSE2__)
static inline unsigned mc_marks_of(__m128i bytes, char delimiter, char line_break)
{
    const __m128i hits =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(delimiter)),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8(line_break))));
    return (unsigned)_mm_movemask_epi8(hits);
}

static inline unsigned mc_marks16(const char *at, char delimiter, char line_break)
{
    return mc_marks_of(_mm_loadu_si128((const __m128i *)(const void *)at), delimiter, line_break);
}

static inline uint64_t mc_marks(const char *block, char delimiter, char line_break)
{
    return (uint64_t)mc_marks16(block, delimiter, line_break) |
           (uint64_t)mc_marks16(block + 16, delimiter, line_break) << 16 |
           (uint64_t)mc_marks16(block + 32, delimiter, line_break) << 32 |
           (uint64_t)mc_marks16(block + 48, delimiter, line_break) << 48;
}

static inline unsigned mc_copy_marks16(char *to, const char *from, char delimiter)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    return mc_marks_of(bytes, delimiter, '\r');
}

/* Copies a text and says whether it has a delimiter, a quote, LF or CR; touches nothing outside of
 * either. */
static inline bool mc_copy_has_marks(char *to, const char *from, size_t len, char delimiter)
{
    if (len < 16) {
        memcpy(to, from, len);
        return mc_has_marks_plain(from, len, delimiter);
    }
    unsigned marks = mc_copy_marks16(to + len - 16, from + len - 16, delimiter);
    for (size_t i = 0; i + 16 < len; i += 16)
        marks |= mc_copy_marks16(to + i, from + i, delimiter);
    return marks != 0;
}
#else
static inline uint64_t mc_marks(const char *block, char delimiter, char line_break)
{
    return mc_marks_plain(block, delimiter, line_break);
}

static inline bool mc_copy_has_marks(char *to, const char *from, size_t len, char delimiter)
{
    memcpy(to, from, len);
    return mc_has_marks_plain(from, len, delimiter);
}
#endif

#endif
