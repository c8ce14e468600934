/* Streams against a peer in the same process, on loopback: the kernel's buffers let one thread
 * play both ends in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "loop/origin.h"
#include "loop/stream.h"

enum { NEVER, ON_CONNECTED, ON_RECEIVED, ON_TLS_UP };

/* The world of one test: a net, a listening peer, one client. */
struct world {
    struct mc_loop *loop;
    struct mc_net *net;
    int listener;
    struct sockaddr_in address;
    struct mc_stream *stream;
    struct mc_text got;
    unsigned connected, received, tls_up, failed, finished;
    enum mc_stream_failure failure;
    char why[160];
    int close_on; /* one of the enum above */
    bool in_call; /* no event may come then */
};

static void let_go(struct world *world)
{
    mc_stream_close(world->stream);
    world->stream = NULL;
}

static void on_connected(void *owner)
{
    struct world *world = owner;
    assert_false(world->in_call);
    world->connected++;
    if (world->close_on == ON_CONNECTED)
        let_go(world);
}

static void on_received(void *owner, const char *bytes, size_t len)
{
    struct world *world = owner;
    assert_false(world->in_call);
    assert_true(len > 0);
    assert_int_equal(world->connected, 1);
    assert_int_equal(world->failed + world->finished, 0);
    world->received++;
    mc_text_add(&world->got, bytes, len);
    if (world->close_on == ON_RECEIVED)
        let_go(world);
}

static void on_tls_up(void *owner)
{
    struct world *world = owner;
    world->tls_up++;
    if (world->close_on == ON_TLS_UP)
        let_go(world);
}

static void on_failed(void *owner, enum mc_stream_failure failure, const char *why)
{
    struct world *world = owner;
    assert_false(world->in_call);
    world->failed++;
    world->failure = failure;
    snprintf(world->why, sizeof world->why, "%s", why);
    let_go(world);
}

static void on_finished(void *owner)
{
    struct world *world = owner;
    assert_false(world->in_call);
    world->finished++;
    assert_int_equal(mc_net_open_streams(world->net), 0);
    let_go(world);
}

static const struct mc_stream_events events = {on_connected, on_received, on_tls_up, on_failed,
                                               on_finished};

static void open_world(struct world *world, const struct mc_net_options *options)
{
    char error[200];
    socklen_t len = sizeof world->address;
    *world = (struct world){.loop = mc_loop_new()};
    world->net = mc_net_new(world->loop, options, error, sizeof error);
    assert_non_null(world->net);
    world->address.sin_family = AF_INET;
    world->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    world->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(world->listener, (struct sockaddr *)&world->address, len), 0);
    assert_int_equal(listen(world->listener, 8), 0);
    getsockname(world->listener, (struct sockaddr *)&world->address, &len);
}

static void connect_to(struct world *world, const struct sockaddr_in *address)
{
    world->in_call = true;
    world->stream = mc_stream_connect(world->net, (const struct sockaddr *)address, sizeof *address,
                                      &events, world);
    world->in_call = false;
    assert_non_null(world->stream);
    assert_int_equal(mc_net_open_streams(world->net), 1);
}

static int accept_client(const struct world *world)
{
    struct timeval limit = {.tv_sec = 10};
    int fd = accept(world->listener, NULL, NULL);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void close_world(struct world *world)
{
    mc_stream_close(world->stream);
    close(world->listener);
    assert_int_equal(mc_net_open_streams(world->net), 0);
    mc_net_free(world->net);
    assert_false(mc_loop_run(world->loop, 0));
    mc_loop_free(world->loop);
    mc_text_free(&world->got);
}

#define RUN_UNTIL(world, condition)                                                                \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            assert_true(turns_ < 20000);                                                           \
            mc_loop_run((world)->loop, 1);                                                         \
        }                                                                                          \
    } while (0)

