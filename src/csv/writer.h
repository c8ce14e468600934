/* Rows out: the original bytes and our columns (CSV), or one object a row (JSONL); to stdout, or
 * to a file that appears complete or not at all. Never reorders, never drops: the caller calls
 * once a row, in order. */
#ifndef MC_CSV_WRITER_H
#define MC_CSV_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "csv/rows.h"
#include "verdict/columns.h"
#include "verdict/verdict.h"

enum mc_format { MC_FORMAT_CSV, MC_FORMAT_JSONL };

struct mc_writer_options {
    const char *path; /* NULL: standard output; else written beside it, synced, renamed */
    enum mc_format format;
    struct mc_columns columns;
};

struct mc_writer;

/* NULL and a sentence in `error` where the file cannot be made. Borrows nothing. */
struct mc_writer *mc_writer_open(const struct mc_writer_options *options,
                                 const struct mc_dialect *dialect, char *error, size_t error_size);

/* One row: header (our names appended), blank line (as it is; nothing in JSONL) or data row with
 * its result. `result` is NULL for header and blank lines. Returns false on a write error (EPIPE
 * included: mc_writer_broken_pipe tells). */
bool mc_writer_row(struct mc_writer *writer, const struct mc_row *row,
                   const struct mc_result *result);

/* Rows whose results differ in mc_email alone: the frame of them all, made once, and each of them.
 * mc_writer_frame is false where there is none; the rest as in csv_out.h. */
struct mc_csv_frame;
bool mc_writer_frame(const struct mc_writer *writer, const struct mc_result *result,
                     struct mc_csv_frame *frame);
bool mc_writer_framed_row(struct mc_writer *writer, const struct mc_row *row,
                          const struct mc_csv_frame *frame, const struct mc_result *result);

/* Hands what is buffered to the kernel (a pipe's reader wants rows as they are ready). */
bool mc_writer_flush(struct mc_writer *writer);
/* Flushes, syncs and renames; frees the writer. False and the sentence of mc_writer_error in
 * `error` on failure ("" where a pipe's reader went away); the old file is then untouched. */
bool mc_writer_commit(struct mc_writer *writer, char *error, size_t error_size);
/* Gives up: the temporary file goes, the old one stays. NULL is fine. */
void mc_writer_abort(struct mc_writer *writer);

bool mc_writer_broken_pipe(const struct mc_writer *writer);
const char *mc_writer_error(const struct mc_writer *writer);

/* One result as a JSON object without input columns. Appends a line. */
struct mc_text;
void mc_json_result(struct mc_text *out, const struct mc_columns *columns,
                    const struct mc_result *result);
/* The same with what was asked before it, as "address": `check --format jsonl`. */
void mc_json_answer(struct mc_text *out, struct mc_span asked, const struct mc_columns *columns,
                    const struct mc_result *result);

#endif
