/* Keyed hashing (XXH3 from libxxhash) and an index from hash to record number.
 * The key is drawn anew each run, so nobody can prepare a list that collides. */
#ifndef MC_BASE_HASH_H
#define MC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct mc_hash128 {
    uint64_t high, low;
};

uint64_t mc_hash(struct mc_span bytes);
struct mc_hash128 mc_hash128(struct mc_span bytes);
/* Without a key: the same in each run, for what is kept; not for tables that strangers fill. */
uint64_t mc_hash_lasting(struct mc_span bytes);

#define MC_NONE UINT32_MAX

#define MC_INDEX_PARTS_LOG2 4

/* Open addressing over {tag, record} pairs. The records are the caller's: it compares them and
 * asks on. In parts that grow one after the other, so that growing needs little more than what it
 * grows to. {0} is an empty index. */
struct mc_index {
    struct mc_index_part {
        struct mc_index_slot {
            uint32_t tag, record;
        } * slots;
        uint32_t size, count;
    } parts[1 << MC_INDEX_PARTS_LOG2];
};

struct mc_index_cursor {
    uint32_t tag, at;
};

/* The first record that may match, or MC_NONE; mc_index_next gives the following ones. */
uint32_t mc_index_first(const struct mc_index *index, uint64_t hash, struct mc_index_cursor *);
uint32_t mc_index_next(const struct mc_index *index, struct mc_index_cursor *);
/* Fetches what mc_index_first will look at: a table of millions lies in no cache. */
void mc_index_prefetch(const struct mc_index *index, uint64_t hash);
void mc_index_add(struct mc_index *index, uint64_t hash, uint32_t record);
void mc_index_free(struct mc_index *index);

#endif
