/* Replies as bytes: whole, and split at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "verdict/reply.h"

static const struct {
    const char *bytes;
    enum mc_reply_state state;
    unsigned code;
    const char *enhanced; /* "" where there is none */
    const char *text;
    const char *rest; /* belongs to the next reply */
} cases[] = {
    {"250 ok\r\n", MC_REPLY_COMPLETE, 250, "", "ok", ""},
    {"250 ok\n", MC_REPLY_COMPLETE, 250, "", "ok", ""},
    {"250 ok\r\r\n", MC_REPLY_COMPLETE, 250, "", "ok", ""},
    {"250\r\n", MC_REPLY_COMPLETE, 250, "", "", ""},
    {"250\n", MC_REPLY_COMPLETE, 250, "", "", ""},
    {"250 \r\n", MC_REPLY_COMPLETE, 250, "", "", ""},
    {"250-\r\n250\r\n", MC_REPLY_COMPLETE, 250, "", "\n", ""},
    {"250 a\r\n550 b\r\n", MC_REPLY_COMPLETE, 250, "", "a", "550 b\r\n"},
    {"250-a\r\n250-b\n250 c\r\n", MC_REPLY_COMPLETE, 250, "", "a\nb\nc", ""},
    {"250-a\r\n250-b\r\n", MC_REPLY_MORE, 250, "", "a\nb", ""},
    {"250-a\r\n", MC_REPLY_MORE, 250, "", "a", ""},
    {"250", MC_REPLY_MORE, 0, "", "", ""},
    {"", MC_REPLY_MORE, 0, "", "", ""},
    {"\r\n\r\n250 ok\r\n", MC_REPLY_COMPLETE, 250, "", "ok", ""},
    {"250\tok\r\n", MC_REPLY_COMPLETE, 250, "", "ok", ""},
    {"550 5.1.1 no such user\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "5.1.1 no such user", ""},
    {"550-5.1.1 a\r\n550 5.7.1 b\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "5.1.1 a\n5.7.1 b", ""},
    {"550-a\r\n550 5.7.1 b\r\n", MC_REPLY_COMPLETE, 550, "5.7.1", "a\n5.7.1 b", ""},
    {"550 5.7.606 x\r\n", MC_REPLY_COMPLETE, 550, "5.7.606", "5.7.606 x", ""},
    {"550 5.7.6060 x\r\n", MC_REPLY_COMPLETE, 550, "", "5.7.6060 x", ""},
    {"550 5.1.1.9 x\r\n", MC_REPLY_COMPLETE, 550, "", "5.1.1.9 x", ""},
    {"550 5.1.1. x\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "5.1.1. x", ""},
    {"550 5.1.1\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "5.1.1", ""},
    {"550 5.1.1<a@b>\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "5.1.1<a@b>", ""},
    {"550 #5.1.0 x\r\n", MC_REPLY_COMPLETE, 550, "5.1.0", "#5.1.0 x", ""},
    {"550 (#5.1.1) x\r\n", MC_REPLY_COMPLETE, 550, "5.1.1", "(#5.1.1) x", ""},
    {"450 5.1.1 x\r\n", MC_REPLY_COMPLETE, 450, "", "5.1.1 x", ""},
    {"550 4.2.1 x\r\n", MC_REPLY_COMPLETE, 550, "", "4.2.1 x", ""},
    {"250 2.1.5 ok\r\n", MC_REPLY_COMPLETE, 250, "2.1.5", "2.1.5 ok", ""},
    {"354 go\r\n", MC_REPLY_COMPLETE, 354, "", "go", ""},
    {"599 x\r\n", MC_REPLY_COMPLETE, 599, "", "x", ""},
    {"199 x\r\n250 ok\r\n", MC_REPLY_GARBAGE, 0, "", "199 x", "250 ok\r\n"},
    {"600 x\r\n", MC_REPLY_GARBAGE, 0, "", "600 x", ""},
    {"SSH-2.0-x\r\n", MC_REPLY_GARBAGE, 0, "", "SSH-2.0-x", ""},
    {"25\r\n", MC_REPLY_GARBAGE, 0, "", "25", ""},
    {"2500 x\r\n", MC_REPLY_GARBAGE, 0, "", "2500 x", ""},
    {"250ok\r\n", MC_REPLY_GARBAGE, 0, "", "250ok", ""},
    {"250-a\r\n550 b\r\n", MC_REPLY_GARBAGE, 0, "", "a\nb", ""},
    {"250-a\r\nb\r\n", MC_REPLY_GARBAGE, 0, "", "a\nb", ""},
    {"220-a\r220 b\r\n", MC_REPLY_COMPLETE, 220, "", "a\nb", ""},
    {"220-a\r220-b\r\n220 c\r\n", MC_REPLY_COMPLETE, 220, "", "a\nb\nc", ""},
    {"220 a\rb\r\n", MC_REPLY_COMPLETE, 220, "", "a b", ""},
    {"220 a\r", MC_REPLY_MORE, 0, "", "a\r", ""},
    {"\x16\x03\x01\x02 binary\n", MC_REPLY_GARBAGE, 0, "", "\x16\x03\x01\x02 binary", ""},
};

static void assert_reply(size_t i, const struct mc_reply *reply, enum mc_reply_state state)
{
    char enhanced[16] = "";
    if (reply->class)
        snprintf(enhanced, sizeof enhanced, "%u.%u.%u", reply->class, reply->subject,
                 reply->detail);
    if (state != cases[i].state || reply->code != cases[i].code ||
        strcmp(enhanced, cases[i].enhanced) ||
        !mc_span_equal(mc_span(reply->text, reply->text_len), mc_span_of(cases[i].text)))
        fail_msg("case %zu \"%s\": state %d code %u enhanced %s text \"%.*s\"", i, cases[i].bytes,
                 (int)state, reply->code, enhanced, (int)reply->text_len, reply->text);
}

static void whole_replies(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_reply reply;
        struct mc_reply_parser parser;
        size_t used = 0;
        mc_reply_start(&parser, &reply);
        enum mc_reply_state state =
            mc_reply_feed(&parser, cases[i].bytes, strlen(cases[i].bytes), &used);
        assert_reply(i, &reply, state);
        assert_string_equal(cases[i].bytes + used, cases[i].rest);
    }
}

static void split_at_every_byte(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_reply reply;
        struct mc_reply_parser parser;
        size_t used = 0, at = 0, len = strlen(cases[i].bytes);
        enum mc_reply_state state = MC_REPLY_MORE;
        mc_reply_start(&parser, &reply);
        for (; at < len && state == MC_REPLY_MORE; at++) {
            state = mc_reply_feed(&parser, cases[i].bytes + at, 1, &used);
            assert_int_equal(used, 1);
        }
        assert_reply(i, &reply, state);
        assert_string_equal(cases[i].bytes + at, cases[i].rest);
    }
}

/* Feeds `head`, then `fill` again and again (at most `count` times), then `tail`. */
static enum mc_reply_state feed_long(struct mc_reply *reply, const char *head, const char *fill,
                                     size_t count, const char *tail)
{
    struct mc_reply_parser parser;
    size_t used;
    mc_reply_start(&parser, reply);
    enum mc_reply_state state = mc_reply_feed(&parser, head, strlen(head), &used);
    for (size_t i = 0; i < count && state == MC_REPLY_MORE; i++)
        state = mc_reply_feed(&parser, fill, strlen(fill), &used);
    if (state == MC_REPLY_MORE)
        state = mc_reply_feed(&parser, tail, strlen(tail), &used);
    return state;
}

static void long_replies(void **unused)
{
    (void)unused;
    struct mc_reply reply;
    /* a giant line is read to its end, keeps its code and leaves room for the next */
    assert_int_equal(feed_long(&reply, "550-", "0123456789", 1000, "\r\n550 5.1.1 end\r\n"),
                     MC_REPLY_COMPLETE);
    assert_int_equal(reply.code, 550);
    assert_int_equal(reply.class, 5);
    assert_int_equal(reply.text_len, MC_REPLY_LINE_MAX + 1 + strlen("5.1.1 end"));
    /* many lines: the text is capped */
    assert_int_equal(feed_long(&reply, "", "250-some text that repeats\r\n", 1000, "250 x\r\n"),
                     MC_REPLY_COMPLETE);
    assert_int_equal(reply.text_len, MC_REPLY_TEXT_MAX);
    /* endless */
    assert_int_equal(feed_long(&reply, "", "250-some text that repeats\r\n", 10000, "250 x\r\n"),
                     MC_REPLY_TOO_LONG);
    assert_int_equal(reply.code, 0);
    assert_int_equal(feed_long(&reply, "250 ", "0123456789", 10000, "\r\n"), MC_REPLY_TOO_LONG);
    assert_int_equal(feed_long(&reply, "", "\r\n", 100000, "\r\n"), MC_REPLY_TOO_LONG);
    /* garbage without a line end does not wait for one */
    assert_int_equal(feed_long(&reply, "", "<html>", 1000, ""), MC_REPLY_GARBAGE);
}

static void text_as_people_paste_it(void **unused)
{
    (void)unused;
    static const struct {
        const char *pasted;
        unsigned code, class;
        const char *text;
    } pasted[] = {
        {"550 5.1.1 no such user", 550, 5, "5.1.1 no such user"},
        {"550-a\n550 b", 550, 0, "a\nb"},
        {"550-a\\n550 b", 550, 0, "a\nb"},
        {"550-a\r\n550 b\r\n", 550, 0, "a\nb"},
        {"user unknown", 0, 0, "user unknown"},
        {"5.1.1 user unknown", 0, 5, "5.1.1 user unknown"},
        {"smtp; 550 5.1.1 x", 550, 5, "5.1.1 x"},
        {"SMTP;550 x", 550, 0, "x"},
        {"  550 x  ", 550, 0, "x"},
        {"550", 550, 0, ""},
        {"550-a\\nsecond line", 550, 0, "a\nsecond line"},
        {"550-a\\n551 b", 550, 0, "a\n551 b"},
        {"", 0, 0, ""},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(pasted); i++) {
        struct mc_reply reply;
        mc_reply_from_text(mc_span_of(pasted[i].pasted), &reply);
        assert_int_equal(reply.code, pasted[i].code);
        assert_int_equal(reply.class, pasted[i].class);
        assert_int_equal(reply.text_len, strlen(pasted[i].text));
        assert_memory_equal(reply.text, pasted[i].text, reply.text_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_replies),
        cmocka_unit_test(split_at_every_byte),
        cmocka_unit_test(long_replies),
        cmocka_unit_test(text_as_people_paste_it),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
