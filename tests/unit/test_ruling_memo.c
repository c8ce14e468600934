/* The memo says what the classifier says: every reply of the table, for recipients whose names are
 * words that replies are made of, asked in an order that fills and evicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "smtp/ruling_memo.h"

static const char *const recipients[] = {
    "ann@x.example",
    "bob.miller@mail.example",
    "blocked@full.example",
    "user@unknown.example",
    "a@b.example",
    "Mailbox@Disabled.example",
    "quota@spam.example",
    "no-such-user@relay.example",
    "rejected@access.example",
    "recipient@ips.example",
    "ünal@xn--nal-hoa.example",
};

/* Puts the recipient where a server would: for {}, else in front and behind of some. */
static void echo(struct mc_text *out, const char *reply, const char *recipient, unsigned how)
{
    const char *local_end = strrchr(recipient, '@');
    size_t code = strcspn(reply, " ");
    out->len = 0;
    if (how % 4 == 1) {
        mc_text_add(out, reply, code);
        mc_text_printf(out, " <%s>:%s", recipient, reply + code);
    } else if (how % 4 == 2) {
        mc_text_printf(out, "%s (%s)", reply, recipient);
    } else if (how % 4 == 3) {
        mc_text_printf(out, "%s %.*s", reply, (int)(local_end - recipient), recipient);
    } else {
        mc_text_add_z(out, reply);
    }
}

static void compare(struct mc_ruling_memo *memo, enum mc_stage stage, const char *text,
                    const char *recipient, struct mc_span provider, bool address)
{
    static struct mc_ruling_memo empty;
    struct mc_reply reply;
    struct mc_ours ours = {.recipient = mc_span_of(recipient),
                           .sender = mc_span_of("postmaster@probe.example"),
                           .helo = mc_span_of("probe.example"),
                           .address = mc_span_of(address ? "198.18.0.25" : "")};
    mc_reply_from_text(mc_span_of(text), &reply);
    struct mc_ruling slow = mc_classify(stage, &reply, provider, &ours);
    uint64_t wording, first_wording;
    struct mc_ruling fast = mc_ruling_memo(memo, stage, &reply, provider, &ours, &wording);
    empty = (struct mc_ruling_memo){0};
    mc_ruling_memo(&empty, stage, &reply, provider, &ours, &first_wording);
    assert_true(wording == first_wording);
    if (fast.reason != slow.reason || fast.blame != slow.blame || fast.surety != slow.surety ||
        fast.new_transaction != slow.new_transaction ||
        fast.refuses_session != slow.refuses_session || strcmp(fast.rule, slow.rule) != 0)
        fail_msg("%s: %s for %s: %s, not %s", mc_stage_name(stage), text, recipient, fast.rule,
                 slow.rule);
}

static void it_says_the_same(void **state)
{
    (void)state;
    static const enum mc_stage stages[] = {MC_STAGE_RCPT, MC_STAGE_MAIL, MC_STAGE_RCPT};
    struct mc_ruling_memo *memo = mc_calloc(1, sizeof *memo);
    struct mc_text text = {0};
    char line[8192];
    unsigned cases = 0;
    FILE *in = fopen("tests/cases/replies.tsv", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        char *fields[4] = {line, NULL, NULL, NULL};
        for (size_t i = 1; i < 4 && fields[i - 1]; i++) {
            fields[i] = strchr(fields[i - 1], '\t');
            if (fields[i])
                *fields[i]++ = '\0';
        }
        if (*line == '#' || !fields[3])
            continue;
        fields[3][strcspn(fields[3], "\t\n")] = '\0';
        struct mc_span provider = mc_span_of(strcmp(fields[2], "-") == 0 ? "" : fields[2]);
        for (size_t i = 0; i < MC_ARRAY_LEN(recipients); i++, cases++) {
            echo(&text, fields[3], recipients[i], cases / 3);
            compare(memo, stages[cases % 3], mc_text_z(&text), recipients[i], provider, cases % 5);
        }
    }
    fclose(in);
    mc_text_free(&text);
    free(memo);
    assert_true(cases > 5000);
}

/* One reply after the other in the same words, as a server refuses a window: what each recipient's
 * name makes of them counts, not what the one before made. */
static void it_says_the_same_again(void **state)
{
    (void)state;
    static const char *const wordings[] = {
        "550 5.1.1 <%s>: no such user",
        "550 %s mailbox disabled",
        "550 user %s",
        "550 5.7.1 a %s blocked by spam list",
        "554 %s%s unknown",
        "550 \"%s unknown",
        "250 %s ok",
        "550 not user@x.example, but %s is unknown",
        "550 5.1.1 %s user unknown",
        "550 no.such.user: %s",
    };
    static const char *const names[] = {
        "ann@x.example",
        "bob@x.example",
        "a@x.example",
        "user@x.example",
        "blocked@y.example",
        "spam@y.example",
        "ANN@y.example",
        "ann@x.example",
        "mailbox@list",
        "a@b.a@b.a",
        "\"a@x\"@x",
        "no.such.user@y.example",
        "aa@a",
        "x@y.x",
        "x@y.x@y.x",
    };
    struct mc_ruling_memo *memo = mc_calloc(1, sizeof *memo);
    struct mc_text text = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(wordings); i++)
        for (size_t j = 0; j < MC_ARRAY_LEN(names) * MC_ARRAY_LEN(names); j++) {
            const char *asked = names[j % MC_ARRAY_LEN(names)];
            const char *named = j % 3 ? asked : names[j / MC_ARRAY_LEN(names)];
            text.len = 0;
            for (const char *at = wordings[i]; *at; at++)
                if (*at == '%')
                    mc_text_add_z(&text, at++[1] == 's' ? named : "");
                else
                    mc_text_add_char(&text, *at);
            compare(memo, MC_STAGE_RCPT, mc_text_z(&text), asked, mc_span("", 0), false);
        }
    mc_text_free(&text);
    free(memo);
}

static uint64_t wording_of(const char *text, const char *recipient)
{
    static struct mc_ruling_memo memo;
    struct mc_reply reply;
    struct mc_ours ours = {.recipient = mc_span_of(recipient)};
    uint64_t wording;
    mc_reply_from_text(mc_span_of(text), &reply);
    mc_ruling_memo(&memo, MC_STAGE_RCPT, &reply, mc_span("", 0), &ours, &wording);
    return wording;
}

static void a_wording_is_a_reply_but_for_the_address(void **state)
{
    (void)state;
    uint64_t ann = wording_of("550 <ann@x.example>: unknown", "ann@x.example");
    assert_true(ann != 0);
    assert_true(ann == wording_of("550 <o.b@y.example>: unknown", "o.b@y.example"));
    assert_true(ann == wording_of("550 <u@y.example>: unknown", "u@y.example"));
    assert_true(ann != wording_of("551 <u@y.example>: unknown", "u@y.example"));
    assert_true(ann == wording_of("550 <u@y.example>: unknown", "u@y.example"));
    assert_true(ann != wording_of("550 <ann@x.example>: Unknown", "ann@x.example"));
    assert_true(ann != wording_of("550 <bob@x.example>: unknown", "ann@x.example"));
    assert_true(ann != wording_of("550 <ann@x.example>: unknownann@x.example", "ann@x.example"));
    assert_true(wording_of("550 <ANN@x.example>: unknown", "ann@x.example") == 0);
    assert_true(wording_of("250 Ok", "ann@x.example") == wording_of("250 Ok", "b@y.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_the_same),
        cmocka_unit_test(it_says_the_same_again),
        cmocka_unit_test(a_wording_is_a_reply_but_for_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
