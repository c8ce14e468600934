#include "base/digest_map.h"

#include <sys/mman.h>

#include "base/memory.h"

#define PARTS      (1u << MC_DIGEST_PARTS_LOG2)
#define SMALLEST   64
#define LARGE_PAGE ((size_t)2 << 20)

/* Filled to 7/8 a search looks at 4 slots on average, which mostly share one cache line. */
static uint32_t limit_of(uint32_t size)
{
    return size - size / 8;
}

/* `slots` are zeros, and more than there are now. */
static void move(struct mc_digest_part *part, struct mc_digest_slot *slots, uint32_t size)
{
    struct mc_digest_part old = *part;
    part->slots = slots;
    part->size = size;
    part->limit = limit_of(size);
    for (uint32_t i = 0; i < old.size; i++) {
        if (!old.slots[i].value)
            continue;
        uint32_t at = mc_digest_home(part, old.slots[i].hash);
        while (slots[at].value)
            at = at + 1 == size ? 0 : at + 1;
        slots[at] = old.slots[i];
    }
}

/* Slots that nobody uses any more: those of a block go back to the system with the block. */
static void give_back(const struct mc_digest_map *map, struct mc_digest_slot *slots)
{
    uintptr_t into = (uintptr_t)slots - (uintptr_t)map->block;
    if (!map->block || into >= map->block_size)
        free(slots);
}

void mc_digest_map_grow(struct mc_digest_map *map, struct mc_digest_part *part)
{
    struct mc_digest_slot *old = part->slots;
    uint64_t size = part->size < SMALLEST ? SMALLEST : (uint64_t)part->size + part->size / 2;
    MC_ASSERT(size < UINT32_MAX);
    move(part, mc_calloc(size, sizeof *part->slots), (uint32_t)size);
    give_back(map, old);
}

/* Zeros, aligned to large pages, on such pages where the system gives them: with small ones a
 * processor looks for the page more often than for what stands there. NULL: no memory. */
static char *map_block(size_t size)
{
    char *got =
        mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED)
        return NULL;
    size_t lead = (size_t)(-(uintptr_t)got & (LARGE_PAGE - 1));
    if (lead > 0)
        munmap(got, lead);
    munmap(got + lead + size, LARGE_PAGE - lead);
    madvise(got + lead, size, MADV_HUGEPAGE);
    return got + lead;
}

void mc_digest_map_expect(struct mc_digest_map *map, uint64_t keys)
{
    /* parts differ a little in how many keys they get */
    uint64_t size = keys / PARTS + keys / PARTS / 64;
    size += size / 6 + SMALLEST;
    size_t block_size = size * PARTS * sizeof(struct mc_digest_slot);
    block_size = (block_size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    for (size_t i = 0; i < PARTS; i++)
        if (map->parts[i].size > size)
            return;
    char *block = size < UINT32_MAX ? map_block(block_size) : NULL;
    if (!block) /* it grows as it fills, then, or says that it cannot */
        return;
    for (size_t i = 0; i < PARTS; i++) {
        struct mc_digest_slot *old = map->parts[i].slots;
        void *slots = block + i * size * sizeof *old;
        move(&map->parts[i], slots, (uint32_t)size);
        give_back(map, old);
    }
    if (map->block)
        munmap(map->block, map->block_size);
    map->block = block;
    map->block_size = block_size;
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
        give_back(map, map->parts[i].slots);
    if (map->block)
        munmap(map->block, map->block_size);
    *map = (struct mc_digest_map){0};
}
