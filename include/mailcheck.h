/* mailcheck.h - is this email address worth mailing?
 *
 * The library behind mailcheck(1). It checks an address in four stages
 * (syntax, MX lookup, SMTP RCPT probe, lists) and says what it found and how it knows.
 *
 * How to use it: fill a struct mailcheck_options with mailcheck_options_init(), make a
 * context with mailcheck_new(), hand over addresses with mailcheck_submit(), and call
 * mailcheck_run() until mailcheck_idle(). That is all a program needs that does nothing else
 * meanwhile (check.c among the examples). One that has an event loop of its own waits there for
 * mailcheck_fd() and mailcheck_timeout_ms() (poll_loop.c), or, where that loop is libevent's, makes
 * the context with mailcheck_new_on_base() of mailcheck_event.h (libevent_loop.c).
 *
 * Callbacks: each address submitted gets exactly one, unless mailcheck_cancel() said true. It comes
 * from inside mailcheck_run() or mailcheck_free() (or the caller's libevent base), never from
 * inside mailcheck_submit(), mailcheck_cancel() or mailcheck_stop(). A callback may call those
 * three, mailcheck_idle() and the pure helpers; it must not call mailcheck_run() or
 * mailcheck_free().
 *
 * Threads: nothing here is thread-safe. A context is used from one thread at a time; two contexts
 * know nothing of each other and may live in two threads. No thread is started, no signal handler
 * installed. Ignore SIGPIPE, as any program with sockets does: c-ares does not guard against it.
 *
 * Memory and ownership: strings in are length-counted bytes, copied; strings out are NUL-terminated
 * UTF-8, lent until the callback returns. A context remembers the verdicts it gave for as long as
 * it lives (an address is asked once), some 70 bytes each; make a new one now and then where that
 * matters. When there is no memory the library prints a line to stderr and exits with 1.
 *
 * Errors: mailcheck_new() says in a sentence what is wrong with the options. After that there are
 * no errors, only verdicts: what could not be found out is MAILCHECK_UNKNOWN with a reason.
 * NULL for a context is allowed in mailcheck_free() alone; breaking a rule of this header aborts.
 *
 * Units: durations are milliseconds, times seconds since 1970 (UTC), sizes bytes.
 *
 * Versions: symbols are versioned MAILCHECK_0. Structures grow at their end only; `size` in the
 * options says which one the caller was compiled with. Everything here is since 0.1.
 */
#ifndef MAILCHECK_H
#define MAILCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAILCHECK_API __attribute__((visibility("default")))

/* What to do with the address. */
enum mailcheck_status {
    MAILCHECK_DELIVERABLE, /* the mailbox took mail for it, and the server tells mailboxes apart */
    MAILCHECK_RISKY,       /* it may arrive; mailing it may cost you */
    MAILCHECK_UNDELIVERABLE, /* there is evidence against this mailbox or its domain */
    MAILCHECK_UNKNOWN,       /* nobody could be asked, or nobody would answer us */
};

/* Why. mailcheck_reason_status() gives the status that goes with each. */
enum mailcheck_reason {
    MAILCHECK_REASON_ACCEPTED,
    MAILCHECK_REASON_SUPPRESSED,
    MAILCHECK_REASON_CATCH_ALL,
    MAILCHECK_REASON_UNPROVEN,
    MAILCHECK_REASON_ROLE,
    MAILCHECK_REASON_DISPOSABLE,
    MAILCHECK_REASON_MAILBOX_FULL,
    MAILCHECK_REASON_INVALID_SYNTAX,
    MAILCHECK_REASON_NO_SUCH_DOMAIN,
    MAILCHECK_REASON_NO_MAIL_SERVER,
    MAILCHECK_REASON_NULL_MX,
    MAILCHECK_REASON_UNROUTABLE_MX,
    MAILCHECK_REASON_NO_SUCH_MAILBOX,
    MAILCHECK_REASON_MAILBOX_DISABLED,
    MAILCHECK_REASON_DOMAIN_NOT_SERVED,
    MAILCHECK_REASON_NO_SMTPUTF8,
    MAILCHECK_REASON_DNS_FAILED,
    MAILCHECK_REASON_CONNECT_FAILED,
    MAILCHECK_REASON_TIMEOUT,
    MAILCHECK_REASON_GREYLISTED,
    MAILCHECK_REASON_BLOCKED,
    MAILCHECK_REASON_TLS_REQUIRED,
    MAILCHECK_REASON_SERVER_ERROR,
    MAILCHECK_REASON_NOT_PROBED,
};

/* What kind of evidence decided. */
enum mailcheck_source {
    MAILCHECK_SOURCE_PROBE,
    MAILCHECK_SOURCE_STORE,
    MAILCHECK_SOURCE_BOUNCE,
    MAILCHECK_SOURCE_DNS,
    MAILCHECK_SOURCE_LIST,
    MAILCHECK_SOURCE_SYNTAX,
};

