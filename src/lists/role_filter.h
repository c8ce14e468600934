/* Before a local part is taken to pieces: can any of its pieces be on the list of role words at
 * all? Mostly none can, and a few instructions a piece say so. A bit set too many costs time, one
 * too few would be a role missed: a test holds the filter against the list. */
#ifndef MC_LISTS_ROLE_FILTER_H
#define MC_LISTS_ROLE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define MC_ROLE_FILTER_BITS 17 /* 16 KiB; 5% of the bits are set */

/* {0} lets nothing pass. */
struct mc_role_filter {
    uint64_t bits[1 << (MC_ROLE_FILTER_BITS - 6)];
};

void mc_role_filter_add(struct mc_role_filter *filter, struct mc_span word);

/* False: no word is found in `local` by the rules of role.c, be it as a whole, without the digits
 * at its end, as a token, or as its tokens joined. True: perhaps. */
bool mc_role_filter_may_match(const struct mc_role_filter *filter, struct mc_span local);

#endif
