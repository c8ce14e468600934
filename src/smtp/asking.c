/* What sessions ask of the prober: recipients and limits before each window, and what becomes of
 * answers. How a session ends is in ending.c. */
#include "smtp/ehlo.h"
#include "smtp/prober_state.h"

#define WINDOW           50 /* RCPT commands in one write */
#define WINDOW_LOCK_STEP 10
#define TRANSACTIONS     50
#define FAIR_SHARE       100 /* recipients of a session for which others wait */
#define CONTROL_DEBT     5   /* so far an open session may overdraw, for a control */

static void fit(uint32_t *room, uint32_t limit, uint32_t used)
{
    uint32_t left = limit > used ? limit - used : 0;
    if (limit && left < *room)
        *room = left;
}

/* How many refusals a session may draw. Servers count them all (Postfix: 20, then 421), not those
 * in a row; so the paced way stays below both. */
static uint32_t refusals_allowed(const struct mc_prober *prober, const struct mc_provider *limits,
                                 const struct mc_habits *habits)
{
    uint32_t learned =
        habits->session_refusals > 1 ? habits->session_refusals - 1u : habits->session_refusals;
    uint32_t usual = limits->refusals_in_row + limits->refusals_in_row / 2;
    if (prober->options.no_pace || !usual)
        return learned;
    return learned && learned < usual ? learned : usual;
}

uint32_t mc_prober_room(struct mc_prober *prober, uint32_t number, const struct mc_session *session)
{
    const struct mc_peer *peer = &prober->peers.peers[number];
    const struct mc_house *house = &prober->peers.houses[peer->house];
    const struct mc_dialogue *d = session ? &session->dialogue : NULL;
    const struct mc_habits *habits = session ? &d->habits : &peer->habits;
    uint32_t room = habits->lock_step ? WINDOW_LOCK_STEP : WINDOW;
    uint32_t in_row = session ? d->refusals_in_row : 0;
    uint32_t asked = session ? d->asked : 0;
    if (prober->stopping || house->resting || peer->dead)
        return 0;
    bool others_wait = house->waiting.first != MC_NONE || peer->waiting.first != MC_NONE;
    if (others_wait && asked >= FAIR_SHARE)
        return 0;
    fit(&room, house->limits->rcpt_per_session, asked);
    fit(&room, habits->session_rcpts, asked);
    fit(&room, refusals_allowed(prober, house->limits, habits), session ? d->refusals : 0);
    if (!prober->options.no_pace || in_row >= house->limits->refusals_in_row)
        fit(&room, house->limits->refusals_in_row, in_row);
    uint32_t credit = mc_peers_credit(&prober->peers, number, asked ? CONTROL_DEBT : 0,
                                      mc_loop_now_ms(prober->loop));
    return credit < room ? credit : room;
}

/* Gathering */

static bool may_ask_smtputf8(const struct mc_prober *prober, uint32_t route, uint32_t peer)
{
    return peer == MC_NONE || prober->routes.routes[route].needs_smtputf8 ||
           (prober->peers.peers[peer].utf8_known && !prober->peers.peers[peer].habits.no_smtputf8);
}

/* Recipients that need SMTPUTF8 wait on a route of their own until a peer is known to offer it. */
static void set_apart(struct mc_prober *prober, const struct mc_batch *from,
                      const struct mc_batch_item *item)
{
    struct mc_routes *routes = &prober->routes;
    uint32_t lane = item->lane;
    routes->lanes[lane].needs_smtputf8 = true;
    mc_routes_hold(routes, mc_routes_of_lane(routes, lane), from, item);
    if (!routes->lanes[lane].queued)
        mc_prober_enqueue(prober, lane);
}

/* One recipient of the lane into the batch; false: none waits, or they were set apart. */
static bool take_one(struct mc_prober *prober, uint32_t lane, bool smtputf8, struct mc_batch *batch)
{
    struct mc_recipient recipient = {0};
    if (!prober->owner.take(prober->owner.arg, lane, &recipient))
        return false;
    struct mc_batch_item *item =
        mc_batch_add(batch, recipient.id, lane, recipient.local, recipient.domain);
    item->needs_smtputf8 = recipient.needs_smtputf8;
    item->is_control = recipient.is_control;
    if (smtputf8 || !recipient.needs_smtputf8)
        return true;
    set_apart(prober, batch, item);
    batch->count--;
    return false;
}

