/* Memory: allocation that does not fail, and an arena for text that lives as long as its run.
 *
 * Small allocations never return NULL: when there is no memory the handler prints one line
 * and exits with 1. Big tables that may honestly not fit use mc_try_realloc. */
#ifndef MC_BASE_MEMORY_H
#define MC_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"

/* On in release too: a broken invariant must not become a wrong verdict. */
#define MC_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "mailcheck: %s:%d: broken invariant: %s\n", __FILE__, __LINE__,        \
                    #condition);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MC_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Returned memory belongs to the caller, to be given back with free(). Never NULL. */
void *mc_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mc_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mc_realloc(void *at, size_t size) __attribute__((returns_nonnull));
char *mc_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mc_span_dup(struct mc_span text) __attribute__((malloc, returns_nonnull));

/* NULL when there is no memory; `at` is then still valid. */
void *mc_try_realloc(void *at, size_t size) __attribute__((warn_unused_result));

/* For a big table that is met at random: on huge pages, where the system has them. NULL when there
 * is no memory. */
void *mc_try_malloc_big(size_t size) __attribute__((malloc, warn_unused_result));

/* Called instead of printing and exiting; must not return. For embedders. */
void mc_memory_set_handler(void (*out_of_memory)(size_t size));

/* Makes room for one more element of `size` bytes in a growable array (1.5x). */
void *mc_grow(void *at, size_t count, size_t *room, size_t size) __attribute__((returns_nonnull));

/* Has the processor bring it into the cache while something else is done. Where there are thousands
 * of records, waiting for each would cost more than all that is done with it. A hint: any address
 * will do. */
static inline void mc_fetch(const void *at, size_t size)
{
    for (size_t i = 0; i < size; i += 64)
        __builtin_prefetch((const char *)at + i);
    if (size > 1) /* its end may lie in one cache line more */
        __builtin_prefetch((const char *)at + size - 1);
}

/* Records of one size that come and go by the million, few at a time: one given back is the next to
 * be handed out, still in the cache. {.size = ...} is empty. */
struct mc_pool {
    size_t size;
    void *free;
};

/* Its bytes are undefined. To be given back with mc_pool_put. */
void *mc_pool_get(struct mc_pool *pool) __attribute__((returns_nonnull));
void mc_pool_put(struct mc_pool *pool, void *record);
/* Frees what was given back. */
void mc_pool_free(struct mc_pool *pool);

/* Text that only grows: entries of at most 65,535 bytes, named by a 32-bit offset, freed all at
 * once. Offset 0 is the empty string. Up to 4 GiB. */
struct mc_arena {
    char *at;
    size_t len, room;
};

/* Copies `text` in. Aborts the program with a clear line when 4 GiB are full. */
uint32_t mc_arena_add(struct mc_arena *arena, struct mc_span text);
/* Room for so many bytes at once. */
void mc_arena_expect(struct mc_arena *arena, size_t bytes);
/* Valid until the next mc_arena_add. The bytes are followed by a NUL. */
struct mc_span mc_arena_get(const struct mc_arena *arena, uint32_t offset);
/* Where that text is, for who knows its length and will read it later. */
static inline const char *mc_arena_text(const struct mc_arena *arena, uint32_t offset)
{
    return arena->at + offset + 2;
}
void mc_arena_free(struct mc_arena *arena);

#endif
