/* The one line on stderr that says how far a run is, what it waits for and how long it will take.
 * Silent where nobody watches, until SIGUSR1 asks. */
#ifndef MC_CLI_PROGRESS_H
#define MC_CLI_PROGRESS_H

#include <stdbool.h>

#include "base/text.h"
#include "clean/clean.h"

/* The sentence itself: rows done, rate, what is left of the time, what is waited for; what matters
 * most comes first. `per_second`: addresses settled, or bytes read where nobody is asked; 0: not
 * known yet. */
void mc_progress_sentence(const struct mc_clean_progress *progress, double per_second,
                          struct mc_text *out);

/* Turns the line on or off. Where the cursor cannot go back (TERM=dumb, no terminal) it is a line
 * at a time, every 10 s. */
void mc_progress_start(bool on);
/* The hook of mc_clean_options. A line never is wider than the terminal is at that moment. */
void mc_progress_show(void *unused, const struct mc_clean_progress *progress);
/* Takes the line off the screen, for good. */
void mc_progress_end(void);

#endif
