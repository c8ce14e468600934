/* The prober in worlds made at random: whatever servers do, no limit is passed, nobody is lost,
 * every session ends, and politely. SEED=n repeats one world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../sim/fake_lists.h"
#include "../sim/fake_loop.h"
#include "../sim/smtp_world.h"
#include "base/memory.h"

enum { SERVERS = 8, DOMAINS = 20 };

static uint64_t random_state;

static unsigned rnd(unsigned bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * 0x2545F4914F6CDD1DULL >> 33) % bound);
}

/* What a server does at its worst; most lines are answered as a friendly one would. */
static const struct sim_rule mischief[] = {
    {.line = "RCPT TO:<dead*", .reply = "550 5.1.1 no such user\r\n"},
    {.line = "RCPT TO:<*1@*", .reply = "450 4.2.0 Greylisted\r\n"},
    {.line = "RCPT TO:<*2@*", .reply = "452 4.5.3 too many recipients\r\n"},
    {.line = "RCPT TO:<*3@*", .reply = "550 5.7.1 your IP is blocked\r\n"},
    {.line = "RCPT TO:<*4@*", .reply = NULL, .then = SIM_CLOSE},
    {.line = "RCPT TO:<*5@*", .reply = "421 4.7.0 too many errors\r\n", .then = SIM_CLOSE},
    {.line = "RCPT TO:<*6@*", .reply = NULL},
    {.line = "RCPT TO:<*7@*", .reply = "rubbish\r\n"},
    {.line = "MAIL FROM:*", .reply = "451 4.3.0 busy\r\n", .times = 3},
    {.line = "MAIL FROM:*", .reply = "530 5.7.0 Must issue a STARTTLS command first\r\n"},
    {.line = "MAIL FROM:*", .reply = "550 5.7.1 sender refused, your IP\r\n"},
    {.line = "MAIL FROM:*", .reply = NULL, .then = SIM_RESET, .times = 2},
    {.line = "EHLO *", .reply = "502 5.5.1 what?\r\n"},
    {.line = "EHLO *", .reply = "250 mx.test\r\n"},
    {.line = "EHLO *", .reply = NULL, .then = SIM_CLOSE, .times = 1},
    {.line = "EHLO *", .reply = "421 4.3.2 not now\r\n", .then = SIM_CLOSE, .times = 2},
    {.line = "RSET", .reply = "554 too many nonmail commands\r\n", .then = SIM_CLOSE},
    {.line = "STARTTLS", .reply = "454 4.7.0 not available\r\n"},
    {.line = "QUIT", .reply = "221 bye\r\n", .delay_ms = 900, .then = SIM_CLOSE},
    {.line = "RCPT TO:*", .reply = "250 2.1.5 ok\r\n", .delay_ms = 700},
};

struct town {
    struct sim_server servers[SERVERS];
    struct sim_rule rules[SERVERS][4];
    char zone[8192];
    struct mc_lists lists;
    struct mc_prober_options options;
    struct sim_world *world;
    unsigned over; /* times a limit was passed */
};

/* Called when a server lets a connection in: all limits, as the servers see them. */
static void count_open(void *arg, struct sim_connection *connection)
{
    struct town *town = arg;
    unsigned all = 0, house = 0;
    (void)connection;
    for (unsigned i = 0; i < SERVERS; i++) {
        all += town->servers[i].open;
        house += i % 4 == 0 ? town->servers[i].open : 0;
        town->over += town->servers[i].open > town->options.per_mx;
    }
    town->over += all > town->options.concurrency || house > town->lists.known[0].connections ||
                  house > town->options.per_provider;
}

static void build_servers(struct town *town)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        struct sim_server *server = &town->servers[i];
        server->latency_ms = rnd(3) ? rnd(200) : 0;
        server->connect_ms = rnd(100);
        server->connect = rnd(8) ? SIM_ACCEPT : (enum sim_connect)rnd(6);
        server->tls = rnd(3) ? SIM_TLS_WORKS : SIM_TLS_FAILS;
        server->piece = rnd(4) ? 0 : 1 + rnd(30);
        server->opened = count_open;
        server->arg = town;
        server->rules = town->rules[i];
        server->rule_count = rnd(5);
        for (size_t j = 0; j < server->rule_count; j++)
            town->rules[i][j] = mischief[rnd(MC_ARRAY_LEN(mischief))];
    }
}

/* Every fourth server belongs to the one known provider. */
static void build_zone(struct town *town)
{
    size_t at = 0;
    for (unsigned i = 0; i < SERVERS; i++)
        at += (size_t)snprintf(town->zone + at, sizeof town->zone - at,
                               "mx%u.%s.test A 198.18.0.%u\n", i, i % 4 ? "small" : "big", i + 1);
    for (unsigned i = 0; i < DOMAINS; i++)
        for (unsigned j = 0, hosts = 1 + rnd(3); j < hosts; j++) {
            unsigned host = rnd(SERVERS);
            at += (size_t)snprintf(town->zone + at, sizeof town->zone - at,
                                   "d%u.test MX %u mx%u.%s.test.\n", i, 10 * rnd(3), host,
                                   host % 4 ? "small" : "big");
        }
}

