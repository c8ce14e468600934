/* Why a sender was refused, so that he knows what to mend: his authentication, his standing, his
 * speed, what he wrote. Nothing here is about the recipient. Pure. */
#ifndef MC_BOUNCE_CAUSE_H
#define MC_BOUNCE_CAUSE_H

#include "base/span.h"

enum mc_cause {
    MC_CAUSE_LISTED, /* a blocklist, a bad reputation */
    MC_CAUSE_AUTHENTICATION,
    MC_CAUSE_DNS,    /* of the sending host: PTR, HELO */
    MC_CAUSE_SENDER, /* the sender's address */
    MC_CAUSE_RATE,
    MC_CAUSE_CONTENT,
    MC_CAUSE_LOGIN, /* relaying without one */
    MC_CAUSE_OWNER, /* the recipient wants no mail from us, or none from outside */
    MC_CAUSE_OTHER,
    MC_CAUSES
};

/* `rule`: the rule of the classifier that decided (data/replies), or NULL. */
enum mc_cause mc_cause_of(const char *rule, struct mc_span said);
const char *mc_cause_name(enum mc_cause cause);
/* What to do about it, without a full stop. */
const char *mc_cause_advice(enum mc_cause cause);

#endif
