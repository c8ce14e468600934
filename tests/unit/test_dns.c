/* The DNS client against a scripted server on 127.0.0.1, which lives in a thread of this program.
 * The first label of a name says what the server does with a question about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/dns.h"

/* The server */

enum { CONNECTIONS = 32, MX = 15, A = 1, AAAA = 28, CNAME = 5, SOA = 6 };

struct server {
    pthread_t thread;
    int udp, listener, stop[2];
    uint16_t port;
    const char *always; /* what it does with every question, or NULL: as the name says */
    bool is_proxy;      /* TCP: a SOCKS5 proxy that is the DNS server at once */
    unsigned hang_up_after, mute_after; /* so many answers on a connection; 0: never */
    atomic_uint udp_questions, tcp_questions, connections;
    unsigned ids[0x10000]; /* how often each came by UDP */
    unsigned last_id, guessed;
    unsigned seen_once;
    struct {
        int fd;
        size_t have;
        unsigned stage, answers; /* of the proxy's handshake */
        unsigned char bytes[4096];
    } open[CONNECTIONS];
};

struct packet {
    unsigned char bytes[65535];
    size_t len;
};

static void put16(struct packet *packet, unsigned number)
{
    packet->bytes[packet->len++] = (unsigned char)(number >> 8);
    packet->bytes[packet->len++] = (unsigned char)number;
}

static void put_name(struct packet *packet, const char *name)
{
    while (*name) {
        size_t label = strcspn(name, ".");
        packet->bytes[packet->len++] = (unsigned char)label;
        memcpy(packet->bytes + packet->len, name, label);
        packet->len += label;
        name += label + (name[label] == '.');
    }
    packet->bytes[packet->len++] = 0;
}

/* A record about the name asked for, counted in the section whose count lies at `section`. */
static void put_record(struct packet *packet, unsigned section, unsigned type,
                       const struct packet *data)
{
    packet->bytes[section + 1]++;
    packet->bytes[section] = (unsigned char)(packet->bytes[section] + !packet->bytes[section + 1]);
    put16(packet, 0xc00c);
    put16(packet, type);
    put16(packet, 1);
    put16(packet, 0), put16(packet, 300);
    put16(packet, (unsigned)data->len);
    memcpy(packet->bytes + packet->len, data->bytes, data->len);
    packet->len += data->len;
}

static void put_mx(struct packet *packet, unsigned preference, const char *host)
{
    static struct packet data;
    data.len = 0;
    put16(&data, preference);
    put_name(&data, host);
    put_record(packet, 6, MX, &data);
}

static void put_bytes(struct packet *packet, unsigned section, unsigned type, const void *bytes,
                      size_t len)
{
    static struct packet data;
    memcpy(data.bytes, bytes, len);
    data.len = len;
    put_record(packet, section, type, &data);
}

static void put_alias(struct packet *packet, const char *target)
{
    static struct packet data;
    data.len = 0;
    put_name(&data, target);
    put_record(packet, 6, CNAME, &data);
}

static void put_good(struct packet *packet, unsigned type, bool tcp)
{
    if (type == A)
        put_bytes(packet, 6, A, "\xc6\x12\x00\x01", 4);
    else if (type == AAAA)
        put_bytes(packet, 6, AAAA, "\x20\x01\x00\x02\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    for (unsigned i = 0; type == MX && i < (tcp ? 200 : 2); i++) {
        char host[40];
        snprintf(host, sizeof host, "MX%u.Example.NET", i + 1);
        put_mx(packet, 10 * (i + 1), host);
    }
}

