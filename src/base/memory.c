#include "base/memory.h"

#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static void say_and_exit(size_t size)
{
    fprintf(stderr,
            "mailcheck: out of memory (%zu bytes wanted); try a smaller list or a machine "
            "with more memory\n",
            size);
    exit(1);
}

static void (*out_of_memory)(size_t) = say_and_exit;

void mc_memory_set_handler(void (*handler)(size_t size))
{
    out_of_memory = handler ? handler : say_and_exit;
}

static void *checked(void *at, size_t size)
{
    if (!at) {
        out_of_memory(size);
        abort();
    }
    return at;
}

void *mc_malloc(size_t size)
{
    return checked(malloc(size ? size : 1), size);
}

void *mc_calloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1), size);
}

void *mc_realloc(void *at, size_t size)
{
    return checked(realloc(at, size ? size : 1), size);
}

void *mc_try_realloc(void *at, size_t size)
{
    return realloc(at, size ? size : 1);
}

char *mc_span_dup(struct mc_span text)
{
    char *copy = mc_malloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

char *mc_strdup(const char *text)
{
    return mc_span_dup(mc_span_of(text));
}

void *mc_grow(void *at, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return at;
    *room = *room < 8 ? 8 : *room + *room / 2;
    MC_ASSERT(*room <= SIZE_MAX / size);
    return mc_realloc(at, *room * size);
}

/* A free record holds the address of the next. The address sanitizer is to see every record come
 * and go, so under it nothing is kept. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEPS_RECORDS = false };
#else
enum { KEEPS_RECORDS = true };
#endif

void *mc_pool_get(struct mc_pool *pool)
{
    void *record = pool->free;
    MC_ASSERT(pool->size >= sizeof record);
    if (!record)
        return mc_malloc(pool->size);
    memcpy(&pool->free, record, sizeof pool->free);
    mc_fetch(pool->free, 1); /* the next one's turn comes soon */
    return record;
}

void mc_pool_put(struct mc_pool *pool, void *record)
{
    if (!KEEPS_RECORDS) {
        free(record);
        return;
    }
    memcpy(record, &pool->free, sizeof pool->free);
    pool->free = record;
}

void mc_pool_free(struct mc_pool *pool)
{
    while (pool->free)
        free(mc_pool_get(pool));
}

void *mc_try_malloc_big(size_t size)
{
    if (size < HUGE_PAGE)
        return malloc(size);
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *at = aligned_alloc(HUGE_PAGE, size);
    if (at)
        (void)madvise(at, size, MADV_HUGEPAGE); /* advice: without it the table is only slower */
    return at;
}

void mc_arena_expect(struct mc_arena *arena, size_t bytes)
{
    if (arena->room || bytes > UINT32_MAX)
        return;
    arena->at = mc_try_malloc_big(bytes);
    arena->room = arena->at ? bytes : 0;
}

/* An entry is two length bytes, the text, a NUL. */
uint32_t mc_arena_add(struct mc_arena *arena, struct mc_span text)
{
    MC_ASSERT(text.len <= UINT16_MAX);
    size_t need = arena->len + text.len + 3 + (arena->len ? 0 : 3);
    if (need > UINT32_MAX) {
        fprintf(stderr, "mailcheck: more than 4 GiB of addresses in one run; split the list\n");
        exit(1);
    }
    if (need > arena->room) {
        arena->room = arena->room + arena->room / 2 > need ? arena->room + arena->room / 2 : need;
        if (arena->room < 4096)
            arena->room = 4096;
        arena->at = mc_realloc(arena->at, arena->room);
    }
    if (!arena->len) {
        memset(arena->at, 0, 3);
        arena->len = 3;
    }
    if (!text.len)
        return 0;
    uint32_t offset = (uint32_t)arena->len;
    arena->at[arena->len++] = (char)(text.len & 0xff);
    arena->at[arena->len++] = (char)(text.len >> 8);
    memcpy(arena->at + arena->len, text.at, text.len);
    arena->len += text.len;
    arena->at[arena->len++] = '\0';
    return offset;
}

struct mc_span mc_arena_get(const struct mc_arena *arena, uint32_t offset)
{
    if (!arena->len)
        return mc_span("", 0);
    MC_ASSERT(offset + 2u < arena->len);
    const unsigned char *entry = (const unsigned char *)arena->at + offset;
    return mc_span((const char *)entry + 2, (size_t)entry[0] | (size_t)entry[1] << 8);
}

void mc_arena_free(struct mc_arena *arena)
{
    free(arena->at);
    *arena = (struct mc_arena){0};
}
