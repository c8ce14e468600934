/* Rulings already made in this run: a server refuses a hundred recipients in the same words, and
 * reading them costs more than everything else about a recipient.
 *
 * Says what mc_classify says, always; where that is not certain without reading, it reads. And it
 * gives the wording a number, so that whoever keeps replies can keep each wording once. */
#ifndef MC_SMTP_RULING_MEMO_H
#define MC_SMTP_RULING_MEMO_H

#include <stdint.h>

#include "verdict/classify.h"

#define MC_RULING_MEMO_SIZE 256 /* a power of two */

struct mc_ruling_memo {
    struct mc_ruling_memo_slot {
        uint64_t key; /* 0: empty */
        struct mc_ruling ruling;
    } slots[MC_RULING_MEMO_SIZE];
};

/* `*wording`: two replies with the same one (not 0) came at the same stage with the same code, and
 * their texts are the same byte for byte once each has its recipient's address, as it was sent,
 * replaced by a mark wherever it stands. */
struct mc_ruling mc_ruling_memo(struct mc_ruling_memo *memo, enum mc_stage stage,
                                const struct mc_reply *reply, struct mc_span provider,
                                const struct mc_ours *ours, uint64_t *wording);

#endif
