/* One cell of a list -> one address, or the sentence that says why not. Pure.
 *
 * Does what CONTRACT says of mc_email: trims, rescues the one reading there is (mailto:, a
 * display name, one trailing comment, full-width at-sign), drops needless quotes, puts the local
 * part into NFC and the domain into lower-case A-labels. Never asks whether the domain exists. */
#ifndef MC_ADDRESS_PARSE_H
#define MC_ADDRESS_PARSE_H

#include <stdbool.h>

#include "base/span.h"

#define MC_LOCAL_MAX   64  /* octets, RFC 5321 4.5.3.1.1, as sent (quotes counted) */
#define MC_ADDRESS_MAX 254 /* octets, domain in A-labels */

enum mc_syntax {
    MC_SYNTAX_OK,
    MC_SYNTAX_EMPTY, /* nothing but white space: never a duplicate */
    MC_SYNTAX_BAD,
};

struct mc_address {
    struct mc_span local;             /* as sent on the wire: quoted only where it must be */
    struct mc_span domain;            /* lower-case A-labels, no trailing dot */
    struct mc_span email;             /* local@domain; for MC_SYNTAX_BAD the trimmed cell */
    bool needs_smtputf8;              /* the local part has non-ASCII characters */
    const char *complaint;            /* MC_SYNTAX_BAD: why, a static sentence */
    char storage[MC_ADDRESS_MAX + 2]; /* what the spans of a good address point into */
};

/* `cell` is valid UTF-8 or not; bytes that are not valid UTF-8 make it MC_SYNTAX_BAD. On
 * MC_SYNTAX_BAD and MC_SYNTAX_EMPTY `email` points into `cell`. */
enum mc_syntax mc_address_parse(struct mc_span cell, struct mc_address *address);

/* The same without the fast path for plain addresses: for the test that both agree. */
enum mc_syntax mc_address_parse_slowly(struct mc_span cell, struct mc_address *address);

/* The key under which two addresses are "the same" (ASCII case of the local part aside):
 * written to `out`, which has room for MC_ADDRESS_MAX + 2 bytes; returns its length. */
size_t mc_address_key(const struct mc_address *address, char *out);

#endif
