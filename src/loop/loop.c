/* The loop over libevent, which waits with epoll. The base has no locks: one thread.
 *
 * Edge-triggered descriptors, the thousands of short connections, live in an epoll set of our own
 * that libevent watches as one descriptor. It would cost each of them a second epoll_ctl, and it
 * does not pass on whether an error is waiting, without which every read needs another to see that
 * it was the last: 4% of the CPU of a session. */
#include "loop/loop.h"

#include <event2/event.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* A long time stands for "no limit" where libevent wants a number: a day. */
#define FAR_MS 86400000

enum { EDGES_A_TURN = 256 };

struct caught {
    struct caught *next;
    struct mc_loop *loop;
    void (*call)(void *arg, int number);
    void *arg;
    struct event *event;
};

struct mc_loop {
    struct event_base *base;
    int edges; /* the epoll set of the edge-triggered watches */
    struct event *edges_ready;
    struct epoll_event batch[EDGES_A_TURN];
    struct event *limit; /* ends a turn with a time-out */
    struct caught *signals;
    size_t waiting; /* timers set and descriptors watched */
    int64_t now_ms;
    bool now_is_fresh; /* read since this turn woke up */
};

/* libevent's own clock is the coarse one; two clocks would disagree on what is due. */
static void read_clock(struct mc_loop *loop)
{
    struct timespec now;
    MC_ASSERT(clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0);
    loop->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void woke_up(struct mc_loop *loop)
{
    if (!loop->now_is_fresh)
        read_clock(loop);
    loop->now_is_fresh = true;
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    woke_up(arg);
}

static void on_edges(evutil_socket_t edges, short events, void *arg);

struct mc_loop *mc_loop_new(void)
{
    struct mc_loop *loop = mc_calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    MC_ASSERT(config);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_O1);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    MC_ASSERT(loop->base);
    loop->limit = evtimer_new(loop->base, on_limit, loop);
    loop->edges = epoll_create1(EPOLL_CLOEXEC);
    loop->edges_ready = event_new(loop->base, loop->edges, EV_READ | EV_PERSIST, on_edges, loop);
    MC_ASSERT(loop->limit && loop->edges >= 0 && loop->edges_ready);
    MC_ASSERT(event_add(loop->edges_ready, NULL) == 0);
    read_clock(loop);
    return loop;
}

void mc_loop_free(struct mc_loop *loop)
{
    if (!loop)
        return;
    while (loop->signals) {
        struct caught *caught = loop->signals;
        loop->signals = caught->next;
        event_free(caught->event);
        free(caught);
    }
    event_free(loop->limit);
    event_free(loop->edges_ready);
    close(loop->edges);
    event_base_free(loop->base);
    free(loop);
}

int64_t mc_loop_now_ms(const struct mc_loop *loop)
{
    return loop->now_ms;
}

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

bool mc_loop_run(struct mc_loop *loop, int timeout_ms)
{
    if (!loop->waiting)
        return false;
    loop->now_is_fresh = false;
    if (timeout_ms > 0) {
        struct timeval limit = timeval_of(timeout_ms);
        MC_ASSERT(event_add(loop->limit, &limit) == 0);
    }
    MC_ASSERT(event_base_loop(loop->base, timeout_ms ? EVLOOP_ONCE : EVLOOP_NONBLOCK) >= 0);
    if (timeout_ms > 0)
        event_del(loop->limit);
    read_clock(loop);
    return true;
}

/* Timers. A deadline that only moves away (one a command) leaves libevent's heap alone: the event
 * stays armed for the older time and is armed anew when that comes. */

void mc_timer_init(struct mc_timer *timer, struct mc_loop *loop, void (*fire)(void *), void *arg)
{
    *timer = (struct mc_timer){.loop = loop, .fire = fire, .arg = arg};
}

static void arm(struct mc_timer *timer)
{
    int64_t wait_ms = timer->at_ms - timer->loop->now_ms;
    if (wait_ms > FAR_MS)
        wait_ms = FAR_MS;
    struct timeval wait = timeval_of(wait_ms > 0 ? wait_ms : 0);
    MC_ASSERT(event_add(timer->event, &wait) == 0);
    timer->armed_ms = timer->loop->now_ms + wait_ms;
}

static void disarm(struct mc_timer *timer)
{
    event_free(timer->event);
    timer->event = NULL;
    timer->loop->waiting--;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct mc_timer *timer = arg;
    woke_up(timer->loop);
    if (timer->at_ms > timer->loop->now_ms) {
        arm(timer);
        return;
    }
    disarm(timer);
    timer->fire(timer->arg);
}

