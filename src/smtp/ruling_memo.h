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
#define MC_RULING_MEMO_TEXT 600 /* longer replies are rare, and read */

/* A reply without its recipient's address. Each text has its length before it: provider, our
 * address, then the pieces between which the recipient's stands. */
struct mc_ruling_memo_key {
    struct {
        uint16_t code, subject, detail;
        uint8_t class, stage;
    } head;
    char text[MC_RULING_MEMO_TEXT + 128];
};

struct mc_ruling_memo {
    struct mc_ruling_memo_slot {
        uint64_t key; /* 0: empty */
        struct mc_ruling ruling;
    } slots[MC_RULING_MEMO_SIZE];
    /* The last acceptance and the last refusal, whose words are likely to come again. */
    struct mc_ruling_memo_shape {
        uint64_t hash; /* 0: none */
        struct mc_ruling ruling;
        uint64_t
            pairs[16]; /* the pairs of letters that stand in its pieces, hashed: a set of bits */
        size_t pieces, len; /* where they begin in key.text, and end */
        struct mc_ruling_memo_key key;
    } shapes[2];
};

/* `*wording`: two replies with the same one (not 0) came at the same stage with the same code, and
 * their texts are the same byte for byte once each has its recipient's address, as it was sent,
 * replaced by a mark wherever it stands. */
struct mc_ruling mc_ruling_memo(struct mc_ruling_memo *memo, enum mc_stage stage,
                                const struct mc_reply *reply, struct mc_span provider,
                                const struct mc_ours *ours, uint64_t *wording);

#endif
