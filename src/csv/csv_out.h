/* One row of CSV: the original bytes, then our cells. Pure: appends to a text.
 *
 * Original cells are copied byte for byte, quotes and all. Ours are quoted only where RFC 4180
 * asks for it, and an apostrophe keeps a spreadsheet from taking one for a formula. */
#ifndef MC_CSV_CSV_OUT_H
#define MC_CSV_CSV_OUT_H

#include <stdint.h>

#include "base/text.h"
#include "csv/rows.h"
#include "verdict/columns.h"

struct mc_csv_out;

/* Borrows `dialect`. */
struct mc_csv_out *mc_csv_out_new(const struct mc_dialect *dialect,
                                  const struct mc_columns *columns);
void mc_csv_out_free(struct mc_csv_out *out);
/* `result` is NULL for header and blank lines. */
void mc_csv_out_row(struct mc_csv_out *out, struct mc_text *text, const struct mc_row *row,
                    const struct mc_result *result);

#endif
