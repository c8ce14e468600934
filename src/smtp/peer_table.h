/* Peers: one record an IP address, shared by all routes that lead there; and houses: whoever runs
 * them, a provider of the list or, for an unknown host, the peer alone.
 *
 * Owns what is counted and remembered about them: open connections, pace, back-off, what sessions
 * learned, why nobody asks them any more. Decides whether a connection may be opened now; whose
 * turn it is, the scheduler decides. Pure: the clock is an argument. */
#ifndef MC_SMTP_PEER_TABLE_H
#define MC_SMTP_PEER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "lists/lists.h"
#include "loop/stream.h"
#include "mx/mx_lookup.h"
#include "smtp/dialogue.h"
#include "smtp/failure.h"

/* Routes that wait for a slot (scheduler.c links them). */
struct mc_route_list {
    uint32_t first, last;
};

struct mc_house {
    const struct mc_provider *limits;
    struct mc_route_list waiting;
    struct mc_failure *blame; /* what made it rest */
    int64_t due_ms;           /* when its list is to be looked at; 0: no time set */
    int64_t first_attempt_ms, filled_ms, day_ms;
    int64_t rests_since_ms; /* inherit.c: when its rest was first passed on; 0: not yet */
    int64_t rcpt_credit, refusal_credit; /* tokens, in 1/60000 recipients */
    uint32_t open, asked_today;
    uint16_t blamed_in_row;
    bool listed;    /* a provider of the list */
    bool resting;   /* the breaker tripped or the day's budget is spent: left alone */
    bool connected; /* some TCP handshake was completed */
    bool attempted, failed;
    uint64_t kept; /* as of a peer */
};

struct mc_peer {
    struct mc_ip ip;
    struct mc_habits habits;
    struct mc_route_list waiting;
    struct mc_failure *failure; /* the most telling one since its last success */
    struct mc_batch witness;    /* the last recipient it accepted, or nobody */
    int64_t not_before_ms;      /* gap and back-off */
    int64_t due_ms;             /* when its list is to be looked at; 0: no time set */
    int64_t died_ms;
    uint32_t house;
    uint16_t open;         /* connections, those that take their leave included */
    uint16_t cap;          /* learned: it bears no more; 0: not known */
    uint16_t closed_first; /* sessions that were to close before it does */
    uint8_t failures, silences, silent_connects, local_failures;
    uint8_t lowered;   /* how often habits.session_rcpts was */
    bool connected;    /* once at least */
    bool welcomed;     /* answered EHLO or HELO well: no longer new */
    bool answered;     /* some recipient */
    bool plain_no;     /* it has refused one in words that need no proof */
    bool utf8_known;   /* habits.no_smtputf8 was heard from it */
    bool dead;         /* not asked again in this run ... */
    bool dead_for_now; /* ... but by a greylisting retry */
    uint64_t kept;     /* a hash of what the owner was told to remember */
};

struct mc_pace {
    bool off, gentle;
    uint32_t per_mx, per_provider;
};

struct mc_peer_memory;

struct mc_peers {
    const struct mc_lists *lists;
    /* What the owner remembers of a new record (peer_memory.h); NULL: nothing of anybody. */
    bool (*remembered)(void *arg, struct mc_span name, struct mc_peer_memory *memory);
    void *remembered_arg;
    struct mc_pace pace;
    struct mc_peer *peers;
    struct mc_house *houses; /* the list's providers first, by their index */
    size_t peer_room, house_room;
    uint32_t count, house_count;
    struct mc_index index;
    uint64_t random;
    bool reach[2]; /* IPv4, IPv6: our side has it */
};

/* Borrows `lists`. `seed`: for jitter; any number. */
void mc_peers_init(struct mc_peers *peers, const struct mc_lists *lists, const struct mc_pace *pace,
                   uint64_t seed);
void mc_peers_free(struct mc_peers *peers);

/* A new table takes over from another with the same lists: budgets, gaps and who is left alone. */
void mc_peers_inherit(struct mc_peers *peers, const struct mc_peers *old, int64_t now_ms);

