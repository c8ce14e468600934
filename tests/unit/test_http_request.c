/* src/http/request.c: what is a request, what is refused and with which status, cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "http/request.h"

#define HOST "Host: localhost\r\n"

static const struct request_case {
    const char *bytes;
    int status; /* 0: complete */
    const char *path, *query, *body;
    bool keep_alive;
} cases[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", "", true},
    {"GET / HTTP/1.0\r\n\r\n", 0, "/", "", "", false},
    {"GET /a?b=c&d HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 0, "/a", "b=c&d", "", false},
    {"GET /a?b#c?d HTTP/1.1\r\n" HOST "\r\n", 0, "/a", "b", "", true},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 0, "/", "", "abc", true},
    /* where a body in chunks ends, readers have disagreed: nothing is read behind it */
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n"
     "Host: trailer\r\n\r\n",
     0, "/", "", "abcd", false},
    {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", "", true},
    {"GET http://localhost:8025/a?b HTTP/1.1\r\n" HOST "\r\n", 0, "/a", "b", "", true},
    {"GET http://localhost?b HTTP/1.1\r\n" HOST "\r\n", 0, "/", "b", "", true},
    {"GET http://localhost HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", "", true},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, "*", "", "", true},
    {"GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, "/", "", "", true},
    {"GET / HTTP/1.1\r\n" HOST "X-Nothing: \xff\r\nAccept: */*\r\n\r\n", 0, "/", "", "", true},
    /* no request, or one that two readers could read in two ways */
    {"GET / HTTP/1.1\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"\x16\x03\x01\x02", 400, NULL, NULL, NULL, false},
    {"GET/ HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"BREW / HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST "Bad Header: 1\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, NULL,
     NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 400, NULL, NULL,
     NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, NULL, NULL, NULL,
     false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL,
     NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 0\r\n\r\na", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n 0\r\n\r\na", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
     "0\r\n\r\n",
     400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, NULL, NULL,
     NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, NULL,
     NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400, NULL, NULL, NULL,
     false},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400, NULL, NULL,
     NULL, false},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL, NULL,
     NULL, false},
    {"GET / HTTP/1.1\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST "\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST ": empty\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x01b\r\n\r\n", 400, NULL, NULL, NULL, false},
    {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"GET / HTTP/1.1 x\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"GET /\r\n\r\n", 505, NULL, NULL, NULL, false},
    {"get / HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"CONNECT localhost:1 HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, NULL, false},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 524289\r\n\r\n", 413, NULL, NULL, NULL, false},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, NULL, NULL, NULL, false},
};

/* Feeds it in pieces of `step` bytes; how many bytes were taken. */
static size_t feed(struct mc_http_request *request, const char *bytes, size_t len, size_t step)
{
    size_t at = 0;
    mc_http_request_begin(request);
    while (at < len && !mc_http_request_complete(request) && !mc_http_request_refused(request))
        at += mc_http_request_take(request, bytes + at, len - at < step ? len - at : step);
    return at;
}

static void assert_text(struct mc_span got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.at, wanted, got.len);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        const struct request_case *wanted = &cases[i];
        size_t len = strlen(wanted->bytes);
        for (size_t step = 1; step <= len; step = step == 1 ? 7 : step == 7 ? len : len + 1) {
            struct mc_http_request request;
            size_t taken = feed(&request, wanted->bytes, len, step);
            if (mc_http_request_refused(&request) != wanted->status)
                print_message("case %zu, step %zu: %s\n", i, step, wanted->bytes);
            assert_int_equal(mc_http_request_refused(&request), wanted->status);
            assert_int_equal(mc_http_request_complete(&request), wanted->status == 0);
            if (!wanted->status) {
                assert_int_equal(taken, len);
                assert_text(mc_http_request_path(&request), wanted->path);
                assert_text(mc_http_request_query(&request), wanted->query);
                assert_text(mc_http_request_body(&request), wanted->body);
                assert_int_equal(mc_http_request_keep_alive(&request), wanted->keep_alive);
            }
            mc_http_request_free(&request);
        }
    }
}

static void test_next_request_is_left(void **state)
{
    static const char two[] = "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n";
    struct mc_http_request request;
    (void)state;
    size_t taken = feed(&request, two, sizeof two - 1, sizeof two);
    assert_int_equal(taken, (sizeof two - 1) / 2);
    assert_text(mc_http_request_path(&request), "/1");
    mc_http_request_free(&request);
}

