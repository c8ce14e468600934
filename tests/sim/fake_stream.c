#include "fake_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "fake_loop.h"

struct listener {
    struct listener *next;
    char address[INET6_ADDRSTRLEN];
    uint16_t port;
    struct sim_server *server;
};

struct mc_net {
    struct mc_loop *loop;
    struct listener *listeners;
    size_t open;
    bool lacks_ipv4, lacks_ipv6;
};

enum event_kind { CONNECTED, GREETED, BYTES, TLS_UP, FAIL, CLOSE };

/* Something the client will see at `at_ms`. */
struct event {
    struct event *next;
    int64_t at_ms;
    enum event_kind kind;
    enum mc_stream_failure failure;
    const char *why;
    char *bytes;
    size_t len;
};

/* Client's and server's end in one. */
struct mc_stream {
    struct mc_net *net;
    const struct mc_stream_events *events;
    void *owner;
    struct mc_timer timer, linger;
    struct event *first, **last;
    int64_t last_ms;
    struct sim_server *server;
    unsigned number;
    struct mc_text line;                /* what the server has of an unfinished line */
    bool up, greeted, tls, quit;        /* as the server sees it */
    bool excused;                       /* from QUIT, by a 421 */
    bool server_closed;                 /* as the server sees it */
    bool dead, finishing, closed, busy; /* as the client sees it */
};

struct sim_connection {
    struct mc_stream stream;
};

static struct sim_connection *connection_of(struct mc_stream *stream)
{
    return (struct sim_connection *)stream;
}

static void put_log(struct mc_stream *stream, char direction, struct mc_span text)
{
    struct mc_text *log = &stream->server->log;
    mc_text_printf(log, "%u%c ", stream->number, direction);
    mc_text_add_printable(log, text, 2000);
    mc_text_add_char(log, '\n');
}

/* The net */

struct mc_net *mc_net_new(struct mc_loop *loop, const struct mc_net_options *options, char *error,
                          size_t error_size)
{
    (void)options, (void)error, (void)error_size;
    struct mc_net *net = mc_calloc(1, sizeof *net);
    net->loop = loop;
    return net;
}

void mc_net_free(struct mc_net *net)
{
    if (!net)
        return;
    MC_ASSERT(net->open == 0);
    while (net->listeners) {
        struct listener *listener = net->listeners;
        net->listeners = listener->next;
        free(listener);
    }
    free(net);
}

size_t mc_net_open_streams(const struct mc_net *net)
{
    return net->open;
}

bool mc_net_can_reach(const struct mc_net *net, int family)
{
    return family == AF_INET6 ? !net->lacks_ipv6 : !net->lacks_ipv4;
}

void sim_net_set_reach(struct mc_net *net, int family, bool can_reach)
{
    *(family == AF_INET6 ? &net->lacks_ipv6 : &net->lacks_ipv4) = !can_reach;
}

void sim_net_serve(struct mc_net *net, const char *ip, uint16_t port, struct sim_server *server)
{
    struct listener *listener = mc_calloc(1, sizeof *listener);
    snprintf(listener->address, sizeof listener->address, "%s", ip);
    listener->port = port;
    listener->server = server;
    listener->next = net->listeners;
    net->listeners = listener;
    if (!server->matched)
        server->matched = mc_calloc(server->rule_count, sizeof *server->matched);
}

void sim_server_clear(struct sim_server *server)
{
    mc_text_free(&server->log);
    free(server->matched);
    server->matched = NULL;
}

static struct sim_server *find_server(const struct mc_net *net, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    bool is_v6 = address->sa_family == AF_INET6;
    uint16_t port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    const void *raw = is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;
    MC_ASSERT(inet_ntop(address->sa_family, raw, text, sizeof text));
    for (const struct listener *l = net->listeners; l; l = l->next)
        if (l->port == port && mc_span_equal(mc_span_of(l->address), mc_span_of(text)))
            return l->server;
    return NULL;
}

/* Events on their way to the client */

static struct event *push(struct mc_stream *stream, enum event_kind kind, uint32_t delay_ms)
{
    struct event *event = mc_calloc(1, sizeof *event);
    int64_t at_ms = mc_loop_now_ms(stream->net->loop) + delay_ms;
    event->kind = kind;
    event->at_ms = at_ms > stream->last_ms ? at_ms : stream->last_ms;
    stream->last_ms = event->at_ms;
    *stream->last = event;
    stream->last = &event->next;
    if (stream->first == event)
        mc_timer_set(&stream->timer, event->at_ms);
    return event;
}

