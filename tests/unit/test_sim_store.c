/* Nights in virtual time: the pipeline with a store, run after run over the same addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../sim/fake_dns.h"
#include "../sim/fake_loop.h"
#include "../sim/fake_stream.h"
#include "engine/state.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

static const uint32_t waits_ms[] = {300000, 900000, 1800000};
static char folder[64], path[128];

/* One run: some hours after the story began, over these addresses. */
struct night {
    struct mc_engine *engine;
    uint32_t addresses[16];
    size_t count;
    int64_t seconds; /* it took */
};

static int64_t story_begins;
static const char *sender; /* NULL: the usual one */
static bool asks_all;      /* --max-age 0 */

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/mailcheck-nights.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/verdicts.db", folder);
    story_begins = 1800000000;
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void start(struct night *night, const char *zone, int64_t after, size_t waits)
{
    struct mailcheck_options options;
    char error[512];
    *night = (struct night){0};
    mailcheck_options_init(&options, sizeof options);
    options.dns_servers = zone;
    options.helo = "probe.acme.com";
    options.mail_from = sender;
    options.greylist_wait_ms = waits_ms;
    options.greylist_waits = waits;
    options.store = path;
    options.oldest_first = true;
    if (asks_all)
        options.store_max_age_ms = 0;
    const struct mc_engine_hooks hooks = {0};
    night->engine = mc_engine_new(&options, &hooks, error, sizeof error);
    if (!night->engine)
        fail_msg("%s", error);
    night->engine->start_unix = story_begins + after;
}

static void add(struct night *night, const char *cell)
{
    struct mc_address address;
    bool is_new;
    assert_int_equal(mc_address_parse(mc_span_of(cell), &address), MC_SYNTAX_OK);
    night->addresses[night->count++] = mc_engine_add(night->engine, &address, &is_new);
}

static void run(struct night *night)
{
    struct mc_loop *loop = mc_engine_loop(night->engine);
    int64_t began = mc_loop_now_ms(loop);
    for (unsigned turns = 0; !mc_engine_idle(night->engine); turns++) {
        mc_engine_run(night->engine, 1000);
        assert_in_range(turns, 0, 1000000);
    }
    night->seconds = (mc_loop_now_ms(loop) - began) / 1000;
}

static struct mc_result result(struct night *night, size_t number)
{
    struct mc_result answer;
    mc_engine_result(night->engine, night->addresses[number], &answer);
    return answer;
}

static void is(struct night *night, size_t number, const char *reason, const char *source)
{
    struct mc_result answer = result(night, number);
    assert_string_equal(mc_reason_name(answer.reason), reason);
    assert_string_equal(mc_source_name(answer.source), source);
}

static void stop(struct night *night, struct sim_server *server)
{
    mc_engine_free(night->engine);
    if (server)
        sim_server_clear(server);
}

