#include "http/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "http/reply_head.h"

#define READ_BYTES      65536        /* taken at once, at most */
#define SOCKET_BYTES    (128 * 1024) /* of a reply in the kernel, which would take some MB */
#define ACCEPTS_A_TURN  64           /* so that those who are in get their turn */
#define STEPS_A_TURN    32   /* requests or reads of one connection: the others get theirs */
#define LINGER_MS       2000 /* a refused client may read why, while we throw away what it sends */
#define LINGER_BYTES    (1024 * 1024)
#define ACCEPT_PAUSE_MS 100 /* when there is no descriptor to be had */

/* What a connection is doing. Each phase is a list in the order of entry; since all in it have the
 * same time to stay, the first is the first whose time is up. */
enum phase {
    IDLE,      /* between requests, or new */
    RECEIVING, /* a request has begun */
    WORKING,   /* its reply is being made; the maker watches the clock */
    SENDING,   /* it does not fit into the socket */
    LINGERING, /* all is said and our side closed */
    PHASES
};

struct mc_http_exchange {
    struct mc_watch watch;
    struct mc_http_server *server;
    struct mc_http_exchange *previous, *next; /* in the list of its phase */
    int64_t since_ms;
    struct mc_http_request *request; /* from its first byte to its reply */
    struct mc_text ahead;            /* bytes behind the request ... */
    size_t ahead_at;                 /* ... of which so many were taken */
    struct mc_text output;
    size_t sent, lingered;
    struct mc_http_peer peer;
    uint8_t phase;
    bool may_have_more : 1; /* the socket was not read to its end */
    bool hung_up : 1;       /* there is an end to be read, behind the bytes */
    bool ended : 1;         /* it was read: the client sends no more */
    bool last : 1;          /* the connection ends with this reply */
    bool driven : 1;        /* go_on is below on the stack, and does what follows a reply */
};

struct list {
    struct mc_http_exchange *first, *last;
    size_t count;
};

struct listener {
    struct mc_watch watch;
    struct mc_http_server *server;
    struct listener *next;
    int fd;
};

struct mc_http_server {
    struct mc_loop *loop;
    struct mc_http_options options;
    struct listener *listeners;
    struct list phases[PHASES];
    struct mc_timer timer;   /* the earliest deadline ... */
    int64_t due_ms;          /* ... or one before it; INT64_MAX: none */
    struct mc_timer unpause; /* accepts again */
    size_t open, bodies_bytes, replies_bytes;
    uint64_t accepted, evicted, timed_out;
    bool draining, warned;
    struct mc_text reply; /* scratch */
    struct mc_http_date date;
    char buffer[READ_BYTES];
};

static uint32_t limit_ms(const struct mc_http_server *server, enum phase phase)
{
    switch (phase) {
    case IDLE:
        return server->options.idle_ms;
    case RECEIVING:
    case SENDING:
        return server->options.receive_ms;
    case LINGERING:
        return LINGER_MS;
    case WORKING:
    case PHASES:
        break;
    }
    return 0;
}

/* ---- phases ---- */

static void take_out(struct mc_http_exchange *exchange)
{
    struct list *list = &exchange->server->phases[exchange->phase];
    *(exchange->previous ? &exchange->previous->next : &list->first) = exchange->next;
    *(exchange->next ? &exchange->next->previous : &list->last) = exchange->previous;
    list->count--;
}

static void put_in(struct mc_http_exchange *exchange, enum phase phase)
{
    struct mc_http_server *server = exchange->server;
    struct list *list = &server->phases[phase];
    uint32_t limit = limit_ms(server, phase);
    exchange->phase = (uint8_t)phase;
    exchange->since_ms = mc_loop_now_ms(server->loop);
    exchange->next = NULL;
    exchange->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = exchange;
    list->last = exchange;
    list->count++;
    if (limit && exchange->since_ms + limit < server->due_ms) {
        server->due_ms = exchange->since_ms + limit;
        mc_timer_set(&server->timer, server->due_ms);
    }
}

static void enter(struct mc_http_exchange *exchange, enum phase phase)
{
    take_out(exchange);
    put_in(exchange, phase);
}

static void drop_request(struct mc_http_exchange *exchange)
{
    if (!exchange->request)
        return;
    exchange->server->bodies_bytes -= mc_http_request_size(exchange->request);
    mc_http_request_free(exchange->request);
    free(exchange->request);
    exchange->request = NULL;
}

static void drop_output(struct mc_http_exchange *exchange)
{
    exchange->server->replies_bytes -= exchange->output.room;
    mc_text_free(&exchange->output);
    exchange->sent = 0;
}

static void close_now(struct mc_http_exchange *exchange)
{
    struct mc_http_server *server = exchange->server;
    take_out(exchange);
    mc_watch_close(&exchange->watch);
    drop_request(exchange);
    mc_text_free(&exchange->ahead);
    drop_output(exchange);
    free(exchange);
    server->open--;
}

