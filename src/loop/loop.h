/* The event loop: file descriptors, timers, signals, "call me next turn". The only reader of the
 * clock (tests/sim has a fake one with virtual time). Where something of libevent's runs beside it,
 * or it runs in a program that has its own loop, this is where the two meet.
 *
 * Callbacks come from mc_loop_run, never from inside the call that asked for them. */
#ifndef MC_LOOP_LOOP_H
#define MC_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mc_loop;

struct mc_loop *mc_loop_new(void);
void mc_loop_free(struct mc_loop *loop);

/* Milliseconds of a clock that never goes back; the same value during one turn. */
int64_t mc_loop_now_ms(const struct mc_loop *loop);
/* For calls that come from outside a turn, who knows how long after the last one. */
void mc_loop_refresh_now(struct mc_loop *loop);

/* One turn: waits for the first event, at most `timeout_ms` (-1: no limit), and serves it and
 * all that are ready. Returns false when nothing at all is being waited for (signals aside). */
bool mc_loop_run(struct mc_loop *loop, int timeout_ms);

/* One-shot timer, embedded in its owner. Set again: the old time is forgotten; setting it later is
 * nearly free. A time that has passed fires in the next turn. It may be set, cancelled or freed in
 * its own call back. */
struct mc_timer {
    struct mc_loop *loop;
    void (*fire)(void *arg);
    void *arg;
    int64_t at_ms; /* these are private to the loop */
    uint64_t turn;
    size_t place;
    void *event;
};
void mc_timer_init(struct mc_timer *timer, struct mc_loop *loop, void (*fire)(void *), void *arg);
void mc_timer_set(struct mc_timer *timer, int64_t at_ms);
void mc_timer_cancel(struct mc_timer *timer); /* before its owner is freed; idempotent */

enum { MC_WATCH_READ = 1, MC_WATCH_WRITE = 2, MC_WATCH_EDGE = 4, MC_WATCH_HANGUP = 8 };

/* A watched descriptor, embedded in its owner. The owner closes the descriptor, after
 * mc_watch_stop. {0} is a stopped watch.
 *
 * `what` of the call back: READ, WRITE, both where the descriptor has an error. With MC_WATCH_EDGE
 * it says what is new, and the owner must read and write until nothing is left: until EAGAIN, or a
 * read that was short, but where HANGUP is said, too, an end or an error waits behind the bytes. */
struct mc_watch {
    struct mc_loop *loop;
    void (*ready)(void *arg, int fd, int what);
    void *arg;
    int fd, what; /* these are private to the loop */
    void *event;
};
void mc_watch_start(struct mc_watch *watch, struct mc_loop *loop, int fd, int what,
                    void (*ready)(void *arg, int fd, int what), void *arg);
void mc_watch_stop(struct mc_watch *watch); /* idempotent */
/* Stops and closes the descriptor, cheaper than one after the other. */
void mc_watch_close(struct mc_watch *watch);

/* A signal handler that runs in the loop; process-wide. */
void mc_loop_on_signal(struct mc_loop *loop, int number, void (*caught)(void *arg, int number),
                       void *arg);

/* A libevent base that is served by mc_loop_run too, for what needs one (evhttp). With it the loop
 * always has something to wait for. Lives as long as the loop. */
struct event_base;
struct event_base *mc_loop_base(struct mc_loop *loop);

/* The other way round, where the program has a loop of its own: when this descriptor is readable,
 * or so many milliseconds have passed (-1: no limit), mc_loop_run(loop, 0) has something to do.
 * Not for a loop with signals or a base of its own. */
int mc_loop_fd(const struct mc_loop *loop);
int64_t mc_loop_wait_ms(struct mc_loop *loop);

/* The same with libevent: calls `turn` from `base` whenever there is something to do, and when the
 * last mc_loop_guest_wait (-1: none) has passed. Free the loop before the base. False where
 * libevent has no memory. */
bool mc_loop_be_guest(struct mc_loop *loop, struct event_base *base, void (*turn)(void *arg),
                      void *arg) __attribute__((warn_unused_result));
void mc_loop_guest_wait(struct mc_loop *loop, int wait_ms);

#endif
