#include "cli/followed_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define BLOCK          (64u << 10)
#define LINE_BYTES_MAX (1u << 20)

static const struct mc_log_file none = {.fd = -1, .watch = -1};

void mc_followed_log_init(struct mc_followed_log *log, const char *path)
{
    *log = (struct mc_followed_log){.path = mc_strdup(path), .now = none, .before = none};
}

static void close_file(struct mc_log_file *file, int notify)
{
    if (file->watch >= 0 && notify >= 0)
        inotify_rm_watch(notify, file->watch);
    if (file->fd >= 0)
        close(file->fd);
    mc_text_free(&file->rest);
    *file = none;
}

static void take_line(struct mc_followed_log *log, struct mc_log_file *file, struct mc_span line,
                      struct mc_mailbox *mailbox)
{
    file->lines++;
    mc_mailbox_read_line(mailbox, line, log->path, file->lines);
}

static void take_lines(struct mc_followed_log *log, struct mc_log_file *file,
                       struct mc_mailbox *mailbox)
{
    size_t at = 0;
    const char *end;
    while ((end = memchr(file->rest.at + at, '\n', file->rest.len - at)) != NULL) {
        size_t len = (size_t)(end - file->rest.at) - at;
        if (!file->too_long)
            take_line(log, file, mc_span(file->rest.at + at, len), mailbox);
        file->too_long = false;
        at += len + 1;
    }
    file->rest.len -= at;
    memmove(file->rest.at, file->rest.at + at, file->rest.len);
    if (file->rest.len > LINE_BYTES_MAX) {
        if (!file->too_long) {
            file->lines++;
            mc_mailbox_complain(mailbox, log->path, "a line of more than 1 MB is passed over");
        }
        file->too_long = true;
        file->rest.len = 0;
    }
}

/* To the end of the file; true where it had more. */
static bool read_file(struct mc_followed_log *log, struct mc_log_file *file,
                      struct mc_mailbox *mailbox)
{
    struct stat info;
    uint64_t before = file->offset;
    if (file->fd < 0)
        return false;
    if (fstat(file->fd, &info) == 0 && (uint64_t)info.st_size < file->offset) {
        file->offset = before = file->lines = file->rest.len = 0; /* copied and truncated */
        file->too_long = false;
    }
    for (;;) {
        char *at = mc_text_reserve(&file->rest, BLOCK);
        ssize_t got = pread(file->fd, at, BLOCK, (off_t)file->offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            mc_mailbox_complain(mailbox, log->path, strerror(errno));
        if (got <= 0)
            return file->offset > before;
        file->rest.len += (size_t)got;
        file->offset += (uint64_t)got;
        take_lines(log, file, mailbox);
    }
}

/* The file that has the name now, where that is another one than is open. */
static bool open_new(struct mc_followed_log *log, int notify, struct mc_mailbox *mailbox)
{
    struct stat info;
    struct mc_log_file *now = &log->now;
    if (stat(log->path, &info) != 0 || !S_ISREG(info.st_mode) ||
        (now->fd >= 0 && now->device == info.st_dev && now->number == info.st_ino))
        return false;
    int fd = open(log->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        mc_mailbox_complain(mailbox, log->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    /* who writes it may not know yet that it was renamed */
    close_file(&log->before, notify);
    log->before = *now;
    *now = none;
    now->fd = fd;
    now->device = info.st_dev;
    now->number = info.st_ino;
    now->watch = inotify_add_watch(notify, log->path, IN_MODIFY);
    return true;
}

bool mc_followed_log_read(struct mc_followed_log *log, int notify, struct mc_mailbox *mailbox)
{
    bool any = read_file(log, &log->before, mailbox);
    do
        any = read_file(log, &log->now, mailbox) || any;
    while (open_new(log, notify, mailbox));
    return any;
}

static void finish_file(struct mc_followed_log *log, struct mc_log_file *file,
                        struct mc_mailbox *mailbox)
{
    if (file->fd >= 0 && file->rest.len && !file->too_long)
        take_line(log, file, mc_text_span(&file->rest), mailbox);
}

void mc_followed_log_finish(struct mc_followed_log *log, struct mc_mailbox *mailbox)
{
    finish_file(log, &log->before, mailbox);
    finish_file(log, &log->now, mailbox);
}

void mc_followed_log_free(struct mc_followed_log *log)
{
    close_file(&log->before, -1);
    close_file(&log->now, -1);
    free(log->path);
}
