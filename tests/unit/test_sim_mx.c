/* The MX lookup over a DNS in memory: tests/cases/domains.tsv, and who is asked how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../sim/fake_dns.h"
#include "../sim/fake_loop.h"
#include "base/memory.h"
#include "base/text.h"
#include "mx/mx_lookup.h"

struct heard {
    struct mc_mx *mx;
    unsigned answers;
    enum mc_reason reason;
    struct mc_text detail, hosts, best;
    void (*then)(struct heard *heard); /* called inside the answer */
};

static void on_answer(void *arg, const struct mc_mx_answer *answer)
{
    struct heard *heard = arg;
    heard->answers++;
    heard->reason = answer->reason;
    heard->detail.len = heard->hosts.len = heard->best.len = 0;
    mc_text_add_z(&heard->detail, answer->detail);
    mc_text_add_span(&heard->best, answer->best_host);
    for (size_t i = 0; i < answer->count; i++) {
        const struct mc_ip *ips;
        size_t count = mc_mx_host_addresses(heard->mx, answer->entries[i].host, &ips);
        mc_text_printf(&heard->hosts, "%s%u ", i ? ", " : "", answer->entries[i].preference);
        mc_text_add_span(&heard->hosts, mc_mx_host_name(heard->mx, answer->entries[i].host));
        for (size_t j = 0; j < count; j++) {
            char ip[MC_IP_TEXT_SIZE];
            mc_ip_format(&ips[j], ip);
            mc_text_printf(&heard->hosts, " %s", ip);
        }
    }
    if (heard->then)
        heard->then(heard);
}

static void heard_free(struct heard *heard)
{
    mc_text_free(&heard->detail);
    mc_text_free(&heard->hosts);
    mc_text_free(&heard->best);
}

static bool no_ipv6(void *arg)
{
    (void)arg;
    return false;
}

/* With no way out by IPv6 the verdict on the domain stays what it is. */
static void check_without_ipv6(unsigned line, char *fields[6])
{
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, fields[1]);
    struct mc_mx_options options = {
        .allow_private = strcmp(fields[0], "private") == 0, .want_all = true, .has_ipv6 = no_ipv6};
    struct heard heard = {.mx = mc_mx_new(dns, &options)};
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    assert_true(sim_loop_run_dry(loop, 30000));
    assert_int_equal(heard.answers, 1);
    if (strcmp(mc_reason_name(heard.reason), fields[2]) != 0 ||
        strcmp(mc_text_z(&heard.best), fields[4]) != 0 ||
        (*fields[5] && strcmp(mc_text_z(&heard.detail), fields[5]) != 0))
        fail_msg("domains.tsv:%u: without IPv6 %s | %s | %s", line, mc_reason_name(heard.reason),
                 mc_text_z(&heard.best), mc_text_z(&heard.detail));
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    heard_free(&heard);
}

static void check_case(unsigned line, char *fields[6])
{
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, fields[1]);
    struct mc_mx_options options = {.allow_private = strcmp(fields[0], "private") == 0,
                                    .want_all = strcmp(fields[0], "one") != 0};
    struct heard heard = {.mx = mc_mx_new(dns, &options)};
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    assert_int_equal(heard.answers, 0);
    assert_true(sim_loop_run_dry(loop, 10000));
    assert_int_equal(heard.answers, 1);
    if (strcmp(mc_reason_name(heard.reason), fields[2]) != 0 ||
        strcmp(mc_text_z(&heard.hosts), fields[3]) != 0 ||
        strcmp(mc_text_z(&heard.best), fields[4]) != 0 ||
        (*fields[5] && strcmp(mc_text_z(&heard.detail), fields[5]) != 0))
        fail_msg("domains.tsv:%u: got %s | %s | %s | %s", line, mc_reason_name(heard.reason),
                 mc_text_z(&heard.hosts), mc_text_z(&heard.best), mc_text_z(&heard.detail));
    assert_int_equal(heard.reason == MC_REASON_ACCEPTED, heard.detail.len == 0);
    assert_int_equal(sim_dns_asked(dns, MC_DNS_MX, NULL), 1);
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    heard_free(&heard);
    if (options.want_all)
        check_without_ipv6(line, fields);
}

