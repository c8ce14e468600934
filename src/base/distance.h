/* How many slips of a finger one short word is from another. */
#ifndef MC_BASE_DISTANCE_H
#define MC_BASE_DISTANCE_H

#include "base/span.h"

#define MC_DISTANCE_MAX 24 /* letters of either word */

/* Optimal string alignment: insertions, deletions, substitutions, neighbours swapped. Returns
 * more than `limit` as soon as that is sure. Both are at most MC_DISTANCE_MAX long. */
unsigned mc_distance(struct mc_span a, struct mc_span b, unsigned limit);

#endif
