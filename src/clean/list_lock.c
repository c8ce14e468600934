#include "clean/list_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* FNV-1a: the same in every run and every process, unlike mc_hash. */
static uint64_t name_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash;
}

static char *lock_path(const char *store, const char *list)
{
    struct mc_text path = {0};
    /* both by whatever name */
    char *real = realpath(list, NULL), *real_store = realpath(store, NULL);
    mc_text_printf(&path, "%s-%016" PRIx64 ".lock", real_store ? real_store : store,
                   name_hash(real ? real : list));
    (void)mc_text_z(&path);
    free(real);
    free(real_store);
    return path.at;
}

/* Is the locked file still the one of that name? Its last holder removed it when it was done. */
static bool still_there(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static enum mc_list_lock_end busy(int fd, const char *list, char *error, size_t error_size)
{
    char pid[24];
    ssize_t got = pread(fd, pid, sizeof pid - 1, 0);
    pid[got > 0 ? got : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    snprintf(error, error_size, "%s is being cleaned by another run, process %s: wait for it", list,
             pid[0] ? pid : "(not known)");
    return MC_LIST_BUSY;
}

enum mc_list_lock_end mc_list_lock_take(struct mc_list_lock *lock, const char *store,
                                        const char *list, char *error, size_t error_size)
{
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    char *path = lock_path(store, list);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        enum mc_list_lock_end end = MC_LIST_LOCK_FAILED;
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            end = busy(fd, list, error, error_size);
        } else if (fd >= 0 && still_there(fd, path)) {
            if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len) {
                *lock = (struct mc_list_lock){fd, path};
                return MC_LIST_LOCKED;
            }
        } else if (fd >= 0) {
            close(fd);
            continue;
        }
        if (end == MC_LIST_LOCK_FAILED)
            snprintf(error, error_size, "cannot lock %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        free(path);
        return end;
    }
}

void mc_list_lock_release(struct mc_list_lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path);
    close(lock->fd);
    free(lock->path);
    *lock = MC_LIST_LOCK_NONE;
}