static void test_limits(void **state)
{
    struct mc_text text = {0};
    struct mc_http_request request;
    (void)state;
    mc_text_add_z(&text, "GET / HTTP/1.1\r\n" HOST "X: ");
    for (size_t i = 0; i < MC_HTTP_HEAD_MAX; i++)
        mc_text_add_char(&text, 'x');
    feed(&request, text.at, text.len, 4096);
    assert_int_equal(mc_http_request_refused(&request), 431);
    mc_http_request_free(&request);
    text.len = 0;
    mc_text_add_z(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffff\r\n");
    for (size_t i = 0; i <= MC_HTTP_BODY_MAX; i++)
        mc_text_add_char(&text, 'x');
    feed(&request, text.at, text.len, 4096);
    assert_int_equal(mc_http_request_refused(&request), 413);
    mc_http_request_free(&request);
    mc_text_free(&text);
}

static void test_headers(void **state)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nhOST: a.example:1  \r\nX-API-Key: k\r\n"
                                "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
                                "X-Forwarded-For-But-Longer-Than-Any: 3\r\n\r\n";
    struct mc_http_request request;
    (void)state;
    feed(&request, bytes, sizeof bytes - 1, 3);
    assert_true(mc_http_request_complete(&request));
    assert_text(mc_http_request_header(&request, MC_HTTP_HOST), "a.example:1");
    assert_text(mc_http_request_header(&request, MC_HTTP_API_KEY), "k");
    assert_text(mc_http_request_header(&request, MC_HTTP_FORWARDED_FOR), "2.2.2.2");
    assert_text(mc_http_request_header(&request, MC_HTTP_ORIGIN), "");
    mc_http_request_free(&request);
}

static void test_passed_on(void **state)
{
    static const struct {
        const char *bytes;
        bool is;
    } heads[] = {
        {"GET / HTTP/1.1\r\n" HOST "Accept: */*\r\nX-Forward: 1\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n" HOST "\r\n", true}, /* as nginx asks whom it was told no more about */
        {"GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.1.1.1\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "X-Forwarded-For:\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "x-forwarded-proto: https\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "X-Forwarded-Client-Certificate: 1\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "X-Real-IP: 1.1.1.1\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Forwarded: for=1.1.1.1\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Via: 1.1 proxy\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Viable: no\r\n\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(heads); i++) {
        struct mc_http_request request;
        feed(&request, heads[i].bytes, strlen(heads[i].bytes), 3);
        assert_true(mc_http_request_complete(&request));
        assert_int_equal(mc_http_request_is_passed_on(&request), heads[i].is);
        mc_http_request_free(&request);
    }
}

static void test_drop_body(void **state)
{
    static const char bytes[] =
        "POST /a?b HTTP/1.1\r\n" HOST "Origin: o\r\nContent-Length: 3\r\n\r\nabc";
    struct mc_http_request request;
    (void)state;
    feed(&request, bytes, sizeof bytes - 1, 5);
    mc_http_request_drop_body(&request);
    assert_text(mc_http_request_body(&request), "");
    assert_text(mc_http_request_path(&request), "/a");
    assert_text(mc_http_request_header(&request, MC_HTTP_ORIGIN), "o");
    assert_in_range(mc_http_request_size(&request), 1, 64);
    mc_http_request_free(&request);
}

static void test_query(void **state)
{
    static const struct {
        const char *query;
        enum mc_http_field is;
        const char *value;
    } fields[] = {
        {"email=a%40b", MC_HTTP_FIELD_OK, "a@b"},
        {"x=1&email=a+b%2Bc", MC_HTTP_FIELD_OK, "a+b+c"},
        {"email=", MC_HTTP_FIELD_OK, ""},
        {"email=a=b", MC_HTTP_FIELD_OK, "a=b"},
        {"email=%C3%a9", MC_HTTP_FIELD_OK, "\xc3\xa9"},
        {"", MC_HTTP_FIELD_MISSING, ""},
        {"email", MC_HTTP_FIELD_MISSING, ""},
        {"xemail=1&emailx=2", MC_HTTP_FIELD_MISSING, ""},
        {"email=a&email=b", MC_HTTP_FIELD_BAD, ""},
        {"email=%4", MC_HTTP_FIELD_BAD, ""},
        {"email=%zz", MC_HTTP_FIELD_BAD, ""},
    };
    struct mc_text text = {0};
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(fields); i++) {
        assert_int_equal(mc_http_query_field(mc_span_of(fields[i].query), "email", &text),
                         fields[i].is);
        if (fields[i].is == MC_HTTP_FIELD_OK)
            assert_text(mc_text_span(&text), fields[i].value);
    }
    mc_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),     cmocka_unit_test(test_next_request_is_left),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_headers),
        cmocka_unit_test(test_query),     cmocka_unit_test(test_passed_on),
        cmocka_unit_test(test_drop_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