void mc_prober_gather(struct mc_prober *prober, uint32_t route, uint32_t peer,
                      struct mc_batch *batch, uint32_t room)
{
    struct mc_routes *routes = &prober->routes;
    bool smtputf8 = may_ask_smtputf8(prober, route, peer);
    if (batch->count < room)
        mc_routes_unhold(routes, route, batch, room - batch->count);
    while (batch->count < room) {
        uint32_t lane = mc_routes_pop(routes, route);
        bool more = true;
        if (lane == MC_NONE)
            break;
        if (mc_routes_of_lane(routes, lane) != route) {
            mc_prober_enqueue(prober, lane);
            continue;
        }
        while (more && batch->count < room)
            more = take_one(prober, lane, smtputf8, batch);
        routes->lanes[lane].deep = more;
        if (more && !routes->lanes[lane].queued)
            mc_routes_push(routes, route, lane);
        else if (!more && !routes->lanes[lane].queued)
            routes->lanes[lane].prefer = MC_NONE;
    }
}

/* Lanes that stay in the queue have their turn later; one that was offered elsewhere since is not
 * ours, one that asks for this very peer is. */
static bool may_revisit(struct mc_prober *prober, const struct mc_session *session, uint32_t lane)
{
    const struct mc_lane *record = &prober->routes.lanes[lane];
    if (record->deep)
        return false;
    if (record->prefer == session->peer)
        return mc_routes_find(&prober->routes, prober->routes.sets[record->set].route,
                              session->peer) != NULL;
    return mc_routes_of_lane(&prober->routes, lane) == session->route;
}

/* A control, or a new arrival, of a domain that the last window has asked for: the open
 * transaction's first. */
static void revisit(struct mc_prober *prober, struct mc_session *session, uint32_t room)
{
    struct mc_batch *batch = &session->dialogue.batch;
    uint32_t lanes[WINDOW], count = 0;
    for (uint32_t i = batch->count; i-- > 0 && count < WINDOW;)
        if (!count || lanes[count - 1] != batch->items[i].lane)
            lanes[count++] = batch->items[i].lane;
    bool smtputf8 = !session->dialogue.habits.no_smtputf8;
    uint32_t target = batch->count + room;
    for (uint32_t i = 0; i < count; i++)
        while (batch->count < target && may_revisit(prober, session, lanes[i]) &&
               take_one(prober, lanes[i], smtputf8, batch))
            ;
}

static uint32_t unsettled(const struct mc_batch *batch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        count += batch->items[i].asking != MC_ASKING_SETTLED;
    return count;
}

static void drop_smtputf8(struct mc_prober *prober, struct mc_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct mc_batch_item *item = &batch->items[i];
        if (!item->needs_smtputf8 || item->asking == MC_ASKING_SETTLED)
            continue;
        set_apart(prober, batch, item);
        item->asking = MC_ASKING_SETTLED;
    }
}

/* The session's route has nothing left: it may go on for another one that waits for its peer. */
static void adopt(struct mc_prober *prober, struct mc_session *session, uint32_t room)
{
    struct mc_batch *batch = &session->dialogue.batch;
    while (room && !unsettled(batch)) {
        uint32_t route = mc_scheduler_adopt(&prober->scheduler, session->peer);
        if (route == MC_NONE)
            return;
        prober->routes.routes[session->route].sessions--;
        session->route = route;
        prober->routes.routes[route].sessions++;
        mc_prober_gather(prober, route, session->peer, batch, batch->count + room);
        if (mc_route_has_work(&prober->routes.routes[route]))
            mc_scheduler_wake(&prober->scheduler, route);
    }
}

