#include "smtp/peer_table.h"

#include <sys/socket.h>

#include "base/memory.h"
#include "smtp/ehlo.h"
#include "smtp/peer_memory.h"

#define TOKEN           60000 /* a recipient's worth of credit: a rate a minute is gained each ms */
#define DAY_MS          (24 * 60 * 60 * 1000LL)
#define BACKOFF_MS      5000 /* times the square of failures in a row */
#define BACKOFF_OFF_MS  200  /* the same with --pace off */
#define BACKOFF_MAX_MS  (60 * 60 * 1000LL)
#define FAILURES        3 /* in a row without any success, then it is given up */
#define FAILURES_OFF    5
#define FAILURES_PROVED 8 /* for one that has answered recipients in this run */
#define SILENCES        2 /* of those: replies that never came; each costs a whole time-out */
#define SILENCES_PROVED 4
#define LOCAL_FAILURES  5
#define REVIVE_MS       2000 /* not more often than this, whoever asks */

void mc_peers_init(struct mc_peers *peers, const struct mc_lists *lists, const struct mc_pace *pace,
                   uint64_t seed)
{
    *peers =
        (struct mc_peers){.lists = lists, .pace = *pace, .random = seed | 1, .reach = {true, true}};
    peers->house_room = peers->house_count = (uint32_t)mc_lists_provider_count(lists) + 1;
    peers->houses = mc_calloc(peers->house_room, sizeof *peers->houses);
}

void mc_peers_free(struct mc_peers *peers)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        free(peers->peers[i].failure);
        mc_batch_free(&peers->peers[i].witness);
    }
    for (uint32_t i = 0; i < peers->house_count; i++)
        free(peers->houses[i].blame);
    free(peers->peers);
    free(peers->houses);
    mc_index_free(&peers->index);
    *peers = (struct mc_peers){0};
}

/* xorshift64* */
uint32_t mc_peers_random(struct mc_peers *peers, uint32_t bound)
{
    peers->random ^= peers->random >> 12;
    peers->random ^= peers->random << 25;
    peers->random ^= peers->random >> 27;
    uint64_t high = (peers->random * 0x2545F4914F6CDD1DULL) >> 32;
    return (uint32_t)(high * bound >> 32);
}

/* Three quarters to five quarters of it. */
static int64_t jittered(struct mc_peers *peers, int64_t ms)
{
    int64_t half = ms / 2;
    return ms - ms / 4 + (half ? mc_peers_random(peers, (uint32_t)half) : 0);
}

static void open_house(struct mc_house *house, const struct mc_provider *limits, bool listed)
{
    *house = (struct mc_house){.limits = limits, .listed = listed, .waiting = {MC_NONE, MC_NONE}};
}

static uint32_t house_of(struct mc_peers *peers, struct mc_span host)
{
    const struct mc_provider *provider = mc_lists_provider(peers->lists, host);
    if (provider && provider->index) {
        struct mc_house *house = &peers->houses[provider->index];
        if (!house->limits) {
            struct mc_peer_memory memory;
            open_house(house, provider, true);
            if (peers->remembered &&
                peers->remembered(peers->remembered_arg, mc_span_of(provider->id), &memory))
                mc_house_remember(peers, house, &memory);
        }
        return provider->index;
    }
    peers->houses =
        mc_grow(peers->houses, peers->house_count, &peers->house_room, sizeof *peers->houses);
    open_house(&peers->houses[peers->house_count], mc_lists_default_provider(peers->lists), false);
    return peers->house_count++;
}

/* A name of a known provider wins over the vanity name that the address was first met by. */
static void maybe_move_house(struct mc_peers *peers, struct mc_peer *peer, struct mc_span host)
{
    const struct mc_provider *provider = mc_lists_provider(peers->lists, host);
    if (!provider || !provider->index || peers->houses[peer->house].listed || peer->open)
        return;
    if (peers->houses[peer->house].waiting.first == MC_NONE)
        peer->house = house_of(peers, host);
}

