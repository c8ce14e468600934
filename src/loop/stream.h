/* One outgoing TCP connection: connect (from a source address, through a proxy), read, write,
 * start TLS, close. Non-blocking sockets watched by the loop, edge-triggered; no buffering on the
 * way in: bytes go to the owner as they come.
 *
 * Knows no SMTP and has no time-outs but the owner's: the owner sets its own deadline and closes.
 */
#ifndef MC_LOOP_STREAM_H
#define MC_LOOP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"
#include "loop/loop.h"

/* What a whole run shares: proxy, source addresses, one TLS context. */
struct mc_net;

struct mc_net_options {
    const char *source_ip; /* or NULL; its family decides which MX addresses can be reached */
    const char *proxy;     /* socks5://[USER:PASS@]HOST:PORT, HOST an IP address; or NULL */
    /* Opens the sockets in our place: a non-blocking one that connects, or -1 and errno. Or NULL.
     */
    int (*connect)(void *arg, const struct sockaddr *address, socklen_t address_len);
    void *connect_arg;
};

/* NULL and a sentence in `error` where an option makes no sense. */
struct mc_net *mc_net_new(struct mc_loop *loop, const struct mc_net_options *options, char *error,
                          size_t error_size);
void mc_net_free(struct mc_net *net);

enum mc_stream_failure {
    MC_STREAM_REFUSED,     /* the other side, or something near it, said no (RST, ICMP) */
    MC_STREAM_UNREACHABLE, /* no route, no such network: nobody was asked */
    MC_STREAM_OURS,        /* our own trouble: EMFILE, ENOBUFS, EPERM (a local firewall)...: never
                              evidence about anybody */
    MC_STREAM_PROXY,       /* the proxy refused or failed */
    MC_STREAM_CLOSED,      /* end of file after the connection was up */
    MC_STREAM_RESET,       /* reset after the connection was up */
    MC_STREAM_TLS,         /* the TLS handshake failed */
};

struct mc_stream;

/* All come from the loop. The owner may close the stream inside any of them; after that nothing
 * more comes. */
struct mc_stream_events {
    void (*connected)(void *owner);
    /* `len` > 0 bytes, to be consumed at once. */
    void (*received)(void *owner, const char *bytes, size_t len);
    void (*tls_up)(void *owner);
    /* `why`: a sentence, valid during the call. What had arrived before was delivered before. The
     * stream is dead, its descriptor closed; all that is left to do is mc_stream_close. */
    void (*failed)(void *owner, enum mc_stream_failure failure, const char *why);
    /* After mc_stream_finish: the connection is gone, the descriptor closed, the peer may be
     * connected to anew. All that is left to do is mc_stream_close. */
    void (*finished)(void *owner);
};

/* Starts to connect to `address`. Always returns a stream; a failure, even an immediate one,
 * comes as `failed` from the loop. */
struct mc_stream *mc_stream_connect(struct mc_net *net, const struct sockaddr *address,
                                    socklen_t address_len, const struct mc_stream_events *events,
                                    void *owner);

/* Sends what the socket takes and queues the rest; nothing on a dead stream. */
void mc_stream_write(struct mc_stream *stream, const char *bytes, size_t len);

/* Starts a TLS handshake as client (no certificate is verified: RFC 7435). `host` is the SNI name
 * or NULL. Bytes that arrived before it, beyond the reply to STARTTLS, are the owner's to refuse.
 */
void mc_stream_start_tls(struct mc_stream *stream, const char *host);

/* Our own end of the connection as text, "" when not known; valid while the stream is. */
const char *mc_stream_local_address(struct mc_stream *stream);

/* The polite end: writes `last` (a QUIT; may be empty where it is on its way), then waits for the
 * peer to close, at most `linger_ms`; what still arrives is thrown away. `finished` is the only
 * event after this and always comes, failures included. Until then the connection counts as open,
 * as it does for the peer; a peer that closes after it has read QUIT has surely read it.
 *
 * `first`: our half closes with `last`, in the same packet, which is two packets fewer and an
 * eighth of a short session's CPU; the port is then ours to keep for a minute (TIME_WAIT), not the
 * peer's. Without effect in TLS and behind a proxy, which may take the half for the whole. */
void mc_stream_finish(struct mc_stream *stream, const char *last, size_t len, bool first,
                      uint32_t linger_ms);

/* The end: sends what is queued and fits into the socket, closes, and gives up the stream. No
 * event comes after this. NULL is fine. */
void mc_stream_close(struct mc_stream *stream);

/* Connections open or being opened now, those that finish included. */
size_t mc_net_open_streams(const struct mc_net *net);

/* False where our side lacks this family (AF_INET, AF_INET6) altogether: no route to the world and
 * no address but loopback and link-local ones, or a source address of the other family. Nothing is
 * sent; the answer is up to some seconds old. True with a proxy. */
bool mc_net_can_reach(const struct mc_net *net, int family);

#endif
