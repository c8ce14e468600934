/* src/http/desk.c in virtual time: what is asked twice, what ages, and that nobody who waits is
 * forgotten when one generation of the engine follows the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../sim/fake_loop.h"
#include "base/memory.h"
#include "base/text.h"
#include "http/desk.h"

#define MINUTE_MS 60000

struct bed {
    struct mc_loop *loop;
    struct mc_desk *desk;
    char zone[16384]; /* each generation reads it anew */
};

struct asker {
    struct mc_waiter waiter;
    unsigned answers;
    enum mc_reason reason;
};

static void set_up(struct bed *bed, const char *zone)
{
    struct mailcheck_options options;
    char error[256];
    snprintf(bed->zone, sizeof bed->zone, "%s", zone);
    mailcheck_options_init(&options, sizeof options);
    options.depth = MAILCHECK_DEPTH_DNS;
    options.dns_servers = bed->zone;
    bed->loop = mc_loop_new();
    bed->desk = mc_desk_new(bed->loop, &options, error, sizeof error);
    assert_non_null(bed->desk);
}

static void tear_down(struct bed *bed)
{
    mc_desk_free(bed->desk);
    assert_int_equal(sim_loop_timers(bed->loop), 0);
    mc_loop_free(bed->loop);
}

static void on_answered(void *arg, const struct mc_result *result)
{
    struct asker *asker = arg;
    asker->answers++;
    asker->reason = result->reason;
}

static void ask(struct bed *bed, struct asker *asker, const char *email)
{
    struct mc_address address;
    struct mc_result result;
    *asker = (struct asker){.waiter = {.answered = on_answered, .arg = asker}};
    assert_int_equal(mc_address_parse(mc_span_of(email), &address), MC_SYNTAX_OK);
    const struct mc_desk_question question = {.address = &address, .depth = MAILCHECK_DEPTH_SMTP};
    if (mc_desk_ask(bed->desk, &question, &result, &asker->waiter))
        on_answered(asker, &result);
}

/* Turns for so long. */
static void pass(struct bed *bed, int64_t ms)
{
    for (int64_t until = mc_loop_now_ms(bed->loop) + ms; mc_loop_now_ms(bed->loop) < until;) {
        int64_t next = sim_loop_next_ms(bed->loop);
        sim_loop_advance(bed->loop, (next < until ? next : until) - mc_loop_now_ms(bed->loop));
        mc_desk_turn(bed->desk);
    }
}

static uint64_t questions(const struct bed *bed)
{
    struct mc_desk_counts counts;
    mc_desk_count(bed->desk, &counts);
    return counts.dns_questions;
}

static enum mc_reason answer_to(struct bed *bed, const char *email)
{
    struct asker asker;
    ask(bed, &asker, email);
    if (!asker.answers)
        pass(bed, 1000);
    assert_int_equal(asker.answers, 1);
    return asker.reason;
}

static void test_shared_and_remembered(void **state)
{
    struct bed bed;
    struct asker one, two;
    (void)state;
    set_up(&bed, "d.test MX 10 mx.d.test.; mx.d.test A 198.18.0.1");
    ask(&bed, &one, "ann@d.test");
    ask(&bed, &two, "Ann@d.test");
    assert_int_equal(one.answers + two.answers, 0);
    assert_int_equal(mc_desk_waiting(bed.desk), 2);
    pass(&bed, 1000);
    assert_int_equal(one.answers, 1);
    assert_int_equal(two.answers, 1);
    assert_int_equal(mc_desk_waiting(bed.desk), 0);
    uint64_t asked = questions(&bed);
    ask(&bed, &one, "ann@d.test");
    assert_int_equal(one.answers, 1); /* inside the call */
    assert_int_equal(one.reason, MC_REASON_NOT_PROBED);
    assert_int_equal(questions(&bed), asked);
    tear_down(&bed);
}