uint32_t mc_peers_intern(struct mc_peers *peers, const struct mc_ip *ip, struct mc_span host)
{
    struct mc_ip key = {.family = ip->family};
    memcpy(key.octets, ip->octets, ip->family == 4 ? 4 : 16);
    uint64_t hash = mc_hash(mc_span((const char *)&key, sizeof key));
    struct mc_index_cursor cursor;
    uint32_t at = mc_index_first(&peers->index, hash, &cursor);
    for (; at != MC_NONE; at = mc_index_next(&peers->index, &cursor)) {
        if (memcmp(&peers->peers[at].ip, &key, sizeof key) != 0)
            continue;
        maybe_move_house(peers, &peers->peers[at], host);
        return at;
    }
    peers->peers = mc_grow(peers->peers, peers->count, &peers->peer_room, sizeof *peers->peers);
    peers->peers[peers->count] =
        (struct mc_peer){.ip = key, .house = house_of(peers, host), .waiting = {MC_NONE, MC_NONE}};
    mc_index_add(&peers->index, hash, peers->count);
    char name[MC_PEER_NAME_MAX];
    struct mc_peer_memory memory;
    if (peers->remembered &&
        peers->remembered(peers->remembered_arg, mc_peer_name(peers, peers->count, name), &memory))
        mc_peer_remember(peers, peers->count, &memory);
    return peers->count++;
}

/* Limits */

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return !a ? b : !b || a < b ? a : b;
}

static uint32_t cap_of(const struct mc_peers *peers, const struct mc_peer *peer)
{
    if (!peer->welcomed || peers->pace.gentle)
        return 1;
    return lesser(peers->pace.per_mx, peer->cap);
}

/* So that no minute sees more than the rate: a part of it at once, the rest evenly. */
static int64_t burst_of(int64_t rate)
{
    int64_t small = rate / 2 < 10 ? rate / 2 : 10;
    int64_t burst = rate / 8 > small ? rate / 8 : small;
    return burst ? burst : 1;
}

static int64_t rate_of(const struct mc_peers *peers, uint32_t a_minute)
{
    return peers->pace.gentle && a_minute > 1 ? a_minute / 2 : a_minute;
}

static void gain(int64_t *credit, int64_t rate, int64_t passed_ms, bool first)
{
    int64_t full = burst_of(rate) * TOKEN;
    int64_t each_ms = rate > burst_of(rate) ? rate - burst_of(rate) : 1;
    *credit = first || *credit + each_ms * passed_ms > full ? full : *credit + each_ms * passed_ms;
}

/* When there is credit for a session worth its connection. */
static int64_t ready_ms(int64_t credit, int64_t rate, int64_t now_ms)
{
    int64_t wanted = (burst_of(rate) < 10 ? burst_of(rate) : 10) * TOKEN / 2;
    int64_t each_ms = rate > burst_of(rate) ? rate - burst_of(rate) : 1;
    return credit >= wanted ? now_ms : now_ms + (wanted - credit + each_ms - 1) / each_ms;
}

static void fill(struct mc_peers *peers, struct mc_house *house, int64_t now_ms)
{
    bool first = !house->filled_ms;
    int64_t passed_ms = now_ms - house->filled_ms;
    gain(&house->rcpt_credit, rate_of(peers, house->limits->rcpt_per_minute), passed_ms, first);
    gain(&house->refusal_credit, rate_of(peers, house->limits->refusals_per_minute), passed_ms,
         first);
    house->filled_ms = now_ms;
}

static int64_t credit_ms(struct mc_peers *peers, struct mc_house *house, int64_t now_ms)
{
    int64_t rcpts = rate_of(peers, house->limits->rcpt_per_minute);
    int64_t refusals = rate_of(peers, house->limits->refusals_per_minute);
    int64_t at_ms = now_ms;
    if (peers->pace.off)
        return now_ms;
    fill(peers, house, now_ms);
    if (rcpts)
        at_ms = ready_ms(house->rcpt_credit, rcpts, now_ms);
    if (refusals && ready_ms(house->refusal_credit, refusals, now_ms) > at_ms)
        at_ms = ready_ms(house->refusal_credit, refusals, now_ms);
    return at_ms;
}

static uint32_t whole(int64_t credit, uint32_t debt)
{
    int64_t recipients = (credit + (int64_t)debt * TOKEN) / TOKEN;
    return recipients > 0 ? (uint32_t)recipients : 0;
}