/* Says that we are done and lets the client read it: closing at once would take the reply back
 * where the client has sent more than we read. */
static void linger(struct mc_http_exchange *exchange)
{
    drop_request(exchange);
    mc_text_free(&exchange->ahead);
    if (exchange->ended || shutdown(exchange->watch.fd, SHUT_WR) != 0) {
        close_now(exchange);
        return;
    }
    enter(exchange, LINGERING);
}

static void on_deadline(void *arg)
{
    struct mc_http_server *server = arg;
    int64_t now = mc_loop_now_ms(server->loop), next = INT64_MAX;
    for (enum phase phase = 0; phase < PHASES; phase++) {
        uint32_t limit = limit_ms(server, phase);
        struct mc_http_exchange *first;
        while (limit && (first = server->phases[phase].first) && first->since_ms + limit <= now) {
            server->timed_out += phase != IDLE && phase != LINGERING;
            close_now(first);
        }
        if (limit && first && first->since_ms + limit < next)
            next = first->since_ms + limit;
    }
    server->due_ms = next;
    if (next != INT64_MAX)
        mc_timer_set(&server->timer, next);
}

/* Closes the connection that has been longest in this phase. */
static bool make_room(struct mc_http_server *server, enum phase phase)
{
    struct mc_http_exchange *first = server->phases[phase].first;
    if (!first)
        return false;
    close_now(first);
    server->evicted++;
    return true;
}

/* ---- replies ---- */

/* Sends what it can of the bytes; how many. A client that is gone takes all. */
static size_t send_some(struct mc_http_exchange *exchange, const char *at, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(exchange->watch.fd, at + sent, len - sent, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            exchange->last = exchange->ended = true;
            return len;
        } else {
            break;
        }
    }
    return sent;
}

/* What the client has not taken yet. So much of that is kept for all together. */
static void keep_output(struct mc_http_exchange *exchange, struct mc_span rest)
{
    struct mc_http_server *server = exchange->server;
    mc_text_add_span(&exchange->output, rest);
    server->replies_bytes += exchange->output.room;
    while (server->replies_bytes > MC_HTTP_REPLIES_MAX && make_room(server, SENDING))
        continue;
}

static void go_on(struct mc_http_exchange *exchange);

void mc_http_reply(struct mc_http_exchange *exchange, const struct mc_http_reply *reply)
{
    struct mc_http_server *server = exchange->server;
    struct mc_text *out = &server->reply;
    MC_ASSERT(exchange->phase == WORKING || exchange->phase == RECEIVING);
    exchange->last |= server->draining;
    out->len = 0;
    mc_http_reply_head(out, reply, exchange->last, &server->date);
    if (!reply->body_is_left_out)
        mc_text_add_span(out, reply->body);
    drop_request(exchange);
    size_t sent = send_some(exchange, out->at, out->len);
    if (sent < out->len)
        keep_output(exchange, mc_span(out->at + sent, out->len - sent));
    enter(exchange, sent < out->len ? SENDING : IDLE);
    if (!exchange->driven)
        go_on(exchange);
}

/* A request that is not taken: says so, and hears no more. */
static void refuse(struct mc_http_exchange *exchange, int status)
{
    struct mc_http_server *server = exchange->server;
    char body[96];
    int len = snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", mc_http_phrase(status));
    const struct mc_http_reply reply = {
        .status = status,
        .type = "application/json",
        .head = status == 503 ? mc_span_of("Retry-After: 1\r\n") : mc_span("", 0),
        .body = mc_span(body, (size_t)len),
    };
    exchange->last = true;
    if (server->options.refused)
        server->options.refused(server->options.arg, status);
    mc_http_reply(exchange, &reply);
}

/* ---- requests ---- */

/* Gives bytes to the request; how many it took. */
static size_t feed(struct mc_http_exchange *exchange, struct mc_span bytes)
{
    struct mc_http_server *server = exchange->server;
    if (exchange->phase == IDLE) {
        exchange->request = mc_malloc(sizeof *exchange->request);
        mc_http_request_begin(exchange->request);
        enter(exchange, RECEIVING);
    }
    struct mc_http_request *request = exchange->request;
    size_t before = mc_http_request_size(request);
    size_t taken = mc_http_request_take(request, bytes.at, bytes.len);
    server->bodies_bytes += mc_http_request_size(request) - before;
    while (server->bodies_bytes > MC_HTTP_BODIES_MAX &&
           server->phases[RECEIVING].first != exchange && make_room(server, RECEIVING))
        continue;
    if (mc_http_request_refused(request)) {
        refuse(exchange, mc_http_request_refused(request));
    } else if (server->bodies_bytes > MC_HTTP_BODIES_MAX) {
        refuse(exchange, 503);
    } else if (mc_http_request_wants_continue(request)) {
        static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)send_some(exchange, go, sizeof go - 1);
    } else if (mc_http_request_complete(request)) {
        exchange->last |= !mc_http_request_keep_alive(request);
        enter(exchange, WORKING);
        server->options.handle(server->options.arg, exchange, request);
        if (exchange->request) { /* the reply is still to come */
            server->bodies_bytes -= mc_http_request_size(request);
            mc_http_request_drop_body(request);
            server->bodies_bytes += mc_http_request_size(request);
        }
    }
    return taken;
}

