/* The method of Wu and Manber: of each place in the text three letters are hashed, and the hash
 * says how far on the next place is at which a word could have begun. Words that share the letters
 * at which one must look closer hang in a chain, in the order of their table. */
#include "bounce/wordings.h"

#include <stdint.h>

#include "base/memory.h"
#include "bounce/judge.h"

#define BLOCK      3 /* letters that are hashed */
#define HEAD_MAX   16
#define HASHES     2048
#define WORDS_MAX  1024
#define TABLES_MAX 64

/* Numbers of words are counted from 1; 0 ends a chain. */
struct index {
    const void *words;
    size_t head; /* letters of each word that are looked at: as many as the shortest has */
    uint8_t skip[HASHES];
    uint16_t first[HASHES];
    uint16_t next[WORDS_MAX + 1];
    uint16_t brief; /* the chain of words shorter than a block */
};

static uint32_t hash_of(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    return ((byte[0] | 0x20u) << 8 ^ (byte[1] | 0x20u) << 4 ^ (byte[2] | 0x20u)) % HASHES;
}

static const char *word_at(const void *words, size_t i, size_t stride)
{
    return *(const char *const *)((const char *)words + i * stride);
}

static void add_word(struct index *index, const char *word, uint16_t number)
{
    uint16_t *chain = &index->brief;
    if (strlen(word) >= BLOCK) {
        for (size_t i = 0; i + BLOCK <= index->head; i++) {
            uint8_t *skip = &index->skip[hash_of(word + i)];
            uint8_t left = (uint8_t)(index->head - BLOCK - i);
            *skip = left < *skip ? left : *skip;
        }
        chain = &index->first[hash_of(word + index->head - BLOCK)];
    }
    index->next[number] = *chain;
    *chain = number;
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
    index->head = HEAD_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(word_at(words, i, stride));
        if (len >= BLOCK && len < index->head)
            index->head = len;
    }
    memset(index->skip, (int)(index->head - BLOCK + 1), sizeof index->skip);
    for (size_t i = count; i-- > 0;)
        add_word(index, word_at(words, i, stride), (uint16_t)(i + 1));
    return index;
}

/* The first in the table, or with `any` the first that is met. */
static size_t find(struct mc_span text, const void *words, size_t count, size_t stride, bool any)
{
    const struct index *index = index_of(words, count, stride);
    size_t best = count;
    for (size_t end = index->head; end <= text.len;) { /* the head of a word would end here */
        uint32_t hash = hash_of(text.at + end - BLOCK);
        if (index->skip[hash]) {
            end += index->skip[hash];
            continue;
        }
        struct mc_span rest = mc_span(text.at + end - index->head, text.len - end + index->head);
        for (size_t at = index->first[hash]; at && at <= best; at = index->next[at])
            if (mc_bounce_starts(rest, word_at(words, at - 1, stride)))
                best = at - 1;
        if (best < count && any)
            return best;
        end++;
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
