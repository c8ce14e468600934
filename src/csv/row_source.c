#include "csv/row_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/spool.h"

#define PIECE ((size_t)64 << 10)

void mc_row_source_fail(struct mc_row_source *source, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(source->error, sizeof source->error, format, args);
    va_end(args);
}

static bool fail_errno(struct mc_row_source *source, const char *tried)
{
    mc_row_source_fail(source, "cannot %s %s: %s", tried, source->name, strerror(errno));
    return false;
}

static bool fail_spool(struct mc_row_source *source)
{
    mc_row_source_fail(source,
                       "cannot keep %s in a temporary file in %s: %s (TMPDIR names another folder)",
                       source->name, mc_spool_folder(), strerror(errno));
    return false;
}

static bool measure(struct mc_row_source *source)
{
    struct stat *stat = &source->at_start;
    if (fstat(source->fd, stat) < 0)
        return fail_errno(source, "read");
    if (S_ISDIR(stat->st_mode)) {
        mc_row_source_fail(source, "cannot read %s: it is a folder, not a list", source->name);
        return false;
    }
    /* a regular file that says it is empty may be one of /proc: read it like a pipe */
    off_t at = S_ISREG(stat->st_mode) && stat->st_size > 0 ? lseek(source->fd, 0, SEEK_CUR) : -1;
    source->is_stream = at < 0;
    if (source->is_stream)
        return true;
    source->base = (uint64_t)at;
    source->size = stat->st_size > at ? (uint64_t)(stat->st_size - at) : 0;
    source->ended = true;
    posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

bool mc_row_source_open(struct mc_row_source *source, const char *path, bool single_pass)
{
    bool is_stdin = !path || strcmp(path, "-") == 0;
    *source = (struct mc_row_source){.fd = STDIN_FILENO, .spool = -1};
    source->name = mc_strdup(is_stdin ? "standard input" : path);
    if (!is_stdin) {
        source->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (source->fd < 0)
            return fail_errno(source, "read");
        source->owns_fd = true;
    }
    if (!measure(source))
        return false;
    source->single_pass = source->is_stream && single_pass;
    if (source->is_stream && !single_pass) {
        source->spool = mc_spool_open();
        if (source->spool < 0)
            return fail_spool(source);
    }
    /* such a file is always ready, and no event loop would wait for it */
    while (source->is_stream && S_ISREG(source->at_start.st_mode) && !source->ended)
        if (mc_row_source_fill(source, PIECE) < 0)
            return false;
    return true;
}

void mc_row_source_close(struct mc_row_source *source)
{
    if (source->owns_fd)
        close(source->fd);
    if (source->spool >= 0)
        close(source->spool);
    free(source->held);
    free(source->name);
}

int mc_row_source_wait(struct mc_row_source *source, int timeout_ms)
{
    struct pollfd ready = {.fd = source->fd, .events = POLLIN};
    int n = poll(&ready, 1, timeout_ms);
    if (n < 0 || (n > 0 && (ready.revents & POLLNVAL))) {
        if (n > 0)
            errno = EBADF;
        fail_errno(source, "read");
        return -1;
    }
    return n;
}

static bool spool_write(struct mc_row_source *source, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(source->spool, at, len, (off_t)source->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_spool(source);
        at += n;
        len -= (size_t)n;
        source->size += (uint64_t)n;
    }
    return true;
}

/* Reads the pipe once. Returns as mc_row_source_fill, or 2 where it had nothing after all. */
static int take(struct mc_row_source *source, size_t len)
{
    static char piece[PIECE];
    char *to = piece;
    if (source->single_pass) {
        size_t held = (size_t)(source->size - source->held_from);
        if (source->held_room - held < len) {
            source->held_room = held + len;
            source->held = mc_realloc(source->held, source->held_room);
        }
        to = source->held + held;
    }
    ssize_t n = read(source->fd, to, len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 2;
    if (n < 0) {
        fail_errno(source, "read");
        return -1;
    }
    if (n == 0) {
        source->ended = true;
        return 0;
    }
    if (source->single_pass)
        source->size += (uint64_t)n;
    else if (!spool_write(source, piece, (size_t)n))
        return -1;
    return 1;
}

int mc_row_source_fill(struct mc_row_source *source, size_t limit)
{
    for (size_t len = 0; !source->ended && limit > 0; limit -= len) {
        int ready = mc_row_source_wait(source, 0);
        if (ready < 0)
            return -1;
        if (ready == 0)
            break;
        len = limit < PIECE ? limit : PIECE;
        int taken = take(source, len);
        if (taken == 2)
            break;
        if (taken < 1)
            return taken;
    }
    return source->ended ? 0 : 1;
}

void mc_row_source_forget(struct mc_row_source *source, uint64_t offset)
{
    if (!source->single_pass)
        return;
    MC_ASSERT(offset >= source->held_from && offset <= source->size);
    /* not before it is half of what is held: so each byte moves once */
    if (offset - source->held_from <= source->size - offset)
        return;
    memmove(source->held, source->held + (offset - source->held_from), source->size - offset);
    source->held_from = offset;
}

static ssize_t read_held(struct mc_row_source *source, uint64_t offset, char *to, size_t len)
{
    MC_ASSERT(offset >= source->held_from && offset <= source->size);
    if (len > source->size - offset)
        len = (size_t)(source->size - offset);
    if (len > 0)
        memcpy(to, source->held + (offset - source->held_from), len);
    return (ssize_t)len;
}

ssize_t mc_row_source_read(struct mc_row_source *source, uint64_t offset, char *to, size_t len)
{
    if (source->single_pass)
        return read_held(source, offset, to, len);
    uint64_t left = source->size - offset;
    if (len > left)
        len = (size_t)left;
    if (len == 0)
        return 0;
    int fd = source->is_stream ? source->spool : source->fd;
    ssize_t n;
    do
        n = pread(fd, to, len, (off_t)(source->base + offset));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        fail_errno(source, "read");
    if (n == 0) {
        mc_row_source_fail(source, "%s became shorter while it was read", source->name);
        return -1;
    }
    return n;
}

bool mc_row_source_changed(const struct mc_row_source *source)
{
    struct stat now;
    const struct stat *was = &source->at_start;
    if (source->is_stream)
        return false;
    return fstat(source->fd, &now) < 0 || now.st_size != was->st_size ||
           now.st_mtim.tv_sec != was->st_mtim.tv_sec || now.st_mtim.tv_nsec != was->st_mtim.tv_nsec;
}