static void the_table_of_domains(void **state)
{
    (void)state;
    FILE *file = fopen("tests/cases/domains.tsv", "r");
    assert_non_null(file);
    char text[2048];
    unsigned line = 0, cases = 0;
    while (fgets(text, sizeof text, file)) {
        line++;
        if (text[0] == '#')
            continue;
        text[strcspn(text, "\n")] = '\0';
        char *fields[6], *at = text;
        for (size_t i = 0; i < MC_ARRAY_LEN(fields); i++) {
            if (!at)
                fail_msg("domains.tsv:%u: six fields are wanted", line);
            fields[i] = at;
            at = strchr(at, '\t');
            if (at)
                *at++ = '\0';
        }
        check_case(line, fields);
        cases++;
    }
    fclose(file);
    assert_true(cases > 50);
}

/* Many domains on the same hosts: one question a host and type, whatever comes when. */
static void hosts_are_asked_about_once(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, "a.test MX 10 mx1.test; a.test MX 20 mx2.test;"
                                           "b.test MX 10 mx1.test; b.test MX 20 mx2.test;"
                                           "mx1.test MX 10 mx2.test; mx1.test A 198.18.0.1;"
                                           "mx2.test A 198.18.0.2; c.test A 198.18.0.3;"
                                           "d.test MX 5 c.test; e.test MX 5 mx2.test");
    static const char *const domains[] = {"a.test", "b.test", "mx1.test", "c.test", "d.test"};
    struct mc_mx_options options = {.want_all = true};
    struct heard heard[MC_ARRAY_LEN(domains) + 1] = {0};
    struct mc_mx *mx = mc_mx_new(dns, &options);
    for (size_t i = 0; i < MC_ARRAY_LEN(domains); i++) {
        heard[i].mx = mx;
        mc_mx_lookup(mx, mc_span_of(domains[i]), on_answer, &heard[i]);
    }
    assert_true(sim_loop_run_dry(loop, 10000));
    struct heard *late = &heard[MC_ARRAY_LEN(domains)];
    late->mx = mx;
    mc_mx_lookup(mx, mc_span_of("e.test"), on_answer, late);
    assert_true(sim_loop_run_dry(loop, 10000));
    for (size_t i = 0; i < MC_ARRAY_LEN(heard); i++) {
        assert_int_equal(heard[i].answers, 1);
        assert_int_equal(heard[i].reason, MC_REASON_ACCEPTED);
        heard_free(&heard[i]);
    }
    assert_int_equal(sim_dns_asked(dns, MC_DNS_MX, NULL), 6);
    static const char *const hosts[] = {"mx1.test", "mx2.test", "c.test"};
    for (size_t i = 0; i < MC_ARRAY_LEN(hosts); i++) {
        assert_int_equal(sim_dns_asked(dns, MC_DNS_A, hosts[i]), 1);
        assert_int_equal(sim_dns_asked(dns, MC_DNS_AAAA, hosts[i]), 1);
    }
    assert_int_equal(mc_dns_questions(dns), 6 + 2 * 3);
    mc_dns_free(dns);
    mc_mx_free(mx);
    mc_loop_free(loop);
}

/* Where IPv6 leads nowhere, nobody is asked for it but those who have nothing else. */
static void no_question_for_what_cannot_be_reached(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, "d.test MX 10 mx1.test; d.test MX 20 mx2.test;"
                                           "mx1.test A 198.18.0.1; mx1.test AAAA 2001:2::1;"
                                           "mx2.test AAAA 2001:2::2");
    struct mc_mx_options options = {.want_all = true, .has_ipv6 = no_ipv6};
    struct heard heard = {.mx = mc_mx_new(dns, &options)};
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    assert_true(sim_loop_run_dry(loop, 10000));
    assert_string_equal(mc_text_z(&heard.hosts), "10 mx1.test 198.18.0.1, 20 mx2.test 2001:2::2");
    assert_int_equal(sim_dns_asked(dns, MC_DNS_A, NULL), 2);
    assert_int_equal(sim_dns_asked(dns, MC_DNS_AAAA, "mx1.test"), 0);
    assert_int_equal(sim_dns_asked(dns, MC_DNS_AAAA, "mx2.test"), 1);
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    heard_free(&heard);
}

/* Without a probe to come, no question is asked that decides nothing. */
static void no_needless_question(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, "d.test MX 10 mx1.test; d.test MX 20 mx2.test;"
                                           "mx1.test A 198.18.0.1; mx2.test A 198.18.0.2;"
                                           "e.test MX 10 gone.test; e.test MX 20 mx2.test");
    struct mc_mx_options options = {0};
    struct heard heard = {.mx = mc_mx_new(dns, &options)};
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    assert_true(sim_loop_run_dry(loop, 10000));
    assert_int_equal(mc_dns_questions(dns), 2);
    mc_mx_lookup(heard.mx, mc_span_of("e.test"), on_answer, &heard);
    assert_true(sim_loop_run_dry(loop, 10000));
    assert_string_equal(mc_text_z(&heard.best), "mx2.test");
    assert_int_equal(mc_dns_questions(dns), 5);
    assert_int_equal(sim_dns_asked(dns, MC_DNS_AAAA, NULL), 0);
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    heard_free(&heard);
}

