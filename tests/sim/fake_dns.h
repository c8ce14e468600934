/* The DNS in memory: loop/dns.h answered from a zone written as text. Answers come from the loop,
 * 10 ms after the question.
 *
 * A line (or a part between semicolons) of the zone is one record, or a failure:
 *
 *     d.test MX 10 mx1.d.test.
 *     d.test MX 0 .                       null MX
 *     mx1.d.test A 198.18.0.1
 *     mx2.d.test A SERVFAIL               or REFUSED, TIMEOUT, BAD, LOCAL, NXDOMAIN
 *     mx2.d.test AAAA SILENT              a time-out that takes its 10 s
 *
 * A name with records of another type has no data; a name without any is not found. */
#ifndef SIM_FAKE_DNS_H
#define SIM_FAKE_DNS_H

#include "loop/dns.h"

/* `zone` is borrowed. Freed with mc_dns_free. mc_dns_new, the real name, takes the zone out of
 * options->servers, so that whoever makes its own mc_dns can be given one. */
struct mc_dns *sim_dns_new(struct mc_loop *loop, const char *zone);

/* How often this very question was asked; NULL for the name: any. */
unsigned sim_dns_asked(const struct mc_dns *dns, enum mc_dns_type type, const char *name);

#endif