static unsigned occurrences(struct sim_server *server, const char *text)
{
    unsigned count = 0;
    const char *at = mc_text_z(&server->log);
    for (; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

/* A whole night over some addresses of acme.com. */
static void over(struct night *night, struct sim_server *server, int64_t after,
                 const char *const *cells)
{
    start(night, "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1", after, 0);
    sim_net_serve(night->engine->net, "198.18.0.1", 25, server);
    for (; *cells; cells++)
        add(night, *cells);
    run(night);
}

#define UNKNOWN                                                                                    \
    {                                                                                              \
        .line = "RCPT TO:*", .reply = "550 5.1.1 no such user\r\n"                                 \
    }
#define LIVE(name)                                                                                 \
    {                                                                                              \
        .line = "RCPT TO:<" name "@*", .reply = "250 2.1.5 ok\r\n"                                 \
    }
static const struct sim_rule ann_lives[] = {LIVE("ann"), UNKNOWN};
static const struct sim_rule nobody_lives[] = {UNKNOWN};
static const char *const ann_and_bob[] = {"ann@acme.com", "bob@acme.com", NULL};

/* The next night asks neither DNS nor anybody, and says the same. */
static void nothing_is_asked_twice(void **state)
{
    (void)state;
    struct sim_server server = {SIM_RULES(ann_lives)};
    struct mc_engine_counts counts;
    struct night night;
    over(&night, &server, 0, ann_and_bob);
    is(&night, 0, "accepted", "probe");
    is(&night, 1, "no_such_mailbox", "probe");
    stop(&night, NULL);
    over(&night, &server, DAY, ann_and_bob);
    is(&night, 0, "accepted", "store");
    is(&night, 1, "no_such_mailbox", "store");
    struct mc_result ann = result(&night, 0), bob = result(&night, 1);
    assert_in_range(ann.checked_at, story_begins, story_begins + 60);
    assert_int_equal(ann.catch_all, MC_NO);
    assert_true(mc_span_equal(ann.mx, mc_span_of("mx.acme.com")));
    bob = result(&night, 1);
    assert_true(mc_span_equal(bob.smtp, mc_span_of("RCPT 550 5.1.1 no such user")));
    mc_engine_count(night.engine, &counts);
    assert_int_equal(counts.dns_questions, 0);
    assert_int_equal(counts.sessions, 0);
    assert_int_equal(occurrences(&server, "< RCPT"), 2);
    stop(&night, &server);
}

/* What has expired is asked again, the rest is not; the proof of last night still holds. */
static void only_what_has_expired_is_asked(void **state)
{
    (void)state;
    struct sim_server server = {SIM_RULES(ann_lives)};
    struct night night;
    over(&night, &server, 0, ann_and_bob);
    stop(&night, NULL);
    over(&night, &server, 4 * DAY, ann_and_bob);
    is(&night, 0, "accepted", "store");
    is(&night, 1, "no_such_mailbox", "probe");
    assert_int_equal(occurrences(&server, "< RCPT"), 3);
    stop(&night, &server);
}

/* Killed after the proof: the address that comes later needs no control. */
static void a_proof_outlives_its_run(void **state)
{
    (void)state;
    static const char *const bob[] = {"bob@acme.com", NULL}, *const ann[] = {"ann@acme.com", NULL};
    struct sim_server server = {SIM_RULES(ann_lives)};
    struct night night;
    over(&night, &server, 0, bob);
    stop(&night, NULL);
    over(&night, &server, HOUR, ann);
    is(&night, 0, "accepted", "probe");
    assert_int_equal(occurrences(&server, "< RCPT"), 2);
    stop(&night, &server);
}

/* One refusal makes a good address doubtful; a second, a day later, buries it; the report sees. */
static void one_refusal_buries_nobody(void **state)
{
    (void)state;
    static const char *const ann[] = {"ann@acme.com", NULL};
    struct sim_server good = {SIM_RULES(ann_lives)}, bad = {SIM_RULES(nobody_lives)};
    struct night night;
    over(&night, &good, 0, ann_and_bob);
    stop(&night, NULL);
    over(&night, &bad, 8 * DAY, ann);
    is(&night, 0, "unproven", "probe");
    assert_int_equal(result(&night, 0).change, MC_CHANGE_NONE);
    assert_int_equal(result(&night, 0).status, MC_RISKY);
    stop(&night, NULL);
    over(&night, &bad, 8 * DAY + 12 * HOUR, ann);
    is(&night, 0, "unproven", "store");
    stop(&night, NULL);
    over(&night, &bad, 9 * DAY + HOUR, ann);
    is(&night, 0, "no_such_mailbox", "probe");
    assert_int_equal(result(&night, 0).change, MC_CHANGE_DEAD);
    stop(&night, NULL);
    over(&night, &good, 24 * DAY, ann); /* a confirmed no holds for a fortnight */
    is(&night, 0, "accepted", "probe");
    assert_int_equal(result(&night, 0).change, MC_CHANGE_RECOVERED);
    stop(&night, &good);
    sim_server_clear(&bad);
}

/* Unknown is asked again each time, its nights are counted, and it takes nothing away. */
static void unknown_is_never_served(void **state)
{
    (void)state;
    static const struct sim_rule refuses_us[] = {
        {.line = "MAIL FROM:*", .reply = "554 5.7.1 your address is on our block list\r\n"}};
    struct sim_server server = {SIM_RULES(refuses_us)};
    struct night night;
    for (int i = 0; i < 3; i++) {
        over(&night, &server, i * DAY, ann_and_bob);
        is(&night, 0, "blocked", "probe");
        assert_int_equal(result(&night, 0).nights_unknown, i ? i + 1 : 0);
        stop(&night, NULL);
    }
    sim_server_clear(&server);
}

/* Who blocked us is left alone for an hour, by us as they know us; then it is asked again. */
static void a_block_is_remembered_for_an_hour(void **state)
{
    (void)state;
    static const struct sim_rule refuses_us[] = {
        {.line = "MAIL FROM:*", .reply = "554 5.7.1 your address is on our block list\r\n"}};
    static const struct {
        int after;
        const char *mail_from;
        unsigned asked;
    } runs[] = {{0, NULL, 1},
                {1800, NULL, 1},
                {1800, "ann@other.com", 2},
                {HOUR + 60, NULL, 3},
                {-DAY, NULL, 4}};
    struct sim_server server = {SIM_RULES(refuses_us)};
    for (size_t i = 0; i < MC_ARRAY_LEN(runs); i++) {
        struct night night;
        sender = runs[i].mail_from;
        over(&night, &server, runs[i].after, ann_and_bob);
        is(&night, 0, "blocked", "probe");
        assert_int_equal(occurrences(&server, "< MAIL"), runs[i].asked);
        assert_non_null(
            memmem(result(&night, 1).smtp.at, result(&night, 1).smtp.len, "on our block list", 17));
        stop(&night, NULL);
    }
    sender = NULL;
    sim_server_clear(&server);
}

/* What a server taught us needs no second lesson: this one hangs up at EHLO. */
static void habits_are_remembered(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "EHLO*", .then = SIM_RESET}, LIVE("ann"), UNKNOWN};
    static const char *const bob[] = {"bob@acme.com", NULL}, *const cho[] = {"cho@acme.com", NULL};
    struct sim_server server = {SIM_RULES(rules)};
    struct night night;
    over(&night, &server, 0, bob);
    is(&night, 0, "no_such_mailbox", "probe");
    stop(&night, NULL);
    assert_int_equal(occurrences(&server, "< EHLO"), 1);
    over(&night, &server, DAY, cho);
    is(&night, 0, "no_such_mailbox", "probe");
    stop(&night, NULL);
    assert_int_equal(occurrences(&server, "< EHLO"), 1);
    over(&night, &server, 8 * DAY, bob);
    assert_int_equal(occurrences(&server, "< EHLO"), 2);
    stop(&night, &server);
}

