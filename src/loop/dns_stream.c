#include "loop/dns_stream.h"

#include <ares.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "loop/dns_message.h"
#include "loop/dns_servers.h"
#include "loop/stream.h"

enum { TICK_MS = 100, HEADER_SIZE = 12, ASKED_MAX = UINT16_MAX };

/* A question on its way; its place in the table is the id of the message. */
struct asked {
    void *question; /* NULL: the place is free */
    unsigned char *query;
    size_t query_len;
    int64_t sent_at_ms, due_ms;
};

struct connection {
    struct mc_dns_stream *owner;
    unsigned server;
    struct mc_stream *stream; /* NULL: none */
    bool is_up, has_answered;
    int64_t heard_at_ms;
    struct mc_text in; /* an answer that has not come in whole */
    struct asked *asked;
    size_t count, room, last; /* places in use lie below `count`; the last one given away */
    size_t under_way;
};

struct mc_dns_stream {
    struct mc_loop *loop;
    struct mc_net *net;
    struct mc_dns_carrier_events events;
    struct mc_dns_servers servers;
    uint32_t patience_ms; /* for one server */
    bool has_complained;
    struct connection connections[MC_DNS_SERVERS_MAX];
};

static void end(struct connection *connection, struct asked *asked,
                const struct mc_dns_try_result *result)
{
    void *question = asked->question;
    free(asked->query);
    *asked = (struct asked){0};
    connection->under_way--;
    connection->owner->events.ended(question, result);
}

static void write_query(struct connection *connection, struct asked *asked)
{
    char message[2 + MC_DNS_QUESTION_MAX];
    size_t len = asked->query_len;
    message[0] = (char)(len >> 8);
    message[1] = (char)len;
    memcpy(message + 2, asked->query, len);
    mc_stream_write(connection->stream, message, len + 2);
    asked->sent_at_ms = mc_loop_now_ms(connection->owner->loop);
}

/* The connection */

static void hang_up(struct connection *connection)
{
    mc_stream_close(connection->stream);
    connection->stream = NULL;
    connection->is_up = connection->has_answered = false;
    connection->in.len = 0;
}

static void on_connected(void *owner)
{
    struct connection *connection = owner;
    connection->is_up = true;
    connection->heard_at_ms = mc_loop_now_ms(connection->owner->loop);
    for (size_t i = 0; i < connection->count; i++)
        if (connection->asked[i].question)
            write_query(connection, &connection->asked[i]);
}

/* The answer has to repeat our question: ids are used again, and an answer that comes too late
 * must not become the answer to another question. */
static bool answers(const struct asked *asked, struct mc_span message)
{
    size_t len = asked->query_len - HEADER_SIZE;
    return asked->question && message.len >= HEADER_SIZE + len &&
           mc_span_equal_nocase(mc_span((const char *)asked->query + HEADER_SIZE, len),
                                mc_span(message.at + HEADER_SIZE, len));
}

static void on_message(struct connection *connection, struct mc_span message)
{
    const unsigned char *bytes = (const unsigned char *)message.at;
    if (message.len < HEADER_SIZE)
        return;
    size_t id = (size_t)(bytes[0] << 8 | bytes[1]);
    if (id >= connection->count || !answers(&connection->asked[id], message))
        return;
    struct mc_dns_try_result result = {
        .outcome = MC_DNS_TRY_ANSWERED, .bytes = bytes, .len = message.len};
    connection->has_answered = true;
    end(connection, &connection->asked[id], &result);
}

static void on_received(void *owner, const char *bytes, size_t len)
{
    struct connection *connection = owner;
    struct mc_dns_stream *stream = connection->owner;
    mc_text_add(&connection->in, bytes, len);
    connection->heard_at_ms = mc_loop_now_ms(stream->loop);
    size_t at = 0;
    while (connection->in.len - at >= 2) {
        const unsigned char *head = (const unsigned char *)connection->in.at + at;
        size_t size = (size_t)(head[0] << 8 | head[1]);
        if (connection->in.len - at - 2 < size)
            break;
        on_message(connection, mc_span(connection->in.at + at + 2, size));
        at += 2 + size;
    }
    connection->in.len -= at;
    memmove(connection->in.at, connection->in.at + at, connection->in.len);
    stream->events.turn_over(stream->events.owner);
}

static void connect_to(struct connection *connection);

static void on_failed(void *owner, enum mc_stream_failure failure, const char *why)
{
    struct connection *connection = owner;
    struct mc_dns_stream *stream = connection->owner;
    bool has_answered = connection->has_answered;
    if (failure == MC_STREAM_PROXY && !stream->has_complained) {
        mc_log(MC_LOG_WARNING, "DNS over TCP: %s", why);
        stream->has_complained = true;
    }
    hang_up(connection);
    if (has_answered) {
        if (connection->under_way)
            connect_to(connection);
        return;
    }
    struct mc_dns_try_result result = {.outcome = MC_DNS_TRY_UNREACHABLE};
    for (size_t i = 0; i < connection->count; i++)
        if (connection->asked[i].question)
            end(connection, &connection->asked[i], &result);
    stream->events.turn_over(stream->events.owner);
}

