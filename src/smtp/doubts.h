/* Refusals in ambiguous words, kept until the same session shows what they are worth.
 *
 * "550 Rejected" may speak of the mailbox, or of us after one refusal too many: then everybody is
 * refused from there on, the living too. An acceptance that follows in the same session tells
 * them apart. Where none comes by itself, a recipient that the server accepted before (the
 * witness) is asked once more, last. Owned by the session; decides nothing. */
#ifndef MC_SMTP_DOUBTS_H
#define MC_SMTP_DOUBTS_H

#include <stddef.h>
#include <stdint.h>

#include "smtp/failure.h"

struct mc_doubt {
    uint32_t id, lane;
    struct mc_failure *reply;
};

struct mc_doubts {
    struct mc_doubt *items;
    size_t room;
    uint32_t count;
    bool witness_asked; /* since the last of them came */
};

void mc_doubts_add(struct mc_doubts *doubts, uint32_t id, uint32_t lane,
                   const struct mc_reply *reply, const struct mc_ruling *ruling);
void mc_doubts_free(struct mc_doubts *doubts);

#endif
