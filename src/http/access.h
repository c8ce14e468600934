/* Who asks, what he may ask, and how often. Owns the keys (hashed, from a file), the buckets of
 * clients, the lists of trusted proxies and origins. Never logs, never sees an answer. The clock is
 * an argument.
 *
 * Three kinds of callers. With a key: everything, at the key's rate and within its day's budget.
 * Without, a stranger: syntax and DNS only, at the rate of a client address (an IPv6 /64); so
 * nobody finds out mailboxes through us who was not let in. And this host's own programs, where
 * there is no file of keys: everything. Those connect from loopback to a name of loopback, were not
 * passed on by a proxy and not sent by some web page; else anybody's browser could be made to ask
 * for him. */
#ifndef MC_HTTP_ACCESS_H
#define MC_HTTP_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_server.h"
#include "mailcheck.h"

struct mc_access;

struct mc_access_options {
    const char *keys;            /* a file, or NULL */
    const char *trusted_proxies; /* "ADDR[/BITS],..." or NULL: whose X-Forwarded-For is believed */
    const char *origins;         /* "https://shop.example,..." or "*", or NULL */
    uint32_t rate;               /* addresses a minute of a client without key; 0: no limit */
};

/* NULL and a sentence in `error` on options that make no sense. */
struct mc_access *mc_access_new(const struct mc_access_options *options, char *error,
                                size_t error_size);
void mc_access_free(struct mc_access *access);

/* Reads the file of keys again; what was used of the budgets stays. False and a sentence in
 * `error`: the old ones stay. */
bool mc_access_reload(struct mc_access *access, char *error, size_t error_size);

struct mc_caller {
    enum mc_caller_kind {
        MC_CALLER_ANYBODY,
        MC_CALLER_KEY,
        MC_CALLER_LOCAL,
        MC_CALLER_REFUSED
    } kind;
    uint32_t key, keys;           /* MC_CALLER_KEY: which, of which reading of the file */
    struct mc_http_peer client;   /* who is behind the proxy */
    enum mailcheck_depth deepest; /* he may ask for */
};
/* MC_CALLER_REFUSED: a key that is none of ours, or an empty one, and nothing may be told. */
void mc_access_identify(const struct mc_access *access, const struct mc_http_request *request,
                        const struct mc_http_peer *peer, struct mc_caller *caller);

/* So many addresses are asked about. 0: go on; else the seconds after which to come back. */
uint32_t mc_access_spend(struct mc_access *access, const struct mc_caller *caller,
                         uint32_t addresses, int64_t now_ms, int64_t wall_clock);

/* The name of the caller's key, for logs; "-" where he has none, or it was read before the file was
 * read again. */
const char *mc_access_key_name(const struct mc_access *access, const struct mc_caller *caller);

/* May a page of this origin read our answers? */
bool mc_access_origin(const struct mc_access *access, struct mc_span origin);

/* Makes a key, adds its hash to the file (made where it is missing, for the owner alone) and writes
 * the key to `key` (MC_KEY_TEXT bytes). False and a sentence in `error` on failure. */
#define MC_KEY_TEXT 48
bool mc_access_make_key(const char *file, const char *name, char *key, char *error,
                        size_t error_size);

#endif