/* A stream that is up; its peer's end. */
static int open_connected(struct world *world)
{
    open_world(world, &(struct mc_net_options){0});
    connect_to(world, &world->address);
    RUN_UNTIL(world, world->connected);
    return accept_client(world);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads exactly `text`. */
static void hear(int fd, const char *text)
{
    char got[256] = "";
    assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
    assert_string_equal(got, text);
}

static const char *got(struct world *world)
{
    return mc_text_z(&world->got);
}

static void reset_peer(int fd)
{
    struct linger linger = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static void a_session_ends_when_the_peer_has_closed(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, &(struct mc_net_options){0});
    connect_to(&world, &world.address);
    assert_int_equal(world.connected, 0);
    RUN_UNTIL(&world, world.connected);
    int peer = accept_client(&world);
    say(peer, "220 hello\r\n");
    RUN_UNTIL(&world, world.received);
    assert_string_equal(got(&world), "220 hello\r\n");
    assert_string_equal(mc_stream_local_address(world.stream), "127.0.0.1");
    mc_stream_write(world.stream, "EHLO me\r\n", 9);
    mc_stream_write(world.stream, "NOOP\r\n", 6);
    hear(peer, "EHLO me\r\nNOOP\r\n");
    mc_stream_finish(world.stream, "QUIT\r\n", 6, false, 60000);
    hear(peer, "QUIT\r\n");
    say(peer, "221 bye\r\n");
    mc_loop_run(world.loop, 5);
    assert_int_equal(world.finished, 0);
    assert_int_equal(mc_net_open_streams(world.net), 1);
    close(peer);
    RUN_UNTIL(&world, world.finished);
    assert_int_equal(world.received, 1);
    assert_int_equal(world.failed, 0);
    close_world(&world);
}

static void our_half_may_close_with_the_last_words(void **state)
{
    (void)state;
    struct world world;
    int peer = open_connected(&world);
    mc_stream_finish(world.stream, "QUIT\r\n", 6, true, 60000);
    hear(peer, "QUIT\r\n");
    assert_int_equal(recv(peer, &(char){0}, 1, 0), 0);
    say(peer, "221 bye\r\n");
    mc_loop_run(world.loop, 5);
    assert_int_equal(world.finished, 0);
    assert_int_equal(mc_net_open_streams(world.net), 1);
    close(peer);
    RUN_UNTIL(&world, world.finished);
    assert_int_equal(world.received + world.failed, 0);
    close_world(&world);
}

static void a_peer_that_never_closes_is_left(void **state)
{
    (void)state;
    struct world world;
    int peer = open_connected(&world);
    int64_t start_ms = mc_loop_now_ms(world.loop);
    mc_stream_finish(world.stream, "QUIT\r\n", 6, false, 20);
    RUN_UNTIL(&world, world.finished);
    assert_true(mc_loop_now_ms(world.loop) >= start_ms + 20);
    hear(peer, "QUIT\r\n");
    assert_int_equal(recv(peer, &(char){0}, 1, 0), 0);
    close(peer);
    close_world(&world);
}

static void finishing_what_is_not_up_finishes_too(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, &(struct mc_net_options){0});
    connect_to(&world, &world.address);
    world.in_call = true;
    mc_stream_finish(world.stream, "QUIT\r\n", 6, false, 60000);
    world.in_call = false;
    RUN_UNTIL(&world, world.finished);
    assert_int_equal(world.connected + world.failed, 0);
    close_world(&world);
}

static void refused(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, &(struct mc_net_options){0});
    struct sockaddr_in nobody = world.address;
    socklen_t len = sizeof nobody;
    int bound = socket(AF_INET, SOCK_STREAM, 0);
    nobody.sin_port = 0;
    assert_int_equal(bind(bound, (struct sockaddr *)&nobody, len), 0);
    getsockname(bound, (struct sockaddr *)&nobody, &len);
    connect_to(&world, &nobody);
    assert_int_equal(world.failed, 0);
    RUN_UNTIL(&world, world.failed);
    assert_int_equal(world.failure, MC_STREAM_REFUSED);
    assert_string_equal(world.why, "Connection refused");
    assert_int_equal(world.connected, 0);
    close(bound);
    close_world(&world);
}

