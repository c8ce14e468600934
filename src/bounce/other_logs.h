/* Logs whose lines need more than a look: qmail-send names a delivery in one line and tells its
 * fate, by number, in a later one, with underscores for blanks; Exchange's message tracking is
 * CSV. What comes out is a recipient and what was said; judges nothing. */
#ifndef MC_BOUNCE_OTHER_LOGS_H
#define MC_BOUNCE_OTHER_LOGS_H

#include <stdbool.h>

#include "base/text.h"

/* The deliveries that qmail has under way; NULL is none yet. */
struct mc_deliveries;

enum mc_fate {
    MC_FATE_NONE, /* no such line */
    MC_FATE_NEWS, /* one, but nothing is decided by it */
    MC_FATE_FAILED,
    MC_FATE_DELAYED,
    MC_FATE_DELIVERED
};

struct mc_fate_line {
    struct mc_span recipients; /* one, or several between semicolons; empty: unknown */
    struct mc_span said;
};

/* The spans of `out` are valid until the next call. */
enum mc_fate mc_qmail_line_read(struct mc_deliveries **deliveries, struct mc_span line,
                                struct mc_fate_line *out);
enum mc_fate mc_tracking_line_read(struct mc_span line, struct mc_text *text,
                                   struct mc_fate_line *out);
void mc_deliveries_free(struct mc_deliveries *deliveries);

#endif