static void test_leave(void **state)
{
    struct bed bed;
    struct asker one, two;
    struct mc_result result;
    (void)state;
    set_up(&bed, "d.test MX 0 .");
    ask(&bed, &one, "ann@d.test");
    ask(&bed, &two, "ann@d.test");
    mc_desk_so_far(bed.desk, &one.waiter, &result);
    assert_int_equal(result.reason, MC_REASON_NOT_PROBED);
    mc_desk_leave(bed.desk, &one.waiter);
    pass(&bed, 1000);
    assert_int_equal(one.answers, 0);
    assert_int_equal(two.answers, 1);
    mc_desk_leave(bed.desk, &two.waiter); /* too late, and harmless */
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NULL_MX);
    tear_down(&bed);
}

/* Many that are answered at once, and then one that must wait. */
static void test_late_waiter(void **state)
{
    struct bed bed;
    (void)state;
    set_up(&bed, "d.test MX 0 .; e.test MX 10 mx.e.test.; mx.e.test A 198.18.0.1");
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NULL_MX);
    for (unsigned i = 0; i < 100; i++) {
        struct asker asker;
        char email[32];
        snprintf(email, sizeof email, "ann%u@d.test", i);
        ask(&bed, &asker, email);
        assert_int_equal(asker.answers, 1);
    }
    assert_int_equal(answer_to(&bed, "ann@e.test"), MC_REASON_NOT_PROBED);
    tear_down(&bed);
}

static void test_dns_ages(void **state)
{
    struct bed bed;
    (void)state;
    set_up(&bed, "d.test MX 0 .");
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NULL_MX);
    snprintf(bed.zone, sizeof bed.zone, "d.test MX 10 mx.d.test.; mx.d.test A 198.18.0.1");
    pass(&bed, MC_DESK_FRESH_MS - MINUTE_MS);
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NULL_MX);
    pass(&bed, 2 * MINUTE_MS);
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NOT_PROBED);
    tear_down(&bed);
}

static void test_unknown_is_asked_again(void **state)
{
    struct bed bed;
    (void)state;
    set_up(&bed, "d.test MX SERVFAIL");
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_DNS_FAILED);
    uint64_t asked = questions(&bed);
    snprintf(bed.zone, sizeof bed.zone, "d.test MX 0 .");
    pass(&bed, MC_DESK_UNKNOWN_MS / 2);
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_DNS_FAILED);
    assert_int_equal(questions(&bed), asked);
    pass(&bed, MC_DESK_UNKNOWN_MS);
    assert_int_equal(answer_to(&bed, "ann@d.test"), MC_REASON_NULL_MX);
    tear_down(&bed);
}

/* Never a moment without work: every 5 s somebody asks about a domain whose name server takes 10.
 */
static void test_worn_under_load(void **state)
{
    enum { ASKERS = 500 };
    struct bed bed;
    struct mc_text zone = {0};
    struct asker *askers = mc_calloc(ASKERS, sizeof *askers);
    struct mc_desk_counts counts;
    unsigned changed_at = 0;
    (void)state;
    for (unsigned i = 0; i < ASKERS; i++)
        mc_text_printf(&zone, "s%u.test MX SILENT;", i);
    set_up(&bed, mc_text_z(&zone));
    mc_desk_count(bed.desk, &counts);
    uint64_t begun = counts.generations;
    for (unsigned i = 0; i < ASKERS; i++) {
        char email[64];
        snprintf(email, sizeof email, "ann@s%u.test", i);
        ask(&bed, &askers[i], email);
        pass(&bed, 5000);
        if (i >= 5) /* who is asked about anew waits anew */
            assert_int_equal(askers[i - 5].answers, 1);
        mc_desk_count(bed.desk, &counts);
        changed_at = changed_at || counts.generations == begun ? changed_at : i;
    }
    assert_in_range(changed_at, MC_DESK_WORN_MS / 5000, MC_DESK_WORN_MS / 5000 + 3);
    assert_int_equal(counts.generations, begun + 1);
    pass(&bed, 11000);
    for (unsigned i = 0; i < ASKERS; i++) {
        assert_int_equal(askers[i].answers, 1);
        assert_int_equal(askers[i].reason, MC_REASON_DNS_FAILED);
    }
    assert_int_equal(mc_desk_waiting(bed.desk), 0);
    free(askers);
    mc_text_free(&zone);
    tear_down(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_and_remembered),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_late_waiter),
        cmocka_unit_test(test_dns_ages),
        cmocka_unit_test(test_unknown_is_asked_again),
        cmocka_unit_test(test_worn_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
