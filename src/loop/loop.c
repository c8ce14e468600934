/* The loop over libevent, which waits with epoll. The base has no locks: one thread. */
#include "loop/loop.h"

#include <event2/event.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* A long time stands for "no limit" where libevent wants a number: a day. */
#define FAR_MS 86400000

struct caught {
    struct caught *next;
    struct mc_loop *loop;
    void (*call)(void *arg, int number);
    void *arg;
    struct event *event;
};

struct mc_loop {
    struct event_base *base;
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

struct mc_loop *mc_loop_new(void)
{
    struct mc_loop *loop = mc_calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    MC_ASSERT(config);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    MC_ASSERT(loop->base);
    loop->limit = evtimer_new(loop->base, on_limit, loop);
    MC_ASSERT(loop->limit);
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

/* Descriptors */

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct mc_watch *watch = arg;
    woke_up(watch->loop);
    int what = (events & EV_READ ? MC_WATCH_READ : 0) | (events & EV_WRITE ? MC_WATCH_WRITE : 0) |
               (events & EV_CLOSED ? MC_WATCH_HANGUP : 0);
    watch->ready(watch->arg, fd, what);
}

void mc_watch_start(struct mc_watch *watch, struct mc_loop *loop, int fd, int what,
                    void (*ready)(void *arg, int fd, int what), void *arg)
{
    short events = (short)(EV_PERSIST | (what & MC_WATCH_READ ? EV_READ : 0) |
                           (what & MC_WATCH_WRITE ? EV_WRITE : 0) |
                           (what & MC_WATCH_EDGE ? EV_ET | EV_CLOSED : 0));
    *watch = (struct mc_watch){.loop = loop, .ready = ready, .arg = arg};
    watch->event = event_new(loop->base, fd, events, on_ready, watch);
    MC_ASSERT(watch->event);
    MC_ASSERT(event_add(watch->event, NULL) == 0);
    loop->waiting++;
}

void mc_watch_stop(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    event_free(watch->event);
    watch->event = NULL;
    watch->loop->waiting--;
}

void mc_watch_close(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    /* Closing makes the kernel forget the descriptor; libevent's own attempt then fails at the
     * cost of an empty system call, and it knows to take that for done. */
    close(event_get_fd(watch->event));
    mc_watch_stop(watch);
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
