/* What the files behind rows.h share. */
#ifndef MC_CSV_ROWS_PRIVATE_H
#define MC_CSV_ROWS_PRIVATE_H

#include "base/text.h"
#include "csv/dialect.h"
#include "csv/row_source.h"
#include "csv/rows.h"

struct mc_rows {
    struct mc_row_source source;
    struct mc_detected detected;
    struct mc_rows_oddities oddities;
    bool has_cursor; /* the first one counts oddities */
};

#define MC_BOM_LEN 3 /* U+FEFF in UTF-8 */

/* The row between byte order mark and line end. */
static inline struct mc_span mc_row_body(const struct mc_row *row, const struct mc_dialect *dialect)
{
    size_t lead = dialect->bom && row->line == 1 ? MC_BOM_LEN : 0;
    return mc_span(row->raw.at + lead, row->raw.len - row->line_end_len - lead);
}

#endif
