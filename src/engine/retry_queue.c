#include "engine/retry_queue.h"

#include "base/memory.h"

static struct mc_retry *first(const struct mc_retry_fifo *fifo)
{
    return fifo->count ? &fifo->entries[fifo->head] : NULL;
}

void mc_retry_add(struct mc_retry_queue *queue, size_t delay, struct mc_retry retry)
{
    MC_ASSERT(delay < MC_RETRY_DELAYS);
    struct mc_retry_fifo *fifo = &queue->fifos[delay];
    if (fifo->count == fifo->room) {
        size_t room = fifo->room ? fifo->room * 2 : 64;
        struct mc_retry *entries = mc_malloc(room * sizeof *entries);
        for (size_t i = 0; i < fifo->count; i++)
            entries[i] = fifo->entries[(fifo->head + i) % fifo->room];
        free(fifo->entries);
        fifo->entries = entries;
        fifo->room = room;
        fifo->head = 0;
    }
    fifo->entries[(fifo->head + fifo->count++) % fifo->room] = retry;
}

bool mc_retry_take(struct mc_retry_queue *queue, int64_t now_ms, struct mc_retry *retry)
{
    for (size_t i = 0; i < MC_RETRY_DELAYS; i++) {
        struct mc_retry_fifo *fifo = &queue->fifos[i];
        const struct mc_retry *head = first(fifo);
        if (!head || head->due_ms > now_ms)
            continue;
        *retry = *head;
        fifo->head = (fifo->head + 1) % fifo->room;
        fifo->count--;
        return true;
    }
    return false;
}

int64_t mc_retry_next_ms(const struct mc_retry_queue *queue)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < MC_RETRY_DELAYS; i++) {
        const struct mc_retry *head = first(&queue->fifos[i]);
        if (head && head->due_ms < next)
            next = head->due_ms;
    }
    return next;
}

int64_t mc_retry_last_ms(const struct mc_retry_queue *queue)
{
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < MC_RETRY_DELAYS; i++) {
        const struct mc_retry_fifo *fifo = &queue->fifos[i];
        if (!fifo->count)
            continue;
        int64_t due_ms = fifo->entries[(fifo->head + fifo->count - 1) % fifo->room].due_ms;
        if (due_ms > last)
            last = due_ms;
    }
    return last;
}

size_t mc_retry_count(const struct mc_retry_queue *queue)
{
    size_t count = 0;
    for (size_t i = 0; i < MC_RETRY_DELAYS; i++)
        count += queue->fifos[i].count;
    return count;
}

void mc_retry_free(struct mc_retry_queue *queue)
{
    for (size_t i = 0; i < MC_RETRY_DELAYS; i++)
        free(queue->fifos[i].entries);
    *queue = (struct mc_retry_queue){0};
}
