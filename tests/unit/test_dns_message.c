/* DNS answers as bytes, the names that can be asked, and the window of questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <ares.h>

#include "base/memory.h"
#include "loop/dns_message.h"
#include "loop/dns_window.h"

/* A header: flags, counts of questions, answers, authorities; then "d.test" IN MX. */
#define HEADER(rcode, answers, authorities)                                                        \
    "\x12\x34\x81" rcode "\0\1\0" answers "\0" authorities "\0\0\1d\4test\0\0\x0f\0\1"
#define RECORD(type, size) "\xc0\x0c\0" type "\0\1\0\0\1\x2c\0" size

static void answers_as_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        enum mc_dns_status status;
        size_t count;
        const char *text; /* first MX, or the alias */
    } cases[] = {
#define CASE(what, bytes, ...) {what, bytes, sizeof(bytes) - 1, __VA_ARGS__}
        CASE("nothing", "", MC_DNS_BAD, 0, ""),
        CASE("half a header", "\x12\x34\x81\x80\0\1", MC_DNS_BAD, 0, ""),
        CASE("no record", HEADER("\x80", "\0", "\0"), MC_DNS_NO_DATA, 0, ""),
        CASE("NXDOMAIN", HEADER("\x83", "\0", "\0"), MC_DNS_NOT_FOUND, 0, ""),
        CASE("NXDOMAIN without a question", "\x12\x34\x81\x83\0\0\0\0\0\0\0\0", MC_DNS_NOT_FOUND, 0,
             ""),
        CASE("SERVFAIL", HEADER("\x82", "\0", "\0"), MC_DNS_SERVFAIL, 0, ""),
        CASE("REFUSED", HEADER("\x85", "\0", "\0"), MC_DNS_REFUSED, 0, ""),
        CASE("a question cut off", "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1d\4te", MC_DNS_BAD, 0, ""),
        CASE("one MX", HEADER("\x80", "\1", "\0") RECORD("\x0f", "\7") "\0\x0a\2MX\xc0\x0c",
             MC_DNS_OK, 1, "10 mx.d.test"),
        CASE("null MX", HEADER("\x80", "\1", "\0") RECORD("\x0f", "\3") "\0\0\0", MC_DNS_OK, 1,
             "0 "),
        CASE("two MX",
             HEADER("\x80", "\2", "\0")
                 RECORD("\x0f", "\4") "\1\0\xc0\x0c" RECORD("\x0f", "\6") "\0\1\1a\xc0\x0c",
             MC_DNS_OK, 2, "256 d.test"),
        CASE("fewer records than promised",
             HEADER("\x80", "\2", "\0") RECORD("\x0f", "\4") "\1\0\xc0\x0c", MC_DNS_BAD, 0, ""),
        CASE("an MX without a host", HEADER("\x80", "\1", "\0") RECORD("\x0f", "\2") "\0\1",
             MC_DNS_BAD, 0, ""),
        CASE("a host longer than its record",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\4") "\0\1\5abcde\0", MC_DNS_BAD, 0, ""),
        CASE("a host that points at itself",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\4") "\0\1\xc0\x26", MC_DNS_BAD, 0, ""),
        CASE("a host beyond the end",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\4") "\0\1\xc1\xff", MC_DNS_BAD, 0, ""),
        CASE("a record beyond the end",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\x40") "\0\1\1a\0", MC_DNS_BAD, 0, ""),
        CASE("another type only", HEADER("\x80", "\1", "\0") RECORD("\1", "\4") "\x7f\0\0\1",
             MC_DNS_NO_DATA, 0, ""),
        CASE("another class only",
             HEADER("\x80", "\1", "\0") "\xc0\x0c\0\x0f\0\3\0\0\1\x2c\0\4\0\1\xc0\x0c",
             MC_DNS_NO_DATA, 0, ""),
        CASE("an alias", HEADER("\x80", "\1", "\0") RECORD("\5", "\4") "\1E\xc0\x0c",
             MC_DNS_NO_DATA, 0, "e.d.test"),
        CASE("an alias that ends in nothing",
             HEADER("\x80", "\1", "\1") RECORD("\5", "\4") "\1E\xc0\x0c" RECORD("\6", "\1") "\0",
             MC_DNS_NO_DATA, 0, ""),
        CASE("an alias, and where the servers are",
             HEADER("\x80", "\1", "\1") RECORD("\5", "\4") "\1E\xc0\x0c" RECORD("\2", "\1") "\0",
             MC_DNS_NO_DATA, 0, "e.d.test"),
        CASE("an alias and its MX",
             HEADER("\x80", "\2", "\0")
                 RECORD("\5", "\4") "\1E\xc0\x0c" RECORD("\x0f", "\4") "\0\1\xc0\x0c",
             MC_DNS_OK, 1, "1 d.test"),
        CASE("an alias to a name that cannot be asked",
             HEADER("\x80", "\1", "\0") RECORD("\5", "\5") "\2 b\xc0\x0c", MC_DNS_NO_DATA, 0, ""),
        CASE("an alias to the root", HEADER("\x80", "\1", "\0") RECORD("\5", "\1") "\0",
             MC_DNS_NO_DATA, 0, ""),
        CASE("a host with a blank",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\7") "\0\1\2 b\xc0\x0c", MC_DNS_OK, 1,
             NULL),
        CASE("bytes behind the end",
             HEADER("\x80", "\1", "\0") RECORD("\x0f", "\4") "\0\1\xc0\x0cjunk", MC_DNS_OK, 1,
             "1 d.test"),
#undef CASE
    };
    struct mc_dns_message message = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        /* a copy of exactly that size, so that a sanitizer sees any byte read beyond it */
        unsigned char *copy = mc_malloc(cases[i].len);
        memcpy(copy, cases[i].bytes, cases[i].len);
        char text[300];
        enum mc_dns_status status = mc_dns_message_read(&message, MC_DNS_MX, copy, cases[i].len);
        if (status == MC_DNS_OK)
            snprintf(text, sizeof text, "%u %s", message.answer.mx[0].preference,
                     message.answer.mx[0].host);
        else
            snprintf(text, sizeof text, "%s", message.alias);
        if (status != cases[i].status || message.answer.count != cases[i].count ||
            (cases[i].text && strcmp(text, cases[i].text) != 0))
            fail_msg("%s: %s, %zu, \"%s\"", cases[i].what, mc_dns_status_name(status),
                     message.answer.count, text);
        /* no prefix of it may be read beyond its end, nor taken for more than it is */
        for (size_t len = 0; len < cases[i].len; len++) {
            unsigned char *prefix = mc_malloc(len);
            memcpy(prefix, cases[i].bytes, len);
            (void)mc_dns_message_read(&message, MC_DNS_MX, prefix, len);
            assert_true(message.answer.count <= cases[i].count);
            free(prefix);
        }
        free(copy);
    }
    mc_dns_message_free(&message);
}

static void addresses_as_bytes(void **state)
{
    (void)state;
    struct mc_dns_message message = {0};
    static const char a[] = HEADER("\x80", "\3", "\0") RECORD("\5", "\2") "\xc0\x0c" RECORD(
        "\1", "\4") "\xc6\x12\0\1" RECORD("\1", "\4") "\xc6\x12\0\2";
    static const char short_a[] = HEADER("\x80", "\1", "\0") RECORD("\1", "\3") "\xc6\x12\0";
    static const char aaaa[] =
        HEADER("\x80", "\1", "\0") RECORD("\x1c", "\x10") "\x20\1\0\2\0\0\0\0\0\0\0\0\0\0\0\1";
    const unsigned char *bytes = (const unsigned char *)a;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_A, bytes, sizeof a - 1), MC_DNS_OK);
    assert_int_equal(message.answer.count, 2);
    assert_memory_equal(&message.answer.a[1], "\xc6\x12\0\2", 4);
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_AAAA, bytes, sizeof a - 1),
                     MC_DNS_NO_DATA);
    bytes = (const unsigned char *)short_a;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_A, bytes, sizeof short_a - 1),
                     MC_DNS_BAD);
    bytes = (const unsigned char *)aaaa;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_AAAA, bytes, sizeof aaaa - 1), MC_DNS_OK);
    assert_memory_equal(&message.answer.aaaa[0], aaaa + sizeof aaaa - 17, 16);
    mc_dns_message_free(&message);
}

