/* A log that grows: whole lines as they come, from the file of that name and, until it is renamed
 * once more, from the one that had the name before. */
#ifndef MC_CLI_FOLLOWED_LOG_H
#define MC_CLI_FOLLOWED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounce/mailbox.h"

struct mc_log_file {
    int fd; /* -1: none */
    int watch;
    dev_t device;
    ino_t number;
    uint64_t offset, lines;
    struct mc_text rest; /* a line that has no end yet */
    bool too_long;       /* the rest of this line is passed over */
};

struct mc_followed_log {
    char *path;
    struct mc_log_file now, before;
};

/* The name need not exist yet. */
void mc_followed_log_init(struct mc_followed_log *log, const char *path);
/* Reads what there is; watches, through the inotify descriptor, what is new there. True where
 * something was read. */
bool mc_followed_log_read(struct mc_followed_log *log, int notify, struct mc_mailbox *mailbox);
/* A last line without an end counts, too. */
void mc_followed_log_finish(struct mc_followed_log *log, struct mc_mailbox *mailbox);
void mc_followed_log_free(struct mc_followed_log *log);

#endif
