#include "smtp/batch.h"

#include "base/memory.h"

/* A new item with room for an address of this length. */
static struct mc_batch_item *add(struct mc_batch *batch, uint32_t id, uint32_t lane, size_t len)
{
    MC_ASSERT(len <= UINT16_MAX);
    batch->items = mc_grow(batch->items, batch->count, &batch->room, sizeof *batch->items);
    struct mc_batch_item *item = &batch->items[batch->count++];
    *item = (struct mc_batch_item){
        .id = id, .lane = lane, .text = (uint32_t)batch->text.len, .len = (uint16_t)len};
    mc_text_reserve(&batch->text, len);
    batch->text.len += len;
    return item;
}

struct mc_batch_item *mc_batch_add(struct mc_batch *batch, uint32_t id, uint32_t lane,
                                   struct mc_span local, struct mc_span domain)
{
    struct mc_batch_item *item = add(batch, id, lane, local.len + 1 + domain.len);
    char *at = batch->text.at + item->text;
    memcpy(at, local.at, local.len);
    at[local.len] = '@';
    memcpy(at + local.len + 1, domain.at, domain.len);
    return item;
}

struct mc_span mc_batch_address(const struct mc_batch *batch, const struct mc_batch_item *item)
{
    return mc_span(batch->text.at + item->text, item->len);
}

void mc_batch_copy(struct mc_batch *to, const struct mc_batch *from,
                   const struct mc_batch_item *item)
{
    struct mc_batch_item *copy = add(to, item->id, item->lane, item->len);
    memcpy(to->text.at + copy->text, from->text.at + item->text, item->len);
    copy->tries = item->tries;
    copy->needs_smtputf8 = item->needs_smtputf8;
    copy->is_control = item->is_control;
}

void mc_batch_settle_in(struct mc_batch *to, struct mc_batch *from)
{
    MC_ASSERT(!to->count && !to->items);
    if (from->count) {
        to->items = mc_malloc(from->count * sizeof *to->items);
        memcpy(to->items, from->items, from->count * sizeof *to->items);
        to->room = to->count = from->count;
        to->text.at = mc_malloc(from->text.len);
        memcpy(to->text.at, from->text.at, from->text.len);
        to->text.room = to->text.len = from->text.len;
    }
    mc_batch_drop(from, from->count);
}

/* The text of dropped items stays behind until the batch is empty; a session empties its batch
 * with nearly every window. */
static void forget_text_when_empty(struct mc_batch *batch)
{
    if (!batch->count)
        batch->text.len = 0;
}

void mc_batch_compact(struct mc_batch *batch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->items[i].asking == MC_ASKING_SETTLED)
            continue;
        batch->items[kept] = batch->items[i];
        batch->items[kept].asking = MC_ASKING_WAITING;
        batch->items[kept++].plan = 0;
    }
    batch->count = kept;
    forget_text_when_empty(batch);
}

void mc_batch_drop(struct mc_batch *batch, uint32_t count)
{
    MC_ASSERT(count <= batch->count);
    batch->count -= count;
    if (batch->count)
        memmove(batch->items, batch->items + count, batch->count * sizeof *batch->items);
    forget_text_when_empty(batch);
}

void mc_batch_free(struct mc_batch *batch)
{
    free(batch->items);
    mc_text_free(&batch->text);
    *batch = (struct mc_batch){0};
}
