/* What the store's memory of an address is worth: pure functions over plain data. The clock is an
 * argument, seconds since 1970. Starting points: Exim's callout cache and Postfix's verify(8). */
#ifndef MC_STORE_RULES_H
#define MC_STORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "verdict/verdict.h"

#define MC_DAY_SECONDS    86400
#define MC_PAST_MAX       4 /* answers remembered behind the last one */
#define MC_SOFT_MAX       6 /* days with a soft bounce */
#define MC_STORE_AGE_FREE INT64_MAX

/* An answer that was: for export, and to see whether the last one was confirmed. */
struct mc_past {
    int64_t at;
    enum mc_reason reason;
};

/* A day (since 1970) on which mail to it was put off or came back without the address's fault. */
struct mc_soft {
    uint16_t day;
    enum mc_reason reason;
};

/* All that is held of one address. {0} is an address nobody ever asked about. */
struct mc_known {
    /* the last answer that decided something; checked_at 0: there is none */
    enum mc_reason reason;
    enum mc_source source;
    int64_t checked_at;
    /* the last try that decided nothing, after that; tried_at 0: there is none */
    enum mc_reason tried;
    int64_t tried_at;
    uint32_t origin;       /* who tried, as mc_news has it */
    bool waits;            /* it was told to come back, and is to be tried again in that run */
    int64_t unknown_since; /* when it began to go unanswered; 0: it does not */
    int64_t good_at;       /* when it was last deliverable; 0: never, or buried since */
    int64_t bad_at;        /* the first refusal after that, not yet confirmed; 0: none */
    struct mc_span mx;     /* the host that was asked; borrowed */
    struct mc_span smtp;   /* the deciding line; borrowed */
    size_t past_count;
    struct mc_past past[MC_PAST_MAX]; /* the youngest first, the last answer included */
    size_t soft_count;
    struct mc_soft soft[MC_SOFT_MAX]; /* the youngest first */
    int64_t complained_at;            /* the recipient called our mail spam; 0: never */
};

/* An answer that comes in. Of source MC_SOURCE_BOUNCE it is what a delivery report says: evidence
 * against mailbox or domain, a soft bounce, or `suppressed`, a complaint; never `blocked`. */
struct mc_news {
    enum mc_reason reason;
    enum mc_source source;
    int64_t at;
    uint32_t origin; /* of a probe: a hash of the address and names that the server saw */
    bool waits;      /* no verdict yet: it will be tried again in this run */
    struct mc_span mx, smtp;
    const char *rule; /* of a bounce: the classifier's that decided, static, or NULL */
};

/* True where the answer may be given again at `now`, as `reason`. `max_age` caps every limit. */
bool mc_rules_serve(const struct mc_known *known, int64_t now, int64_t max_age,
                    enum mc_reason *reason);

/* What `reason` is lowered to where mail to the address came back softly on several days. */
enum mc_reason mc_rules_soften(const struct mc_known *known, enum mc_reason reason, int64_t now);

/* Does this bounce contradict a `deliverable` of ours that came before it? */
bool mc_rules_misjudged(const struct mc_known *known, const struct mc_news *bounce);

/* What an answer is worth, given what was known: its reason, or unproven where a single failed
 * probe speaks against an address that was deliverable. */
enum mc_reason mc_rules_verdict(const struct mc_known *known, const struct mc_news *news);

/* Takes the answer in. */
void mc_rules_learn(struct mc_known *known, const struct mc_news *news);

/* What was known before that moment, as far as the answers that were tell. */
void mc_rules_before(const struct mc_known *known, int64_t moment, struct mc_known *old);

/* How many nights running it has gone unanswered, tonight included; 0: it was answered. */
unsigned mc_rules_nights(const struct mc_known *known, int64_t now);

/* How long a domain's DNS outcome may stand in for the question, in seconds; 0: not at all. */
int64_t mc_rules_domain_limit(enum mc_reason outcome);
/* ... and the proof that a domain tells mailboxes apart, or does not, for the answer of one more.
 */
#define MC_RULES_PROOF_SECONDS ((int64_t)7 * MC_DAY_SECONDS)

/* A moment of the past that is at most `limit` old. One in the future (the clock was set back) is
 * not. */
bool mc_rules_fresh(int64_t at, int64_t now, int64_t limit);

#endif