static void set_limits(struct mc_prober *prober, struct mc_session *session, uint32_t room)
{
    const struct mc_provider *limits = mc_peers_house(&prober->peers, session->peer)->limits;
    const struct mc_habits *habits = &session->dialogue.habits;
    uint32_t refusals = refusals_allowed(prober, limits, habits);
    uint32_t rcpts = limits->rcpt_per_transaction ? limits->rcpt_per_transaction : WINDOW;
    if (habits->transaction_rcpts && habits->transaction_rcpts < rcpts)
        rcpts = habits->transaction_rcpts;
    session->dialogue.limits = (struct mc_dialogue_limits){
        .window = room,
        .transaction_rcpts = rcpts,
        .transactions = habits->session_transactions ? habits->session_transactions : TRANSACTIONS,
        .refusals = refusals ? refusals : UINT32_MAX,
        .refusals_in_row = limits->refusals_in_row ? limits->refusals_in_row : UINT32_MAX,
    };
}

/* A provider goes by its name, any other server by its host's. The hint is given once a run. */
static void notice(struct mc_prober *prober, const struct mc_session *session, const char *what,
                   const char *hint, bool *hinted)
{
    const struct mc_house *house = mc_peers_house(&prober->peers, session->peer);
    struct mc_text line = {0};
    if (!prober->owner.notice)
        return;
    mc_text_add_printable(
        &line, mc_span_of(house->limits->id[0] ? house->limits->id : mc_prober_host_name(session)),
        253);
    mc_text_printf(&line, " %s (", what);
    if (house->blame->code)
        mc_text_printf(&line, "%u ", house->blame->code);
    mc_text_add_printable(&line, mc_span(house->blame->text, house->blame->text_len), 300);
    mc_text_add_z(&line, ") and is left alone for this run");
    if (!*hinted)
        mc_text_printf(&line, "; %s", hint);
    *hinted = true;
    prober->owner.notice(prober->owner.arg, mc_text_z(&line));
    mc_text_free(&line);
}

static void notice_block(struct mc_prober *prober, const struct mc_session *session)
{
    notice(prober, session, "blocks us",
           "see that the HELO name has matching A and PTR records and that this IP is on no "
           "blocklist, then try again later with --pace gentle",
           &prober->hinted_block);
    mc_scheduler_lost(&prober->scheduler, session->peer);
}

/* A bare 554 blames us, unless the server says that to those it does not know: then the others of
 * the window are accepted, and it has no word of a block. */
static void note_wordless(struct mc_session *session, const struct mc_reply *reply,
                          const struct mc_ruling *ruling)
{
    if (ruling->blame != MC_BLAME_US) {
        session->wordless = 0;
    } else if (mc_reply_is_wordless(reply)) {
        session->wordless++;
        free(session->wordless_last);
        session->wordless_last = mc_failure_of_reply(MC_STAGE_RCPT, reply, ruling);
    }
}

/* The window is over, nobody was accepted behind them. */
void mc_prober_judge_wordless(struct mc_session *session)
{
    struct mc_failure *last = session->wordless_last;
    uint32_t count = session->wordless;
    session->wordless = 0;
    session->wordless_last = NULL;
    if (!count)
        free(last);
    else if (mc_peers_wordless(&mc_prober_of(session)->peers, session->peer, count, last))
        notice_block(mc_prober_of(session), session);
}

/* Refusals in ambiguous words stand, and the session has nobody else left to ask, or may not: the
 * witness shows whether it still accepts anybody. */
static uint32_t call_witness(struct mc_prober *prober, struct mc_session *session)
{
    struct mc_dialogue *d = &session->dialogue;
    struct mc_batch *batch = &d->batch;
    const struct mc_batch *witness = &prober->peers.peers[session->peer].witness;
    struct mc_doubts *doubts = &session->doubts;
    if (!doubts->count || doubts->witness_asked || !witness->count || prober->stopping ||
        mc_peers_house(&prober->peers, session->peer)->resting)
        return 0;
    mc_batch_copy(batch, witness, &witness->items[0]);
    struct mc_batch_item called = batch->items[batch->count - 1];
    called.is_witness = true;
    batch->items[batch->count - 1] = batch->items[0];
    batch->items[0] = called;
    doubts->witness_asked = true;
    d->limits.window = 1;
    d->limits.transactions++;
    d->limits.refusals = d->limits.refusals_in_row = UINT32_MAX;
    return 1;
}

