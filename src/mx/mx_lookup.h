/* Where does mail for this domain go? RFC 5321 section 5 and RFC 7505 in full.
 *
 * Owns the table of MX hosts (each asked for its addresses once a run, whatever the number of
 * domains that name it). One MX question a domain: the caller asks once a domain. Never connects
 * to anything. */
#ifndef MC_MX_MX_LOOKUP_H
#define MC_MX_MX_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"
#include "loop/dns.h"
#include "mx/mx_outcome.h"
#include "mx/routable.h"
#include "verdict/verdict.h"

struct mc_mx_entry {
    uint16_t preference;
    uint32_t host; /* index for mc_mx_host_* */
};

/* Valid during the call back. */
struct mc_mx_answer {
    /* MC_REASON_ACCEPTED: mail can be sent, `entries` says where. Else no_such_domain,
     * no_mail_server, null_mx, unroutable_mx or dns_failed. */
    enum mc_reason reason;
    /* one line of evidence, e.g. "MX SERVFAIL", "A 10.1.2.3 is private" */
    const char *detail;
    /* Usable hosts (at least one usable address), best preference first; equal ones keep the
     * order of their names. For a reason against the domain: none. */
    size_t count;
    const struct mc_mx_entry *entries;
    /* The best usable MX host by name; where none is, the best one; "" where there is none. */
    struct mc_span best_host;
};

struct mc_mx;

struct mc_mx_options {
    bool allow_private; /* --allow-private-mx */
    bool want_all;      /* all hosts with the addresses of both families (a probe follows); else
                           hosts are asked one by one until one is usable, the only entry then,
                           and AAAA only where A did not settle it */
    /* Of use with `want_all`: is there a way out by IPv6? Where there is none, AAAA is asked for
     * only where A did not settle it, for the verdict. NULL: there is. */
    bool (*has_ipv6)(void *arg);
    void *has_ipv6_arg;
    /* Where A has brought a usable address, AAAA is waited for so long and no longer: some
     * servers never answer it. 0: until DNS gives up. */
    uint32_t aaaa_wait_ms;
    struct mc_loop *loop; /* for that wait */
};

struct mc_mx *mc_mx_new(struct mc_dns *dns, const struct mc_mx_options *options);
/* Free the `dns` first, so that it calls nobody back. */
void mc_mx_free(struct mc_mx *mx);

/* `domain`: lower-case A-labels. The answer comes from the loop, once. */
void mc_mx_lookup(struct mc_mx *mx, struct mc_span domain,
                  void (*answered)(void *arg, const struct mc_mx_answer *answer), void *arg);

/* Hosts live as long as `mx`, and so do their addresses: the usable ones, IPv4 first, each family
 * in the order of the answer. A name is valid until the next turn of the loop. */
struct mc_span mc_mx_host_name(const struct mc_mx *mx, uint32_t host);
size_t mc_mx_host_addresses(const struct mc_mx *mx, uint32_t host, const struct mc_ip **addresses);

#endif
