/* Replies of real servers and what they mean, line by line in tests/cases/replies.tsv; the order of
 * evidence, whatever the words; and the confusion matrix over all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "verdict/classify.h"

/* expected (several: any of them; "?" behind it: ambiguous), stage, provider, reply, seen on */
#define FIELDS 5

struct score {
    unsigned lines, wrong, innocent, buried;
    unsigned confusion[MC_REASON_COUNT][MC_REASON_COUNT]; /* first expected x got */
};

static enum mc_stage stage_of(const char *name)
{
    if (!strcmp(name, "-"))
        return MC_STAGE_NONE;
    for (int stage = MC_STAGE_CONNECT; stage < MC_STAGE_COUNT; stage++)
        if (!strcmp(name, mc_stage_name((enum mc_stage)stage)))
            return (enum mc_stage)stage;
    fail_msg("no such stage: %s", name);
    return MC_STAGE_NONE;
}

static bool is_dead(const char *reasons)
{
    return strstr(reasons, "no_such_mailbox") || strstr(reasons, "mailbox_disabled") ||
           strstr(reasons, "domain_not_served");
}

/* What a reply given to `classify` would be called. */
static enum mc_reason named(const struct mc_ruling *ruling)
{
    return ruling->surety == MC_AMBIGUOUS ? MC_REASON_BLOCKED : ruling->reason;
}

static bool expected(char *list, const struct mc_ruling *ruling, enum mc_reason *first)
{
    bool found = false, begun = false;
    char *one;
    while ((one = strsep(&list, "|"))) {
        size_t len = strlen(one);
        enum mc_reason reason;
        bool ambiguous = one[len - 1] == '?';
        if (!mc_reason_by_name(mc_span(one, len - ambiguous), &reason))
            fail_msg("no such reason: %s", one);
        if (!begun)
            *first = ambiguous ? MC_REASON_BLOCKED : reason;
        begun = true;
        found = found || (ambiguous ? ruling->surety == MC_AMBIGUOUS && ruling->reason == reason
                                    : named(ruling) == reason);
    }
    return found;
}

static void judge(char *const *fields, const char *path, unsigned line, struct score *score)
{
    struct mc_reply reply;
    enum mc_reason first = MC_REASON_BLOCKED;
    mc_reply_from_text(mc_span_of(fields[3]), &reply);
    const char *provider = strcmp(fields[2], "-") ? fields[2] : "";
    struct mc_ruling ruling = mc_classify(stage_of(fields[1]), &reply, mc_span_of(provider), NULL);
    bool innocent = !is_dead(fields[0]);
    const char *got = mc_reason_name(named(&ruling));
    bool right = expected(fields[0], &ruling, &first);
    score->lines++;
    score->wrong += !right;
    score->innocent += innocent;
    score->buried += innocent && is_dead(got);
    score->confusion[first][named(&ruling)]++;
    if (!right)
        print_message("%s:%u: %s, not %s, by rule \"%s\": %s\n", path, line, got,
                      mc_reason_name(first), ruling.rule, fields[3]);
}

static struct score judge_all(const char *path)
{
    struct score score = {0};
    char line[8192];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '#' || !*line)
            continue;
        char *fields[FIELDS], *rest = line;
        for (size_t i = 0; i < FIELDS; i++) {
            fields[i] = strsep(&rest, "\t");
            if (!fields[i])
                fail_msg("%s:%u: fewer than %d fields", path, number, FIELDS);
        }
        judge(fields, path, number, &score);
    }
    fclose(file);
    return score;
}

static void print_confusion(const struct score *score)
{
    print_message("%u replies, %.2f %% right, %u of %u innocent called dead\n", score->lines,
                  100.0 * (score->lines - score->wrong) / score->lines, score->buried,
                  score->innocent);
    for (int is = 0; is < MC_REASON_COUNT; is++)
        for (int got = 0; got < MC_REASON_COUNT; got++)
            if (score->confusion[is][got])
                print_message("  %-18s as %-18s %u\n", mc_reason_name((enum mc_reason)is),
                              mc_reason_name((enum mc_reason)got), score->confusion[is][got]);
}

static void every_known_reply(void **state)
{
    (void)state;
    struct score score = judge_all("tests/cases/replies.tsv");
    print_confusion(&score);
    assert_int_equal(score.wrong, 0);
}

static struct mc_ruling rule(enum mc_stage stage, const char *text)
{
    struct mc_reply reply;
    mc_reply_from_text(mc_span_of(text), &reply);
    return mc_classify(stage, &reply, mc_span("", 0), NULL);
}

/* The same words mean less before RCPT TO, and nothing of a mailbox. */
static void stage_comes_first(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "550 5.1.1 User unknown",      "550 No such user",       "554 5.7.1 Relay access denied",
        "550 5.2.1 Mailbox disabled",  "521 no mail here",       "550 rejected",
        "556 5.1.10 null MX",          "552 5.2.2 Mailbox full", "554 no SMTP service here",
        "501 5.1.3 Invalid recipient", "450 4.1.1 User unknown", "553 not in my rcpthosts",
        "550 this domain is unknown",  "551 User has moved",     "500 what?",
    };
    for (int stage = MC_STAGE_CONNECT; stage < MC_STAGE_RCPT; stage++)
        for (size_t i = 0; i < MC_ARRAY_LEN(replies); i++) {
            struct mc_ruling ruling = rule((enum mc_stage)stage, replies[i]);
            assert_true(ruling.blame == MC_BLAME_US || ruling.blame == MC_BLAME_PEER);
            assert_false(is_dead(mc_reason_name(ruling.reason)));
            assert_int_not_equal(ruling.reason, MC_REASON_MAILBOX_FULL);
        }
}

