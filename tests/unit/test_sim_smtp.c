/* The prober against scripted servers, in virtual time: tests/sim/scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <glob.h>

#include "../sim/fake_lists.h"
#include "../sim/fake_loop.h"
#include "../sim/smtp_scenario.h"
#include "../sim/smtp_world.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

static const struct mc_provider usual = {
    .id = "",
    .connections = 10,
    .connect_gap_ms = 500,
    .rcpt_per_session = 100,
    .rcpt_per_transaction = 50,
    .refusals_in_row = 10,
    .rcpt_per_minute = 240,
    .refusals_per_minute = 120,
    .rcpt_per_day = 20000,
    .breaker = 5,
};

static struct mc_provider *unknown(struct mc_lists *lists)
{
    return &lists->unknown;
}

static struct mc_provider *known(struct mc_lists *lists, const char *suffix)
{
    static const char *const ids[] = {"one", "two", "three", "four"};
    size_t at = lists->count++;
    lists->suffix[at] = suffix;
    lists->known[at] = usual;
    lists->known[at].index = (uint32_t)lists->count;
    lists->known[at].id = ids[at];
    return &lists->known[at];
}

static void all_scenarios_hold(void **state)
{
    (void)state;
    unsigned failures = 0;
    const char *pattern = getenv("SCENARIO");
    glob_t found;
    assert_int_equal(glob(pattern ? pattern : "tests/sim/scenarios/*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct mc_lists lists = {.unknown = usual};
        struct sim_limits limits = {&lists, unknown, known};
        char *failed = sim_scenario_run(found.gl_pathv[i], &limits);
        if (failed) {
            print_error("%s:\n%s\n", found.gl_pathv[i], failed);
            failures++;
        }
        free(failed);
    }
    globfree(&found);
    assert_int_equal(failures, 0);
}

/* A byte now and then. A server that drips its greeting has until the deadline and no longer. */
static void drip(void *arg, struct sim_connection *connection)
{
    (void)arg;
    for (unsigned i = 0; i < 1000; i++)
        sim_send(connection, i ? "x" : "220-", 300);
}

static void deadlines_do_not_start_anew(void **state)
{
    (void)state;
    struct mc_lists lists = {.unknown = usual};
    struct mc_prober_options options;
    struct sim_server server = {.greeting = "", .opened = drip};
    sim_world_options(&options);
    options.reply_timeout_ms = 2000;
    struct sim_world *world =
        sim_world_new("a.test MX 10 mx.test.\nmx.test A 198.18.0.1\n", &lists, &options, false);
    sim_net_serve(world->net, "198.18.0.1", 25, &server);
    sim_world_ask(world, "one", "a.test", false);
    assert_true(sim_world_run(world, 60000));
    assert_int_equal(world->recipients[0].reason, MC_REASON_TIMEOUT);
    assert_int_equal(server.attempts, 2);
    assert_true(mc_loop_now_ms(world->loop) - SIM_START_MS < 6000);
    sim_world_free(world);
    sim_server_clear(&server);
}

/* Ports are judged by listed providers that were tried. */
static void what_is_within_reach(void **state)
{
    (void)state;
    struct mc_lists lists = {.unknown = usual};
    struct mc_prober_options options;
    struct sim_server silent = {.connect = SIM_SILENT}, open = {0};
    known(&lists, ".one.test");
    known(&lists, ".two.test");
    sim_world_options(&options);
    options.connect_timeout_ms = 30000;
    struct sim_world *world = sim_world_new("a.test MX 10 mx.one.test.\nmx.one.test A 198.18.0.1\n"
                                            "b.test MX 10 mx.two.test.\nmx.two.test A 198.18.0.2\n"
                                            "c.test MX 10 mx.c.test.\nmx.c.test A 198.18.0.3\n",
                                            &lists, &options, false);
    sim_net_serve(world->net, "198.18.0.1", 25, &silent);
    sim_world_ask(world, "one", "a.test", false);
    sim_world_ask(world, "one", "b.test", false);
    sim_loop_advance(world->loop, 5000);
    struct mc_prober_reach reach = mc_prober_reach(world->prober, 15000);
    assert_false(reach.any_connected);
    assert_int_equal(reach.providers_tried, 2);
    assert_int_equal(reach.providers_failed, 1); /* refused; the other may still answer */
    sim_loop_advance(world->loop, 11000);
    assert_int_equal(mc_prober_reach(world->prober, 15000).providers_failed, 2);
    sim_net_serve(world->net, "198.18.0.3", 25, &open);
    sim_world_ask(world, "one", "c.test", false);
    sim_loop_advance(world->loop, 5000);
    assert_true(mc_prober_reach(world->prober, 15000).any_connected);
    assert_true(mc_prober_peer_accepted(world->prober, world->recipients[2].peer));
    assert_false(mc_prober_peer_accepted(world->prober, MC_NONE));
    sim_world_free(world);
    sim_server_clear(&silent);
    sim_server_clear(&open);
}

