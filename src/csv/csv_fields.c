/* All cells of one row, decoded: JSONL, header names. */
#include <stdlib.h>

#include "base/memory.h"
#include "csv/raw_cells.h"
#include "csv/rows.h"
#include "csv/rows_private.h"

size_t mc_cells_split(struct mc_cells *cells, const struct mc_row *row,
                      const struct mc_dialect *dialect)
{
    struct mc_span body = mc_row_body(row, dialect);
    struct mc_raw_cells raw;
    struct mc_raw_cell cell;
    size_t used = 0;
    cells->count = 0;
    if (row->is_blank)
        return 0;
    if (cells->scratch_room < body.len) {
        cells->scratch = mc_realloc(cells->scratch, body.len);
        cells->scratch_room = body.len;
    }
    if (row->is_malformed)
        mc_raw_cells_malformed(&raw, body, dialect->delimiter, dialect->usual_cells);
    else
        mc_raw_cells_begin(&raw, body, dialect->delimiter);
    while (mc_raw_cells_next(&raw, &cell)) {
        struct mc_span text = mc_raw_cell_text(&cell, dialect->delimiter, cells->scratch + used);
        if (text.at == cells->scratch + used)
            used += text.len;
        cells->cell = mc_grow(cells->cell, cells->count, &cells->room, sizeof *cells->cell);
        cells->cell[cells->count++] = text;
    }
    return cells->count;
}

void mc_cells_free(struct mc_cells *cells)
{
    free(cells->cell);
    free(cells->scratch);
    *cells = (struct mc_cells){0};
}
