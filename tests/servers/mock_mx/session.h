/* One SMTP session of a scripted server: lines in, replies out, and what there is to tell of it.
 *
 * Knows the protocol and the script, but neither sockets nor TLS: the network (mock_mx.c) feeds
 * lines and sends what session_reply() was given.
 */
#ifndef MOCK_MX_SESSION_H
#define MOCK_MX_SESSION_H

#include "script.h"

struct session {
    struct server *server;
    unsigned number; /* of this server, 1: its first */
    char peer[INET6_ADDRSTRLEN];
    char helo[256], sender[320];
    bool greeted_back; /* EHLO or HELO was accepted */
    bool extended;     /* ... EHLO */
    bool tls;
    bool silent;    /* never answers again */
    bool start_tls; /* for the network: a handshake comes after what is queued */
    unsigned seen[STAGE_COUNT];
    unsigned commands, accepted, refused, deferred, errors, transaction_rcpt;
    unsigned unknown; /* recipients refused as unknown */
    /* what a polite client never does, or never forgets */
    bool quit, early, unasked, mail_data, greeted, ended_by_us;
    bool mail_open;
    bool no_greeting; /* what came in its place was none */
};

/* How the network is to send something. */
struct sending {
    long delay_ms; /* after now, and never before what is queued already */
    long drip_ms;  /* a byte at a time */
    bool endless;  /* the text again and again, for ever */
    bool close;    /* then close */
};

/* What a session needs from the network; `connection` is its own business. */
struct connection;
void connection_send(struct connection *connection, const char *text, size_t len,
                     const struct sending *how);
void connection_log_recipient(struct connection *connection, const char *address,
                              const char *reply);

/* What all sessions share. */
struct world {
    struct script script;
    struct mailbox_map *greylist;
    int64_t now_ms;
};

void session_begin(struct session *session, struct connection *connection, struct world *world);
/* One command line without its line end; `more`: bytes of the next one have come with it;
 * `unanswered`: an earlier one still waits for its (slow) reply.
 * Returns false where the rest of what came is to be thrown away. */
bool session_line(struct session *session, struct connection *connection, struct world *world,
                  char *line, bool more, bool unanswered);
/* Bytes came before the greeting was complete. */
void session_early(struct session *session, struct connection *connection);

#endif
