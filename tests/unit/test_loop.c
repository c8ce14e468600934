/* The event loop on real pipes and timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/loop.h"

struct probe {
    struct mc_loop *loop;
    struct mc_timer timer;
    struct mc_watch watch;
    int64_t fired_ms;
    int fired, what, number;
    struct probe **owner; /* set: free yourself in the call back */
};

static void on_timer(void *arg)
{
    struct probe *probe = arg;
    probe->fired++;
    probe->fired_ms = mc_loop_now_ms(probe->loop);
    if (probe->owner) {
        *probe->owner = NULL;
        mc_timer_cancel(&probe->timer);
        free(probe);
    }
}

static void on_ready(void *arg, int fd, int what)
{
    struct probe *probe = arg;
    (void)fd;
    probe->fired++;
    probe->what |= what;
    if (probe->owner) {
        *probe->owner = NULL;
        mc_watch_close(&probe->watch);
        free(probe);
    }
}

static void on_signal(void *arg, int number)
{
    struct probe *probe = arg;
    probe->number = number;
}

static void nothing_to_wait_for(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop};
    assert_false(mc_loop_run(loop, -1));
    mc_loop_on_signal(loop, SIGUSR1, on_signal, &probe);
    assert_false(mc_loop_run(loop, -1));
    mc_timer_init(&probe.timer, loop, on_timer, &probe);
    mc_timer_set(&probe.timer, mc_loop_now_ms(loop) + 60000);
    mc_timer_cancel(&probe.timer);
    mc_timer_cancel(&probe.timer);
    assert_false(mc_loop_run(loop, -1));
    mc_loop_free(loop);
    mc_loop_free(NULL);
}

static void timers_never_fire_early(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probes[20];
    int64_t start_ms = mc_loop_now_ms(loop);
    for (int i = 0; i < 20; i++) {
        probes[i] = (struct probe){.loop = loop};
        mc_timer_init(&probes[i].timer, loop, on_timer, &probes[i]);
        mc_timer_set(&probes[i].timer, start_ms + 20 - i);
    }
    while (mc_loop_run(loop, -1))
        ;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(probes[i].fired, 1);
        assert_true(probes[i].fired_ms >= start_ms + 20 - i);
        mc_timer_cancel(&probes[i].timer);
    }
    mc_loop_free(loop);
}

static void setting_again_forgets_the_old_time(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe later = {.loop = loop}, sooner = {.loop = loop};
    int64_t start_ms = mc_loop_now_ms(loop);
    mc_timer_init(&later.timer, loop, on_timer, &later);
    mc_timer_init(&sooner.timer, loop, on_timer, &sooner);
    mc_timer_set(&later.timer, start_ms + 2);
    mc_timer_set(&later.timer, start_ms + 25);
    mc_timer_set(&sooner.timer, start_ms + 3600000);
    mc_timer_set(&sooner.timer, start_ms + 5);
    while (mc_loop_run(loop, -1))
        assert_int_equal(later.fired && !sooner.fired, 0);
    assert_int_equal(later.fired, 1);
    assert_int_equal(sooner.fired, 1);
    assert_true(later.fired_ms >= start_ms + 25);
    assert_true(sooner.fired_ms < start_ms + 3600000);
    mc_loop_free(loop);
}

static void again(void *arg)
{
    struct probe *probe = arg;
    probe->fired++;
    mc_timer_set(&probe->timer, mc_loop_now_ms(probe->loop));
}

static void a_time_that_passed_fires_next_turn(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop};
    mc_timer_init(&probe.timer, loop, again, &probe);
    mc_timer_set(&probe.timer, mc_loop_now_ms(loop) - 1000);
    assert_int_equal(probe.fired, 0);
    for (int turn = 1; turn <= 5; turn++) {
        assert_true(mc_loop_run(loop, -1));
        assert_int_equal(probe.fired, turn);
    }
    mc_timer_cancel(&probe.timer);
    mc_loop_free(loop);
}

