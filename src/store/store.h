/* The memory between runs: one SQLite file that several processes may use at once.
 *
 * Three layers, each with a life of its own: a domain and what DNS said of it, with the proof that
 * it tells mailboxes apart; a mail server and what was learned of it; an address and what was
 * answered about it. What any of it is worth says
 * store/rules.h; this room keeps and finds it. Never decides a verdict, never asks the network,
 * never reads a clock but for the lock of SQLite.
 *
 * What is put is written with the next commit, in one transaction: a kill at any instant loses what
 * came after the last commit and nothing else. The first failure sticks: mc_store_error says it,
 * and from then on nothing is found nor written. */
#ifndef MC_STORE_STORE_H
#define MC_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/span.h"
#include "store/rules.h"
#include "verdict/verdict.h"

struct mc_store;

struct mc_store_options {
    const char *path;
    bool hashed;     /* a new file keeps keyed hashes instead of addresses */
    bool must_exist; /* make none */
};

/* Opens the file, makes it (mode 0600) and its folder where they are missing, brings an older
 * schema up to date. NULL and a sentence in `error` on failure. */
struct mc_store *mc_store_open(const struct mc_store_options *options, char *error,
                               size_t error_size);
/* Writes what is pending first. NULL is fine. */
void mc_store_close(struct mc_store *store);

/* Why it is of no use any more, or NULL. */
const char *mc_store_error(const struct mc_store *store);

/* So many addresses will be looked up: a big number is worth reading the whole file in order. */
void mc_store_expect(struct mc_store *store, uint64_t lookups);

/* The whole file is in memory: to find something again costs next to nothing. */
bool mc_store_is_loaded(const struct mc_store *store);

/* Addresses. `local` counts without ASCII case. Spans that come out live until the next call. */
bool mc_store_get(struct mc_store *store, struct mc_span local, struct mc_span domain,
                  struct mc_known *known);
void mc_store_put(struct mc_store *store, struct mc_span local, struct mc_span domain,
                  const struct mc_news *news);

/* What a delivery report says of an address (see rules.h). `report` tells it from others: the same
 * one counts once, however often it is read. */
void mc_store_put_bounce(struct mc_store *store, struct mc_span local, struct mc_span domain,
                         const struct mc_news *news, uint64_t report);
#define MC_STORE_RULES 32

/* Of what was put that way and written since the store was opened: how much was new, and how often
 * it proved a `deliverable` of ours wrong, by which rules (the first so many; the rest go uncounted
 * there). */
struct mc_store_feedback {
    uint64_t taken, misjudged;
    struct {
        const char *rule; /* NULL: none yet */
        uint64_t count;
    } by_rule[MC_STORE_RULES];
};
struct mc_store_feedback mc_store_feedback(const struct mc_store *store);

enum { MC_STORE_PROOF_BEST = 1, MC_STORE_PROOF_BACKUP = 2, MC_STORE_PROOF_CATCH_ALL = 4 };

struct mc_store_domain {
    enum mc_reason outcome;           /* of DNS; accepted: it has mail servers */
    int64_t outcome_at;               /* 0: not asked; what was known of it and of the host stays */
    unsigned proof;                   /* bits */
    int64_t proof_at;                 /* 0: nothing new; what was known stays */
    struct mc_span best_host, detail; /* the MX host, the DNS evidence; borrowed */
};
bool mc_store_get_domain(struct mc_store *store, struct mc_span name,
                         struct mc_store_domain *domain);
void mc_store_put_domain(struct mc_store *store, struct mc_span name,
                         const struct mc_store_domain *domain);

/* Is it worth reading the file once, in order, for so many lookups? Never for a hashed one, whose
 * keys tell nobody whose they are. */
bool mc_store_scan_pays(const struct mc_store *store, uint64_t lookups);
/* All of it, the domains first, each in the order of the keys. Spans live during the call; in
 * `smtp` and `detail` a byte 1 stands for the address. Mail servers come as numbers: most rows are
 * met with no need for the name. False: see mc_store_error. */
