/* What a file is by its first bytes: text that may be a list, or something else, and then what to
 * do about it. Pure. */
#ifndef MC_CSV_FILE_KIND_H
#define MC_CSV_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "csv/rows.h"

/* True where it is no list; `error` then is the sentence for the user. */
bool mc_file_kind_refuse(struct mc_span head, const char *name, char *error, size_t error_size);

/* By its byte order mark, or, without one, by every second byte being zero. */
enum mc_encoding mc_file_kind_encoding(struct mc_span head, bool *bom);

#endif
