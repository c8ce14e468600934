/* When something was said: dates of mail (RFC 5322), the times at the start of log lines, and ISO
 * 8601, as seconds since 1970. What cannot be read, or lies in the future, is 0: evidence without
 * a time is weaker than any with one, evidence from the future would beat them all. Pure but for
 * the local time zone, which syslog leaves out. */
#ifndef MC_BOUNCE_WHEN_H
#define MC_BOUNCE_WHEN_H

#include <stdint.h>

#include "base/span.h"

/* "Mon, 2 Nov 2026 10:00:00 +0100 (CET)", and what older programs make of it. */
int64_t mc_when_mail(struct mc_span field, int64_t now);
/* "2026-11-02T10:00:00.123Z"; local time where there is no zone. */
int64_t mc_when_iso(struct mc_span text, int64_t now);
/* The time at the start of a line: of syslog (its year is the last in which that day was no later
 * than `now`), ISO 8601, seconds since 1970, TAI64N. */
int64_t mc_when_log(struct mc_span line, int64_t now);

#endif
