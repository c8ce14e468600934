/* The main job: rows in, engine, rows out, in order. Brings csv, engine and report together and
 * knows nothing of how each of them works. Prints nothing: the caller gets sentences. */
#ifndef MC_CLEAN_CLEAN_H
#define MC_CLEAN_CLEAN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv/rows.h"
#include "csv/writer.h"
#include "engine/engine.h"
#include "mailcheck.h"
#include "report/tally.h"

struct mc_clean_progress {
    uint64_t rows_read, rows_written;
    uint64_t bytes_read, bytes_total; /* total 0: not known (a pipe) */
    uint64_t elapsed_ms;              /* 0 offline */
    bool input_ended;
    struct mc_engine_counts engine; /* all 0 offline */
};

struct mc_clean_options {
    struct mc_rows_options rows;
    struct mc_writer_options writer;
    const char *split_dir; /* send.csv, review.csv, drop.csv go there; or NULL */
    uint32_t keep;         /* bit of each enum mc_status whose rows are written */
    struct mailcheck_options engine;
    uint64_t until_ms; /* stop probing after so long; 0: never */
    uint64_t sample;   /* probe so many at random; 0: all */
    bool plan;         /* probe nothing, write nothing: only say what it would cost */

    void *arg; /* for the hooks; each may be NULL */
    /* Set by a signal handler: stop probing, write every row. */
    const volatile sig_atomic_t *interrupted;
    void (*opened)(void *arg, const char *description);
    void (*progress)(void *arg, const struct mc_clean_progress *progress);
    /* "read": the list has been read to its end and the store has answered; "until", "signal": no
     * more is probed. Never offline. */
    void (*stage)(void *arg, const char *stage, const struct mc_clean_progress *progress);
    void (*planned)(void *arg, const struct mc_plan_line *line);
    /* after those: how many rows, addresses and domains there are in all, and settled without */
    void (*looked)(void *arg, uint64_t rows, const struct mc_engine_counts *counts);
};

enum mc_clean_end {
    MC_CLEAN_DONE,
    MC_CLEAN_FAILED,      /* `error` says what; an -o file is as it was before */
    MC_CLEAN_BROKEN_PIPE, /* whoever read our output has gone */
};

/* Fills `tally` (zeroed by the caller, freed with mc_tally_free) and, on failure, `error`.
 * `oddities`, where not NULL, gets what was odd about the rows. */
enum mc_clean_end mc_clean(const struct mc_clean_options *options, struct mc_tally *tally,
                           struct mc_rows_oddities *oddities, char *error, size_t error_size);

#endif
