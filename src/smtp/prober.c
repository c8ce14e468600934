#include "smtp/prober.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/hash.h"
#include "base/memory.h"
#include "smtp/prober_state.h"

#define LINGER_MS      5000 /* for a server to close after QUIT */
#define LAST_LINGER_MS 1000 /* the same when there is nothing else to wait for */
#define GIVE_UP_A_TURN 1000 /* recipients, so that other work goes on */
/* Sessions with one address that we close first: each keeps a port of ours for a minute, and there
 * are 28,000 of them towards one address. */
#define CLOSED_FIRST_MAX 8192

static void take_turn(void *arg);

struct mc_prober *mc_prober_new(struct mc_loop *loop, struct mc_net *net, const struct mc_mx *mx,
                                const struct mc_lists *lists,
                                const struct mc_prober_options *options,
                                const struct mc_prober_owner *owner)
{
    struct mc_prober *prober = mc_calloc(1, sizeof *prober);
    struct mc_pace pace = {.off = options->no_pace,
                           .gentle = options->gentle_pace,
                           .per_mx = options->per_mx,
                           .per_provider = options->per_provider};
    prober->loop = loop;
    prober->net = net;
    prober->mx = mx;
    prober->lists = lists;
    prober->options = *options;
    prober->owner = *owner;
    prober->helo = mc_strdup(options->helo);
    prober->mail_from = mc_strdup(options->mail_from);
    prober->common = (struct mc_session_common){
        .loop = loop,
        .net = net,
        .events = &mc_prober_events,
        .names = {mc_span_of(prober->helo), mc_span_of(prober->mail_from)},
        .connect_timeout_ms = options->connect_timeout_ms,
        .reply_timeout_ms = options->reply_timeout_ms,
        .linger_ms = options->reply_timeout_ms < LINGER_MS ? options->reply_timeout_ms : LINGER_MS,
        .trace = owner->trace,
        .trace_arg = owner->arg,
        .arg = prober,
    };
    mc_peers_init(&prober->peers, lists, &pace, mc_hash(mc_span_of(options->helo)));
    prober->peers.remembered = owner->remembered;
    prober->peers.remembered_arg = owner->arg;
    mc_routes_init(&prober->routes, mx, &prober->peers);
    mc_scheduler_init(&prober->scheduler, &prober->peers, &prober->routes, options->concurrency);
    mc_timer_init(&prober->turn, loop, take_turn, prober);
    return prober;
}

void mc_prober_inherit(struct mc_prober *prober, const struct mc_prober *old)
{
    mc_peers_inherit(&prober->peers, &old->peers, mc_loop_now_ms(prober->loop));
}

static void empty_graveyard(struct mc_prober *prober)
{
    while (prober->graveyard) {
        struct mc_session *session = prober->graveyard;
        prober->graveyard = session->next;
        mc_session_free(session);
    }
}

void mc_prober_free(struct mc_prober *prober)
{
    if (!prober)
        return;
    mc_timer_cancel(&prober->turn);
    empty_graveyard(prober);
    while (prober->sessions) {
        struct mc_session *session = prober->sessions;
        prober->sessions = session->next;
        mc_session_free(session);
    }
    mc_session_common_free(&prober->common);
    mc_batch_free(&prober->gathered);
    mc_scheduler_free(&prober->scheduler);
    mc_routes_free(&prober->routes);
    mc_peers_free(&prober->peers);
    free(prober->helo);
    free(prober->mail_from);
    free(prober);
}

/* Turns: what events leave to be done is done once, from the loop. */

static void turn_at(struct mc_prober *prober, int64_t at_ms)
{
    if (prober->turn_ms && prober->turn_ms <= at_ms)
        return;
    prober->turn_ms = at_ms;
    mc_timer_set(&prober->turn, at_ms);
}

void mc_prober_turn_soon(struct mc_prober *prober)
{
    turn_at(prober, mc_loop_now_ms(prober->loop));
}

static socklen_t address_of(const struct mc_prober *prober, const struct mc_ip *ip,
                            struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;
    memset(address, 0, sizeof *address);
    if (ip->family == 4) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(prober->options.port);
        memcpy(&v4->sin_addr, ip->octets, 4);
        return sizeof *v4;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(prober->options.port);
    memcpy(&v6->sin6_addr, ip->octets, 16);
    return sizeof *v6;
}

const char *mc_prober_host_name(const struct mc_session *session)
{
    if (session->host == MC_NONE)
        return "";
    return mc_mx_host_name(mc_prober_of(session)->mx, session->host).at;
}

