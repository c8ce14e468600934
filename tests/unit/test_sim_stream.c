/* The network in memory keeps the promises of loop/stream.h, and counts right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "../sim/fake_loop.h"
#include "../sim/fake_stream.h"

struct client {
    struct mc_stream *stream;
    struct mc_text got;
    unsigned connected, tls_up, failed, finished;
    enum mc_stream_failure failure;
    const char *say; /* at each delivery that ends a line, the next of these, NUL-separated */
    bool polite, starts_tls;
};

static void on_connected(void *owner)
{
    struct client *client = owner;
    client->connected++;
}

static void on_received(void *owner, const char *bytes, size_t len)
{
    struct client *client = owner;
    mc_text_add(&client->got, bytes, len);
    if (bytes[len - 1] != '\n')
        return;
    if (!*client->say) {
        if (client->polite)
            mc_stream_finish(client->stream, "QUIT\r\n", 6, false, 2000);
        else
            mc_stream_close(client->stream);
    } else if (mc_span_equal(mc_span_of(client->say), mc_span_of("(tls)"))) {
        mc_stream_start_tls(client->stream, "mx.example");
        client->say += strlen(client->say) + 1;
    } else {
        mc_stream_write(client->stream, client->say, strlen(client->say));
        client->say += strlen(client->say) + 1;
    }
}

static void on_tls_up(void *owner)
{
    struct client *client = owner;
    client->tls_up++;
    mc_stream_write(client->stream, client->say, strlen(client->say));
    client->say += strlen(client->say) + 1;
}

static void on_failed(void *owner, enum mc_stream_failure failure, const char *why)
{
    struct client *client = owner;
    assert_non_null(why);
    client->failed++;
    client->failure = failure;
    mc_stream_close(client->stream);
}

static void on_finished(void *owner)
{
    struct client *client = owner;
    client->finished++;
    mc_stream_close(client->stream);
}

static const struct mc_stream_events events = {on_connected, on_received, on_tls_up, on_failed,
                                               on_finished};

static void start(struct client *client, struct mc_net *net, const char *ip)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(25)};
    inet_pton(AF_INET, ip, &address.sin_addr);
    client->stream =
        mc_stream_connect(net, (struct sockaddr *)&address, sizeof address, &events, client);
}

static void a_polite_session(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_net *net = mc_net_new(loop, &(struct mc_net_options){0}, NULL, 0);
    static const struct sim_rule rules[] = {
        {.line = "RCPT TO:<dead@*", .reply = "550 5.1.1 no\r\n", .delay_ms = 30}};
    struct sim_server server = {.connect_ms = 10, .latency_ms = 20, SIM_RULES(rules), .piece = 7};
    struct client client = {.polite = true,
                            .say = "EHLO me\r\n\0MAIL FROM:<a@b.example>\r\n\0"
                                   "rcpt to:<dead@b.example>\r\n\0"};
    sim_net_serve(net, "198.18.0.1", 25, &server);
    start(&client, net, "198.18.0.1");
    assert_int_equal(client.connected, 0);
    assert_true(sim_loop_run_dry(loop, 60000));
    assert_int_equal(mc_loop_now_ms(loop), SIM_START_MS + 10 + 5 * 20 + 30);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.failed, 0);
    assert_int_equal(server.quits, 1);
    assert_int_equal(server.early, 0);
    assert_int_equal(server.abandoned, 0);
    assert_int_equal(server.max_open, 1);
    assert_int_equal(server.open, 0);
    assert_int_equal(mc_net_open_streams(net), 0);
    assert_non_null(strstr(mc_text_z(&server.log), "1< QUIT\n"));
    mc_text_free(&client.got);
    sim_server_clear(&server);
    mc_net_free(net);
    mc_loop_free(loop);
}

static void impolite_ones_are_counted(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_net *net = mc_net_new(loop, &(struct mc_net_options){0}, NULL, 0);
    struct sim_server server = {.latency_ms = 1};
    struct client clients[3] = {{.say = ""}, {.say = ""}, {.say = "", .polite = true}};
    sim_net_serve(net, "198.18.0.1", 25, &server);
    for (int i = 0; i < 3; i++)
        start(&clients[i], net, "198.18.0.1");
    sim_loop_advance(loop, 0);
    mc_stream_write(clients[1].stream, "EHLO early\r\n", 12);
    assert_true(sim_loop_run_dry(loop, 60000));
    assert_int_equal(server.max_open, 3);
    assert_int_equal(server.abandoned, 2);
    assert_int_equal(server.early, 1);
    assert_int_equal(server.quits, 1);
    for (int i = 0; i < 3; i++)
        mc_text_free(&clients[i].got);
    sim_server_clear(&server);
    mc_net_free(net);
    mc_loop_free(loop);
}

