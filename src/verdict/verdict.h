/* The contract's table of reasons, once: name, status, score. Pure data.
 *
 * Every other room that needs the name of a reason, its status or its score asks here. This room
 * never decides anything by itself: verdict/classify.h reads replies, the engine weighs evidence.
 */
#ifndef MC_VERDICT_VERDICT_H
#define MC_VERDICT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum mc_status { MC_DELIVERABLE, MC_RISKY, MC_UNDELIVERABLE, MC_UNKNOWN, MC_STATUS_COUNT };

/* name, token, status, score (0 to 100, how safe it is to send) */
#define MC_REASON_TABLE(X)                                                                         \
    X(ACCEPTED, "accepted", DELIVERABLE, 95)                                                       \
    X(SUPPRESSED, "suppressed", RISKY, 0)                                                          \
    X(CATCH_ALL, "catch_all", RISKY, 55)                                                           \
    X(UNPROVEN, "unproven", RISKY, 60)                                                             \
    X(ROLE, "role", RISKY, 65)                                                                     \
    X(DISPOSABLE, "disposable", RISKY, 10)                                                         \
    X(MAILBOX_FULL, "mailbox_full", RISKY, 30)                                                     \
    X(INVALID_SYNTAX, "invalid_syntax", UNDELIVERABLE, 0)                                          \
    X(NO_SUCH_DOMAIN, "no_such_domain", UNDELIVERABLE, 0)                                          \
    X(NO_MAIL_SERVER, "no_mail_server", UNDELIVERABLE, 1)                                          \
    X(NULL_MX, "null_mx", UNDELIVERABLE, 0)                                                        \
    X(UNROUTABLE_MX, "unroutable_mx", UNDELIVERABLE, 1)                                            \
    X(NO_SUCH_MAILBOX, "no_such_mailbox", UNDELIVERABLE, 1)                                        \
    X(MAILBOX_DISABLED, "mailbox_disabled", UNDELIVERABLE, 2)                                      \
    X(DOMAIN_NOT_SERVED, "domain_not_served", UNDELIVERABLE, 2)                                    \
    X(NO_SMTPUTF8, "no_smtputf8", UNDELIVERABLE, 2)                                                \
    X(DNS_FAILED, "dns_failed", UNKNOWN, 20)                                                       \
    X(CONNECT_FAILED, "connect_failed", UNKNOWN, 25)                                               \
    X(TIMEOUT, "timeout", UNKNOWN, 30)                                                             \
    X(GREYLISTED, "greylisted", UNKNOWN, 50)                                                       \
    X(BLOCKED, "blocked", UNKNOWN, 45)                                                             \
    X(TLS_REQUIRED, "tls_required", UNKNOWN, 45)                                                   \
    X(SERVER_ERROR, "server_error", UNKNOWN, 35)                                                   \
    X(NOT_PROBED, "not_probed", UNKNOWN, 40)

enum mc_reason {
#define X(name, token, status, score) MC_REASON_##name,
    MC_REASON_TABLE(X)
#undef X
        MC_REASON_COUNT
};

/* What kind of evidence decided. */
enum mc_source {
    MC_SOURCE_PROBE,
    MC_SOURCE_STORE,
    MC_SOURCE_BOUNCE,
    MC_SOURCE_DNS,
    MC_SOURCE_LIST,
    MC_SOURCE_SYNTAX,
    MC_SOURCE_COUNT
};

/* What keeps a whole run from asking any mail server. */
enum mc_obstacle { MC_OBSTACLE_NONE, MC_OBSTACLE_NAME, MC_OBSTACLE_PORT, MC_OBSTACLE_PROXY };

/* A flag that may not be known. */
enum mc_flag { MC_NO = 0, MC_YES = 1, MC_NOT_KNOWN = -1 };

/* What is new of an address, compared with what was known before this run. */
enum mc_change {
    MC_CHANGE_NONE,
    MC_CHANGE_DEAD,       /* undeliverable now, and was not */
    MC_CHANGE_RECOVERED,  /* was undeliverable, and is not now */
    MC_CHANGE_DISPOSABLE, /* on a disposable list now */
    MC_CHANGE_COUNT
};

/* Names are static, NUL-terminated. */
const char *mc_status_name(enum mc_status status);
const char *mc_reason_name(enum mc_reason reason);
const char *mc_source_name(enum mc_source source);
enum mc_status mc_reason_status(enum mc_reason reason);
int mc_reason_score(enum mc_reason reason);
/* False where the token is none of ours. */
bool mc_reason_by_name(struct mc_span token, enum mc_reason *reason);
bool mc_status_by_name(struct mc_span token, enum mc_status *status);

/* One answer, as writers and reports see it. Spans are borrowed from whoever made it and are
 * valid until that one's next call. */
struct mc_result {
    enum mc_reason reason;
    enum mc_status status; /* mc_reason_status(reason), but `accepted` role under --allow role */
    enum mc_source source;
    enum mc_flag role, disposable, free, catch_all;
    struct mc_span email, suggestion, provider, mx, smtp;
    uint64_t duplicate_of; /* 1-based data row, 0: the first of its kind */
    int64_t checked_at;    /* seconds since 1970 */
    enum mc_change change;
    unsigned nights_unknown; /* running, tonight included; 0: it is not, or nothing is remembered */
};

/* The answer to a cell that is no address: `email` is what stands there, trimmed, and stays the
 * caller's. */
struct mc_result mc_result_of_no_address(struct mc_span email, int64_t checked_at);

#endif