static void name_session(struct mc_prober *prober, struct mc_session *session)
{
    const struct mc_ip *ip = &prober->peers.peers[session->peer].ip;
    const struct mc_batch *batch = &session->dialogue.batch;
    uint32_t set = prober->routes.lanes[batch->items[0].lane].set;
    session->host = mc_routes_host(&prober->routes, set, session->peer);
    session->provider = mc_peers_house(&prober->peers, session->peer)->limits->id;
    if (!prober->owner.trace)
        return;
    char text[INET6_ADDRSTRLEN] = "";
    struct mc_text label = {0};
    inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->octets, text, sizeof text);
    mc_text_printf(&label, "%s[%s]", mc_prober_host_name(session), text);
    session->label = mc_strdup(mc_text_z(&label));
    mc_text_free(&label);
}

static void open_session(struct mc_prober *prober, const struct mc_schedule_job *job,
                         struct mc_batch *batch)
{
    struct sockaddr_storage address;
    struct mc_peer *peer = &prober->peers.peers[job->peer];
    socklen_t len = address_of(prober, &peer->ip, &address);
    struct mc_session *session = mc_session_open(&prober->common, (const struct sockaddr *)&address,
                                                 len, &peer->habits, batch);
    session->route = job->route;
    session->peer = job->peer;
    session->closes_first = peer->closed_first < CLOSED_FIRST_MAX;
    peer->closed_first += session->closes_first;
    name_session(prober, session);
    session->next = prober->sessions;
    if (session->next)
        session->next->previous = session;
    prober->sessions = session;
    prober->sessions_opened++;
    mc_scheduler_opened(&prober->scheduler, job, mc_loop_now_ms(prober->loop));
}

/* Recipients are taken before the connection is made, so none is made for nobody; and where a
 * session serves the route already, a second one wants a full window of work. */
static void serve(struct mc_prober *prober, const struct mc_schedule_job *job)
{
    struct mc_batch *batch = &prober->gathered;
    uint32_t room = mc_prober_room(prober, job->peer, NULL);
    mc_prober_gather(prober, job->route, job->peer, batch, room);
    if (batch->count && (batch->count >= room || !prober->routes.routes[job->route].sessions)) {
        open_session(prober, job, batch);
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++)
        mc_routes_hold(&prober->routes, job->route, batch, &batch->items[i]);
    mc_batch_drop(batch, batch->count);
    mc_scheduler_declined(&prober->scheduler, job);
}

/* Everything that waits on the route is answered. */
static void give_up(struct mc_prober *prober, uint32_t route)
{
    uint32_t peer, given = 0;
    bool no_smtputf8;
    const struct mc_failure *why = mc_scheduler_why(&prober->scheduler, route, &peer, &no_smtputf8);
    struct mc_failure *made = NULL;
    if (no_smtputf8)
        why = made =
            mc_failure_of_event(MC_STAGE_EHLO, MC_REASON_NO_SMTPUTF8, "no MX host offers SMTPUTF8");
    else if (!why)
        why = made = mc_failure_of_event(MC_STAGE_CONNECT, MC_REASON_CONNECT_FAILED,
                                         "no address of this kind can be reached from here");
    if (no_smtputf8)
        made->ruling.blame = MC_BLAME_DOMAIN;
    while (given < GIVE_UP_A_TURN && mc_route_has_work(&prober->routes.routes[route])) {
        struct mc_batch batch = {0};
        mc_prober_gather(prober, route, MC_NONE, &batch, GIVE_UP_A_TURN - given);
        for (uint32_t i = 0; i < batch.count; i++)
            mc_prober_give_back(prober, &batch.items[i], MC_ANSWER_HOPELESS, why, peer, false);
        given += batch.count;
        mc_batch_free(&batch);
    }
    if (mc_route_has_work(&prober->routes.routes[route]))
        mc_scheduler_wake(&prober->scheduler, route);
    free(made);
}

static void stop_all(struct mc_prober *prober)
{
    struct mc_routes *routes = &prober->routes;
    for (struct mc_session *session = prober->sessions, *next; session; session = next) {
        next = session->next;
        mc_session_stop(session);
    }
    for (uint32_t i = 0; i < routes->route_count && routes->held; i++) {
        struct mc_batch batch = {0};
        mc_routes_unhold(routes, i, &batch, UINT32_MAX);
        for (uint32_t j = 0; j < batch.count; j++)
            mc_prober_give_back(prober, &batch.items[j], MC_ANSWER_STOPPED, NULL, MC_NONE, false);
        mc_batch_free(&batch);
    }
    for (uint32_t i = 0; i < routes->route_count && routes->queued_lanes; i++)
        while (mc_routes_pop(routes, i) != MC_NONE)
            ;
}

static bool nothing_waits(const struct mc_prober *prober)
{
    return !prober->routes.queued_lanes && !prober->routes.held && !prober->scheduler.open;
}

