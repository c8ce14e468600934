/* Four letters of the text are looked at a time, at every place or, where all wordings are long
 * enough, at every second, third ... one: each wording is known by the four letters at its start,
 * or by those one, two ... further on. A table of bits says of nearly all places that nothing can
 * be there. The places do not depend on each other, so that the processor looks at several. */
#include "bounce/wordings.h"

#include <stdint.h>

#include "base/memory.h"
#include "bounce/judge.h"

#define LETTERS     4 /* that are looked at */
#define STRIDE_MAX  16
#define HASHES      8192
#define CHAINS      512
#define ENTRIES_MAX 1024
/* What a byte of text costs where it is looked at, and for each wording that is looked for alone so
 * that the others can be in longer strides. */
#define LOOK_COST  70
#define BRIEF_COST 15
#define TABLES_MAX 64

/* Four letters of a wording, and its last four. Entries are counted from 1; 0 ends a chain. */
struct entry {
    uint32_t letters, tail;
    uint16_t word, next;
    uint16_t len, offset; /* of the wording, and of the letters within it */
};

struct index {
    const void *words;
    size_t stride, entries;
    uint64_t bits[HASHES / 64];
    uint16_t first[CHAINS];
    struct entry entry[ENTRIES_MAX + 1];
    uint16_t from[256]; /* the first wording with that small letter, `count` where there is none */
    uint16_t brief_count;
    uint16_t brief[ENTRIES_MAX]; /* wordings too short for the stride */
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

/* Enough letters that one of the places at which the text is looked at is within them. */
static bool is_brief(const char *word, size_t places)
{
    return strlen(word) < LETTERS + places - 1;
}

static void add_word(struct index *index, const char *word, size_t number)
{
    size_t len = strlen(word);
    if (is_brief(word, index->stride)) {
        index->brief[index->brief_count++] = (uint16_t)number;
        return;
    }
    for (size_t i = 0; i < index->stride; i++) {
        MC_ASSERT(index->entries < ENTRIES_MAX);
        struct entry *entry = &index->entry[++index->entries];
        *entry = (struct entry){.letters = letters_at(word + i),
                                .tail = letters_at(word + len - LETTERS),
                                .word = (uint16_t)number,
                                .len = (uint16_t)len,
                                .offset = (uint16_t)i};
        uint32_t hash = hash_of(entry->letters);
        index->bits[hash / 64] |= UINT64_C(1) << hash % 64;
        entry->next = index->first[hash % CHAINS];
        index->first[hash % CHAINS] = (uint16_t)index->entries;
    }
}

/* Long ones are cheap, unless many wordings are too short for them, or so many entries are made
 * that most bits are set. */
static size_t stride_of(const void *words, size_t count, size_t stride)
{
    size_t best = 1, least = SIZE_MAX;
    for (size_t places = 1; places <= STRIDE_MAX; places++) {
        size_t cost = LOOK_COST / places;
        for (size_t i = 0; i < count; i++)
            cost += is_brief(word_at(words, i, stride), places) ? BRIEF_COST : 0;
        if (cost < least && (places == 1 || places * count <= ENTRIES_MAX / 2)) {
            least = cost;
            best = places;
        }
    }
    return best;
}

static struct index *make_index(const void *words, size_t count, size_t stride)
{
    MC_ASSERT(count <= ENTRIES_MAX);
    struct index *index = mc_calloc(1, sizeof *index);
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

static struct index *tables[TABLES_MAX];

static struct index *probe(const void *words, size_t count, size_t stride, size_t at)
{
    for (size_t tried = 0; tables[at] && tables[at]->words != words; tried++) {
        MC_ASSERT(tried < TABLES_MAX);
        at = (at + 1) % TABLES_MAX;
    }
    if (!tables[at])
        tables[at] = make_index(words, count, stride);
    return tables[at];
}

/* Nearly always it is where it is looked for first. */
static inline const struct index *index_of(const void *words, size_t count, size_t stride)
{
    size_t at = (uintptr_t)words / 16 % TABLES_MAX;
    const struct index *index = tables[at];
    return index && index->words == words ? index : probe(words, count, stride, at);
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
        struct mc_span rest = mc_span(text.at + at - entry->offset, text.len - at + entry->offset);
        if (entry->len <= rest.len && letters_at(rest.at + entry->len - LETTERS) == entry->tail &&
            mc_bounce_starts(rest, word_at(words, entry->word, stride)))
            best = entry->word;
    }
    return best;
}

/* The next place, from `at` on, at which a wording before `best` is met; text.len where none is. */
static size_t meet(const struct index *index, struct mc_span text, size_t at, size_t *best,
                   const void *words, size_t stride)
{
    for (size_t before = *best; at + LETTERS <= text.len; at += index->stride) {
        uint32_t hash = hash_of(letters_at(text.at + at));
        if (!(index->bits[hash / 64] >> hash % 64 & 1))
            continue;
        *best = verify(index, text, at, before, words, stride);
        if (*best < before)
            return at;
    }
    return text.len;
}

size_t mc_bounce_find_any(struct mc_span text, const void *words, size_t count, size_t stride)
{
    const struct index *index = index_of(words, count, stride);
    size_t best = count;
    for (size_t at = 0; at < text.len; at += index->stride)
        at = meet(index, text, at, &best, words, stride);
    for (size_t i = 0; i < index->brief_count; i++)
        if (index->brief[i] < best && mc_bounce_has(text, word_at(words, index->brief[i], stride)))
            best = index->brief[i];
    return best;
}

bool mc_bounce_has_any(struct mc_span text, const char *const *words, size_t count)
{
    const struct index *index = index_of(words, count, sizeof *words);
    size_t best = count;
    if (meet(index, text, 0, &best, words, sizeof *words) < text.len)
        return true;
    for (size_t i = 0; i < index->brief_count; i++)
        if (mc_bounce_has(text, words[index->brief[i]]))
            return true;
    return false;
}

size_t mc_bounce_place_any(struct mc_span text, const char *const *words, size_t count)
{
    const struct index *index = index_of(words, count, sizeof *words);
    size_t best = count, place = meet(index, text, 0, &best, words, sizeof *words);
    for (size_t i = 0; i < index->brief_count; i++) {
        size_t at = mc_bounce_find(text, words[index->brief[i]]);
        place = at < place ? at : place;
    }
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
