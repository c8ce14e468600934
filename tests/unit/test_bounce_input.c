/* From bytes to a judgement, step by step: UTF-16, lines of logs, parts that are decoded when they
 * are asked for, rulings that are remembered. Whole messages are test_bounce.c's, mailboxes
 * test_mailbox.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bounce/mailbox.h"
#include "bounce/mime.h"
#include "bounce/ruling.h"
#include "bounce/when.h"

#define MESSAGE                                                                                    \
    "From: MAILER-DAEMON@mx.example\nTo: n@s.example\nSubject: failure notice\n\n"                 \
    "It could not be delivered:\n<a@example.org>: 550 5.1.1 no such user\n"
#define LINE                                                                                       \
    "Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<b@example.org>, relay=x, dsn=5.1.1, "              \
    "status=bounced (host x said: 550 5.1.1 no such user (in reply to RCPT TO command))\n"
#define EVENT "{\"event\":\"bounce\",\"email\":\"c@example.org\",\"reason\":\"550 no such user\"}\n"

static void found(void *arg, const struct mc_bounce *bounce)
{
    struct mc_text *text = arg;
    mc_text_printf(text, "%s%.*s", text->len ? " " : "", (int)bounce->address.len,
                   bounce->address.at);
}

/* Who failed, parted by blanks; "-" where nobody did. */
static const char *failed_in(struct mc_span bytes, struct mc_text *text)
{
    struct mc_bounce_sink sink = {.found = found, .arg = text};
    struct mc_bounce_counts counts = {0};
    text->len = 0;
    mc_mailbox_read_bytes(bytes, "test", &sink, &counts);
    if (!text->len)
        mc_text_add_char(text, '-');
    return mc_text_z(text);
}

static void widen(const char *from, const char *mark, bool big, struct mc_text *to)
{
    to->len = 0;
    mc_text_add(to, mark, strlen(mark));
    for (; *from; from++) {
        mc_text_add_char(to, big ? '\0' : *from);
        mc_text_add_char(to, big ? *from : '\0');
    }
}

static void utf16(void **state)
{
    (void)state;
    static const char *const inputs[][2] = {
        {MESSAGE, "a@example.org"}, {LINE, "b@example.org"}, {EVENT, "c@example.org"}};
    struct mc_text wide = {0}, text = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(inputs); i++) {
        for (int big = 0; big < 2; big++) {
            widen(inputs[i][0], big ? "\xfe\xff" : "\xff\xfe", big, &wide);
            assert_string_equal(failed_in(mc_text_span(&wide), &text), inputs[i][1]);
            widen(inputs[i][0], "", big, &wide);
            assert_string_equal(failed_in(mc_text_span(&wide), &text), inputs[i][1]);
        }
        assert_string_equal(failed_in(mc_span_of(inputs[i][0]), &text), inputs[i][1]);
    }
    /* a few zeros make no UTF-16 */
    static const char zeros[] = "Received: \0\0\0\0 by x\n" MESSAGE;
    assert_string_equal(failed_in(mc_span(zeros, sizeof zeros - 1), &text), "a@example.org");
    mc_text_free(&wide);
    mc_text_free(&text);
}

static void found_reason(void *arg, const struct mc_bounce *bounce)
{
    struct mc_text *text = arg;
    mc_text_printf(text, "%s%.*s %s", text->len ? " " : "", (int)bounce->address.len,
                   bounce->address.at, mc_reason_name(bounce->reason));
}

static void log_lines(void **state)
{
    (void)state;
    char line[4096];
    size_t cases = 0;
    struct mc_text text = {0};
    FILE *table = fopen("tests/cases/bounce_lines.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        struct mc_bounce_sink sink = {.found = found_reason, .arg = &text};
        struct mc_bounce_counts counts = {0};
        char *log = strchr(line, '\t');
        if (line[0] == '#' || !log)
            continue;
        *log++ = '\0';
        text.len = 0;
        mc_mailbox_read_bytes(mc_span_of(log), "test", &sink, &counts);
        if (!text.len)
            mc_text_add_char(&text, '-');
        if (strcmp(mc_text_z(&text), line) != 0)
            fail_msg("%s%s, not %s", log, mc_text_z(&text), line);
        cases++;
    }
    fclose(table);
    mc_text_free(&text);
    assert_true(cases > 120);
}

/* Whom the message was for, where another address failed. */
static void found_mailed(void *arg, const struct mc_bounce *bounce)
{
    mc_text_printf(arg, "%.*s for %.*s.", (int)bounce->address.len, bounce->address.at,
                   (int)bounce->mailed.len, bounce->mailed.at);
}

