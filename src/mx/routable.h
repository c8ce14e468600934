/* Which addresses no mail server can have: those that are not global. A table of ranges, from the
 * IANA special-purpose registries (RFC 6890). */
#ifndef MC_MX_ROUTABLE_H
#define MC_MX_ROUTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct mc_ip {
    uint8_t family; /* 4 or 6 */
    uint8_t octets[16];
};

/* Why `ip` must never be connected to ("private", "loopback", ...), or NULL where it is global
 * or of the ranges kept for test beds (198.18.0.0/15, 2001:2::/48). */
const char *mc_ip_unroutable(const struct mc_ip *ip);

/* With `allow_private` (intranets), all but what no TCP connection can go to. */
bool mc_ip_usable(const struct mc_ip *ip, bool allow_private);

/* An IP address as text, in any form that inet_pton takes (a last dot aside). */
bool mc_ip_parse(struct mc_ip *ip, struct mc_span text) __attribute__((warn_unused_result));

enum { MC_IP_TEXT_SIZE = 46 };
/* NUL-terminated into `text`. */
void mc_ip_format(const struct mc_ip *ip, char text[MC_IP_TEXT_SIZE]);

#endif