/* Turns the question in `packet` into its answer; false: silence. */
static bool reply_to(struct server *server, struct packet *packet, bool tcp)
{
    char name[256];
    size_t at = 12, len = 0;
    while (at < packet->len && packet->bytes[at]) {
        memcpy(name + len, packet->bytes + at + 1, packet->bytes[at]);
        len += packet->bytes[at];
        at += packet->bytes[at] + 1u;
        name[len++] = '.';
    }
    name[len] = '\0';
    unsigned type = (unsigned)(packet->bytes[at + 1] << 8 | packet->bytes[at + 2]);
    packet->len = at + 5;
    packet->bytes[2] = 0x81;
    packet->bytes[3] = 0x80;
    const char *does = server->always ? server->always : name;
#define DOES(word) (strncmp(does, word, strlen(word)) == 0)
    if (DOES("silent") || (DOES("second") && !server->seen_once++))
        return false;
    if (DOES("nx"))
        packet->bytes[3] |= 3;
    else if (DOES("servfail") || (DOES("flaky") && !server->seen_once++))
        packet->bytes[3] |= 2;
    else if (DOES("refused") || (DOES("crowded") && server->seen_once++ < 2))
        packet->bytes[3] |= 5;
    else if (DOES("notimp"))
        packet->bytes[3] |= 4;
    else if (DOES("formerr"))
        packet->bytes[3] |= 1;
    else if (DOES("trunc") && !tcp)
        packet->bytes[2] |= 2;
    else if (DOES("null"))
        put_mx(packet, 0, "");
    else if (DOES("nodata"))
        put_bytes(packet, 8, SOA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    else if (DOES("cname-soa"))
        put_alias(packet, "good.test"),
            put_bytes(packet, 8, SOA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    else if (DOES("cname-nx"))
        put_alias(packet, "nx.test"), packet->bytes[3] |= 3;
    else if (DOES("cname"))
        put_alias(packet, "good.test");
    else if (DOES("loop"))
        put_alias(packet, "loop.test");
    else if (DOES("garbage"))
        packet->bytes[7] = 9;
    else if (!DOES("empty"))
        put_good(packet, type, tcp);
#undef DOES
    return true;
}

static void serve_udp(struct server *server)
{
    static _Thread_local struct packet packet;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(server->udp, packet.bytes, sizeof packet.bytes, MSG_DONTWAIT,
                           (struct sockaddr *)&from, &from_len);
    if (len < 17)
        return;
    server->udp_questions++;
    unsigned id = (unsigned)(packet.bytes[0] << 8 | packet.bytes[1]);
    server->ids[id]++;
    server->guessed += id - server->last_id < 16 || server->last_id - id < 16;
    server->last_id = id;
    packet.len = (size_t)len;
    if (reply_to(server, &packet, false))
        (void)sendto(server->udp, packet.bytes, packet.len, 0, (struct sockaddr *)&from, from_len);
}

/* SOCKS5 without a password: greeting, then CONNECT to an IPv4 address. */
static bool shake_hands(struct server *server, size_t at)
{
    static const size_t sizes[] = {3, 10};
    static const char *const replies[] = {"\5\0", "\5\0\0\1\0\0\0\0\0\0"};
    static const size_t reply_sizes[] = {2, 10};
    unsigned char *bytes = server->open[at].bytes;
    while (server->open[at].stage < 2) {
        unsigned stage = server->open[at].stage;
        if (server->open[at].have < sizes[stage])
            return false;
        assert_int_equal(bytes[0], 5);
        server->open[at].have -= sizes[stage];
        memmove(bytes, bytes + sizes[stage], server->open[at].have);
        (void)send(server->open[at].fd, replies[stage], reply_sizes[stage], MSG_NOSIGNAL);
        server->open[at].stage++;
    }
    return true;
}

static void serve_tcp(struct server *server, size_t at)
{
    static _Thread_local struct packet packet;
    unsigned char *bytes = server->open[at].bytes;
    ssize_t len = recv(server->open[at].fd, bytes + server->open[at].have,
                       sizeof server->open[at].bytes - server->open[at].have, 0);
    if (len <= 0) {
        close(server->open[at].fd);
        server->open[at].fd = -1;
        return;
    }
    server->open[at].have += (size_t)len;
    if (server->is_proxy && server->open[at].stage < 2 && !shake_hands(server, at))
        return;
    while (server->open[at].have > 2 &&
           server->open[at].have >= (size_t)(bytes[0] << 8 | bytes[1])) {
        packet.len = (size_t)(bytes[0] << 8 | bytes[1]);
        memcpy(packet.bytes, bytes + 2, packet.len);
        server->open[at].have -= packet.len + 2;
        memmove(bytes, bytes + packet.len + 2, server->open[at].have);
        server->tcp_questions++;
        unsigned answers = server->open[at].answers++;
        if (server->hang_up_after && answers == server->hang_up_after) {
            close(server->open[at].fd);
            server->open[at].fd = -1;
            return;
        }
        if ((server->mute_after && answers >= server->mute_after) ||
            !reply_to(server, &packet, true))
            continue;
        unsigned char size[2] = {(unsigned char)(packet.len >> 8), (unsigned char)packet.len};
        (void)send(server->open[at].fd, size, 2, MSG_NOSIGNAL | MSG_MORE);
        (void)send(server->open[at].fd, packet.bytes, packet.len, MSG_NOSIGNAL);
    }
}

static void accept_one(struct server *server)
{
    int fd = accept(server->listener, NULL, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (server->open[i].fd != -1)
            continue;
        server->open[i].fd = fd;
        server->open[i].have = server->open[i].stage = server->open[i].answers = 0;
        server->connections++;
        return;
    }
    close(fd);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    for (;;) {
        struct pollfd fds[3 + CONNECTIONS] = {{.fd = server->stop[0], .events = POLLIN},
                                              {.fd = server->udp, .events = POLLIN},
                                              {.fd = server->listener, .events = POLLIN}};
        for (size_t i = 0; i < CONNECTIONS; i++)
            fds[3 + i] = (struct pollfd){.fd = server->open[i].fd, .events = POLLIN};
        if (poll(fds, MC_ARRAY_LEN(fds), -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        if (fds[1].revents)
            serve_udp(server);
        for (size_t i = 0; i < CONNECTIONS; i++)
            if (fds[3 + i].revents && server->open[i].fd != -1)
                serve_tcp(server, i);
        if (fds[2].revents)
            accept_one(server);
    }
}

static void server_start(struct server *server, const char *always)
{
    memset(server, 0, sizeof *server);
    server->always = always;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(bind(server->udp, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    int size = 1 << 20;
    (void)setsockopt(server->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    server->port = ntohs(address.sin_port);
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->open[i].fd = -1;
    assert_int_equal(pipe(server->stop), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    assert_int_equal(write(server->stop[1], "", 1), 1);
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->open[i].fd != -1)
            close(server->open[i].fd);
    close(server->udp);
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
}

/* The client */

struct client {
    struct mc_loop *loop;
    struct mc_dns *dns;
    unsigned answers;
    bool asking; /* inside mc_dns_ask */
    enum mc_dns_status status;
    size_t count;
    char first[300]; /* first record, as text */
};

static void client_open(struct client *client, const char *servers, uint32_t timeout_ms, bool tcp)
{
    struct mc_dns_options options = {
        .servers = servers, .timeout_ms = timeout_ms, .outstanding = 1000, .tcp = tcp};
    char error[256];
    *client = (struct client){.loop = mc_loop_new()};
    client->dns = mc_dns_new(client->loop, &options, error, sizeof error);
    assert_non_null(client->dns);
}

static void client_close(struct client *client)
{
    mc_dns_free(client->dns);
    mc_loop_free(client->loop);
}

/* A server that serves one client. */
static void start_both(struct server *server, struct client *client, uint32_t timeout_ms, bool tcp)
{
    char servers[40];
    server_start(server, NULL);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", server->port);
    client_open(client, servers, timeout_ms, tcp);
}

static void stop_both(struct server *server, struct client *client)
{
    client_close(client);
    server_stop(server);
}

static void on_answer(void *arg, const struct mc_dns_answer *answer)
{
    struct client *client = arg;
    assert_false(client->asking);
    client->answers++;
    client->status = answer->status;
    client->count = answer->count;
    client->first[0] = '\0';
    if (answer->count && answer->mx)
        snprintf(client->first, sizeof client->first, "%u %s", answer->mx->preference,
                 answer->mx->host);
    else if (answer->count && answer->a)
        inet_ntop(AF_INET, answer->a, client->first, sizeof client->first);
    else if (answer->count && answer->aaaa)
        inet_ntop(AF_INET6, answer->aaaa, client->first, sizeof client->first);
}

static void ask(struct client *client, enum mc_dns_type type, const char *name)
{
    client->asking = true;
    mc_dns_ask(client->dns, type, name, on_answer, client);
    client->asking = false;
}

/* Until the loop has nothing more to wait for: no timer and no socket stays behind. */
static void run_dry(struct client *client)
{
    while (mc_loop_run(client->loop, -1))
        continue;
}

static void ask_and_wait(struct client *client, enum mc_dns_type type, const char *name)
{
    unsigned before = client->answers;
    ask(client, type, name);
    assert_int_equal(client->answers, before);
    run_dry(client);
    assert_int_equal(client->answers, before + 1);
}

static char long_label[] =
    "0123456789012345678901234567890123456789012345678901234567890123.test"; /* 64 */

static void every_kind_of_answer_stays_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum mc_dns_type type;
        enum mc_dns_status status;
        size_t count;
        const char *first;
    } cases[] = {
        {"good.test", MC_DNS_MX, MC_DNS_OK, 2, "10 mx1.example.net"},
        {"good.test", MC_DNS_A, MC_DNS_OK, 1, "198.18.0.1"},
        {"good.test", MC_DNS_AAAA, MC_DNS_OK, 1, "2001:2::1"},
        {"null.test", MC_DNS_MX, MC_DNS_OK, 1, "0 "},
        {"nodata.test", MC_DNS_MX, MC_DNS_NO_DATA, 0, ""},
        {"empty.test", MC_DNS_MX, MC_DNS_NO_DATA, 0, ""},
        {"nx.test", MC_DNS_MX, MC_DNS_NOT_FOUND, 0, ""},
        {"cname.test", MC_DNS_MX, MC_DNS_OK, 2, "10 mx1.example.net"},
        {"cname-soa.test", MC_DNS_MX, MC_DNS_NO_DATA, 0, ""},
        {"cname-nx.test", MC_DNS_MX, MC_DNS_NOT_FOUND, 0, ""},
        {"loop.test", MC_DNS_MX, MC_DNS_BAD, 0, ""},
        {"servfail.test", MC_DNS_MX, MC_DNS_SERVFAIL, 0, ""},
        {"refused.test", MC_DNS_MX, MC_DNS_REFUSED, 0, ""},
        {"notimp.test", MC_DNS_MX, MC_DNS_REFUSED, 0, ""},
        {"formerr.test", MC_DNS_MX, MC_DNS_REFUSED, 0, ""},
        {"garbage.test", MC_DNS_MX, MC_DNS_BAD, 0, ""},
        {"silent.test", MC_DNS_MX, MC_DNS_TIMEOUT, 0, ""},
        {"second.test", MC_DNS_MX, MC_DNS_OK, 2, "10 mx1.example.net"},
        {"trunc.test", MC_DNS_MX, MC_DNS_OK, 200, "10 mx1.example.net"},
        {"hidden.onion", MC_DNS_MX, MC_DNS_NOT_FOUND, 0, ""},
        {"Hidden.Onion", MC_DNS_A, MC_DNS_NOT_FOUND, 0, ""},
        {long_label, MC_DNS_MX, MC_DNS_BAD, 0, ""},
        {"two..dots.test", MC_DNS_MX, MC_DNS_BAD, 0, ""},
        {"a b.test", MC_DNS_MX, MC_DNS_BAD, 0, ""},
        {"", MC_DNS_MX, MC_DNS_BAD, 0, ""},
    };
    struct server server;
    struct client client;
    start_both(&server, &client, 900, false);
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        server.seen_once = 0;
        ask_and_wait(&client, cases[i].type, cases[i].name);
        assert_int_equal(client.status, cases[i].status);
        assert_int_equal(client.count, cases[i].count);
        assert_string_equal(client.first, cases[i].first);
    }
    stop_both(&server, &client);
}

static void a_passing_servfail_is_asked_again(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    start_both(&server, &client, 5000, false);
    ask_and_wait(&client, MC_DNS_MX, "flaky.test");
    assert_int_equal(client.status, MC_DNS_OK);
    assert_int_equal(server.udp_questions, 2);
    assert_int_equal(mc_dns_questions(client.dns), 1);
    stop_both(&server, &client);
}

/* A server that has answered others has no room for this one now; one that never answered anybody
 * means it. */
static void a_crowded_server_is_asked_again(void **state)
{
    (void)state;
    for (unsigned busy = 0; busy < 2; busy++) {
        struct server server;
        struct client client;
        char servers[40];
        server_start(&server, NULL);
        snprintf(servers, sizeof servers, "127.0.0.1:%u", server.port);
        client_open(&client, servers, 30000, false);
        if (busy)
            ask_and_wait(&client, MC_DNS_MX, "good.test");
        ask_and_wait(&client, MC_DNS_MX, "crowded.test");
        assert_int_equal(client.status, busy ? MC_DNS_OK : MC_DNS_REFUSED);
        assert_int_equal(server.udp_questions, busy ? 4 : 2);
        client_close(&client);
        server_stop(&server);
    }
}

/* Each server is heard before a refusal is believed; a dead one costs one wait, not the answer. */
static void the_next_server_helps(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        enum mc_dns_status status;
        uint32_t timeout_ms; /* short only where it passes: a busy machine may be late */
    } cases[] = {
        {"servfail", "good", MC_DNS_OK, 20000},
        {"refused", "good", MC_DNS_OK, 20000},
        {"garbage", "good", MC_DNS_OK, 3000},
        {"silent", "good", MC_DNS_OK, 3000},
        {"servfail", "servfail", MC_DNS_SERVFAIL, 20000},
        {"refused", "refused", MC_DNS_REFUSED, 20000},
        {"silent", "silent", MC_DNS_TIMEOUT, 600},
        {"servfail", "nx", MC_DNS_NOT_FOUND, 20000},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct server one, two;
        struct client client;
        char servers[80];
        server_start(&one, cases[i].first);
        server_start(&two, cases[i].second);
        snprintf(servers, sizeof servers, "127.0.0.1:%u,127.0.0.1:%u", one.port, two.port);
        client_open(&client, servers, cases[i].timeout_ms, false);
        ask_and_wait(&client, MC_DNS_MX, "any.test");
        assert_int_equal(client.status, cases[i].status);
        assert_true(one.udp_questions >= 1);
        assert_true(two.udp_questions >= 1);
        client_close(&client);
        server_stop(&one);
        server_stop(&two);
    }
}

static void nobody_there_is_our_own_trouble(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char servers[40];
    server_start(&server, NULL);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", server.port);
    server_stop(&server);
    client_open(&client, servers, 600, false);
    int64_t before = mc_loop_now_ms(client.loop);
    ask_and_wait(&client, MC_DNS_MX, "good.test");
    assert_int_equal(client.status, MC_DNS_LOCAL);
    assert_true(mc_loop_now_ms(client.loop) - before < 1500);
    client_close(&client);
}

static void no_descriptor_left_is_our_own_trouble(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct rlimit was, none;
    char servers[40];
    server_start(&server, NULL);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", server.port);
    client_open(&client, servers, 700, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ask_and_wait(&client, MC_DNS_MX, "good.test");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(client.status, MC_DNS_LOCAL);
    ask_and_wait(&client, MC_DNS_MX, "good.test");
    assert_int_equal(client.status, MC_DNS_OK);
    stop_both(&server, &client);
}

static void two_thousand_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"good%u.test", "nx%u.test", "empty%u.test", "null%u.test"};
    struct server server;
    struct client client;
    start_both(&server, &client, 5000, false);
    for (unsigned i = 0; i < 2000; i++) {
        char name[40];
        snprintf(name, sizeof name, names[i % 4], i);
        ask(&client, MC_DNS_MX, name);
    }
    run_dry(&client);
    assert_int_equal(client.answers, 2000);
    assert_int_equal(mc_dns_questions(client.dns), 2000);
    assert_in_range(server.udp_questions, 2000, 2100);
    stop_both(&server, &client);
}

/* Who cannot see a question must not be able to guess its id: all are used, in no order. */
static void ids_cannot_be_guessed(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    start_both(&server, &client, 5000, false);
    for (unsigned i = 0; i < 2000; i++)
        ask(&client, MC_DNS_MX, "good.test");
    run_dry(&client);
    assert_int_equal(client.answers, 2000);
    unsigned different = 0, sixteenths[16] = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(server.ids); i++) {
        different += server.ids[i] > 0;
        sixteenths[i / 0x1000] += server.ids[i];
    }
    /* of 2000 drawn blindly 30 are expected to meet another one, 1 to be near the one before it,
     * 125 to be in each sixteenth */
    assert_true(different > 1900);
    assert_true(server.guessed < 20);
    for (size_t i = 0; i < MC_ARRAY_LEN(sixteenths); i++)
        assert_in_range(sixteenths[i], 60, 200);
    stop_both(&server, &client);
}

static void tcp_alone(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    start_both(&server, &client, 1000, true);
    for (unsigned i = 0; i < 51; i++)
        ask(&client, i % 2 ? MC_DNS_A : MC_DNS_MX, "good.test");
    run_dry(&client);
    assert_int_equal(client.answers, 51);
    assert_int_equal(client.status, MC_DNS_OK);
    assert_int_equal(server.udp_questions, 0);
    assert_int_equal(server.tcp_questions, 51);
    assert_int_equal(server.connections, 1);
    stop_both(&server, &client);
}

static void proxy_open(struct client *client, const struct server *server, uint32_t timeout_ms)
{
    char proxy[60], error[256];
    snprintf(proxy, sizeof proxy, "socks5://127.0.0.1:%u", server->port);
    struct mc_dns_options options = {.servers = "198.18.0.53",
                                     .timeout_ms = timeout_ms,
                                     .outstanding = 1000,
                                     .tcp = true,
                                     .proxy = proxy};
    *client = (struct client){.loop = mc_loop_new()};
    client->dns = mc_dns_new(client->loop, &options, error, sizeof error);
    assert_non_null(client->dns);
}

/* Through a proxy: one connection, many questions at once, the kinds of answers stay apart. */
static void through_a_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum mc_dns_status status;
        size_t count;
    } cases[] = {
        {"good.test", MC_DNS_OK, 200},      {"nx.test", MC_DNS_NOT_FOUND, 0},
        {"null.test", MC_DNS_OK, 1},        {"refused.test", MC_DNS_REFUSED, 0},
        {"nodata.test", MC_DNS_NO_DATA, 0}, {"servfail.test", MC_DNS_SERVFAIL, 0},
        {"cname.test", MC_DNS_OK, 200},     {"silent.test", MC_DNS_TIMEOUT, 0},
        {"garbage.test", MC_DNS_BAD, 0},    {"hidden.onion", MC_DNS_NOT_FOUND, 0},
        {long_label, MC_DNS_BAD, 0},
    };
    struct server server;
    struct client client;
    server_start(&server, NULL);
    server.is_proxy = true;
    proxy_open(&client, &server, 700);
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        ask_and_wait(&client, MC_DNS_MX, cases[i].name);
        assert_int_equal(client.status, cases[i].status);
        assert_int_equal(client.count, cases[i].count);
    }
    unsigned before = server.connections;
    client.answers = 0;
    for (unsigned i = 0; i < 500; i++) {
        char name[40];
        snprintf(name, sizeof name, i % 2 ? "empty%u.test" : "nx%u.test", i);
        ask(&client, MC_DNS_MX, name);
    }
    run_dry(&client);
    assert_int_equal(client.answers, 500);
    assert_int_equal(server.connections, before + 1);
    assert_int_equal(server.udp_questions, 0);
    stop_both(&server, &client);
}

