/* What the two halves of a stream share: stream.c connects, sends and ends, stream_receive.c takes
 * what comes in through its layers (proxy, TLS). For these two files alone. */
#ifndef MC_LOOP_STREAM_PRIVATE_H
#define MC_LOOP_STREAM_PRIVATE_H

#include "base/memory.h"
#include "base/text.h"
#include "loop/origin.h"
#include "loop/socks5.h"
#include "loop/stream.h"
#include "loop/tls.h"

enum {
    RECEIVE_SIZE = 65536,
    PLAIN_SIZE = 16384, /* the most that one TLS record holds */
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

/* Serves it once this turn's calls have returned: what goes wrong inside a call of the owner's. */
void mc_stream_defer(struct mc_stream *stream);

/* It is over, for this reason; the owner is told. */
void mc_stream_end(struct mc_stream *stream, enum mc_stream_failure failure, const char *why);

/* The descriptor has failed with this errno, or ended with 0. */
void mc_stream_lost(struct mc_stream *stream, int error);

void mc_stream_flush(struct mc_stream *stream);
void mc_stream_send_bytes(struct mc_stream *stream, struct mc_span bytes);
void mc_stream_send_tls(struct mc_stream *stream);

/* The descriptor is connected: to the peer, or to the proxy. */
void mc_stream_came_up(struct mc_stream *stream);

/* Receives until nothing is left, which a short read proves unless `hangup`: then an end of file
 * or an error waits behind the bytes. */
void mc_stream_receive(struct mc_stream *stream, bool hangup);

#endif
