/* From keys to 32-bit numbers, without keeping a key: 70 bits of a keyed hash stand for it, 64 of
 * them in the map and 6 in which part it is in (the chance that two of 10 million keys differ and
 * agree is one in 24 million). 12 bytes an entry, five to a cache line.
 *
 * Made for many millions of keys: `prefetch` well before `at` hides what memory costs, room for an
 * expected number of keys comes in large pages where the machine has them, and the map grows in
 * parts, one after the other, so that growing hardly needs more than what it grows to. */
#ifndef MC_BASE_DIGEST_MAP_H
#define MC_BASE_DIGEST_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/hash.h"

#define MC_DIGEST_PARTS_LOG2 6

#define MC_DIGEST_SLOTS 5

/* A cache line. Slots fill from the first on. */
struct mc_digest_bucket {
    uint64_t hash[MC_DIGEST_SLOTS];
    uint32_t value[MC_DIGEST_SLOTS]; /* 0: free */
    uint32_t zero;
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

static inline struct mc_digest_part *mc_digest_part_of(struct mc_digest_map *map,
                                                       struct mc_hash128 hash)
{
    return &map->parts[hash.low >> (64 - MC_DIGEST_PARTS_LOG2)];
}

/* The high bits choose the bucket, so a part that grows keeps its order. */
static inline uint32_t mc_digest_home(const struct mc_digest_part *part, uint64_t hash)
{
    return (uint32_t)((unsigned __int128)hash * part->size >> 64);
}

/* Which slot of a bucket the key has, or would have as the first free one; MC_DIGEST_SLOTS where it
 * is not here. */
static inline unsigned mc_digest_look_plain(const struct mc_digest_bucket *bucket, uint64_t hash)
{
    unsigned i = 0;
    while (i < MC_DIGEST_SLOTS && bucket->value[i] && bucket->hash[i] != hash)
        i++;
    return i;
}

/* The same, with SSE2 all at once: which of them it will be cannot be foretold. */
static inline unsigned mc_digest_look(const struct mc_digest_bucket *bucket, uint64_t hash)
{
#if defined(__SSE2__)
    const __m128i *quarters = (const __m128i *)(const void *)bucket;
    const __m128i none = _mm_setzero_si128(), wanted = _mm_set1_epi64x((long long)hash);
    const __m128i mixed = _mm_unpacklo_epi64(wanted, none); /* the last hash and two values */
    __m128i front = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(quarters), wanted),
                                    _mm_cmpeq_epi32(_mm_load_si128(quarters + 1), wanted));
    __m128i back = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(quarters + 2), mixed),
                                   _mm_cmpeq_epi32(_mm_load_si128(quarters + 3), none));
    /* two bits a slot: a half of its hash is right; then one a slot: it is free; then a one */
    unsigned bits = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(front, back));
    unsigned here = (unsigned)__builtin_ctz((bits & bits >> 1 & 0x155) | 0x400) / 2;
    unsigned room = (unsigned)__builtin_ctz(bits >> 2 * MC_DIGEST_SLOTS);
    return here < room ? here : room;
#else
    return mc_digest_look_plain(bucket, hash);
#endif
}

/* The number of the key where it is, or the free one where it is from now on. */
static inline uint32_t *mc_digest_take(const struct mc_digest_part *part, uint64_t hash)
{
    struct mc_digest_bucket *bucket = part->buckets + mc_digest_home(part, hash);
    for (;;) {
        unsigned i = mc_digest_look(bucket, hash);
        if (i < MC_DIGEST_SLOTS) {
            bucket->hash[i] = hash;
            return &bucket->value[i];
        }
        if (++bucket == part->buckets + part->size)
            bucket = part->buckets;
    }
}

/* The number of the key, valid until the next call. 0 where the key is new: it must then be set
 * before the next call. */
static inline uint32_t *mc_digest_map_at(struct mc_digest_map *map, struct mc_hash128 hash)
{
    struct mc_digest_part *part = mc_digest_part_of(map, hash);
    if (part->count >= part->limit)
        mc_digest_part_grow(part);
    uint32_t *value = mc_digest_take(part, hash.high);
    part->count += *value == 0;
    return value;
}

/* The number of the key, 0 where there is none. */
static inline uint32_t mc_digest_map_find(struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = mc_digest_part_of(map, hash);
    const struct mc_digest_bucket *bucket = part->buckets + mc_digest_home(part, hash.high);
    while (part->size > 0) {
        unsigned i = mc_digest_look(bucket, hash.high);
        if (i < MC_DIGEST_SLOTS)
            return bucket->value[i];
        if (++bucket == part->buckets + part->size)
            bucket = part->buckets;
    }
    return 0;
}

/* Inlined by force: gcc 12 takes a function that only fetches for one that does nothing, and drops
 * the call. */
__attribute__((always_inline)) static inline void mc_digest_map_prefetch(struct mc_digest_map *map,
                                                                         struct mc_hash128 hash)
{
    const struct mc_digest_part *part = mc_digest_part_of(map, hash);
    __builtin_prefetch(part->buckets + mc_digest_home(part, hash.high), 1);
}

/* Called when the line fetched has come: fetches the next where the search will go on there. */
__attribute__((always_inline)) static inline void
mc_digest_map_prefetch_on(struct mc_digest_map *map, struct mc_hash128 hash)
{
    const struct mc_digest_part *part = mc_digest_part_of(map, hash);
    if (part->size > 0) {
        const struct mc_digest_bucket *bucket = part->buckets + mc_digest_home(part, hash.high);
        bool goes_on = mc_digest_look(bucket, hash.high) == MC_DIGEST_SLOTS;
        __builtin_prefetch(bucket + goes_on, 1);
    }
}

#endif