uint32_t mc_peers_credit(struct mc_peers *peers, uint32_t peer, uint32_t debt, int64_t now_ms)
{
    struct mc_house *house = mc_peers_house(peers, peer);
    const struct mc_provider *limits = house->limits;
    uint32_t credit = UINT32_MAX;
    if (peers->pace.off)
        return credit;
    fill(peers, house, now_ms);
    if (limits->rcpt_per_minute)
        credit = whole(house->rcpt_credit, debt);
    /* not all of them will be refused */
    if (limits->refusals_per_minute && whole(2 * house->refusal_credit, debt) < credit)
        credit = whole(2 * house->refusal_credit, debt);
    if (limits->rcpt_per_day && limits->rcpt_per_day - house->asked_today < credit)
        credit = limits->rcpt_per_day - house->asked_today;
    return credit;
}

bool mc_peers_spend(struct mc_peers *peers, uint32_t peer, uint32_t recipients, int64_t now_ms)
{
    struct mc_house *house = mc_peers_house(peers, peer);
    uint32_t budget = house->limits->rcpt_per_day;
    char sentence[128];
    if (peers->pace.off)
        return false;
    if (!house->asked_today || now_ms - house->day_ms >= DAY_MS) {
        house->day_ms = now_ms;
        house->asked_today = 0;
    }
    house->rcpt_credit -= (int64_t)recipients * TOKEN;
    house->asked_today += recipients;
    if (!budget || house->asked_today < budget || house->resting)
        return false;
    snprintf(sentence, sizeof sentence, "the day's budget of %u recipients is spent", budget);
    house->blame = mc_failure_of_event(MC_STAGE_NONE, MC_REASON_NOT_PROBED, sentence);
    house->resting = true;
    return true;
}

void mc_peers_refund(struct mc_peers *peers, uint32_t peer, uint32_t recipients)
{
    struct mc_house *house = mc_peers_house(peers, peer);
    if (peers->pace.off)
        return;
    house->rcpt_credit += (int64_t)recipients * TOKEN;
    house->asked_today -= recipients < house->asked_today ? recipients : house->asked_today;
}

enum mc_peer_answer mc_peers_ask(struct mc_peers *peers, uint32_t number, int64_t now_ms,
                                 int64_t *at_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_house *house = &peers->houses[peer->house];
    if (peer->dead || house->resting || !peers->reach[peer->ip.family == 6])
        return MC_PEER_OUT;
    if (peer->open >= cap_of(peers, peer))
        return MC_PEER_FULL;
    if (house->open >= lesser(peers->pace.per_provider, house->limits->connections))
        return MC_PEER_HOUSE_FULL;
    *at_ms = peer->not_before_ms;
    if (*at_ms > now_ms)
        return MC_PEER_EARLY;
    *at_ms = credit_ms(peers, house, now_ms);
    return *at_ms > now_ms ? MC_PEER_HOUSE_EARLY : MC_PEER_FREE;
}

bool mc_peers_doubtful(const struct mc_peers *peers, uint32_t peer)
{
    return peers->peers[peer].silent_connects > 0 && !peers->peers[peer].connected;
}

const struct mc_failure *mc_peers_failure(const struct mc_peers *peers, uint32_t number)
{
    const struct mc_peer *peer = &peers->peers[number];
    const struct mc_house *house = &peers->houses[peer->house];
    return house->resting ? house->blame : peer->failure;
}

/* Events */

static void wait_at_least(struct mc_peers *peers, struct mc_peer *peer, int64_t ms, int64_t now_ms)
{
    int64_t at_ms = now_ms + jittered(peers, ms);
    if (at_ms > peer->not_before_ms)
        peer->not_before_ms = at_ms;
}

void mc_peers_opening(struct mc_peers *peers, uint32_t number, int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_house *house = &peers->houses[peer->house];
    peer->open++;
    house->open++;
    if (!house->attempted) {
        house->attempted = true;
        house->first_attempt_ms = now_ms;
    }
    if (!peers->pace.off)
        wait_at_least(peers, peer,
                      (int64_t)house->limits->connect_gap_ms * (peers->pace.gentle ? 2 : 1),
                      now_ms);
}

