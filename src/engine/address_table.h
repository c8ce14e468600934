/* Every unique address of a run, as 28-byte records named by index, and the dedupe over them.
 * Owns the local parts. Knows nothing of what is done with an address. */
#ifndef MC_ENGINE_ADDRESS_TABLE_H
#define MC_ENGINE_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "address/parse.h"
#include "base/digest_map.h"
#include "base/hash.h"
#include "base/memory.h"
#include "verdict/verdict.h"

/* Where an address is. Each value says what it waits for. */
enum mc_address_state {
    MC_ADDRESS_QUEUED,  /* in its lane: for DNS, for a connection, for its turn */
    MC_ADDRESS_ASKING,  /* taken by the prober: for the server's reply */
    MC_ADDRESS_HELD,    /* accepted: for proof that the domain tells mailboxes apart */
    MC_ADDRESS_DOUBTED, /* refused in ambiguous words: for somebody else to be accepted there */
    MC_ADDRESS_DENIED,  /* told that the MX does not serve the domain: for another to hear it too */
    MC_ADDRESS_WAITING, /* told to come back: for its greylist wait */
    MC_ADDRESS_UNSURE,  /* no connection: for word whether port 25 is open from here at all */
    MC_ADDRESS_SETTLED,
};

/* There are millions of them: packed, since an 8-byte member would round their size up, and what
 * only matters before the verdict shares its place with what only matters after it. */
struct __attribute__((packed, aligned(4))) mc_address_record {
    uint32_t domain;
    uint32_t next; /* link of the one queue it is in */
    uint32_t host; /* MX host asked, or MC_NONE; `recalled`: its name, in the domains' arena */
    union {
        uint32_t peer;       /* not settled: that answered last, or MC_NONE */
        uint32_t checked_at; /* settled */
    };
    uint64_t reply : 48; /* in the reply log; 0: none. Set by mc_address_set_reply */
    uint8_t reason;
    uint8_t waits, losses; /* greylist waits used, sessions lost under it */
    uint8_t nights;        /* running, that it is unknown */
    enum mc_address_state state : 4;
    enum mc_source source : 4;
    enum mc_change change : 3;
    bool role : 1, utf8 : 1, backup : 1;
    bool known : 1;    /* the store has a row of it */
    bool recalled : 1; /* settled by the store */
};

static inline void mc_address_set_reply(struct mc_address_record *record, uint64_t reply)
{
    const uint64_t most = ((uint64_t)1 << 48) - 1;
    MC_ASSERT(reply <= most);
    record->reply = reply & most;
}

struct mc_address_table {
    struct mc_address_record *records;
    size_t count, room;
    struct mc_locals { /* local parts in the order of the records, each behind its length's byte */
        char *at;
        size_t len, room;
        uint32_t *starts; /* where the record's is that begins a block, see address_table.c */
        size_t start_count, start_room;
    } locals;
    struct mc_index index;
    struct mc_digest_map digests; /* number + 1; instead of the index where many will be sought */
    bool by_digest;
};

/* A first-in first-out list through `next`. {MC_NONE, MC_NONE} is empty. */
struct mc_address_queue {
    uint32_t head, tail;
};
#define MC_ADDRESS_QUEUE_EMPTY ((struct mc_address_queue){MC_NONE, MC_NONE})

/* The record of (local, domain), ASCII case of the local part aside, made where there is none. */
uint32_t mc_address_table_add(struct mc_address_table *table, struct mc_hash128 hash,
                              struct mc_span local, uint32_t domain, bool *is_new);
/* So many will come, and be sought again: whatever memory that takes. To be called first. */
void mc_address_table_expect(struct mc_address_table *table, uint64_t addresses);
/* By what a record is found. Of many, one after the other would wait for memory: so the hash first,
 * which fetches where the record is to be found. */
struct mc_hash128 mc_address_table_hash(struct mc_address_table *table, struct mc_span local,
                                        uint32_t domain);
/* The record, which is fetched as well, or MC_NONE; after mc_address_table_expect. */
uint32_t mc_address_table_find(struct mc_address_table *table, struct mc_hash128 hash);
/* Valid until an address is added. */
struct mc_span mc_address_table_local(const struct mc_address_table *table, uint32_t address);
void mc_address_table_free(struct mc_address_table *table);

void mc_address_queue_push(struct mc_address_table *table, struct mc_address_queue *queue,
                           uint32_t address);
/* MC_NONE where it is empty. */
uint32_t mc_address_queue_pop(struct mc_address_table *table, struct mc_address_queue *queue);

#endif