/* At most MC_MX_MAX hosts, the best ones. */
static void a_crowd_of_hosts(void **state)
{
    (void)state;
    struct mc_dns_mx records[100], best[MC_MX_MAX];
    char names[100][20];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "mx%02u.test", i * 37 % 50);
        records[i] = (struct mc_dns_mx){(uint16_t)(i * 61 % 100), names[i]};
    }
    assert_int_equal(mc_mx_pick(records, 100, best), MC_MX_MAX);
    for (size_t i = 1; i < MC_MX_MAX; i++) {
        assert_true(best[i - 1].preference < best[i].preference ||
                    (best[i - 1].preference == best[i].preference &&
                     strcmp(best[i - 1].host, best[i].host) < 0));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(best[i].host, best[j].host);
    }
    assert_int_equal(mc_mx_pick(records, 1, best), 1);
    assert_int_equal(mc_mx_pick(records, 0, best), 0);
}

static void ask_again(struct heard *heard)
{
    char name[20];
    if (heard->answers >= 3000)
        return;
    int len = snprintf(name, sizeof name, "d%u.test", heard->answers);
    mc_mx_lookup(heard->mx, mc_span(name, (size_t)len), on_answer, heard);
}

/* A lookup may start inside the answer to another one, while the tables grow. */
static void lookups_from_inside_answers(void **state)
{
    (void)state;
    struct mc_text zone = {0};
    for (unsigned i = 0; i < 3000; i++)
        mc_text_printf(&zone, "d%u.test MX 10 mx%u.test\n", i, i / 2);
    for (unsigned i = 0; i < 1500; i++)
        mc_text_printf(&zone, "mx%u.test A 198.18.%u.%u\n", i, i / 256, i % 256);
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, mc_text_z(&zone));
    struct mc_mx_options options = {0};
    struct heard heard = {.mx = mc_mx_new(dns, &options), .then = ask_again};
    ask_again(&heard);
    assert_true(sim_loop_run_dry(loop, 1000000));
    assert_int_equal(heard.answers, 3000);
    assert_int_equal(heard.reason, MC_REASON_ACCEPTED);
    assert_string_equal(mc_text_z(&heard.hosts), "10 mx1499.test 198.18.5.219");
    assert_int_equal(mc_dns_questions(dns), 4500);
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    heard_free(&heard);
    mc_text_free(&zone);
}

/* A server that never answers AAAA holds nobody up who can be reached by IPv4. */
static void silence_about_aaaa(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *hosts;
        int64_t least_ms, most_ms;
    } cases[] = {
        {"d.test MX 10 m.test; m.test A 198.18.0.1; m.test AAAA SILENT", "10 m.test 198.18.0.1",
         2000, 2100},
        {"d.test MX 10 m.test; m.test A 198.18.0.1; m.test AAAA 2001:2::1",
         "10 m.test 198.18.0.1 2001:2::1", 0, 100},
        {"d.test MX 10 m.test; m.test A SILENT; m.test AAAA 2001:2::1", "10 m.test 2001:2::1",
         10000, 10100},
        {"d.test MX 10 m.test; m.test A 10.0.0.1; m.test AAAA SILENT", "", 10000, 10100},
        {"d.test MX 10 m.test; m.test TXT x; m.test AAAA SILENT", "", 10000, 10100},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_loop *loop = mc_loop_new();
        struct mc_dns *dns = sim_dns_new(loop, cases[i].zone);
        struct mc_mx_options options = {.want_all = true, .aaaa_wait_ms = 2000, .loop = loop};
        struct heard heard = {.mx = mc_mx_new(dns, &options)};
        int64_t start_ms = mc_loop_now_ms(loop);
        mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
        while (!heard.answers)
            sim_loop_advance(loop, 10);
        assert_in_range(mc_loop_now_ms(loop) - start_ms, cases[i].least_ms, cases[i].most_ms);
        assert_string_equal(mc_text_z(&heard.hosts), cases[i].hosts);
        if (i % 2) /* what is still under way is freed, or comes when nobody waits */
            assert_true(sim_loop_run_dry(loop, 20000));
        mc_dns_free(dns);
        mc_mx_free(heard.mx);
        mc_loop_free(loop);
        assert_int_equal(heard.answers, 1);
        heard_free(&heard);
    }
}

