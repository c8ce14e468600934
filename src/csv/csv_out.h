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

/* Our cells of results that differ in mc_email alone, as text: what stands before it, its
 * delimiter included, and what stands behind. */
struct mc_csv_frame {
    bool has_email;
    size_t before_len, behind_len;
    char before[256], behind[256];
};

/* Borrows `dialect`. */
struct mc_csv_out *mc_csv_out_new(const struct mc_dialect *dialect,
                                  const struct mc_columns *columns);
void mc_csv_out_free(struct mc_csv_out *out);
/* `result` is NULL for header and blank lines. */
void mc_csv_out_row(struct mc_csv_out *out, struct mc_text *text, const struct mc_row *row,
                    const struct mc_result *result);

/* The frame of results like this one, whose mc_email counts for nothing. False where there is
 * none: it has another text, or rows need more than our cells at their end. */
bool mc_csv_out_frame(const struct mc_csv_out *out, const struct mc_result *result,
                      struct mc_csv_frame *frame);
/* What mc_csv_out_row appends for such a result, copied. `email` is of small letters, digits,
 * dots, hyphens, underscores and one at-sign, and begins with no hyphen; MC_ROW_READS bytes can be
 * read there. False, and nothing is appended, where the row needs more. */
bool mc_csv_out_framed_row(const struct mc_csv_out *out, struct mc_text *text,
                           const struct mc_row *row, const struct mc_csv_frame *frame,
                           struct mc_span email);

#endif
