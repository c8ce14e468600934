/* What to do next: sentences that follow from the numbers. Both reports show the same ones. */
#ifndef MC_REPORT_ADVICE_H
#define MC_REPORT_ADVICE_H

#include "base/text.h"
#include "report/tally.h"

/* Calls `add` once a sentence, the most pressing first; at least once. */
void mc_report_advice(const struct mc_tally *tally, void (*add)(void *arg, struct mc_span sentence),
                      void *arg);

/* "1,234,567" */
void mc_report_number(struct mc_text *out, uint64_t number);
/* "12.3%"; never "0.0%" for something nor "100.0%" for not quite all. */
void mc_report_percent(struct mc_text *out, double part, double whole);

#endif