/* A window may end early (refusals, transactions): what was not said costs nothing. */
void mc_prober_refund(struct mc_session *session)
{
    struct mc_prober *prober = mc_prober_of(session);
    uint32_t unsaid = session->charged - session->dialogue.said;
    session->charged -= unsaid;
    prober->recipients_asked -= unsaid;
    mc_peers_refund(&prober->peers, session->peer, unsaid);
}

/* Only controls are left to ask, the last ones of their domains, and nobody waits for this session.
 * A refusal in ambiguous words would ask for somebody behind it, but this server has plainer ones.
 */
static bool is_last(const struct mc_prober *prober, const struct mc_session *session)
{
    const struct mc_batch *batch = &session->dialogue.batch;
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->items[i].asking != MC_ASKING_SETTLED && !batch->items[i].is_control)
            return false;
    const struct mc_peer *peer = &prober->peers.peers[session->peer];
    const struct mc_route_list *waiting = &peer->waiting; /* its own route has nothing left */
    bool alone = waiting->first == MC_NONE ||
                 (waiting->first == session->route && waiting->last == session->route);
    return peer->plain_no && alone && !session->doubts.count &&
           !mc_route_has_work(&prober->routes.routes[session->route]);
}

static void fill(struct mc_session *session)
{
    struct mc_prober *prober = mc_prober_of(session);
    mc_prober_refund(session);
    mc_prober_judge_wordless(session);
    struct mc_dialogue *d = &session->dialogue;
    uint32_t room = mc_prober_room(prober, session->peer, session);
    if (d->habits.no_smtputf8)
        drop_smtputf8(prober, &d->batch);
    uint32_t waiting = unsettled(&d->batch);
    if (waiting < room)
        revisit(prober, session, room - waiting);
    waiting = unsettled(&d->batch);
    if (waiting < room)
        mc_prober_gather(prober, session->route, session->peer, &d->batch,
                         d->batch.count + room - waiting);
    adopt(prober, session, room);
    set_limits(prober, session, room);
    waiting = unsettled(&d->batch);
    uint32_t asked = waiting < room ? waiting : room;
    d->limits.last = asked && asked == waiting && is_last(prober, session);
    if (!asked)
        asked = call_witness(prober, session);
    prober->recipients_asked += asked;
    session->charged += asked;
    if (mc_peers_spend(&prober->peers, session->peer, asked, mc_loop_now_ms(prober->loop)))
        notice(prober, session, "has had enough",
               "its other addresses are not probed: run again tomorrow", &prober->hinted_budget);
}

/* Answers */

static bool is_backup(const struct mc_prober *prober, uint32_t lane, uint32_t peer)
{
    uint32_t route = prober->routes.sets[prober->routes.lanes[lane].set].route;
    const struct mc_route_peer *entry = mc_routes_find(&prober->routes, route, peer);
    return entry && entry->rank > 0;
}

/* `answer` has reply and ruling, and what else is known of them. What the session's server is to
 * the domain is looked up once for all neighbours with the same servers. */
static void deliver(struct mc_session *session, uint32_t lane, uint32_t id,
                    struct mc_answer *answer)
{
    struct mc_prober *prober = mc_prober_of(session);
    uint32_t set = prober->routes.lanes[lane].set;
    if (session->role.set != set)
        session->role =
            (struct mc_session_role){set, mc_routes_host(&prober->routes, set, session->peer),
                                     is_backup(prober, lane, session->peer)};
    answer->kind = MC_ANSWER_REPLY;
    answer->stage = MC_STAGE_RCPT;
    answer->detail = "";
    answer->host = session->role.host;
    answer->peer = session->peer;
    answer->backup = session->role.backup;
    answer->asked = true;
    prober->owner.answered(prober->owner.arg, lane, id, answer);
}

/* `proved`: they were meant, each one. */
void mc_prober_deliver_doubts(struct mc_session *session, bool proved)
{
    struct mc_prober *prober = mc_prober_of(session);
    for (uint32_t i = 0; i < session->doubts.count; i++) {
        const struct mc_doubt *doubt = &session->doubts.items[i];
        struct mc_answer answer = {
            .reply = &prober->reply, .ruling = doubt->reply->ruling, .proved = proved};
        mc_failure_to_reply(doubt->reply, &prober->reply);
        deliver(session, doubt->lane, doubt->id, &answer);
    }
    mc_doubts_free(&session->doubts);
}

