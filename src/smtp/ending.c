/* The end of a session: what it has taught about its server, and what becomes of the recipients
 * that it leaves unanswered. */
#include "smtp/peer_memory.h"
#include "smtp/prober_state.h"

#define TRIES 3 /* sessions lost with a recipient under way */

/* What ended it. Made when it is asked for: most sessions end well, and nobody does. */
static struct mc_failure *blame_of(struct mc_session *session, const char *why)
{
    static const enum mc_reason reasons[] = {
        [MC_END_NONE] = MC_REASON_SERVER_ERROR,    [MC_END_DONE] = MC_REASON_SERVER_ERROR,
        [MC_END_REFUSED] = MC_REASON_SERVER_ERROR, [MC_END_LEAVING] = MC_REASON_SERVER_ERROR,
        [MC_END_HANG_UP] = MC_REASON_SERVER_ERROR, [MC_END_SILENCE] = MC_REASON_TIMEOUT,
        [MC_END_GARBAGE] = MC_REASON_SERVER_ERROR, [MC_END_TLS] = MC_REASON_TLS_REQUIRED,
    };
    if (!session->blame)
        session->blame = mc_failure_of_event((enum mc_stage)session->dialogue.end_stage,
                                             reasons[session->dialogue.end], why ? why : "");
    return session->blame;
}

static bool ended_badly(const struct mc_dialogue *d)
{
    return d->end != MC_END_DONE && d->end != MC_END_NONE;
}

/* Those not answered go back to their route, to be asked in another session. Where only one was
 * under way, it may itself be what the server cannot bear: the owner decides. */
static void hand_back(struct mc_prober *prober, struct mc_session *session, const char *why)
{
    struct mc_dialogue *d = &session->dialogue;
    struct mc_batch *batch = &d->batch;
    uint32_t sent = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        sent += batch->items[i].asking == MC_ASKING_SENT;
    bool alone = sent == 1 &&
                 (d->end == MC_END_HANG_UP || d->end == MC_END_SILENCE || d->end == MC_END_GARBAGE);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct mc_batch_item *item = &batch->items[i];
        bool asked = item->asking == MC_ASKING_SENT;
        if (item->asking == MC_ASKING_SETTLED || item->is_witness)
            continue;
        if (prober->stopping) {
            mc_prober_give_back(prober, item, MC_ANSWER_STOPPED, NULL, session->peer, asked);
            continue;
        }
        item->tries = (uint8_t)(item->tries + (asked && ended_badly(d)));
        if ((asked && alone) || item->tries >= TRIES) {
            mc_prober_give_back(prober, item, MC_ANSWER_LOST, blame_of(session, why), session->peer,
                                asked);
            continue;
        }
        uint32_t route = mc_routes_of_lane(&prober->routes, item->lane);
        mc_routes_hold(&prober->routes, route, batch, item);
        if (route != session->route)
            mc_prober_wake(prober, route);
    }
    batch->count = 0;
}

static void judge(struct mc_prober *prober, struct mc_session *session, const char *why)
{
    const struct mc_dialogue *d = &session->dialogue;
    struct mc_peers *peers = &prober->peers;
    uint32_t peer = session->peer;
    int64_t now_ms = mc_loop_now_ms(prober->loop);
    if (session->stopping)
        return;
    if (!session->connected) {
        mc_peers_connect_failed(peers, peer, session->failure, session->timed_out, why, now_ms);
        if (!session->timed_out && session->failure == MC_STREAM_OURS)
            mc_scheduler_local_trouble(&prober->scheduler, now_ms);
    } else if (ended_badly(d) && !d->answered && !d->learned) {
        struct mc_failure *blame = blame_of(session, why);
        session->blame = NULL;
        bool for_good =
            d->end == MC_END_REFUSED && blame->code >= 500 && !peers->peers[peer].answered;
        mc_peers_session_failed(peers, peer, blame, for_good, now_ms);
    } else if (d->answered) {
        mc_peers_session_done(peers, peer, ended_badly(d), now_ms);
    }
    if (peers->peers[peer].dead)
        mc_scheduler_lost(&prober->scheduler, peer);
}

/* The owner is told what has changed since it was told last. */
static void tell_learned(struct mc_prober *prober, uint32_t number)
{
    struct mc_peer *peer = &prober->peers.peers[number];
    struct mc_house *house = mc_peers_house(&prober->peers, number);
    struct mc_text scratch = {0};
    struct mc_peer_memory memory;
    char name[MC_PEER_NAME_MAX];
    if (!prober->owner.learned)
        return;
    mc_peer_memory_of(&prober->peers, number, &scratch, &memory);
    uint64_t hash = mc_peer_memory_hash(&memory);
    if (hash != peer->kept)
        prober->owner.learned(prober->owner.arg, mc_peer_name(&prober->peers, number, name),
                              &memory);
    peer->kept = hash;
    mc_house_memory_of(house, &scratch, &memory);
    hash = mc_peer_memory_hash(&memory);
    if (house->listed && hash != house->kept)
        prober->owner.learned(prober->owner.arg, mc_span_of(house->limits->id), &memory);
    house->kept = hash;
    mc_text_free(&scratch);
}

void mc_prober_ended(struct mc_session *session, const char *why)
{
    struct mc_prober *prober = mc_prober_of(session);
    if (session->dialogue.quit_said && session->doubts.count) /* too early: for them, too */
        session->dialogue.habits.quits_apart = true;
    mc_peers_learn(&prober->peers, session->peer, &session->dialogue);
    prober->routes.routes[session->route].sessions--;
    mc_prober_refund(session);
    mc_prober_judge_wordless(session);
    mc_prober_deliver_doubts(session, false);
    hand_back(prober, session, why);
    judge(prober, session, why);
    tell_learned(prober, session->peer);
    mc_scheduler_leaving(&prober->scheduler);
    prober->last_ended_ms = mc_loop_now_ms(prober->loop);
    if (mc_route_has_work(&prober->routes.routes[session->route]))
        mc_scheduler_wake(&prober->scheduler, session->route);
    mc_prober_turn_soon(prober);
}

void mc_prober_gone(struct mc_session *session)
{
    struct mc_prober *prober = mc_prober_of(session);
    mc_scheduler_gone(&prober->scheduler, session->peer, mc_loop_now_ms(prober->loop));
    if (session->previous)
        session->previous->next = session->next;
    else
        prober->sessions = session->next;
    if (session->next)
        session->next->previous = session->previous;
    session->next = prober->graveyard;
    prober->graveyard = session;
    mc_prober_turn_soon(prober);
}
