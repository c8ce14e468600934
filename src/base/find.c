#include "base/find.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

const char *mc_find_nocase_plain(struct mc_span text, struct mc_span what)
{
    if (!what.len)
        return NULL;
    char first = mc_ascii_lower(what.at[0]);
    for (size_t i = 0; i + what.len <= text.len; i++)
        if (mc_ascii_lower(text.at[i]) == first &&
            mc_span_equal_nocase(mc_span(text.at + i, what.len), what))
            return text.at + i;
    return NULL;
}

const char *mc_find_either_plain(struct mc_span text, char a, char b)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == a || text.at[i] == b)
            return text.at + i;
    return NULL;
}

#if defined(__SSE2__)
/* All ones where a byte may be this small letter, large or small; a few other bytes look the same.
 */
static __m128i places(const char *at, __m128i letter)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    return _mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), letter);
}

/* Only where the first letter and, as far behind as it should be, the last one fit is the rest
 * compared. The block at the end overlaps the one before it. */
const char *mc_find_nocase(struct mc_span text, struct mc_span what)
{
    if (!what.len || text.len < what.len + 15)
        return mc_find_nocase_plain(text, what);
    const __m128i first = _mm_set1_epi8(what.at[0] | 0x20);
    const __m128i last = _mm_set1_epi8(what.at[what.len - 1] | 0x20);
    size_t end = text.len - what.len + 1; /* places where it may begin */
    for (size_t block = 0; block < end; block += 16) {
        if (block + 16 > end)
            block = end - 16;
        const char *at = text.at + block;
        unsigned hits = (unsigned)_mm_movemask_epi8(
            _mm_and_si128(places(at, first), places(at + what.len - 1, last)));
        for (; hits; hits &= hits - 1) {
            const char *place = at + __builtin_ctz(hits);
            if (mc_span_equal_nocase(mc_span(place, what.len), what))
                return place;
        }
    }
    return NULL;
}

const char *mc_find_either(struct mc_span text, char a, char b)
{
    const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b);
    if (text.len < 16)
        return mc_find_either_plain(text, a, b);
    for (size_t block = 0; block < text.len; block += 16) {
        if (block + 16 > text.len)
            block = text.len - 16;
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.at + block));
        unsigned hits = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, first), _mm_cmpeq_epi8(bytes, second)));
        if (hits)
            return text.at + block + __builtin_ctz(hits);
    }
    return NULL;
}
#else
const char *mc_find_either(struct mc_span text, char a, char b)
{
    return mc_find_either_plain(text, a, b);
}

const char *mc_find_nocase(struct mc_span text, struct mc_span what)
{
    return mc_find_nocase_plain(text, what);
}
#endif
