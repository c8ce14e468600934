#include "base/digest_map.h"

#include <sys/mman.h>

#include "base/memory.h"

#define PARTS      (1u << MC_DIGEST_PARTS_LOG2)
#define SMALLEST   16
#define LARGE_PAGE ((size_t)2 << 20)

_Static_assert(sizeof(struct mc_digest_bucket) == 64, "a cache line");

/* Filled to 9/10 a search seldom leaves the line that its hash points to. */
static uint32_t limit_of(uint32_t buckets)
{
    return buckets / 2 * 9;
}

/* Moves the keys to `buckets`, which are zeros, and more than there are now. */
static void move(struct mc_digest_part *part, void *memory, struct mc_digest_bucket *buckets,
                 uint32_t size)
{
    struct mc_digest_part old = *part;
    part->memory = memory;
    part->buckets = buckets;
    part->size = size;
    part->limit = limit_of(size);
    for (uint32_t i = 0; i < old.size; i++)
        for (size_t k = 0; k < MC_DIGEST_SLOTS && old.buckets[i].value[k]; k++)
            *mc_digest_take(part, old.buckets[i].hash[k]) = old.buckets[i].value[k];
    free(old.memory);
}

static void grow_to(struct mc_digest_part *part, uint64_t size)
{
    MC_ASSERT(size < UINT32_MAX / 9);
    char *memory = mc_calloc(size + 1, sizeof *part->buckets); /* one more, to begin at a line */
    size_t lead = (size_t)(-(uintptr_t)memory & (sizeof *part->buckets - 1));
    move(part, memory, (struct mc_digest_bucket *)(void *)(memory + lead), (uint32_t)size);
}

void mc_digest_part_grow(struct mc_digest_part *part)
{
    grow_to(part, part->size < SMALLEST ? SMALLEST : (uint64_t)part->size + part->size / 2);
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
    uint64_t slots = keys / PARTS + keys / PARTS / 64;
    uint64_t size = (slots + slots / 7) / MC_DIGEST_SLOTS + SMALLEST;
    size_t block_size = size * PARTS * sizeof(struct mc_digest_bucket);
    for (size_t i = 0; i < PARTS; i++)
        if (map->parts[i].size > size)
            return;
    if (block_size < LARGE_PAGE / 2 && !map->block) { /* a large page would be mostly waste */
        for (size_t i = 0; i < PARTS; i++)
            grow_to(&map->parts[i], size);
        return;
    }
    block_size = (block_size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    char *block = size < UINT32_MAX / 9 ? map_block(block_size) : NULL;
    if (!block) /* it grows as it fills, then, or says that it cannot */
        return;
    for (size_t i = 0; i < PARTS; i++) {
        char *buckets = block + i * size * sizeof(struct mc_digest_bucket);
        move(&map->parts[i], NULL, (struct mc_digest_bucket *)(void *)buckets, (uint32_t)size);
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
        free(map->parts[i].memory);
    if (map->block)
        munmap(map->block, map->block_size);
    *map = (struct mc_digest_map){0};
}
