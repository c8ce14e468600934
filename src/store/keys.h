/* The names of things in the file: "domain@local" as it is, or a keyed hash of it (HMAC-SHA-256,
 * cut to 16 bytes, the first 8 those of the domain alone so that a domain's addresses stay
 * together). Private to this room. */
#ifndef MC_STORE_KEYS_H
#define MC_STORE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define MC_KEY_MAX    400
#define MC_KEY_HALF   8
#define MC_SECRET_LEN 32

struct mc_keys; /* NULL: not hashed */

/* Reads the secret from PATH.key; makes it (mode 0600) where `make` and it is missing. NULL and a
 * sentence in `error` on failure. */
struct mc_keys *mc_keys_open(const char *store_path, bool make, char *error, size_t error_size);
void mc_keys_free(struct mc_keys *keys);

/* Into `out` (MC_KEY_MAX bytes). `keys` may be NULL. */
struct mc_span mc_keys_address(struct mc_keys *keys, struct mc_span local, struct mc_span domain,
                               char *out);
struct mc_span mc_keys_domain(struct mc_keys *keys, struct mc_span domain, char *out);

#endif