/* Up to so many bytes into the server's buffer; 0: nothing now. */
static size_t read_some(struct mc_http_exchange *exchange, size_t most)
{
    char *buffer = exchange->server->buffer;
    most = most < READ_BYTES ? most : READ_BYTES;
    while (exchange->may_have_more) {
        ssize_t n = recv(exchange->watch.fd, buffer, most, 0);
        if (n < 0 && errno == EINTR)
            continue;
        exchange->may_have_more = n == (ssize_t)most || (n > 0 && exchange->hung_up);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
            exchange->ended = true;
        return n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* What the client goes on sending is thrown away, for a while. True while it may go on. */
static bool throw_away(struct mc_http_exchange *exchange)
{
    size_t n;
    while (exchange->lingered < LINGER_BYTES && (n = read_some(exchange, READ_BYTES)) > 0)
        exchange->lingered += n;
    return exchange->lingered < LINGER_BYTES && !exchange->ended;
}

/* One step: reads, or takes what was read, and answers what is complete. False: nothing to do now.
 */
static bool step(struct mc_http_exchange *exchange)
{
    struct mc_text *ahead = &exchange->ahead;
    if (exchange->ahead_at < ahead->len) {
        struct mc_span rest =
            mc_span(ahead->at + exchange->ahead_at, ahead->len - exchange->ahead_at);
        exchange->ahead_at += feed(exchange, rest);
        return true;
    }
    mc_text_free(ahead);
    exchange->ahead_at = 0;
    size_t most = exchange->request ? mc_http_request_wants(exchange->request) : MC_HTTP_HEAD_READ;
    struct mc_span bytes = mc_span(exchange->server->buffer, read_some(exchange, most));
    if (!bytes.len)
        return false;
    size_t taken = feed(exchange, bytes);
    if (!exchange->last)
        mc_text_add(ahead, bytes.at + taken, bytes.len - taken);
    return true;
}

static void on_ready(void *arg, int fd, int what);

/* Watched anew, it is ready again in the next turn. */
static void come_back(struct mc_http_exchange *exchange)
{
    int socket = exchange->watch.fd;
    mc_watch_stop(&exchange->watch);
    mc_watch_start(&exchange->watch, exchange->server->loop, socket,
                   MC_WATCH_READ | MC_WATCH_WRITE | MC_WATCH_EDGE, on_ready, exchange);
}

/* Does all that can be done now: sends, reads, answers, closes. The only one who frees. */
static void go_on(struct mc_http_exchange *exchange)
{
    bool more = true;
    exchange->driven = true;
    for (unsigned steps = 0; more && (exchange->phase == IDLE || exchange->phase == RECEIVING);) {
        if (exchange->phase == IDLE && (exchange->last || exchange->server->draining)) {
            linger(exchange);
            return;
        }
        if (++steps > STEPS_A_TURN) {
            come_back(exchange);
            break;
        }
        more = step(exchange);
        if (!more && exchange->ended) {
            close_now(exchange);
            return;
        }
    }
    exchange->driven = false;
    if (exchange->phase == LINGERING && !throw_away(exchange))
        close_now(exchange);
}

static void on_ready(void *arg, int fd, int what)
{
    struct mc_http_exchange *exchange = arg;
    (void)fd;
    exchange->may_have_more |= (what & MC_WATCH_READ) != 0;
    exchange->hung_up |= (what & MC_WATCH_HANGUP) != 0;
    if (exchange->phase == SENDING && what & MC_WATCH_WRITE) {
        exchange->sent += send_some(exchange, exchange->output.at + exchange->sent,
                                    exchange->output.len - exchange->sent);
        if (exchange->sent == exchange->output.len) {
            drop_output(exchange);
            enter(exchange, IDLE);
        }
    }
    go_on(exchange);
}

/* ---- connections ---- */

static void read_peer(const struct sockaddr_storage *from, struct mc_http_peer *peer)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (from->ss_family == AF_INET) {
        peer->family = 4;
        memcpy(peer->octets, &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const uint8_t *octets = ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr;
        bool is_mapped = memcmp(octets, mapped, sizeof mapped) == 0;
        peer->family = is_mapped ? 4 : 6;
        memcpy(peer->octets, is_mapped ? octets + 12 : octets, is_mapped ? 4 : 16);
    }
}

static void take(struct mc_http_server *server, int fd, const struct sockaddr_storage *from)
{
    struct mc_http_exchange *exchange = mc_calloc(1, sizeof *exchange);
    int on = 1;
    exchange->server = server;
    exchange->may_have_more = true;
    read_peer(from, &exchange->peer);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    server->open++;
    server->accepted++;
    put_in(exchange, IDLE);
    mc_watch_start(&exchange->watch, server->loop, fd,
                   MC_WATCH_READ | MC_WATCH_WRITE | MC_WATCH_EDGE, on_ready, exchange);
}

/* The connection that is missed least makes room. */
static bool evict(struct mc_http_server *server)
{
    static const enum phase order[] = {LINGERING, IDLE, RECEIVING, SENDING};
    for (size_t i = 0; i < MC_ARRAY_LEN(order); i++)
        if (make_room(server, order[i]))
            return true;
    return false;
}

static void on_connection(void *arg, int listening, int what);

static void set_accepting(struct mc_http_server *server, bool accepting)
{
    for (struct listener *at = server->listeners; at; at = at->next)
        if (accepting)
            mc_watch_start(&at->watch, server->loop, at->fd, MC_WATCH_READ, on_connection, server);
        else
            mc_watch_stop(&at->watch);
}

static void accept_again(void *arg)
{
    struct mc_http_server *server = arg;
    set_accepting(server, true);
}

/* No descriptor left, though we count them: somebody else's are too many. */
static void no_descriptor(struct mc_http_server *server, int error)
{
    if (!server->warned)
        mc_log(MC_LOG_WARNING, "cannot accept a connection: %s (see ulimit -n)", strerror(error));
    server->warned = true;
    if (!evict(server)) {
        set_accepting(server, false);
        mc_timer_set(&server->unpause, mc_loop_now_ms(server->loop) + ACCEPT_PAUSE_MS);
    }
}

static void on_connection(void *arg, int listening, int what)
{
    struct mc_http_server *server = arg;
    (void)what;
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(listening, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            no_descriptor(server, errno);
            return;
        }
        if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO))
            continue;
        if (fd < 0)
            return;
        if (server->open >= server->options.connections_max && !evict(server)) {
            static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                       "Content-Length: 0\r\nConnection: close\r\n\r\n";
            (void)send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
            close(fd);
            continue;
        }
        take(server, fd, &from);
    }
}