/* Told to come back a minute ago: asked when four more have passed, and then it is let in. */
static void greylisting_goes_on_where_it_was(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<ann@*", .reply = "450 4.2.0 Greylisted\r\n", .times = 1},
        LIVE("ann"),
        UNKNOWN,
    };
    struct sim_server server = {SIM_RULES(rules)};
    struct night night;
    static const char zone[] = "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1";
    start(&night, zone, 0, 3);
    sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
    add(&night, "ann@acme.com");
    for (int i = 0; i < 60; i++)
        mc_engine_run(night.engine, 1000);
    stop(&night, NULL); /* as if killed while it waited */
    start(&night, zone, 60, 3);
    sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
    add(&night, "ann@acme.com");
    run(&night);
    is(&night, 0, "accepted", "probe");
    assert_in_range(night.seconds, 220, 300);
    stop(&night, &server);
}

/* Stopped while it waits for a greylisting of the run before: greylisted, not not_probed. */
static void a_stop_while_waiting_again(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:*", .reply = "450 4.2.0 Greylisted\r\n"}};
    static const char zone[] = "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1";
    struct sim_server server = {SIM_RULES(rules)};
    struct night night;
    for (int i = 0; i < 2; i++) {
        start(&night, zone, i * 60, 3);
        sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
        add(&night, "ann@acme.com");
        for (int turn = 0; turn < 60; turn++)
            mc_engine_run(night.engine, 100);
        mc_engine_stop(night.engine);
        run(&night);
        is(&night, 0, "greylisted", "probe");
        stop(&night, NULL);
    }
    assert_int_equal(occurrences(&server, "< RCPT"), 1);
    sim_server_clear(&server);
}

