#include "smtp/scheduler.h"

#include "base/memory.h"

#define PAUSE_MS     100 /* after local trouble, doubled each time in a row */
#define PAUSE_MAX_MS 5000
#define SOON_MS      1000

void mc_scheduler_init(struct mc_scheduler *s, struct mc_peers *peers, struct mc_routes *routes,
                       uint32_t concurrency)
{
    *s = (struct mc_scheduler){.peers = peers,
                               .routes = routes,
                               .concurrency = concurrency ? concurrency : 1,
                               .ready = {MC_NONE, MC_NONE}};
}

void mc_scheduler_free(struct mc_scheduler *s)
{
    free(s->heap);
    *s = (struct mc_scheduler){0};
}

/* Lists of routes */

static struct mc_route_list *list_at(struct mc_scheduler *s, uint8_t place, uint32_t at)
{
    switch (place) {
    case MC_ROUTE_READY:
        return &s->ready;
    case MC_ROUTE_AT_PEER:
        return &s->peers->peers[at].waiting;
    case MC_ROUTE_AT_HOUSE:
        return &s->peers->houses[at].waiting;
    default:
        return NULL;
    }
}

static void take_out(struct mc_scheduler *s, uint32_t number)
{
    struct mc_route *all = s->routes->routes, *route = &all[number];
    struct mc_route_list *list = list_at(s, route->place, route->place_at);
    if (!list)
        return;
    *(route->previous == MC_NONE ? &list->first : &all[route->previous].next) = route->next;
    *(route->next == MC_NONE ? &list->last : &all[route->next].previous) = route->previous;
    route->place = MC_ROUTE_IDLE;
}

static void put(struct mc_scheduler *s, uint32_t number, uint8_t place, uint32_t at, bool first)
{
    struct mc_route *all = s->routes->routes, *route = &all[number];
    struct mc_route_list *list = list_at(s, place, at);
    MC_ASSERT(route->place == MC_ROUTE_IDLE && list);
    route->place = place;
    route->place_at = at;
    route->previous = first ? MC_NONE : list->last;
    route->next = first ? list->first : MC_NONE;
    *(route->previous == MC_NONE ? &list->first : &all[route->previous].next) = number;
    *(route->next == MC_NONE ? &list->last : &all[route->next].previous) = number;
}

void mc_scheduler_wake(struct mc_scheduler *s, uint32_t number)
{
    struct mc_route *route = &s->routes->routes[number];
    if (route->place == MC_ROUTE_READY)
        return;
    take_out(s, number);
    route->woken_from = MC_ROUTE_IDLE;
    put(s, number, MC_ROUTE_READY, 0, false);
}

/* The first of a list gets its chance, and remembers from whom: if it does not take what the
 * list waits for, the next one shall (pass_on). */
static void wake_first(struct mc_scheduler *s, uint8_t place, uint32_t at)
{
    uint32_t number = list_at(s, place, at)->first;
    if (number == MC_NONE)
        return;
    mc_scheduler_wake(s, number);
    s->routes->routes[number].woken_from = place;
    s->routes->routes[number].woken_at = at;
}

static void pass_on(struct mc_scheduler *s, uint32_t number)
{
    struct mc_route *route = &s->routes->routes[number];
    uint8_t from = route->woken_from;
    route->woken_from = MC_ROUTE_IDLE;
    if (from != MC_ROUTE_IDLE && !(route->place == from && route->place_at == route->woken_at))
        wake_first(s, from, route->woken_at);
}

/* The heap of times */

static void add_time(struct mc_scheduler *s, int64_t at_ms, uint32_t owner, bool is_house)
{
    s->heap = mc_grow(s->heap, s->heap_count, &s->heap_room, sizeof *s->heap);
    uint32_t at = s->heap_count++;
    while (at && s->heap[(at - 1) / 2].at_ms > at_ms) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = (struct mc_schedule_entry){at_ms, owner, is_house};
}

