/* Where a run is going to write: looked at before the first packet leaves, for what cannot be
 * written after hours is lost, and what is written over a list is as well. Changes nothing. */
#ifndef MC_CLI_OUTPUTS_H
#define MC_CLI_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/settings.h"

/* The same regular file, under whatever names; NULL and "-" are none. */
bool mc_outputs_same_file(const char *one, const char *other);

/* The exit status, and a sentence in `error` where that is not 0. `list` is NULL for standard
 * input. */
int mc_outputs_check(const struct mc_settings *settings, const char *list, char *error,
                     size_t error_size);

#endif