static uint64_t random_number(void)
{
    static uint64_t random = 88172645463325252u;
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return random;
}

/* Whatever the bytes of a host are, it is what c-ares makes of them, in lower case. */
static void hosts_are_read_as_by_c_ares(void **state)
{
    (void)state;
    static const char some[] = "aZ09-_Mx.@\\ \xc3\x01";
    static const char head[] = HEADER("\x80", "\1", "\0") RECORD("\x0f", "\0");
    enum { HEAD = sizeof head - 1 };
    struct mc_dns_message message = {0};
    unsigned plain = 0, odd = 0;
    for (unsigned round = 0; round < 100000; round++) {
        unsigned char bytes[400];
        size_t len = HEAD, most = random_number() % 8 ? 40 : sizeof bytes - 80;
        memcpy(bytes, head, HEAD);
        bytes[len++] = 0, bytes[len++] = 10;
        /* odd bytes are rare, so that whole names without any come about, too */
        size_t kinds = random_number() % 4 ? 8 : sizeof some - 1;
        while (len - HEAD < most && random_number() % 6) {
            size_t label = random_number() % 16 ? random_number() % 20 : random_number() % 70;
            bytes[len++] = (unsigned char)label;
            for (; label; label--)
                bytes[len++] = (unsigned char)some[random_number() % kinds];
        }
        if (random_number() % 2) {
            bytes[len++] = 0;
        } else {
            bytes[len++] = 0xc0;
            size_t target = random_number() % (random_number() % 2 ? 20 : len + 2);
            bytes[len++] = (unsigned char)target;
        }
        size_t size = len - HEAD - random_number() % 16 / 15;
        bytes[HEAD - 2] = (unsigned char)(size >> 8);
        bytes[HEAD - 1] = (unsigned char)size;
        char *expected = NULL;
        long used = 0;
        int status = ares_expand_name(bytes + HEAD + 2, bytes, (int)len, &expected, &used);
        bool good = status == ARES_SUCCESS && used <= (long)size - 2;
        assert_int_equal(mc_dns_message_read(&message, MC_DNS_MX, bytes, len),
                         good ? MC_DNS_OK : MC_DNS_BAD);
        if (good) {
            size_t expected_len = strlen(expected);
            bool is_odd = strchr(expected, '\\') != NULL;
            /* a dot that is left at the end of some; an escaped one is part of the name */
            if (expected_len && expected[expected_len - 1] == '.' &&
                (expected_len == 1 || expected[expected_len - 2] != '\\'))
                expected[--expected_len] = '\0';
            for (size_t i = 0; i < expected_len; i++)
                expected[i] = mc_ascii_lower(expected[i]);
            assert_string_equal(message.answer.mx[0].host, expected);
            plain += !is_odd, odd += is_odd;
        }
        if (status == ARES_SUCCESS)
            ares_free_string(expected);
    }
    assert_true(plain > 10000 && odd > 1000);
    mc_dns_message_free(&message);
}

