#include "fake_loop.h"

#include "base/memory.h"

/* An armed timer: `order` breaks ties, so that equal times fire in the order they were set. */
struct armed {
    struct mc_timer *timer;
    uint64_t order;
    size_t at; /* its place in the heap */
};

struct handler {
    int number;
    void (*caught)(void *arg, int number);
    void *arg;
};

struct mc_loop {
    int64_t now_ms;
    uint64_t orders;
    struct armed **heap;
    size_t count, room;
    struct mc_watch **watches;
    int *fds, *whats;
    size_t watch_count, watch_room, fd_room, what_room;
    struct handler handlers[8];
    size_t handler_count;
};

struct mc_loop *mc_loop_new(void)
{
    struct mc_loop *loop = mc_calloc(1, sizeof *loop);
    loop->now_ms = SIM_START_MS;
    return loop;
}

void mc_loop_free(struct mc_loop *loop)
{
    if (!loop)
        return;
    for (size_t i = 0; i < loop->count; i++)
        free(loop->heap[i]);
    free(loop->heap);
    free(loop->watches);
    free(loop->fds);
    free(loop->whats);
    free(loop);
}

int64_t mc_loop_now_ms(const struct mc_loop *loop)
{
    return loop->now_ms;
}

void mc_loop_refresh_now(struct mc_loop *loop)
{
    (void)loop;
}

int64_t mc_loop_wait_ms(struct mc_loop *loop)
{
    int64_t next_ms = sim_loop_next_ms(loop);
    return next_ms == INT64_MAX ? -1 : next_ms - loop->now_ms;
}

/* Nothing real waits for a fake loop. */
int mc_loop_fd(const struct mc_loop *loop)
{
    (void)loop;
    return -1;
}

bool mc_loop_be_guest(struct mc_loop *loop, struct event_base *base, void (*turn)(void *arg),
                      void *arg)
{
    (void)loop, (void)base, (void)turn, (void)arg;
    return false;
}

void mc_loop_guest_wait(struct mc_loop *loop, int wait_ms)
{
    (void)loop, (void)wait_ms;
}

struct event_base *mc_loop_base(struct mc_loop *loop)
{
    (void)loop;
    return NULL;
}

/* The heap of armed timers */

static bool sooner(const struct armed *a, const struct armed *b)
{
    if (a->timer->at_ms != b->timer->at_ms)
        return a->timer->at_ms < b->timer->at_ms;
    return a->order < b->order;
}

static void place(struct mc_loop *loop, struct armed *armed, size_t at)
{
    loop->heap[at] = armed;
    armed->at = at;
}

