/* Addresses as they stand in prose, logs and header fields. Pure. */
#ifndef MC_BOUNCE_FIND_ADDRESS_H
#define MC_BOUNCE_FIND_ADDRESS_H

#include <stdbool.h>

#include "address/parse.h"
#include "base/span.h"

/* The next one at or behind *from, which then is where it ends; false where none follows.
 * "rfc822;", "to=", quotes and brackets around it are none of it. */
bool mc_find_address(struct mc_span text, size_t *from, struct mc_span *address);
/* The same, and as mc_email writes it; false where it is no valid address. */
bool mc_read_address(struct mc_span text, struct mc_address *address);
/* A report has no other use for it: mailer-daemon@, postmaster@ ... */
bool mc_is_daemon(struct mc_span address);
/* One mailbox under two names: "user@example.org" and "user@store.example.org", or an inner
 * address that nobody outside writes to. */
bool mc_is_same_mailbox(struct mc_span failed, struct mc_span mailed);

#endif
