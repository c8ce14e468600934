/* A run in a few lines of key=value pairs, for whoever keeps the logs of cron jobs: how it began,
 * when the list was read, why it stopped, what came of it. Counts only, no address. */
#ifndef MC_CLI_RUN_LOG_H
#define MC_CLI_RUN_LOG_H

#include "clean/clean.h"

void mc_run_log_start(const char *list, const struct mc_clean_options *options);
/* A stage of `clean` (see clean/clean.h) has come. */
void mc_run_log_stage(const char *stage, const struct mc_clean_progress *progress);
void mc_run_log_end(const struct mc_tally *tally, int status, const char *error);

#endif
