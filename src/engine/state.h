/* The engine's insides, shared by the files of this room: engine.c (stages before the probe),
 * probing.c (whom to ask next) and answers.c (what an answer means for the others). Nobody else
 * includes this. */
#ifndef MC_ENGINE_STATE_H
#define MC_ENGINE_STATE_H

#include "engine/address_table.h"
#include "engine/domain_table.h"
#include "engine/engine.h"
#include "engine/identity.h"
#include "engine/reply_log.h"
#include "engine/retry_queue.h"
#include "loop/dns.h"
#include "loop/stream.h"
#include "mx/mx_lookup.h"
#include "smtp/prober.h"
#include "store/store.h"

/* Do connections to port 25 leave this host? */
enum mc_port {
    MC_PORT_UNTRIED, /* until the first handshake, or until enough providers have failed */
    MC_PORT_OPEN,
    MC_PORT_CLOSED,
};

/* MX lookups under way, those that wait for their hosts included. */
#define MC_LOOKUPS_MAX 6000

/* One of them, out of a pool of so many. */
struct mc_engine_lookup {
    struct mc_engine *engine;
    struct mc_engine_lookup *next_free;
    uint32_t domain;
};

struct mc_engine {
    struct mc_engine_hooks hooks;
    enum mailcheck_depth depth;
    bool allow_role;
    uint32_t greylist_wait_ms[MC_RETRY_DELAYS];
    size_t greylist_waits;
    void (*notice)(void *arg, const char *line);
    void *notice_arg;
    void (*trace)(void *arg, const char *line);
    void *trace_arg;

    struct mc_lists *lists;
    struct mc_loop *loop;
    struct mc_dns *dns;
    struct mc_mx *mx;
    struct mc_net *net;
    struct mc_prober *prober; /* NULL: nothing is probed */
    char *probe_impossible;   /* why not, where it was wanted */

    struct mc_address_table addresses;
    struct mc_domain_table domains;
    struct mc_mx_sets sets;
    struct mc_reply_log *replies;
    struct mc_retry_queue retries;
    struct mc_address_queue settled; /* verdict made, hook not yet called */
    struct mc_address_queue unsure;  /* MC_ADDRESS_UNSURE */
    uint64_t unsettled, unsure_count, controls;
    uint32_t *doubtful; /* domains whose doubted addresses wait for the end of the run */
    size_t doubtful_count, doubtful_room;
    uint32_t *quiet; /* domains whose control waits until no more of their rows come */
    size_t quiet_count, quiet_room;

    enum mc_input input;
    bool stopping, proxied, ticking;
    enum mc_port port;
    uint32_t *to_ask; /* domains whose MX question is wanted, in order */
    size_t to_ask_count, to_ask_room;
    size_t next_to_ask;       /* the first of them whose question is not out */
    uint32_t next_to_release; /* the first domain that is not released to the prober */
    uint32_t lookups;         /* MX lookups under way */
    struct mc_engine_lookup *lookup_pool, *free_lookups;
    struct mc_store *store; /* NULL: no memory between runs */
    int64_t store_max_age;  /* seconds */
    int64_t committed_ms;
    bool store_warned;
    bool gathering;  /* of a file: the store is read once, when all addresses are known */
    char *list_mark; /* the name of the mark that says that a run over this list is not done */
    int64_t
        resumed_unix; /* when the run began that this one goes on with; 0: it goes on with none */
    uint32_t origin;  /* a hash of who we are to a mail server */
    bool told_of_rest;
    bool oldest_first;
    uint64_t served;                /* addresses that the store answered for */
    struct mc_retry_queue recalled; /* greylisted before this run: asked when that is useful */
    int64_t recalled_due_ms;
    struct mc_stale *stale; /* asked after the others, the longest unchecked first */
    size_t stale_count, stale_room;
    int64_t start_ms;
    int64_t start_unix;
    struct mc_timer tick, retry_timer;
    char control_name[64];
    char line[MC_REPLY_LINE_SHOWN]; /* scratch of mc_engine_result: what DNS said */
    char *email;                    /* scratch of mc_engine_result: address, suggestion */
};

uint32_t mc_engine_elapsed_ms(const struct mc_engine *engine);

/* Every so often while anything is unsettled. */
void mc_engine_tick(void *arg);

/* Gives an address its verdict, once. */
void mc_engine_settle(struct mc_engine *engine, uint32_t address, enum mc_reason reason,
                      enum mc_source source);

/* Line that decided about a settled address, "" where there is none. */
struct mc_span mc_engine_deciding_line(struct mc_engine *engine, uint32_t address);
/* local@domain, as it is sent; valid until the next call and the next mc_engine_result. */
struct mc_span mc_engine_email(struct mc_engine *engine, uint32_t address);
/* What the lists say of a domain whose best MX host this is; `kept` of the others with that host,
 * may be NULL. */
void mc_engine_note_best_host(struct mc_engine *engine, struct mc_domain *domain,
                              struct mc_span best_host, struct mc_host_facts *kept);
