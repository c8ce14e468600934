/* What delivery reports teach: hard bounces, soft ones and complaints go into the store, and come
 * back as a measure of our own `deliverable`. Reads no report; decides nothing (store/rules.h). */
#ifndef MC_CLI_FEEDBACK_H
#define MC_CLI_FEEDBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "bounce/bounce.h"
#include "lists/lists.h"
#include "store/store.h"

#define MC_BOUNCE_LINE_MAX 512 /* bytes of what was said */

/* One piece of evidence, on its way into the store. `now`: for reports without a date. */
void mc_feedback_take(struct mc_store *store, const struct mc_bounce *bounce, int64_t now);

/* What to do where this provider (its id) refuses the sender. */
const char *mc_feedback_advice(const char *provider);

/* How many addresses were called deliverable and how many of them came back hard, in all, by
 * provider and by reason; a line each: `deliverable<tab>N`, ... False: see mc_store_error. */
bool mc_feedback_precision(struct mc_store *store, const struct mc_lists *lists,
                           struct mc_text *out);

#endif
