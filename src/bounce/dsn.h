/* message/delivery-status (RFC 3464) and message/feedback-report (RFC 5965): fields in, spans
 * out. Takes what real reports make of it: groups without blank lines between them, continuation
 * lines that are not indented, fields without a type. Pure. */
#ifndef MC_BOUNCE_DSN_H
#define MC_BOUNCE_DSN_H

#include <stdbool.h>

#include "base/span.h"

enum mc_dsn_field {
    MC_DSN_FINAL,
    MC_DSN_ORIGINAL,
    MC_DSN_ACTUAL, /* X-Actual-Recipient */
    MC_DSN_ACTION,
    MC_DSN_STATUS,
    MC_DSN_DIAGNOSTIC,
    MC_DSN_REMOTE_MTA,
    MC_DSN_REPORTING_MTA,
    MC_DSN_LAST_ATTEMPT,
    MC_DSN_ARRIVAL,
    MC_DSN_DISPOSITION, /* RFC 8098: a receipt, no report of a failure */
    MC_DSN_TEXT,        /* X-Supplementary-Info and its kin */
    MC_DSN_FEEDBACK_TYPE,
    MC_DSN_COMPLAINED, /* Original-Rcpt-To, Removal-Recipient */
    MC_DSN_FIELDS
};

struct mc_dsn_group {
    struct mc_span field[MC_DSN_FIELDS]; /* trimmed; may hold line breaks */
};

/* The next group of fields of `rest`; false at the end. */
bool mc_dsn_next(struct mc_span *rest, struct mc_dsn_group *group);
/* "rfc822; user@example.com" -> what stands behind the type. */
struct mc_span mc_dsn_untyped(struct mc_span value);

#endif