static void questions_are_written_as_by_c_ares(void **state)
{
    (void)state;
    static const struct {
        enum mc_dns_type type;
        int code;
    } types[] = {
        {MC_DNS_MX, 15}, {MC_DNS_A, 1}, {MC_DNS_AAAA, 28}, {MC_DNS_TXT, 16}, {MC_DNS_PTR, 12},
    };
    static const char usual[] = "abcXYZ019-_/@.", odd[] = ". \\\x7f\xc3";
    unsigned asked = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char name[300];
        size_t len = random_number() % (round % 2 ? 30 : sizeof name);
        for (size_t i = 0; i < len; i++)
            name[i] = random_number() % 300 ? usual[random_number() % (sizeof usual - 1)]
                                            : odd[random_number() % (sizeof odd - 1)];
        name[len] = '\0';
        size_t type = random_number() % MC_ARRAY_LEN(types);
        unsigned char message[MC_DNS_QUESTION_MAX], *expected = NULL;
        int expected_len = 0;
        size_t size = mc_dns_question_write(message, types[type].type, mc_span_of(name));
        assert_int_equal(size > 0, mc_dns_name_is_askable(name));
        if (!size)
            continue;
        asked++;
        assert_int_equal(
            ares_create_query(name, 1, types[type].code, 0, 1, &expected, &expected_len, 0),
            ARES_SUCCESS);
        assert_int_equal(size, expected_len);
        assert_memory_equal(message, expected, size);
        ares_free_string(expected);
    }
    assert_true(asked > 1000);
}

static void texts_and_names(void **state)
{
    (void)state;
    struct mc_dns_message message = {0};
    static const char txt[] =
        HEADER("\x80", "\2", "\0") RECORD("\x10", "\7") "\3v=s\2pf" RECORD("\x10", "\1") "\0";
    static const char broken[] = HEADER("\x80", "\1", "\0") RECORD("\x10", "\4") "\4v=s";
    static const char ptr[] = HEADER("\x80", "\1", "\0") RECORD("\x0c", "\6") "\1A\2Bc\0";
    const unsigned char *bytes = (const unsigned char *)txt;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_TXT, bytes, sizeof txt - 1), MC_DNS_OK);
    assert_int_equal(message.answer.count, 2);
    assert_true(mc_span_equal(message.answer.text[0], mc_span_of("v=spf")));
    assert_int_equal(message.answer.text[1].len, 0);
    bytes = (const unsigned char *)broken;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_TXT, bytes, sizeof broken - 1),
                     MC_DNS_BAD);
    bytes = (const unsigned char *)ptr;
    assert_int_equal(mc_dns_message_read(&message, MC_DNS_PTR, bytes, sizeof ptr - 1), MC_DNS_OK);
    assert_int_equal(message.answer.count, 1);
    assert_true(mc_span_equal(message.answer.text[0], mc_span_of("a.bc")));
    mc_dns_message_free(&message);
}

