/* Whom the doctor asks, and what counts: plain tables, to be changed here and nowhere else. */
#ifndef MC_DOCTOR_NAMES_H
#define MC_DOCTOR_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum {
    MC_DOCTOR_PROVIDERS = 4,
    MC_DOCTOR_MISSING = 2,
    MC_DOCTOR_BROKEN = 2,
    MC_DOCTOR_ZONES = 4,
    MC_DOCTOR_GREETING_MS = 15000, /* the handshake, and then the greeting, at most */
    MC_DOCTOR_LABELS_MIN = 2,      /* _dmarc is looked for up to a domain of so many labels */
};

/* Domains whose mail servers everybody writes to. */
extern const char *const mc_doctor_providers[MC_DOCTOR_PROVIDERS];
/* A random name below each does not exist. */
extern const char *const mc_doctor_missing[MC_DOCTOR_MISSING];
/* Kept badly signed by their owners, so that resolvers can be tried: SERVFAIL where signatures are
 * checked, an address where they are not, and never NXDOMAIN. */
extern const char *const mc_doctor_broken[MC_DOCTOR_BROKEN];

/* DNS blocklists of addresses (RFC 5782), and what an answer of theirs means. */
struct mc_doctor_zone {
    const char *zone;
    const char *delist; /* where to ask to be taken off */
};
extern const struct mc_doctor_zone mc_doctor_zones[MC_DOCTOR_ZONES];
/* The last octet of an answer, where it says more than "listed"; NULL where it does not. */
const char *mc_doctor_zone_code(const char *zone, uint8_t octet);

/* The service behind a public resolver's address, or NULL. Blocklists refuse to answer those. */
const char *mc_doctor_public_resolver(const char *address);
/* A word in a PTR name that says "a customer's line" to mail servers, or NULL. */
const char *mc_doctor_dynamic_word(const char *name);

/* No clock that is right shows less: seconds since 1970. */
extern const int64_t mc_doctor_not_before;

#endif
