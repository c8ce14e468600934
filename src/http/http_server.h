/* HTTP/1.1 on the loop, fit to stand in the open: requests in, replies out. Owns sockets, limits
 * and deadlines; knows nothing of addresses or verdicts.
 *
 * What it guards against. A request, headers and body, must be complete `receive_ms` after its
 * first byte, however it trickles in; a reply must be taken within the same time; a connection
 * between requests is closed after `idle_ms`. At `connections_max` the connection that has been
 * idle longest makes room, then the one whose request has been arriving longest. Requests under way
 * share MC_HTTP_BODIES_MAX, replies that are not taken MC_HTTP_REPLIES_MAX: beyond that the oldest
 * makes room again. A connection costs about 300 bytes while nothing happens on it.
 *
 * Why not evhttp, whose loop this is: libevent 2.1.12 shows a connection to its owner only with its
 * first whole request. What never completes one can be neither counted nor timed: no cap, no total
 * deadline, and its timeouts start anew with each byte. So the sockets are ours, and libhttp-parser
 * reads the grammar. */
#ifndef MC_HTTP_HTTP_SERVER_H
#define MC_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/request.h"
#include "loop/loop.h"

#define MC_HTTP_BODIES_MAX (64 * 1024 * 1024) /* bytes of unfinished requests, all told */
#define MC_HTTP_REPLIES_MAX                                                                        \
    (64 * 1024 * 1024) /* of replies that did not fit into their sockets                           \
                        */

struct mc_http_server;

/* One request that waits for its reply: a connection, really. Valid until the reply, even where the
 * client has gone away meanwhile. */
struct mc_http_exchange;

/* The other end of a connection. */
struct mc_http_peer {
    uint8_t family; /* 4, 6 (IPv4 in IPv6 is 4), 0: none (a Unix socket) */
    uint8_t octets[16];
};

struct mc_http_options {
    void *arg;
    /* A complete request, lent until the reply, its body during the call only. Must lead to one
     * mc_http_reply, now or later. */
    void (*handle)(void *arg, struct mc_http_exchange *exchange,
                   const struct mc_http_request *request);
    /* A request that was refused before it was complete; for the counts. May be NULL. */
    void (*refused)(void *arg, int status);
    size_t connections_max;
    uint32_t receive_ms, idle_ms;
};

struct mc_http_server *mc_http_server_new(struct mc_loop *loop,
                                          const struct mc_http_options *options);
/* Closes everything; nobody is called. */
void mc_http_server_free(struct mc_http_server *server);

/* Accepts on this listening socket, which it takes over. */
void mc_http_server_listen(struct mc_http_server *server, int fd);
/* Accepts no more; connections between requests are closed, the others with their reply. */
void mc_http_server_drain(struct mc_http_server *server);

struct mc_http_counts {
    size_t open, idle, receiving, working;
    uint64_t accepted, evicted, timed_out;
};
void mc_http_server_count(const struct mc_http_server *server, struct mc_http_counts *counts);

const struct mc_http_peer *mc_http_exchange_peer(const struct mc_http_exchange *exchange);
struct mc_http_reply {
    int status;
    const char *type;    /* Content-Type; NULL: no body */
    struct mc_span head; /* further header lines, each with its CRLF */
    struct mc_span body;
    bool body_is_left_out; /* HEAD */
};
/* The exchange is over. Copies. */
void mc_http_reply(struct mc_http_exchange *exchange, const struct mc_http_reply *reply);

#endif