/* Any 5xx wording under a 4xx code buries nobody. */
static void soft_is_never_death(void **state)
{
    (void)state;
    FILE *file = fopen("tests/cases/replies.tsv", "r");
    assert_non_null(file);
    char line[8192];
    while (fgets(line, sizeof line, file)) {
        char *rest = line, *field = NULL;
        for (size_t i = 0; i < 4; i++)
            field = strsep(&rest, "\t");
        if (*line == '#' || !field || *field != '5')
            continue;
        for (char *at = field; *at; at++) /* all lines of it */
            if (at == field || (at[-1] == 'n' && at[-2] == '\\'))
                *at = *at == '5' ? '4' : *at;
        struct mc_ruling ruling = rule(MC_STAGE_RCPT, field);
        if (is_dead(mc_reason_name(ruling.reason)))
            fail_msg("%s by %s: %s", mc_reason_name(ruling.reason), ruling.rule, field);
    }
    fclose(file);
}

static void our_own_words_are_blanked(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *recipient, *sender, *helo, *address;
        enum mc_reason reason;
    } cases[] = {
        {"550 5.1.1 blocked: user unknown", "blocked@example.com", "", "", "",
         MC_REASON_NO_SUCH_MAILBOX},
        {"550 spamhaus@example.com unknown", "spamhaus@example.com", "", "", "",
         MC_REASON_NO_SUCH_MAILBOX},
        {"550 user spam.virus is unknown", "spam.virus@example.com", "", "", "",
         MC_REASON_NO_SUCH_MAILBOX},
        {"550 policyviolation@blocked.example: no such user", "policyviolation@blocked.example", "",
         "", "", MC_REASON_NO_SUCH_MAILBOX},
        {"553 probe.example.net does not exist", "a@example.com", "", "probe.example.net", "",
         MC_REASON_BLOCKED},
        {"550 5.1.1 postmaster@probe.example unknown", "a@example.com", "postmaster@probe.example",
         "", "", MC_REASON_BLOCKED},
        {"550 192.0.2.1 refused", "a@example.com", "", "", "192.0.2.1", MC_REASON_BLOCKED},
        {"550 user unknown", "user@example.com", "", "", "", MC_REASON_NO_SUCH_MAILBOX},
        {"550 unknown user", "unknown@example.com", "", "", "", MC_REASON_NO_SUCH_MAILBOX},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_reply reply;
        struct mc_ours ours = {mc_span_of(cases[i].recipient), mc_span_of(cases[i].sender),
                               mc_span_of(cases[i].helo), mc_span_of(cases[i].address)};
        mc_reply_from_text(mc_span_of(cases[i].reply), &reply);
        struct mc_ruling ruling = mc_classify(MC_STAGE_RCPT, &reply, mc_span("", 0), &ours);
        if (ruling.reason != cases[i].reason)
            fail_msg("%s by %s: %s", mc_reason_name(ruling.reason), ruling.rule, cases[i].reply);
    }
}

static void what_follows_for_the_session(void **state)
{
    (void)state;
    assert_true(rule(MC_STAGE_RCPT, "452 4.5.3 Too many recipients").new_transaction);
    assert_true(rule(MC_STAGE_RCPT, "452 too many recipients").new_transaction);
    assert_true(rule(MC_STAGE_RCPT, "452 4.5.3 Recipients belong to multiple regions ATTR38")
                    .new_transaction);
    assert_false(rule(MC_STAGE_RCPT, "452 4.2.2 Mailbox full").new_transaction);
    assert_false(rule(MC_STAGE_RCPT, "550 too many recipients this hour").new_transaction);
    assert_true(rule(MC_STAGE_RCPT, "421 4.3.2 closing").refuses_session);
    assert_true(rule(MC_STAGE_RCPT, "550 too many errors, closing connection").refuses_session);
    assert_true(rule(MC_STAGE_RCPT, "554 Too many bad commands, goodbye").refuses_session);
    assert_false(rule(MC_STAGE_RCPT, "550 no such user").refuses_session);
    assert_int_equal(rule(MC_STAGE_RCPT, "252 maybe").reason, MC_REASON_UNPROVEN);
    assert_int_equal(rule(MC_STAGE_NONE, "252 maybe").reason, MC_REASON_ACCEPTED);
    assert_int_equal(rule(MC_STAGE_RCPT, "251 will forward").reason, MC_REASON_ACCEPTED);
    assert_int_equal(rule(MC_STAGE_RCPT, "551 5.7.1 moved").blame, MC_BLAME_US);
    assert_int_equal(rule(MC_STAGE_RCPT, "551 no such user").reason, MC_REASON_NO_SUCH_MAILBOX);
}

/* No text is too odd: any bytes, any length, an answer. */
static void any_bytes_at_all(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (unsigned round = 0; round < 3000; round++) {
        struct mc_reply reply = {.code = (uint16_t)(400 + round % 200)};
        for (size_t i = 0; i < MC_REPLY_TEXT_MAX; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            reply.text[i] = round % 3 ? (char)(random >> 16)
                                      : "<>[]:.@ \n-user/unknown5.1.1http://"[random % 34];
        }
        reply.text_len = (uint16_t)(random % (MC_REPLY_TEXT_MAX + 1) >> (round % 12));
        assert_non_null(mc_classify(MC_STAGE_RCPT, &reply, mc_span("", 0), NULL).rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_reply),
        cmocka_unit_test(stage_comes_first),
        cmocka_unit_test(soft_is_never_death),
        cmocka_unit_test(our_own_words_are_blanked),
        cmocka_unit_test(what_follows_for_the_session),
        cmocka_unit_test(any_bytes_at_all),
    };
    return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
