/* The engine's insides, shared by engine.c (stages before the probe) and probing.c (the probe and
 * what follows from it). Nobody else includes this. */
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

/* Do connections to port 25 leave this host? */
enum mc_port {
    MC_PORT_UNTRIED, /* until the first handshake, or until enough providers have failed */
    MC_PORT_OPEN,
    MC_PORT_CLOSED,
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
    bool stopping, proxied;
    enum mc_port port;
    uint32_t next_to_ask;     /* the first domain whose MX question is not out */
    uint32_t next_to_release; /* the first domain that is not released to the prober */
    uint32_t lookups;         /* MX lookups under way */
    struct mc_engine_lookup *lookup_pool, *free_lookups;
    int64_t start_ms;
    int64_t start_unix;
    struct mc_timer tick, retry_timer;
    char control_name[64];
    char line[MC_REPLY_LINE_SHOWN]; /* scratch of mc_engine_result: what DNS said */
    char *email;                    /* scratch of mc_engine_result: address, suggestion */
};

uint32_t mc_engine_elapsed_ms(const struct mc_engine *engine);

/* Gives an address its verdict, once. */
void mc_engine_settle(struct mc_engine *engine, uint32_t address, enum mc_reason reason,
                      enum mc_source source);

/* The domain's addresses may go to the prober: DNS found servers, and the input allows it. */
void mc_probing_offer(struct mc_engine *engine, uint32_t domain);
/* After an answer: once all of the domain's are in, sends the control when it is time, or gives up
 * what cannot be proved. */
void mc_probing_step(struct mc_engine *engine, uint32_t domain);
/* Domains whose control may go now (`all`: the input has ended). */
void mc_probing_quiet(struct mc_engine *engine, bool all);
/* Decides about port 25 as far as it can be; `drained`: nothing else is under way. */
void mc_probing_judge_port(struct mc_engine *engine, bool drained);
/* Settles an address whose lane has no MX left to ask, with what decided that. */
void mc_probing_settle_ended(struct mc_engine *engine, uint32_t address);
/* The end of the run: what was doubted stays doubted. */
void mc_probing_resolve_doubtful(struct mc_engine *engine);
void mc_probing_retry_due(void *arg);
struct mc_prober_owner mc_probing_owner(struct mc_engine *engine);

#endif
