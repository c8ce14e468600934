/* One line of a mail server's log, or a bare reply -> who failed. Postfix, Exim, Sendmail,
 * OpenSMTPD, qmail, Exchange's message tracking; other lines are passed over. Of the lines before,
 * only qmail's deliveries are known. */
#ifndef MC_BOUNCE_MAIL_LOG_H
#define MC_BOUNCE_MAIL_LOG_H

#include "bounce/bounce.h"
#include "bounce/other_logs.h"

/* `deliveries`: what is kept from line to line of one log; starts as NULL. */
void mc_log_line_read(struct mc_span line, struct mc_span source, struct mc_deliveries **deliveries,
                      const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts);
/* Such a line it is. */
bool mc_log_line_is(struct mc_span line);
/* One of the lines is such. */
bool mc_log_has_line(struct mc_span text);

#endif
