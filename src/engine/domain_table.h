/* Every unique domain of a run: what the lists and DNS say of it, its two lanes of addresses, and
 * what was proved. Plain records named by index; the engine decides what happens to them. */
#ifndef MC_ENGINE_DOMAIN_TABLE_H
#define MC_ENGINE_DOMAIN_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest_map.h"
#include "base/hash.h"
#include "base/memory.h"
#include "engine/address_table.h"
#include "engine/evidence.h"

enum mc_domain_state {
    MC_DOMAIN_NEW,    /* nobody has asked DNS: syntax and lists are enough */
    MC_DOMAIN_ASKING, /* the MX question is out */
    MC_DOMAIN_KNOWN,  /* `reason` says what came of it */
};

/* Addresses that can share a transaction: those that need SMTPUTF8 go apart, since an MX that does
 * not offer it is no use to them. A lane's number is domain * 2 + kind. */
enum { MC_LANE_PLAIN, MC_LANE_UTF8, MC_LANES };

struct mc_domain {
    /* what every domain needs, in the first 64 bytes: of millions, each line counts */
    uint32_t name;                      /* in the arena */
    uint32_t suggestion;                /* in the arena; 0: none */
    uint32_t best_host;                 /* a host of no use, by name in the arena; 0: none */
    uint32_t detail;                    /* DNS evidence, in the arena */
    uint32_t created_ms, last_added_ms; /* since the start of the run */
    struct mc_address_queue waiting[MC_LANES];
    uint32_t set[MC_LANES]; /* MX hosts left to ask, see mc_mx_sets; MC_NONE: none */
    uint32_t recalled_at;   /* the outcome is the store's, of that time; 0: DNS's, or not known */
    uint16_t provider;      /* of the best host, for mc_lists_provider_at; 0: none of the list */
    uint8_t state, reason;
    uint8_t ended[MC_LANES]; /* set is MC_NONE: the reason for all of the lane */
    struct mc_proof proof;
    uint8_t stored_proof; /* what the store has of `proof`, in its bits */
    bool disposable : 1, free : 1, control_timed : 1, doubtful : 1;
    bool asked : 1;         /* the MX question is out, or waits to be */
    bool recalled : 1;      /* best_host is the store's */
    bool noted : 1;         /* the store has the outcome of this run */
    bool served_before : 1; /* the store knows of mailboxes that its servers spoke of */
    /* what only a probe needs */
    uint8_t control_waits, control_losses;
    uint8_t denials;              /* recipients told that `denied_by` does not serve the domain */
    struct mc_address_queue held; /* accepted or doubted: proof is missing */
    uint32_t under_way;           /* addresses with the prober, or waiting to be asked again */
    uint32_t denied_by;           /* MX host, or MC_NONE */
    uint32_t served_by;           /* MX host that spoke of a mailbox of the domain, or MC_NONE */
    uint32_t ended_at;            /* the address whose answer decided `ended`, or MC_NONE */
    uint32_t known_good;          /* 1 + an address that the store says was accepted; 0: none */
};

struct mc_domain_table {
    struct mc_domain *domains;
    size_t count, room;
    struct mc_arena names;
    struct mc_digest_map index; /* number + 1 */
};

/* About so many will come. To be called first. */
void mc_domain_table_expect(struct mc_domain_table *table, size_t domains);
/* By what a domain is found; fetches what the next two will look at. */
struct mc_hash128 mc_domain_table_hash(struct mc_domain_table *table, struct mc_span name);
uint32_t mc_domain_table_add(struct mc_domain_table *table, struct mc_hash128 hash,
                             struct mc_span name, bool *is_new);
/* MC_NONE where it is not there. */
uint32_t mc_domain_table_find(struct mc_domain_table *table, struct mc_hash128 hash);
struct mc_span mc_domain_table_name(const struct mc_domain_table *table, uint32_t domain);
void mc_domain_table_free(struct mc_domain_table *table);

/* What the lists say of a domain by its best MX host. */
struct mc_host_facts {
    uint16_t provider; /* for mc_lists_provider_at */
    bool disposable, known;
};

/* Interned lists of MX hosts, best preference first. */
struct mc_mx_sets {
    struct mc_mx_set {
        uint32_t first, count; /* into entries */
        uint32_t route;        /* the prober's; MC_NONE: not made yet */
        struct mc_host_facts facts;
    } * sets;
    size_t count, room;
    struct mc_mx_entry *entries;
    size_t entry_count, entry_room;
    struct mc_index index;
};

/* MC_NONE for an empty list. */
uint32_t mc_mx_sets_add(struct mc_mx_sets *sets, const struct mc_mx_entry *entries, size_t count);
/* The set without `host`; MC_NONE where nothing is left. */
uint32_t mc_mx_sets_without(struct mc_mx_sets *sets, uint32_t set, uint32_t host);
void mc_mx_sets_free(struct mc_mx_sets *sets);

#endif
