#include "base/hash.h"

#include <stdbool.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

static const unsigned char *run_secret(void)
{
    static unsigned char secret[XXH3_SECRET_SIZE_MIN];
    static bool drawn;
    if (!drawn) {
        size_t have = 0;
        while (have < sizeof secret) {
            ssize_t got = getrandom(secret + have, sizeof secret - have, 0);
            MC_ASSERT(got > 0);
            have += (size_t)got;
        }
        drawn = true;
    }
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

/* The tag's high bits choose the slot, so growing keeps the order and never needs the hash. */
static uint32_t home(const struct mc_index *index, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * index->size >> 32);
}

uint32_t mc_index_next(const struct mc_index *index, struct mc_index_cursor *cursor)
{
    for (;;) {
        const struct mc_index_slot *slot = &index->slots[cursor->at];
        if (slot->record == MC_NONE)
            return MC_NONE;
        if (++cursor->at == index->size)
            cursor->at = 0;
        if (slot->tag == cursor->tag)
            return slot->record;
    }
}

uint32_t mc_index_first(const struct mc_index *index, uint64_t hash, struct mc_index_cursor *cursor)
{
    if (!index->size)
        return MC_NONE;
    cursor->tag = (uint32_t)(hash >> 32);
    cursor->at = home(index, cursor->tag);
    return mc_index_next(index, cursor);
}

static void put(struct mc_index *index, uint32_t tag, uint32_t record)
{
    uint32_t at = home(index, tag);
    while (index->slots[at].record != MC_NONE)
        if (++at == index->size)
            at = 0;
    index->slots[at] = (struct mc_index_slot){tag, record};
}

void mc_index_add(struct mc_index *index, uint64_t hash, uint32_t record)
{
    if (index->count >= index->size - index->size / 4) {
        struct mc_index old = *index;
        uint64_t size = old.size < 64 ? 64 : (uint64_t)old.size + old.size / 2;
        MC_ASSERT(size < UINT32_MAX);
        index->size = (uint32_t)size;
        index->slots = mc_malloc(size * sizeof *index->slots);
        memset(index->slots, 0xff, size * sizeof *index->slots);
        for (uint32_t i = 0; i < old.size; i++)
            if (old.slots[i].record != MC_NONE)
                put(index, old.slots[i].tag, old.slots[i].record);
        free(old.slots);
    }
    put(index, (uint32_t)(hash >> 32), record);
    index->count++;
}

void mc_index_free(struct mc_index *index)
{
    free(index->slots);
    *index = (struct mc_index){0};
}
