/* What stands before the at-sign: RFC 5321 dot-atoms and quoted strings, RFC 6531 characters. */
#ifndef MC_ADDRESS_LOCAL_PART_H
#define MC_ADDRESS_LOCAL_PART_H

#include <stddef.h>

#include "base/span.h"

/* The length of the quoted string at the start of `text`, both quotes counted; 0 where there is
 * none or it is never closed. */
size_t mc_quoted_length(struct mc_span text);

/* The length of the at-sign at the start of `text`, full-width and small ones included; 0: none. */
size_t mc_at_sign_length(struct mc_span text);

/* Writes `raw` as it goes over the wire (NFC, quoted only where it must be) to `out`, which has
 * room for MC_LOCAL_MAX bytes. Returns NULL, or a static sentence that says what is wrong. */
const char *mc_local_part_read(struct mc_span raw, char *out, size_t *len);

#endif