static void push_failure(struct mc_stream *stream, enum mc_stream_failure failure, const char *why,
                         uint32_t delay_ms)
{
    struct event *event = push(stream, FAIL, delay_ms);
    event->failure = failure;
    event->why = why;
}

static struct event *pop(struct mc_stream *stream)
{
    struct event *event = stream->first;
    stream->first = event->next;
    if (!stream->first)
        stream->last = &stream->first;
    return event;
}

static void free_event(struct event *event)
{
    free(event->bytes);
    free(event);
}

static void drop_events(struct mc_stream *stream)
{
    while (stream->first)
        free_event(pop(stream));
    mc_timer_cancel(&stream->timer);
}

/* The server's end is gone, by either side. */
static void leave_server(struct mc_stream *stream)
{
    if (stream->server && stream->up && !stream->server_closed)
        stream->server->open--;
    stream->server_closed = true;
}

/* The client's end is gone. */
static void die(struct mc_stream *stream)
{
    if (stream->server && stream->up && !stream->server_closed) {
        put_log(stream, '!', mc_span_of("closed by client"));
        if (stream->greeted && !stream->quit && !stream->excused)
            stream->server->abandoned++;
    }
    leave_server(stream);
    drop_events(stream);
    mc_timer_cancel(&stream->linger);
    if (!stream->dead)
        stream->net->open--;
    stream->dead = true;
}

static void release(struct mc_stream *stream)
{
    mc_text_free(&stream->line);
    free(stream);
}

/* Ends the connection for the client and tells it so. */
static void end(struct mc_stream *stream, enum mc_stream_failure failure, const char *why)
{
    bool finishing = stream->finishing;
    die(stream);
    if (finishing)
        stream->events->finished(stream->owner);
    else
        stream->events->failed(stream->owner, failure, why);
}

static void on_linger(void *arg)
{
    struct mc_stream *stream = arg;
    stream->busy = true;
    end(stream, MC_STREAM_CLOSED, "");
    stream->busy = false;
    if (stream->closed)
        release(stream);
}

/* The server */

static const char *greeting_of(const struct sim_server *server)
{
    return server->greeting ? server->greeting : "220 mx.example ESMTP\r\n";
}

static void accept_client(struct mc_stream *stream)
{
    struct sim_server *server = stream->server;
    stream->up = true;
    server->accepted++;
    if (++server->open > server->max_open)
        server->max_open = server->open;
    if (server->opened)
        server->opened(server->arg, connection_of(stream));
    if (*greeting_of(server)) {
        sim_send(connection_of(stream), greeting_of(server), server->latency_ms);
        push(stream, GREETED, 0);
    }
    if (server->after_greeting == SIM_CLOSE)
        sim_close(connection_of(stream), 0);
    else if (server->after_greeting == SIM_RESET)
        sim_reset(connection_of(stream), 0);
}

/* '*' stands for any text; ASCII case is ignored. */
static bool matches(const char *glob, struct mc_span text)
{
    for (; *glob && *glob != '*'; glob++, text.at++, text.len--)
        if (!text.len || mc_ascii_lower(*glob) != mc_ascii_lower(*text.at))
            return false;
    if (!*glob)
        return text.len == 0;
    for (;; text.at++, text.len--) {
        if (matches(glob + 1, text))
            return true;
        if (!text.len)
            return false;
    }
}

static void answer(struct mc_stream *stream, const struct sim_rule *rule)
{
    struct sim_connection *connection = connection_of(stream);
    uint32_t delay_ms = stream->server->latency_ms + rule->delay_ms;
    if (rule->reply)
        sim_send(connection, rule->reply, delay_ms);
    if (rule->then == SIM_CLOSE)
        sim_close(connection, rule->reply ? 0 : delay_ms);
    else if (rule->then == SIM_RESET)
        sim_reset(connection, rule->reply ? 0 : delay_ms);
}

