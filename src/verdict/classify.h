/* What a reply means, whom it blames and how sure that is. A pure function over data/replies.
 *
 * Decides about ONE reply; it knows nothing of other recipients. Whether an ambiguous refusal
 * counts, and what an acceptance proves, the engine decides from several answers. */
#ifndef MC_VERDICT_CLASSIFY_H
#define MC_VERDICT_CLASSIFY_H

#include <stdbool.h>

#include "base/span.h"
#include "verdict/reply.h"
#include "verdict/verdict.h"

/* Where in the dialogue the reply came (or failed to come). */
enum mc_stage {
    MC_STAGE_NONE, /* a reply out of context, judged as if at RCPT (`classify`) */
    MC_STAGE_CONNECT,
    MC_STAGE_PROXY,
    MC_STAGE_BANNER,
    MC_STAGE_EHLO, /* and HELO */
    MC_STAGE_STARTTLS,
    MC_STAGE_MAIL,
    MC_STAGE_RCPT,
    MC_STAGE_END_OF_DATA, /* only in bounces: this program never gets there */
    MC_STAGE_COUNT
};

/* Whose affair it is. */
enum mc_blame {
    MC_BLAME_NOBODY,  /* accepted */
    MC_BLAME_MAILBOX, /* this recipient */
    MC_BLAME_DOMAIN,  /* every recipient of the domain at this MX */
    MC_BLAME_PEER,    /* the server's own state; another one or a later try may do better */
    MC_BLAME_US,      /* our address, name, sender, rate or content */
};

enum mc_surety {
    MC_SURE,      /* counts as it stands */
    MC_AMBIGUOUS, /* a refusal that counts only where the same MX accepted somebody else; `reason`
                     is then what it would count as, else it is `blocked` */
};

struct mc_ruling {
    enum mc_reason reason; /* accepted, unproven (252), no_such_mailbox, mailbox_disabled,
                              mailbox_full, domain_not_served, no_smtputf8, greylisted, blocked,
                              tls_required, server_error */
    enum mc_blame blame;
    enum mc_surety surety;
    bool new_transaction; /* 452 4.5.3: this transaction is full, ask again in a new one */
    bool refuses_session; /* 421 or the like: the server is about to hang up */
    const char *rule;     /* names the rule that decided, static; never NULL */
};

/* Our own strings, blanked before the text is read. Any span may be empty. */
struct mc_ours {
    struct mc_span recipient, sender, helo, address; /* address: our IP as text */
};

/* `provider` is the id of lists/provider.h ("google", ...) or "". */
struct mc_ruling mc_classify(enum mc_stage stage, const struct mc_reply *reply,
                             struct mc_span provider, const struct mc_ours *ours);

/* "RCPT", "BANNER", ... as mc_smtp shows it. */
const char *mc_stage_name(enum mc_stage stage);

#endif
