/* The whole pipeline in virtual time: engine, prober and dialogue over a DNS and mail servers in
 * memory. Half an hour of greylisting takes a millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../sim/fake_dns.h"
#include "../sim/fake_loop.h"
#include "../sim/fake_stream.h"
#include "engine/state.h"

static const uint32_t waits_ms[] = {300000, 900000, 1800000};

struct bed {
    struct mc_engine *engine;
    uint32_t addresses[16];
    size_t count;
    unsigned settled;
};

static void on_settled(void *arg, uint32_t address)
{
    struct bed *bed = arg;
    (void)address;
    bed->settled++;
}

static void set_up(struct bed *bed, const char *zone, size_t waits)
{
    struct mailcheck_options options;
    char error[256];
    *bed = (struct bed){0};
    mailcheck_options_init(&options, sizeof options);
    options.dns_servers = zone;
    options.helo = "probe.acme.com";
    options.greylist_wait_ms = waits_ms;
    options.greylist_waits = waits;
    const struct mc_engine_hooks hooks = {.arg = bed, .settled = on_settled};
    bed->engine = mc_engine_new(&options, &hooks, error, sizeof error);
    assert_non_null(bed->engine);
}

static void add(struct bed *bed, const char *cell)
{
    struct mc_address address;
    bool is_new;
    assert_int_equal(mc_address_parse(mc_span_of(cell), &address), MC_SYNTAX_OK);
    bed->addresses[bed->count++] = mc_engine_add(bed->engine, &address, &is_new);
}

/* Runs until all is settled; returns the virtual seconds it took. */
static int64_t run(struct bed *bed)
{
    struct mc_loop *loop = mc_engine_loop(bed->engine);
    int64_t start = mc_loop_now_ms(loop);
    for (unsigned turns = 0; !mc_engine_idle(bed->engine); turns++) {
        mc_engine_run(bed->engine, 1000);
        assert_in_range(turns, 0, 1000000);
    }
    assert_int_equal(bed->settled, bed->count);
    return (mc_loop_now_ms(loop) - start) / 1000;
}

static const char *reason(struct bed *bed, size_t number)
{
    struct mc_result result;
    mc_engine_result(bed->engine, bed->addresses[number], &result);
    return mc_reason_name(result.reason);
}

static void serve(struct bed *bed, const char *ip, struct sim_server *server)
{
    sim_net_serve(bed->engine->net, ip, 25, server);
}

static void tear_down(struct bed *bed, struct sim_server *server)
{
    mc_engine_free(bed->engine);
    if (server) {
        assert_int_equal(server->early, 0);
        assert_int_equal(server->abandoned, 0);
        sim_server_clear(server);
    }
}

static unsigned occurrences(struct sim_server *server, const char *text)
{
    unsigned count = 0;
    const char *at = mc_text_z(&server->log);
    for (; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

#define ONE_MX "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1"
#define UNKNOWN                                                                                    \
    {                                                                                              \
        .line = "RCPT TO:*", .reply = "550 5.1.1 no such user\r\n"                                 \
    }
#define LIVE(name)                                                                                 \
    {                                                                                              \
        .line = "RCPT TO:<" name "@*", .reply = "250 2.1.5 ok\r\n"                                 \
    }

/* A refused real address is the proof; no random one is asked. */
static void a_refusal_saves_the_control(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {LIVE("ann"), UNKNOWN};
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "accepted");
    assert_string_equal(reason(&bed, 1), "no_such_mailbox");
    assert_int_equal(occurrences(&server, "< RCPT"), 2);
    assert_int_equal(server.accepted, 1);
    tear_down(&bed, &server);
}

static void a_control_proves_in_the_same_session(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {LIVE("ann"), UNKNOWN};
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "accepted");
    assert_int_equal(occurrences(&server, "< RCPT"), 2);
    assert_int_equal(server.accepted, 1);
    tear_down(&bed, &server);
}

static void everything_accepted_is_a_catch_all(void **state)
{
    (void)state;
    struct sim_server server = {0};
    struct bed bed;
    set_up(&bed, ONE_MX, 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    add(&bed, "cho@acme.com");
    run(&bed);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(reason(&bed, i), "catch_all");
    assert_int_equal(occurrences(&server, "< RCPT"), 4);
    tear_down(&bed, &server);
}

/* The first try is greylisted, the second after five minutes is not; so with the control. */
static void greylisting_is_waited_out(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<ann@*", .reply = "450 4.2.0 Greylisted\r\n", .times = 1},
        LIVE("ann"),
        {.line = "RCPT TO:*", .reply = "450 4.2.0 Greylisted\r\n", .times = 1},
        UNKNOWN,
    };
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 3);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    int64_t seconds = run(&bed);
    assert_string_equal(reason(&bed, 0), "accepted");
    assert_in_range(seconds, 600, 640);
    tear_down(&bed, &server);
}

