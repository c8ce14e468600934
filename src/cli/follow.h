/* Watching folders of mail and logs, with inotify through the loop: what is there is read first,
 * then what comes, until a signal ends it. Each message is read once, wherever it moves; a log is
 * followed through rotation, by rename and by truncation.
 *
 * Knows nothing of what is read: that is bounce/mailbox.h's. */
#ifndef MC_CLI_FOLLOW_H
#define MC_CLI_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "bounce/mailbox.h"

struct mc_follow {
    struct mc_mailbox *mailbox;
    /* called whenever something was read; false ends it */
    bool (*read)(void *arg);
    void *arg;
};

/* The signal that ended it; 0 where it could not begin or `read` ended it: what was wrong is on
 * stderr. */
int mc_follow(const struct mc_follow *follow, char *const *paths, size_t count);

#endif
