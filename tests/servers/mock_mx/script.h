/* What each scripted mail server does: read once from a file, constant afterwards.
 *
 * One line a server, tab-separated: `server ADDRESS key=value key=value ...`; one line a mailbox:
 * `mailbox ADDRESS KIND`. The keys are in script.c, the named sets of them (greylisting, tarpit...)
 * in tests/world/personalities.tsv. Knows nothing of sockets.
 */
#ifndef MOCK_MX_SCRIPT_H
#define MOCK_MX_SCRIPT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum stage {
    AT_BANNER,
    AT_EHLO,
    AT_HELO,
    AT_STARTTLS,
    AT_MAIL,
    AT_RCPT,
    AT_RSET,
    AT_QUIT,
    AT_OTHER,
    STAGE_COUNT
};

enum action {
    DO_REPLY,   /* this text instead of the normal one */
    DO_BYE,     /* this text, then close */
    DO_CLOSE,   /* close without a word */
    DO_SILENT,  /* never answer again */
    DO_GARBAGE, /* bytes that are no reply, then go on as if it had been one */
    DO_ENDLESS, /* a line without an end */
    DO_GIANT,   /* a reply of `number` lines */
    DO_DRIP,    /* the normal reply, a byte each `number` ms */
    DO_WAIT,    /* the normal reply, `number` ms late */
};

/* `fault=STAGE[/AFTER[/SESSIONS]] ACTION [TEXT]` */
struct fault {
    enum stage stage;
    enum action action;
    unsigned after;    /* from this occurrence in a session on, 1: the first */
    unsigned sessions; /* only in the first so many sessions, 0: in all */
    long number;
    const char *text;
};

struct kind {
    const char *name;
    const char *text;
};

/* A local part that begins with `prefix` is of this kind, unless a mailbox line says otherwise. */
struct rule {
    const char *prefix;
    const char *kind;
};

enum tls_mode { TLS_NONE, TLS_OFFER, TLS_REQUIRE };
enum pipelining_mode { PIPE_NO, PIPE_YES, PIPE_DROPS, PIPE_CLOSES };

enum { FAULT_MAX = 8, KIND_MAX = 24, RULE_MAX = 16 };

struct server {
    struct sockaddr_storage address;
    socklen_t address_len;
    char address_text[INET6_ADDRSTRLEN];
    uint16_t port;
    const char *name;
    const char *extensions; /* comma-separated, beside those the other keys imply */
    const char *served;     /* ",a.example,b.example,", NULL: every domain */
    const char *others;     /* kind of a mailbox nobody described */
    enum pipelining_mode pipelining;
    enum tls_mode tls;
    bool helo_only;
    bool smtputf8;
    bool greylist_all;   /* unknown recipients too */
    bool blackhole;      /* swallows SYNs */
    bool punish_early;   /* 554 to whoever talks before the greeting is complete */
    bool punish_unasked; /* 554 to whoever pipelines without leave */
    long banner_gap_ms;  /* between the lines of the greeting */
    long delay_ms;       /* each reply comes so much later, a batch in one go */
    long drip_ms;        /* each byte of each reply */
    long greylist_ms, greylist_tries;
    long max_rcpt, session_rcpt, hard_errors, max_connections, rate, rate_ms;
    struct fault faults[FAULT_MAX];
    size_t fault_count;
    struct kind kinds[KIND_MAX];
    size_t kind_count;
    struct rule rules[RULE_MAX];
    size_t rule_count;

    /* what happens; the network's */
    int listener;
    unsigned sessions, open, peak, rate_used;
    int64_t rate_from_ms;
    unsigned long recipients;
};

struct script {
    struct server *servers;
    size_t server_count;
    struct mailbox_map *mailboxes; /* address -> its kind, as a pointer */
    char *text;
    uint16_t control_port; /* on 127.0.0.1, 0: none */
};

/* A set of 64-bit keys with two numbers each; also the greylist. */
struct mailbox_map;
struct mailbox_map *map_new(void);
void map_clear(struct mailbox_map *map);
/* The two numbers of the key, zero where it is new. Valid until the next call. */
int64_t *map_at(struct mailbox_map *map, uint64_t key);
/* NULL where the key is not in it. */
const int64_t *map_get(const struct mailbox_map *map, uint64_t key);
uint64_t hash_text(const char *text, uint64_t seed);

/* Exits with a message that names the line where the file cannot be used. */
void script_read(struct script *script, const char *path);

/* NULL: the server has no text for it. */
const char *server_text(const struct server *server, const char *kind);
const char *server_kind_of(const struct server *server, const struct mailbox_map *mailboxes,
                           const char *address);
bool server_serves(const struct server *server, const char *domain);

#endif
