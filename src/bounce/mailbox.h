/* Files, folders and standard input -> messages, lines and events. The kind is detected, file by
 * file: mbox of any dialect, MMDF, a message, a log, reply lines, JSON, each also gzipped or in
 * UTF-16; folders are walked by bounce/folder.c.
 *
 * Input of any size takes a few megabytes: what is larger than its limit is cut. What cannot be
 * read, is cut or damaged gets a word on stderr and the next one follows. */
#ifndef MC_BOUNCE_MAILBOX_H
#define MC_BOUNCE_MAILBOX_H

#include <stdbool.h>

#include "bounce/bounce.h"
#include "bounce/input.h"
#include "bounce/mime.h"

/* What is used again from one file to the next. */
struct mc_mailbox {
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    const char *name; /* of the file that is being read */
    struct mc_input input;
    struct mc_message message;
    struct mc_deliveries *deliveries; /* of the log that is being read */
};

void mc_mailbox_init(struct mc_mailbox *mailbox, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts);
void mc_mailbox_free(struct mc_mailbox *mailbox);

/* A file, a folder with all that is in it, or "-", standard input. False where it cannot be read at
 * all. */
bool mc_mailbox_read_path(struct mc_mailbox *mailbox, const char *path);
/* What is behind an open descriptor, which stays the caller's. */
bool mc_mailbox_read_fd(struct mc_mailbox *mailbox, int fd, const char *name);
/* The same of a regular file that was just opened. */
bool mc_mailbox_read_file(struct mc_mailbox *mailbox, int fd, const char *name);
/* One line of a log or of JSON, the Nth of `name`. */
void mc_mailbox_read_line(struct mc_mailbox *mailbox, struct mc_span line, const char *name,
                          uint64_t number);
/* A word on stderr; counts as damaged. Returns false. */
bool mc_mailbox_complain(struct mc_mailbox *mailbox, const char *name, const char *what);

/* All at once: a path as above, and bytes that are there already. */
bool mc_mailbox_read(const char *path, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts);
void mc_mailbox_read_bytes(struct mc_span bytes, const char *name,
                           const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts);

#endif
