/* The pipeline: addresses in, verdicts out. Owns the tables, orders the stages, and is alone in
 * deciding what follows what.
 *
 * syntax (before it comes here) -> lists -> DNS, once a domain -> probe -> evidence -> verdict.
 * Never reads rows, never prints. One thread; everything happens inside mc_engine_run. */
#ifndef MC_ENGINE_ENGINE_H
#define MC_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address/parse.h"
#include "address/plain.h"
#include "base/hash.h"
#include "lists/lists.h"
#include "loop/loop.h"
#include "mailcheck.h"
#include "verdict/verdict.h"

struct mc_engine;

struct mc_engine_hooks {
    void *arg;
    /* An address has its verdict. From mc_engine_run only, once an address. May be NULL. */
    void (*settled)(void *arg, uint32_t address);
    struct mc_loop *loop;   /* borrowed, and run by its owner; NULL: one of its own */
    struct mc_lists *lists; /* borrowed; NULL: its own, by the options */
    /* Questions never end: what others of a run might still prove is not waited for. */
    bool is_endless;
    bool hides_suppressed; /* whoever asks is not told who is on the suppress list */
};

/* NULL and a sentence in `error` on options that make no sense. */
struct mc_engine *mc_engine_new(const struct mailcheck_options *options,
                                const struct mc_engine_hooks *hooks, char *error,
                                size_t error_size);
void mc_engine_free(struct mc_engine *engine);

/* Where an engine is to take the place of another, with the same lists, that ends: what politeness
 * asks for is passed on, what providers were asked today and who wants to be left alone. */
void mc_engine_inherit(struct mc_engine *engine, const struct mc_engine *old);

struct mc_loop *mc_engine_loop(struct mc_engine *engine);
const struct mc_lists *mc_engine_lists(const struct mc_engine *engine);

/* What is known of the input decides when a domain is asked and when a control may follow.
 * MC_INPUT_LIVE, the default: each address is asked as soon as it is there. */
enum mc_input {
    MC_INPUT_LIVE,
    MC_INPUT_FILE, /* more rows are on their way, soon: domains are gathered for a second, controls
                      wait for the end */
    MC_INPUT_PIPE, /* more may come, who knows when: controls wait until a domain is quiet */
    MC_INPUT_HELD, /* DNS only, until the input is said to have ended or to be another kind */
};
void mc_engine_set_input(struct mc_engine *engine, enum mc_input input);

/* Adds a parsed address or finds it. New ones are numbered 0, 1, 2... */
uint32_t mc_engine_add(struct mc_engine *engine, const struct mc_address *address, bool *is_new);
/* The same for many: what is looked at is fetched, first of all of their domains, and when that has
 * come of the addresses, so that adding need not wait for memory at each of them. All that are
 * sought are then to be added, in the same order. */
struct mc_sought {
    struct mc_hash128 domain_hash, hash;
    uint32_t domain;
    bool is_new_domain; /* this one has brought it */
    bool is_plain;      /* `plain` is set, and the address is where it was looked at */
    struct mc_plain plain;
};
/* `plain` may be NULL. */
void mc_engine_seek_domain(struct mc_engine *engine, const struct mc_address *address,
                           const struct mc_plain *plain, struct mc_sought *sought);
void mc_engine_seek_address(struct mc_engine *engine, const struct mc_address *address,
                            struct mc_sought *sought);
uint32_t mc_engine_add_sought(struct mc_engine *engine, const struct mc_address *address,
                              const struct mc_sought *sought, bool *is_new);

bool mc_engine_is_settled(const struct mc_engine *engine, uint32_t address);
/* What is known now: the verdict, or for an unsettled address `not_probed` and the flags so far.
 * Spans live until the next call on this engine. duplicate_of is left 0. */
void mc_engine_result(struct mc_engine *engine, uint32_t address, struct mc_result *result);
/* The same for whoever has the address as it was added at hand; "" where not. */
void mc_engine_result_of(struct mc_engine *engine, uint32_t address, struct mc_span email,
                         struct mc_result *result);
/* Fetches what the results of the addresses that were added after this one will look at. */
void mc_engine_fetch_results(const struct mc_engine *engine, uint32_t address);

/* Seconds since 1970, as mc_checked_at will show it. */
int64_t mc_engine_wall_clock(const struct mc_engine *engine);

/* This run cleans `list`, a name that stays the same from run to run. Where the last run over it
 * was cut short, this one goes on: what that one found undecided is not asked again. To be called
 * before addresses are added. */
void mc_engine_begin_list(struct mc_engine *engine, const char *list);
/* It came to its end: the next one begins anew. */
void mc_engine_end_list(struct mc_engine *engine);
/* How many addresses the store has answered for. */
uint64_t mc_engine_recalled(const struct mc_engine *engine);

/* So many addresses are about to be added: lets the store read itself in order. */
void mc_engine_expect(struct mc_engine *engine, uint64_t addresses);
/* Writes to the store what is not there yet. False and a sentence in `error` where the store has
 * failed, now or before. */
bool mc_engine_keep(struct mc_engine *engine, char *error, size_t error_size);
/* Tries the same without waiting for anybody. True: nothing is left to be written, or the store has
 * failed. */
bool mc_engine_try_keep(struct mc_engine *engine);
/* The store has failed: verdicts are not remembered any more. */
bool mc_engine_store_failed(const struct mc_engine *engine);

/* One turn of the loop. */
void mc_engine_run(struct mc_engine *engine, int timeout_ms);
/* On a borrowed loop: after each turn of it. */
void mc_engine_turn(struct mc_engine *engine);
/* Every address has its verdict and every hook was called. */
bool mc_engine_idle(const struct mc_engine *engine);

/* Stops probing: all that is unsettled gets its verdict within a second or so (not_probed;
 * those that waited greylisted; those accepted without proof unproven). */
void mc_engine_stop(struct mc_engine *engine);

/* Why the probe stage cannot run from here (a sentence), or NULL. */
const char *mc_engine_probe_impossible(const struct mc_engine *engine);
/* The same for those who speak another language. */
enum mc_obstacle mc_engine_obstacle(const struct mc_engine *engine);

/* With MC_INPUT_HELD: DNS has answered for all domains so far. */
bool mc_engine_dns_done(const struct mc_engine *engine);
/* With MC_INPUT_HELD, after that: of the addresses that wait for a probe, `count` drawn at random
 * (of each provider its share) go on waiting, the others are settled as not_probed. Returns how
 * many waited. */
uint64_t mc_engine_sample(struct mc_engine *engine, uint64_t count);

struct mc_engine_counts {
    uint64_t addresses, domains, settled;
    uint64_t dns_questions, sessions, recipients, controls;
    uint64_t in_dns, in_probe, in_greylist; /* what the unsettled ones wait for */
    int64_t next_retry_ms, last_retry_ms;   /* until these greylist retries; -1: none */
    uint32_t open_connections;
};
void mc_engine_count(const struct mc_engine *engine, struct mc_engine_counts *counts);

/* Addresses that wait for a probe, by provider: for --plan. */
struct mc_plan_line {
    const struct mc_provider *provider;
    uint64_t addresses, domains;
    uint64_t most; /* addresses of one domain */
};
/* Calls `each` once a provider. */
void mc_engine_plan(struct mc_engine *engine,
                    void (*each)(void *arg, const struct mc_plan_line *line), void *arg);

#endif
