/* Many wordings looked for at once: one pass over the text, whatever their number. ASCII case is
 * ignored. What the wordings mean is not known here.
 *
 * The index of a table is made when it is first asked for and kept for the life of the program,
 * so a table must not change or go away. Not for the library: one thread. */
#ifndef MC_BOUNCE_WORDINGS_H
#define MC_BOUNCE_WORDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "base/span.h"

/* The first of `count` wordings (first in the table) that the text has, `count` where it has none;
 * each pointer stands `stride` bytes behind the one before. */
size_t mc_bounce_find_any(struct mc_span text, const void *words, size_t count, size_t stride);
/* It has one of them, whichever; cheaper. */
bool mc_bounce_has_any(struct mc_span text, const char *const *words, size_t count);
/* A place within the first of them in the text, or within one that overlaps it; text.len where
 * there is none. */
size_t mc_bounce_place_any(struct mc_span text, const char *const *words, size_t count);
/* The first in the table with which the text starts, `count` where there is none. */
size_t mc_bounce_starts_any(struct mc_span text, const char *const *words, size_t count);

/* The same of a table that is an array: the text has one of them, starts with one. */
#define MC_BOUNCE_HAS(text, table) mc_bounce_has_any(text, table, MC_ARRAY_LEN(table))
#define MC_BOUNCE_STARTS(text, table)                                                              \
    (mc_bounce_starts_any(text, table, MC_ARRAY_LEN(table)) < MC_ARRAY_LEN(table))

#endif
