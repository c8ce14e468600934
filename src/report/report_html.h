/* The summary of a run as a page for the person who decides whether to send. */
#ifndef MC_REPORT_REPORT_HTML_H
#define MC_REPORT_REPORT_HTML_H

#include "base/text.h"
#include "report/tally.h"
#include "report/words.h"

void mc_report_html(const struct mc_tally *tally, enum mc_language language, struct mc_text *out);

#endif
