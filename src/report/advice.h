/* What to do next: sentences that follow from the numbers. Both reports show the same ones. */
#ifndef MC_REPORT_ADVICE_H
#define MC_REPORT_ADVICE_H

#include "base/text.h"
#include "report/tally.h"
#include "report/words.h"

/* Calls `add` once a sentence, the most pressing first; at least once. */
void mc_report_advice(const struct mc_tally *tally, enum mc_language language,
                      void (*add)(void *arg, struct mc_span sentence), void *arg);

/* Why no mailbox could be asked about, or NULL. */
const char *mc_report_notice(const struct mc_tally *tally, enum mc_language language);

/* How much a list as a whole would hurt its sender. MC_JUDGED_UNKNOWN where too much is unknown:
 * an average of guesses would tell nothing. */
enum mc_judgement { MC_JUDGED_UNKNOWN, MC_JUDGED_GOOD, MC_JUDGED_WORRYING, MC_JUDGED_BAD };
enum mc_judgement mc_report_judge(const struct mc_tally *tally);

/* "0.4 s", "12 min 5 s", "3 h 20 min" */
void mc_report_elapsed(struct mc_text *out, uint64_t ms);
/* "1,234,567" */
void mc_report_number(struct mc_text *out, uint64_t number);
/* "12.3%"; never "0.0%" for something nor "100.0%" for not quite all. */
void mc_report_percent(struct mc_text *out, double part, double whole);

#endif