/* The first is left out once TLS is up. */
static const struct sim_rule friendly[] = {
    {.line = "EHLO *",
     .reply = "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
              "250-STARTTLS\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"},
    {.line = "EHLO *",
     .reply = "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
              "250 ENHANCEDSTATUSCODES\r\n"},
    {.line = "HELO *", .reply = "250 mx.example\r\n"},
    {.line = "STARTTLS", .reply = "220 2.0.0 go ahead\r\n"},
    {.line = "MAIL FROM:*", .reply = "250 2.1.0 sender ok\r\n"},
    {.line = "RCPT TO:*", .reply = "250 2.1.5 recipient ok\r\n"},
    {.line = "RSET", .reply = "250 2.0.0 ok\r\n"},
    {.line = "NOOP*", .reply = "250 2.0.0 ok\r\n"},
    {.line = "QUIT", .reply = "221 2.0.0 bye\r\n", .then = SIM_CLOSE},
    {.line = "*", .reply = "502 5.5.2 not understood\r\n"},
};

static void serve_line(struct mc_stream *stream, struct mc_span line)
{
    struct sim_server *server = stream->server;
    put_log(stream, '<', line);
    if (mc_span_equal_nocase(line, mc_span_of("QUIT")) && !stream->quit) {
        stream->quit = true;
        server->quits++;
    }
    if (server->line && server->line(server->arg, connection_of(stream), line))
        return;
    for (size_t i = 0; i < server->rule_count; i++) {
        const struct sim_rule *rule = &server->rules[i];
        if (!matches(rule->line, line) || (rule->times && server->matched[i] >= rule->times))
            continue;
        server->matched[i]++;
        answer(stream, rule);
        return;
    }
    if (server->ehlo && matches("EHLO *", line)) {
        answer(stream, &(struct sim_rule){.reply = server->ehlo});
        return;
    }
    size_t i = stream->tls ? 1 : 0;
    while (!matches(friendly[i].line, line))
        i++;
    answer(stream, &friendly[i]);
}

static void serve_bytes(struct mc_stream *stream, const char *bytes, size_t len)
{
    if (!stream->greeted && len)
        stream->server->early++;
    for (size_t i = 0; i < len && !stream->server_closed; i++) {
        if (bytes[i] != '\n') {
            mc_text_add_char(&stream->line, bytes[i]);
            continue;
        }
        struct mc_text whole = stream->line;
        stream->line = (struct mc_text){0};
        if (whole.len && whole.at[whole.len - 1] == '\r')
            whole.len--;
        serve_line(stream, mc_text_span(&whole));
        mc_text_free(&whole);
    }
}

static void push_bytes(struct mc_stream *stream, struct mc_span bytes, uint32_t delay_ms)
{
    struct event *event = push(stream, BYTES, delay_ms);
    event->bytes = mc_span_dup(bytes);
    event->len = bytes.len;
}

void sim_send(struct sim_connection *connection, const char *bytes, uint32_t delay_ms)
{
    struct mc_stream *stream = &connection->stream;
    struct mc_span rest = mc_span_of(bytes);
    size_t piece = stream->server->piece ? stream->server->piece : rest.len;
    while (rest.len) {
        size_t len = rest.len < piece ? rest.len : piece;
        push_bytes(stream, mc_span(rest.at, len), delay_ms);
        rest = mc_span(rest.at + len, rest.len - len);
        delay_ms = 0;
    }
}

void sim_close(struct sim_connection *connection, uint32_t delay_ms)
{
    push(&connection->stream, CLOSE, delay_ms);
    push_failure(&connection->stream, MC_STREAM_CLOSED, "closed by the server", 0);
}

void sim_reset(struct sim_connection *connection, uint32_t delay_ms)
{
    push(&connection->stream, CLOSE, delay_ms);
    push_failure(&connection->stream, MC_STREAM_RESET, "Connection reset by peer", 0);
}

struct sim_server *sim_connection_server(struct sim_connection *connection)
{
    return connection->stream.server;
}

unsigned sim_connection_number(const struct sim_connection *connection)
{
    return connection->stream.number;
}

bool sim_connection_is_tls(const struct sim_connection *connection)
{
    return connection->stream.tls;
}

/* The client */

