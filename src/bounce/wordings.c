/* Four letters of the text are looked at a time, at every place or, where all wordings are long
 * enough, at every second, third ... one: each wording is known by the four letters at its start,
 * or by those one, two ... further on. A table of bits says of nearly all places that nothing can
 * be there. The places do not depend on each other, so that the processor looks at several. */
#include "bounce/wordings.h"

#include <stdint.h>

#include "base/memory.h"
#include "bounce/judge.h"

#define LETTERS     4 /* that are looked at */
#define STRIDE_MAX  8
#define HASHES      4096
#define CHAINS      512
#define ENTRIES_MAX 1024
#define TABLES_MAX  64

/* Four letters of a wording. Entries are counted from 1; 0 ends a chain. */
struct entry {
    uint32_t letters;
    uint16_t word, next;
    uint8_t offset; /* of the letters within the wording */
};

struct index {
    const void *words;
    size_t stride, entries;
    uint64_t bits[HASHES / 64];
    uint16_t first[CHAINS];
    struct entry entry[ENTRIES_MAX + 1];
    uint16_t from[256]; /* the first wording with that small letter, `count` where there is none */
    uint16_t brief_count;
    uint16_t brief[ENTRIES_MAX]; /* wordings of fewer letters */
};

/* Small letters, and other bytes made the same too; which it was is seen when all is compared. */
static uint32_t letters_at(const char *at)
{
    uint32_t letters;
    memcpy(&letters, at, sizeof letters);
    return letters | 0x20202020u;
}

static uint32_t hash_of(uint32_t letters)
{
    return letters * 0x9e3779b1u / (UINT32_MAX / HASHES + 1);
}

static const char *word_at(const void *words, size_t i, size_t stride)
{
    return *(const char *const *)((const char *)words + i * stride);
}

static void add_word(struct index *index, const char *word, size_t number)
{
    if (strlen(word) < LETTERS) {
        index->brief[index->brief_count++] = (uint16_t)number;
        return;
    }
    for (size_t i = 0; i < index->stride; i++) {
        struct entry *entry = &index->entry[++index->entries];
        *entry = (struct entry){letters_at(word + i), (uint16_t)number, 0, (uint8_t)i};
        uint32_t hash = hash_of(entry->letters);
        index->bits[hash / 64] |= UINT64_C(1) << hash % 64;
        entry->next = index->first[hash % CHAINS];
        index->first[hash % CHAINS] = (uint16_t)index->entries;
    }
}

/* As far as the shortest wording allows, and no more entries than keep most bits clear. */
static size_t stride_of(const void *words, size_t count, size_t stride)
{
    size_t places = STRIDE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(word_at(words, i, stride));
        if (len >= LETTERS && len - LETTERS + 1 < places)
            places = len - LETTERS + 1;
    }
    while (places > 1 && places * count > HASHES / 8)
        places--;
    return places;
}

static struct index *index_of(const void *words, size_t count, size_t stride)
{
    static struct index *tables[TABLES_MAX];
    size_t at = (uintptr_t)words / 16 % TABLES_MAX, tried = 0;
    while (tables[at] && tables[at]->words != words) {
        at = (at + 1) % TABLES_MAX;
        MC_ASSERT(++tried < TABLES_MAX);
    }
    if (tables[at])
        return tables[at];
    MC_ASSERT(count <= ENTRIES_MAX);
    struct index *index = tables[at] = mc_calloc(1, sizeof *index);
    index->words = words;
    index->stride = stride_of(words, count, stride);
    for (size_t i = 0; i < MC_ARRAY_LEN(index->from); i++)
        index->from[i] = (uint16_t)count;
    for (size_t i = count; i-- > 0;) {
        const char *word = word_at(words, i, stride);
        index->from[(unsigned char)mc_ascii_lower(*word)] = (uint16_t)i;
        add_word(index, word, i);
    }
    return index;
}

/* The wording before `best` that stands around the letters at `at`, the first of several; `best`
 * where none does. */
static size_t verify(const struct index *index, struct mc_span text, size_t at, size_t best,
                     const void *words, size_t stride)
{
    uint32_t letters = letters_at(text.at + at);
    for (size_t i = index->first[hash_of(letters) % CHAINS]; i; i = index->entry[i].next) {
        const struct entry *entry = &index->entry[i];
        if (entry->letters != letters || entry->word >= best || entry->offset > at)
            continue;
        size_t start = at - entry->offset;
        if (mc_bounce_starts(mc_span(text.at + start, text.len - start),
                             word_at(words, entry->word, stride)))
            best = entry->word;
    }
    return best;
}

/* The first in the table, or with `place` the first that is met and a place within it. */
static size_t find(struct mc_span text, const void *words, size_t count, size_t stride,
                   size_t *place)
{
    const struct index *index = index_of(words, count, stride);
    size_t best = count;
    for (size_t at = 0; at + LETTERS <= text.len; at += index->stride) {
        uint32_t hash = hash_of(letters_at(text.at + at));
        if (!(index->bits[hash / 64] >> hash % 64 & 1))
            continue;
        best = verify(index, text, at, best, words, stride);
        if (best < count && place) {
            *place = at;
            return best;
        }
    }
    for (size_t i = 0; i < index->brief_count; i++)
        if (index->brief[i] < best && mc_bounce_has(text, word_at(words, index->brief[i], stride)))
            best = index->brief[i];
    return best;
}

size_t mc_bounce_find_any(struct mc_span text, const void *words, size_t count, size_t stride)
{
    return find(text, words, count, stride, NULL);
}

bool mc_bounce_has_any(struct mc_span text, const char *const *words, size_t count)
{
    size_t place;
    return find(text, words, count, sizeof *words, &place) < count;
}

size_t mc_bounce_place_any(struct mc_span text, const char *const *words, size_t count)
{
    size_t place = text.len;
    bool has = find(text, words, count, sizeof *words, &place) < count;
    MC_ASSERT(!has || place < text.len); /* no brief ones */
    return place;
}

size_t mc_bounce_starts_any(struct mc_span text, const char *const *words, size_t count)
{
    const struct index *index = index_of(words, count, sizeof *words);
    if (!text.len)
        return count;
    char first = mc_ascii_lower(text.at[0]);
    for (size_t i = index->from[(unsigned char)first]; i < count; i++)
        if (mc_ascii_lower(words[i][0]) == first && mc_bounce_starts(text, words[i]))
            return i;
    return count;
}
