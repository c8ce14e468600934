#include "smtp/doubts.h"

#include <stdlib.h>

#include "base/memory.h"

void mc_doubts_add(struct mc_doubts *doubts, uint32_t id, uint32_t lane,
                   const struct mc_reply *reply, const struct mc_ruling *ruling)
{
    doubts->items = mc_grow(doubts->items, doubts->count, &doubts->room, sizeof *doubts->items);
    doubts->items[doubts->count++] =
        (struct mc_doubt){id, lane, mc_failure_of_reply(MC_STAGE_RCPT, reply, ruling)};
    doubts->witness_asked = false;
}

void mc_doubts_free(struct mc_doubts *doubts)
{
    for (uint32_t i = 0; i < doubts->count; i++)
        free(doubts->items[i].reply);
    free(doubts->items);
    *doubts = (struct mc_doubts){0};
}