static void take_turn(void *arg)
{
    struct mc_prober *prober = arg;
    int64_t now_ms = mc_loop_now_ms(prober->loop);
    struct mc_schedule_job job;
    bool more = true;
    unsigned hopeless = 0;
    prober->turn_ms = 0;
    empty_graveyard(prober);
    prober->peers.reach[0] = mc_net_can_reach(prober->net, AF_INET);
    prober->peers.reach[1] = mc_net_can_reach(prober->net, AF_INET6);
    if (prober->stopping) {
        stop_all(prober);
        more = false;
    }
    while (more) {
        switch (mc_scheduler_next(&prober->scheduler, now_ms, &job)) {
        case MC_SCHEDULE_CONNECT:
            serve(prober, &job);
            break;
        case MC_SCHEDULE_HOPELESS:
            give_up(prober, job.route);
            more = ++hopeless < GIVE_UP_A_TURN;
            if (!more)
                mc_prober_turn_soon(prober);
            break;
        case MC_SCHEDULE_LATER:
            turn_at(prober, job.at_ms);
            more = false;
            break;
        case MC_SCHEDULE_NOTHING:
            more = false;
            break;
        }
    }
    if (nothing_waits(prober) && prober->sessions)
        turn_at(prober, prober->last_ended_ms + LAST_LINGER_MS > now_ms
                            ? prober->last_ended_ms + LAST_LINGER_MS
                            : now_ms + LINGER_MS);
}

void mc_prober_wake(struct mc_prober *prober, uint32_t route)
{
    if (prober->routes.routes[route].place == MC_ROUTE_IDLE)
        mc_scheduler_wake(&prober->scheduler, route);
    mc_prober_turn_soon(prober);
}

void mc_prober_enqueue(struct mc_prober *prober, uint32_t lane)
{
    uint32_t route = mc_routes_of_lane(&prober->routes, lane);
    mc_routes_push(&prober->routes, route, lane);
    mc_prober_wake(prober, route);
}

/* The owner's calls */

uint32_t mc_prober_route(struct mc_prober *prober, const struct mc_mx_entry *entries, size_t count)
{
    return mc_routes_set(&prober->routes, entries, count);
}

/* A lane that is queued already is found to belong elsewhere when its turn comes. */
void mc_prober_offer(struct mc_prober *prober, uint32_t lane, uint32_t route, uint32_t prefer)
{
    struct mc_lane *record = mc_routes_lane(&prober->routes, lane);
    MC_ASSERT(route < prober->routes.set_count);
    if (prober->stopping)
        return;
    record->set = route;
    if (prefer != MC_NONE || !record->queued)
        record->prefer = prefer;
    if (prefer != MC_NONE)
        mc_peers_revive(&prober->peers, prefer, mc_loop_now_ms(prober->loop));
    if (record->queued)
        return;
    record->deep = false;
    mc_prober_enqueue(prober, lane);
}

void mc_prober_stop(struct mc_prober *prober)
{
    prober->stopping = true;
    mc_prober_turn_soon(prober);
}

bool mc_prober_idle(const struct mc_prober *prober)
{
    return nothing_waits(prober) &&
           (!prober->sessions ||
            mc_loop_now_ms(prober->loop) >= prober->last_ended_ms + LAST_LINGER_MS);
}

void mc_prober_offer_witness(struct mc_prober *prober, uint32_t peer, uint32_t lane,
                             struct mc_span local, struct mc_span domain)
{
    if (peer < prober->peers.count && !prober->peers.peers[peer].witness.count)
        mc_batch_add(&prober->peers.peers[peer].witness, MC_NONE, lane, local, domain);
}

bool mc_prober_peer_accepted(const struct mc_prober *prober, uint32_t peer)
{
    return peer < prober->peers.count && prober->peers.peers[peer].witness.count > 0;
}

struct mc_prober_reach mc_prober_reach(const struct mc_prober *prober, int64_t after_ms)
{
    struct mc_prober_reach reach = {0};
    int64_t now_ms = mc_loop_now_ms(prober->loop);
    for (uint32_t i = 0; i < prober->peers.house_count; i++) {
        const struct mc_house *house = &prober->peers.houses[i];
        reach.any_connected |= house->connected;
        if (!house->listed || !house->attempted)
            continue;
        reach.providers_tried++;
        reach.providers_failed +=
            !house->connected && (house->failed || now_ms - house->first_attempt_ms >= after_ms);
    }
    return reach;
}

void mc_prober_count(const struct mc_prober *prober, struct mc_prober_counts *counts)
{
    *counts = (struct mc_prober_counts){
        .sessions = prober->sessions_opened,
        .recipients = prober->recipients_asked,
        .open = prober->scheduler.open + prober->scheduler.leaving,
        .waiting_lanes = prober->routes.queued_lanes,
    };
}
