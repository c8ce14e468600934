#include "loop/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "loop/stream_private.h"

#define OWNER_SIZE 448 /* of a session; a hint */

static void on_deferred(void *arg);

/* The net */

struct mc_net *mc_net_new(struct mc_loop *loop, const struct mc_net_options *options, char *error,
                          size_t error_size)
{
    struct mc_net *net = mc_calloc(1, sizeof *net);
    net->loop = loop;
    net->streams.size = sizeof(struct mc_stream);
    net->deferred_last = &net->deferred;
    net->received = mc_malloc(RECEIVE_SIZE);
    net->origin = mc_malloc(sizeof *net->origin);
    mc_timer_init(&net->deferred_timer, loop, on_deferred, net);
    if (!mc_origin_init(net->origin, options, error, error_size)) {
        mc_net_free(net);
        return NULL;
    }
    return net;
}

static void release(struct mc_stream *stream)
{
    free(stream->local);
    mc_pool_put(&stream->net->streams, stream);
}

void mc_net_free(struct mc_net *net)
{
    if (!net)
        return;
    MC_ASSERT(net->open == 0);
    mc_timer_cancel(&net->deferred_timer);
    while (net->deferred) {
        struct mc_stream *stream = net->deferred;
        net->deferred = stream->next_deferred;
        MC_ASSERT(stream->closed);
        release(stream);
    }
    mc_tls_context_free(net->tls);
    mc_pool_free(&net->streams);
    free(net->origin);
    free(net->received);
    free(net->plain);
    free(net);
}

size_t mc_net_open_streams(const struct mc_net *net)
{
    return net->open;
}

bool mc_net_can_reach(const struct mc_net *net, int family)
{
    return mc_origin_can_reach(net->origin, family, mc_loop_now_ms(net->loop));
}

/* Failures. All end in mc_stream_end(), all come from the loop: what goes wrong inside a call of
 * the owner's is put into the list of deferred streams first. */

void mc_stream_defer(struct mc_stream *stream)
{
    struct mc_net *net = stream->net;
    if (stream->deferred)
        return;
    stream->deferred = true;
    stream->next_deferred = NULL;
    *net->deferred_last = stream;
    net->deferred_last = &stream->next_deferred;
    mc_timer_set(&net->deferred_timer, mc_loop_now_ms(net->loop));
}

/* Closes the descriptor and lets go of all that the connection held. */
static void die(struct mc_stream *stream)
{
    if (stream->state == DEAD)
        return;
    if (stream->watch.event)
        mc_watch_close(&stream->watch);
    else if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    stream->state = DEAD;
    stream->net->open--;
    mc_timer_cancel(&stream->linger);
    mc_text_free(&stream->out);
    mc_tls_free(stream->tls);
    free(stream->socks5);
    stream->tls = NULL;
    stream->socks5 = NULL;
}

void mc_stream_end(struct mc_stream *stream, enum mc_stream_failure failure, const char *why)
{
    die(stream);
    if (stream->finishing)
        stream->events->finished(stream->owner);
    else
        stream->events->failed(stream->owner, failure, why);
}

void mc_stream_lost(struct mc_stream *stream, int error)
{
    struct mc_net *net = stream->net;
    const char *why = error ? strerror(error) : "closed by the other side";
    enum mc_stream_failure failure = error ? MC_STREAM_RESET : MC_STREAM_CLOSED;
    if (error == ENOMEM || error == ENOBUFS)
        failure = MC_STREAM_OURS;
    switch ((enum state)stream->state) {
    case CONNECTING:
        failure = mc_origin_failure(net->origin, stream->family, error, mc_loop_now_ms(net->loop));
        if (!net->origin->has_proxy || failure == MC_STREAM_OURS)
            break;
        /* fallthrough */
    case PROXY:
        snprintf(net->why, sizeof net->why, "proxy: %s", why);
        mc_stream_end(stream, MC_STREAM_PROXY, net->why);
        return;
    case SHAKING:
        snprintf(net->why, sizeof net->why, "TLS handshake: %s", why);
        mc_stream_end(stream, MC_STREAM_TLS, net->why);
        return;
    case UP:
    case SECURE:
        break;
    case DEAD:
        return;
    }
    mc_stream_end(stream, failure, why);
}

/* Sending */