static void freed_at_work(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_dns *dns = sim_dns_new(loop, "d.test MX 10 mx1.test");
    struct mc_mx_options options = {.want_all = true};
    struct heard heard = {.mx = mc_mx_new(dns, &options)};
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    sim_loop_advance(loop, 15);
    mc_mx_lookup(heard.mx, mc_span_of("d.test"), on_answer, &heard);
    mc_dns_free(dns);
    mc_mx_free(heard.mx);
    mc_loop_free(loop);
    assert_int_equal(heard.answers, 0);
}

static void addresses_that_are_not_global(void **state)
{
    (void)state;
    static const struct {
        const char *ip, *why; /* NULL: usable */
    } cases[] = {
        {"0.0.0.0", "unspecified"},
        {"0.255.255.255", "unspecified"},
        {"1.0.0.0", NULL},
        {"9.255.255.255", NULL},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", NULL},
        {"100.63.255.255", NULL},
        {"100.64.0.0", "shared"},
        {"100.127.255.255", "shared"},
        {"100.128.0.0", NULL},
        {"126.255.255.255", NULL},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.0", NULL},
        {"169.253.255.255", NULL},
        {"169.254.169.254", "link-local"},
        {"169.255.0.0", NULL},
        {"172.15.255.255", NULL},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", NULL},
        {"192.0.0.8", "reserved"},
        {"192.0.1.0", NULL},
        {"192.0.2.1", "documentation"},
        {"192.0.3.0", NULL},
        {"192.167.255.255", NULL},
        {"192.168.0.1", "private"},
        {"192.169.0.0", NULL},
        {"198.17.255.255", NULL},
        {"198.18.0.0", NULL},
        {"198.19.255.255", NULL},
        {"198.20.0.0", NULL},
        {"198.51.100.7", "documentation"},
        {"198.51.101.0", NULL},
        {"203.0.113.255", "documentation"},
        {"203.0.114.0", NULL},
        {"223.255.255.255", NULL},
        {"224.0.0.0", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.254", "reserved"},
        {"255.255.255.255", "broadcast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::8.8.8.8", "reserved"},
        {"::ffff:8.8.8.8", NULL},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.0.0.1", "private"},
        {"::ffff:198.18.0.1", NULL},
        {"::ffff:0:808:808", "reserved"},
        {"64:ff9b::808:808", NULL},
        {"64:ff9b::a00:1", "private"},
        {"64:ff9b:1::808:808", "private"},
        {"100::1", "discard-only"},
        {"2001:2::1", NULL},
        {"2001:2:0:ffff::1", NULL},
        {"2001:10::1", "reserved"},
        {"2001:4860:4860::8888", NULL},
        {"2001:db7:ffff::1", NULL},
        {"2001:db8::1", "documentation"},
        {"2001:db8:ffff:ffff::1", "documentation"},
        {"2001:db9::1", NULL},
        {"2002:808:808::1", NULL},
        {"2002:a00:1::1", "private"},
        {"2002:7f00:1::1", "loopback"},
        {"2a00:1450:4001::1", NULL},
        {"3fff:fff::1", "documentation"},
        {"3fff:1000::1", NULL},
        {"4000::1", "reserved"},
        {"5f00::1", "reserved"},
        {"fbff::1", "reserved"},
        {"fc00::1", "unique-local"},
        {"fdff::1", "unique-local"},
        {"fe00::1", "reserved"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "site-local"},
        {"ff02::1", "multicast"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_ip ip;
        char text[MC_IP_TEXT_SIZE];
        assert_true(mc_ip_parse(&ip, mc_span_of(cases[i].ip)));
        mc_ip_format(&ip, text);
        assert_string_equal(text, cases[i].ip);
        const char *why = mc_ip_unroutable(&ip);
        if (strcmp(why ? why : "", cases[i].why ? cases[i].why : "") != 0)
            fail_msg("%s: %s", cases[i].ip, why ? why : "usable");
        assert_int_equal(mc_ip_usable(&ip, false), why == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_not_global),
        cmocka_unit_test(the_table_of_domains),
        cmocka_unit_test(hosts_are_asked_about_once),
        cmocka_unit_test(no_question_for_what_cannot_be_reached),
        cmocka_unit_test(no_needless_question),
        cmocka_unit_test(a_crowd_of_hosts),
        cmocka_unit_test(lookups_from_inside_answers),
        cmocka_unit_test(silence_about_aaaa),
        cmocka_unit_test(freed_at_work),
    };
    return cmocka_run_group_tests_name("mx", tests, NULL, NULL);
}