static void names_that_can_be_asked(void **state)
{
    (void)state;
    char name[300];
    static const struct {
        const char *name;
        bool good;
    } cases[] = {
        {"d.test", true},   {"localhost", true}, {"_dmarc.d.test", true},
        {"xn--p1ai", true}, {"a/b.test", true},  {"", false},
        {".", false},       {".d.test", false},  {"d.test.", false},
        {"d..test", false}, {"a b.test", false}, {"a\\.b.test", false},
        {"\x7f", false},    {"\xc3\xbc", false}, {"a\tb", false},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_int_equal(mc_dns_name_is_askable(cases[i].name), cases[i].good);
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    assert_true(mc_dns_name_is_askable(name));
    name[63] = 'a', name[64] = '\0';
    assert_false(mc_dns_name_is_askable(name));
    for (size_t i = 1; i < sizeof name; i += 2)
        name[i - 1] = 'a', name[i] = '.';
    name[253] = '\0';
    assert_true(mc_dns_name_is_askable(name));
    name[253] = '.', name[254] = 'a', name[255] = '\0';
    assert_false(mc_dns_name_is_askable(name));
}

/* Rounds of as many answers as the window holds, `per_cent` of them of that pace, from afar. */
static void play_pace(struct mc_dns_window *window, unsigned rounds, unsigned per_cent,
                      enum mc_dns_pace pace)
{
    unsigned n = 0;
    while (rounds--)
        for (uint32_t i = window->size; i; i--)
            mc_dns_window_note(window, n++ % 100 < per_cent ? pace : MC_DNS_PROMPT, 30, true);
}

static void play(struct mc_dns_window *window, unsigned rounds, unsigned late_per_cent)
{
    play_pace(window, rounds, late_per_cent, MC_DNS_LATE);
}

static void the_window_grows_and_shrinks(void **state)
{
    (void)state;
    struct mc_dns_window window;
    mc_dns_window_init(&window, 1000);
    assert_int_equal(window.size, 100);
    play(&window, 1, 0);
    assert_int_equal(window.size, 200);
    play(&window, 10, 0);
    assert_int_equal(window.size, 1000);
    play(&window, 20, 10); /* a lossy line, slow domains */
    assert_int_equal(window.size, 1000);
    play(&window, 20, 60);
    assert_in_range(window.size, 50, 60);
    play(&window, 5, 0); /* slowly, it was too much before */
    assert_in_range(window.size, 55, 80);
    play(&window, 60, 0);
    assert_int_equal(window.size, 1000);
    mc_dns_window_init(&window, 10000);
    for (unsigned i = 0; i < 1000; i++)
        mc_dns_window_note(&window, MC_DNS_PROMPT, 30, false);
    assert_int_equal(window.size, 100); /* nobody wanted more */
    mc_dns_window_init(&window, 1000);
    play(&window, 10, 0);
    play_pace(&window, 20, 10, MC_DNS_TURNED_AWAY); /* a server says itself that it is too much */
    assert_in_range(window.size, 50, 60);
    mc_dns_window_init(&window, 3);
    play(&window, 10, 100);
    assert_int_equal(window.size, 3);
    mc_dns_window_init(&window, 0);
    play(&window, 10, 0);
    assert_int_equal(window.size, 1);
}

/* More than 150 only where it is the way that takes the time. */
static void a_server_that_is_near_gets_no_more_than_it_needs(void **state)
{
    (void)state;
    static const struct {
        uint32_t fastest_ms, others_ms;
        uint32_t size;
    } cases[] = {{0, 0, 150},  {0, 12, 150},  {4, 19, 150},
                 {5, 5, 1000}, {8, 12, 1000}, {0, 20, 1000}};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_dns_window window;
        mc_dns_window_init(&window, 1000);
        mc_dns_window_note(&window, MC_DNS_PROMPT, cases[i].fastest_ms, true);
        mc_dns_window_note(&window, MC_DNS_TURNED_AWAY, 0, true); /* by whom says nothing */
        for (unsigned n = 0; n < 5000; n++)
            mc_dns_window_note(&window, MC_DNS_PROMPT, cases[i].others_ms, true);
        assert_int_equal(window.size, cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_bytes),
        cmocka_unit_test(addresses_as_bytes),
        cmocka_unit_test(hosts_are_read_as_by_c_ares),
        cmocka_unit_test(questions_are_written_as_by_c_ares),
        cmocka_unit_test(texts_and_names),
        cmocka_unit_test(names_that_can_be_asked),
        cmocka_unit_test(the_window_grows_and_shrinks),
        cmocka_unit_test(a_server_that_is_near_gets_no_more_than_it_needs),
    };
    return cmocka_run_group_tests_name("dns_message", tests, NULL, NULL);
}
