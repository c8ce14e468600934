#include "loop/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "loop/origin.h"
#include "loop/socks5.h"
#include "loop/tls.h"

enum {
    RECEIVE_SIZE = 65536,
    PLAIN_SIZE = 16384, /* the most that one TLS record holds */
    OWNER_SIZE = 448,   /* of a session; a hint */
    ROUNDS = 8,         /* receives a turn, so that a firehose does not starve the others */
};

struct mc_net {
    struct mc_loop *loop;
    struct mc_origin *origin;
    struct mc_tls_context *tls; /* made when first needed */
    char *received, *plain;     /* each valid during one delivery */
    size_t open;
    struct mc_pool streams;
    struct mc_stream *deferred, **deferred_last;
    struct mc_timer deferred_timer;
    char why[160];
};

enum state {
    CONNECTING, /* the kernel is; waits for the descriptor to become writable */
    PROXY,      /* SOCKS5; waits for the proxy's replies */
    UP,         /* the owner speaks */
    SHAKING,    /* TLS handshake; waits for the peer's part of it */
    SECURE,     /* the owner speaks through TLS */
    DEAD,       /* the descriptor is closed; waits for mc_stream_close */
};

struct mc_stream {
    struct mc_net *net;
    const struct mc_stream_events *events;
    void *owner;
    struct mc_watch watch;
    struct mc_timer linger;
    struct mc_stream *next_deferred;
    struct mc_text out; /* what the socket did not take; `out_at` bytes of it are gone by now */
    size_t out_at;
    struct mc_socks5 *socks5;
    struct mc_tls *tls;
    char *local;
    int fd, error; /* error: an errno that is still to be told */
    sa_family_t family;
    uint8_t state; /* enum state */
    bool finishing, closed;
    bool busy, deferred; /* on the stack or in the list: not to be freed yet */
    bool more;           /* there may be more to receive, the rounds of that turn were used up */
    bool untold;         /* it was over before mc_stream_finish; `finished` is still to come */
    bool tls_failed;     /* before the handshake could begin */
    bool unanswered;     /* something was sent and nothing came since */
    bool no_delay;       /* TCP_NODELAY is set */
};

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

/* Failures. All end in end(), all come from the loop: what goes wrong inside a call of the owner's
 * is put into the list of deferred streams first. */

static void defer(struct mc_stream *stream)
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

static void end(struct mc_stream *stream, enum mc_stream_failure failure, const char *why)
{
    die(stream);
    if (stream->finishing)
        stream->events->finished(stream->owner);
    else
        stream->events->failed(stream->owner, failure, why);
}

/* The descriptor has failed with this errno, or ended with 0. */
static void lost(struct mc_stream *stream, int error)
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
        end(stream, MC_STREAM_PROXY, net->why);
        return;
    case SHAKING:
        snprintf(net->why, sizeof net->why, "TLS handshake: %s", why);
        end(stream, MC_STREAM_TLS, net->why);
        return;
    case UP:
    case SECURE:
        break;
    case DEAD:
        return;
    }
    end(stream, failure, why);
}

/* Sending */

static size_t unsent(const struct mc_stream *stream)
{
    return stream->out.len - stream->out_at;
}

/* Gives the socket what it takes; the number of bytes, errors are told later. */
static size_t offer(struct mc_stream *stream, struct mc_span bytes)
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
        ssize_t sent = send(stream->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent >= 0)
            return (size_t)sent;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            stream->error = errno;
            defer(stream);
        }
        return 0;
    }
}

static void flush(struct mc_stream *stream)
{
    if (!unsent(stream) || stream->error)
        return;
    stream->out_at += offer(stream, mc_span(stream->out.at + stream->out_at, unsent(stream)));
    if (!unsent(stream)) {
        mc_text_free(&stream->out);
        stream->out_at = 0;
    }
}

static void send_bytes(struct mc_stream *stream, struct mc_span bytes)
{
    if (stream->error || !bytes.len)
        return;
    size_t sent = unsent(stream) ? 0 : offer(stream, bytes);
    mc_text_add(&stream->out, bytes.at + sent, bytes.len - sent);
}

static void send_tls(struct mc_stream *stream)
{
    send_bytes(stream, mc_tls_pending(stream->tls));
    mc_tls_sent(stream->tls);
}

/* Receiving */

static void came_up(struct mc_stream *stream)
{
    stream->state = UP;
    if (stream->socks5) {
        stream->state = PROXY;
        flush(stream);
        return;
    }
    stream->events->connected(stream->owner);
}

static void take_proxy(struct mc_stream *stream, struct mc_span *bytes)
{
    struct mc_text out = {0};
    const char *why = NULL;
    enum mc_socks5_status status = mc_socks5_feed(stream->socks5, bytes, &out, &why);
    send_bytes(stream, mc_text_span(&out));
    mc_text_free(&out);
    switch (status) {
    case MC_SOCKS5_MORE:
        return;
    case MC_SOCKS5_DONE:
        free(stream->socks5);
        stream->socks5 = NULL;
        came_up(stream);
        return;
    case MC_SOCKS5_REFUSED:
        end(stream, MC_STREAM_REFUSED, why);
        return;
    case MC_SOCKS5_UNREACHABLE:
        end(stream, MC_STREAM_UNREACHABLE, why);
        return;
    case MC_SOCKS5_FAILED:
        end(stream, MC_STREAM_PROXY, why);
        return;
    }
}

