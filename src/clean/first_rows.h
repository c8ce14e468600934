/* Which row was the n-th that brought an address not met before, n from 0 on: the number that a
 * duplicate shows. A bit a row and a count every thousand rows, where a number an address would be
 * four bytes. Knows nothing of addresses. */
#ifndef MC_CLEAN_FIRST_ROWS_H
#define MC_CLEAN_FIRST_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* {0} is empty. */
struct mc_first_rows {
    uint64_t *bits; /* one a row, set where it was the first of its address */
    size_t word_count, word_room;
    uint32_t *before; /* for every block of words: how many bits are set before it */
    size_t block_count, block_room;
    uint32_t count;
};

/* `row` is behind all that were added. */
void mc_first_rows_add(struct mc_first_rows *, uint32_t row);
uint32_t mc_first_rows_at(const struct mc_first_rows *, uint32_t number);
void mc_first_rows_free(struct mc_first_rows *);

#endif
