/* How a list is written, told from its first rows: delimiter, line end, header, and which column
 * holds the addresses. Pure. Content counts more than names: a column is chosen for what its cells
 * look like, and its name decides only between columns that look alike. */
#ifndef MC_CSV_DIALECT_H
#define MC_CSV_DIALECT_H

#include "base/span.h"
#include "base/text.h"
#include "csv/rows.h"

struct mc_detected {
    struct mc_dialect dialect; /* its spans point into this struct or are static */
    uint32_t *ours;
    bool cr_ends_rows;
    bool separator_line; /* the first line is Excel's "sep=;": passed through bare */
    uint32_t rows;       /* seen in the sample */
    size_t bytes;        /* that they have in UTF-8 */
    bool sure;           /* cells that hold addresses, or a name, or the user, speak for it */
    struct mc_text description;
};

/* `text` is UTF-8 without its byte order mark and holds whole rows, but for the last one unless
 * `final`. Fills all but dialect.bom and dialect.encoding, which it reads. On failure false and a
 * sentence with `name`. */
bool mc_dialect_detect(struct mc_detected *detected, struct mc_span text, bool final,
                       const struct mc_rows_options *options, const char *name, char *error,
                       size_t error_size) __attribute__((warn_unused_result));
void mc_detected_free(struct mc_detected *detected);

#endif
