/* Return paths that tell whom a message went to: "bounces+{local}={domain}@lists.example". Pure. */
#ifndef MC_BOUNCE_VERP_H
#define MC_BOUNCE_VERP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Has each of {local} and {domain} once, and something between them. */
bool mc_verp_valid(const char *pattern);
/* Writes local@domain to `out`; 0 where the return path does not fit. `*` in the pattern fits
 * anything. */
size_t mc_verp_read(const char *pattern, struct mc_span path, char *out, size_t size);

#endif