static void run_respects_its_limit(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop};
    mc_timer_init(&probe.timer, loop, on_timer, &probe);
    int64_t start_ms = mc_loop_now_ms(loop);
    mc_timer_set(&probe.timer, start_ms + 3600000);
    assert_true(mc_loop_run(loop, 0));
    assert_true(mc_loop_run(loop, 8));
    assert_true(mc_loop_now_ms(loop) >= start_ms + 4);
    assert_true(mc_loop_now_ms(loop) < start_ms + 3600000);
    assert_int_equal(probe.fired, 0);
    mc_timer_cancel(&probe.timer);
    mc_loop_free(loop);
}

static void owners_may_go_in_their_call_back(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe *timed = mc_calloc(1, sizeof *timed), *watched = mc_calloc(1, sizeof *watched);
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    *timed = (struct probe){.loop = loop, .owner = &timed};
    mc_timer_init(&timed->timer, loop, on_timer, timed);
    mc_timer_set(&timed->timer, mc_loop_now_ms(loop));
    *watched = (struct probe){.loop = loop, .owner = &watched};
    mc_watch_start(&watched->watch, loop, ends[0], MC_WATCH_READ | MC_WATCH_EDGE, on_ready,
                   watched);
    assert_int_equal(write(ends[1], "x", 1), 1);
    while (mc_loop_run(loop, -1))
        ;
    assert_null(timed);
    assert_null(watched);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    assert_int_equal(errno, EBADF);
    close(ends[1]);
    mc_loop_free(loop);
}

/* A reused descriptor number must be watched anew, whichever way the old watch ended. */
static void edges_come_once_and_numbers_may_be_reused(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    for (int round = 0; round < 4; round++) {
        struct probe probe = {.loop = loop};
        int ends[2];
        assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        mc_watch_start(&probe.watch, loop, ends[0], MC_WATCH_READ | MC_WATCH_EDGE, on_ready,
                       &probe);
        assert_true(mc_loop_run(loop, 0));
        assert_int_equal(probe.fired, 0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        mc_loop_run(loop, -1);
        mc_loop_run(loop, 0);
        assert_int_equal(probe.fired, 1);
        assert_int_equal(probe.what, MC_WATCH_READ);
        if (round % 2) {
            mc_watch_close(&probe.watch);
        } else {
            mc_watch_stop(&probe.watch);
            mc_watch_stop(&probe.watch);
            close(ends[0]);
        }
        close(ends[1]);
        assert_false(mc_loop_run(loop, -1));
    }
    mc_loop_free(loop);
}

struct pair {
    struct mc_watch watches[2];
    int fired;
};

static void stop_both(void *arg, int fd, int what)
{
    struct pair *pair = arg;
    (void)fd, (void)what;
    pair->fired++;
    mc_watch_close(&pair->watches[0]);
    mc_watch_close(&pair->watches[1]);
}

static void a_stopped_watch_is_not_called_in_the_same_turn(void **state)
{
    (void)state;
    for (int edge = 0; edge < 2; edge++) {
        struct mc_loop *loop = mc_loop_new();
        struct pair *pair = mc_calloc(1, sizeof *pair);
        int ends[2][2];
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pipe2(ends[i], O_NONBLOCK | O_CLOEXEC), 0);
            mc_watch_start(&pair->watches[i], loop, ends[i][0],
                           MC_WATCH_READ | (edge ? MC_WATCH_EDGE : 0), stop_both, pair);
            assert_int_equal(write(ends[i][1], "x", 1), 1);
        }
        while (mc_loop_run(loop, -1))
            ;
        assert_int_equal(pair->fired, 1);
        free(pair);
        close(ends[0][1]);
        close(ends[1][1]);
        mc_loop_free(loop);
    }
}

static void an_end_is_seen_with_the_bytes_before_it(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    mc_watch_start(&probe.watch, loop, ends[0], MC_WATCH_READ | MC_WATCH_WRITE | MC_WATCH_EDGE,
                   on_ready, &probe);
    mc_loop_run(loop, -1);
    assert_int_equal(probe.what, MC_WATCH_WRITE);
    assert_int_equal(write(ends[1], "x", 1), 1);
    mc_loop_run(loop, -1);
    assert_int_equal(probe.what, MC_WATCH_WRITE | MC_WATCH_READ);
    close(ends[1]);
    mc_loop_run(loop, -1);
    assert_int_equal(probe.what, MC_WATCH_WRITE | MC_WATCH_READ | MC_WATCH_HANGUP);
    mc_watch_close(&probe.watch);
    mc_loop_free(loop);
}

