#include "base/digest_map.h"

#include "base/memory.h"

#define PARTS    (1u << MC_DIGEST_PARTS_LOG2)
#define SMALLEST 64

/* Filled to 7/8 a search looks at 4 slots on average, which mostly share one cache line. */
static bool is_full(const struct mc_digest_part *part)
{
    return part->count >= part->size - part->size / 8;
}

static void resize(struct mc_digest_part *part, uint64_t size)
{
    struct mc_digest_part old = *part;
    MC_ASSERT(size < UINT32_MAX);
    part->size = (uint32_t)size;
    part->slots = mc_calloc(size, sizeof *part->slots);
    for (uint32_t i = 0; i < old.size; i++) {
        if (!old.slots[i].value)
            continue;
        uint32_t at = mc_digest_home(part, old.slots[i].hash);
        while (part->slots[at].value)
            at = at + 1 == part->size ? 0 : at + 1;
        part->slots[at] = old.slots[i];
    }
    free(old.slots);
}

void mc_digest_map_expect(struct mc_digest_map *map, uint64_t keys)
{
    /* parts differ a little in how many keys they get */
    uint64_t size = keys / PARTS + keys / PARTS / 64;
    size += size / 6 + SMALLEST;
    for (size_t i = 0; i < PARTS; i++)
        if (size > map->parts[i].size)
            resize(&map->parts[i], size);
}

uint32_t *mc_digest_map_at(struct mc_digest_map *map, struct mc_hash128 hash)
{
    struct mc_digest_part *part = &map->parts[hash.high >> (64 - MC_DIGEST_PARTS_LOG2)];
    if (is_full(part))
        resize(part, part->size < SMALLEST ? SMALLEST : (uint64_t)part->size + part->size / 2);
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

uint64_t mc_digest_map_count(const struct mc_digest_map *map)
{
    uint64_t count = 0;
    for (size_t i = 0; i < PARTS; i++)
        count += map->parts[i].count;
    return count;
}

void mc_digest_map_free(struct mc_digest_map *map)
{
    for (size_t i = 0; i < PARTS; i++)
        free(map->parts[i].slots);
    *map = (struct mc_digest_map){0};
}
