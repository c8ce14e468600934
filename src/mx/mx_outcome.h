/* What the DNS answers about a domain mean for its mail: RFC 5321 section 5.1, RFC 7505. Pure: no
 * table, no socket. mx_lookup.c asks the questions, this says which hosts to ask about and what
 * follows from all answers together. */
#ifndef MC_MX_MX_OUTCOME_H
#define MC_MX_MX_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "loop/dns.h"
#include "mx/routable.h"
#include "verdict/verdict.h"

#define MC_MX_MAX 20 /* hosts of a domain that are looked at, best preference first */

/* What an MX record names. */
enum mc_mx_name {
    MC_MX_NAME_HOST,
    MC_MX_NAME_ROOT,      /* "." (RFC 7505: alone it means that the domain takes no mail) */
    MC_MX_NAME_ADDRESS,   /* an IP address as text */
    MC_MX_NAME_LOCALHOST, /* RFC 6761 section 6.3 */
    MC_MX_NAME_BAD,       /* cannot be asked in the DNS, so it has no address */
};

enum mc_mx_name mc_mx_name_kind(struct mc_span name);

/* Picks the MC_MX_MAX best records: each host once, by preference, equal ones by name. Returns
 * their number. */
size_t mc_mx_pick(const struct mc_dns_mx *records, size_t count, struct mc_dns_mx best[MC_MX_MAX]);

/* All that is known of one host when its questions are answered. */
struct mc_mx_finding {
    struct mc_span name;
    enum mc_mx_name kind;
    size_t usable;     /* addresses that mail may be sent to */
    bool has_unusable; /* it has others, of which this is one: */
    struct mc_ip unusable;
    bool failed; /* a question about it could not be answered: */
    enum mc_dns_type failed_type;
    enum mc_dns_status failure;
};

/* `implicit`: the domain has no MX record, and the only finding is its own name. `detail` gets one
 * line of evidence, nothing for MC_REASON_ACCEPTED. */
enum mc_reason mc_mx_judge(const struct mc_mx_finding *findings, size_t count, bool implicit,
                           struct mc_text *detail);

/* The same for a domain whose MX question was not answered with records, and not with
 * MC_DNS_NO_DATA. */
enum mc_reason mc_mx_judge_failure(enum mc_dns_status status, struct mc_text *detail);

#endif