/* A lane that waits in the queue of one route and is offered on another one goes there. */
static void the_last_offer_counts(void **state)
{
    (void)state;
    struct mc_lists lists = {.unknown = usual};
    struct mc_prober_options options;
    struct sim_server servers[3] = {{.latency_ms = 500}};
    sim_world_options(&options);
    options.concurrency = 1; /* the others wait for the first */
    struct sim_world *world = sim_world_new("a.test MX 10 mx1.test.\nmx1.test A 198.18.0.1\n"
                                            "b.test MX 10 mx2.test.\nmx2.test A 198.18.0.2\n"
                                            "c.test MX 10 mx3.test.\nmx3.test A 198.18.0.3\n",
                                            &lists, &options, false);
    sim_net_serve(world->net, "198.18.0.1", 25, &servers[0]);
    sim_net_serve(world->net, "198.18.0.2", 25, &servers[1]);
    sim_net_serve(world->net, "198.18.0.3", 25, &servers[2]);
    sim_world_ask(world, "one", "a.test", false);
    sim_world_ask(world, "one", "b.test", false);
    sim_world_ask(world, "two", "b.test", false);
    sim_world_ask(world, "one", "c.test", false);
    sim_loop_advance(world->loop, 600);
    mc_prober_offer(world->prober, world->recipients[1].lane,
                    world->lanes[world->recipients[3].lane].route, MC_NONE);
    assert_true(sim_world_run(world, 60000));
    assert_string_equal(sim_world_find(world, "one", "b.test")->host, "mx3.test");
    assert_string_equal(sim_world_find(world, "two", "b.test")->host, "mx3.test");
    assert_int_equal(servers[1].attempts, 0);
    sim_world_free(world);
    for (unsigned i = 0; i < 3; i++)
        sim_server_clear(&servers[i]);
}

/* Insists on TLS, like all of its kind; `arg` counts who is in it. */
struct insisting {
    unsigned now, most, plain;
};

static bool insist(void *arg, struct sim_connection *connection, struct mc_span line)
{
    struct insisting *insisting = arg;
    bool tls = sim_connection_is_tls(connection);
    if (mc_span_equal(line, mc_span_of("STARTTLS")) && ++insisting->now > insisting->most)
        insisting->most = insisting->now;
    insisting->now -= tls && mc_span_equal(line, mc_span_of("QUIT"));
    if (tls || line.len < 4 || memcmp(line.at, "MAIL", 4) != 0)
        return false;
    insisting->plain++;
    sim_send(connection, "530 5.7.0 Must issue a STARTTLS command first\r\n", 1000);
    return true;
}

static void tls_has_a_bound_of_its_own(void **state)
{
    (void)state;
    enum { SERVERS = 250 };
    struct mc_lists lists = {.unknown = usual};
    struct mc_prober_options options;
    struct insisting insisting = {0};
    struct sim_server *servers = mc_calloc(SERVERS, sizeof *servers);
    struct mc_text zone = {0};
    char name[32];
    sim_world_options(&options);
    options.concurrency = 500;
    options.reply_timeout_ms = 5000;
    for (unsigned i = 0; i < SERVERS; i++)
        mc_text_printf(&zone, "d%u.test MX 10 mx%u.test.\nmx%u.test A 198.18.1.%u\n", i, i, i, i);
    struct sim_world *world = sim_world_new(mc_text_z(&zone), &lists, &options, false);
    for (unsigned i = 0; i < SERVERS; i++) {
        servers[i] = (struct sim_server){.latency_ms = 1000, .line = insist, .arg = &insisting};
        snprintf(name, sizeof name, "198.18.1.%u", i);
        sim_net_serve(world->net, name, 25, &servers[i]);
        snprintf(name, sizeof name, "d%u.test", i);
        sim_world_ask(world, "one", name, false);
    }
    assert_true(sim_world_run(world, 120000));
    for (unsigned i = 0; i < SERVERS; i++) {
        assert_int_equal(world->recipients[i].reason, MC_REASON_ACCEPTED);
        assert_int_equal(servers[i].quits, servers[i].attempts);
    }
    assert_int_equal(insisting.plain, SERVERS);
    assert_int_equal(insisting.most, 100);
    sim_world_free(world);
    for (unsigned i = 0; i < SERVERS; i++)
        sim_server_clear(&servers[i]);
    mc_text_free(&zone);
    free(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_scenarios_hold),         cmocka_unit_test(deadlines_do_not_start_anew),
        cmocka_unit_test(what_is_within_reach),       cmocka_unit_test(the_last_offer_counts),
        cmocka_unit_test(tls_has_a_bound_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
