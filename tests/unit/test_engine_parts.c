/* The engine's pure parts: evidence, identity, the retry queue, MX sets, the address table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/address_table.h"
#include "engine/domain_table.h"
#include "engine/evidence.h"
#include "engine/identity.h"
#include "engine/reply_log.h"
#include "engine/retry_queue.h"
#include "smtp/ruling_memo.h"

enum { BEST = 0, BACKUP = 1 };

/* What was proved, and what an acceptance is worth then. */
static void worth_of_an_acceptance(void **state)
{
    (void)state;
    const struct {
        struct mc_proof proof;
        enum mc_rcpt_policy policy;
        bool backup;
        enum mc_worth worth;
    } cases[] = {
        {{0}, MC_RCPT_REFUSES, BEST, MC_WORTH_WAIT},
        {{0}, MC_RCPT_VARIES, BACKUP, MC_WORTH_WAIT},
        {{.by_best = true}, MC_RCPT_REFUSES, BEST, MC_WORTH_ACCEPTED},
        {{.by_best = true}, MC_RCPT_REFUSES, BACKUP, MC_WORTH_UNPROVEN},
        {{.by_backup = true}, MC_RCPT_REFUSES, BACKUP, MC_WORTH_ACCEPTED},
        {{.by_backup = true}, MC_RCPT_REFUSES, BEST, MC_WORTH_ACCEPTED},
        {{.catch_all = true}, MC_RCPT_VARIES, BEST, MC_WORTH_CATCH_ALL},
        {{.catch_all = true}, MC_RCPT_VARIES, BACKUP, MC_WORTH_UNPROVEN},
        {{.catch_all = true, .by_best = true}, MC_RCPT_VARIES, BEST, MC_WORTH_ACCEPTED},
        {{.inconclusive = true}, MC_RCPT_VARIES, BEST, MC_WORTH_UNPROVEN},
        {{.by_best = true}, MC_RCPT_ACCEPTS_ALL, BEST, MC_WORTH_UNPROVEN},
        {{0}, MC_RCPT_ACCEPTS_ALL, BEST, MC_WORTH_UNPROVEN},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_int_equal(mc_evidence_worth(&cases[i].proof, cases[i].policy, cases[i].backup),
                         cases[i].worth);
}

/* Only a sure "no such mailbox" proves that mailboxes are told apart. */
static void what_a_refusal_proves(void **state)
{
    (void)state;
    const struct {
        enum mc_reason reason;
        enum mc_surety surety;
        bool proves;
    } cases[] = {
        {MC_REASON_NO_SUCH_MAILBOX, MC_SURE, true},
        {MC_REASON_NO_SUCH_MAILBOX, MC_AMBIGUOUS, false},
        {MC_REASON_MAILBOX_FULL, MC_SURE, false},
        {MC_REASON_MAILBOX_DISABLED, MC_SURE, false},
        {MC_REASON_BLOCKED, MC_SURE, false},
        {MC_REASON_ACCEPTED, MC_SURE, false},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_proof proof = {0};
        struct mc_ruling ruling = {.reason = cases[i].reason, .surety = cases[i].surety};
        assert_int_equal(mc_evidence_add(&proof, &ruling, BEST), cases[i].proves);
        assert_int_equal(proof.by_best, cases[i].proves);
        assert_false(mc_evidence_add(&proof, &ruling, BEST)); /* once */
    }
}

static void what_a_control_proves(void **state)
{
    (void)state;
    const struct {
        enum mc_answer_kind kind;
        uint16_t code;
        enum mc_reason reason;
        enum mc_blame blame;
        bool backup, asked;
        bool final, by_best, catch_all, inconclusive;
    } cases[] = {
        {MC_ANSWER_REPLY, 550, MC_REASON_NO_SUCH_MAILBOX, MC_BLAME_MAILBOX, BEST, 1, 1, 1, 0, 0},
        {MC_ANSWER_REPLY, 250, MC_REASON_ACCEPTED, MC_BLAME_NOBODY, BEST, 1, 1, 0, 1, 0},
        {MC_ANSWER_REPLY, 250, MC_REASON_ACCEPTED, MC_BLAME_NOBODY, BACKUP, 1, 1, 0, 0, 1},
        {MC_ANSWER_REPLY, 252, MC_REASON_UNPROVEN, MC_BLAME_NOBODY, BEST, 1, 1, 0, 0, 1},
        {MC_ANSWER_REPLY, 450, MC_REASON_GREYLISTED, MC_BLAME_PEER, BEST, 1, 0, 0, 0, 0},
        {MC_ANSWER_REPLY, 554, MC_REASON_BLOCKED, MC_BLAME_US, BEST, 1, 1, 0, 0, 1},
        {MC_ANSWER_REPLY, 554, MC_REASON_SERVER_ERROR, MC_BLAME_PEER, BEST, 1, 1, 0, 0, 1},
        {MC_ANSWER_LOST, 0, MC_REASON_TIMEOUT, MC_BLAME_PEER, BEST, 0, 0, 0, 0, 0},
        {MC_ANSWER_LOST, 0, MC_REASON_TIMEOUT, MC_BLAME_PEER, BEST, 1, 0, 0, 0, 0},
        {MC_ANSWER_HOPELESS, 0, MC_REASON_TIMEOUT, MC_BLAME_PEER, BEST, 0, 1, 0, 0, 1},
        {MC_ANSWER_STOPPED, 0, MC_REASON_NOT_PROBED, MC_BLAME_NOBODY, BEST, 0, 1, 0, 0, 1},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_proof proof = {0};
        struct mc_reply reply = {.code = cases[i].code};
        struct mc_answer answer = {
            .kind = cases[i].kind,
            .reply = cases[i].code ? &reply : NULL,
            .ruling = {.reason = cases[i].reason, .blame = cases[i].blame},
            .backup = cases[i].backup,
            .asked = cases[i].asked,
        };
        assert_int_equal(mc_evidence_control(&proof, &answer), cases[i].final);
        assert_int_equal(proof.control_done, cases[i].final);
        assert_int_equal(proof.by_best, cases[i].by_best);
        assert_int_equal(proof.catch_all, cases[i].catch_all);
        assert_int_equal(proof.inconclusive, cases[i].inconclusive);
    }
    /* "550 Rejected" may be for us: only an acceptance behind it shows that it was not */
    struct mc_reply reply = {.code = 550};
    struct mc_answer answer = {
        .kind = MC_ANSWER_REPLY,
        .reply = &reply,
        .ruling = {.reason = MC_REASON_NO_SUCH_MAILBOX,
                   .blame = MC_BLAME_MAILBOX,
                   .surety = MC_AMBIGUOUS},
        .asked = true,
    };
    struct mc_proof proof = {0};
    assert_false(mc_evidence_control(&proof, &answer));
    answer.proved = true;
    assert_true(mc_evidence_control(&proof, &answer));
    assert_true(proof.by_best);
}

static void names_fit_to_greet_with(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool usable;
    } cases[] = {
        {"mail.acme.com", true},
        {"a.b", true},
        {"localhost", false},
        {"host", false},
        {"host.local", false},
        {"localhost.localdomain", false},
        {"box.internal", false},
        {"x.home.arpa", false},
        {"mx.example.com", false},
        {"x.test", false},
        {"10.0.0.1", false},
        {".acme.com", false},
        {"acme.com.", false},
        {"a..b", false},
        {"under_score.acme.com", false},
        {"", false},
        {"notlocal", false},
        {"mylocal.net", true},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_int_equal(mc_identity_usable_name(mc_span_of(cases[i].name)), cases[i].usable);
}

static void names_out_of_hosts(void **state)
{
    (void)state;
    static const char hosts[] = "127.0.0.1 localhost\n"
                                "# 10.1.1.1 box.wrong.net box\n"
                                "198.18.0.1\tbox  box.acme.com box.other.com # box.late.com\n"
                                "::1 ip6-localhost";
    struct mc_span found = mc_identity_in_hosts(mc_span_of(hosts), mc_span_of("box"));
    assert_true(mc_span_equal(found, mc_span_of("box.acme.com")));
    assert_int_equal(mc_identity_in_hosts(mc_span_of(hosts), mc_span_of("other")).len, 0);
    assert_int_equal(mc_identity_in_hosts(mc_span_of(hosts), mc_span_of("ip6-localhost")).len, 0);
    assert_int_equal(mc_identity_in_hosts(mc_span_of(""), mc_span_of("box")).len, 0);
}

static void retries_come_when_due_and_once(void **state)
{
    (void)state;
    struct mc_retry_queue queue = {0};
    struct mc_retry retry;
    unsigned seen[300] = {0};
    assert_true(mc_retry_next_ms(&queue) == INT64_MAX);
    for (uint32_t i = 0; i < 300; i++)
        mc_retry_add(&queue, i % 3, (struct mc_retry){i, false, (int64_t)(i % 3) * 1000 + i});
    for (int64_t now = 0; now < 4000; now += 7)
        while (mc_retry_take(&queue, now, &retry)) {
            assert_true(retry.due_ms <= now && retry.due_ms > now - 7 - 1);
            seen[retry.id]++;
            /* the ring must survive being filled while it is emptied */
            if (retry.id == 42)
                mc_retry_add(&queue, 2, (struct mc_retry){42, true, 9000});
        }
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(mc_retry_count(&queue), 1);
    assert_int_equal(mc_retry_next_ms(&queue), 9000);
    mc_retry_free(&queue);
}

static void sets_shrink_to_nothing(void **state)
{
    (void)state;
    struct mc_mx_sets sets = {0};
    const struct mc_mx_entry entries[] = {{10, 1}, {10, 2}, {20, 3}};
    uint32_t all = mc_mx_sets_add(&sets, entries, 3);
    assert_int_equal(mc_mx_sets_add(&sets, entries, 3), all);
    uint32_t two = mc_mx_sets_without(&sets, all, 1);
    assert_int_equal(sets.sets[two].count, 2);
    assert_int_equal(mc_mx_sets_without(&sets, two, 1), two);
    uint32_t one = mc_mx_sets_without(&sets, two, 2);
    assert_int_equal(sets.entries[sets.sets[one].first].host, 3);
    assert_int_equal(mc_mx_sets_without(&sets, one, 3), MC_NONE);
    mc_mx_sets_free(&sets);
}

static uint32_t add_address(struct mc_address_table *table, struct mc_span local, uint32_t domain,
                            bool *is_new)
{
    struct mc_hash128 hash = mc_address_table_hash(table, local, domain);
    return mc_address_table_add(table, hash, local, domain, is_new);
}

static void one_record_a_mailbox(void **state)
{
    (void)state;
    struct mc_address_table table = {0};
    bool is_new;
    uint32_t ann = add_address(&table, mc_span_of("ann"), 7, &is_new);
    assert_true(is_new);
    assert_int_equal(add_address(&table, mc_span_of("ANN"), 7, &is_new), ann);
    assert_false(is_new);
    assert_int_not_equal(add_address(&table, mc_span_of("ann"), 8, &is_new), ann);
    assert_true(is_new);
    add_address(&table, mc_span_of("an"), 7, &is_new);
    assert_true(is_new);
    assert_true(mc_span_equal(mc_address_table_local(&table, ann), mc_span_of("ann")));
    char local[MC_LOCAL_MAX];
    memset(local, 'x', sizeof local);
    for (uint32_t i = 0; i < 1000; i++)
        add_address(&table, mc_span(local, i * 7 % sizeof local + 1), 9 + i, &is_new);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(mc_address_table_local(&table, 3 + i).len, i * 7 % sizeof local + 1);
    mc_address_table_free(&table);
}

static void lines_survive_the_spill(void **state)
{
    (void)state;
    struct mc_reply_log *log = mc_reply_log_new();
    enum { LINES = 20000 };
    uint64_t *numbers = mc_malloc(LINES * sizeof *numbers);
    char line[64];
    for (unsigned i = 0; i < LINES; i++) {
        int len = snprintf(line, sizeof line, "RCPT 550 5.1.1 no such user number %u", i);
        numbers[i] = mc_reply_log_add(log, mc_span(line, (size_t)len));
    }
    for (unsigned i = 0; i < LINES; i++) {
        int len = snprintf(line, sizeof line, "RCPT 550 5.1.1 no such user number %u", i);
        assert_true(mc_span_equal(mc_reply_log_get(log, numbers[i], mc_span("", 0)),
                                  mc_span(line, (size_t)len)));
    }
    uint64_t first = mc_reply_log_add(log, mc_span_of("RCPT 250 ok"));
    assert_true(mc_reply_log_add(log, mc_span_of("RCPT 250 ok")) == first);
    assert_true(mc_reply_log_add(log, mc_span_of("")) == 0);
    free(numbers);
    mc_reply_log_free(log);
}

/* What the log would say without any marks. */
static struct mc_span plain_line(struct mc_text *out, const struct mc_reply *reply)
{
    struct mc_text raw = {0};
    mc_text_printf(&raw, "RCPT %u ", reply->code);
    mc_text_add(&raw, reply->text, reply->text_len);
    out->len = 0;
    mc_text_add_printable(out, mc_text_span(&raw), MC_REPLY_LINE_SHOWN);
    while (out->len && out->at[out->len - 1] == ' ')
        out->len--;
    mc_text_free(&raw);
    return mc_text_span(out);
}

/* Whatever a server makes of the address, each recipient gets back the line it was sent. */
static void one_wording_serves_all(void **state)
{
    (void)state;
    static const char *const wordings[] = {
        "550 5.1.1 <%s>: no such user",
        "550 5.1.1 no such user",
        "550-%s %s\n550 twice, %s",
        "550 5.1.1 unknown: %s  ",
        "550 \t%s\x80\xc2",
        "250 2.1.5 %s Ok",
        "550 %s, %200s, %200s and %s at length",
        "550 a@%s@b.example",
    };
    static const char *const names[] = {
        "ann",
        "b",
        "\"a b\"",
        "m\xc3\xbcller",
        "user",
        "\"x@y.example\"",
        "ANN",
        "550",
        "a-rather-long-name-to-push-a-line-of-many-words-over-its-limit-of-512",
    };
    struct mc_reply_log *log = mc_reply_log_new();
    struct mc_ruling_memo *memo = mc_calloc(1, sizeof *memo);
    struct mc_text out = {0}, text = {0};
    uint64_t numbers[MC_ARRAY_LEN(wordings)][MC_ARRAY_LEN(names)];
    for (int round = 0; round < 2; round++) /* then each is asked for, the others being there */
        for (size_t i = 0; i < MC_ARRAY_LEN(wordings); i++)
            for (size_t j = 0; j < MC_ARRAY_LEN(names); j++) {
                struct mc_reply reply;
                char address[128];
                snprintf(address, sizeof address, "%s@x.example", names[j]);
                text.len = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
                mc_text_printf(&text, wordings[i], address, address, address, address);
#pragma GCC diagnostic pop
                mc_reply_from_text(mc_text_span(&text), &reply);
                struct mc_answer answer = {.stage = MC_STAGE_RCPT, .reply = &reply};
                struct mc_ours ours = {.recipient = mc_span_of(address)};
                answer.ruling = mc_ruling_memo(memo, MC_STAGE_RCPT, &reply, mc_span("", 0), &ours,
                                               &answer.wording);
                if (!round)
                    numbers[i][j] = mc_reply_log_known(log, &answer);
                if (!numbers[i][j])
                    numbers[i][j] = mc_reply_log_add_answer(log, &answer, mc_span_of(address));
                struct mc_span plain = plain_line(&out, &reply);
                struct mc_span line = mc_reply_log_get(log, numbers[i][j], mc_span_of(address));
                if (!mc_span_equal(plain, line))
                    fail_msg("%.*s\nis not %.*s", (int)line.len, line.at, (int)plain.len, plain.at);
            }
    assert_true(numbers[0][0] == numbers[0][4]); /* stored once */
    assert_true(numbers[0][0] != numbers[1][0]);
    mc_text_free(&out);
    mc_text_free(&text);
    free(memo);
    mc_reply_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worth_of_an_acceptance),  cmocka_unit_test(what_a_refusal_proves),
        cmocka_unit_test(what_a_control_proves),   cmocka_unit_test(names_fit_to_greet_with),
        cmocka_unit_test(names_out_of_hosts),      cmocka_unit_test(retries_come_when_due_and_once),
        cmocka_unit_test(sets_shrink_to_nothing),  cmocka_unit_test(one_record_a_mailbox),
        cmocka_unit_test(lines_survive_the_spill), cmocka_unit_test(one_wording_serves_all),
    };
    return cmocka_run_group_tests_name("engine parts", tests, NULL, NULL);
}
