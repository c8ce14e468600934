/* Recipients in hand: taken from their owner, not yet answered. A batch travels from the route
 * that waits for a connection into the session that asks, and what was not asked travels back. */
#ifndef MC_SMTP_BATCH_H
#define MC_SMTP_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/text.h"

/* Where a recipient of a session stands. */
enum mc_asking {
    MC_ASKING_WAITING, /* not sent, or to be sent again */
    MC_ASKING_SENT,    /* RCPT was sent, its reply is awaited */
    MC_ASKING_VOID,    /* RCPT was sent behind a MAIL that was refused: its reply says nothing */
    MC_ASKING_AGAIN,   /* answered, but to be asked anew (452 4.5.3, STARTTLS first) */
    MC_ASKING_SETTLED, /* answered for good; whoever walks the batch skips it */
};

struct mc_batch_item {
    uint32_t id, lane;
    uint32_t text; /* where its address starts in the batch's text */
    uint16_t len;
    uint8_t asking; /* enum mc_asking */
    uint8_t plan;   /* which commands go before its RCPT (dialogue.c) */
    uint8_t tries;  /* sessions that were lost with it under way */
    bool needs_smtputf8 : 1;
    bool is_control : 1;
    bool is_witness : 1; /* accepted before, asked again by the prober itself (doubts.h) */
};

struct mc_batch {
    struct mc_batch_item *items;
    size_t room;
    uint32_t count;
    struct mc_text text;
};

/* Copies the spans. Returns the new item, valid until the next call. */
struct mc_batch_item *mc_batch_add(struct mc_batch *batch, uint32_t id, uint32_t lane,
                                   struct mc_span local, struct mc_span domain);
/* "local@domain" */
struct mc_span mc_batch_address(const struct mc_batch *batch, const struct mc_batch_item *item);

/* Appends one item of `from` as a waiting one, with its tries. */
void mc_batch_copy(struct mc_batch *to, const struct mc_batch *from,
                   const struct mc_batch_item *item);

/* Moves all items into an empty batch, in no more room than they need. `from` keeps its own, for
 * the next ones that are gathered there. */
void mc_batch_settle_in(struct mc_batch *to, struct mc_batch *from);

/* Drops the settled items; all others wait again. The order stays. */
void mc_batch_compact(struct mc_batch *batch);
/* Drops the first `count` items. */
void mc_batch_drop(struct mc_batch *batch, uint32_t count);

void mc_batch_free(struct mc_batch *batch);

#endif