/* What a stop leaves undecided is no evidence. */
static void a_stop_leaves_no_evidence(void **state)
{
    (void)state;
    struct sim_server server = {0}; /* accepts everything: a control would have to tell */
    struct mc_known known;
    struct night night;
    start(&night, "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1", 0, 0);
    sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
    mc_engine_set_input(night.engine, MC_INPUT_FILE); /* no control before the end of the input */
    add(&night, "ann@acme.com");
    for (int i = 0; i < 100; i++)
        mc_engine_run(night.engine, 100);
    mc_engine_set_input(night.engine, MC_INPUT_FILE);
    mc_engine_stop(night.engine);
    run(&night);
    is(&night, 0, "unproven", "probe");
    assert_false(
        mc_store_get(night.engine->store, mc_span_of("ann"), mc_span_of("acme.com"), &known));
    stop(&night, &server);
}

/* The domain is gone: one question, for all who come that day. A DNS failure is asked again. */
static void dead_domains_are_remembered_for_hours(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int after;
        const char *cell, *reason, *source;
    } nights[] = {
        {"null.com MX 0 .", 0, "ann@null.com", "null_mx", "dns"},
        {"null.com MX 0 .", HOUR, "bob@null.com", "null_mx", "store"},
        {"null.com MX 0 .", 7 * HOUR, "cho@null.com", "null_mx", "dns"},
        {"null.com MX 0 .", 20 * HOUR, "ann@null.com", "null_mx", "store"},
        {"fail.com MX SERVFAIL", 0, "ann@fail.com", "dns_failed", "dns"},
        {"fail.com MX SERVFAIL", 60, "bob@fail.com", "dns_failed", "dns"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(nights); i++) {
        struct night night;
        start(&night, nights[i].zone, nights[i].after, 0);
        add(&night, nights[i].cell);
        run(&night);
        is(&night, 0, nights[i].reason, nights[i].source);
        stop(&night, NULL);
    }
}

/* What a neighbour heard of the domain buries a good address no faster than DNS itself does. */
static void a_dead_domain_buries_no_good_address_at_once(void **state)
{
    (void)state;
    static const char *const ann[] = {"ann@acme.com", NULL};
    struct sim_server server = {SIM_RULES(ann_lives)};
    struct night night;
    over(&night, &server, 0, ann);
    is(&night, 0, "accepted", "probe");
    stop(&night, &server);
    start(&night, "acme.com MX 0 .", 8 * DAY, 0);
    add(&night, "bob@acme.com");
    run(&night);
    is(&night, 0, "null_mx", "dns");
    stop(&night, NULL);
    start(&night, "acme.com MX 0 .", 8 * DAY + HOUR, 0);
    add(&night, "ann@acme.com");
    add(&night, "cho@acme.com");
    run(&night);
    is(&night, 0, "unproven", "store");
    is(&night, 1, "null_mx", "store");
    stop(&night, NULL);
}

/* Those who would contradict a refusal were answered for by the store: of the domain it proves
 * nothing; of the mailbox, once one of those is accepted again behind it. */
static void stored_neighbours_make_nobody_dead(void **state)
{
    (void)state;
    static const struct sim_rule denies[] = {
        LIVE("ann"),
        {.line = "RCPT TO:<bob@*", .reply = "550 5.7.1 Relaying denied\r\n"},
        {.line = "RCPT TO:<cho@*", .reply = "550 Rejected\r\n"},
        UNKNOWN,
    };
    static const char *const ann[] = {"ann@acme.com", NULL}, *const bob[] = {"bob@acme.com", NULL};
    static const char *const both[][3] = {{"ann@acme.com", "bob@acme.com", NULL},
                                          {"ann@acme.com", "cho@acme.com", NULL}};
    struct sim_server server = {SIM_RULES(denies)};
    struct night night;
    over(&night, &server, 0, bob); /* with nobody known of the domain */
    is(&night, 0, "domain_not_served", "probe");
    stop(&night, NULL);
    assert_int_equal(unlink(path), 0);
    over(&night, &server, 0, ann);
    is(&night, 0, "accepted", "probe");
    stop(&night, NULL);
    for (int i = 0; i < 2; i++) {
        over(&night, &server, HOUR, both[i]);
        is(&night, 0, "accepted", "store");
        is(&night, 1, i ? "no_such_mailbox" : "blocked", "probe");
        stop(&night, NULL);
    }
    /* nobody is accepted any more: it was us */
    static const struct sim_rule rejects[] = {{.line = "RCPT TO:*", .reply = "550 Rejected\r\n"}};
    static const char *const ann_and_dan[] = {"ann@acme.com", "dan@acme.com", NULL};
    struct sim_server turned = {SIM_RULES(rejects)};
    over(&night, &turned, 2 * HOUR, ann_and_dan);
    is(&night, 1, "blocked", "probe");
    assert_int_equal(occurrences(&turned, "<ann@"), 1);
    stop(&night, &turned);
    sim_server_clear(&server);
}

