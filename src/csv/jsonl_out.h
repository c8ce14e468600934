/* One row as one JSON object a line. Pure: appends to a text.
 *
 * Input cells are strings under their header names; ours follow with their types. Bytes that are
 * no UTF-8 are read as Windows-1252, so every line is valid JSON. */
#ifndef MC_CSV_JSONL_OUT_H
#define MC_CSV_JSONL_OUT_H

#include "base/text.h"
#include "csv/rows.h"
#include "verdict/columns.h"

struct mc_jsonl_out;

/* Borrows `dialect`. */
struct mc_jsonl_out *mc_jsonl_out_new(const struct mc_dialect *dialect,
                                      const struct mc_columns *columns);
void mc_jsonl_out_free(struct mc_jsonl_out *out);
/* A header row gives the names and writes nothing, nor does a blank line. */
void mc_jsonl_out_row(struct mc_jsonl_out *out, struct mc_text *text, const struct mc_row *row,
                      const struct mc_result *result);

#endif
