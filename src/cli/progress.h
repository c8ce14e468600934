/* The one line on stderr that says how far a run is, what it waits for and how long it will take.
 * Silent where nobody watches, until SIGUSR1 asks. */
#ifndef MC_CLI_PROGRESS_H
#define MC_CLI_PROGRESS_H

#include <stdbool.h>

#include "clean/clean.h"

/* Turns the line on or off. `dumb`: no cursor movement, a line at a time, every 10 s. */
void mc_progress_start(bool on);
void mc_progress_show(void *unused, const struct mc_clean_progress *progress);
/* Takes the line off the screen, for good. */
void mc_progress_end(void);

#endif