static void aliases(void **state)
{
    (void)state;
    struct mc_text text = {0};
    struct mc_bounce_sink sink = {.found = found_mailed, .arg = &text};
    struct mc_bounce_counts counts = {0};
    mc_mailbox_read_bytes(
        mc_span_of("Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<f@x.example>, "
                   "orig_to=<t@s.example>, relay=x, dsn=5.1.1, status=bounced (host x said: 550 "
                   "5.1.1 no such user (in reply to RCPT TO command))\n"
                   "2026-11-02 10:00:00 1abcde-000000-00 ** g@x.example (h@s.example) "
                   "<t@s.example> R=dns T=smtp: SMTP error from remote mail server after RCPT "
                   "TO:<g@x.example>: 550 no such user\n"
                   "2026-11-02 10:00:00 1abcde-000000-00 ** i@x.example <i@x.example> R=dns "
                   "T=smtp: SMTP error from remote mail server after RCPT TO:<i@x.example>: 550 no "
                   "such user\n"),
        "test", &sink, &counts);
    assert_string_equal(
        mc_text_z(&text),
        "f@x.example for t@s.example.g@x.example for t@s.example.i@x.example for .");
    mc_text_free(&text);
}

static void found_host(void *arg, const struct mc_bounce *bounce)
{
    mc_text_printf(arg, "%.*s.", (int)bounce->host.len, bounce->host.at);
}

/* By its name a provider is known. */
static void hosts(void **state)
{
    (void)state;
    struct mc_text text = {0};
    struct mc_bounce_sink sink = {.found = found_host, .arg = &text};
    struct mc_bounce_counts counts = {0};
    mc_mailbox_read_bytes(
        mc_span_of("Nov  2 h smtpd[9]: 7f mta delivery evpid=1 from=<x@y.example> "
                   "to=<d@example.org> rcpt=<-> relay=\"198.18.0.1 (one.example)\" delay=1s "
                   "result=\"PermFail\" stat=\"550 no (such) user\"\n"
                   "Nov  2 h smtpd[9]: 7f mta delivery evpid=1 from=<x@y.example> "
                   "to=<d@example.org> rcpt=<-> relay=\"two.example\" delay=1s "
                   "result=\"TempFail\" stat=\"Network error on destination MXs (x)\"\n"
                   "Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<f@x.example>, "
                   "relay=three.example[198.18.0.1]:25, dsn=5.1.1, status=bounced (host x said: "
                   "550 5.1.1 no such user (in reply to RCPT TO command))\n"
                   "2026-11-02 10:00:00 1abcde-000000-00 ** i@x.example R=dns T=smtp "
                   "H=four.example [198.18.0.1]: SMTP error from remote mail server after RCPT "
                   "TO:<i@x.example>: 550 no such user\n"
                   "Nov  2 h sm-mta[9]: 2A: to=<c@example.org>, relay=five.example. [198.18.0.1], "
                   "dsn=5.1.1, stat=User unknown\n"),
        "test", &sink, &counts);
    assert_string_equal(mc_text_z(&text),
                        "one.example.two.example.three.example.four.example.five.example.");
    mc_text_free(&text);
}

/* ---- parts ---- */

static bool holds(const struct mc_message *message, size_t part, const char *what)
{
    struct mc_span text = mc_message_part(message, part);
    return text.len && memmem(text.at, text.len, what, strlen(what));
}

/* Each encoding; asked for in any order, and again. */
static void parts(void **state)
{
    (void)state;
    static const char raw[] =
        "Subject: =?utf-8?Q?a_b=5Fc?= =?iso-8859-1?B?5A==?=\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nplain\n"
        "--b\nContent-Transfer-Encoding: base64\n\nZ3\nLDvMOfZS\n1sYXN0IQ==\n"
        "--b\nContent-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: quoted-printable\n\ngr=FCn=\nlich =zz =\n"
        "--b\nContent-Type: text/plain; charset=utf-7x\n\n\xfc\n"
        "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        "U3ViamVjdDogaW5uZXIKCndpdGhpbgo=\n--b--\n";
    struct mc_message message = {0};
    for (int again = 0; again < 2; again++) {
        mc_mime_read(mc_span(raw, sizeof raw - 1), &message);
        assert_int_equal(message.part_count, 5);
        assert_int_equal(message.mail_count, 2);
        assert_true(holds(&message, 4, "within"));
        assert_true(holds(&message, 1,
                          "gr\xc3\xbc\xc3\x9f"
                          "e-last!"));
        assert_true(holds(&message, 2, "gr\xc3\xbcnlich =zz "));
        assert_true(holds(&message, 3, "\xc3\xbc"));
        assert_true(holds(&message, 0, "plain"));
        assert_true(holds(&message, 1, "last!"));
        assert_true(mc_span_equal(mc_message_subject(&message, 0), mc_span_of("a b_c\xc3\xa4")));
        assert_true(mc_span_equal(mc_message_subject(&message, 1), mc_span_of("inner")));
        assert_false(mc_message_is_cut(&message));
    }
    mc_message_free(&message);
}

