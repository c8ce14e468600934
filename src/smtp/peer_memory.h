/* What is worth knowing of a mail server in the next run: how it wants to be spoken to, what it
 * bears, that it does not answer or that its house refuses us, how much of the day's budget is
 * spent. Plain data, times by the loop's clock; who keeps it, and how long, is the owner's affair.
 *
 * It never holds anything that could speak against a mailbox. */
#ifndef MC_SMTP_PEER_MEMORY_H
#define MC_SMTP_PEER_MEMORY_H

#include "base/text.h"
#include "smtp/peer_table.h"

struct mc_peer_memory {
    struct mc_habits habits; /* no_smtputf8 left out */
    uint16_t cap;            /* connections it bears; 0: not known */
    bool out;                /* not to be asked now, since ... */
    bool refuses_us;         /* ... it or its house blocks us; else it did not answer */
    enum mc_reason reason;
    struct mc_span line; /* what was said; borrowed */
    int64_t day_ms;      /* when the day began in which ... */
    uint32_t asked;      /* ... so many recipients were asked; 0: none */
};

/* Where a listed provider goes by its id, any other server by its address. */
#define MC_PEER_NAME_MAX 64
struct mc_span mc_peer_name(const struct mc_peers *peers, uint32_t peer, char *out);

/* What is to be kept of a server, or of the house it belongs to. `line` is in `scratch`. */
void mc_peer_memory_of(const struct mc_peers *peers, uint32_t peer, struct mc_text *scratch,
                       struct mc_peer_memory *memory);
void mc_house_memory_of(const struct mc_house *house, struct mc_text *scratch,
                        struct mc_peer_memory *memory);

/* The same for the same; 0 for one that says nothing. */
uint64_t mc_peer_memory_hash(const struct mc_peer_memory *memory);

/* A new record takes over what is remembered. */
void mc_peer_remember(struct mc_peers *peers, uint32_t peer, const struct mc_peer_memory *memory);
void mc_house_remember(const struct mc_peers *peers, struct mc_house *house,
                       const struct mc_peer_memory *memory);

#endif
