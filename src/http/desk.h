/* Where questions come in and answers go out: the engine as something that never ends. One engine a
 * depth, all on the caller's loop; whoever asks what somebody else is waiting for waits with him.
 * Knows nothing of HTTP.
 *
 * A run of `clean` may remember for its whole length what DNS said and who blocks us; here that
 * would be for ever. So engines come in generations: after MC_DESK_FRESH_MS, or when an unknown
 * verdict is asked for again after MC_DESK_UNKNOWN_MS, the next moment without work under way ends
 * one and begins the next with empty tables. Where no such moment comes until MC_DESK_WORN_MS, it
 * is told to stop, which takes about a second, and what it had not answered is asked of the next.
 * Never are two alive at once: connection caps hold across the change, and what providers were
 * asked today and who wants to be left alone is passed on. Verdicts outlive it in the store.
 *
 * An answer is given when it is in the store, not before: what was said is not lost by a kill.
 *
 * Strangers are answered by engines of their own, which know neither store nor suppress list: what
 * is there is the owner's business. */
#ifndef MC_HTTP_DESK_H
#define MC_HTTP_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address/parse.h"
#include "engine/engine.h"
#include "loop/loop.h"
#include "mailcheck.h"
#include "verdict/verdict.h"

#define MC_DESK_FRESH_MS   (10 * 60 * 1000)
#define MC_DESK_WORN_MS    (30 * 60 * 1000)
#define MC_DESK_UNKNOWN_MS (60 * 1000)
#define MC_DESK_ADDRESSES  1000000 /* in one generation: some 100 MB */

struct mc_desk;
struct mc_office;

/* Somebody who waits; embedded in its owner. */
struct mc_waiter {
    /* From mc_desk_turn, once, with a verdict. `result` and its spans are lent. The waiter is
     * free again by then. */
    void (*answered)(void *arg, const struct mc_result *result);
    void *arg;
    struct mc_waiter *next, **link; /* private, and so is what follows */
    char *email;
    uint32_t address;
    struct mc_office *office;
};

/* Borrows `loop`, copies `options`, whose strings must outlive the desk. NULL and a sentence in
 * `error` on options that make no sense. */
struct mc_desk *mc_desk_new(struct mc_loop *loop, const struct mailcheck_options *options,
                            char *error, size_t error_size);
/* Nobody is called. */
void mc_desk_free(struct mc_desk *desk);

/* The deepest that can be asked for; a deeper question is asked no deeper. */
enum mailcheck_depth mc_desk_depth(const struct mc_desk *desk);

struct mc_desk_question {
    const struct mc_address *address;
    enum mailcheck_depth depth; /* a stranger's is MAILCHECK_DEPTH_DNS at most */
    bool is_strangers;
};
/* True: `result` is the verdict. False: it is what is known so far, and `waiter` (NULL: nobody)
 * waits. Spans live until the next call on the desk. */
bool mc_desk_ask(struct mc_desk *desk, const struct mc_desk_question *question,
                 struct mc_result *result, struct mc_waiter *waiter);
/* What is known so far of what he waits for. */
void mc_desk_so_far(struct mc_desk *desk, const struct mc_waiter *waiter, struct mc_result *result);
/* He waits no more and is not called; the work goes on. */
void mc_desk_leave(struct mc_desk *desk, struct mc_waiter *waiter);

/* After each turn of the loop. */
void mc_desk_turn(struct mc_desk *desk);
/* Stops probing, for good. */
void mc_desk_stop(struct mc_desk *desk);
/* Writes the last to the store. False and a sentence in `error` where that failed. */
bool mc_desk_keep(struct mc_desk *desk, char *error, size_t error_size);

/* Waiters. */
size_t mc_desk_waiting(const struct mc_desk *desk);

struct mc_desk_counts {
    uint64_t generations;                                   /* begun, of all depths */
    uint64_t dns_questions, sessions, recipients, controls; /* since the start */
    uint64_t addresses;                                     /* remembered now */
    uint32_t open_connections;
    const char *probe_impossible; /* a sentence, or NULL */
    bool store_failed;
};
void mc_desk_count(const struct mc_desk *desk, struct mc_desk_counts *counts);

#endif