struct mc_store_scan {
    void *arg;
    void (*domain)(void *arg, struct mc_span name, const struct mc_store_domain *domain,
                   uint32_t best_host);
    /* what is known of the address is in `known`, but for the name of its mail server; `is_first`:
     * of its domain */
    void (*address)(void *arg, struct mc_span local, struct mc_span domain, uint32_t host,
                    bool is_first);
    struct mc_known *known; /* for the next row; may be another one from call to call */
};
bool mc_store_scan(struct mc_store *store, struct mc_store_scan *scan);
/* During a scan: the name of that number, "" where it has none; and what fetches where it stands
 * for whoever asks for it a little later: first the one, then the other. */
struct mc_span mc_store_host_name(const struct mc_store *store, uint32_t number);
void mc_store_fetch_host(const struct mc_store *store, uint32_t number);
void mc_store_fetch_host_name(const struct mc_store *store, uint32_t number);

/* What was learned of a mail server (its address) or a provider (its id), as it looked from
 * `origin`: a hash of our own address and names, since others may be treated otherwise. */
struct mc_store_peer {
    int64_t learned_at;
    struct mc_span habits; /* the owner's encoding, at most 32 bytes; borrowed */
    int64_t out_until;     /* not to be asked until then, since ... */
    enum mc_reason out_reason;
    struct mc_span out_line; /* ... that was said; borrowed */
    int64_t day_at;          /* when the day began in which so many recipients ... */
    uint32_t asked;          /* ... were asked */
};
bool mc_store_get_peer(struct mc_store *store, struct mc_span name, uint32_t origin,
                       struct mc_store_peer *peer);
void mc_store_put_peer(struct mc_store *store, struct mc_span name, uint32_t origin,
                       const struct mc_store_peer *peer);

/* A moment that is kept by name, at once: 0 where there is none, and to remove it; not where
 * another process keeps the file busy. False: see mc_store_error. */
int64_t mc_store_mark(struct mc_store *store, const char *name);
bool mc_store_set_mark(struct mc_store *store, const char *name, int64_t moment);

/* A hash that is the same in every process. */
uint64_t mc_store_hash(struct mc_span text, uint64_t seed);

/* What was put and is not written yet. */
size_t mc_store_pending(const struct mc_store *store);
/* Writes it. Where another process keeps the file busy it stays pending, and true is returned
 * unless `last`, which waits a minute. False: see mc_store_error. */
bool mc_store_commit(struct mc_store *store, bool last);

/* ---- for people: `mailcheck store` ---- */

struct mc_store_stats {
    uint64_t addresses, domains, hosts, bytes;
    uint64_t by_reason[MC_REASON_COUNT]; /* of the last answer that decided */
    uint64_t undecided;                  /* only ever unknown */
    uint64_t complained, reports;        /* who called our mail spam; delivery reports taken in */
    int64_t oldest, newest;
    bool hashed;
    int schema;
};
bool mc_store_stats(struct mc_store *store, struct mc_store_stats *stats);
/* All of an address, or with `local` empty all of a domain. How many rows of addresses went. Traces
 * stay in the file until mc_store_scrub, which writes it anew. */
bool mc_store_forget(struct mc_store *store, struct mc_span local, struct mc_span domain,
                     uint64_t *gone);
bool mc_store_scrub(struct mc_store *store);
/* What was not asked about since `before`, and what nothing refers to any more. */
bool mc_store_prune(struct mc_store *store, int64_t before, uint64_t *gone);
/* How good our own `deliverable` has proved: for each MX host how many addresses it has made
 * deliverable that are so still, and how many came back since, by the reason of the bounce. One
 * call a host for the first (reason `accepted`), one a host and reason for the others. */
bool mc_store_precision(struct mc_store *store,
                        void (*each)(void *arg, struct mc_span host, enum mc_reason reason,
                                     uint64_t count),
                        void *arg);
/* Calls `each` for every address in the order of the file; `key` is "domain@local", or its hash in
 * hexadecimal. False where `each` returned false or the file could not be read. */
bool mc_store_each(struct mc_store *store,
                   bool (*each)(void *arg, struct mc_span key, const struct mc_known *known),
                   void *arg);

#endif
