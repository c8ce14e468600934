/* The fast path of mc_address_parse: a plain dot-atom at a plain host name, nothing around it.
 * Nearly every cell is one, so it is read without a call. What it takes, mc_address_parse_slowly
 * takes as well, with the same answer (a test holds them together); what it does not take is
 * undecided. */
#ifndef MC_ADDRESS_PLAIN_H
#define MC_ADDRESS_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define MC_PLAIN_READS 64

/* What one look at a cell tells of the local part; bit i: its byte i. */
struct mc_plain {
    size_t local_len;
    uint64_t digits, separators; /* the latter: dots, hyphens, underscores; all else: letters */
};

/* The cell is a plain address of small letters, digits, dots, hyphens and underscores, so that its
 * bytes are its mc_email as well as its key. Reads MC_PLAIN_READS bytes, whatever its length. */
bool mc_address_look(struct mc_span cell, struct mc_plain *plain);

/* Writes the address with its domain in lower case to `out` (room for MC_ADDRESS_MAX bytes). */
bool mc_address_plain(struct mc_span cell, char *out, size_t *local_len);

/* The same byte by byte: for longer or shorter cells and rarer characters. */
bool mc_address_plain_by_byte(struct mc_span cell, char *out, size_t *local_len);

#endif