void mc_peers_connected(struct mc_peers *peers, uint32_t number)
{
    struct mc_peer *peer = &peers->peers[number];
    peer->connected = true;
    peer->silent_connects = peer->local_failures = 0;
    peers->houses[peer->house].connected = true;
}

void mc_peers_welcomed(struct mc_peers *peers, uint32_t number, const struct mc_habits *habits)
{
    struct mc_peer *peer = &peers->peers[number];
    peer->welcomed = peer->utf8_known = true;
    peer->habits.no_smtputf8 = habits->no_smtputf8;
}

static void keep_failure(struct mc_peer *peer, struct mc_failure *failure)
{
    if (mc_failure_rank(failure) < mc_failure_rank(peer->failure)) {
        free(failure);
        return;
    }
    free(peer->failure);
    peer->failure = failure;
}

static void die(struct mc_peer *peer, bool for_now, int64_t now_ms)
{
    peer->dead = true;
    peer->dead_for_now = for_now;
    peer->died_ms = now_ms;
}

/* Counts answers in a row that blame us. */
static bool trips(struct mc_house *house, uint32_t count)
{
    uint32_t in_row = house->blamed_in_row + count;
    house->blamed_in_row = (uint16_t)(in_row < UINT16_MAX ? in_row : UINT16_MAX);
    if (house->resting || !house->limits->breaker || in_row < house->limits->breaker)
        return false;
    house->resting = true;
    return true;
}

static bool blames(struct mc_house *house, enum mc_stage stage, const struct mc_reply *reply,
                   const struct mc_ruling *ruling)
{
    if (!trips(house, 1))
        return false;
    house->blame = mc_failure_of_reply(stage, reply, ruling);
    return true;
}

bool mc_peers_wordless(struct mc_peers *peers, uint32_t number, uint32_t count,
                       struct mc_failure *blame)
{
    struct mc_house *house = mc_peers_house(peers, number);
    bool tripped = trips(house, count);
    if (tripped)
        house->blame = blame;
    else
        free(blame);
    return tripped;
}

bool mc_peers_answered(struct mc_peers *peers, uint32_t number, const struct mc_reply *reply,
                       const struct mc_ruling *ruling)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_house *house = &peers->houses[peer->house];
    peer->answered = true;
    peer->plain_no |= ruling->reason == MC_REASON_NO_SUCH_MAILBOX && ruling->surety == MC_SURE;
    if (reply->code >= 400)
        house->refusal_credit -= TOKEN;
    if (ruling->blame != MC_BLAME_US)
        house->blamed_in_row = 0;
    else if (!mc_reply_is_wordless(reply))
        return blames(house, MC_STAGE_RCPT, reply, ruling);
    return false;
}

bool mc_peers_refused(struct mc_peers *peers, uint32_t number, enum mc_stage stage,
                      const struct mc_reply *reply, const struct mc_ruling *ruling)
{
    return ruling->blame == MC_BLAME_US &&
           blames(mc_peers_house(peers, number), stage, reply, ruling);
}

static void keep_lower(uint16_t *habit, uint16_t count)
{
    if (count && (!*habit || count < *habit))
        *habit = count;
}

void mc_peers_learn(struct mc_peers *peers, uint32_t number, const struct mc_dialogue *dialogue)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_habits *habits = &peer->habits;
    const struct mc_habits *news = &dialogue->habits;
    habits->helo_only |= news->helo_only;
    habits->lock_step |= news->lock_step;
    habits->wants_tls |= news->wants_tls;
    habits->tls_broken |= news->tls_broken;
    habits->quits_apart |= news->quits_apart;
    keep_lower(&habits->transaction_rcpts, news->transaction_rcpts);
    keep_lower(&habits->session_transactions, news->session_transactions);
    keep_lower(&habits->session_refusals, news->session_refusals);
    if (dialogue->learned && news->session_rcpts) {
        habits->session_rcpts = news->session_rcpts;
        peer->lowered++;
    } else if (dialogue->end == MC_END_DONE && habits->session_rcpts && peer->lowered < 3 &&
               dialogue->asked >= habits->session_rcpts) {
        /* one hang-up may have been an accident: see how far it goes */
        habits->session_rcpts =
            (uint16_t)(habits->session_rcpts < 1000 ? 2 * habits->session_rcpts : 0);
    }
}