static void sift(struct mc_loop *loop, size_t at)
{
    struct armed *armed = loop->heap[at];
    while (at > 0 && sooner(armed, loop->heap[(at - 1) / 2])) {
        place(loop, loop->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < loop->count && sooner(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (child >= loop->count || !sooner(loop->heap[child], armed))
            break;
        place(loop, loop->heap[child], at);
        at = child;
    }
    place(loop, armed, at);
}

void mc_timer_init(struct mc_timer *timer, struct mc_loop *loop, void (*fire)(void *), void *arg)
{
    *timer = (struct mc_timer){.loop = loop, .fire = fire, .arg = arg};
}

void mc_timer_set(struct mc_timer *timer, int64_t at_ms)
{
    struct mc_loop *loop = timer->loop;
    mc_timer_cancel(timer);
    /* what is past is due now, and after what was due before it */
    timer->at_ms = at_ms > loop->now_ms ? at_ms : loop->now_ms;
    struct armed *armed = mc_malloc(sizeof *armed);
    *armed = (struct armed){.timer = timer, .order = ++loop->orders};
    timer->event = armed;
    loop->heap = mc_grow(loop->heap, loop->count, &loop->room, sizeof(struct armed *));
    place(loop, armed, loop->count++);
    sift(loop, armed->at);
}

void mc_timer_cancel(struct mc_timer *timer)
{
    struct armed *armed = timer->event;
    struct mc_loop *loop = timer->loop;
    if (!armed)
        return;
    MC_ASSERT(armed->timer == timer && loop->heap[armed->at] == armed);
    timer->event = NULL;
    struct armed *last = loop->heap[--loop->count];
    if (last != armed) {
        place(loop, last, armed->at);
        sift(loop, last->at);
    }
    free(armed);
}

/* Turns */

/* Fires what was due when the turn began; what is set in it for now waits for the next. */
static void serve(struct mc_loop *loop)
{
    uint64_t before = loop->orders;
    while (loop->count && loop->heap[0]->timer->at_ms <= loop->now_ms &&
           loop->heap[0]->order <= before) {
        struct mc_timer *timer = loop->heap[0]->timer;
        mc_timer_cancel(timer);
        timer->fire(timer->arg);
    }
}

int64_t sim_loop_next_ms(const struct mc_loop *loop)
{
    return loop->count ? loop->heap[0]->timer->at_ms : INT64_MAX;
}

size_t sim_loop_timers(const struct mc_loop *loop)
{
    return loop->count;
}

bool mc_loop_run(struct mc_loop *loop, int timeout_ms)
{
    if (!loop->count && !loop->watch_count)
        return false;
    int64_t next_ms = sim_loop_next_ms(loop);
    int64_t end_ms = timeout_ms < 0 ? INT64_MAX : loop->now_ms + timeout_ms;
    /* a real loop would sleep for ever */
    MC_ASSERT(next_ms != INT64_MAX || end_ms != INT64_MAX);
    if (next_ms > end_ms)
        next_ms = end_ms;
    if (next_ms > loop->now_ms)
        loop->now_ms = next_ms;
    serve(loop);
    return true;
}

void sim_loop_advance(struct mc_loop *loop, int64_t ms)
{
    int64_t end_ms = loop->now_ms + ms;
    while (sim_loop_next_ms(loop) <= end_ms) {
        if (sim_loop_next_ms(loop) > loop->now_ms)
            loop->now_ms = sim_loop_next_ms(loop);
        serve(loop);
    }
    loop->now_ms = end_ms;
}

bool sim_loop_run_dry(struct mc_loop *loop, int64_t limit_ms)
{
    int64_t end_ms = loop->now_ms + limit_ms;
    while (loop->count && sim_loop_next_ms(loop) <= end_ms)
        mc_loop_run(loop, -1);
    return !loop->count;
}

/* Descriptors: numbers only */

void mc_watch_start(struct mc_watch *watch, struct mc_loop *loop, int fd, int what,
                    void (*ready)(void *arg, int fd, int what), void *arg)
{
    size_t n = loop->watch_count;
    loop->watches = mc_grow(loop->watches, n, &loop->watch_room, sizeof(struct mc_watch *));
    loop->fds = mc_grow(loop->fds, n, &loop->fd_room, sizeof(int));
    loop->whats = mc_grow(loop->whats, n, &loop->what_room, sizeof(int));
    *watch = (struct mc_watch){.loop = loop, .ready = ready, .arg = arg, .event = watch};
    loop->watches[n] = watch;
    loop->fds[n] = fd;
    loop->whats[n] = what;
    loop->watch_count++;
}

void mc_watch_stop(struct mc_watch *watch)
{
    struct mc_loop *loop = watch->loop;
    if (!watch->event)
        return;
    watch->event = NULL;
    size_t i = 0, last = --loop->watch_count;
    while (loop->watches[i] != watch)
        i++;
    loop->watches[i] = loop->watches[last];
    loop->fds[i] = loop->fds[last];
    loop->whats[i] = loop->whats[last];
}

void mc_watch_close(struct mc_watch *watch)
{
    mc_watch_stop(watch);
}

bool sim_loop_ready(struct mc_loop *loop, int fd, int what)
{
    for (size_t i = 0; i < loop->watch_count; i++) {
        int wanted =
            loop->whats[i] & MC_WATCH_EDGE ? loop->whats[i] | MC_WATCH_HANGUP : loop->whats[i];
        if (loop->fds[i] != fd || !(wanted & what))
            continue;
        loop->watches[i]->ready(loop->watches[i]->arg, fd, wanted & what);
        return true;
    }
    return false;
}

/* Signals */

void mc_loop_on_signal(struct mc_loop *loop, int number, void (*caught)(void *arg, int number),
                       void *arg)
{
    MC_ASSERT(loop->handler_count < MC_ARRAY_LEN(loop->handlers));
    loop->handlers[loop->handler_count++] = (struct handler){number, caught, arg};
}

void sim_loop_signal(struct mc_loop *loop, int number)
{
    for (size_t i = 0; i < loop->handler_count; i++)
        if (loop->handlers[i].number == number)
            loop->handlers[i].caught(loop->handlers[i].arg, number);
}
