/* Role, disposable, free, suppressed, did-you-mean: what the lists say about an address. Pure
 * look-ups, compiled in, no start-up work; the user's own lists are merged over them.
 *
 * Never touches the network and never decides a verdict: it sets flags. */
#ifndef MC_LISTS_LISTS_H
#define MC_LISTS_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/span.h"
#include "lists/provider.h"

struct mc_lists;

/* The bundled lists with those of `dir` (may be NULL) and of /etc/mailcheck/lists (where it
 * exists) merged over them. On failure returns NULL and a sentence with file and line in `error`
 * (room for `error_size` bytes). To be freed with mc_lists_free. */
struct mc_lists *mc_lists_new(const char *dir, char *error, size_t error_size);
void mc_lists_free(struct mc_lists *lists);

/* Domains are lower-case A-labels without trailing dot; local parts as mc_address_parse gives
 * them (any case, perhaps quoted, perhaps UTF-8). */
bool mc_lists_is_role(const struct mc_lists *lists, struct mc_span local);
/* The same for one of at most 63 small letters, digits and separators (dot, hyphen, underscore),
 * where bit i says that its byte i is such. Reads up to 8 bytes behind it. */
bool mc_lists_is_role_looked(const struct mc_lists *lists, struct mc_span local, uint64_t digits,
                             uint64_t separators);
bool mc_lists_is_disposable(const struct mc_lists *lists, struct mc_span domain);
/* The domain's best MX belongs to a disposable service. */
bool mc_lists_is_disposable_mx(const struct mc_lists *lists, struct mc_span mx_host);
bool mc_lists_is_free(const struct mc_lists *lists, struct mc_span domain);
/* What the lists say of a domain, in one walk for whoever meets millions of them: the same as the
 * functions for each. */
struct mc_domain_facts {
    bool is_disposable, is_free, is_slip; /* the latter: mc_lists_suggest has an answer */
};
struct mc_domain_facts mc_lists_domain_facts(const struct mc_lists *lists, struct mc_span domain);
/* Is there a suppress.txt at all? */
bool mc_lists_has_suppressed(const struct mc_lists *lists);
/* On the user's suppress.txt, as address or as domain. */
bool mc_lists_is_suppressed(const struct mc_lists *lists, struct mc_span local,
                            struct mc_span domain);

/* A likely intended domain for `domain`, written to `out` (room for 256 bytes) and returned as
 * its length; 0 where there is none. Never equal to `domain`. */
size_t mc_lists_suggest(const struct mc_lists *lists, struct mc_span domain, char *out);

/* The provider that `mx_host` belongs to (longest suffix), or NULL. Lives as long as `lists`. */
const struct mc_provider *mc_lists_provider(const struct mc_lists *lists, struct mc_span mx_host);
/* By its index; of 0 the default one. */
const struct mc_provider *mc_lists_provider_at(const struct mc_lists *lists, size_t index);
/* The limits for hosts of no known provider. */
const struct mc_provider *mc_lists_default_provider(const struct mc_lists *lists);
size_t mc_lists_provider_count(const struct mc_lists *lists);

/* "name date count source" lines for --version -v. */
void mc_lists_describe(const struct mc_lists *lists, FILE *out);

#endif