static void failures_come_from_the_loop(void **state)
{
    (void)state;
    static const struct {
        struct sim_server server;
        const char *say;
        enum mc_stream_failure failure;
        unsigned abandoned;
    } cases[] = {
        {{.connect = SIM_REFUSE}, "", MC_STREAM_REFUSED, 0},
        {{.connect = SIM_UNREACHABLE}, "", MC_STREAM_UNREACHABLE, 0},
        {{.connect = SIM_OURS}, "", MC_STREAM_OURS, 0},
        {{.connect = SIM_PROXY_FAILS}, "", MC_STREAM_PROXY, 0},
        {{.after_greeting = SIM_CLOSE}, "EHLO x\r\n", MC_STREAM_CLOSED, 0},
        {{.after_greeting = SIM_RESET}, "EHLO x\r\n", MC_STREAM_RESET, 0},
        {{.tls = SIM_TLS_FAILS}, "STARTTLS\r\n\0(tls)\0", MC_STREAM_TLS, 0},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_loop *loop = mc_loop_new();
        struct mc_net *net = mc_net_new(loop, &(struct mc_net_options){0}, NULL, 0);
        struct sim_server server = cases[i].server;
        struct client client = {.say = cases[i].say};
        sim_net_serve(net, "198.18.0.1", 25, &server);
        start(&client, net, "198.18.0.1");
        assert_int_equal(client.failed, 0);
        assert_true(sim_loop_run_dry(loop, 60000));
        assert_int_equal(client.failed, 1);
        assert_int_equal(client.failure, cases[i].failure);
        assert_int_equal(server.abandoned, cases[i].abandoned);
        assert_int_equal(server.open, 0);
        mc_text_free(&client.got);
        sim_server_clear(&server);
        mc_net_free(net);
        mc_loop_free(loop);
    }
}

static void tls_and_a_server_that_lingers(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_net *net = mc_net_new(loop, &(struct mc_net_options){0}, NULL, 0);
    static const struct sim_rule rules[] = {{.line = "QUIT", .reply = "221 bye\r\n"}};
    struct sim_server server = {SIM_RULES(rules)};
    struct client client = {.polite = true, .say = "STARTTLS\r\n\0(tls)\0EHLO again\r\n\0"};
    sim_net_serve(net, "198.18.0.1", 25, &server);
    start(&client, net, "198.18.0.1");
    sim_loop_advance(loop, 1999);
    assert_int_equal(client.tls_up, 1);
    assert_int_equal(client.finished, 0);
    assert_int_equal(server.open, 1);
    assert_int_equal(mc_net_open_streams(net), 1);
    sim_loop_advance(loop, 1);
    assert_int_equal(client.finished, 1);
    assert_int_equal(server.open, 0);
    assert_int_equal(server.abandoned, 0);
    assert_int_equal(mc_net_open_streams(net), 0);
    assert_int_equal(sim_loop_timers(loop), 0);
    mc_text_free(&client.got);
    sim_server_clear(&server);
    mc_net_free(net);
    mc_loop_free(loop);
}

static void rules_count_their_matches(void **state)
{
    (void)state;
    struct mc_loop *loop = mc_loop_new();
    struct mc_net *net = mc_net_new(loop, &(struct mc_net_options){0}, NULL, 0);
    static const struct sim_rule rules[] = {
        {.line = "NOOP", .reply = "1\r\n", .times = 1},
        {.line = "NOOP", .reply = "2\r\n", .times = 1},
        {.line = "*three*", .reply = "3\r\n"},
    };
    struct sim_server server = {SIM_RULES(rules), .greeting = "0\r\n"};
    struct client client = {.say = "NOOP\r\n\0noop\r\n\0count three up\r\n\0"};
    sim_net_serve(net, "198.18.0.1", 25, &server);
    start(&client, net, "198.18.0.1");
    assert_true(sim_loop_run_dry(loop, 60000));
    assert_string_equal(mc_text_z(&client.got), "0\r\n1\r\n2\r\n3\r\n");
    mc_text_free(&client.got);
    sim_server_clear(&server);
    mc_net_free(net);
    mc_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_polite_session),
        cmocka_unit_test(impolite_ones_are_counted),
        cmocka_unit_test(failures_come_from_the_loop),
        cmocka_unit_test(tls_and_a_server_that_lingers),
        cmocka_unit_test(rules_count_their_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