/* A server may hang up, or fall silent, when it likes: no question is lost. */
static void a_connection_that_ends(void **state)
{
    (void)state;
    static const unsigned hang_ups[] = {1, 70};
    for (size_t i = 0; i < MC_ARRAY_LEN(hang_ups); i++) {
        struct server server;
        struct client client;
        unsigned count = hang_ups[i] == 1 ? 20 : 200;
        server_start(&server, "nx");
        server.is_proxy = true;
        server.hang_up_after = hang_ups[i];
        proxy_open(&client, &server, 1000);
        for (unsigned j = 0; j < count; j++)
            ask(&client, MC_DNS_MX, "any.test");
        run_dry(&client);
        assert_int_equal(client.answers, count);
        assert_int_equal(client.status, MC_DNS_NOT_FOUND);
        client_close(&client);
        server_stop(&server);
    }
    /* dead from the start, and dead after some answers */
    for (unsigned mute = 1; mute <= 2; mute++) {
        struct server server;
        struct client client;
        server_start(&server, mute == 1 ? "silent" : "nx");
        server.is_proxy = true;
        server.mute_after = mute;
        proxy_open(&client, &server, 500);
        for (unsigned j = 0; j < 10; j++)
            ask(&client, MC_DNS_MX, "any.test");
        run_dry(&client);
        assert_int_equal(client.answers, 10);
        assert_int_equal(client.status, MC_DNS_TIMEOUT);
        client_close(&client);
        server_stop(&server);
    }
}