/* Three waits, four tries, then it is said to be what it is. */
static void greylisting_without_end(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:*", .reply = "451 4.7.1 Greylisted, come back\r\n"}};
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 3);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    int64_t seconds = run(&bed);
    assert_string_equal(reason(&bed, 0), "greylisted");
    assert_in_range(seconds, 3000, 3060);
    assert_int_equal(occurrences(&server, "< RCPT"), 4);
    tear_down(&bed, &server);
}

/* Stopped while it waits: greylisted, not not_probed; what was never asked is not_probed. */
static void a_stop_tells_waiting_from_unasked(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:*", .reply = "451 4.3.0 Temporary lookup failure\r\n"}};
    struct sim_server server = {SIM_RULES(rules)}, silent = {.connect = SIM_SILENT};
    struct bed bed;
    set_up(&bed, ONE_MX "; slow.com MX 10 mx.slow.com.; mx.slow.com A 198.18.0.2", 3);
    serve(&bed, "198.18.0.1", &server);
    serve(&bed, "198.18.0.2", &silent);
    add(&bed, "ann@acme.com");
    add(&bed, "ann@slow.com");
    for (int i = 0; i < 20; i++)
        mc_engine_run(bed.engine, 100);
    mc_engine_stop(bed.engine);
    int64_t seconds = run(&bed);
    assert_string_equal(reason(&bed, 0), "greylisted");
    assert_string_equal(reason(&bed, 1), "not_probed");
    assert_in_range(seconds, 0, 2);
    sim_server_clear(&silent);
    tear_down(&bed, &server);
}

