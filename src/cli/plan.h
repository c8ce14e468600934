/* --plan: what a run would cost, and how long it would take, before anybody is asked. */
#ifndef MC_CLI_PLAN_H
#define MC_CLI_PLAN_H

#include <stdio.h>

#include "cli/settings.h"
#include "engine/engine.h"
#include "report/tally.h"

struct mc_plan {
    const struct mc_settings *settings;
    uint64_t rows;
    struct mc_engine_counts counts;
    struct mc_planned *lines; /* one a provider */
    size_t line_count, line_room;
};

void mc_plan_add(struct mc_plan *plan, const struct mc_plan_line *line);
/* Fits 80 columns. Frees the lines. */
void mc_plan_print(struct mc_plan *plan, const struct mc_tally *tally, FILE *out);

#endif