static void a_proxy_that_is_not_there(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    server_start(&server, NULL);
    server_stop(&server);
    proxy_open(&client, &server, 600);
    ask_and_wait(&client, MC_DNS_MX, "good.test");
    assert_int_equal(client.status, MC_DNS_LOCAL);
    client_close(&client);
}

/* Freed in the middle of everything: nothing is called back, nothing leaks. */
/* Who asks only while there is room still keeps the window full: it starts at 100. */
static void there_is_room_for_more_than_the_window(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char servers[40];
    unsigned asked = 0;
    server_start(&server, NULL);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", server.port);
    client_open(&client, servers, 3000, false);
    for (; asked < 1000 && mc_dns_has_room(client.dns); asked++)
        ask(&client, MC_DNS_MX, "good.test");
    assert_in_range(asked, 101, 999);
    run_dry(&client);
    assert_int_equal(client.answers, asked);
    assert_true(mc_dns_has_room(client.dns));
    stop_both(&server, &client);
}

static void freed_at_work(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    start_both(&server, &client, 3000, false);
    for (unsigned i = 0; i < 300; i++) {
        ask(&client, MC_DNS_MX, "silent.test");
        ask(&client, MC_DNS_MX, "servfail.test");
    }
    for (unsigned i = 0; i < 20; i++)
        mc_loop_run(client.loop, 5);
    assert_int_equal(client.answers, 0);
    client_close(&client);
    assert_int_equal(client.answers, 0);
    server_stop(&server);
}

