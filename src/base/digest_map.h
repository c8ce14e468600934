/* From keys to 32-bit numbers, without keeping a key: 96 bits of a keyed hash stand for it (the
 * chance that two of 10 million keys differ and agree is below 1e-15). 16 bytes an entry.
 *
 * Made for many millions of keys: `prefetch` well before `at` hides what memory costs, room for an
 * expected number of keys comes in large pages where the machine has them, and the map grows in
 * parts, one after the other, so that growing hardly needs more than what it grows to. */
#ifndef MC_BASE_DIGEST_MAP_H
#define MC_BASE_DIGEST_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define MC_DIGEST_PARTS_LOG2 6

/* {0} is empty. */
struct mc_digest_map {
    struct mc_digest_part {
        struct mc_digest_slot {
            uint64_t hash;
            uint32_t check;
            uint32_t value; /* 0: free */
        } * slots;
        uint32_t size, count, limit; /* at `limit` keys it grows */
    } parts[1 << MC_DIGEST_PARTS_LOG2];
    /* what mc_digest_map_expect made room in: the slots of parts that have not grown since */
    char *block;
    size_t block_size;
};

/* Makes room for about so many keys at once; without, it grows as it fills. */
void mc_digest_map_expect(struct mc_digest_map *map, uint64_t keys);
uint64_t mc_digest_map_count(const struct mc_digest_map *map);
void mc_digest_map_free(struct mc_digest_map *map);

void mc_digest_map_grow(struct mc_digest_map *map, struct mc_digest_part *part);

/* The high bits choose part and slot, so a part that grows keeps its order. */
static inline uint32_t mc_digest_home(const struct mc_digest_part *part, uint64_t hash)
{
    return (uint32_t)((unsigned __int128)(hash << MC_DIGEST_PARTS_LOG2) * part->size >> 64);
}

/* The number of the key, valid until the next call. 0 where the key is new: it must then be set
 * before the next call. */
static inline uint32_t *mc_digest_map_at(struct mc_digest_map *map, struct mc_hash128 hash)
{
    struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    if (part->count >= part->limit)
        mc_digest_map_grow(map, part);
    uint32_t check = (uint32_t)hash.low;
    struct mc_digest_slot *slot = part->slots + mc_digest_home(part, hash.high);
    const struct mc_digest_slot *end = part->slots + part->size;
    for (; slot->value; slot = slot + 1 == end ? part->slots : slot + 1)
        if (slot->hash == hash.high && slot->check == check)
            return &slot->value;
    slot->hash = hash.high;
    slot->check = check;
    part->count++;
    return &slot->value;
}

/* Inlined by force: gcc 12 takes a function that only fetches for one that does nothing, and drops
 * the call. */
__attribute__((always_inline)) static inline void
mc_digest_map_prefetch(const struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    const struct mc_digest_slot *slot = part->slots + mc_digest_home(part, hash.high);
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(slot + 2, 1); /* mostly the same line */
}

#endif