/* Cut short, a run goes on: what it has found undecided is not asked twice, what waited is. The
 * next run, or the same a day later, asks. */
static void a_run_cut_short_goes_on(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<ann@*", .reply = "451 4.3.0 try later\r\n"}, UNKNOWN};
    static const struct {
        int after;
        bool ends;
        unsigned asked;
    } runs[] = {
        {0, false, 1}, {60, false, 1}, {120, true, 1}, {180, false, 2}, {13 * HOUR, true, 3}};
    struct sim_server server = {SIM_RULES(rules)};
    for (size_t i = 0; i < MC_ARRAY_LEN(runs); i++) {
        struct night night;
        start(&night, "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1", runs[i].after, 0);
        sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
        mc_engine_begin_list(night.engine, "/home/ann/list.csv");
        add(&night, "ann@acme.com");
        run(&night);
        is(&night, 0, "server_error", i == 1 || i == 2 ? "store" : "probe");
        assert_int_equal(occurrences(&server, "<ann@"), runs[i].asked);
        if (runs[i].ends)
            mc_engine_end_list(night.engine);
        stop(&night, NULL);
    }
    sim_server_clear(&server);
}

/* The next night over a list, to its end or not. */
static void over_list(struct night *night, struct sim_server *server, int64_t after, bool ends)
{
    start(night, "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1", after, 0);
    sim_net_serve(night->engine->net, "198.18.0.1", 25, server);
    mc_engine_begin_list(night->engine, "/home/ann/list.csv");
    add(night, "ann@acme.com");
    run(night);
    if (ends)
        mc_engine_end_list(night->engine);
}

/* One that asks everybody anew, whatever is known, goes on as well; and is another than the usual.
 */
static void a_run_that_asks_all_goes_on(void **state)
{
    (void)state;
    static const struct {
        int after;
        bool asks_all, ends;
        unsigned asked;
    } runs[] = {{0, true, false, 1},   {60, true, false, 1},  {120, true, true, 1},
                {180, true, false, 2}, {240, false, true, 2}, {300, true, true, 2},
                {360, true, true, 3}};
    struct sim_server server = {SIM_RULES(nobody_lives)};
    for (size_t i = 0; i < MC_ARRAY_LEN(runs); i++) {
        struct night night;
        asks_all = runs[i].asks_all;
        over_list(&night, &server, runs[i].after, runs[i].ends);
        is(&night, 0, "no_such_mailbox",
           i && runs[i].asked == runs[i - 1].asked ? "store" : "probe");
        assert_int_equal(occurrences(&server, "<ann@"), runs[i].asked);
        stop(&night, NULL);
    }
    asks_all = false;
    sim_server_clear(&server);
}

/* What the run found that was cut short is news to the reader of the one that goes on with it. */
static void changes_outlive_a_run_cut_short(void **state)
{
    (void)state;
    struct sim_server good = {SIM_RULES(ann_lives)}, bad = {SIM_RULES(nobody_lives)};
    struct night night;
    over(&night, &good, 0, ann_and_bob);
    stop(&night, NULL);
    static const struct {
        int64_t after;
        bool bad, ends;
        const char *reason;
        enum mc_change change;
    } nights[] = {
        {8 * DAY, true, false, "unproven", MC_CHANGE_NONE},
        {8 * DAY + HOUR, true, true, "unproven", MC_CHANGE_NONE},
        {9 * DAY + HOUR, true, false, "no_such_mailbox", MC_CHANGE_DEAD},
        {9 * DAY + 2 * HOUR, true, false, "no_such_mailbox", MC_CHANGE_DEAD},
        {9 * DAY + 3 * HOUR, true, true, "no_such_mailbox", MC_CHANGE_DEAD},
        {10 * DAY, true, true, "no_such_mailbox", MC_CHANGE_NONE},
        {30 * DAY, false, false, "accepted", MC_CHANGE_RECOVERED},
        {30 * DAY + HOUR, false, true, "accepted", MC_CHANGE_RECOVERED},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(nights); i++) {
        over_list(&night, nights[i].bad ? &bad : &good, nights[i].after, nights[i].ends);
        assert_string_equal(mc_reason_name(result(&night, 0).reason), nights[i].reason);
        assert_int_equal(result(&night, 0).change, nights[i].change);
        stop(&night, NULL);
    }
    sim_server_clear(&good);
    sim_server_clear(&bad);
}

