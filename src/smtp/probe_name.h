/* The local part of a control recipient: one that no mailbox has. The same for a domain within a
 * run, another one in the next, since it comes from a keyed hash. */
#ifndef MC_SMTP_PROBE_NAME_H
#define MC_SMTP_PROBE_NAME_H

#include <stddef.h>

#include "base/span.h"

#define MC_PROBE_NAME_MAX 17 /* with its NUL */

/* Writes it to `out` (MC_PROBE_NAME_MAX) and returns its length, 12 to 16. */
size_t mc_probe_name(struct mc_span domain, char *out);

#endif
