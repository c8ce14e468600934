/* One run of `clean`: what its two ways (offline in one pass, online with two cursors) share.
 * Private to this room. */
#ifndef MC_CLEAN_RUN_H
#define MC_CLEAN_RUN_H

#include "base/digest_map.h"
#include "clean/clean.h"

enum { MC_SPLIT_SEND, MC_SPLIT_REVIEW, MC_SPLIT_DROP, MC_SPLITS };

struct mc_clean_run {
    const struct mc_clean_options *options;
    struct mc_tally *tally;
    struct mc_rows *rows;
    struct mc_writer *writer;
    struct mc_writer *splits[MC_SPLITS];
    struct mc_digest_map bad; /* cells that are no address: the first row of each */
    uint64_t rows_read, rows_written;
    int64_t now; /* seconds since 1970, for rows that nothing outside decided */
    bool broken_pipe;
    char *error;
    size_t error_size;
};

/* Writes one row wherever it belongs and counts it. `result` is NULL for header and blank lines.
 * False on a write error, with the sentence in run->error. */
bool mc_clean_emit(struct mc_clean_run *run, const struct mc_row *row,
                   const struct mc_result *result);

/* The same, uncounted, through a frame of the writer (see csv/writer.h), to the list alone. */
bool mc_clean_emit_framed(struct mc_clean_run *run, const struct mc_row *row,
                          const struct mc_csv_frame *frame, const struct mc_result *result);

/* What was written so far goes to whoever waits for it. False as above. */
bool mc_clean_flush(struct mc_clean_run *run);

/* The result of a cell that is no address; `email` is the trimmed cell. */
void mc_clean_bad_result(struct mc_clean_run *run, const struct mc_row *row, struct mc_span email,
                         struct mc_result *result);
/* Notes the first row of such a cell. Empty ones are never duplicates. */
void mc_clean_note_bad(struct mc_clean_run *run, const struct mc_row *row, struct mc_span email);

bool mc_clean_interrupted(const struct mc_clean_run *run);

/* The two ways. False on failure. */
bool mc_clean_offline(struct mc_clean_run *run);
bool mc_clean_online(struct mc_clean_run *run);

#endif
