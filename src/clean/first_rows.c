#include "clean/first_rows.h"

#include <stdlib.h>

#include "base/memory.h"

#define BLOCK 16 /* words */

void mc_first_rows_add(struct mc_first_rows *rows, uint32_t row)
{
    size_t word = row / 64;
    uint64_t bit = UINT64_C(1) << row % 64;
    while (rows->word_count <= word) {
        if (rows->word_count % BLOCK == 0) {
            rows->before =
                mc_grow(rows->before, rows->block_count, &rows->block_room, sizeof *rows->before);
            rows->before[rows->block_count++] = rows->count;
        }
        rows->bits = mc_grow(rows->bits, rows->word_count, &rows->word_room, sizeof *rows->bits);
        rows->bits[rows->word_count++] = 0;
    }
    MC_ASSERT(word + 1 == rows->word_count && rows->bits[word] < bit);
    rows->bits[word] |= bit;
    rows->count++;
}

/* The last block that does not begin behind the bit. */
static size_t block_of(const struct mc_first_rows *rows, uint32_t number)
{
    size_t low = 0, high = rows->block_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (rows->before[middle] <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t mc_first_rows_at(const struct mc_first_rows *rows, uint32_t number)
{
    MC_ASSERT(number < rows->count);
    size_t block = block_of(rows, number), word = block * BLOCK;
    uint32_t left = number - rows->before[block], in_word;
    while ((in_word = (uint32_t)__builtin_popcountll(rows->bits[word])) <= left) {
        left -= in_word;
        word++;
    }
    uint64_t bits = rows->bits[word];
    for (; left > 0; left--)
        bits &= bits - 1;
    return (uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
}

void mc_first_rows_free(struct mc_first_rows *rows)
{
    free(rows->bits);
    free(rows->before);
    *rows = (struct mc_first_rows){0};
}
