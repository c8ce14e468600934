/* The loop in virtual time: loop/loop.h without descriptors and clocks. Time stands still but for
 * mc_loop_run, which jumps to the next timer, and the functions below. */
#ifndef SIM_FAKE_LOOP_H
#define SIM_FAKE_LOOP_H

#include <stddef.h>

#include "loop/loop.h"

/* What virtual time starts with; not 0, as no real clock's reading is. */
#define SIM_START_MS 1000000

/* Serves all that falls due within the next `ms`, in order, and ends at exactly that time. */
void sim_loop_advance(struct mc_loop *loop, int64_t ms);

/* Turns until nothing is waited for or `limit_ms` have passed; false in the latter case. */
bool sim_loop_run_dry(struct mc_loop *loop, int64_t limit_ms);

/* Timers set now (to find what was not cancelled), and when the first is due, or INT64_MAX. */
size_t sim_loop_timers(const struct mc_loop *loop);
int64_t sim_loop_next_ms(const struct mc_loop *loop);

/* Calls the watch of `fd` back with those of `what` that it asked for; false where none did. */
bool sim_loop_ready(struct mc_loop *loop, int fd, int what);

/* Calls the handler of a signal back. */
void sim_loop_signal(struct mc_loop *loop, int number);

#endif
