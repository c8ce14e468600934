/* The fast path of mc_address_parse: a plain dot-atom at a plain host name, nothing around it.
 * Nearly every cell is one, so it is read without a call. What it takes, mc_address_parse_slowly
 * takes as well, with the same answer (a test holds them together); what it does not take is
 * undecided. */
#ifndef MC_ADDRESS_PLAIN_H
#define MC_ADDRESS_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Writes the address with its domain in lower case to `out` (room for MC_ADDRESS_MAX bytes). */
bool mc_address_plain(struct mc_span cell, char *out, size_t *local_len);

/* The same byte by byte: for longer or shorter cells and rarer characters. */
bool mc_address_plain_by_byte(struct mc_span cell, char *out, size_t *local_len);

#endif