/* A flag that may not be known. */
enum mailcheck_flag { MAILCHECK_NO = 0, MAILCHECK_YES = 1, MAILCHECK_NOT_KNOWN = -1 };

/* How far to go. */
enum mailcheck_depth {
    MAILCHECK_DEPTH_SYNTAX, /* syntax and lists: no packet leaves */
    MAILCHECK_DEPTH_DNS,    /* and the MX lookup */
    MAILCHECK_DEPTH_SMTP,   /* and the RCPT probe */
};

/* How gently to probe. */
enum mailcheck_pace { MAILCHECK_PACE_DEFAULT, MAILCHECK_PACE_GENTLE, MAILCHECK_PACE_OFF };

/* What the context is to be like; see the options of the same names in mailcheck(1). Strings and
 * arrays are borrowed until mailcheck_new() returns; the functions and their `arg` are called until
 * mailcheck_free() does. */
struct mailcheck_options {
    size_t size; /* set by mailcheck_options_init(); lets the struct grow */
    enum mailcheck_depth depth;
    const char *dns_servers; /* "ADDR[:PORT][,...]"; NULL: the system's resolvers */
    const char *helo;        /* NULL: this host's name */
    const char *mail_from;   /* NULL: postmaster@ the HELO name */
    const char *source_ip;   /* NULL: the system chooses */
    const char *proxy;       /* "socks5://[USER:PASS@]HOST:PORT" or NULL */
    uint16_t smtp_port;
    bool allow_private_mx;
    bool allow_role; /* a role address that is accepted stays deliverable */
    uint32_t dns_timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t reply_timeout_ms;
    const uint32_t *greylist_wait_ms; /* waits before each further try; NULL: none */
    size_t greylist_waits;
    uint32_t concurrency;  /* open connections in all */
    uint32_t per_mx;       /* to one MX address */
    uint32_t per_provider; /* to one provider */
    enum mailcheck_pace pace;
    const char *lists_dir; /* the user's own lists, merged over the bundled ones; or NULL */
    /* The memory between runs, an SQLite file; made where it is missing. NULL: none. */
    const char *store;
    bool store_hashed;         /* a new one keeps keyed hashes instead of addresses */
    uint64_t store_max_age_ms; /* evidence that is older is gathered anew; 0: all is */
    bool oldest_first;         /* of a list, ask last those that were asked last */
    /* One line of news that a person should read (a provider that blocks us, port 25 closed);
     * may be NULL. */
    void (*notice)(void *arg, const char *line);
    void *notice_arg;
    /* Every SMTP line sent and received, with stage and timing; may be NULL. */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
    /* Opens a connection to a mail server (or to the proxy) in place of the library: through a
     * tunnel, from a certain interface, to a server of a test. Returns a stream socket that is
     * non-blocking and connected or being connected, which is the library's from then on; or -1
     * with errno. source_ip is then the hook's business. May be NULL. DNS does not go through it.
     */
    int (*connect)(void *arg, const struct sockaddr *address, socklen_t address_len);
    void *connect_arg;
};

/* One answer. It and its strings are valid during the callback only. Strings are never NULL. */
struct mailcheck_result {
    enum mailcheck_status status;
    enum mailcheck_reason reason;
    enum mailcheck_source source;
    int score; /* 0 to 100, how safe it is to send */
    enum mailcheck_flag role, disposable, free, catch_all;
    const char *email;      /* the address as checked */
    const char *suggestion; /* a likely intended address, or "" */
    const char *provider;   /* "google", ... or "" */
    const char *mx;         /* the MX host that was asked, or would have been, or "" */
    const char *smtp;       /* stage and deciding reply, at most 512 bytes, printable */
    int64_t checked_at;     /* seconds since 1970, when the evidence was gathered */
};

/* A context: sockets, tables, what is under way. Opaque. */
struct mailcheck;

/* An answer. `arg` and `id` are those of mailcheck_submit(); `result` is lent. */
typedef void (*mailcheck_callback)(void *arg, uint64_t id, const struct mailcheck_result *result);

/* Fills in the defaults of mailcheck(1) for `check`: depth SMTP, no store, no greylist waits.
 *
 *  - options: the caller's, overwritten.
 *  - size: sizeof *options; a library that knows more fields leaves the rest alone. */
MAILCHECK_API void mailcheck_options_init(struct mailcheck_options *options, size_t size);

