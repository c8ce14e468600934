/* src/smtp/inherit.c: what a new table of peers takes over, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../sim/fake_lists.h"
#include "base/memory.h"
#include "smtp/peer_table.h"

#define HOUR_MS (60 * 60 * 1000LL)
#define NOW_MS  (100 * HOUR_MS)

static const struct mc_ip known_ip = {.family = 4, .octets = {198, 18, 0, 1}};
static const struct mc_ip lone_ip = {.family = 4, .octets = {198, 18, 0, 2}};

static struct mc_lists lists = {
    .unknown = {.id = "", .connections = 2, .rcpt_per_minute = 60, .rcpt_per_day = 100},
    .known = {{.id = "big",
               .index = 1,
               .connections = 5,
               .rcpt_per_minute = 60,
               .rcpt_per_day = 50,
               .breaker = 2}},
    .suffix = {"big.test"},
    .count = 1,
};

struct bed {
    struct mc_peers old, new;
    uint32_t known, lone;
};

static void set_up(struct bed *bed)
{
    const struct mc_pace pace = {.per_mx = 2, .per_provider = 10};
    mc_peers_init(&bed->old, &lists, &pace, 1);
    mc_peers_init(&bed->new, &lists, &pace, 1);
    bed->known = mc_peers_intern(&bed->old, &known_ip, mc_span_of("mx.big.test"));
    bed->lone = mc_peers_intern(&bed->old, &lone_ip, mc_span_of("mx.small.test"));
}

static void inherit(struct bed *bed, int64_t now_ms)
{
    mc_peers_inherit(&bed->new, &bed->old, now_ms);
    bed->known = mc_peers_intern(&bed->new, &known_ip, mc_span_of("mx.big.test"));
    bed->lone = mc_peers_intern(&bed->new, &lone_ip, mc_span_of("mx.small.test"));
}

static void tear_down(struct bed *bed)
{
    mc_peers_free(&bed->old);
    mc_peers_free(&bed->new);
}

static void test_budget(void **state)
{
    struct bed bed;
    (void)state;
    set_up(&bed);
    mc_peers_spend(&bed.old, bed.known, 30, NOW_MS);
    mc_peers_spend(&bed.old, bed.lone, 40, NOW_MS);
    inherit(&bed, NOW_MS + HOUR_MS);
    assert_int_equal(mc_peers_house(&bed.new, bed.known)->asked_today, 30);
    assert_int_equal(mc_peers_house(&bed.new, bed.lone)->asked_today, 40);
    assert_true(mc_peers_spend(&bed.new, bed.known, 20, NOW_MS + 2 * HOUR_MS)); /* the last */
    tear_down(&bed);
}

static void test_a_day_later(void **state)
{
    struct bed bed;
    (void)state;
    set_up(&bed);
    assert_true(mc_peers_spend(&bed.old, bed.known, 50, NOW_MS));
    inherit(&bed, NOW_MS + 25 * HOUR_MS);
    assert_int_equal(mc_peers_house(&bed.new, bed.known)->asked_today, 0);
    assert_false(mc_peers_house(&bed.new, bed.known)->resting);
    tear_down(&bed);
}

static void test_spent(void **state)
{
    struct bed bed;
    int64_t at_ms;
    (void)state;
    set_up(&bed);
    assert_true(mc_peers_spend(&bed.old, bed.known, 50, NOW_MS));
    inherit(&bed, NOW_MS + 20 * HOUR_MS);
    assert_int_equal(mc_peers_ask(&bed.new, bed.known, NOW_MS + 20 * HOUR_MS, &at_ms), MC_PEER_OUT);
    assert_non_null(mc_peers_failure(&bed.new, bed.known));
    assert_int_equal(mc_peers_ask(&bed.new, bed.lone, NOW_MS + 20 * HOUR_MS, &at_ms), MC_PEER_FREE);
    tear_down(&bed);
}

/* Whoever blocks us is left alone for an hour after the first change, through any number of them.
 */
static void test_blocked(void **state)
{
    static const char text[] = "blocked";
    struct bed bed;
    struct mc_reply reply = {.code = 550, .text_len = sizeof text - 1};
    const struct mc_ruling ruling = {.reason = MC_REASON_BLOCKED, .blame = MC_BLAME_US};
    (void)state;
    memcpy(reply.text, text, sizeof text);
    set_up(&bed);
    assert_false(mc_peers_refused(&bed.old, bed.known, MC_STAGE_BANNER, &reply, &ruling));
    assert_true(mc_peers_refused(&bed.old, bed.known, MC_STAGE_BANNER, &reply, &ruling));
    for (int64_t minutes = 0; minutes <= 80; minutes += 20) {
        inherit(&bed, NOW_MS + minutes * 60000);
        assert_int_equal(mc_peers_house(&bed.new, bed.known)->resting, minutes < 60);
        mc_peers_free(&bed.old);
        bed.old = bed.new;
        mc_peers_init(&bed.new, &lists, &bed.old.pace, 1);
    }
    tear_down(&bed);
}

static void test_gap(void **state)
{
    struct bed bed;
    int64_t at_ms;
    (void)state;
    set_up(&bed);
    bed.old.peers[bed.known].not_before_ms = NOW_MS + 5000;
    bed.old.peers[bed.known].habits.lock_step = true;
    bed.old.peers[bed.lone].not_before_ms = NOW_MS + 6000;
    inherit(&bed, NOW_MS);
    assert_int_equal(mc_peers_ask(&bed.new, bed.known, NOW_MS, &at_ms), MC_PEER_EARLY);
    assert_int_equal(at_ms, NOW_MS + 5000);
    assert_true(bed.new.peers[bed.known].habits.lock_step);
    assert_int_equal(mc_peers_ask(&bed.new, bed.lone, NOW_MS, &at_ms), MC_PEER_EARLY);
    assert_int_equal(mc_peers_ask(&bed.new, bed.known, NOW_MS + 7000, &at_ms), MC_PEER_FREE);
    tear_down(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget), cmocka_unit_test(test_a_day_later),
        cmocka_unit_test(test_spent),  cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
