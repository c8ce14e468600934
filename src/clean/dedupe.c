#include "clean/dedupe.h"

#include "base/memory.h"

#define SMALLEST 1024

static uint64_t home(const struct mc_dedupe *dedupe, uint64_t hash)
{
    return (uint64_t)((unsigned __int128)hash * dedupe->size >> 64);
}

static void resize(struct mc_dedupe *dedupe, uint64_t size)
{
    struct mc_dedupe old = *dedupe;
    dedupe->size = size;
    dedupe->slots = mc_calloc(size, sizeof *dedupe->slots);
    for (uint64_t i = 0; i < old.size; i++) {
        if (!old.slots[i].row)
            continue;
        uint64_t at = home(dedupe, old.slots[i].hash);
        while (dedupe->slots[at].row)
            at = at + 1 == size ? 0 : at + 1;
        dedupe->slots[at] = old.slots[i];
    }
    free(old.slots);
}

void mc_dedupe_expect(struct mc_dedupe *dedupe, uint64_t expected)
{
    uint64_t size = expected + expected / 3 + SMALLEST;
    if (size > dedupe->size)
        resize(dedupe, size);
}

uint32_t mc_dedupe_first(struct mc_dedupe *dedupe, struct mc_hash128 hash, uint32_t row)
{
    MC_ASSERT(row);
    if (dedupe->count >= dedupe->size - dedupe->size / 4)
        resize(dedupe, dedupe->size < SMALLEST ? SMALLEST : dedupe->size + dedupe->size / 2);
    uint32_t check = (uint32_t)hash.low;
    uint64_t at = home(dedupe, hash.high);
    for (; dedupe->slots[at].row; at = at + 1 == dedupe->size ? 0 : at + 1)
        if (dedupe->slots[at].hash == hash.high && dedupe->slots[at].check == check)
            return dedupe->slots[at].row;
    dedupe->slots[at] = (struct mc_dedupe_slot){hash.high, check, row};
    dedupe->count++;
    return row;
}

void mc_dedupe_free(struct mc_dedupe *dedupe)
{
    free(dedupe->slots);
    *dedupe = (struct mc_dedupe){0};
}