static size_t unsent(const struct mc_stream *stream)
{
    return stream->out.len - stream->out_at;
}

/* Gives the socket what it takes; the number of bytes, errors are told later. */
static size_t offer(struct mc_stream *stream, struct mc_span bytes, int flags)
{
    /* A small write behind another one would wait for the peer's acknowledgement (Nagle). An
     * exchange of command and reply never does that, and saves this system call. */
    if (stream->unanswered && !stream->no_delay) {
        int on = 1;
        stream->no_delay = true;
        setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    stream->unanswered = true;
    for (;;) {
        ssize_t sent = send(stream->fd, bytes.at, bytes.len, MSG_NOSIGNAL | flags);
        if (sent >= 0)
            return (size_t)sent;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            stream->error = errno;
            mc_stream_defer(stream);
        }
        return 0;
    }
}

void mc_stream_flush(struct mc_stream *stream)
{
    if (!unsent(stream) || stream->error)
        return;
    stream->out_at += offer(stream, mc_span(stream->out.at + stream->out_at, unsent(stream)), 0);
    if (!unsent(stream)) {
        mc_text_free(&stream->out);
        stream->out_at = 0;
    }
}

void mc_stream_send_bytes(struct mc_stream *stream, struct mc_span bytes)
{
    if (stream->error || !bytes.len)
        return;
    size_t sent = unsent(stream) ? 0 : offer(stream, bytes, 0);
    mc_text_add(&stream->out, bytes.at + sent, bytes.len - sent);
}

/* The kernel holds the bytes back until the end of our half can go with them. */
static void send_and_shut(struct mc_stream *stream, struct mc_span bytes)
{
    size_t sent = offer(stream, bytes, MSG_MORE);
    mc_text_add(&stream->out, bytes.at + sent, bytes.len - sent);
    if (sent == bytes.len)
        shutdown(stream->fd, SHUT_WR);
}

void mc_stream_send_tls(struct mc_stream *stream)
{
    mc_stream_send_bytes(stream, mc_tls_pending(stream->tls));
    mc_tls_sent(stream->tls);
}

/* Around everything that the loop calls: the owner may close the stream in it. */
static void enter(struct mc_stream *stream)
{
    stream->busy = true;
}

static void leave(struct mc_stream *stream)
{
    stream->busy = false;
    if (stream->closed && !stream->deferred)
        release(stream);
}

static void on_ready(void *arg, int fd, int what)
{
    struct mc_stream *stream = arg;
    (void)fd;
    mc_fetch(stream->owner, OWNER_SIZE); /* in the time of a system call */
    enter(stream);
    /* An error shows as both: then receiving tells which, without a system call for the asking. */
    if (stream->state == CONNECTING && what == MC_WATCH_WRITE)
        mc_stream_came_up(stream);
    if (stream->state != DEAD && what & (MC_WATCH_READ | MC_WATCH_HANGUP))
        mc_stream_receive(stream, what & MC_WATCH_HANGUP);
    if (stream->state != DEAD && what & MC_WATCH_WRITE)
        mc_stream_flush(stream);
    leave(stream);
}

static void serve_deferred(struct mc_stream *stream)
{
    if (stream->closed)
        return;
    if (stream->untold) {
        stream->untold = false;
        stream->events->finished(stream->owner);
        return;
    }
    if (stream->state == CONNECTING && stream->error) {
        mc_stream_lost(stream, stream->error);
        return;
    }
    if (stream->tls_failed) {
        mc_stream_end(stream, MC_STREAM_TLS, "TLS cannot be set up on this host");
        return;
    }
    if (stream->state != DEAD && (stream->more || stream->error))
        mc_stream_receive(stream, true);
    if (stream->state != DEAD && stream->error)
        mc_stream_lost(stream, stream->error);
}

static void on_deferred(void *arg)
{
    struct mc_net *net = arg;
    struct mc_stream *next = net->deferred;
    net->deferred = NULL;
    net->deferred_last = &net->deferred;
    while (next) {
        struct mc_stream *stream = next;
        next = stream->next_deferred;
        stream->deferred = false;
        enter(stream);
        serve_deferred(stream);
        leave(stream);
    }
}

static void on_linger(void *arg)
{
    struct mc_stream *stream = arg;
    enter(stream);
    mc_stream_end(stream, MC_STREAM_CLOSED, "");
    leave(stream);
}

