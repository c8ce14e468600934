/* Who we are when we knock: the HELO name and the envelope sender. Reads the host's name and
 * /etc/hosts; asks nobody. */
#ifndef MC_ENGINE_IDENTITY_H
#define MC_ENGINE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct mc_identity {
    char helo[256];
    char mail_from[400];
};

/* Fills `identity`: what was given (NULL: not given), else this host's name (gethostname, or the
 * first dotted name of its line in /etc/hosts) and postmaster@ it. False and a sentence in
 * `error` where no usable pair can be made: then nothing may be probed. */
bool mc_identity_make(const char *helo, const char *mail_from, struct mc_identity *identity,
                      char *error, size_t error_size);

/* Pure: a dotted name that is not special-use (RFC 6761 and kin). */
bool mc_identity_usable_name(struct mc_span name);
/* Pure: the first dotted name of the line of `hosts` (the text of /etc/hosts) that names `host`;
 * empty where there is none. */
struct mc_span mc_identity_in_hosts(struct mc_span hosts, struct mc_span host);

#endif
