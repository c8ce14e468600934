/* From keys to 32-bit numbers, without keeping a key: 96 bits of a keyed hash stand for it (the
 * chance that two of 10 million keys differ and agree is below 1e-15). 16 bytes an entry.
 *
 * Made for many millions of keys: `prefetch` well before `at` hides what memory costs, and the map
 * grows in parts, one after the other, so that growing hardly needs more than what it grows to. */
#ifndef MC_BASE_DIGEST_MAP_H
#define MC_BASE_DIGEST_MAP_H

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
        uint32_t size, count;
    } parts[1 << MC_DIGEST_PARTS_LOG2];
};

/* Makes room for about so many keys at once; without, it grows as it fills. */
void mc_digest_map_expect(struct mc_digest_map *map, uint64_t keys);
/* The number of the key, valid until the next call. 0 where the key is new: it must then be set
 * before the next call. */
uint32_t *mc_digest_map_at(struct mc_digest_map *map, struct mc_hash128 hash);
uint64_t mc_digest_map_count(const struct mc_digest_map *map);
void mc_digest_map_free(struct mc_digest_map *map);

/* The high bits choose part and slot, so a part that grows keeps its order. */
static inline uint32_t mc_digest_home(const struct mc_digest_part *part, uint64_t hash)
{
    return (uint32_t)((unsigned __int128)(hash << MC_DIGEST_PARTS_LOG2) * part->size >> 64);
}

/* Inlined by force: gcc 12 takes a function that only fetches for one that does nothing, and drops
 * the call. */
__attribute__((always_inline)) static inline void
mc_digest_map_prefetch(const struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    const struct mc_digest_slot *slot = part->slots + mc_digest_home(part, hash.high);
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(slot + 4, 1);
}

#endif