static void servers_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"198.18.0.53", true},
        {"198.18.0.53:5353", true},
        {"[::1]:5353", true},
        {"[2001:db8::53]", true},
        {"2001:db8::53", true},
        {"198.18.0.53,[::1]:53,198.18.0.54:54", true},
        {"", false},
        {",", false},
        {"198.18.0.53,", false},
        {"198.18.0.53:", false},
        {"198.18.0.53:0", false},
        {"198.18.0.53:65536", false},
        {"198.18.0.53:5x", false},
        {"198.18.0", false},
        {"dns.example", false},
        {"[::1", false},
        {"[::1]5353", false},
        {"[198.18.0.53]:53", false},
        {"198.18.0.53 ", false},
        {"1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1", false},
    };
    struct mc_loop *loop = mc_loop_new();
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        char error[256] = "";
        struct mc_dns_options options = {
            .servers = cases[i].text, .timeout_ms = 100, .outstanding = 1};
        struct mc_dns *dns = mc_dns_new(loop, &options, error, sizeof error);
        assert_int_equal(dns != NULL, cases[i].good);
        assert_int_equal(error[0] == '\0', cases[i].good);
        mc_dns_free(dns);
    }
    mc_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_as_text),
        cmocka_unit_test(every_kind_of_answer_stays_apart),
        cmocka_unit_test(a_passing_servfail_is_asked_again),
        cmocka_unit_test(a_crowded_server_is_asked_again),
        cmocka_unit_test(the_next_server_helps),
        cmocka_unit_test(nobody_there_is_our_own_trouble),
        cmocka_unit_test(no_descriptor_left_is_our_own_trouble),
        cmocka_unit_test(two_thousand_at_once),
        cmocka_unit_test(ids_cannot_be_guessed),
        cmocka_unit_test(tcp_alone),
        cmocka_unit_test(through_a_proxy),
        cmocka_unit_test(a_connection_that_ends),
        cmocka_unit_test(a_proxy_that_is_not_there),
        cmocka_unit_test(there_is_room_for_more_than_the_window),
        cmocka_unit_test(freed_at_work),
    };
    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
