/* The loop: descriptors in an epoll set of our own, timers in a heap of our own.
 *
 * libevent comes in where somebody needs more than these: signals, an HTTP server, a program that
 * brings its own base. Its base then watches the epoll set as one descriptor. Going through it for
 * each descriptor would cost a second epoll_ctl a connection, and it does not pass on whether an
 * error is waiting, without which every read needs another to see that it was the last: 4% of the
 * CPU of a session. One thread: no locks. */
#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* A long time stands for "no limit" where libevent wants a number: a day. */
#define FAR_MS 86400000

enum {
    READY_A_TURN = 256,
    CANCELLED_FEW = 64, /* cancelled timers that are not worth the clearing up */
};

struct caught {
    struct caught *next;
    struct mc_loop *loop;
    void (*call)(void *arg, int number);
    void *arg;
    struct event *event;
};

/* A timer in the heap: its time stands beside it, since looking at the timer itself is what costs
 * where there are thousands of them. */
struct alarm {
    int64_t at_ms;
    struct mc_timer *timer; /* NULL: cancelled, and forgotten when its turn comes */
};

struct mc_loop {
    int set; /* the epoll set of the watches */
    struct epoll_event batch[READY_A_TURN];
    struct alarm *heap; /* the earliest first */
    size_t alarms, room, cancelled;
    size_t waiting; /* timers set, descriptors watched, a base that others use */
    uint64_t turn;
    int64_t now_ms;
    bool now_is_fresh; /* read since this turn woke up */

    struct event_base *base; /* NULL until somebody needs it */
    bool base_is_shared;
    struct event *base_set, *base_limit;   /* there: the epoll set, the end of a turn */
    struct event *guest_set, *guest_limit; /* the same on a base that is not ours */
    void (*guest_turn)(void *arg);
    void *guest_arg;
    struct caught *signals;
};

/* The coarse clock: a fifth of the price, right to a few milliseconds. */
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

struct mc_loop *mc_loop_new(void)
{
    struct mc_loop *loop = mc_calloc(1, sizeof *loop);
    loop->set = epoll_create1(EPOLL_CLOEXEC);
    MC_ASSERT(loop->set >= 0);
    read_clock(loop);
    return loop;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
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
    free_event(loop->guest_set);
    free_event(loop->guest_limit);
    free_event(loop->base_set);
    free_event(loop->base_limit);
    if (loop->base)
        event_base_free(loop->base);
    close(loop->set);
    free(loop->heap);
    free(loop);
}

int64_t mc_loop_now_ms(const struct mc_loop *loop)
{
    return loop->now_ms;
}

void mc_loop_refresh_now(struct mc_loop *loop)
{
    read_clock(loop);
}

/* ---- turns ---- */

/* Serves the descriptors of the batch. A watch that a call back stops before its turn is not
 * called: while it waits for it, its `event` is its place in the batch. */
static void serve_watches(struct mc_loop *loop, int count)
{
    for (int i = 0; i < count; i++)
        ((struct mc_watch *)loop->batch[i].data.ptr)->event = &loop->batch[i];
    for (int i = 0; i < count; i++) {
        struct mc_watch *watch = loop->batch[i].data.ptr;
        if (!watch)
            continue;
        if (i + 1 < count) /* a call back takes longer than fetching it from memory */
            mc_fetch(loop->batch[i + 1].data.ptr, 1);
        uint32_t seen = loop->batch[i].events;
        uint32_t ended = seen & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        int what = (seen & EPOLLIN || ended ? MC_WATCH_READ : 0) |
                   (seen & (EPOLLOUT | EPOLLERR) ? MC_WATCH_WRITE : 0);
        watch->event = loop;
        if (watch->what & MC_WATCH_EDGE)
            what |= ended ? MC_WATCH_HANGUP : 0;
        else
            what &= watch->what;
        /* a socket that is only to be written to, and is gone, is as ready as it will ever be */
        watch->ready(watch->arg, watch->fd, what ? what : watch->what);
    }
}

static void serve_timers(struct mc_loop *loop);

