/* A list as rows: where it comes from, how it is written, where each row ends, which cell holds
 * the address. Rows come as their original bytes; this room never changes one.
 *
 * One source, any number of cursors over it: `clean` reads ahead with one and writes with another
 * that follows. A regular file is its own source; a pipe is spooled to an unlinked temporary file
 * while it is read (unless opened for one pass). Knows nothing of addresses or verdicts. */
#ifndef MC_CSV_ROWS_H
#define MC_CSV_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum mc_encoding { MC_ENCODING_UTF8, MC_ENCODING_UTF16LE, MC_ENCODING_UTF16BE };

/* What was told and what was detected. */
struct mc_dialect {
    char delimiter;
    bool has_header;
    bool bom;
    enum mc_encoding encoding;
    uint32_t column;         /* 0-based: the cell that holds the address */
    uint32_t header_cells;   /* the width that short rows are padded to; 0: no header */
    uint32_t usual_cells;    /* of most rows: how a malformed one is read best; 0: not known */
    struct mc_span line_end; /* of the first row ("\n", "\r\n" or "\r"); "\n" where there is none */
    uint32_t ours_count;     /* cells of our own names in the header: dropped from every row */
    const uint32_t *ours;    /* ascending */
};

struct mc_rows_options {
    const char *path;   /* NULL or "-": standard input */
    char delimiter;     /* 0: detect */
    bool no_header;     /* else: detect */
    const char *column; /* a header name or a 1-based number; NULL: detect */
    bool single_pass;   /* one cursor only: a pipe is not spooled */
};

struct mc_rows;

/* Opens, refuses what is no list (.xlsx, gzip, other binary: with a word on how to export it), and
 * detects the dialect from the first rows (waits for at most the first 64 KiB, the end, or, on a
 * pipe, what has come within a second). On failure NULL and a sentence in `error`. */
struct mc_rows *mc_rows_open(const struct mc_rows_options *options, char *error, size_t error_size);
void mc_rows_free(struct mc_rows *rows);

const struct mc_dialect *mc_rows_dialect(const struct mc_rows *rows);
/* "header, comma, column 3 \"E-mail\", UTF-8": for stderr. Borrowed. */
const char *mc_rows_description(const struct mc_rows *rows);
/* Bytes in all where they are known (regular file), else 0: presizes tables, makes an ETA. */
uint64_t mc_rows_size(const struct mc_rows *rows);
/* How many rows that will be, going by the first some hundred. */
uint64_t mc_rows_expected(const struct mc_rows *rows);

/* A pipe's descriptor to wait for, or -1 for a file and behind a pipe's end. mc_rows_fill reads
 * what is there without blocking into the spool: 1 more may come, 0 the end, -1 an error (see
 * mc_rows_error). */
int mc_rows_fd(const struct mc_rows *rows);
int mc_rows_fill(struct mc_rows *rows);

/* Behind `raw` and `address` so many bytes can be read, whatever they say. */
#define MC_ROW_READS 96

struct mc_row {
    struct mc_span raw;  /* all its bytes, line end included (UTF-16 as UTF-8/WTF-8) */
    size_t line_end_len; /* of `raw` */
    uint64_t number;     /* data row, 1-based; 0: the header, a blank line */
    uint64_t line;       /* 1-based physical line where it starts, for messages */
    uint32_t cells;
    bool is_header, is_blank, is_malformed;
    struct mc_span address; /* the address cell, decoded (unquoted), not trimmed */
};

enum mc_rows_state { MC_ROWS_ROW, MC_ROWS_WAIT, MC_ROWS_END, MC_ROWS_FAILED };

struct mc_cursor;
struct mc_cursor *mc_cursor_new(struct mc_rows *rows);
void mc_cursor_free(struct mc_cursor *cursor);
/* The next row, valid until the next call on this cursor. Header first, then every row in order,
 * blank lines included. MC_ROWS_WAIT: a spooled pipe has no complete row yet (after its end it
 * never says so). MC_ROWS_FAILED: see mc_rows_error. */
enum mc_rows_state mc_cursor_next(struct mc_cursor *cursor, struct mc_row *row);
/* The same for several rows at once, at least one where it says MC_ROWS_ROW and at most `room`: as
 * many as are at hand. All are valid until the next call. */
enum mc_rows_state mc_cursor_next_rows(struct mc_cursor *cursor, struct mc_row *rows, size_t room,
                                       size_t *count);
/* Input bytes read by this cursor so far. */
uint64_t mc_cursor_position(const struct mc_cursor *cursor);

/* A sentence with file name, what was tried; "" where nothing failed. */
const char *mc_rows_error(const struct mc_rows *rows);
/* True where a regular file's size or mtime is no longer what it was at the start. */
bool mc_rows_changed(struct mc_rows *rows);

/* Rows seen short, long, malformed by the first cursor: for one warning at the end. */
struct mc_rows_oddities {
    uint64_t short_rows, long_rows, malformed_rows;
    uint64_t first_short_line, first_long_line, first_malformed_line;
};
const struct mc_rows_oddities *mc_rows_oddities(const struct mc_rows *rows);

/* The decoded cells of a row, for JSONL and for header names; returns their number. The spans
 * point into the row or into memory of `cells`, valid until its next use. {0} starts one. */
struct mc_cells {
    struct mc_span *cell;
    size_t count, room;
    char *scratch;
    size_t scratch_room;
};
size_t mc_cells_split(struct mc_cells *cells, const struct mc_row *row,
                      const struct mc_dialect *dialect);
void mc_cells_free(struct mc_cells *cells);

#endif
