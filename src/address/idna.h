/* What stands after the at-sign: host names as people write them -> lower-case A-labels.
 *
 * IDNA2008 with the mapping of UTS 46 (non-transitional), by libidn2. Knows nothing of which
 * domains exist. */
#ifndef MC_ADDRESS_IDNA_H
#define MC_ADDRESS_IDNA_H

#include <stddef.h>

#include "base/span.h"

#define MC_DOMAIN_MAX 253 /* octets of a host name in A-labels, without trailing dot */

/* Writes the domain of an address to `out`, which has room for MC_DOMAIN_MAX bytes. Returns NULL,
 * or a static sentence that says what is wrong. */
const char *mc_domain_read(struct mc_span raw, char *out, size_t *len);

#endif