/* Waits in epoll itself, unless others wait on the base too. */
static void wait_and_serve(struct mc_loop *loop, int64_t wait_ms)
{
    if (!loop->base) {
        int timeout = wait_ms < 0 ? -1 : wait_ms < FAR_MS ? (int)wait_ms : FAR_MS;
        int count = epoll_wait(loop->set, loop->batch, READY_A_TURN, timeout);
        MC_ASSERT(count >= 0 || errno == EINTR);
        woke_up(loop);
        serve_watches(loop, count);
        return;
    }
    if (wait_ms > 0) {
        struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
        MC_ASSERT(event_add(loop->base_limit, &limit) == 0);
    }
    MC_ASSERT(event_base_loop(loop->base, wait_ms ? EVLOOP_ONCE : EVLOOP_NONBLOCK) >= 0);
    if (wait_ms > 0)
        event_del(loop->base_limit);
    woke_up(loop);
}

bool mc_loop_run(struct mc_loop *loop, int timeout_ms)
{
    if (!loop->waiting)
        return false;
    loop->turn++;
    int64_t wait_ms = timeout_ms ? mc_loop_wait_ms(loop) : 0;
    if (timeout_ms >= 0 && (wait_ms < 0 || wait_ms > timeout_ms))
        wait_ms = timeout_ms;
    loop->now_is_fresh = false;
    wait_and_serve(loop, wait_ms);
    serve_timers(loop);
    return true;
}

/* ---- timers ---- */

/* A deadline that only moves away (one a command) leaves the heap alone: the timer keeps its older
 * place and moves when that comes. So does one that is cancelled. */

void mc_timer_init(struct mc_timer *timer, struct mc_loop *loop, void (*fire)(void *), void *arg)
{
    *timer = (struct mc_timer){.loop = loop, .fire = fire, .arg = arg};
}

static void put(struct mc_loop *loop, struct alarm alarm, size_t at)
{
    loop->heap[at] = alarm;
    if (alarm.timer)
        alarm.timer->place = at + 1;
}

/* Finds the place of an alarm for which `at` is free. */
static void sift(struct mc_loop *loop, struct alarm alarm, size_t at)
{
    for (; at && alarm.at_ms < loop->heap[(at - 1) / 2].at_ms; at = (at - 1) / 2)
        put(loop, loop->heap[(at - 1) / 2], at);
    for (size_t child = 2 * at + 1; child < loop->alarms; child = 2 * at + 1) {
        if (child + 1 < loop->alarms && loop->heap[child + 1].at_ms < loop->heap[child].at_ms)
            child++;
        if (loop->heap[child].at_ms >= alarm.at_ms)
            break;
        put(loop, loop->heap[child], at);
        at = child;
    }
    put(loop, alarm, at);
}

static void drop_first(struct mc_loop *loop)
{
    struct alarm last = loop->heap[--loop->alarms];
    if (loop->alarms)
        sift(loop, last, 0);
}

/* The earliest timer, or NULL. */
static struct mc_timer *first_timer(struct mc_loop *loop)
{
    while (loop->alarms && !loop->heap[0].timer) {
        loop->cancelled--;
        drop_first(loop);
    }
    return loop->alarms ? loop->heap[0].timer : NULL;
}

/* Builds the heap anew, in place, of those that are left. */
static void forget_cancelled(struct mc_loop *loop)
{
    size_t all = loop->alarms;
    loop->alarms = loop->cancelled = 0;
    for (size_t i = 0; i < all; i++) {
        struct alarm alarm = loop->heap[i];
        if (alarm.timer)
            sift(loop, alarm, loop->alarms++);
    }
}

void mc_timer_set(struct mc_timer *timer, int64_t at_ms)
{
    struct mc_loop *loop = timer->loop;
    timer->at_ms = at_ms;
    timer->turn = loop->turn;
    if (timer->place && loop->heap[timer->place - 1].at_ms <= at_ms)
        return;
    if (!timer->place) {
        loop->heap = mc_grow(loop->heap, loop->alarms, &loop->room, sizeof *loop->heap);
        timer->place = ++loop->alarms;
        loop->waiting++;
    }
    sift(loop, (struct alarm){at_ms, timer}, timer->place - 1);
}

void mc_timer_cancel(struct mc_timer *timer)
{
    struct mc_loop *loop = timer->loop;
    if (!timer->place)
        return;
    loop->heap[timer->place - 1].timer = NULL;
    timer->place = 0;
    loop->waiting--;
    if (++loop->cancelled > CANCELLED_FEW && loop->cancelled > loop->alarms / 2)
        forget_cancelled(loop);
}