/* Makes a context. Reads /etc/resolv.conf, /etc/hosts and this host's name where the options do not
 * say it; sends nothing yet.
 *
 *  - options: lent for the duration of the call; filled by mailcheck_options_init() first.
 *  - error, error_size: where a sentence is written on failure (NUL-terminated, cut to fit); 256
 *    bytes will do. error_size may be 0.
 *  - Returns a context that belongs to the caller, to be freed with mailcheck_free(), or NULL where
 *    the options make no sense on this host or a file (list, store) cannot be used. That nothing
 *    can be probed from here is no failure: see mailcheck_probe_impossible(). */
MAILCHECK_API struct mailcheck *mailcheck_new(const struct mailcheck_options *options, char *error,
                                              size_t error_size);

/* Frees the context and closes its connections without ceremony (mailcheck_stop() and running on
 * until idle is the polite way). Addresses still under way get their callback first, from inside
 * this call, as MAILCHECK_REASON_NOT_PROBED where nothing better is known. Not to be called from a
 * callback. NULL is fine. */
MAILCHECK_API void mailcheck_free(struct mailcheck *context);

/* Hands over one address.
 *
 *  - address, len: any bytes, copied. What is no address gets its answer like the others, as
 *    MAILCHECK_REASON_INVALID_SYNTAX.
 *  - callback, arg: called once with the answer; callback may not be NULL, arg is the caller's.
 *  - Returns an id, not 0, that no other submission has before this one has had its callback and
 *    for long after. 0 only from a callback of mailcheck_free(), which takes no more: then no
 *    callback comes.
 *
 * The same address may be handed over many times; it is asked once, and each gets its callback. */
MAILCHECK_API uint64_t mailcheck_submit(struct mailcheck *context, const char *address, size_t len,
                                        mailcheck_callback callback, void *arg);

/* The callback of `id` will not come. What is under way for it goes on, as others may wait for it.
 * Returns false, and does nothing, when it already came, has been cancelled, or never was. */
MAILCHECK_API bool mailcheck_cancel(struct mailcheck *context, uint64_t id);

/* Does what there is to do, and waits for it: one turn.
 *
 *  - timeout_ms: how long to wait at most; -1: as long as it takes, 0: not at all. Returns earlier
 *    when anything happened, which need not be an answer: call it in a loop. With every address
 *    answered it never waits. */
MAILCHECK_API void mailcheck_run(struct mailcheck *context, int timeout_ms);

/* For a loop of the caller's own: wait until this descriptor is readable (poll, epoll, select), or
 * mailcheck_timeout_ms() have passed, then call mailcheck_run(context, 0).
 *
 *  - Returns a descriptor that stays the library's and the same for the life of the context. Wait
 *    for it to be readable, level-triggered; neither read nor close it. */
MAILCHECK_API int mailcheck_fd(const struct mailcheck *context);

/* Until when mailcheck_run(context, 0) is due even if mailcheck_fd() is silent, in milliseconds
 * from now; 0: at once, -1: only the descriptor counts. Ask again before each wait: any call on the
 * context may change it. */
MAILCHECK_API int mailcheck_timeout_ms(struct mailcheck *context);

/* Stops probing: what is under way is told goodbye, and each address gets its callback within about
 * a second of running on, as MAILCHECK_REASON_NOT_PROBED where nothing better is known; so do those
 * submitted later. There is no way back. Safe to call again. */
MAILCHECK_API void mailcheck_stop(struct mailcheck *context);

/* True when every address submitted has had its callback or was cancelled. Servers may still be
 * told goodbye then: a program that lives on goes on serving mailcheck_fd(). */
MAILCHECK_API bool mailcheck_idle(const struct mailcheck *context);

/* True when the probe stage could not run from here (no usable HELO name, port 25 closed), as far
 * as is known now; `notice` was told why. False where it was not asked for (depth). */
MAILCHECK_API bool mailcheck_probe_impossible(const struct mailcheck *context);

/* ---- Pure helpers: no context, no I/O, callable from any thread ---- */

/* What an SMTP reply to RCPT TO means, with no other evidence, as `mailcheck classify` says it.
 *
 *  - reply, len: the whole reply with its code, lines joined by "\n"; or, with no code, text alone.
 */
MAILCHECK_API enum mailcheck_reason mailcheck_classify_reply(const char *reply, size_t len);

/* The names that mailcheck(1) prints ("risky", "catch_all", "probe"), and the status that goes with
 * a reason. Static strings, never NULL; the value must be one of its enum. */
MAILCHECK_API const char *mailcheck_status_name(enum mailcheck_status status);
MAILCHECK_API const char *mailcheck_reason_name(enum mailcheck_reason reason);
MAILCHECK_API const char *mailcheck_source_name(enum mailcheck_source source);
MAILCHECK_API enum mailcheck_status mailcheck_reason_status(enum mailcheck_reason reason);

/* The version of the library that is running, such as "0.1.0". Static. */
MAILCHECK_API const char *mailcheck_version(void);

#ifdef __cplusplus
}
#endif
#endif
