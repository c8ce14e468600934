/* Where a row ends, as raw bytes. Pure: a window of bytes in, the shape of the next row out.
 *
 * The rules, which every reader of this room shares:
 * - A quote opens a cell only as its first byte; elsewhere it is a byte like any other.
 * - In a quoted cell two quotes are one. A single quote closes it, and must be followed by the
 *   delimiter, a line end or the end of the input.
 * - A closing quote followed by anything else, or no closing quote within MC_QUOTED_CELL_MAX
 *   bytes, makes the row malformed: it ends at the first line break after that cell began.
 * - Line ends are LF and CRLF, and a CR that is the last byte of all. Where the list's line end
 *   is a bare CR (`cr_ends_rows`, decided once a file) CR, LF and CRLF all are.
 *
 * Linear even on hostile input: a quoted cell is read ahead only up to the next single quote,
 * and a later cell that opens has such a quote, so no byte is read ahead for two cells. */
#ifndef MC_CSV_ROW_SPLIT_H
#define MC_CSV_ROW_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv/raw_cells.h"

/* An opening quote whose partner is further away is taken for a stray one. Bounds what a list
 * with one unclosed quote makes the window grow to; spreadsheets stop at 32 KiB a cell. */
#define MC_QUOTED_CELL_MAX ((size_t)16 << 20)

struct mc_row_rules {
    char delimiter;
    bool cr_ends_rows;
    uint32_t address;     /* the column to locate */
    uint32_t usual_cells; /* tells the readings of a malformed row apart; 0: not known */
};

struct mc_row_shape {
    size_t len; /* line end included */
    size_t line_end_len;
    uint32_t cells;
    uint32_t breaks; /* line breaks inside the row's quoted cells */
    bool malformed;
    size_t address_at; /* from the row's first byte */
    size_t address_len;
    enum mc_cell_kind address_kind;
};

/* What is known of the row that is being read; lets a row arrive in any number of pieces. Offsets
 * count from the row's first byte. */
struct mc_row_walk {
    enum { MC_WALK_PLAIN, MC_WALK_QUOTED, MC_WALK_BROKEN } state;
    enum mc_cell_kind kind; /* of the cell that is being read */
    bool has_break;
    uint32_t cells, breaks, cell_breaks; /* line breaks in the cells before, in this one */
    size_t lead;                         /* bytes before the first cell: a byte order mark */
    size_t cell;                         /* where the current cell began */
    size_t next;                         /* the first byte not looked at */
    size_t first_break;
    size_t address_at, address_len;
    enum mc_cell_kind address_kind;
};

struct mc_row_split {
    struct mc_row_rules rules;
    const char *at, *end; /* the window: from the first byte of the next row */
    bool final;           /* nothing comes behind `end` */
    const char *block;    /* MC_MARKS_BLOCK bytes of the window, which of them matter, and which */
    uint64_t block_marks, marks; /* of those are still to come */
    bool is_unfinished;          /* `walk` holds the beginning of a row */
    struct mc_row_walk walk;
};

void mc_row_split_init(struct mc_row_split *split, const struct mc_row_rules *rules);
/* The bytes from the start of the unfinished row on, as far as there are. The same row's bytes
 * must come again, maybe elsewhere, with more behind them. */
void mc_row_split_window(struct mc_row_split *split, const char *at, size_t len, bool final);
/* The next row begins with `lead` bytes that belong to no cell. */
void mc_row_split_lead(struct mc_row_split *split, size_t lead);
/* False where the window holds no further row (all of it is read, where it was final). */
bool mc_row_split_next(struct mc_row_split *split, struct mc_row_shape *shape);
/* As many of the next rows, at most `room`, as are what most rows of most lists are: whole in the
 * window, on one line, well-formed, their address no cell of MC_CELL_DOUBLED. The same shapes, in
 * one go. */
size_t mc_row_split_simple(struct mc_row_split *split, struct mc_row_shape *shapes, size_t room);

#endif
