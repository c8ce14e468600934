/* SOCKS5: proxy URLs and the handshake, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "base/memory.h"
#include "loop/socks5.h"

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *ip; /* ip NULL: refused, `says` is in the sentence */
        unsigned port;
        const char *user, *password, *says;
    } cases[] = {
        {"socks5://127.0.0.1:1080", "127.0.0.1", 1080, "", "", NULL},
        {"SOCKS5://10.0.0.1:9/", "10.0.0.1", 9, "", "", NULL},
        {"socks5://10.0.0.1", "10.0.0.1", 1080, "", "", NULL},
        {"socks5://localhost:9050", "127.0.0.1", 9050, "", "", NULL},
        {"socks5://[::1]:1080", "::1", 1080, "", "", NULL},
        {"socks5://[2001:db8::1]", "2001:db8::1", 1080, "", "", NULL},
        {"socks5://ann:secret@127.0.0.1:1", "127.0.0.1", 1, "ann", "secret", NULL},
        {"socks5://ann@127.0.0.1:1", "127.0.0.1", 1, "ann", "", NULL},
        {"socks5://a%40b:p%3a%2F%25@127.0.0.1:1", "127.0.0.1", 1, "a@b", "p:/%", NULL},
        {"socks5://a:b@c:d@[::1]:7", "::1", 7, "a", "b@c:d", NULL},
        {"", NULL, 0, NULL, NULL, "socks5://"},
        {"socks5:/", NULL, 0, NULL, NULL, "socks5://"},
        {"127.0.0.1:1080", NULL, 0, NULL, NULL, "socks5://"},
        {"http://127.0.0.1:1080", NULL, 0, NULL, NULL, "socks5://"},
        {"socks5h://127.0.0.1:1080", NULL, 0, NULL, NULL, "socks5://"},
        {"socks5://", NULL, 0, NULL, NULL, "IP address"},
        {"socks5://proxy.example:1080", NULL, 0, NULL, NULL, "IP address"},
        {"socks5://::1:1080", NULL, 0, NULL, NULL, "IP address"},
        {"socks5://[127.0.0.1]:1080", NULL, 0, NULL, NULL, "IP address"},
        {"socks5://[localhost]:1080", NULL, 0, NULL, NULL, "IP address"},
        {"socks5://127.0.0.1:1080/path", NULL, 0, NULL, NULL, "port"},
        {"socks5://127.0.0.1:", NULL, 0, NULL, NULL, "port"},
        {"socks5://127.0.0.1:0", NULL, 0, NULL, NULL, "port"},
        {"socks5://127.0.0.1:65536", NULL, 0, NULL, NULL, "port"},
        {"socks5://@127.0.0.1:1080", NULL, 0, NULL, NULL, "user"},
        {"socks5://:x@127.0.0.1:1080", NULL, 0, NULL, NULL, "user"},
        {"socks5://a%4:x@127.0.0.1:1080", NULL, 0, NULL, NULL, "user"},
        {"socks5://a%zz:x@127.0.0.1:1080", NULL, 0, NULL, NULL, "user"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_socks5_proxy proxy;
        char error[200] = "", ip[INET6_ADDRSTRLEN];
        const struct sockaddr_in *v4 = (void *)&proxy.address;
        const struct sockaddr_in6 *v6 = (void *)&proxy.address;
        if (mc_socks5_parse_url(cases[i].url, &proxy, error, sizeof error) != !!cases[i].ip)
            fail_msg("%s: %s", cases[i].url, error);
        if (!cases[i].ip) {
            if (!strstr(error, cases[i].says))
                fail_msg("%s: %s", cases[i].url, error);
            continue;
        }
        bool is_v6 = proxy.address.ss_family == AF_INET6;
        assert_int_equal(proxy.address_len, is_v6 ? sizeof *v6 : sizeof *v4);
        inet_ntop(proxy.address.ss_family,
                  is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, ip,
                  sizeof ip);
        assert_string_equal(ip, cases[i].ip);
        assert_int_equal(ntohs(is_v6 ? v6->sin6_port : v4->sin_port), cases[i].port);
        assert_true(mc_span_equal(mc_span(proxy.user, proxy.user_len), mc_span_of(cases[i].user)));
        assert_true(mc_span_equal(mc_span(proxy.password, proxy.password_len),
                                  mc_span_of(cases[i].password)));
    }
}

static void too_long_a_user(void **state)
{
    (void)state;
    struct mc_socks5_proxy proxy;
    char url[600], error[200];
    for (int len = 254; len <= 256; len++) {
        snprintf(url, sizeof url, "socks5://%0*d:%0*d@127.0.0.1", len, 1, len, 2);
        assert_int_equal(mc_socks5_parse_url(url, &proxy, error, sizeof error), len <= 255);
    }
}

#define BYTES(text)   text, sizeof(text) - 1
#define NO_AUTH_SENT  "\5\1\0"
#define BOTH_SENT     "\5\2\0\2"
#define LOGIN_SENT    "\1\3ann\2pw"
#define CONNECT_SENT  "\5\1\0\1\xc6\x12\0\1\0\31"
#define CONNECT6_SENT "\5\1\0\4\x20\1\0\2\0\0\0\0\0\0\0\0\0\0\0\1\0\31"