/* The owner's calls */

struct mc_stream *mc_stream_connect(struct mc_net *net, const struct sockaddr *address,
                                    socklen_t address_len, const struct mc_stream_events *events,
                                    void *owner)
{
    struct mc_stream *stream = mc_pool_get(&net->streams);
    *stream = (struct mc_stream){.net = net, .events = events, .owner = owner};
    mc_timer_init(&stream->linger, net->loop, on_linger, stream);
    net->open++;
    if (net->origin->has_proxy) {
        const struct mc_socks5_proxy *proxy = &net->origin->proxy;
        stream->socks5 = mc_malloc(sizeof *stream->socks5);
        mc_socks5_start(stream->socks5, proxy, address, &stream->out);
        address = (const struct sockaddr *)&proxy->address;
        address_len = proxy->address_len;
    }
    stream->family = address->sa_family;
    stream->error = mc_origin_connect(net->origin, address, address_len, &stream->fd);
    if (stream->error)
        mc_stream_defer(stream);
    else
        mc_watch_start(&stream->watch, net->loop, stream->fd,
                       MC_WATCH_READ | MC_WATCH_WRITE | MC_WATCH_EDGE, on_ready, stream);
    return stream;
}

void mc_stream_write(struct mc_stream *stream, const char *bytes, size_t len)
{
    if (stream->state == DEAD)
        return;
    MC_ASSERT(stream->state == UP || stream->state == SECURE);
    MC_ASSERT(!stream->finishing);
    if (stream->state == UP) {
        mc_stream_send_bytes(stream, mc_span(bytes, len));
        return;
    }
    if (!mc_tls_write(stream->tls, mc_span(bytes, len)) && !stream->error) {
        stream->error = EPROTO;
        mc_stream_defer(stream);
    }
    mc_stream_send_tls(stream);
}

void mc_stream_start_tls(struct mc_stream *stream, const char *host)
{
    struct mc_net *net = stream->net;
    if (stream->state == DEAD)
        return;
    MC_ASSERT(stream->state == UP && !stream->finishing);
    stream->state = SHAKING;
    if (!net->tls)
        net->tls = mc_tls_context_new();
    if (!net->plain)
        net->plain = mc_malloc(PLAIN_SIZE);
    stream->tls = net->tls ? mc_tls_new(net->tls, host) : NULL;
    if (!stream->tls || mc_tls_shake(stream->tls) != MC_TLS_MORE) {
        stream->tls_failed = true;
        mc_stream_defer(stream);
        return;
    }
    mc_stream_send_tls(stream);
}

const char *mc_stream_local_address(struct mc_stream *stream)
{
    if (!stream->local && stream->fd >= 0)
        stream->local = mc_origin_of(stream->fd);
    return stream->local ? stream->local : "";
}

void mc_stream_finish(struct mc_stream *stream, const char *last, size_t len, bool first,
                      uint32_t linger_ms)
{
    bool halves = stream->state == UP && !stream->net->origin->has_proxy && !unsent(stream);
    MC_ASSERT(!stream->finishing);
    if (stream->state == UP || stream->state == SECURE) {
        if (first && len && halves && !stream->error)
            send_and_shut(stream, mc_span(last, len));
        else
            mc_stream_write(stream, last, len);
        mc_timer_set(&stream->linger, mc_loop_now_ms(stream->net->loop) + linger_ms);
    } else {
        die(stream);
        stream->untold = true;
        mc_stream_defer(stream);
    }
    stream->finishing = true;
}

/* A descriptor closed with unread input sends a reset, which may overtake what we said last. */
static void drain(int fd)
{
    char unread[4096];
    for (int round = 0; round < ROUNDS; round++)
        if (recv(fd, unread, sizeof unread, 0) < (ssize_t)sizeof unread)
            return;
}

void mc_stream_close(struct mc_stream *stream)
{
    if (!stream)
        return;
    MC_ASSERT(!stream->closed);
    stream->closed = true;
    if (stream->state == UP || stream->state == SECURE) {
        if (stream->tls) {
            mc_tls_shut(stream->tls);
            mc_stream_send_tls(stream);
        }
        mc_stream_flush(stream);
        drain(stream->fd);
    }
    die(stream);
    if (!stream->busy && !stream->deferred)
        release(stream);
}
