/* One message -> who failed. The order of evidence: a feedback report, a delivery status, the
 * X-Failed-Recipients field, the prose, the To: of what came back. */
#ifndef MC_BOUNCE_REPORT_H
#define MC_BOUNCE_REPORT_H

#include "bounce/bounce.h"
#include "bounce/mime.h"

void mc_report_read(const struct mc_message *message, struct mc_span source,
                    const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts);

#endif
