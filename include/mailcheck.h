/* mailcheck.h - is this email address worth mailing?
 *
 * The library behind mailcheck(1). It checks an address in four stages
 * (syntax, MX lookup, SMTP RCPT probe, lists) and says what it found and how it knows.
 *
 * How to use it: fill a struct mailcheck_options with mailcheck_options_init(), make a
 * context with mailcheck_new(), hand over addresses with mailcheck_submit(), and call
 * mailcheck_run() until mailcheck_idle(). Each address gets exactly one callback, from
 * inside mailcheck_run() or mailcheck_free(), never from inside mailcheck_submit().
 *
 * Nothing here is thread-safe: use a context from one thread. Strings in are length-counted
 * bytes; strings out are NUL-terminated UTF-8 that lives until the callback returns.
 */
#ifndef MAILCHECK_H
#define MAILCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* All durations are milliseconds. Strings are borrowed until mailcheck_new() returns. */
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
};

/* One answer. Valid only during the callback. */
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

struct mailcheck;

/* Borrows `result`. `id` is what mailcheck_submit() returned. */
typedef void (*mailcheck_callback)(void *arg, uint64_t id, const struct mailcheck_result *result);

/* Fills in the defaults of mailcheck(1) for `check`. */
MAILCHECK_API void mailcheck_options_init(struct mailcheck_options *options, size_t size);

/* Makes a context, to be freed with mailcheck_free(). On failure returns NULL and writes a
 * sentence to `error` (at most `error_size` bytes, NUL-terminated). */
MAILCHECK_API struct mailcheck *mailcheck_new(const struct mailcheck_options *options, char *error,
                                              size_t error_size);

/* Frees the context; addresses still under way get their callback first, as
 * MAILCHECK_REASON_NOT_PROBED. NULL is fine. */
MAILCHECK_API void mailcheck_free(struct mailcheck *context);

/* Hands over one address (copied). Returns its id; 0 only from a callback of mailcheck_free(),
 * which takes no more. */
MAILCHECK_API uint64_t mailcheck_submit(struct mailcheck *context, const char *address, size_t len,
                                        mailcheck_callback callback, void *arg);

/* The callback of `id` will not come. Returns false when it already came. */
MAILCHECK_API bool mailcheck_cancel(struct mailcheck *context, uint64_t id);

/* Runs the loop until something happened or `timeout_ms` passed (-1: no limit, 0: do not wait). */
MAILCHECK_API void mailcheck_run(struct mailcheck *context, int timeout_ms);

/* Stops probing: what is under way is told goodbye, and each address gets its callback within about
 * a second of running on, as MAILCHECK_REASON_NOT_PROBED where nothing better is known. */
MAILCHECK_API void mailcheck_stop(struct mailcheck *context);

/* True when every address submitted has had its callback. */
MAILCHECK_API bool mailcheck_idle(const struct mailcheck *context);

/* True when the probe stage could not run from here (no usable HELO name, port 25 closed). */
MAILCHECK_API bool mailcheck_probe_impossible(const struct mailcheck *context);

/* Pure helpers: no context, no I/O. */

/* What an SMTP reply to RCPT TO means. `reply` is the whole reply, lines joined by "\n",
 * with its code. */
MAILCHECK_API enum mailcheck_reason mailcheck_classify_reply(const char *reply, size_t len);

MAILCHECK_API const char *mailcheck_status_name(enum mailcheck_status status);
MAILCHECK_API const char *mailcheck_reason_name(enum mailcheck_reason reason);
MAILCHECK_API const char *mailcheck_source_name(enum mailcheck_source source);
MAILCHECK_API enum mailcheck_status mailcheck_reason_status(enum mailcheck_reason reason);
MAILCHECK_API const char *mailcheck_version(void);

#ifdef __cplusplus
}
#endif
#endif
