/* The bytes that reports come in: encodings, packings, mailbox dialects, and what is no text. What
 * is made of the reports is test_bounce.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "bounce/mailbox.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(utf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
