#include "base/hash.h"

#include <stdbool.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

static unsigned char secret[XXH3_SECRET_SIZE_MIN];
static bool drawn;

static void draw_secret(void)
{
    size_t have = 0;
    while (have < sizeof secret) {
        ssize_t got = getrandom(secret + have, sizeof secret - have, 0);
        MC_ASSERT(got > 0);
        have += (size_t)got;
    }
    drawn = true;
}

static inline const unsigned char *run_secret(void)
{
    if (!drawn)
        draw_secret();
    return secret;
}

uint64_t mc_hash(struct mc_span bytes)
{
    return XXH3_64bits_withSecret(bytes.at, bytes.len, run_secret(), XXH3_SECRET_SIZE_MIN);
}

struct mc_hash128 mc_hash128(struct mc_span bytes)
{
    XXH128_hash_t hash =
        XXH3_128bits_withSecret(bytes.at, bytes.len, run_secret(), XXH3_SECRET_SIZE_MIN);
    return (struct mc_hash128){hash.high64, hash.low64};
}

uint64_t mc_hash_lasting(struct mc_span bytes)
{
    return XXH3_64bits(bytes.at, bytes.len);
}

#define PARTS    (1u << MC_INDEX_PARTS_LOG2)
#define SMALLEST 8

static struct mc_index_part *part_of(struct mc_index *index, uint32_t tag)
{
    return &index->parts[tag >> (32 - MC_INDEX_PARTS_LOG2)];
}

/* The tag's high bits choose part and slot, so growing keeps the order and never needs the hash. */
static uint32_t home(const struct mc_index_part *part, uint32_t tag)
{
    return (uint32_t)((uint64_t)(tag << MC_INDEX_PARTS_LOG2) * part->size >> 32);
}

uint32_t mc_index_next(const struct mc_index *index, struct mc_index_cursor *cursor)
{
    const struct mc_index_part *part = &index->parts[cursor->tag >> (32 - MC_INDEX_PARTS_LOG2)];
    for (;;) {
        const struct mc_index_slot *slot = &part->slots[cursor->at];
        if (slot->record == MC_NONE)
            return MC_NONE;
        if (++cursor->at == part->size)
            cursor->at = 0;
        if (slot->tag == cursor->tag)
            return slot->record;
    }
}

uint32_t mc_index_first(const struct mc_index *index, uint64_t hash, struct mc_index_cursor *cursor)
{
    cursor->tag = (uint32_t)(hash >> 32);
    const struct mc_index_part *part = &index->parts[cursor->tag >> (32 - MC_INDEX_PARTS_LOG2)];
    if (!part->size)
        return MC_NONE;
    cursor->at = home(part, cursor->tag);
    return mc_index_next(index, cursor);
}

void mc_index_prefetch(const struct mc_index *index, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    const struct mc_index_part *part = &index->parts[tag >> (32 - MC_INDEX_PARTS_LOG2)];
    if (part->size)
        __builtin_prefetch(&part->slots[home(part, tag)]);
}

static void put(struct mc_index_part *part, uint32_t tag, uint32_t record)
{
    uint32_t at = home(part, tag);
    while (part->slots[at].record != MC_NONE)
        if (++at == part->size)
            at = 0;
    part->slots[at] = (struct mc_index_slot){tag, record};
}

/* By a quarter, when 7/8 are taken: what is empty costs more memory than growing costs time. */
static void grow(struct mc_index_part *part)
{
    struct mc_index_part old = *part;
    uint64_t size = old.size < SMALLEST ? SMALLEST : (uint64_t)old.size + old.size / 4;
    MC_ASSERT(size < UINT32_MAX);
    part->size = (uint32_t)size;
    part->slots = mc_malloc(size * sizeof *part->slots);
    memset(part->slots, 0xff, size * sizeof *part->slots);
    for (uint32_t i = 0; i < old.size; i++)
        if (old.slots[i].record != MC_NONE)
            put(part, old.slots[i].tag, old.slots[i].record);
    free(old.slots);
}

void mc_index_add(struct mc_index *index, uint64_t hash, uint32_t record)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    struct mc_index_part *part = part_of(index, tag);
    if (part->count >= part->size - part->size / 8)
        grow(part);
    put(part, tag, record);
    part->count++;
}

void mc_index_free(struct mc_index *index)
{
    for (size_t i = 0; i < PARTS; i++)
        free(index->parts[i].slots);
    *index = (struct mc_index){0};
}
