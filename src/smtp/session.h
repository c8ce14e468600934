/* One dialogue on one connection: bytes to replies to events, an absolute deadline for whatever is
 * awaited, the polite end. Knows no routes and no other sessions; what it needs from above (more
 * recipients, what becomes of answers) it asks through events. */
#ifndef MC_SMTP_SESSION_H
#define MC_SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "smtp/dialogue.h"
#include "smtp/doubts.h"
#include "smtp/failure.h"
#include "smtp/ruling_memo.h"

struct mc_session;

/* All come from the loop, but `ended` also from mc_session_stop. */
struct mc_session_events {
    /* The TCP connection is up. */
    void (*connected)(struct mc_session *session);
    /* EHLO or HELO was answered well: dialogue.habits and its capabilities are known. */
    void (*welcome)(struct mc_session *session);
    /* Put recipients into dialogue.batch and limits into dialogue.limits for the next window. */
    void (*fill)(struct mc_session *session);
    /* This item is answered for good. */
    void (*answered)(struct mc_session *session, const struct mc_batch_item *item,
                     const struct mc_reply *reply, const struct mc_ruling *ruling);
    /* This reply speaks against the session as a whole. */
    void (*against)(struct mc_session *session, enum mc_stage stage, const struct mc_reply *reply,
                    const struct mc_ruling *ruling);
    /* Nothing more is asked. `why`: what happened where no reply ended it, else NULL. */
    void (*ended)(struct mc_session *session, const char *why);
    /* The server's name, valid until the next turn of the loop; for SNI. */
    const char *(*name)(const struct mc_session *session);
    /* The connection is gone. To be freed with mc_session_free, but not inside this call. */
    void (*gone)(struct mc_session *session);
};

/* What all sessions of a run share. Made once; {0} plus the borrowed fields. */
struct mc_session_common {
    struct mc_loop *loop;
    struct mc_net *net;
    const struct mc_session_events *events;
    struct mc_dialogue_names names;
    uint32_t connect_timeout_ms, reply_timeout_ms, linger_ms;
    void (*trace)(void *arg, const char *line); /* may be NULL */
    void *trace_arg;
    void *arg;
    struct mc_reader
        *readers; /* for replies in the making; most sessions need none between reads */
    struct mc_pool sessions;
    struct mc_text out, line; /* scratch */
    struct mc_ruling_memo memo;
    uint32_t secure;                   /* sessions that have said STARTTLS: each needs 50 KB */
    struct mc_session *secure_waiting; /* and those that may not yet, the first one first */
};

/* Sessions in TLS at once. */
#define MC_SESSION_SECURE_MAX 100

/* What the server is to the domains that share a set of MX hosts. */
struct mc_session_role {
    uint32_t set, host; /* the set, or MC_NONE: not looked up yet; which of its hosts */
    bool backup;
};

struct mc_session {
    struct mc_session_common *common;
    /* the owner's, set after mc_session_open */
    struct mc_session *next, *previous;
    uint32_t route, peer;
    uint32_t host;               /* MX host, or MC_NONE */
    struct mc_session_role role; /* as it was looked up last */
    char *label;                 /* for trace; freed with the session */
    const char *provider;        /* id, "" where there is none */
    struct mc_failure *blame;    /* the reply that spoke against it; freed with the session */
    struct mc_doubts doubts;
    uint32_t wordless;                /* answers in a row that blame us without a word ... */
    struct mc_failure *wordless_last; /* ... and the last one; freed with the session */
    uint32_t charged;                 /* recipients that its server's pace was charged with */
    bool closes_first;                /* with its QUIT; else when the server does */

    struct mc_stream *stream;
    struct mc_dialogue dialogue;
    struct mc_reader *reader; /* holds the beginning of a reply, or NULL */
    struct mc_timer timer;
    int64_t timer_ms, deadline_ms;  /* when it is set to fire; when it should (never earlier) */
    int64_t opened_ms, latest_ms;   /* and when the whole session must be over */
    enum mc_stream_failure failure; /* of a connect */
    bool connected, timed_out;      /* timed_out: the connect */
    uint64_t wording;               /* of the last reply that was ruled on (ruling_memo.h) */
    bool speak;                     /* mc_dialogue_go is due */
    bool surplus;                   /* more input stands behind the reply being served */
    bool stopping, over;
    bool secure, secure_waits; /* counted in common->secure; in common->secure_waiting */
    struct mc_session *secure_next;
};

/* Opens a connection for what is in `batch`, which is empty then. */
struct mc_session *mc_session_open(struct mc_session_common *common, const struct sockaddr *address,
                                   socklen_t address_len, const struct mc_habits *habits,
                                   struct mc_batch *batch);

/* No new command but QUIT; ends within half a second. */
void mc_session_stop(struct mc_session *session);

/* Closes what is open; no event comes. */
void mc_session_free(struct mc_session *session);

void mc_session_common_free(struct mc_session_common *common);

#endif