static void signals_run_in_the_loop(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop};
    mc_loop_on_signal(loop, SIGUSR2, on_signal, &probe);
    mc_timer_init(&probe.timer, loop, on_timer, &probe);
    mc_timer_set(&probe.timer, mc_loop_now_ms(loop) + 3600000);
    raise(SIGUSR2);
    assert_int_equal(probe.number, 0);
    assert_true(mc_loop_run(loop, -1));
    assert_int_equal(probe.number, SIGUSR2);
    mc_timer_cancel(&probe.timer);
    mc_loop_free(loop);
}

/* A program with a loop of its own waits for one descriptor and one time. */
static void another_loop_waits_for_us(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop}, timed = {.loop = loop};
    struct pollfd outside = {.fd = mc_loop_fd(loop), .events = POLLIN};
    int ends[2];
    assert_int_equal(mc_loop_wait_ms(loop), -1);
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    for (int edge = 0; edge < 2; edge++) {
        probe.fired = 0;
        mc_watch_start(&probe.watch, loop, ends[0], MC_WATCH_READ | (edge ? MC_WATCH_EDGE : 0),
                       on_ready, &probe);
        assert_int_equal(poll(&outside, 1, 0), 0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_int_equal(poll(&outside, 1, -1), 1);
        assert_true(mc_loop_run(loop, 0));
        assert_int_equal(probe.fired, 1);
        char byte;
        assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(poll(&outside, 1, 0), 0);
        mc_watch_stop(&probe.watch);
    }
    mc_timer_init(&timed.timer, loop, on_timer, &timed);
    mc_timer_set(&timed.timer, mc_loop_now_ms(loop) + 3600000);
    assert_true(mc_loop_wait_ms(loop) > 3500000);
    mc_timer_set(&timed.timer, mc_loop_now_ms(loop) + 3);
    assert_true(mc_loop_wait_ms(loop) <= 3);
    while (!timed.fired) {
        poll(&outside, 1, (int)mc_loop_wait_ms(loop));
        mc_loop_run(loop, 0);
    }
    assert_int_equal(mc_loop_wait_ms(loop), -1);
    close(ends[0]);
    close(ends[1]);
    mc_loop_free(loop);
}

/* Thousands of deadlines fire in their order, once each; those that are cancelled, most of them,
 * do not. (One that was only moved away may come late in its turn.) */
struct ordered {
    struct mc_loop *loop;
    struct mc_timer timer;
    int64_t due_ms, *last_ms;
    bool due;
};

static void in_order(void *arg)
{
    struct ordered *one = arg;
    assert_true(one->due);
    assert_true(mc_loop_now_ms(one->loop) >= one->due_ms);
    assert_true(*one->last_ms <= one->due_ms);
    *one->last_ms = one->due_ms;
    one->due = false;
}

static void many_timers_fire_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3000, CHANGES = 30000 };
    struct mc_loop *loop = mc_loop_new();
    struct ordered *all = mc_calloc(COUNT, sizeof *all);
    int64_t start_ms = mc_loop_now_ms(loop), last_ms = 0;
    uint32_t random = 1;
    for (unsigned i = 0; i < COUNT; i++) {
        all[i] = (struct ordered){.loop = loop, .last_ms = &last_ms};
        mc_timer_init(&all[i].timer, loop, in_order, &all[i]);
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        random = random * 1664525 + 1013904223;
        struct ordered *one = &all[(random >> 8) % COUNT];
        one->due = random >> 30 == 0;
        one->due_ms = start_ms + (random >> 20) % 60 - 30;
        mc_timer_cancel(&one->timer);
        mc_timer_set(&one->timer, one->due_ms);
        if (!one->due)
            mc_timer_cancel(&one->timer);
    }
    while (mc_loop_run(loop, -1))
        last_ms = 0;
    for (unsigned i = 0; i < COUNT; i++)
        assert_false(all[i].due);
    free(all);
    mc_loop_free(loop);
}

