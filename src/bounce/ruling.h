/* What the probe's classifier (verdict/classify.h) says of the words of a report, remembered for
 * as long as the program runs: a mailing brings the same refusals back by the thousand, and they
 * differ in nothing but the address. Not for the library: one thread. */
#ifndef MC_BOUNCE_RULING_H
#define MC_BOUNCE_RULING_H

#include "bounce/judge.h"

/* Of the text of `said`, which is one whose folded lines are joined. `with_status`: where the text
 * has no code of its own, the Status stands in for it. */
struct mc_ruling mc_bounce_ruling(const struct mc_bounce_said *said, bool with_status);

#endif
