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
    bool passes_all; /* a word has no letter for the filter to look at */
    uint64_t bits[1 << (MC_ROLE_FILTER_BITS - 6)];
};

void mc_role_filter_add(struct mc_role_filter *filter, struct mc_span word);

/* False: no word is found in `local` by the rules of role.c, be it as a whole, without the digits
 * at its end, as a token, or as its tokens joined. True: perhaps. */
bool mc_role_filter_may_match(const struct mc_role_filter *filter, struct mc_span local);

/* The same for whoever knows already that `local` has at most MC_ROLE_LOOKED_MAX bytes: digits and
 * separators (dot, hyphen, underscore) as these bits say, else letters. Reads up to MC_ROLE_READS
 * bytes behind it. */
#define MC_ROLE_LOOKED_MAX 63
#define MC_ROLE_READS      8
bool mc_role_filter_may_match_looked(const struct mc_role_filter *filter, struct mc_span local,
                                     uint64_t digits, uint64_t separators);

#endif
