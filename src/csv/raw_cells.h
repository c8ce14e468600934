/* The cells of one row whose end is known: where each begins and ends, and what it says. Pure.
 *
 * On a well-formed row there is one reading. In a malformed one a broken cell can be read in
 * several ways; the one is taken that gives the list's usual number of cells, so that the cells
 * behind it, the address maybe, stay in their columns. */
#ifndef MC_CSV_RAW_CELLS_H
#define MC_CSV_RAW_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum mc_cell_kind {
    MC_CELL_PLAIN,   /* its bytes are what it says */
    MC_CELL_QUOTED,  /* what stands between its quotes */
    MC_CELL_DOUBLED, /* the same, with quotes written twice */
    MC_CELL_BROKEN,  /* opened by a quote that nothing closes */
};

struct mc_raw_cell {
    struct mc_span raw;
    enum mc_cell_kind kind;
};

/* Where a broken cell ends. */
enum mc_broken_ends {
    MC_BROKEN_ENDS_AFTER_QUOTE, /* at the first delimiter behind its second quote */
    MC_BROKEN_ENDS_AT_QUOTE,    /* at a quote that a delimiter or the row's end follows */
    MC_BROKEN_ENDS_LITERALLY,   /* at the first delimiter */
};

struct mc_raw_cells {
    struct mc_span body;
    size_t at;
    char delimiter;
    enum mc_broken_ends broken_ends;
    bool done, no_quote_ends; /* no further quote with a delimiter behind it */
};

/* `body`: a row without line end and byte order mark. */
void mc_raw_cells_begin(struct mc_raw_cells *cells, struct mc_span body, char delimiter);
/* The same for a malformed row. */
void mc_raw_cells_malformed(struct mc_raw_cells *cells, struct mc_span body, char delimiter,
                            uint32_t usual_cells);
bool mc_raw_cells_next(struct mc_raw_cells *cells, struct mc_raw_cell *cell);

/* What a cell says. Points into the cell or into `scratch` (room for its raw length). */
struct mc_span mc_raw_cell_text(const struct mc_raw_cell *cell, char delimiter, char *scratch);

#endif
