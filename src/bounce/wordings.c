/* Words are found by a hash of their first three letters that rolls along the text; those that
 * share one hang in a chain, in the order of their table. */
#include "bounce/wordings.h"

#include <stdint.h>

#include "base/memory.h"
#include "bounce/judge.h"

#define HEAD       3 /* letters that are hashed */
#define HASHES     2048
#define WORDS_MAX  1024
#define TABLES_MAX 64

/* Numbers of words are counted from 1; 0 ends a chain. */
struct index {
    const void *words;
    uint16_t first[HASHES];
    uint16_t next[WORDS_MAX + 1];
    uint16_t brief; /* the chain of words shorter than a head */
};

static uint32_t roll(uint32_t hash, char c)
{
    return (hash << 4 ^ ((unsigned char)c | 0x20u)) % HASHES;
}

static const char *word_at(const void *words, size_t i, size_t stride)
{
    return *(const char *const *)((const char *)words + i * stride);
}

static struct index *index_of(const void *words, size_t count, size_t stride)
{
    static struct index tables[TABLES_MAX];
    size_t at = (uintptr_t)words / 16 % TABLES_MAX, tried = 0;
    while (tables[at].words && tables[at].words != words) {
        at = (at + 1) % TABLES_MAX;
        MC_ASSERT(++tried < TABLES_MAX);
    }
    struct index *index = &tables[at];
    if (index->words)
        return index;
    MC_ASSERT(count <= WORDS_MAX);
    index->words = words;
    for (size_t i = count; i-- > 0;) {
        const char *word = word_at(words, i, stride);
        uint32_t hash = 0;
        size_t len = 0;
        for (; len < HEAD && word[len]; len++)
            hash = roll(hash, word[len]);
        uint16_t *chain = len < HEAD ? &index->brief : &index->first[hash];
        index->next[i + 1] = *chain;
        *chain = (uint16_t)(i + 1);
    }
    return index;
}

/* The first in the table, or with `any` the first that is met. */
static size_t find(struct mc_span text, const void *words, size_t count, size_t stride, bool any)
{
    const struct index *index = index_of(words, count, stride);
    size_t best = count;
    uint32_t hash = 0;
    for (size_t i = 0; i < text.len; i++) {
        hash = roll(hash, text.at[i]);
        if (!index->first[hash] || i + 1 < HEAD)
            continue;
        struct mc_span rest = mc_span(text.at + i + 1 - HEAD, text.len - i - 1 + HEAD);
        for (size_t at = index->first[hash]; at && at <= best; at = index->next[at])
            if (mc_bounce_starts(rest, word_at(words, at - 1, stride)))
                best = at - 1;
        if (best < count && any)
            return best;
    }
    for (size_t at = index->brief; at && at <= best; at = index->next[at])
        if (mc_bounce_has(text, word_at(words, at - 1, stride)))
            best = at - 1;
    return best;
}

size_t mc_bounce_find_any(struct mc_span text, const void *words, size_t count, size_t stride)
{
    return find(text, words, count, stride, false);
}

bool mc_bounce_has_any(struct mc_span text, const char *const *words, size_t count)
{
    return find(text, words, count, sizeof *words, true) < count;
}