void mc_peers_gone(struct mc_peers *peers, uint32_t number, int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_house *house = &peers->houses[peer->house];
    MC_ASSERT(peer->open && house->open);
    peer->open--;
    house->open--;
    if (!peers->pace.off)
        wait_at_least(peers, peer, house->limits->connect_gap_ms / 2, now_ms);
}

void mc_peers_session_done(struct mc_peers *peers, uint32_t number, bool hurried, int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    peer->failures = peer->silences = 0;
    free(peer->failure);
    peer->failure = NULL;
    if (hurried)
        wait_at_least(peers, peer, peers->pace.off ? BACKOFF_OFF_MS : BACKOFF_MS, now_ms);
}

/* Another connection of ours is open: what this one met may be the limit, and is then no fault. */
static bool blame_the_crowd(struct mc_peers *peers, struct mc_peer *peer, int64_t now_ms)
{
    if (peer->open < 2)
        return false;
    peer->cap = (uint16_t)(peer->open - 1);
    wait_at_least(peers, peer, peers->pace.off ? BACKOFF_OFF_MS : BACKOFF_MS, now_ms);
    return true;
}

static void fail(struct mc_peers *peers, struct mc_peer *peer, bool silent, int64_t now_ms)
{
    uint8_t bound = peer->answered ? FAILURES_PROVED : peers->pace.off ? FAILURES_OFF : FAILURES;
    peer->silences = (uint8_t)(peer->silences + silent);
    if (++peer->failures >= bound ||
        peer->silences >= (peer->answered ? SILENCES_PROVED : SILENCES)) {
        die(peer, true, now_ms);
        return;
    }
    int64_t wait_ms =
        (int64_t)peer->failures * peer->failures * (peers->pace.off ? BACKOFF_OFF_MS : BACKOFF_MS);
    wait_at_least(peers, peer, wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS, now_ms);
}

void mc_peers_connect_failed(struct mc_peers *peers, uint32_t number,
                             enum mc_stream_failure failure, bool timed_out, const char *why,
                             int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    bool ours = !timed_out && (failure == MC_STREAM_OURS || failure == MC_STREAM_PROXY);
    enum mc_stage stage = failure == MC_STREAM_PROXY ? MC_STAGE_PROXY : MC_STAGE_CONNECT;
    peers->houses[peer->house].failed = true;
    keep_failure(peer, mc_failure_of_event(stage,
                                           timed_out                   ? MC_REASON_TIMEOUT
                                           : failure == MC_STREAM_OURS ? MC_REASON_NOT_PROBED
                                                                       : MC_REASON_CONNECT_FAILED,
                                           why));
    if (ours) {
        if (++peer->local_failures >= LOCAL_FAILURES)
            die(peer, true, now_ms);
    } else if (blame_the_crowd(peers, peer, now_ms)) {
        return;
    } else if (peer->connected) {
        fail(peers, peer, timed_out, now_ms);
    } else if (!timed_out || ++peer->silent_connects >= 2) {
        die(peer, false, now_ms);
    }
}

void mc_peers_session_failed(struct mc_peers *peers, uint32_t number, struct mc_failure *failure,
                             bool for_good, int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    if (peer->welcomed && blame_the_crowd(peers, peer, now_ms)) {
        free(failure);
        return;
    }
    bool silent = failure->ruling.reason == MC_REASON_TIMEOUT;
    keep_failure(peer, failure);
    if (for_good)
        die(peer, false, now_ms);
    else
        fail(peers, peer, silent, now_ms);
    /* 421 without a word at pipelined commands may be what such a server thinks of pipelining */
    if (peer->failures >= 2 && peer->welcomed)
        peer->habits.lock_step = true;
}

void mc_peers_revive(struct mc_peers *peers, uint32_t number, int64_t now_ms)
{
    struct mc_peer *peer = &peers->peers[number];
    if (!peer->dead || !peer->dead_for_now || now_ms - peer->died_ms < REVIVE_MS)
        return;
    peer->dead = false;
    peer->failures = peer->failures ? (uint8_t)(peer->failures - 1) : 0;
    peer->silences = peer->silences ? (uint8_t)(peer->silences - 1) : 0;
    peer->local_failures = 0;
}
