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

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/hash.h"

#define MC_DIGEST_PARTS_LOG2 6

/* A cache line. Slots fill from the first on. */
struct mc_digest_bucket {
    struct mc_digest_slot {
        uint64_t hash;
        uint32_t check;
        uint32_t value; /* 0: free */
    } slots[4];
};

/* {0} is empty. */
struct mc_digest_map {
    struct mc_digest_part {
        struct mc_digest_bucket *buckets;
        void *memory;                /* what the buckets are in; NULL: the block */
        uint32_t size, count, limit; /* buckets, keys; with `limit` keys it grows */
    } parts[1 << MC_DIGEST_PARTS_LOG2];
    void *block; /* what mc_digest_map_expect made room in */
    size_t block_size;
};

/* Makes room for about so many keys at once; without, it grows as it fills. */
void mc_digest_map_expect(struct mc_digest_map *map, uint64_t keys);
uint64_t mc_digest_map_count(const struct mc_digest_map *map);
void mc_digest_map_free(struct mc_digest_map *map);

void mc_digest_part_grow(struct mc_digest_part *part);

/* The high bits choose part and bucket, so a part that grows keeps its order. */
static inline uint32_t mc_digest_home(const struct mc_digest_part *part, uint64_t hash)
{
    return (uint32_t)((unsigned __int128)(hash << MC_DIGEST_PARTS_LOG2) * part->size >> 64);
}

/* Which slot of a bucket the key has, or would have as the first free one; 4 where it is not here.
 */
static inline unsigned mc_digest_look_plain(const struct mc_digest_bucket *bucket,
                                            struct mc_hash128 hash)
{
    unsigned i = 0;
    while (i < 4 && bucket->slots[i].value &&
           (bucket->slots[i].hash != hash.high || bucket->slots[i].check != (uint32_t)hash.low))
        i++;
    return i;
}

/* The same, with SSE2 all four at once: which of them it will be cannot be foretold. */
static inline unsigned mc_digest_look(const struct mc_digest_bucket *bucket, struct mc_hash128 hash)
{
#if defined(__SSE2__)
    const __m128i *slots = (const __m128i *)(const void *)bucket->slots;
    const __m128i wanted = _mm_set_epi32(0, (int)hash.low, (int)(hash.high >> 32), (int)hash.high);
    __m128i front = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(slots), wanted),
                                    _mm_cmpeq_epi32(_mm_load_si128(slots + 1), wanted));
    __m128i back = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(slots + 2), wanted),
                                   _mm_cmpeq_epi32(_mm_load_si128(slots + 3), wanted));
    /* four bits a slot: both halves of the hash and the check are right; the value is 0 */
    unsigned bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(front, back));
    unsigned found = ((bits & bits >> 1 & bits >> 2) | bits >> 3) & 0x1111;
    return (unsigned)__builtin_ctz(found | 1u << 16) / 4;
#else
    return mc_digest_look_plain(bucket, hash);
#endif
}

/* The slot where the key is, or the free one where it would be. */
static inline struct mc_digest_slot *mc_digest_slot_of(const struct mc_digest_part *part,
                                                       struct mc_hash128 hash)
{
    struct mc_digest_bucket *bucket = part->buckets + mc_digest_home(part, hash.high);
    for (;;) {
        unsigned i = mc_digest_look(bucket, hash);
        if (i < 4)
            return &bucket->slots[i];
        if (++bucket == part->buckets + part->size)
            bucket = part->buckets;
    }
}

/* The number of the key, valid until the next call. 0 where the key is new: it must then be set
 * before the next call. */
static inline uint32_t *mc_digest_map_at(struct mc_digest_map *map, struct mc_hash128 hash)
{
    struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    if (part->count >= part->limit)
        mc_digest_part_grow(part);
    struct mc_digest_slot *slot = mc_digest_slot_of(part, hash);
    part->count += slot->value == 0;
    slot->hash = hash.high;
    slot->check = (uint32_t)hash.low;
    return &slot->value;
}

/* Inlined by force: gcc 12 takes a function that only fetches for one that does nothing, and drops
 * the call. */
__attribute__((always_inline)) static inline void
mc_digest_map_prefetch(const struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    __builtin_prefetch(part->buckets + mc_digest_home(part, hash.high), 1);
}

/* Called when the line fetched has come: fetches the next where the search will go on there. */
__attribute__((always_inline)) static inline void
mc_digest_map_prefetch_on(const struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    if (part->size > 0) {
        const struct mc_digest_bucket *bucket = part->buckets + mc_digest_home(part, hash.high);
        unsigned found = mc_digest_look(bucket, hash);
        __builtin_prefetch(bucket + (found >> 2), 1);
    }
}

#endif
