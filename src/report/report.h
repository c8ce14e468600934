/* The summary of a run as text, JSON or a page. Reads a tally; counts nothing itself. */
#ifndef MC_REPORT_REPORT_H
#define MC_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"
#include "report/tally.h"
#include "report/words.h"

/* Fits 80 columns. */
void mc_report_text(const struct mc_tally *tally, struct mc_text *out);
void mc_report_json(const struct mc_tally *tally, struct mc_text *out);

/* Which report a file name asks for; false where it is none we can make. */
enum mc_report_kind { MC_REPORT_TEXT, MC_REPORT_JSON, MC_REPORT_HTML };
bool mc_report_kind_of(const char *path, enum mc_report_kind *kind);
/* `language` is for the page. Written beside it, synced, renamed. False and a sentence in `error`
 * on failure. */
bool mc_report_write(const struct mc_tally *tally, const char *path, enum mc_language language,
                     char *error, size_t error_size);

#endif