/* An ambiguous no counts only where the same server said yes to somebody. */
static void ambiguous_refusals(void **state)
{
    (void)state;
    static const struct sim_rule always_no[] = {{.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    static const struct sim_rule some_yes[] = {LIVE("ann"),
                                               {.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    struct sim_server no = {SIM_RULES(always_no)}, yes = {SIM_RULES(some_yes)};
    struct bed bed;
    set_up(&bed, ONE_MX "; two.com MX 10 mx.two.com.; mx.two.com A 198.18.0.2", 0);
    serve(&bed, "198.18.0.1", &no);
    serve(&bed, "198.18.0.2", &yes);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    add(&bed, "ann@two.com");
    add(&bed, "bob@two.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "blocked");
    assert_string_equal(reason(&bed, 1), "blocked");
    assert_string_equal(reason(&bed, 2), "accepted");
    assert_string_equal(reason(&bed, 3), "no_such_mailbox");
    sim_server_clear(&no);
    tear_down(&bed, &yes);
}

/* Where a server has refused in plain words, QUIT goes with the control ... */
static void quit_goes_with_the_control(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {LIVE("ann"), UNKNOWN};
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX "; two.com MX 10 mx.acme.com.", 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    run(&bed);
    const char *log = mc_text_z(&server.log);
    assert_true(strstr(log, "1> 550") < strstr(log, "1< QUIT"));
    add(&bed, "ann@two.com");
    run(&bed);
    assert_string_equal(reason(&bed, 1), "accepted");
    log = mc_text_z(&server.log);
    assert_true(strstr(log, "2< QUIT") < strstr(log, "2> 550"));
    tear_down(&bed, &server);
}

/* ... and where it then finds other words, which want somebody behind them whom the server accepts,
 * the control is asked again, and QUIT waits from then on. */
static void an_ambiguous_no_to_the_control(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        LIVE("ann"),
        {.line = "RCPT TO:<bob@*", .reply = "550 5.1.1 no such user\r\n"},
        {.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    static const struct {
        const char *first, *second;
        unsigned sessions;
    } steps[] = {
        {"ann@one.com", NULL, 1}, /* the control, and ann once more */
        {"ann@acme.com", "bob@acme.com", 2},
        {"ann@two.com", NULL, 4},
        {"ann@six.com", NULL, 5},
    };
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed,
           ONE_MX "; one.com MX 10 mx.acme.com.; two.com MX 10 mx.acme.com.;"
                  "six.com MX 10 mx.acme.com.",
           0);
    serve(&bed, "198.18.0.1", &server);
    for (size_t i = 0; i < MC_ARRAY_LEN(steps); i++) {
        size_t number = bed.count;
        add(&bed, steps[i].first);
        if (steps[i].second)
            add(&bed, steps[i].second);
        run(&bed);
        assert_string_equal(reason(&bed, number), "accepted");
        assert_int_equal(server.accepted, steps[i].sessions);
    }
    tear_down(&bed, &server);
}

/* After some refusals the server says an ambiguous no to everybody: an earlier yes does not make
 * dead those that live. */
static void ambiguous_for_everybody_from_there_on(void **state)
{
    (void)state;
    static const struct sim_rule open[] = {LIVE("ann"),
                                           {.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    static const struct sim_rule shut[] = {
        {.line = "RCPT TO:<ann@*", .reply = "250 2.1.5 ok\r\n", .times = 1},
        {.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    struct sim_server first = {SIM_RULES(open)}, second = {SIM_RULES(shut)};
    struct bed bed;
    set_up(&bed, ONE_MX "; two.com MX 10 mx.two.com.; mx.two.com A 198.18.0.2", 0);
    serve(&bed, "198.18.0.1", &first);
    serve(&bed, "198.18.0.2", &second);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    add(&bed, "ann@two.com");
    add(&bed, "bob@two.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "accepted");
    assert_string_equal(reason(&bed, 1), "no_such_mailbox"); /* ann is accepted behind bob */
    assert_string_not_equal(reason(&bed, 3), "no_such_mailbox");
    sim_server_clear(&first);
    tear_down(&bed, &second);
}

/* One MX does not serve the domain, the other does. */
static void the_other_mx_serves_the_domain(void **state)
{
    (void)state;
    static const struct sim_rule relay[] = {
        {.line = "RCPT TO:*", .reply = "550 5.7.1 Relaying denied\r\n"}};
    static const struct sim_rule rules[] = {LIVE("ann"), UNKNOWN};
    struct sim_server wrong = {SIM_RULES(relay)}, right = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed,
           "acme.com MX 10 mx1.acme.com.; acme.com MX 20 mx2.acme.com.; "
           "mx1.acme.com A 198.18.0.1; mx2.acme.com A 198.18.0.2; "
           "lost.com MX 10 mx1.acme.com.",
           0);
    serve(&bed, "198.18.0.1", &wrong);
    serve(&bed, "198.18.0.2", &right);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    add(&bed, "ann@lost.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "accepted");
    assert_string_equal(reason(&bed, 1), "no_such_mailbox");
    assert_string_equal(reason(&bed, 2), "domain_not_served");
    sim_server_clear(&wrong);
    tear_down(&bed, &right);
}

/* Three large providers out of reach: the port is closed, and nothing is said of anybody. */
static void a_closed_port_is_found_out(void **state)
{
    (void)state;
    struct sim_server silent = {.connect = SIM_SILENT};
    struct bed bed;
    set_up(&bed,
           "a.com MX 10 aspmx.l.google.com.; aspmx.l.google.com A 198.18.0.1; "
           "b.com MX 10 b-com.mail.protection.outlook.com.; "
           "b-com.mail.protection.outlook.com A 198.18.0.2; "
           "c.com MX 10 mta5.am0.yahoodns.net.; mta5.am0.yahoodns.net A 198.18.0.3; "
           "d.com MX 10 mx.d.com.; mx.d.com A 198.18.0.4; e.com MX 0 .",
           3);
    for (int i = 1; i <= 4; i++) {
        char ip[16];
        snprintf(ip, sizeof ip, "198.18.0.%d", i);
        serve(&bed, ip, &silent);
    }
    add(&bed, "ann@a.com");
    add(&bed, "ann@b.com");
    add(&bed, "ann@c.com");
    add(&bed, "ann@d.com");
    add(&bed, "ann@e.com");
    int64_t seconds = run(&bed);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(reason(&bed, i), "not_probed");
    assert_string_equal(reason(&bed, 4), "null_mx");
    assert_non_null(mc_engine_probe_impossible(bed.engine));
    assert_in_range(seconds, 9, 31);
    tear_down(&bed, NULL);
    sim_server_clear(&silent);
}

/* With fewer providers to judge by, a dead host is just a dead host. */
static void a_dead_host_is_a_dead_host(void **state)
{
    (void)state;
    struct sim_server dead = {.connect = SIM_REFUSE};
    struct bed bed;
    set_up(&bed, ONE_MX, 3);
    serve(&bed, "198.18.0.1", &dead);
    add(&bed, "ann@acme.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "connect_failed");
    assert_null(mc_engine_probe_impossible(bed.engine));
    tear_down(&bed, NULL);
    sim_server_clear(&dead);
}

/* A provider that accepts everything is asked for no control. */
static void an_accept_all_provider_proves_nothing(void **state)
{
    (void)state;
    struct sim_server server = {0};
    struct bed bed;
    set_up(&bed, "c.com MX 10 mta5.am0.yahoodns.net.; mta5.am0.yahoodns.net A 198.18.0.3", 0);
    serve(&bed, "198.18.0.3", &server);
    add(&bed, "ann@c.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "unproven");
    assert_int_equal(occurrences(&server, "< RCPT"), 1);
    tear_down(&bed, &server);
}

/* A server that refuses to relay for one odd recipient does serve the domain. */
static void one_relay_refusal_is_not_the_domain(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:*%other.com@*", .reply = "554 5.7.1 Relay access denied\r\n"},
        {.line = "RCPT TO:<odd@*", .reply = "554 5.7.1 Relay access denied\r\n"},
        LIVE("live"),
        UNKNOWN,
    };
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "bob%other.com@acme.com");
    add(&bed, "odd@acme.com");
    add(&bed, "live@acme.com");
    add(&bed, "dead@acme.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "blocked");
    assert_string_equal(reason(&bed, 1), "blocked");
    assert_string_equal(reason(&bed, 2), "accepted");
    assert_string_equal(reason(&bed, 3), "no_such_mailbox");
    tear_down(&bed, &server);
}

/* All hear that the domain is not served, one of them only after it was greylisted. */
static void not_served_reaches_those_who_waited(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<ann@*", .reply = "450 4.2.0 Greylisted\r\n", .times = 1},
        {.line = "RCPT TO:*", .reply = "550 5.7.1 Relaying denied\r\n"},
    };
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 3);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    for (int i = 0; i < 6; i++) {
        char cell[32];
        snprintf(cell, sizeof cell, "u%d@acme.com", i);
        add(&bed, cell);
    }
    run(&bed);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(reason(&bed, i), "domain_not_served");
    tear_down(&bed, &server);
}

/* A server that speaks of SMTPUTF8 to a plain recipient is asked once, not for ever. */
static void odd_words_of_smtputf8_end(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:*", .reply = "553 5.6.7 SMTPUTF8 is required\r\n"}};
    struct sim_server server = {SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 0);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    run(&bed);
    assert_string_equal(reason(&bed, 0), "blocked");
    assert_in_range(occurrences(&server, "< RCPT"), 1, 2);
    tear_down(&bed, &server);
}

/* A reply that comes in the half second between the stop and the end still counts. */
static void a_late_reply_settles_a_stopped_run(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<ann@*", .reply = "250 2.1.5 ok\r\n", .delay_ms = 300},
        {.line = "RCPT TO:<bob@*", .reply = "550 5.1.1 no such user\r\n"},
        {.line = "RCPT TO:*", .reply = "450 4.2.0 Greylisted\r\n"},
    };
    struct sim_server server = {.latency_ms = 10, SIM_RULES(rules)};
    struct bed bed;
    set_up(&bed, ONE_MX, 3);
    serve(&bed, "198.18.0.1", &server);
    add(&bed, "ann@acme.com");
    add(&bed, "bob@acme.com");
    add(&bed, "cho@acme.com");
    while (!occurrences(&server, "< RCPT TO:<cho"))
        mc_engine_run(bed.engine, 1);
    mc_engine_stop(bed.engine);
    assert_in_range(run(&bed), 0, 2);
    assert_string_equal(reason(&bed, 0), "unproven");
    assert_string_equal(reason(&bed, 1), "no_such_mailbox");
    assert_string_equal(reason(&bed, 2), "greylisted");
    tear_down(&bed, &server);
}

/* A sample takes from each provider its share, whatever chance would like. */
static void a_sample_takes_from_each_its_share(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 20; turn++) {
        struct bed bed;
        size_t giant = 0, other = 0;
        set_up(&bed, ONE_MX "; big.com MX 10 smtp.google.com.; smtp.google.com A 198.18.0.2", 0);
        mc_engine_set_input(bed.engine, MC_INPUT_HELD);
        for (char name[] = "a@big.com"; name[0] < 'i'; name[0]++)
            add(&bed, name);
        for (char name[] = "a@acme.com"; name[0] < 'e'; name[0]++)
            add(&bed, name);
        for (unsigned turns = 0; !mc_engine_dns_done(bed.engine); turns++) {
            mc_engine_run(bed.engine, 1000);
            assert_in_range(turns, 0, 1000);
        }
        assert_int_equal(mc_engine_sample(bed.engine, 3), 12);
        for (size_t i = 0; i < bed.count; i++)
            *(i < 8 ? &giant : &other) += !mc_engine_is_settled(bed.engine, bed.addresses[i]);
        assert_int_equal(giant, 2);
        assert_int_equal(other, 1);
        tear_down(&bed, NULL);
    }
}

/* Where there is no way out by IPv6, hosts with an IPv4 address are not asked for another one, and
 * a domain that has nothing else is one that cannot be reached, not one without a server. */
static void no_way_out_by_ipv6(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {LIVE("ann"), UNKNOWN};
    for (int has_ipv6 = 0; has_ipv6 < 2; has_ipv6++) {
        struct sim_server server = {SIM_RULES(rules)};
        struct bed bed;
        set_up(&bed,
               ONE_MX "; mx.acme.com AAAA 2001:2::1; six.com MX 10 mx.six.com.;"
                      "mx.six.com AAAA 2001:2::6; none.com TXT x",
               0);
        sim_net_set_reach(bed.engine->net, AF_INET6, has_ipv6);
        serve(&bed, "198.18.0.1", &server);
        serve(&bed, "2001:2::6", &server);
        add(&bed, "ann@acme.com");
        add(&bed, "ann@six.com");
        add(&bed, "ann@none.com");
        run(&bed);
        assert_string_equal(reason(&bed, 0), "accepted");
        assert_string_equal(reason(&bed, 1), has_ipv6 ? "accepted" : "connect_failed");
        assert_string_equal(reason(&bed, 2), "no_mail_server");
        assert_int_equal(sim_dns_asked(bed.engine->dns, MC_DNS_AAAA, "mx.acme.com"), has_ipv6);
        assert_int_equal(sim_dns_asked(bed.engine->dns, MC_DNS_AAAA, "mx.six.com"), 1);
        tear_down(&bed, &server);
    }
}

/* Silent questions crowd DNS though no lookup waits for them: the other domains have their turn. */
static void silence_crowds_nobody_out(void **state)
{
    (void)state;
    struct mc_text zone = {0};
    char cell[32];
    struct bed bed;
    for (unsigned i = 0; i < 300; i++)
        mc_text_printf(&zone,
                       "d%u.com MX 10 m%u.com; m%u.com A 10.0.0.1; m%u.com AAAA SILENT;"
                       "m%u.com A 198.18.0.1; n%u.com MX 0 .;",
                       i, i, i, i, i, i);
    set_up(&bed, mc_text_z(&zone), 0);
    for (unsigned i = 0; i < 600; i++) {
        struct mc_address address;
        bool is_new;
        int len = snprintf(cell, sizeof cell, "ann@%c%u.com", i < 300 ? 'd' : 'n', i % 300);
        assert_int_equal(mc_address_parse(mc_span(cell, (size_t)len), &address), MC_SYNTAX_OK);
        uint32_t number = mc_engine_add(bed.engine, &address, &is_new);
        bed.addresses[i % MC_ARRAY_LEN(bed.addresses)] = number;
        bed.count++;
    }
    assert_in_range(run(&bed), 0, 120);
    assert_string_equal(reason(&bed, 0), "null_mx");
    tear_down(&bed, NULL);
    mc_text_free(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_saves_the_control),
        cmocka_unit_test(a_control_proves_in_the_same_session),
        cmocka_unit_test(everything_accepted_is_a_catch_all),
        cmocka_unit_test(greylisting_is_waited_out),
        cmocka_unit_test(greylisting_without_end),
        cmocka_unit_test(a_stop_tells_waiting_from_unasked),
        cmocka_unit_test(ambiguous_refusals),
        cmocka_unit_test(quit_goes_with_the_control),
        cmocka_unit_test(an_ambiguous_no_to_the_control),
        cmocka_unit_test(ambiguous_for_everybody_from_there_on),
        cmocka_unit_test(the_other_mx_serves_the_domain),
        cmocka_unit_test(one_relay_refusal_is_not_the_domain),
        cmocka_unit_test(not_served_reaches_those_who_waited),
        cmocka_unit_test(odd_words_of_smtputf8_end),
        cmocka_unit_test(a_late_reply_settles_a_stopped_run),
        cmocka_unit_test(a_closed_port_is_found_out),
        cmocka_unit_test(a_dead_host_is_a_dead_host),
        cmocka_unit_test(an_accept_all_provider_proves_nothing),
        cmocka_unit_test(a_sample_takes_from_each_its_share),
        cmocka_unit_test(no_way_out_by_ipv6),
        cmocka_unit_test(silence_crowds_nobody_out),
    };
    return cmocka_run_group_tests_name("engine in virtual time", tests, NULL, NULL);
}
