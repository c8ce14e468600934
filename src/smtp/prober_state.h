/* Private to prober.c, asking.c and ending.c: what the prober is made of. */
#ifndef MC_SMTP_PROBER_STATE_H
#define MC_SMTP_PROBER_STATE_H

#include "smtp/peer_table.h"
#include "smtp/prober.h"
#include "smtp/route_table.h"
#include "smtp/scheduler.h"
#include "smtp/session.h"

struct mc_prober {
    struct mc_loop *loop;
    struct mc_net *net;
    const struct mc_mx *mx;
    const struct mc_lists *lists;
    struct mc_prober_options options;
    struct mc_prober_owner owner;
    char *helo, *mail_from;
    struct mc_session_common common;
    struct mc_peers peers;
    struct mc_routes routes;
    struct mc_scheduler scheduler;
    struct mc_session *sessions;  /* open, or taking their leave */
    struct mc_session *graveyard; /* gone; freed in the next turn */
    struct mc_timer turn;
    int64_t turn_ms;       /* when it is set to fire, 0: not */
    int64_t last_ended_ms; /* of a session */
    bool stopping, hinted_block, hinted_budget;
    uint64_t sessions_opened, recipients_asked;
    struct mc_reply reply;    /* scratch */
    struct mc_batch gathered; /* the same: for the session that is about to be opened */
};

extern const struct mc_session_events mc_prober_events;

/* Of the server, valid until the next turn of the loop. */
const char *mc_prober_host_name(const struct mc_session *session);
/* Recipients that the session (NULL: a new one) may be given in one window now. */
uint32_t mc_prober_room(struct mc_prober *prober, uint32_t peer, const struct mc_session *session);
/* Moves what waits on the route into the batch until it has `room` items. */
void mc_prober_gather(struct mc_prober *prober, uint32_t route, uint32_t peer,
                      struct mc_batch *batch, uint32_t room);
/* Tells the owner that an item could not be asked; `failure` may be NULL. */
void mc_prober_give_back(struct mc_prober *prober, const struct mc_batch_item *item,
                         enum mc_answer_kind kind, const struct mc_failure *failure, uint32_t peer,
                         bool asked);
/* What the session was charged for and has not said, is given back. */
void mc_prober_refund(struct mc_session *session);
/* Its window is over: nobody was accepted behind the answers that blamed us without a word. */
void mc_prober_judge_wordless(struct mc_session *session);
/* The owner is told of the session's doubted refusals; `proved`: they were meant, each one. */
void mc_prober_deliver_doubts(struct mc_session *session, bool proved);
/* ending.c: events of a session. */
void mc_prober_ended(struct mc_session *session, const char *why);
void mc_prober_gone(struct mc_session *session);
/* Queues a lane that is not queued where it belongs; the route has work. */
void mc_prober_enqueue(struct mc_prober *prober, uint32_t lane);
void mc_prober_wake(struct mc_prober *prober, uint32_t route);
void mc_prober_turn_soon(struct mc_prober *prober);

static inline struct mc_prober *mc_prober_of(const struct mc_session *session)
{
    return session->common->arg;
}

#endif