static void many_timers_that_move_fire_once(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct mc_loop *loop = mc_loop_new();
    struct probe *probes = mc_calloc(COUNT, sizeof *probes);
    int64_t start_ms = mc_loop_now_ms(loop);
    for (unsigned i = 0; i < COUNT; i++) {
        probes[i].loop = loop;
        mc_timer_init(&probes[i].timer, loop, on_timer, &probes[i]);
        mc_timer_set(&probes[i].timer, start_ms + i * 7919 % 40);
        if (i % 3 == 0)
            mc_timer_set(&probes[i].timer, start_ms + i * 104729 % 40);
        if (i % 5 == 0)
            mc_timer_cancel(&probes[i].timer);
    }
    while (mc_loop_run(loop, -1))
        ;
    for (unsigned i = 0; i < COUNT; i++) {
        int64_t due_ms = start_ms + (i % 3 ? i * 7919 % 40 : i * 104729 % 40);
        assert_int_equal(probes[i].fired, i % 5 != 0);
        assert_true(!probes[i].fired || probes[i].fired_ms >= due_ms);
    }
    free(probes);
    mc_loop_free(loop);
}

static void stop_base(void *arg)
{
    struct probe *probe = arg;
    mc_loop_run(probe->loop, 0);
    int64_t wait_ms = mc_loop_wait_ms(probe->loop);
    mc_loop_guest_wait(probe->loop, (int)wait_ms);
    probe->number++;
}

/* On somebody else's base: its dispatch serves our descriptors and timers. */
static void a_guest_on_another_base(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop}, timed = {.loop = loop};
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_true(mc_loop_be_guest(loop, base, stop_base, &probe));
    mc_watch_start(&probe.watch, loop, ends[0], MC_WATCH_READ | MC_WATCH_EDGE, on_ready, &probe);
    mc_timer_init(&timed.timer, loop, on_timer, &timed);
    mc_timer_set(&timed.timer, mc_loop_now_ms(loop) + 2);
    mc_loop_guest_wait(loop, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    while (!probe.fired || !timed.fired)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    assert_true(probe.number > 0);
    mc_watch_close(&probe.watch);
    close(ends[1]);
    mc_loop_free(loop);
    event_base_free(base);
}

/* What runs on the loop's own base (an HTTP server) is served by the same turns. */
static void others_on_our_base(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct probe probe = {.loop = loop}, timed = {.loop = loop};
    struct event_base *base = mc_loop_base(loop);
    int ends[2];
    assert_ptr_equal(mc_loop_base(loop), base);
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_true(mc_loop_run(loop, 0)); /* with nothing of ours to wait for */
    mc_watch_start(&probe.watch, loop, ends[0], MC_WATCH_READ | MC_WATCH_EDGE, on_ready, &probe);
    mc_timer_init(&timed.timer, loop, on_timer, &timed);
    mc_timer_set(&timed.timer, mc_loop_now_ms(loop) + 2);
    assert_int_equal(write(ends[1], "x", 1), 1);
    while (!probe.fired || !timed.fired)
        assert_true(mc_loop_run(loop, -1));
    mc_watch_close(&probe.watch);
    close(ends[1]);
    mc_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_wait_for),
        cmocka_unit_test(timers_never_fire_early),
        cmocka_unit_test(setting_again_forgets_the_old_time),
        cmocka_unit_test(a_time_that_passed_fires_next_turn),
        cmocka_unit_test(run_respects_its_limit),
        cmocka_unit_test(owners_may_go_in_their_call_back),
        cmocka_unit_test(edges_come_once_and_numbers_may_be_reused),
        cmocka_unit_test(a_stopped_watch_is_not_called_in_the_same_turn),
        cmocka_unit_test(an_end_is_seen_with_the_bytes_before_it),
        cmocka_unit_test(signals_run_in_the_loop),
        cmocka_unit_test(another_loop_waits_for_us),
        cmocka_unit_test(many_timers_fire_in_order),
        cmocka_unit_test(many_timers_that_move_fire_once),
        cmocka_unit_test(a_guest_on_another_base),
        cmocka_unit_test(others_on_our_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