void mc_timer_set(struct mc_timer *timer, int64_t at_ms)
{
    timer->at_ms = at_ms;
    if (timer->event && timer->armed_ms <= at_ms)
        return;
    if (!timer->event) {
        timer->event = evtimer_new(timer->loop->base, on_timer, timer);
        MC_ASSERT(timer->event);
        timer->loop->waiting++;
    }
    arm(timer);
}

void mc_timer_cancel(struct mc_timer *timer)
{
    if (timer->event)
        disarm(timer);
}

/* Descriptors. The `event` of an edge-triggered watch is its place in the batch that is being
 * served, so that a watch stopped by a call back before its turn is not called; else the loop. */

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct mc_watch *watch = arg;
    woke_up(watch->loop);
    int what = (events & EV_READ ? MC_WATCH_READ : 0) | (events & EV_WRITE ? MC_WATCH_WRITE : 0);
    watch->ready(watch->arg, fd, what);
}

static void on_edges(evutil_socket_t edges, short events, void *arg)
{
    struct mc_loop *loop = arg;
    (void)events;
    woke_up(loop);
    int count = epoll_wait(edges, loop->batch, EDGES_A_TURN, 0);
    for (int i = 0; i < count; i++)
        ((struct mc_watch *)loop->batch[i].data.ptr)->event = &loop->batch[i];
    for (int i = 0; i < count; i++) {
        struct mc_watch *watch = loop->batch[i].data.ptr;
        if (!watch)
            continue;
        uint32_t seen = loop->batch[i].events;
        uint32_t ended = seen & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        int what = (seen & EPOLLIN || ended ? MC_WATCH_READ : 0) |
                   (seen & (EPOLLOUT | EPOLLERR) ? MC_WATCH_WRITE : 0) |
                   (ended ? MC_WATCH_HANGUP : 0);
        watch->event = loop;
        watch->ready(watch->arg, watch->fd, what);
    }
}

void mc_watch_start(struct mc_watch *watch, struct mc_loop *loop, int fd, int what,
                    void (*ready)(void *arg, int fd, int what), void *arg)
{
    *watch = (struct mc_watch){.loop = loop, .ready = ready, .arg = arg, .fd = fd};
    loop->waiting++;
    if (what & MC_WATCH_EDGE) {
        struct epoll_event event = {.data.ptr = watch, .events = EPOLLET | EPOLLRDHUP};
        event.events |=
            (what & MC_WATCH_READ ? EPOLLIN : 0u) | (what & MC_WATCH_WRITE ? EPOLLOUT : 0u);
        watch->edge = true;
        watch->event = loop;
        MC_ASSERT(epoll_ctl(loop->edges, EPOLL_CTL_ADD, fd, &event) == 0);
        return;
    }
    short events = (short)(EV_PERSIST | (what & MC_WATCH_READ ? EV_READ : 0) |
                           (what & MC_WATCH_WRITE ? EV_WRITE : 0));
    watch->event = event_new(loop->base, fd, events, on_ready, watch);
    MC_ASSERT(watch->event);
    MC_ASSERT(event_add(watch->event, NULL) == 0);
}

static void forget(struct mc_watch *watch)
{
    if (!watch->edge)
        event_free(watch->event);
    else if (watch->event != watch->loop)
        ((struct epoll_event *)watch->event)->data.ptr = NULL;
    watch->event = NULL;
    watch->loop->waiting--;
}

void mc_watch_stop(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    if (watch->edge)
        epoll_ctl(watch->loop->edges, EPOLL_CTL_DEL, watch->fd, NULL);
    forget(watch);
}

void mc_watch_close(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    forget(watch);
    close(watch->fd); /* takes it out of our epoll set */
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct caught *caught = arg;
    woke_up(caught->loop);
    caught->call(caught->arg, (int)number);
}

void mc_loop_on_signal(struct mc_loop *loop, int number, void (*call)(void *arg, int number),
                       void *arg)
{
    struct caught *caught = mc_calloc(1, sizeof *caught);
    *caught = (struct caught){.next = loop->signals, .loop = loop, .call = call, .arg = arg};
    caught->event = evsignal_new(loop->base, number, on_signal, caught);
    MC_ASSERT(caught->event);
    MC_ASSERT(event_add(caught->event, NULL) == 0);
    loop->signals = caught;
}
