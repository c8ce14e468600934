#include "clean/clean.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "clean/run.h"

static const char *const split_names[MC_SPLITS] = {"send.csv", "review.csv", "drop.csv"};

static size_t split_of(enum mc_status status)
{
    switch (status) {
    case MC_DELIVERABLE:
        return MC_SPLIT_SEND;
    case MC_UNDELIVERABLE:
        return MC_SPLIT_DROP;
    case MC_RISKY:
    case MC_UNKNOWN:
    case MC_STATUS_COUNT:
        break;
    }
    return MC_SPLIT_REVIEW;
}

static bool not_written(struct mc_clean_run *run, const struct mc_writer *writer)
{
    run->broken_pipe = mc_writer_broken_pipe(writer);
    snprintf(run->error, run->error_size, "%s", mc_writer_error(writer));
    return false;
}

static inline bool write_row(struct mc_clean_run *run, struct mc_writer *writer,
                             const struct mc_row *row, const struct mc_result *result)
{
    return mc_writer_row(writer, row, result) || not_written(run, writer);
}

bool mc_clean_flush(struct mc_clean_run *run)
{
    return !run->writer || mc_writer_flush(run->writer) || not_written(run, run->writer);
}

bool mc_clean_emit(struct mc_clean_run *run, const struct mc_row *row,
                   const struct mc_result *result)
{
    run->rows_written += row->number != 0;
    if (!result) {
        run->tally->blank_lines += row->is_blank;
        if (row->is_header && run->options->split_dir)
            for (size_t i = 0; i < MC_SPLITS; i++)
                if (!write_row(run, run->splits[i], row, NULL))
                    return false;
        return write_row(run, run->writer, row, NULL);
    }
    mc_tally_add(run->tally, result);
    if (run->options->split_dir &&
        !write_row(run, run->splits[split_of(result->status)], row, result))
        return false;
    if (!(run->options->keep & 1u << result->status))
        return true;
    return write_row(run, run->writer, row, result);
}

bool mc_clean_emit_framed(struct mc_clean_run *run, const struct mc_row *row,
                          const struct mc_csv_frame *frame, const struct mc_result *result)
{
    return mc_writer_framed_row(run->writer, row, frame, result) || not_written(run, run->writer);
}

void mc_clean_note_bad(struct mc_clean_run *run, const struct mc_row *row, struct mc_span email)
{
    if (!email.len)
        return;
    uint32_t *first_row = mc_digest_map_at(&run->bad, mc_hash128(email));
    if (!*first_row)
        *first_row = (uint32_t)row->number;
}

void mc_clean_bad_result(struct mc_clean_run *run, const struct mc_row *row, struct mc_span email,
                         struct mc_result *result)
{
    *result = mc_result_of_no_address(email, run->now);
    if (email.len) {
        uint32_t *first_row = mc_digest_map_at(&run->bad, mc_hash128(email));
        if (!*first_row)
            *first_row = (uint32_t)row->number;
        else if (*first_row != row->number)
            result->duplicate_of = *first_row;
    }
}

bool mc_clean_interrupted(const struct mc_clean_run *run)
{
    return run->options->interrupted && *run->options->interrupted;
}

/* ---- outputs ---- */

static bool open_outputs(struct mc_clean_run *run)
{
    const struct mc_clean_options *options = run->options;
    const struct mc_dialect *dialect = mc_rows_dialect(run->rows);
    run->writer = mc_writer_open(&options->writer, dialect, run->error, run->error_size);
    if (!run->writer)
        return false;
    if (!options->split_dir)
        return true;
    if (mkdir(options->split_dir, 0777) != 0 && errno != EEXIST) {
        snprintf(run->error, run->error_size, "cannot make the folder %s: %s", options->split_dir,
                 strerror(errno));
        return false;
    }
    for (size_t i = 0; i < MC_SPLITS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", options->split_dir, split_names[i]);
        struct mc_writer_options own = {.path = path, .format = MC_FORMAT_CSV};
        run->splits[i] = mc_writer_open(&own, dialect, run->error, run->error_size);
        if (!run->splits[i])
            return false;
    }
    return true;
}

static bool commit(struct mc_clean_run *run, struct mc_writer **writer)
{
    struct mc_writer *done = *writer;
    *writer = NULL;
    if (!done)
        return true;
    if (mc_writer_commit(done, run->error, run->error_size))
        return true;
    run->broken_pipe |= !*run->error; /* a reader that went away is no news */
    return false;
}

static bool commit_outputs(struct mc_clean_run *run)
{
    if (mc_rows_changed(run->rows)) {
        snprintf(run->error, run->error_size,
                 "%s changed while it was read; run again when nobody writes to it",
                 run->options->rows.path ? run->options->rows.path : "standard input");
        return false;
    }
    for (size_t i = 0; i < MC_SPLITS; i++)
        if (!commit(run, &run->splits[i]))
            return false;
    return commit(run, &run->writer);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum mc_clean_end mc_clean(const struct mc_clean_options *options, struct mc_tally *tally,
                           struct mc_rows_oddities *oddities, char *error, size_t error_size)
{
    struct mc_clean_run run = {
        .options = options,
        .tally = tally,
        .now = time(NULL),
        .error = error,
        .error_size = error_size,
    };
    int64_t started = monotonic_ms();
    bool ok = false;
    error[0] = '\0';
    tally->started_at = run.now;
    run.rows = mc_rows_open(&options->rows, error, error_size);
    if (!run.rows)
        return MC_CLEAN_FAILED;
    if (options->opened)
        options->opened(options->arg, mc_rows_description(run.rows));
    if (!options->plan && !open_outputs(&run))
        goto done;
    if (options->engine.depth == MAILCHECK_DEPTH_SYNTAX && !options->plan)
        ok = mc_clean_offline(&run);
    else
        ok = mc_clean_online(&run);
    ok = ok && (options->plan || commit_outputs(&run));
    if (oddities)
        *oddities = *mc_rows_oddities(run.rows);
done:
    mc_writer_abort(run.writer);
    for (size_t i = 0; i < MC_SPLITS; i++)
        mc_writer_abort(run.splits[i]);
    mc_rows_free(run.rows);
    mc_digest_map_free(&run.bad);
    tally->elapsed_ms = (uint64_t)(monotonic_ms() - started);
    tally->ended_at = time(NULL);
    return ok ? MC_CLEAN_DONE : run.broken_pipe ? MC_CLEAN_BROKEN_PIPE : MC_CLEAN_FAILED;
}
