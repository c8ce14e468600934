#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

#define LINKS_MAX  40
#define NAME_TRIES 100

static bool fail(struct mc_output *output, const char *what)
{
    snprintf(output->error, sizeof output->error, "cannot write %s: %s%s%s", output->name,
             strerror(errno), *what ? "; " : "", what);
    return false;
}

static char *joined(const char *text, ...)
{
    struct mc_text out = {0};
    va_list args;
    va_start(args, text);
    mc_text_vprintf(&out, text, args);
    va_end(args);
    mc_text_z(&out);
    return out.at;
}

/* The folder of `path`, its slash included; "./" where it names none. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? mc_span_dup(mc_span(path, (size_t)(slash - path) + 1)) : mc_strdup("./");
}

/* `path` with links followed, also to a file that does not exist yet. NULL with errno. */
static char *follow_links(const char *path)
{
    char *at = mc_strdup(path);
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX];
        ssize_t len = readlink(at, link, sizeof link - 1);
        if (len < 0)
            return at;
        link[len] = '\0';
        char *folder = folder_of(at);
        char *next = link[0] == '/' ? mc_strdup(link) : joined("%s%s", folder, link);
        free(folder);
        free(at);
        at = next;
    }
    free(at);
    errno = ELOOP;
    return NULL;
}

/* A name for the temporary: hidden, beside the target, drawn at random. */
static char *temporary_name(const char *target)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = (uint64_t)getpid();
    char *folder = folder_of(target);
    char *name = joined("%s.mailcheck-%016llx", folder, (unsigned long long)random);
    free(folder);
    return name;
}

/* Without a name until it is complete, so that a killed run leaves nothing behind; with one where
 * the file system knows no nameless files or /proc is missing. */
static bool open_temporary(struct mc_output *output)
{
    char *folder = folder_of(output->target);
    if (access("/proc/self/fd", X_OK) == 0)
        output->fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    free(folder);
    for (int i = 0; output->fd < 0 && i < NAME_TRIES; i++) {
        free(output->temporary);
        output->temporary = temporary_name(output->target);
        output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->fd < 0 && errno != EEXIST) {
            free(output->temporary);
            output->temporary = NULL;
            break;
        }
    }
    if (output->fd < 0)
        return fail(output, "it is made in the same folder first, which must be writable");
    return true;
}

/* "/dev/stdout" and "/dev/fd/3" are descriptors that are open already; opening them anew would
 * begin at the start of the file behind. */
static bool open_descriptor(struct mc_output *output, const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    uint64_t number = UINT64_MAX;
    if (strcmp(path, "/dev/stdout") == 0)
        number = STDOUT_FILENO;
    else if (strcmp(path, "/dev/stderr") == 0)
        number = STDERR_FILENO;
    for (size_t i = 0; i < MC_ARRAY_LEN(folders); i++) {
        size_t len = strlen(folders[i]);
        if (strncmp(path, folders[i], len) == 0 &&
            !mc_parse_u64(mc_span_of(path + len), INT_MAX, &number))
            number = UINT64_MAX;
    }
    if (number == UINT64_MAX)
        return false;
    output->is_direct = true;
    output->fd = fcntl((int)number, F_DUPFD_CLOEXEC, 0);
    return true;
}

static bool open_file(struct mc_output *output)
{
    struct stat old;
    bool exists = stat(output->name, &old) == 0;
    if (!exists && errno != ENOENT)
        return fail(output, "");
    if (exists && !S_ISREG(old.st_mode)) { /* a pipe or a device cannot be replaced */
        output->is_direct = true;
        output->fd = open(output->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return output->fd >= 0 || fail(output, "");
    }
    if (exists && access(output->name, W_OK) < 0)
        return fail(output, "the file is write-protected");
    output->target = follow_links(output->name);
    if (!output->target)
        return fail(output, "");
    if (!open_temporary(output))
        return false;
    if (exists) {
        /* as far as we may: an ordinary user cannot give files away */
        if (fchown(output->fd, old.st_uid, old.st_gid) < 0)
            errno = 0;
        if (fchmod(output->fd, old.st_mode & 0777) < 0)
            return fail(output, "");
    }
    return true;
}

bool mc_output_open(struct mc_output *output, const char *path)
{
    bool is_stdout = !path || strcmp(path, "-") == 0;
    *output = (struct mc_output){.fd = -1};
    output->name = mc_strdup(is_stdout ? "standard output" : path);
    if (open_descriptor(output, is_stdout ? "/dev/stdout" : path))
        return output->fd >= 0 || fail(output, "");
    return open_file(output);
}

bool mc_output_write(struct mc_output *output, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(output->fd, at, len);
        if (n >= 0) {
            at += n;
            len -= (size_t)n;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            output->is_broken_pipe = errno == EPIPE;
            return fail(output, output->is_direct ? "" : "nothing was replaced");
        }
        /* somebody else made the terminal or pipe non-blocking */
        struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
        if (poll(&ready, 1, -1) < 0 && errno != EINTR)
            return fail(output, "");
    }
    return true;
}

static bool give_name(struct mc_output *output)
{
    char descriptor[40];
    snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", output->fd);
    for (int i = 0; i < NAME_TRIES && !output->temporary; i++) {
        char *name = temporary_name(output->target);
        if (linkat(AT_FDCWD, descriptor, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
            output->temporary = name;
            return true;
        }
        free(name);
        if (errno != EEXIST)
            break;
    }
    return output->temporary != NULL;
}

static void sync_folder(const char *target)
{
    char *folder = folder_of(target);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems cannot; the file itself is safe by then */
        close(fd);
    }
    free(folder);
}

bool mc_output_commit(struct mc_output *output)
{
    if (!output->is_direct) {
        if (fsync(output->fd) < 0 || !give_name(output) ||
            rename(output->temporary, output->target) < 0)
            return fail(output, "nothing was replaced");
        free(output->temporary);
        output->temporary = NULL;
        sync_folder(output->target);
    }
    int fd = output->fd;
    output->fd = -1;
    if (close(fd) < 0 && errno != EINTR)
        return fail(output, "");
    return true;
}

void mc_output_abort(struct mc_output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    if (output->temporary)
        unlink(output->temporary);
    free(output->temporary);
    free(output->target);
    free(output->name);
    output->temporary = output->target = output->name = NULL;
    output->fd = -1;
}

bool mc_output_put(const char *path, struct mc_span content, char *error, size_t error_size)
{
    struct mc_output output;
    bool ok = mc_output_open(&output, path) && mc_output_write(&output, content.at, content.len) &&
              mc_output_commit(&output);
    if (!ok)
        snprintf(error, error_size, "%s", output.error);
    mc_output_abort(&output);
    return ok;
}
