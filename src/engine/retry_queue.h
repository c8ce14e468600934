/* Who was told to come back, and when: one FIFO a delay, since equal delays need no heap. Plain
 * data; the clock is an argument. */
#ifndef MC_ENGINE_RETRY_QUEUE_H
#define MC_ENGINE_RETRY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MC_RETRY_DELAYS 8

struct mc_retry {
    uint32_t id; /* an address, or a domain whose control waits */
    bool control;
    int64_t due_ms;
};

struct mc_retry_queue {
    struct mc_retry_fifo {
        struct mc_retry *entries; /* a ring */
        size_t head, count, room;
    } fifos[MC_RETRY_DELAYS];
};

/* `delay`: which FIFO; all entries of one FIFO must be added in the order of `due_ms`. */
void mc_retry_add(struct mc_retry_queue *queue, size_t delay, struct mc_retry retry);
/* Takes one that is due at `now_ms`; false where none is. */
bool mc_retry_take(struct mc_retry_queue *queue, int64_t now_ms, struct mc_retry *retry);
/* When the next one is due; INT64_MAX where nobody waits. */
int64_t mc_retry_next_ms(const struct mc_retry_queue *queue);
/* When the last one is; INT64_MIN where nobody waits. */
int64_t mc_retry_last_ms(const struct mc_retry_queue *queue);
size_t mc_retry_count(const struct mc_retry_queue *queue);
void mc_retry_free(struct mc_retry_queue *queue);

#endif
