/* Which row had this key first? 16 bytes a unique key: 96 bits of a keyed hash stand for the key
 * (the chance that two of 10 million differ and agree is below 1e-15), 32 for the row. */
#ifndef MC_CLEAN_DEDUPE_H
#define MC_CLEAN_DEDUPE_H

#include <stdint.h>

#include "base/hash.h"

/* {0} is empty. */
struct mc_dedupe {
    struct mc_dedupe_slot {
        uint64_t hash;
        uint32_t check;
        uint32_t row; /* 0: free */
    } * slots;
    uint64_t size, count;
};

/* Makes room for about `expected` keys at once; else it grows as it fills. */
void mc_dedupe_expect(struct mc_dedupe *dedupe, uint64_t expected);
/* Returns the first row of the key: `row` itself where it is new. `row` > 0. */
uint32_t mc_dedupe_first(struct mc_dedupe *dedupe, struct mc_hash128 hash, uint32_t row);
void mc_dedupe_free(struct mc_dedupe *dedupe);

#endif
