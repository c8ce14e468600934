/* DNS questions through c-ares: MX, A, AAAA; TXT and PTR for the doctor. Each call is one question;
 * asking once a name is the business of mx/mx_lookup.h. No search domains, no /etc/hosts, never
 * getaddrinfo.
 *
 * The answer comes from the loop, once, never inside the call. Not-found, no-data and
 * could-not-ask stay apart; SERVFAIL and REFUSED are believed when every server has said so (a
 * single one twice, one that is only crowded five times). Keeps at most `outstanding` questions
 * under way, 100 at first and more as prompt answers come, and queues the rest. With none under way
 * the loop waits for nothing. */
#ifndef MC_LOOP_DNS_H
#define MC_LOOP_DNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "loop/loop.h"

enum mc_dns_type { MC_DNS_MX, MC_DNS_A, MC_DNS_AAAA, MC_DNS_TXT, MC_DNS_PTR };

enum mc_dns_status {
    MC_DNS_OK,
    MC_DNS_NO_DATA,   /* the name exists, no record of this type */
    MC_DNS_NOT_FOUND, /* NXDOMAIN */
    MC_DNS_SERVFAIL,
    MC_DNS_REFUSED, /* and NOTIMP, FORMERR */
    MC_DNS_TIMEOUT, /* silence */
    MC_DNS_BAD,     /* an answer that makes no sense, or a name that cannot be asked */
    MC_DNS_LOCAL,   /* our own trouble (no server configured, no socket) */
};

struct mc_dns_mx {
    uint16_t preference;
    const char *host; /* lower case, no trailing dot; "" for the root (null MX) */
};

struct mc_dns_answer {
    enum mc_dns_status status;
    size_t count;
    const struct mc_dns_mx *mx; /* MC_DNS_MX, in the order of the answer */
    const struct in_addr *a;
    const struct in6_addr *aaaa;
    const struct mc_span
        *text; /* MC_DNS_TXT: the strings of a record joined; MC_DNS_PTR: as hosts */
};

struct mc_dns;

struct mc_dns_options {
    const char *servers;  /* "ADDR[:PORT][,...]", NULL: /etc/resolv.conf */
    uint32_t timeout_ms;  /* for one question, tries and servers all told, from its first try */
    uint32_t outstanding; /* questions under way at once */
    bool tcp;             /* TCP only (behind a proxy) */
    const char *proxy;    /* connect through this SOCKS5 proxy, or NULL */
};

/* NULL and a sentence in `error` on bad options. */
struct mc_dns *mc_dns_new(struct mc_loop *loop, const struct mc_dns_options *options, char *error,
                          size_t error_size);
/* Nothing more is called back. Not to be called from inside an answer. */
void mc_dns_free(struct mc_dns *dns);

/* `name` is copied. The answer is valid during the call back. */
void mc_dns_ask(struct mc_dns *dns, enum mc_dns_type type, const char *name,
                void (*answered)(void *arg, const struct mc_dns_answer *answer), void *arg);

/* The window is not full, or fewer questions wait for it than it may soon want. Who has many to ask
 * does well to wait for this, since what waits here costs memory and cache. */
bool mc_dns_has_room(const struct mc_dns *dns);

/* Questions asked so far (for the report). */
uint64_t mc_dns_questions(const struct mc_dns *dns);
const char *mc_dns_status_name(enum mc_dns_status status);

#endif
