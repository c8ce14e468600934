/* Where the memory between runs is kept when nobody says where:
 * $XDG_STATE_HOME/mailcheck/verdicts.db (else under ~/.local/state). A place that nobody chose must
 * not make a run fail: where it cannot be used, the run does without and says so. */
#ifndef MC_CLI_STATE_PLACE_H
#define MC_CLI_STATE_PLACE_H

#include <stdbool.h>

#include "cli/settings.h"

/* The usual place, kept as long as the program lives; NULL where the environment names no home. */
const char *mc_state_place(void);

/* The file this run is to use, or NULL for none. `feeds`: it may make the file; else one that is
 * not there is no store. A warning where the usual place cannot be used. */
const char *mc_state_store(const struct mc_settings *settings, bool feeds);

#endif
