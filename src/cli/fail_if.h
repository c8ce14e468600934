/* --fail-if 'unknown>20%': a condition on the counts of a run. Pure. */
#ifndef MC_CLI_FAIL_IF_H
#define MC_CLI_FAIL_IF_H

#include <stdbool.h>
#include <stddef.h>

#include "report/tally.h"

/* NAME OP NUMBER[%], several joined by commas; NAME is a status, a reason, `duplicates` or
 * `expected_bounces`; OP is one of > >= < <= =. Whether any of them holds goes to `holds`, and the
 * first that does, as text, to `which`. False and a sentence in `error` where it is no condition.
 */
bool mc_fail_if(const char *conditions, const struct mc_tally *tally, bool *holds, char *which,
                size_t which_size, char *error, size_t error_size);

#endif