static void no_descriptors_are_our_own_trouble(void **state)
{
    (void)state;
    struct world world;
    struct rlimit limit, none;
    open_world(&world, &(struct mc_net_options){0});
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    connect_to(&world, &world.address);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(world.failed, 0);
    RUN_UNTIL(&world, world.failed);
    assert_int_equal(world.failure, MC_STREAM_OURS);
    /* closed before it is told: nothing comes */
    setrlimit(RLIMIT_NOFILE, &none);
    connect_to(&world, &world.address);
    setrlimit(RLIMIT_NOFILE, &limit);
    let_go(&world);
    while (mc_loop_run(world.loop, 0))
        ;
    assert_int_equal(world.failed, 1);
    close_world(&world);
}

static void what_came_before_the_end_is_delivered(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct world world;
        bool reset = round & 1, apart = round & 2;
        open_world(&world, &(struct mc_net_options){0});
        connect_to(&world, &world.address);
        int peer = accept_client(&world);
        if (apart)
            RUN_UNTIL(&world, world.connected);
        say(peer, "554 no\r\n");
        if (reset)
            reset_peer(peer);
        else
            close(peer);
        RUN_UNTIL(&world, world.failed);
        assert_int_equal(world.connected, 1);
        assert_string_equal(got(&world), "554 no\r\n");
        assert_int_equal(world.failure, reset ? MC_STREAM_RESET : MC_STREAM_CLOSED);
        close_world(&world);
    }
}

static void writing_to_a_peer_that_has_gone(void **state)
{
    (void)state;
    struct world world;
    int peer = open_connected(&world);
    say(peer, "421 too busy\r\n");
    reset_peer(peer);
    world.in_call = true;
    mc_stream_write(world.stream, "EHLO me\r\n", 9);
    mc_stream_write(world.stream, "EHLO me\r\n", 9);
    world.in_call = false;
    RUN_UNTIL(&world, world.failed);
    assert_string_equal(got(&world), "421 too busy\r\n");
    assert_int_equal(world.failure, MC_STREAM_RESET);
    close_world(&world);
}

static void much_goes_both_ways(void **state)
{
    (void)state;
    struct world world;
    enum { SIZE = 6000000 };
    char *bytes = mc_malloc(SIZE), *heard = mc_malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 1000);
    open_world(&world, &(struct mc_net_options){0});
    connect_to(&world, &world.address);
    RUN_UNTIL(&world, world.connected);
    int peer = accept_client(&world);
    mc_stream_write(world.stream, bytes, SIZE / 2);
    mc_stream_write(world.stream, bytes + SIZE / 2, SIZE - SIZE / 2);
    size_t have = 0, sent = 0;
    for (int turns = 0; have < SIZE || world.got.len < SIZE; turns++) {
        assert_true(turns < 100000);
        ssize_t in = recv(peer, heard + have, SIZE - have, MSG_DONTWAIT);
        have += in > 0 ? (size_t)in : 0;
        ssize_t out = send(peer, bytes + sent, SIZE - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += out > 0 ? (size_t)out : 0;
        mc_loop_run(world.loop, 0);
    }
    assert_memory_equal(heard, bytes, SIZE);
    assert_memory_equal(world.got.at, bytes, SIZE);
    close(peer);
    close_world(&world);
    free(bytes);
    free(heard);
}

/* Neither a reset nor the loss of the last words, though we close on unread input. */
static void last_words_survive_a_close(void **state)
{
    (void)state;
    struct world world;
    int peer = open_connected(&world);
    say(peer, "250-this\r\n250 is never read\r\n");
    mc_stream_write(world.stream, "QUIT\r\n", 6);
    let_go(&world);
    assert_int_equal(mc_net_open_streams(world.net), 0);
    hear(peer, "QUIT\r\n");
    assert_int_equal(recv(peer, &(char){0}, 1, 0), 0);
    close(peer);
    close_world(&world);
}