/* An address that nothing has decided yet goes where it is to wait. */
void mc_engine_want_domain(struct mc_engine *engine, uint32_t domain);
void mc_engine_join(struct mc_engine *engine, uint32_t address);

/* ---- recall.c: what is remembered between runs ---- */

struct mc_stale {
    int64_t checked_at;
    uint32_t address;
};

/* A moment of the past that is at most `limit` old, and --max-age too, but that it counts what the
 * run learned that this one goes on with. */
bool mc_recall_is_fresh(const struct mc_engine *engine, int64_t at, int64_t limit);
/* A new domain: what is known of it. */
void mc_recall_domain(struct mc_engine *engine, uint32_t domain);
/* A new address: MC_RECALL_SERVED, it is settled; MC_RECALL_LATER, it will join when its time has
 * come; MC_RECALL_NOTHING, go on. */
enum mc_recall { MC_RECALL_NOTHING, MC_RECALL_SERVED, MC_RECALL_LATER };
enum mc_recall mc_recall_address(struct mc_engine *engine, uint32_t address);
/* The same where the store's row is at hand. */
void mc_recall_take_domain(struct mc_engine *engine, uint32_t domain,
                           const struct mc_store_domain *found);
enum mc_recall mc_recall_take_address(struct mc_engine *engine, uint32_t address,
                                      const struct mc_known *found);
/* recall_list.c: all addresses are known. Reads the store in order, and lets join whom it does not
 * answer for. */
void mc_recall_gathered(struct mc_engine *engine);
/* The deciding line of an address that the store settled and the reply log does not have. */
struct mc_span mc_recall_line(struct mc_engine *engine, uint32_t address);
/* A settled address: put it into the store; may soften its reason. */
void mc_recall_note(struct mc_engine *engine, uint32_t address);
/* It was told to come back: so much is remembered at once. */
void mc_recall_note_waiting(struct mc_engine *engine, uint32_t address);
/* recall_peers.c: mail servers. For the prober's owner. */
bool mc_recall_peer(void *arg, struct mc_span name, struct mc_peer_memory *memory);
void mc_recall_note_peer(void *arg, struct mc_span name, const struct mc_peer_memory *memory);
uint32_t mc_recall_origin(const struct mailcheck_options *options, const char *helo,
                          const char *mail_from);
/* Each turn of the loop: writes what is pending, every so often. */
void mc_recall_turn(struct mc_engine *engine);
/* Each tick: the same, and lets those join whose time has come. */
void mc_recall_tick(struct mc_engine *engine);
/* The input has ended: those join that were put last. */
void mc_recall_input_ended(struct mc_engine *engine);

/* ---- probing.c: whom to ask next ---- */

#define MC_CONTROL_ID (MC_NONE - 1) /* the control's recipient number */
#define MC_LOSSES_MAX 3             /* sessions lost under one recipient before it is given up */

/* The domain's addresses may go to the prober: DNS found servers, and the input allows it. */
void mc_probing_offer(struct mc_engine *engine, uint32_t domain);
/* After an answer: once all of the domain's are in, sends the control when it is time, or gives up
 * what cannot be proved. */
void mc_probing_step(struct mc_engine *engine, uint32_t domain);
/* Domains whose control may go now (`all`: the input has ended). */
void mc_probing_quiet(struct mc_engine *engine, bool all);
/* Decides about port 25 as far as it can be; `drained`: nothing else is under way. */
void mc_probing_judge_port(struct mc_engine *engine, bool drained);
/* The address, which is under way, is asked anew. */
void mc_probing_requeue(struct mc_engine *engine, uint32_t address);
/* Goes through those that wait for proof; what is still open stays. `last`: nothing more can be
 * learned of this domain. */
void mc_probing_settle_held(struct mc_engine *engine, uint32_t domain, bool last, bool end_of_run);
/* What an acceptance is worth by now, and the reason that says so (not of MC_WORTH_WAIT). */
enum mc_worth mc_probing_worth(const struct mc_engine *engine, const struct mc_domain *domain,
                               const struct mc_address_record *record);
enum mc_reason mc_probing_worth_reason(enum mc_worth worth);
/* The kind of lane that it goes to. */
size_t mc_probing_kind(const struct mc_address_record *record);
/* The end of the run: what was doubted stays doubted. */
void mc_probing_resolve_doubtful(struct mc_engine *engine);
void mc_probing_retry_due(void *arg);
struct mc_prober_owner mc_probing_owner(struct mc_engine *engine);

/* ---- answers.c: what an answer means ---- */

/* For the prober's owner. */
void mc_probing_answered(void *engine, uint32_t lane, uint32_t recipient,
                         const struct mc_answer *answer);
/* Those that heard that their domain is not served go to its other servers, or get their verdict.
 */
void mc_probing_release_denied(struct mc_engine *engine, uint32_t domain);
/* Settles an address whose lane has no MX left to ask, with what decided that. */
void mc_probing_settle_ended(struct mc_engine *engine, uint32_t address);

#endif
