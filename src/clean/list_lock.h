/* One run a list at a time: a lock beside the store, named after the list. */
#ifndef MC_CLEAN_LIST_LOCK_H
#define MC_CLEAN_LIST_LOCK_H

#include <stddef.h>

struct mc_list_lock {
    int fd; /* -1: none is held */
    char *path;
};
#define MC_LIST_LOCK_NONE ((struct mc_list_lock){.fd = -1})

enum mc_list_lock_end { MC_LIST_LOCKED, MC_LIST_BUSY, MC_LIST_LOCK_FAILED };

/* Takes the lock of this list, or says in `error` who holds it, or why it could not be made. The
 * kernel lets it go when its holder dies, however. */
enum mc_list_lock_end mc_list_lock_take(struct mc_list_lock *lock, const char *store,
                                        const char *list, char *error, size_t error_size);
void mc_list_lock_release(struct mc_list_lock *lock);

#endif