/* All that the proxy says, what we say to that, how it ends, what is left unread. */
static const struct exchange {
    const char *url, *target;
    const char *in;
    size_t in_len;
    const char *out;
    size_t out_len;
    enum mc_socks5_status status;
    size_t left;
    const char *says;
} exchanges[] = {
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\1\1\2\3\4\5\6"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_DONE, 0, NULL},
    {"socks5://127.0.0.1", "198.18.0.1",
     BYTES("\5\0\5\0\0\1\1\2\3\4\5\6"
           "220 hi"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_DONE, 6, NULL},
    {"socks5://127.0.0.1", "2001:2::1", BYTES("\5\0\5\0\0\4\1\2\3\4\5\6\7\1\1\2\3\4\5\6\7\1pp"),
     BYTES(NO_AUTH_SENT CONNECT6_SENT), MC_SOCKS5_DONE, 0, NULL},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\3\3abcpp!"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_DONE, 1, NULL},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\3\0pp"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_DONE, 0, NULL},
    {"socks5://ann:pw@127.0.0.1", "198.18.0.1", BYTES("\5\2\1\0\5\0\0\1\1\2\3\4\5\6"),
     BYTES(BOTH_SENT LOGIN_SENT CONNECT_SENT), MC_SOCKS5_DONE, 0, NULL},
    {"socks5://ann:pw@127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\1\1\2\3\4\5\6"),
     BYTES(BOTH_SENT CONNECT_SENT), MC_SOCKS5_DONE, 0, NULL},
    {"socks5://ann:pw@127.0.0.1", "198.18.0.1", BYTES("\5\2\1\1"), BYTES(BOTH_SENT LOGIN_SENT),
     MC_SOCKS5_FAILED, 0, "password is wrong"},
    {"socks5://ann:pw@127.0.0.1", "198.18.0.1", BYTES("\5\xff"), BYTES(BOTH_SENT), MC_SOCKS5_FAILED,
     0, "neither"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\xff"), BYTES(NO_AUTH_SENT), MC_SOCKS5_FAILED, 0,
     "wants user and password"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\2"), BYTES(NO_AUTH_SENT), MC_SOCKS5_FAILED, 0,
     "wants user and password"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\4\133"), BYTES(NO_AUTH_SENT), MC_SOCKS5_FAILED, 0,
     "SOCKS5"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\1"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_FAILED, 0, "general failure"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\2\0\1"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_FAILED, 2, "rules"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\3"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_UNREACHABLE, 0, "network unreachable"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\4"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_UNREACHABLE, 0, "host unreachable"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\5"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_REFUSED, 0, "refused"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\6"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_UNREACHABLE, 0, "TTL"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\7"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_FAILED, 0, "command"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\x8"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_FAILED, 0, "address type"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\x9"), BYTES(NO_AUTH_SENT CONNECT_SENT),
     MC_SOCKS5_FAILED, 0, "no sense"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\4\0\0\1\1\2\3\4\5\6"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_FAILED, 0, "no sense"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\2\1\2\3\4\5\6"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_FAILED, 0, "no sense"},
    {"socks5://127.0.0.1", "198.18.0.1", BYTES("\5\0\5\0\0\1\1\2\3\4\5"),
     BYTES(NO_AUTH_SENT CONNECT_SENT), MC_SOCKS5_MORE, 0, NULL},
};

static void play(const struct exchange *exchange, size_t piece)
{
    struct mc_socks5_proxy proxy;
    struct mc_socks5 handshake;
    struct mc_text out = {0};
    char error[200];
    const char *why = NULL;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    bool is_v4 = inet_pton(AF_INET, exchange->target, &v4.sin_addr) == 1;
    inet_pton(AF_INET6, exchange->target, &v6.sin6_addr);
    assert_true(mc_socks5_parse_url(exchange->url, &proxy, error, sizeof error));
    mc_socks5_start(&handshake, &proxy, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                    &out);
    enum mc_socks5_status status = MC_SOCKS5_MORE;
    size_t at = 0;
    while (at < exchange->in_len && status == MC_SOCKS5_MORE) {
        size_t len = exchange->in_len - at < piece ? exchange->in_len - at : piece;
        struct mc_span in = mc_span(exchange->in + at, len);
        status = mc_socks5_feed(&handshake, &in, &out, &why);
        at += len - in.len;
    }
    assert_int_equal(status, exchange->status);
    assert_int_equal(exchange->in_len - at, exchange->left);
    assert_true(mc_span_equal(mc_text_span(&out), mc_span(exchange->out, exchange->out_len)));
    assert_int_equal(!why, !exchange->says);
    if (why)
        assert_non_null(strstr(why, exchange->says));
    mc_text_free(&out);
}

static void exchanges_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(exchanges); i++)
        for (size_t piece = 1; piece <= 30; piece++)
            play(&exchanges[i], piece);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(too_long_a_user),
        cmocka_unit_test(exchanges_in_pieces_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