static void closing_in_any_call_back(void **state)
{
    (void)state;
    for (int when = ON_CONNECTED; when <= ON_RECEIVED; when++) {
        struct world world;
        open_world(&world, &(struct mc_net_options){0});
        world.close_on = when;
        connect_to(&world, &world.address);
        int peer = accept_client(&world);
        say(peer, "220 hello\r\n");
        close(peer);
        RUN_UNTIL(&world, !world.stream);
        while (mc_loop_run(world.loop, 0))
            ;
        assert_int_equal(world.connected, 1);
        assert_int_equal(world.received, when == ON_RECEIVED);
        assert_int_equal(world.failed, 0);
        close_world(&world);
    }
}

static void a_source_address(void **state)
{
    (void)state;
    struct world world;
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    open_world(&world, &(struct mc_net_options){.source_ip = "127.0.0.9"});
    assert_true(mc_net_can_reach(world.net, AF_INET));
    assert_false(mc_net_can_reach(world.net, AF_INET6));
    connect_to(&world, &world.address);
    int peer = accept(world.listener, (struct sockaddr *)&from, &len);
    assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
    RUN_UNTIL(&world, world.connected);
    assert_string_equal(mc_stream_local_address(world.stream), "127.0.0.9");
    let_go(&world);
    close(peer);
    struct sockaddr_in6 other = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    world.stream =
        mc_stream_connect(world.net, (struct sockaddr *)&other, sizeof other, &events, &world);
    RUN_UNTIL(&world, world.failed);
    assert_int_equal(world.failure, MC_STREAM_UNREACHABLE);
    close_world(&world);
}

static void options_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        struct mc_net_options options;
        const char *says;
    } cases[] = {
        {{.source_ip = "mail.example"}, "no IP address"},
        {{.source_ip = "192.0.2.1"}, "cannot be used on this host"},
        {{.proxy = "http://127.0.0.1:1"}, "socks5://"},
        {{.source_ip = "127.0.0.1", .proxy = "socks5://[::1]:1080"}, "both be IPv4 or both IPv6"},
    };
    struct mc_loop *loop = mc_loop_new();
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        char error[200] = "";
        assert_null(mc_net_new(loop, &cases[i].options, error, sizeof error));
        if (!strstr(error, cases[i].says))
            fail_msg("%s", error);
    }
    mc_loop_free(loop);
}

static void what_an_error_says(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum mc_stream_failure failure;
    } cases[] = {
        {ECONNREFUSED, MC_STREAM_REFUSED},
        {ENETUNREACH, MC_STREAM_UNREACHABLE},
        {EHOSTUNREACH, MC_STREAM_UNREACHABLE},
        {EAFNOSUPPORT, MC_STREAM_UNREACHABLE},
        {EMFILE, MC_STREAM_OURS},
        {ENFILE, MC_STREAM_OURS},
        {ENOBUFS, MC_STREAM_OURS},
        {ENOMEM, MC_STREAM_OURS},
        {EPERM, MC_STREAM_OURS},
        {EACCES, MC_STREAM_OURS},
        {EADDRNOTAVAIL, MC_STREAM_OURS},
    };
    struct mc_origin origin = {.reach[0] = {.known = true, .yes = true}};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_int_equal(mc_origin_failure(&origin, AF_INET, cases[i].error, 0), cases[i].failure);
    /* of a host without IPv6 the same error speaks of the family */
    origin.reach[1] = (struct mc_origin_reach){.known = true};
    assert_int_equal(mc_origin_failure(&origin, AF_INET6, EADDRNOTAVAIL, 0), MC_STREAM_UNREACHABLE);
}

/* Through a proxy */

static void open_proxied(struct world *world, const char *user)
{
    struct world plain;
    char url[64];
    open_world(&plain, &(struct mc_net_options){0});
    snprintf(url, sizeof url, "socks5://%s127.0.0.1:%u", user, ntohs(plain.address.sin_port));
    mc_net_free(plain.net);
    *world = plain;
    world->net = mc_net_new(world->loop, &(struct mc_net_options){.proxy = url}, NULL, 0);
    assert_non_null(world->net);
    assert_true(mc_net_can_reach(world->net, AF_INET6));
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(25)};
    inet_pton(AF_INET, "198.18.0.1", &target.sin_addr);
    connect_to(world, &target);
}