struct mc_http_server *mc_http_server_new(struct mc_loop *loop,
                                          const struct mc_http_options *options)
{
    struct mc_http_server *server = mc_calloc(1, sizeof *server);
    server->loop = loop;
    server->options = *options;
    server->due_ms = INT64_MAX;
    mc_timer_init(&server->timer, loop, on_deadline, server);
    mc_timer_init(&server->unpause, loop, accept_again, server);
    return server;
}

void mc_http_server_listen(struct mc_http_server *server, int fd)
{
    struct listener *listener = mc_calloc(1, sizeof *listener);
    int flags = fcntl(fd, F_GETFL), bytes = SOCKET_BYTES;
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes); /* those accepted inherit */
    listener->fd = fd;
    listener->next = server->listeners;
    server->listeners = listener;
    mc_watch_start(&listener->watch, server->loop, fd, MC_WATCH_READ, on_connection, server);
}

static void stop_listening(struct mc_http_server *server)
{
    mc_timer_cancel(&server->unpause);
    while (server->listeners) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        mc_watch_stop(&listener->watch);
        close(listener->fd);
        free(listener);
    }
}

void mc_http_server_drain(struct mc_http_server *server)
{
    stop_listening(server);
    server->draining = true;
    while (server->phases[IDLE].first)
        linger(server->phases[IDLE].first);
}

void mc_http_server_free(struct mc_http_server *server)
{
    if (!server)
        return;
    stop_listening(server);
    mc_timer_cancel(&server->timer);
    for (enum phase phase = 0; phase < PHASES; phase++)
        while (server->phases[phase].first)
            close_now(server->phases[phase].first);
    mc_text_free(&server->reply);
    free(server);
}

void mc_http_server_count(const struct mc_http_server *server, struct mc_http_counts *counts)
{
    *counts = (struct mc_http_counts){
        .open = server->open,
        .idle = server->phases[IDLE].count,
        .receiving = server->phases[RECEIVING].count,
        .working = server->phases[WORKING].count,
        .accepted = server->accepted,
        .evicted = server->evicted,
        .timed_out = server->timed_out,
    };
}

const struct mc_http_peer *mc_http_exchange_peer(const struct mc_http_exchange *exchange)
{
    return &exchange->peer;
}