static void build_limits(struct town *town)
{
    struct mc_provider usual = {.id = "",
                                .connections = 1 + rnd(4),
                                .connect_gap_ms = rnd(500),
                                .rcpt_per_session = rnd(2) ? 1 + rnd(60) : 0,
                                .rcpt_per_transaction = 1 + rnd(50),
                                .refusals_in_row = rnd(2) ? 1 + rnd(20) : 0,
                                .rcpt_per_minute = rnd(2) ? 30 + rnd(500) : 0,
                                .refusals_per_minute = rnd(2) ? 30 + rnd(100) : 0,
                                .rcpt_per_day = rnd(4) ? 0 : 100 + rnd(100),
                                .breaker = rnd(2) ? 0 : 1 + rnd(6)};
    town->lists =
        (struct mc_lists){.unknown = usual, .known = {usual}, .suffix = {".big.test"}, .count = 1};
    town->lists.known[0].id = "big";
    town->lists.known[0].index = 1;
    sim_world_options(&town->options);
    town->options.per_mx = 1 + rnd(4);
    town->options.per_provider = 1 + rnd(4);
    town->options.concurrency = 1 + rnd(12);
    town->options.no_pace = rnd(2);
    town->options.gentle_pace = !town->options.no_pace && rnd(2);
    town->options.reply_timeout_ms = 2000;
    town->options.connect_timeout_ms = 1500;
}

static void populate(struct town *town)
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        char domain[32], local[32];
        snprintf(domain, sizeof domain, "d%u.test", i);
        for (unsigned j = 0, count = rnd(5) ? rnd(12) : rnd(150); j < count; j++) {
            snprintf(local, sizeof local, "%s%u", rnd(3) ? "user" : "dead", j);
            sim_world_ask(town->world, local, domain, rnd(40) == 0);
        }
        if (rnd(2))
            sim_world_want_control(town->world, domain);
    }
}

static void live_through(unsigned seed, bool stop)
{
    struct town *town = mc_calloc(1, sizeof *town);
    random_state = seed * 0x9E3779B97F4A7C15ULL + 1;
    build_servers(town);
    build_zone(town);
    build_limits(town);
    town->world = sim_world_new(town->zone, &town->lists, &town->options, false);
    town->world->greylist_tries = 2;
    town->world->greylist_wait_ms = 300000;
    for (unsigned i = 0; i < SERVERS; i++) {
        char ip[20];
        snprintf(ip, sizeof ip, "198.18.0.%u", i + 1);
        sim_net_serve(town->world->net, ip, 25, &town->servers[i]);
    }
    populate(town);
    if (stop) {
        sim_world_run(town->world, 100 + rnd(30000));
        mc_prober_stop(town->world->prober);
        sim_world_stopped(town->world);
        sim_loop_advance(town->world->loop, 1000);
        assert_int_equal(sim_world_under_way(town->world), 0);
    } else if (!sim_world_run(town->world, 24 * 3600 * 1000LL) ||
               sim_world_unanswered(town->world)) {
        fail_msg("seed %u: %zu recipients without an answer after a day", seed,
                 sim_world_unanswered(town->world));
    }
    sim_loop_advance(town->world->loop, 20000);
    assert_true(mc_prober_idle(town->world->prober));
    assert_int_equal(mc_net_open_streams(town->world->net), 0);
    if (town->over)
        fail_msg("seed %u: a limit was passed %u times", seed, town->over);
    for (unsigned i = 0; i < SERVERS; i++) {
        if (!town->servers[i].early && !town->servers[i].abandoned)
            continue;
        fputs(getenv("SEED") ? mc_text_z(&town->servers[i].log) : "", stderr);
        fail_msg("seed %u: server %u: early=%u abandoned=%u", seed, i, town->servers[i].early,
                 town->servers[i].abandoned);
    }
    sim_world_free(town->world);
    for (unsigned i = 0; i < SERVERS; i++)
        sim_server_clear(&town->servers[i]);
    free(town);
}

static void many_worlds(bool stop, unsigned count)
{
    const char *seed = getenv("SEED");
    if (seed) {
        live_through((unsigned)strtoul(seed, NULL, 10), stop);
        return;
    }
    for (unsigned i = 1; i <= count; i++)
        live_through(i, stop);
}

static void all_are_answered(void **state)
{
    (void)state;
    many_worlds(false, 300);
}

static void stopped_at_any_time(void **state)
{
    (void)state;
    many_worlds(true, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_answered),
        cmocka_unit_test(stopped_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