static void hear_bytes(int fd, const void *bytes, size_t len)
{
    char heard[600];
    assert_int_equal(recv(fd, heard, len, MSG_WAITALL), len);
    assert_memory_equal(heard, bytes, len);
}

static void say_bytes(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void through_a_proxy(void **state)
{
    (void)state;
    struct world world;
    open_proxied(&world, "ann:s%65cret@");
    int proxy = accept_client(&world);
    RUN_UNTIL(&world, recv(proxy, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
    hear_bytes(proxy, "\5\2\0\2", 4);
    say_bytes(proxy, "\5\2", 2);
    RUN_UNTIL(&world, recv(proxy, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
    hear_bytes(proxy, "\1\3ann\6secret", 12);
    say_bytes(proxy, "\1\0", 2);
    RUN_UNTIL(&world, recv(proxy, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
    hear_bytes(proxy, "\5\1\0\1\306\22\0\1\0\31", 10);
    assert_int_equal(world.connected, 0);
    say_bytes(proxy,
              "\5\0\0\1\0\0\0\0\0\0"
              "220 hello\r\n",
              21);
    RUN_UNTIL(&world, world.received);
    assert_string_equal(got(&world), "220 hello\r\n");
    mc_stream_finish(world.stream, "QUIT\r\n", 6, false, 60000);
    hear(proxy, "QUIT\r\n");
    close(proxy);
    RUN_UNTIL(&world, world.finished);
    close_world(&world);
}

static void failures_at_a_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *reply; /* NULL: nothing is listening */
        size_t len;
        enum mc_stream_failure failure;
    } cases[] = {
        {NULL, 0, MC_STREAM_PROXY},
        {"", 0, MC_STREAM_PROXY},
        {"\5\377", 2, MC_STREAM_PROXY},
        {"HTTP/1.1 400", 12, MC_STREAM_PROXY},
        {"\5\0\5\1\0\1\0\0\0\0\0\0", 12, MC_STREAM_PROXY},
        {"\5\0\5\5\0\1\0\0\0\0\0\0", 12, MC_STREAM_REFUSED},
        {"\5\0\5\4\0\1\0\0\0\0\0\0", 12, MC_STREAM_UNREACHABLE},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct world world;
        open_proxied(&world, "");
        int proxy = accept_client(&world);
        if (cases[i].len)
            say_bytes(proxy, cases[i].reply, cases[i].len);
        if (cases[i].reply)
            close(proxy);
        else
            reset_peer(proxy);
        RUN_UNTIL(&world, world.failed);
        assert_int_equal(world.failure, cases[i].failure);
        assert_int_equal(world.connected, 0);
        close_world(&world);
    }
}

/* TLS. The peer's end is OpenSSL on its descriptor, both ends turned until they are done. */

static SSL_CTX *make_server(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    SSL_CTX_set_security_level(context, 0);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static SSL *shake(struct world *world, SSL_CTX *context, int *peer)
{
    connect_to(world, &world->address);
    RUN_UNTIL(world, world->connected);
    *peer = accept_client(world);
    mc_stream_start_tls(world->stream, "mx.example");
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, *peer);
    struct timeval soon = {.tv_usec = 1000};
    setsockopt(*peer, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    RUN_UNTIL(world, SSL_accept(ssl) == 1);
    RUN_UNTIL(world, world->tls_up);
    return ssl;
}

static void tls_of_any_age(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION, TLS1_VERSION};
    for (size_t i = 0; i < MC_ARRAY_LEN(versions); i++) {
        struct world world;
        int peer;
        char heard[64] = "";
        size_t len = 0;
        SSL_CTX *context = make_server(versions[i]);
        open_world(&world, &(struct mc_net_options){0});
        SSL *ssl = shake(&world, context, &peer);
        assert_int_equal(SSL_version(ssl), versions[i]);
        assert_string_equal(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), "mx.example");
        mc_stream_write(world.stream, "EHLO me\r\n", 9);
        RUN_UNTIL(&world, SSL_read_ex(ssl, heard, sizeof heard, &len));
        assert_string_equal(heard, "EHLO me\r\n");
        assert_int_equal(SSL_write(ssl, "250 mx\r\n", 8), 8);
        RUN_UNTIL(&world, world.received);
        assert_string_equal(got(&world), "250 mx\r\n");
        mc_stream_finish(world.stream, "QUIT\r\n", 6, false, 60000);
        RUN_UNTIL(&world, SSL_read_ex(ssl, heard, sizeof heard, &len));
        assert_memory_equal(heard, "QUIT\r\n", 6);
        assert_int_equal(SSL_write(ssl, "221 bye\r\n", 9), 9);
        if (i == 0)
            SSL_shutdown(ssl);
        close(peer);
        RUN_UNTIL(&world, world.finished);
        assert_int_equal(world.received, 1);
        SSL_free(ssl);
        SSL_CTX_free(context);
        close_world(&world);
    }
}

static void tls_that_ends(void **state)
{
    (void)state;
    SSL_CTX *context = make_server(0);
    for (int dirty = 0; dirty < 2; dirty++) {
        struct world world;
        int peer;
        open_world(&world, &(struct mc_net_options){0});
        SSL *ssl = shake(&world, context, &peer);
        SSL_write(ssl, "421 bye\r\n", 9);
        if (!dirty)
            SSL_shutdown(ssl);
        close(peer);
        RUN_UNTIL(&world, world.failed);
        assert_string_equal(got(&world), "421 bye\r\n");
        assert_int_equal(world.failure, MC_STREAM_CLOSED);
        SSL_free(ssl);
        close_world(&world);
    }
    struct world world;
    int peer;
    open_world(&world, &(struct mc_net_options){0});
    world.close_on = ON_TLS_UP;
    SSL *ssl = shake(&world, context, &peer);
    assert_null(world.stream);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(peer);
    close_world(&world);
}

static void tls_that_fails(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "454 4.7.0 not today, sorry\r\n", NULL};
    for (size_t i = 0; i < MC_ARRAY_LEN(answers); i++) {
        struct world world;
        open_world(&world, &(struct mc_net_options){0});
        connect_to(&world, &world.address);
        RUN_UNTIL(&world, world.connected);
        int peer = accept_client(&world);
        mc_stream_start_tls(world.stream, NULL);
        if (answers[i])
            say(peer, answers[i]);
        if (answers[i] && !*answers[i])
            close(peer);
        else if (!answers[i])
            reset_peer(peer);
        RUN_UNTIL(&world, world.failed);
        assert_int_equal(world.failure, MC_STREAM_TLS);
        assert_non_null(strstr(world.why, "TLS handshake: "));
        if (answers[i] && *answers[i])
            close(peer);
        close_world(&world);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets, at the peer's end, would raise it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_ends_when_the_peer_has_closed),
        cmocka_unit_test(our_half_may_close_with_the_last_words),
        cmocka_unit_test(a_peer_that_never_closes_is_left),
        cmocka_unit_test(finishing_what_is_not_up_finishes_too),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_descriptors_are_our_own_trouble),
        cmocka_unit_test(what_came_before_the_end_is_delivered),
        cmocka_unit_test(writing_to_a_peer_that_has_gone),
        cmocka_unit_test(much_goes_both_ways),
        cmocka_unit_test(last_words_survive_a_close),
        cmocka_unit_test(closing_in_any_call_back),
        cmocka_unit_test(a_source_address),
        cmocka_unit_test(options_that_make_no_sense),
        cmocka_unit_test(what_an_error_says),
        cmocka_unit_test(through_a_proxy),
        cmocka_unit_test(failures_at_a_proxy),
        cmocka_unit_test(tls_of_any_age),
        cmocka_unit_test(tls_that_ends),
        cmocka_unit_test(tls_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
