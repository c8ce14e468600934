/* Files, folders and standard input -> messages, lines and events. The kind is detected, file by
 * file: mbox, a message, a log, reply lines, JSON, each also gzipped; folders are walked (Maildir:
 * new and cur, nested ones too).
 *
 * What cannot be read, is cut or damaged gets a word on stderr and the next one follows. */
#ifndef MC_BOUNCE_MAILBOX_H
#define MC_BOUNCE_MAILBOX_H

#include <stdbool.h>

#include "bounce/bounce.h"

/* `path` "-": standard input. False where it cannot be read at all. */
bool mc_mailbox_read(const char *path, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts);
/* The same of bytes that are there already. */
void mc_mailbox_read_bytes(struct mc_span bytes, const char *name,
                           const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts);

#endif