static struct mc_schedule_entry pop_time(struct mc_scheduler *s)
{
    struct mc_schedule_entry top = s->heap[0], last = s->heap[--s->heap_count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < s->heap_count; child = 2 * at + 1) {
        if (child + 1 < s->heap_count && s->heap[child + 1].at_ms < s->heap[child].at_ms)
            child++;
        if (s->heap[child].at_ms >= last.at_ms)
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return top;
}

/* The choice */

struct choice {
    enum mc_peer_answer answer;
    uint32_t peer;
    int64_t at_ms;
};

static bool lacks_smtputf8(const struct mc_scheduler *s, uint32_t peer)
{
    return s->peers->peers[peer].utf8_known && s->peers->peers[peer].habits.no_smtputf8;
}

/* Of two that cannot be had now: a short wait, then a busy one, then the earliest. */
static bool better_wait(const struct choice *a, const struct choice *b, int64_t now_ms)
{
    bool a_early = a->answer == MC_PEER_EARLY || a->answer == MC_PEER_HOUSE_EARLY;
    bool b_early = b->answer == MC_PEER_EARLY || b->answer == MC_PEER_HOUSE_EARLY;
    if (a_early && b_early)
        return a->at_ms < b->at_ms;
    if (a_early != b_early)
        return a_early == ((a_early ? a : b)->at_ms <= now_ms + SOON_MS);
    return false;
}

/* The best tier that has anybody left; in it, whoever has the fewest connections. */
static struct choice choose(struct mc_scheduler *s, struct mc_route *route, int64_t now_ms,
                            bool doubtful_too)
{
    const struct mc_route_peer *peers = &s->routes->peers[route->peers];
    struct choice best = {MC_PEER_OUT, MC_NONE, 0};
    for (uint32_t first = 0, last; first < route->peer_count && best.answer == MC_PEER_OUT;
         first = last) {
        for (last = first; last < route->peer_count && peers[last].tier == peers[first].tier;)
            last++;
        for (uint32_t i = 0; i < last - first; i++) {
            struct choice next;
            next.peer = peers[first + (i + route->turn) % (last - first)].peer;
            next.answer = MC_PEER_OUT;
            if (!(route->needs_smtputf8 && lacks_smtputf8(s, next.peer)) &&
                (doubtful_too || !mc_peers_doubtful(s->peers, next.peer)))
                next.answer = mc_peers_ask(s->peers, next.peer, now_ms, &next.at_ms);
            if (next.answer == MC_PEER_OUT)
                continue;
            bool wins = best.answer == MC_PEER_OUT;
            if (!wins && next.answer == MC_PEER_FREE)
                wins = best.answer != MC_PEER_FREE ||
                       s->peers->peers[next.peer].open < s->peers->peers[best.peer].open;
            else if (!wins && best.answer != MC_PEER_FREE)
                wins = better_wait(&next, &best, now_ms);
            if (wins)
                best = next;
        }
    }
    return best;
}

static void park(struct mc_scheduler *s, uint32_t number, const struct choice *choice)
{
    bool is_house = choice->answer == MC_PEER_HOUSE_FULL || choice->answer == MC_PEER_HOUSE_EARLY;
    uint8_t place = is_house ? MC_ROUTE_AT_HOUSE : MC_ROUTE_AT_PEER;
    uint32_t at = is_house ? s->peers->peers[choice->peer].house : choice->peer;
    const struct mc_route *route = &s->routes->routes[number];
    bool came_from_there = route->woken_from == place && route->woken_at == at;
    put(s, number, place, at, came_from_there);
    if (choice->answer != MC_PEER_EARLY && choice->answer != MC_PEER_HOUSE_EARLY)
        return;
    int64_t *due_ms = is_house ? &s->peers->houses[at].due_ms : &s->peers->peers[at].due_ms;
    if (*due_ms && *due_ms <= choice->at_ms)
        return;
    *due_ms = choice->at_ms;
    add_time(s, choice->at_ms, at, is_house);
}

static void serve_times(struct mc_scheduler *s, int64_t now_ms)
{
    while (s->heap_count && s->heap[0].at_ms <= now_ms) {
        struct mc_schedule_entry entry = pop_time(s);
        int64_t *due_ms = entry.is_house ? &s->peers->houses[entry.owner].due_ms
                                         : &s->peers->peers[entry.owner].due_ms;
        if (*due_ms != entry.at_ms)
            continue; /* an earlier time was set since */
        *due_ms = 0;
        wake_first(s, entry.is_house ? MC_ROUTE_AT_HOUSE : MC_ROUTE_AT_PEER, entry.owner);
    }
}

/* Those that take their leave hold a descriptor for one more round trip, and no server sees the
 * sum. From a hundred connections on, half as many more may do so, else the last wait of each
 * session would cost a quarter of the rate. */
static bool all_taken(const struct mc_scheduler *s)
{
    uint32_t free_leave = s->concurrency < 100 ? 0 : s->concurrency / 2;
    uint32_t counted = s->open + (s->leaving > free_leave ? s->leaving - free_leave : 0);
    return counted >= s->concurrency;
}

enum mc_schedule mc_scheduler_next(struct mc_scheduler *s, int64_t now_ms,
                                   struct mc_schedule_job *job)
{
    serve_times(s, now_ms);
    while (s->ready.first != MC_NONE) {
        uint32_t number = s->ready.first;
        struct mc_route *route = &s->routes->routes[number];
        if (all_taken(s))
            return MC_SCHEDULE_NOTHING;
        if (s->paused_ms > now_ms) {
            job->at_ms = s->paused_ms;
            return MC_SCHEDULE_LATER;
        }
        take_out(s, number);
        job->route = number;
        if (!mc_route_has_work(route)) {
            pass_on(s, number);
            continue;
        }
        struct choice choice = choose(s, route, now_ms, false);
        if (choice.answer == MC_PEER_OUT)
            choice = choose(s, route, now_ms, true);
        if (choice.answer == MC_PEER_OUT) {
            pass_on(s, number);
            return MC_SCHEDULE_HOPELESS;
        }
        if (choice.answer == MC_PEER_FREE) {
            job->peer = choice.peer;
            return MC_SCHEDULE_CONNECT;
        }
        park(s, number, &choice);
        pass_on(s, number);
    }
    job->at_ms = s->heap_count ? s->heap[0].at_ms : 0;
    return s->heap_count ? MC_SCHEDULE_LATER : MC_SCHEDULE_NOTHING;
}

void mc_scheduler_opened(struct mc_scheduler *s, const struct mc_schedule_job *job, int64_t now_ms)
{
    struct mc_route *route = &s->routes->routes[job->route];
    s->open++;
    route->sessions++;
    route->turn++;
    mc_peers_opening(s->peers, job->peer, now_ms);
    pass_on(s, job->route);
    if (mc_route_has_work(route))
        mc_scheduler_wake(s, job->route);
}

void mc_scheduler_declined(struct mc_scheduler *s, const struct mc_schedule_job *job)
{
    pass_on(s, job->route);
}

void mc_scheduler_leaving(struct mc_scheduler *s)
{
    MC_ASSERT(s->open);
    s->open--;
    s->leaving++;
}

void mc_scheduler_gone(struct mc_scheduler *s, uint32_t peer, int64_t now_ms)
{
    MC_ASSERT(s->leaving);
    s->leaving--;
    mc_peers_gone(s->peers, peer, now_ms);
    wake_first(s, MC_ROUTE_AT_PEER, peer);
    wake_first(s, MC_ROUTE_AT_HOUSE, s->peers->peers[peer].house);
}

void mc_scheduler_more(struct mc_scheduler *s, uint32_t peer)
{
    wake_first(s, MC_ROUTE_AT_PEER, peer);
}

/* The chance goes from one to the next, since none of them can take it. */
void mc_scheduler_lost(struct mc_scheduler *s, uint32_t peer)
{
    wake_first(s, MC_ROUTE_AT_PEER, peer);
    wake_first(s, MC_ROUTE_AT_HOUSE, s->peers->peers[peer].house);
}

void mc_scheduler_local_trouble(struct mc_scheduler *s, int64_t now_ms)
{
    uint32_t doublings = s->local_row < 10 ? s->local_row : 10;
    int64_t pause_ms = (int64_t)PAUSE_MS << doublings;
    s->local_row++;
    s->paused_ms = now_ms + (pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
    if (s->concurrency > s->open + 1 && s->open)
        s->concurrency = s->open + 1;
}

void mc_scheduler_local_ease(struct mc_scheduler *s)
{
    s->local_row = 0;
}

uint32_t mc_scheduler_adopt(struct mc_scheduler *s, uint32_t peer)
{
    uint32_t number = s->peers->peers[peer].waiting.first;
    if (number == MC_NONE)
        return MC_NONE;
    take_out(s, number);
    return number;
}

const struct mc_failure *mc_scheduler_why(const struct mc_scheduler *s, uint32_t number,
                                          uint32_t *peer, bool *no_smtputf8)
{
    const struct mc_route *route = &s->routes->routes[number];
    const struct mc_route_peer *peers = &s->routes->peers[route->peers];
    const struct mc_failure *best = NULL;
    *peer = MC_NONE;
    *no_smtputf8 = route->needs_smtputf8;
    for (uint16_t i = 0; i < route->peer_count; i++) {
        if (route->needs_smtputf8 && lacks_smtputf8(s, peers[i].peer))
            continue;
        const struct mc_failure *failure = mc_peers_failure(s->peers, peers[i].peer);
        *no_smtputf8 = false;
        if (*peer != MC_NONE && mc_failure_rank(failure) <= mc_failure_rank(best))
            continue;
        best = failure;
        *peer = peers[i].peer;
    }
    if (*no_smtputf8)
        *peer = peers[0].peer;
    return best;
}
