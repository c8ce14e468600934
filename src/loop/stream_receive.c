/* What comes in on a stream: from the descriptor through proxy and TLS to the owner. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "loop/stream_private.h"

void mc_stream_came_up(struct mc_stream *stream)
{
    stream->state = UP;
    if (stream->socks5) {
        stream->state = PROXY;
        mc_stream_flush(stream);
        return;
    }
    stream->events->connected(stream->owner);
}

static void take_proxy(struct mc_stream *stream, struct mc_span *bytes)
{
    struct mc_text out = {0};
    const char *why = NULL;
    enum mc_socks5_status status = mc_socks5_feed(stream->socks5, bytes, &out, &why);
    mc_stream_send_bytes(stream, mc_text_span(&out));
    mc_text_free(&out);
    switch (status) {
    case MC_SOCKS5_MORE:
        return;
    case MC_SOCKS5_DONE:
        free(stream->socks5);
        stream->socks5 = NULL;
        mc_stream_came_up(stream);
        return;
    case MC_SOCKS5_REFUSED:
        mc_stream_end(stream, MC_STREAM_REFUSED, why);
        return;
    case MC_SOCKS5_UNREACHABLE:
        mc_stream_end(stream, MC_STREAM_UNREACHABLE, why);
        return;
    case MC_SOCKS5_FAILED:
        mc_stream_end(stream, MC_STREAM_PROXY, why);
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
            mc_stream_send_tls(stream);
            mc_stream_end(stream, MC_STREAM_TLS, net->why);
        } else if (status == MC_TLS_CLOSED) {
            /* some wait for our good-bye before they close */
            mc_tls_shut(stream->tls);
            mc_stream_send_tls(stream);
            if (!stream->finishing)
                mc_stream_end(stream, MC_STREAM_CLOSED, "closed by the other side");
            return;
        } else if (status == MC_TLS_MORE) {
            mc_stream_send_tls(stream);
            return;
        }
    }
}

static void take_shaking(struct mc_stream *stream)
{
    struct mc_net *net = stream->net;
    enum mc_tls_status status = mc_tls_shake(stream->tls);
    mc_stream_send_tls(stream);
    if (status == MC_TLS_MORE)
        return;
    if (status != MC_TLS_OK) {
        snprintf(net->why, sizeof net->why, "TLS handshake: %s", mc_tls_why(stream->tls));
        mc_stream_end(stream, MC_STREAM_TLS, net->why);
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

void mc_stream_receive(struct mc_stream *stream, bool hangup)
{
    struct mc_net *net = stream->net;
    stream->more = false;
    for (int round = 0; round < ROUNDS && stream->state != DEAD; round++) {
        ssize_t len = recv(stream->fd, net->received, RECEIVE_SIZE, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno != EAGAIN) {
            mc_stream_lost(stream, errno);
            return;
        }
        if (stream->state == CONNECTING)
            mc_stream_came_up(stream);
        if (len < 0 || stream->state == DEAD)
            return;
        if (len > 0)
            take(stream, mc_span(net->received, (size_t)len));
        if (stream->state == DEAD)
            return;
        /* what a finishing stream misses behind an end in sight matters to nobody */
        if (len == 0 || (stream->finishing && hangup && len < RECEIVE_SIZE)) {
            mc_stream_lost(stream, stream->error);
            return;
        }
        if (len < RECEIVE_SIZE && !hangup)
            return;
    }
    if (stream->state != DEAD) {
        stream->more = true;
        mc_stream_defer(stream);
    }
}