static void take_secure(struct mc_stream *stream)
{
    struct mc_net *net = stream->net;
    size_t len;
    while (stream->state == SECURE) {
        enum mc_tls_status status = mc_tls_read(stream->tls, net->plain, PLAIN_SIZE, &len);
        if (status == MC_TLS_OK && !stream->finishing) {
            stream->events->received(stream->owner, net->plain, len);
        } else if (status == MC_TLS_FAILED) {
            snprintf(net->why, sizeof net->why, "TLS: %s", mc_tls_why(stream->tls));
            send_tls(stream);
            end(stream, MC_STREAM_TLS, net->why);
        } else if (status == MC_TLS_CLOSED) {
            /* some wait for our good-bye before they close */
            mc_tls_shut(stream->tls);
            send_tls(stream);
            if (!stream->finishing)
                end(stream, MC_STREAM_CLOSED, "closed by the other side");
            return;
        } else if (status == MC_TLS_MORE) {
            send_tls(stream);
            return;
        }
    }
}

static void take_shaking(struct mc_stream *stream)
{
    struct mc_net *net = stream->net;
    enum mc_tls_status status = mc_tls_shake(stream->tls);
    send_tls(stream);
    if (status == MC_TLS_MORE)
        return;
    if (status != MC_TLS_OK) {
        snprintf(net->why, sizeof net->why, "TLS handshake: %s", mc_tls_why(stream->tls));
        end(stream, MC_STREAM_TLS, net->why);
        return;
    }
    stream->state = SECURE;
    stream->events->tls_up(stream->owner);
    take_secure(stream);
}

static void take(struct mc_stream *stream, struct mc_span bytes)
{
    stream->unanswered = false;
    if (stream->state == PROXY)
        take_proxy(stream, &bytes);
    if (!bytes.len)
        return;
    switch ((enum state)stream->state) {
    case UP:
        if (!stream->finishing)
            stream->events->received(stream->owner, bytes.at, bytes.len);
        return;
    case SHAKING:
        mc_tls_put(stream->tls, bytes);
        take_shaking(stream);
        return;
    case SECURE:
        mc_tls_put(stream->tls, bytes);
        take_secure(stream);
        return;
    case CONNECTING:
    case PROXY:
    case DEAD:
        return;
    }
}

/* Receives until nothing is left, which a short read proves unless `hangup`: then an end of file
 * or an error waits behind the bytes. */
static void receive(struct mc_stream *stream, bool hangup)
{
    struct mc_net *net = stream->net;
    stream->more = false;
    for (int round = 0; round < ROUNDS && stream->state != DEAD; round++) {
        ssize_t len = recv(stream->fd, net->received, RECEIVE_SIZE, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno != EAGAIN) {
            lost(stream, errno);
            return;
        }
        if (stream->state == CONNECTING)
            came_up(stream);
        if (len < 0 || stream->state == DEAD)
            return;
        if (len > 0)
            take(stream, mc_span(net->received, (size_t)len));
        if (stream->state == DEAD)
            return;
        /* what a finishing stream misses behind an end in sight matters to nobody */
        if (len == 0 || (stream->finishing && hangup && len < RECEIVE_SIZE)) {
            lost(stream, stream->error);
            return;
        }
        if (len < RECEIVE_SIZE && !hangup)
            return;
    }
    if (stream->state != DEAD) {
        stream->more = true;
        defer(stream);
    }
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
        came_up(stream);
    if (stream->state != DEAD && what & (MC_WATCH_READ | MC_WATCH_HANGUP))
        receive(stream, what & MC_WATCH_HANGUP);
    if (stream->state != DEAD && what & MC_WATCH_WRITE)
        flush(stream);
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
        lost(stream, stream->error);
        return;
    }
    if (stream->tls_failed) {
        end(stream, MC_STREAM_TLS, "TLS cannot be set up on this host");
        return;
    }
    if (stream->state != DEAD && (stream->more || stream->error))
        receive(stream, true);
    if (stream->state != DEAD && stream->error)
        lost(stream, stream->error);
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
    end(stream, MC_STREAM_CLOSED, "");
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
        defer(stream);
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
        send_bytes(stream, mc_span(bytes, len));
        return;
    }
    if (!mc_tls_write(stream->tls, mc_span(bytes, len)) && !stream->error) {
        stream->error = EPROTO;
        defer(stream);
    }
    send_tls(stream);
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
        defer(stream);
        return;
    }
    send_tls(stream);
}

const char *mc_stream_local_address(struct mc_stream *stream)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    const struct sockaddr_in *v4 = (void *)&address;
    const struct sockaddr_in6 *v6 = (void *)&address;
    if (stream->local)
        return stream->local;
    if (stream->fd < 0 || getsockname(stream->fd, (struct sockaddr *)&address, &len) != 0)
        return "";
    stream->local = mc_calloc(1, INET6_ADDRSTRLEN);
    inet_ntop(address.ss_family,
              address.ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr,
              stream->local, INET6_ADDRSTRLEN);
    return stream->local;
}

void mc_stream_finish(struct mc_stream *stream, const char *last, size_t len, uint32_t linger_ms)
{
    MC_ASSERT(!stream->finishing);
    if (stream->state == UP || stream->state == SECURE) {
        mc_stream_write(stream, last, len);
        mc_timer_set(&stream->linger, mc_loop_now_ms(stream->net->loop) + linger_ms);
    } else {
        die(stream);
        stream->untold = true;
        defer(stream);
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
            send_tls(stream);
        }
        flush(stream);
        drain(stream->fd);
    }
    die(stream);
    if (!stream->busy && !stream->deferred)
        release(stream);
}
