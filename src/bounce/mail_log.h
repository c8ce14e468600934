/* One line of a mail server's log, or a bare reply -> who failed. Postfix, Exim, Sendmail,
 * OpenSMTPD; other lines are passed over. Knows no line before or after. */
#ifndef MC_BOUNCE_MAIL_LOG_H
#define MC_BOUNCE_MAIL_LOG_H

#include "bounce/bounce.h"

void mc_log_line_read(struct mc_span line, struct mc_span source, const struct mc_bounce_sink *sink,
                      struct mc_bounce_counts *counts);
/* Such a line it is. */
bool mc_log_line_is(struct mc_span line);

#endif