static void deliver(struct mc_stream *stream, const struct event *event)
{
    switch (event->kind) {
    case CONNECTED:
        accept_client(stream);
        stream->events->connected(stream->owner);
        return;
    case GREETED:
        stream->greeted = true;
        return;
    case BYTES:
        put_log(stream, '>', mc_span(event->bytes, event->len));
        if (!stream->greeted && stream->first && stream->first->kind == GREETED)
            stream->greeted = true;
        if (matches("421*", mc_span(event->bytes, event->len)) ||
            matches("*\n421*", mc_span(event->bytes, event->len)))
            stream->excused = true;
        if (!stream->finishing)
            stream->events->received(stream->owner, event->bytes, event->len);
        return;
    case TLS_UP:
        stream->tls = true;
        put_log(stream, '!', mc_span_of("tls"));
        if (!stream->finishing)
            stream->events->tls_up(stream->owner);
        return;
    case CLOSE:
        put_log(stream, '!', mc_span_of("closed by server"));
        leave_server(stream);
        return;
    case FAIL:
        end(stream, event->failure, event->why);
        return;
    }
}

static void on_timer(void *arg)
{
    struct mc_stream *stream = arg;
    struct event *event = pop(stream);
    stream->busy = true;
    if (stream->first)
        mc_timer_set(&stream->timer, stream->first->at_ms);
    deliver(stream, event);
    free_event(event);
    stream->busy = false;
    if (stream->closed)
        release(stream);
}

static void decide_connect(struct mc_stream *stream)
{
    struct sim_server *server = stream->server;
    static const struct {
        enum mc_stream_failure failure;
        const char *why;
    } failures[] = {
        [SIM_REFUSE] = {MC_STREAM_REFUSED, "Connection refused"},
        [SIM_UNREACHABLE] = {MC_STREAM_UNREACHABLE, "No route to host"},
        [SIM_OURS] = {MC_STREAM_OURS, "Too many open files"},
        [SIM_PROXY_FAILS] = {MC_STREAM_PROXY, "proxy: general failure"},
    };
    if (!server) {
        push_failure(stream, MC_STREAM_REFUSED, "Connection refused", 0);
        return;
    }
    stream->number = ++server->attempts;
    if (server->connect == SIM_SILENT)
        return;
    if (server->connect == SIM_ACCEPT)
        push(stream, CONNECTED, server->connect_ms);
    else
        push_failure(stream, failures[server->connect].failure, failures[server->connect].why,
                     server->connect_ms);
}

struct mc_stream *mc_stream_connect(struct mc_net *net, const struct sockaddr *address,
                                    socklen_t address_len, const struct mc_stream_events *events,
                                    void *owner)
{
    (void)address_len;
    struct mc_stream *stream = mc_calloc(1, sizeof(struct sim_connection));
    stream->net = net;
    stream->events = events;
    stream->owner = owner;
    stream->last = &stream->first;
    stream->server = find_server(net, address);
    mc_timer_init(&stream->timer, net->loop, on_timer, stream);
    mc_timer_init(&stream->linger, net->loop, on_linger, stream);
    net->open++;
    decide_connect(stream);
    return stream;
}

void mc_stream_write(struct mc_stream *stream, const char *bytes, size_t len)
{
    MC_ASSERT(stream->dead || stream->up);
    MC_ASSERT(!stream->finishing);
    if (!stream->dead && !stream->server_closed)
        serve_bytes(stream, bytes, len);
}

void mc_stream_start_tls(struct mc_stream *stream, const char *host)
{
    (void)host;
    if (stream->dead || stream->server->tls == SIM_TLS_SILENT)
        return;
    if (stream->server->tls == SIM_TLS_WORKS) {
        push(stream, TLS_UP, stream->server->latency_ms);
    } else {
        push(stream, CLOSE, stream->server->latency_ms);
        push_failure(stream, MC_STREAM_TLS, "handshake failure", 0);
    }
}

const char *mc_stream_local_address(struct mc_stream *stream)
{
    return stream->up ? "198.18.255.1" : "";
}

void mc_stream_finish(struct mc_stream *stream, const char *last, size_t len, bool first,
                      uint32_t linger_ms)
{
    (void)first;
    MC_ASSERT(!stream->finishing);
    if (stream->up)
        mc_stream_write(stream, last, len);
    stream->finishing = true;
    /* even when it is dead already, `finished` comes from the loop */
    bool over = stream->dead || !stream->up;
    mc_timer_set(&stream->linger, mc_loop_now_ms(stream->net->loop) + (over ? 0 : linger_ms));
}

void mc_stream_close(struct mc_stream *stream)
{
    if (!stream)
        return;
    MC_ASSERT(!stream->closed);
    stream->closed = true;
    die(stream);
    if (!stream->busy)
        release(stream);
}
