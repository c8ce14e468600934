/* Every unique address of a run, as 48-byte records named by index, and the dedupe over them.
 * Owns the local parts. Knows nothing of what is done with an address. */
#ifndef MC_ENGINE_ADDRESS_TABLE_H
#define MC_ENGINE_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "address/parse.h"
#include "base/hash.h"
#include "base/memory.h"

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

struct mc_address_record {
    uint64_t reply; /* in the reply log; 0: none */
    uint32_t domain;
    uint32_t local; /* in the arena */
    uint32_t next;  /* link of the one queue it is in */
    uint32_t first_row;
    uint32_t host; /* MX host asked, or MC_NONE; `recalled`: its name, in the domains' arena */
    uint32_t peer; /* that answered last, or MC_NONE */
    uint32_t checked_at;
    uint8_t state;
    uint8_t reason, source;
    uint8_t waits, losses;  /* greylist waits used, sessions lost under it */
    uint8_t change, nights; /* enum mc_change; nights running that it is unknown */
    bool role : 1, utf8 : 1, backup : 1;
    bool known : 1;    /* the store has a row of it */
    bool recalled : 1; /* settled by the store */
};

struct mc_address_table {
    struct mc_address_record *records;
    size_t count, room;
    struct mc_arena locals;
    struct mc_index index;
};

/* A first-in first-out list through `next`. {MC_NONE, MC_NONE} is empty. */
struct mc_address_queue {
    uint32_t head, tail;
};
#define MC_ADDRESS_QUEUE_EMPTY ((struct mc_address_queue){MC_NONE, MC_NONE})

/* The record of (local, domain), ASCII case of the local part aside, made where there is none. */
uint32_t mc_address_table_add(struct mc_address_table *table, struct mc_span local, uint32_t domain,
                              bool *is_new);
struct mc_span mc_address_table_local(const struct mc_address_table *table, uint32_t address);
void mc_address_table_free(struct mc_address_table *table);

void mc_address_queue_push(struct mc_address_table *table, struct mc_address_queue *queue,
                           uint32_t address);
/* MC_NONE where it is empty. */
uint32_t mc_address_queue_pop(struct mc_address_table *table, struct mc_address_queue *queue);

#endif