/* The number of the peer with this address; `host` is a name it goes by. */
uint32_t mc_peers_intern(struct mc_peers *peers, const struct mc_ip *ip, struct mc_span host);

enum mc_peer_answer {
    MC_PEER_FREE,       /* connect now */
    MC_PEER_FULL,       /* as many connections as it may have */
    MC_PEER_HOUSE_FULL, /* the same of its house */
    MC_PEER_EARLY,      /* not before *at_ms */
    MC_PEER_HOUSE_EARLY,
    MC_PEER_OUT, /* not in this run */
};
enum mc_peer_answer mc_peers_ask(struct mc_peers *peers, uint32_t peer, int64_t now_ms,
                                 int64_t *at_ms);
/* It did not answer a first connect: asked again only where there is nobody else. */
bool mc_peers_doubtful(const struct mc_peers *peers, uint32_t peer);
/* Why it is OUT; NULL where it is not, or where our side is what is missing. */
const struct mc_failure *mc_peers_failure(const struct mc_peers *peers, uint32_t peer);

/* What happens to a connection, in this order. */
void mc_peers_opening(struct mc_peers *peers, uint32_t peer, int64_t now_ms);
void mc_peers_connected(struct mc_peers *peers, uint32_t peer);
void mc_peers_welcomed(struct mc_peers *peers, uint32_t peer, const struct mc_habits *habits);
/* A recipient's answer; and a reply that speaks against the whole session. True: it made the
 * breaker trip. */
bool mc_peers_answered(struct mc_peers *peers, uint32_t peer, const struct mc_reply *reply,
                       const struct mc_ruling *ruling);
bool mc_peers_refused(struct mc_peers *peers, uint32_t peer, enum mc_stage stage,
                      const struct mc_reply *reply, const struct mc_ruling *ruling);
/* So many answers in a row blame us without a word (`blame`, taken over, is the last): nobody was
 * accepted behind them after all. mc_peers_answered does not count these. */
bool mc_peers_wordless(struct mc_peers *peers, uint32_t peer, uint32_t count,
                       struct mc_failure *blame);
/* What a session that ends has learned. */
void mc_peers_learn(struct mc_peers *peers, uint32_t peer, const struct mc_dialogue *dialogue);
void mc_peers_gone(struct mc_peers *peers, uint32_t peer, int64_t now_ms);

/* How a session ended, before mc_peers_gone. `failure` is taken over. */
void mc_peers_connect_failed(struct mc_peers *peers, uint32_t peer, enum mc_stream_failure failure,
                             bool timed_out, const char *why, int64_t now_ms);
void mc_peers_session_failed(struct mc_peers *peers, uint32_t peer, struct mc_failure *failure,
                             bool for_good, int64_t now_ms);
/* It answered somebody; `hurried`: and then asked us, one way or another, to go away. */
void mc_peers_session_done(struct mc_peers *peers, uint32_t peer, bool hurried, int64_t now_ms);

/* A greylisting retry is due: one that died of passing trouble gets one more try. */
void mc_peers_revive(struct mc_peers *peers, uint32_t peer, int64_t now_ms);

/* How many recipients its house may be asked about now, `debt` more than it has earned;
 * UINT32_MAX: no limit. */
uint32_t mc_peers_credit(struct mc_peers *peers, uint32_t peer, uint32_t debt, int64_t now_ms);
/* So many that were charged were not asked after all. */
void mc_peers_refund(struct mc_peers *peers, uint32_t peer, uint32_t recipients);
/* They were asked about. True: that was the last of the day's budget. */
bool mc_peers_spend(struct mc_peers *peers, uint32_t peer, uint32_t recipients, int64_t now_ms);

/* 0 to bound - 1. */
uint32_t mc_peers_random(struct mc_peers *peers, uint32_t bound);

static inline struct mc_house *mc_peers_house(const struct mc_peers *peers, uint32_t peer)
{
    return &peers->houses[peers->peers[peer].house];
}

#endif