static void remember_witness(struct mc_prober *prober, const struct mc_session *session,
                             const struct mc_batch_item *item)
{
    struct mc_batch *witness = &prober->peers.peers[session->peer].witness;
    if (item->is_control || item->needs_smtputf8)
        return;
    mc_batch_drop(witness, witness->count);
    mc_batch_copy(witness, &session->dialogue.batch, item);
}

static void answered(struct mc_session *session, const struct mc_batch_item *item,
                     const struct mc_reply *reply, const struct mc_ruling *ruling)
{
    struct mc_prober *prober = mc_prober_of(session);
    const struct mc_batch_item asked = *item;
    uint64_t wording = session->wording;
    bool accepted = ruling->reason == MC_REASON_ACCEPTED;
    if (mc_peers_answered(&prober->peers, session->peer, reply, ruling))
        notice_block(prober, session);
    note_wordless(session, reply, ruling);
    if (accepted && !asked.is_witness)
        remember_witness(prober, session, item);
    if (accepted || asked.is_witness)
        mc_prober_deliver_doubts(session, accepted);
    if (asked.is_witness)
        return;
    if (ruling->surety == MC_AMBIGUOUS && reply->code >= 500) {
        mc_doubts_add(&session->doubts, asked.id, asked.lane, reply, ruling);
        return;
    }
    struct mc_answer answer = {.reply = reply, .ruling = *ruling, .wording = wording};
    deliver(session, asked.lane, asked.id, &answer);
}

void mc_prober_give_back(struct mc_prober *prober, const struct mc_batch_item *item,
                         enum mc_answer_kind kind, const struct mc_failure *failure, uint32_t peer,
                         bool asked)
{
    static const struct mc_ruling stopped = {
        .reason = MC_REASON_NOT_PROBED, .blame = MC_BLAME_NOBODY, .rule = "stopped"};
    uint32_t set = prober->routes.lanes[item->lane].set;
    struct mc_answer answer = {
        .kind = kind,
        .stage = failure ? failure->stage : MC_STAGE_NONE,
        .ruling = failure ? failure->ruling : stopped,
        .detail = failure && !failure->code ? failure->text : "",
        .host = peer == MC_NONE ? MC_NONE : mc_routes_host(&prober->routes, set, peer),
        .peer = peer,
        .backup = peer != MC_NONE && is_backup(prober, item->lane, peer),
        .asked = asked,
    };
    if (failure && failure->code) {
        mc_failure_to_reply(failure, &prober->reply);
        answer.reply = &prober->reply;
    }
    prober->owner.answered(prober->owner.arg, item->lane, item->id, &answer);
}

static void against(struct mc_session *session, enum mc_stage stage, const struct mc_reply *reply,
                    const struct mc_ruling *ruling)
{
    struct mc_prober *prober = mc_prober_of(session);
    struct mc_failure *blame = mc_failure_of_reply(stage, reply, ruling);
    free(session->blame);
    session->blame = blame;
    if (mc_peers_refused(&prober->peers, session->peer, stage, reply, ruling))
        notice_block(prober, session);
}

static void connected(struct mc_session *session)
{
    struct mc_prober *prober = mc_prober_of(session);
    mc_peers_connected(&prober->peers, session->peer);
    mc_scheduler_local_ease(&prober->scheduler);
}

static void welcome(struct mc_session *session)
{
    struct mc_prober *prober = mc_prober_of(session);
    mc_peers_welcomed(&prober->peers, session->peer, &session->dialogue.habits);
    mc_scheduler_more(&prober->scheduler, session->peer);
    mc_prober_turn_soon(prober);
}

const struct mc_session_events mc_prober_events = {
    .connected = connected,
    .welcome = welcome,
    .fill = fill,
    .answered = answered,
    .against = against,
    .ended = mc_prober_ended,
    .name = mc_prober_host_name,
    .gone = mc_prober_gone,
};