/* The clock goes back a year: what lies ahead is not believed, nothing breaks. */
static void a_clock_set_back(void **state)
{
    (void)state;
    struct sim_server server = {SIM_RULES(ann_lives)};
    struct night night;
    over(&night, &server, 0, ann_and_bob);
    stop(&night, NULL);
    over(&night, &server, -365 * DAY, ann_and_bob);
    is(&night, 0, "accepted", "probe");
    is(&night, 1, "no_such_mailbox", "probe");
    stop(&night, NULL);
    over(&night, &server, -364 * DAY, ann_and_bob);
    is(&night, 0, "accepted", "store");
    stop(&night, &server);
}

/* With little time, those never asked come first, then the longest unchecked. */
static void the_longest_unchecked_come_first(void **state)
{
    (void)state;
    static const struct sim_rule rules[] = {UNKNOWN};
    static const char *const cells[][2] = {{"a@acme.com", NULL}, {"b@acme.com", NULL}};
    struct sim_server server = {SIM_RULES(rules)};
    struct night night;
    over(&night, &server, HOUR, cells[0]); /* a after b */
    stop(&night, NULL);
    over(&night, &server, 0, cells[1]);
    stop(&night, NULL);
    server.log.len = 0;
    start(&night, "acme.com MX 10 mx.acme.com.; mx.acme.com A 198.18.0.1", 5 * DAY, 0);
    sim_net_serve(night.engine->net, "198.18.0.1", 25, &server);
    mc_engine_set_input(night.engine, MC_INPUT_FILE);
    add(&night, "a@acme.com");
    add(&night, "b@acme.com");
    add(&night, "c@acme.com");
    mc_engine_set_input(night.engine, MC_INPUT_LIVE);
    run(&night);
    const char *log = mc_text_z(&server.log);
    const char *a = strstr(log, "<a@"), *b = strstr(log, "<b@"), *c = strstr(log, "<c@");
    assert_true(a && b && c);
    assert_true(c < b && b < a);
    stop(&night, &server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_asked_twice, begin, end),
        cmocka_unit_test_setup_teardown(only_what_has_expired_is_asked, begin, end),
        cmocka_unit_test_setup_teardown(a_proof_outlives_its_run, begin, end),
        cmocka_unit_test_setup_teardown(one_refusal_buries_nobody, begin, end),
        cmocka_unit_test_setup_teardown(unknown_is_never_served, begin, end),
        cmocka_unit_test_setup_teardown(a_block_is_remembered_for_an_hour, begin, end),
        cmocka_unit_test_setup_teardown(habits_are_remembered, begin, end),
        cmocka_unit_test_setup_teardown(greylisting_goes_on_where_it_was, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_while_waiting_again, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_leaves_no_evidence, begin, end),
        cmocka_unit_test_setup_teardown(dead_domains_are_remembered_for_hours, begin, end),
        cmocka_unit_test_setup_teardown(a_dead_domain_buries_no_good_address_at_once, begin, end),
        cmocka_unit_test_setup_teardown(stored_neighbours_make_nobody_dead, begin, end),
        cmocka_unit_test_setup_teardown(a_run_cut_short_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(a_run_that_asks_all_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(changes_outlive_a_run_cut_short, begin, end),
        cmocka_unit_test_setup_teardown(a_clock_set_back, begin, end),
        cmocka_unit_test_setup_teardown(the_longest_unchecked_come_first, begin, end),
    };
    return cmocka_run_group_tests_name("nights in virtual time", tests, NULL, NULL);
}
