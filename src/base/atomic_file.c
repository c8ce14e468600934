#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

static bool write_all(int fd, struct mc_span content)
{
    while (content.len) {
        ssize_t n = write(fd, content.at, content.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            content = mc_span(content.at + n, content.len - (size_t)n);
    }
    return true;
}

static bool write_directly(const char *path, struct mc_span content)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, content);
    int failure = errno;
    if (fd >= 0 && close(fd) != 0 && ok)
        return false;
    errno = failure;
    return ok;
}

/* The name is on disk only when its folder is. A folder that cannot be synced (some network file
 * systems) is no reason to fail: the file is complete. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mc_span_dup(mc_span(path, (size_t)(slash - path + 1))) : mc_strdup(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

static bool write_beside(const char *path, mode_t mode, struct mc_span content)
{
    struct mc_text name = {0};
    mc_text_printf(&name, "%s.XXXXXX", path);
    (void)mc_text_z(&name);
    int fd = mkostemp(name.at, O_CLOEXEC);
    bool ok = fd >= 0 && fchmod(fd, mode) == 0 && write_all(fd, content) && fsync(fd) == 0;
    int failure = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        failure = errno;
        ok = false;
    }
    if (ok && rename(name.at, path) != 0) {
        failure = errno;
        ok = false;
    }
    if (ok)
        sync_folder(path);
    else if (fd >= 0)
        unlink(name.at);
    mc_text_free(&name);
    errno = failure;
    return ok;
}

bool mc_atomic_file_write(const char *path, struct mc_span content, char *error, size_t error_size)
{
    struct stat old;
    char *real = realpath(path, NULL); /* NULL where nothing is there yet */
    const char *target = real ? real : path;
    mode_t mask = umask(0);
    umask(mask);
    bool exists = stat(target, &old) == 0;
    bool ok = exists && !S_ISREG(old.st_mode)
                  ? write_directly(target, content)
                  : write_beside(target, exists ? old.st_mode & 0777 : 0666 & ~mask, content);
    if (!ok)
        snprintf(error, error_size, "cannot write %s: %s", path, strerror(errno));
    free(real);
    return ok;
}
