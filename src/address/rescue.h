/* The address inside a messy cell. Only takes wrapping off; whether an address is left, the caller
 * finds out after each step. */
#ifndef MC_ADDRESS_RESCUE_H
#define MC_ADDRESS_RESCUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define MC_RESCUE_SCRATCH 1024

/* {0} starts one. What was unwrapped may point into it. */
struct mc_rescue {
    unsigned done; /* each kind of wrapping comes off once */
    char scratch[MC_RESCUE_SCRATCH];
};

/* Without white space and invisible characters at the ends, those of Unicode included. */
struct mc_span mc_trim(struct mc_span text);

/* Takes the next layer off `text`: separators, quotes, mailto:, one comment, one display name.
 * False where there is none. */
bool mc_rescue_step(struct mc_rescue *rescue, struct mc_span *text);

#endif
