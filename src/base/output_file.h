/* Where output goes: standard output, a pipe or device by name, or a file that appears complete or
 * not at all (a nameless temporary beside it, synced, named, renamed over the old one). Bytes in,
 * bytes out; knows nothing of rows. */
#ifndef MC_BASE_OUTPUT_FILE_H
#define MC_BASE_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct mc_output {
    int fd;
    bool is_direct; /* written as it comes; else only mc_output_commit makes it visible */
    bool is_broken_pipe;
    char *name;      /* as the user said it, for messages */
    char *target;    /* what is replaced: `name` with links followed */
    char *temporary; /* NULL where it has no name yet */
    char error[512];
};

/* `path` NULL or "-": standard output. False and output->error on failure; mc_output_abort is due
 * in either case. */
bool mc_output_open(struct mc_output *output, const char *path) __attribute__((warn_unused_result));
bool mc_output_write(struct mc_output *output, const char *at, size_t len);
/* Makes the file visible and closes; nothing but mc_output_abort may follow. */
bool mc_output_commit(struct mc_output *output);
/* Gives up what was not committed, and frees. */
void mc_output_abort(struct mc_output *output);

/* All of it at once: opens, writes, commits. False and a sentence in `error` on failure. */
bool mc_output_put(const char *path, struct mc_span content, char *error, size_t error_size)
    __attribute__((warn_unused_result));

#endif