/* A text that is too long is cut, and said to be so, when it is asked for; so are too many parts,
 * and parts within parts without end. */
static void cut(void **state)
{
    (void)state;
    struct mc_message message = {0};
    struct mc_text raw = {0};
    mc_text_add_z(&raw, "Content-Transfer-Encoding: base64\n\n");
    for (size_t i = 0; i < MC_PART_MAX / 32; i++)
        mc_text_add_z(&raw, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\n");
    mc_mime_read(mc_text_span(&raw), &message);
    assert_false(mc_message_is_cut(&message));
    assert_int_equal(mc_message_part(&message, 0).len, MC_PART_MAX);
    assert_true(mc_message_is_cut(&message));
    raw.len = 0;
    mc_text_add_z(&raw, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (size_t i = 0; i < 10 * MC_MIME_PARTS; i++)
        mc_text_add_z(&raw, "--b\n\nx\n");
    mc_mime_read(mc_text_span(&raw), &message);
    assert_true(mc_message_is_cut(&message));
    assert_true(message.part_count < MC_MIME_PARTS);
    raw.len = 0;
    for (size_t i = 0; i < 10000; i++)
        mc_text_add_z(&raw, "Content-Type: message/rfc822\n\n");
    mc_mime_read(mc_text_span(&raw), &message);
    assert_true(message.mail_count <= MC_MAIL_DEPTH + 1);
    mc_message_free(&message);
    mc_text_free(&raw);
}

/* ---- what does harm ---- */

static void add_repeated(struct mc_text *text, const char *what, size_t times)
{
    while (times--)
        mc_text_add_z(text, what);
}

/* Each between two sound reports, which must be found. */
static void hostile(void **state)
{
    (void)state;
    static const struct {
        const char *head, *repeated;
        size_t times;
        const char *tail;
    } cases[] = {
        {"X-Long: ", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\n ", 170000,
         "\n\nx\n"},
        {"From: x\n", "X-A: b\n", 1400000, "\nx\n"},
        {"From: x\n\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 250000, "\n"},
        {"Subject: failure notice\n\n", "a.b@c.d.e.f@", 100000, "\n"},
        {"Subject: failure notice\n\n", "<<<((", 100000, "\n"},
        {"Subject: ", "=?utf-8?B?/////////?= =?x?Q?=?= ", 2000, "\n\nx\n"},
        {"Subject: failure notice\nContent-Type: text/plain; charset=\"", "x", 9999,
         "\"\n\n\xff\n"},
        {"Subject: failure notice\nContent-Type: text/plain; charset=utf-7\n\n", "+/v8-\xff", 9999,
         "\n"},
        {"Subject: failure notice\nContent-Type: text/html\n\n", "<p <!-- &#99999999999; <", 20000,
         "\n"},
        {"Subject: failure notice\nContent-Type: multipart/report; boundary=", "b", 9999,
         "\n\n--b\n"},
        {"Subject: failure notice\nContent-Type: multipart/report; boundary=\"\"\n\n", "--\n", 9999,
         ""},
        {"", "Content-Type: message/rfc822\n\n", 9999, "\n"},
        {"Content-Type: multipart/mixed; boundary=b\n\n",
         "--b\nContent-Type: multipart/mixed; boundary=b\n\n", 9999, "\n"},
        {"Content-Transfer-Encoding: base64\n\n", "====////\xff", 99999, "\n"},
        {"Content-Transfer-Encoding: quoted-printable\n\n", "=\r=0=G", 99999, "=\n"},
        {"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: "
         "message/delivery-status\n\n",
         "Final-Recipient: rfc822;\nAction:\n\n", 9999, "--b"},
    };
    struct mc_text box = {0}, text = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        box.len = 0;
        mc_text_add_z(&box, "From x Mon Nov  2 10:00:00 2026\n" MESSAGE
                            "\nFrom x Mon Nov  2 10:00:00 2026\n");
        mc_text_add_z(&box, cases[i].head);
        add_repeated(&box, cases[i].repeated, cases[i].times);
        mc_text_add_z(&box, cases[i].tail);
        mc_text_add(&box, "\0\0\0", 3);
        mc_text_add_z(&box, "\nFrom x Mon Nov  2 10:00:00 2026\n" MESSAGE);
        const char *failed = failed_in(mc_text_span(&box), &text);
        if (strncmp(failed, "a@example.org ", 14) != 0 ||
            strcmp(failed + strlen(failed) - 14, " a@example.org") != 0)
            fail_msg("%zu: %s", i, failed);
    }
    mc_text_free(&box);
    mc_text_free(&text);
}

/* A report has as many recipients as it has. */
static void many(void **state)
{
    (void)state;
    struct mc_text raw = {0}, text = {0};
    mc_text_add_z(&raw, "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; "
                        "boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n");
    for (int i = 0; i < 3000; i++)
        mc_text_printf(&raw,
                       "Final-Recipient: rfc822; a%d@b.example\nAction: failed\n"
                       "Status: 5.1.1\n\n",
                       i);
    mc_text_add_z(&raw, "--b--\n");
    size_t count = 0;
    for (const char *at = failed_in(mc_text_span(&raw), &text); (at = strchr(at, '@')); at++)
        count++;
    assert_int_equal(count, 3000);
    mc_text_free(&raw);
    mc_text_free(&text);
}

/* ---- rulings ---- */

static void put_in(struct mc_text *text, const char *reply, const char *recipient)
{
    static const char name[] = "user@example.com";
    const char *at = strstr(reply, name);
    text->len = 0;
    if (!at)
        mc_text_printf(text, "%s <%s>", reply, recipient);
    for (; at; at = strstr(reply, name)) {
        mc_text_add(text, reply, (size_t)(at - reply));
        mc_text_add_z(text, recipient);
        reply = at + strlen(name);
        if (!strstr(reply, name))
            mc_text_add_z(text, reply);
    }
}

/* What is remembered is what the classifier says, whomever the reply is about. */
static void rulings(void **state)
{
    (void)state;
    /* of two of them nothing is said; who the last one is, is not known */
    static const char *const recipients[] = {"gone12@d7.example",
                                             "blocked@full.example",
                                             "gone13@d8.example",
                                             "a@b.example",
                                             "mailbox@absent.example",
                                             "absent@out.example",
                                             NULL};
    char line[8192];
    size_t cases = 0;
    struct mc_text text = {0};
    FILE *table = fopen("tests/cases/replies.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        char *field = line;
        for (size_t i = 0; i < 3 && field; i++)
            field = strchr(field, '\t') ? strchr(field, '\t') + 1 : NULL;
        if (line[0] == '#' || !field)
            continue;
        field[strcspn(field, "\t\n")] = '\0';
        for (size_t i = 0; i < MC_ARRAY_LEN(recipients); i++, cases++) {
            struct mc_reply reply;
            bool named = recipients[i] && !strstr(recipients[i], "absent");
            put_in(&text, field, named ? recipients[i] : "x@y.example");
            struct mc_bounce_said said = {.text = mc_text_span(&text),
                                          .recipient = recipients[i] ? mc_span_of(recipients[i])
                                                                     : mc_span("", 0)};
            mc_reply_from_text(said.text, &reply);
            struct mc_ours ours = {.recipient = said.recipient};
            struct mc_ruling wanted = mc_classify(MC_STAGE_NONE, &reply, mc_span("", 0), &ours);
            struct mc_ruling ruling = mc_bounce_ruling(&said, false);
            if (ruling.reason != wanted.reason || strcmp(ruling.rule, wanted.rule) != 0)
                fail_msg("%s: %s, not %s", mc_text_z(&text), ruling.rule, wanted.rule);
        }
    }
    fclose(table);
    mc_text_free(&text);
    assert_true(cases > 5000);
}

/* Every day of a century and more, and days that are none, as the C library reckons them. */
static void dates(void **state)
{
    (void)state;
    for (int day = 0; day < 60000; day++) {
        char text[64];
        struct tm tm = {.tm_year = 70 + day / 400,
                        .tm_mon = day % 400 / 31,
                        .tm_mday = day % 31 + 1,
                        .tm_hour = day % 24,
                        .tm_min = day % 60};
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:00Z", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
        int64_t wanted = (int64_t)timegm(&tm);
        assert_int_equal(mc_when_iso(mc_span_of(text), 0), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(utf16),   cmocka_unit_test(log_lines),
                                       cmocka_unit_test(aliases), cmocka_unit_test(hosts),
                                       cmocka_unit_test(parts),   cmocka_unit_test(cut),
                                       cmocka_unit_test(rulings), cmocka_unit_test(hostile),
                                       cmocka_unit_test(many),    cmocka_unit_test(dates)};
    mc_log_set_level(MC_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
