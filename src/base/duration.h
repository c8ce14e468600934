/* Durations as people write them: 500ms, 10s, 5m, 72h, 30d. */
#ifndef MC_BASE_DURATION_H
#define MC_BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* A number and a unit (ms, s, m, h, d); a bare 0 needs none. False where it is anything else or
 * more than 10 years. */
bool mc_duration_parse(struct mc_span text, uint64_t *ms) __attribute__((warn_unused_result));

/* The shortest exact form: 90s, not 1m30s; 0 is "0". `size` of 24 is enough. */
void mc_duration_format(uint64_t ms, char *out, size_t size);

#endif