int64_t mc_loop_wait_ms(struct mc_loop *loop)
{
    read_clock(loop);
    if (!first_timer(loop))
        return -1;
    int64_t wait_ms = loop->heap[0].at_ms - loop->now_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

/* Fires what is due; what a call back sets for now waits for the next turn. */
static void serve_timers(struct mc_loop *loop)
{
    struct mc_timer *timer;
    while ((timer = first_timer(loop)) && loop->heap[0].at_ms <= loop->now_ms) {
        if (timer->at_ms > loop->now_ms) {
            sift(loop, (struct alarm){timer->at_ms, timer}, 0);
            continue;
        }
        if (timer->turn == loop->turn)
            return;
        timer->place = 0;
        loop->waiting--;
        drop_first(loop);
        timer->fire(timer->arg);
    }
}

/* ---- descriptors ---- */

void mc_watch_start(struct mc_watch *watch, struct mc_loop *loop, int fd, int what,
                    void (*ready)(void *arg, int fd, int what), void *arg)
{
    struct epoll_event event = {.data.ptr = watch};
    event.events = (what & MC_WATCH_READ ? EPOLLIN : 0u) | (what & MC_WATCH_WRITE ? EPOLLOUT : 0u) |
                   (what & MC_WATCH_EDGE ? EPOLLET | EPOLLRDHUP : 0u);
    *watch = (struct mc_watch){
        .loop = loop, .ready = ready, .arg = arg, .fd = fd, .what = what, .event = loop};
    loop->waiting++;
    MC_ASSERT(epoll_ctl(loop->set, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void forget(struct mc_watch *watch)
{
    if (watch->event != watch->loop)
        ((struct epoll_event *)watch->event)->data.ptr = NULL;
    watch->event = NULL;
    watch->loop->waiting--;
}

void mc_watch_stop(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    epoll_ctl(watch->loop->set, EPOLL_CTL_DEL, watch->fd, NULL);
    forget(watch);
}

void mc_watch_close(struct mc_watch *watch)
{
    if (!watch->event)
        return;
    forget(watch);
    close(watch->fd); /* takes it out of the set */
}

/* ---- libevent ---- */

static void on_set(evutil_socket_t fd, short events, void *arg)
{
    struct mc_loop *loop = arg;
    (void)fd, (void)events;
    woke_up(loop);
    serve_watches(loop, epoll_wait(loop->set, loop->batch, READY_A_TURN, 0));
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    woke_up(arg);
}

static struct event_base *need_base(struct mc_loop *loop)
{
    if (loop->base)
        return loop->base;
    struct event_config *config = event_config_new();
    MC_ASSERT(config);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_O1);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    MC_ASSERT(loop->base);
    loop->base_limit = evtimer_new(loop->base, on_limit, loop);
    loop->base_set = event_new(loop->base, loop->set, EV_READ | EV_PERSIST, on_set, loop);
    MC_ASSERT(loop->base_limit && loop->base_set);
    MC_ASSERT(event_add(loop->base_set, NULL) == 0);
    return loop->base;
}

struct event_base *mc_loop_base(struct mc_loop *loop)
{
    loop->waiting += !loop->base_is_shared;
    loop->base_is_shared = true;
    return need_base(loop);
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
    caught->event = evsignal_new(need_base(loop), number, on_signal, caught);
    MC_ASSERT(caught->event);
    MC_ASSERT(event_add(caught->event, NULL) == 0);
    loop->signals = caught;
}

/* ---- a guest on somebody else's loop ---- */

int mc_loop_fd(const struct mc_loop *loop)
{
    return loop->set;
}

static void on_guest(evutil_socket_t fd, short what, void *arg)
{
    struct mc_loop *loop = arg;
    (void)fd, (void)what;
    loop->guest_turn(loop->guest_arg);
}

bool mc_loop_be_guest(struct mc_loop *loop, struct event_base *base, void (*turn)(void *arg),
                      void *arg)
{
    loop->guest_turn = turn;
    loop->guest_arg = arg;
    loop->guest_set = event_new(base, loop->set, EV_READ | EV_PERSIST, on_guest, loop);
    loop->guest_limit = evtimer_new(base, on_guest, loop);
    return loop->guest_set && loop->guest_limit && event_add(loop->guest_set, NULL) == 0;
}

void mc_loop_guest_wait(struct mc_loop *loop, int wait_ms)
{
    struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    if (wait_ms < 0)
        event_del(loop->guest_limit);
    else
        MC_ASSERT(event_add(loop->guest_limit, &limit) == 0);
}