static void connect_to(struct connection *connection)
{
    static const struct mc_stream_events events = {
        .connected = on_connected, .received = on_received, .failed = on_failed};
    const struct ares_addr_port_node *node = &connection->owner->servers.at[connection->server];
    struct mc_net *net = connection->owner->net;
    if (node->family == AF_INET) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)node->tcp_port),
                                      .sin_addr = node->addr.addr4};
        connection->stream = mc_stream_connect(net, (struct sockaddr *)&address, sizeof address,
                                               &events, connection);
    } else {
        struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                       .sin6_port = htons((uint16_t)node->tcp_port)};
        memcpy(&address.sin6_addr, &node->addr.addr6, sizeof address.sin6_addr);
        connection->stream = mc_stream_connect(net, (struct sockaddr *)&address, sizeof address,
                                               &events, connection);
    }
}

/* What dns.c calls */

/* The next free place after the last one, so that an id is not used again soon. */
static size_t free_place(struct connection *connection)
{
    if (connection->under_way == connection->count) {
        connection->asked = mc_grow(connection->asked, connection->count, &connection->room,
                                    sizeof *connection->asked);
        connection->last = connection->count++;
        return connection->last;
    }
    do {
        connection->last = connection->last + 1 < connection->count ? connection->last + 1 : 0;
    } while (connection->asked[connection->last].question);
    return connection->last;
}

static void send_try(void *self, const struct mc_dns_try *try, void *question)
{
    struct mc_dns_stream *stream = self;
    struct connection *connection = &stream->connections[try->server];
    if (connection->under_way == ASKED_MAX) {
        struct mc_dns_try_result result = {.outcome = MC_DNS_TRY_UNREACHABLE};
        stream->events.ended(question, &result);
        return;
    }
    size_t id = free_place(connection);
    try->message[0] = (unsigned char)(id >> 8);
    try->message[1] = (unsigned char)id;
    connection->asked[id] = (struct asked){
        .question = question,
        .query = memcpy(mc_malloc(try->len), try->message, try->len),
        .query_len = try->len,
        .due_ms = mc_loop_now_ms(stream->loop) + stream->patience_ms,
    };
    connection->under_way++;
    if (!connection->stream)
        connect_to(connection);
    else if (connection->is_up)
        write_query(connection, &connection->asked[id]);
}

/* Ends what is overdue. Where nothing at all came back since then, the connection is dead, though
 * nobody said so: the others' questions go over a new one. */
static void tick_connection(struct connection *connection, int64_t now_ms)
{
    struct mc_dns_try_result result = {.outcome = MC_DNS_TRY_SILENCE};
    bool is_dead = false;
    for (size_t i = 0; i < connection->count; i++) {
        struct asked *asked = &connection->asked[i];
        if (!asked->question || asked->due_ms > now_ms)
            continue;
        is_dead = is_dead || !connection->is_up || connection->heard_at_ms <= asked->sent_at_ms;
        end(connection, asked, &result);
    }
    if (!is_dead)
        return;
    hang_up(connection);
    if (connection->under_way)
        connect_to(connection);
}

static void tick(void *self)
{
    struct mc_dns_stream *stream = self;
    int64_t now_ms = mc_loop_now_ms(stream->loop);
    for (size_t i = 0; i < stream->servers.count; i++)
        tick_connection(&stream->connections[i], now_ms);
}

static void rest(void *self)
{
    struct mc_dns_stream *stream = self;
    for (size_t i = 0; i < stream->servers.count; i++)
        hang_up(&stream->connections[i]);
}

static unsigned servers(const void *self)
{
    const struct mc_dns_stream *stream = self;
    return (unsigned)stream->servers.count;
}

static void free_all(void *self)
{
    struct mc_dns_stream *stream = self;
    struct mc_dns_try_result result = {.outcome = MC_DNS_TRY_UNREACHABLE};
    for (size_t i = 0; i < stream->servers.count; i++) {
        struct connection *connection = &stream->connections[i];
        hang_up(connection);
        for (size_t j = 0; j < connection->count; j++)
            if (connection->asked[j].question)
                end(connection, &connection->asked[j], &result);
        free(connection->asked);
        mc_text_free(&connection->in);
    }
    mc_net_free(stream->net);
    free(stream);
}

bool mc_dns_stream_new(struct mc_dns_carrier *carrier, struct mc_loop *loop,
                       const struct mc_dns_options *options,
                       const struct mc_dns_carrier_events *events, char *error, size_t error_size)
{
    struct mc_net_options net_options = {.proxy = options->proxy};
    struct mc_dns_servers found;
    if (!mc_dns_servers_find(&found, options->servers, error, error_size))
        return false;
    struct mc_net *net = mc_net_new(loop, &net_options, error, error_size);
    if (!net)
        return false;
    struct mc_dns_stream *stream = mc_calloc(1, sizeof *stream);
    stream->loop = loop;
    stream->net = net;
    stream->events = *events;
    stream->servers = found;
    stream->patience_ms = found.count > 1 ? options->timeout_ms / 2 : options->timeout_ms;
    for (unsigned i = 0; i < found.count; i++) {
        stream->connections[i].owner = stream;
        stream->connections[i].server = i;
    }
    *carrier = (struct mc_dns_carrier){
        .self = stream,
        .send = send_try,
        .tick = tick,
        .tick_ms = TICK_MS,
        .rest = rest,
        .servers = servers,
        .free = free_all,
    };
    return true;
}
