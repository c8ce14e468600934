/* Ask mail servers about recipients, many at once and politely. The top of the SMTP room: routes,
 * peers, sessions and their scheduler live below it.
 *
 * It decides whom to connect to and when, speaks the dialogue, and reports each recipient's reply
 * with the ruling of verdict/classify.h. It never decides a verdict, never retries a recipient by
 * itself, never invents a control recipient: the owner (the engine) pulls those strings.
 *
 * Vocabulary. A *peer* is one IP address and port. A *route* is an interned ordered list of MX
 * hosts with their addresses. A *lane* is the owner's queue of recipients of one domain that
 * share a transaction (plain ones, or those that need SMTPUTF8); the prober only knows its number.
 */
#ifndef MC_SMTP_PROBER_H
#define MC_SMTP_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "lists/lists.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "mx/mx_lookup.h"
#include "verdict/classify.h"

struct mc_prober;
struct mc_peer_memory;

struct mc_recipient {
    uint32_t id;          /* the owner's, given back with the answer */
    struct mc_span local; /* as on the wire; copied when taken */
    struct mc_span domain;
    bool needs_smtputf8;
    bool is_control; /* made up: never asked again by the prober itself */
};

enum mc_answer_kind {
    MC_ANSWER_REPLY,    /* the server answered RCPT TO for this recipient: `reply`, `ruling` */
    MC_ANSWER_LOST,     /* it was not answered (session refused, closed, timed out...), but another
                           peer or a later session may do better: offer the lane again */
    MC_ANSWER_HOPELESS, /* and no peer of the route is left in this run */
    MC_ANSWER_STOPPED,  /* mc_prober_stop() */
};

/* Valid during the call. */
struct mc_answer {
    enum mc_answer_kind kind;
    enum mc_stage stage;          /* where the deciding reply came */
    const struct mc_reply *reply; /* NULL where there was none (connect failure, time-out) */
    uint64_t wording;             /* of the reply, see ruling_memo.h; 0: of its own */
    struct mc_ruling ruling;      /* LOST, HOPELESS: the reason that stands if nobody does better:
                                     connect_failed, timeout, blocked, tls_required, server_error,
                                     greylisted, no_smtputf8 */
    const char *detail;           /* no reply: one line that says what happened instead */
    uint32_t host;                /* MX host (mc_mx_host_name) that was asked; MC_NONE: none */
    uint32_t peer;                /* for mc_prober_offer's `prefer`; MC_NONE: none */
    bool backup;                  /* not of the best preference of the domain's MX set */
    bool proved;                  /* REPLY, ambiguous: the session went on accepting others */
    bool asked;                   /* LOST: the RCPT command had been sent, no reply came */
};

/* What the owner does for the prober. Called from the loop only. */
struct mc_prober_owner {
    void *arg;
    /* The next recipient of the lane, or false where none waits now. */
    bool (*take)(void *arg, uint32_t lane, struct mc_recipient *recipient);
    /* Exactly once for each recipient taken. May call mc_prober_offer. */
    void (*answered)(void *arg, uint32_t lane, uint32_t recipient, const struct mc_answer *answer);
    /* A person should read this: a provider that blocks us (once a provider). May be NULL. */
    void (*notice)(void *arg, const char *line);
    /* What is remembered of a mail server or a provider from the runs before, by its name, and
     * what is to be remembered (smtp/peer_memory.h). Both may be NULL. */
    bool (*remembered)(void *arg, struct mc_span name, struct mc_peer_memory *memory);
    void (*learned)(void *arg, struct mc_span name, const struct mc_peer_memory *memory);
    /* `check -v`: a line of dialogue. May be NULL. */
    void (*trace)(void *arg, const char *line);
};

struct mc_prober_options {
    const char *helo, *mail_from; /* copied; both usable */
    uint16_t port;
    uint32_t connect_timeout_ms, reply_timeout_ms;
    uint32_t concurrency, per_mx, per_provider;
    bool no_pace;     /* no gaps, minute rates, day budgets; caps and breaker stay */
    bool gentle_pace; /* half the rates, twice the gaps, one connection an MX address */
};

/* Borrows all of them; they must outlive the prober. `owner` is copied. */
struct mc_prober *mc_prober_new(struct mc_loop *loop, struct mc_net *net, const struct mc_mx *mx,
                                const struct mc_lists *lists,
                                const struct mc_prober_options *options,
                                const struct mc_prober_owner *owner);
void mc_prober_free(struct mc_prober *prober); /* closes what is open; nobody is called back */

/* The prober takes the place of another with the same lists that is about to be freed: gaps,
 * budgets and who is left alone are passed on. */
void mc_prober_inherit(struct mc_prober *prober, const struct mc_prober *old);

/* Interns an MX set (as mc_mx_answer gives it); the same set has the same number. Sets whose
 * addresses are the same, tier by tier, may share one. `count` > 0. */
uint32_t mc_prober_route(struct mc_prober *prober, const struct mc_mx_entry *entries, size_t count);

/* The lane has recipients waiting (again). Idempotent while it is queued. `prefer`: a peer to ask
 * if it is usable (a greylisting one), or MC_NONE. The lane keeps the route of its last offer. */
void mc_prober_offer(struct mc_prober *prober, uint32_t lane, uint32_t route, uint32_t prefer);

/* No new session and no new command but QUIT; each taken recipient is answered as STOPPED within a
 * second. */
void mc_prober_stop(struct mc_prober *prober);

/* Nothing is under way and no lane is queued. */
bool mc_prober_idle(const struct mc_prober *prober);

/* Somebody whom this peer has accepted before this run: asked once more where an ambiguous refusal
 * wants to be told from one of us, and nobody was accepted in the run. Copied. */
void mc_prober_offer_witness(struct mc_prober *prober, uint32_t peer, uint32_t lane,
                             struct mc_span local, struct mc_span domain);

/* Did this peer accept a recipient in this run? (What makes an ambiguous refusal count.) */
bool mc_prober_peer_accepted(const struct mc_prober *prober, uint32_t peer);

/* Port 25 as seen so far: whether any TCP handshake was completed, and with how many different
 * providers of the list a connect was tried and has failed or is `after_ms` old. */
struct mc_prober_reach {
    bool any_connected;
    uint32_t providers_tried;  /* listed providers with an attempt */
    uint32_t providers_failed; /* ... whose attempts all failed or hang for at least after_ms */
};
struct mc_prober_reach mc_prober_reach(const struct mc_prober *prober, int64_t after_ms);

/* For the report and the progress line. */
struct mc_prober_counts {
    uint64_t sessions, recipients; /* sessions opened, RCPT commands sent */
    uint32_t open;
    uint64_t waiting_lanes;
};
void mc_prober_count(const struct mc_prober *prober, struct mc_prober_counts *counts);

#endif
