/* A whole file that appears complete or not at all: written beside its place, synced, renamed. */
#ifndef MC_BASE_ATOMIC_FILE_H
#define MC_BASE_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Puts `content` at `path`. A file that is there keeps its mode, a symbolic link stays one, and
 * what is no regular file (a pipe, /dev/stdout) is written to directly. On failure false and a
 * sentence in `error`; the old file is then untouched. */
bool mc_atomic_file_write(const char *path, struct mc_span content, char *error, size_t error_size)
    __attribute__((warn_unused_result));

#endif
