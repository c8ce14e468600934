#include "cli/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest_map.h"
#include "base/log.h"
#include "base/memory.h"
#include "bounce/folder.h"
#include "bounce/from_line.h"
#include "cli/followed_log.h"
#include "cli/interrupt.h"
#include "loop/loop.h"

#define PATH_SIZE    4096
#define EVENTS_BYTES (64u << 10)
#define FOLDER_MASK  (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | IN_MASK_ADD)

/* A watched folder. The folder of a log is watched for its name only. */
struct place {
    int watch;
    char *path;
    bool has_mail;
};

struct watcher {
    const struct mc_follow *follow;
    struct mc_loop *loop;
    struct mc_watch ready;
    int notify;
    struct place *places;
    size_t place_count, place_room;
    struct mc_followed_log *logs;
    size_t log_count, log_room;
    struct mc_digest_map seen; /* messages, by folder and name */
    int stopped;               /* by this signal */
    bool ended;                /* by whom we tell */
};

static bool is_over(const struct watcher *watcher)
{
    return watcher->ended || watcher->stopped || *mc_interrupt_flag();
}

static void tell(struct watcher *watcher)
{
    if (!watcher->follow->read(watcher->follow->arg))
        watcher->ended = true;
}

static struct place *place_of(struct watcher *watcher, int watch)
{
    for (size_t i = 0; i < watcher->place_count; i++)
        if (watcher->places[i].watch == watch)
            return &watcher->places[i];
    return NULL;
}

/* ---- messages ---- */

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A message keeps its name from new to cur, but for the flags behind it. */
static bool is_first_sight(struct watcher *watcher, int folder, const char *path, const char *name)
{
    struct {
        dev_t device;
        ino_t number;
        char name[NAME_MAX + 1];
    } key = {0};
    struct stat info;
    const char *last = last_name(path);
    bool half = !strcmp(last, "new") || !strcmp(last, "cur");
    if (fstatat(folder, half ? ".." : ".", &info, 0) != 0)
        return true;
    key.device = info.st_dev;
    key.number = info.st_ino;
    const char *flags = half ? strstr(name, ":2,") : NULL;
    size_t len = flags ? (size_t)(flags - name) : strlen(name);
    memcpy(key.name, name, len < sizeof key.name ? len : sizeof key.name - 1);
    uint32_t *seen =
        mc_digest_map_at(&watcher->seen, mc_hash128(mc_span((const char *)&key, sizeof key)));
    bool first = !*seen;
    *seen = 1;
    return first;
}

/* Whoever writes it will close it, and we are told. */
static bool is_being_written(int fd)
{
    bool busy = fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
    if (!busy)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    return busy;
}

/* `made`: it has just come to be there, by a link (which is whole) or by somebody who opened it. */
static void read_message(struct watcher *watcher, int folder, const char *path, const char *name,
                         bool made)
{
    struct mc_mailbox *mailbox = watcher->follow->mailbox;
    struct stat info;
    char whole[PATH_SIZE];
    if (snprintf(whole, sizeof whole, "%s/%s", path, name) >= (int)sizeof whole)
        return;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno != ENOENT) /* it moved on, and we are told where to */
            mc_mailbox_complain(mailbox, whole, strerror(errno));
        return;
    }
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size &&
        !(made && info.st_nlink < 2 && is_being_written(fd)) &&
        is_first_sight(watcher, folder, path, name)) {
        mc_mailbox_read_fd(mailbox, fd, whole);
        tell(watcher);
    }
    close(fd);
}

/* ---- folders ---- */

static bool is_hidden(const char *name)
{
    return name[0] == '.' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_folder(int folder, const char *name)
{
    struct stat info;
    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static bool add_folder(struct watcher *watcher, const char *path);

static void look_at(struct watcher *watcher, int folder, const char *path, const char *name,
                    bool maildir, bool made)
{
    char inner[PATH_SIZE];
    switch (mc_folder_entry(folder, name, DT_UNKNOWN, maildir)) {
    case MC_ENTRY_FILE:
        read_message(watcher, folder, path, name, made);
        break;
    case MC_ENTRY_FOLDER:
        if (snprintf(inner, sizeof inner, "%s/%s", path, name) < (int)sizeof inner)
            add_folder(watcher, inner);
        break;
    case MC_ENTRY_NONE: /* what a mail program makes in a Maildir will be one */
        if (maildir && is_hidden(name) && is_folder(folder, name) &&
            snprintf(inner, sizeof inner, "%s/%s", path, name) < (int)sizeof inner)
            add_folder(watcher, inner);
        break;
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Within a Maildir: where a mail system writes what is not yet delivered, and a folder that is no
 * Maildir (yet). */
static bool is_passed_over(int folder, const char *path, bool maildir)
{
    const char *last = last_name(path);
    if (strcmp(last, "tmp") != 0 && (maildir || !is_hidden(last)))
        return false;
    int above = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool within = above >= 0 && mc_folder_is_maildir(above);
    if (above >= 0)
        close(above);
    return within;
}

/* All names of a folder, or the one that is given. */
static void look_into(struct watcher *watcher, const char *path, const char *name, bool made)
{
    struct dirent **names = NULL;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        if (errno != ENOENT)
            mc_mailbox_complain(watcher->follow->mailbox, path, strerror(errno));
        return;
    }
    bool maildir = mc_folder_is_maildir(folder);
    if (is_passed_over(folder, path, maildir)) {
        close(folder);
        return;
    }
    if (name) {
        look_at(watcher, folder, path, name, maildir, made);
    } else {
        int count = scandirat(folder, ".", &names, NULL, by_name);
        if (count < 0)
            mc_mailbox_complain(watcher->follow->mailbox, path, strerror(errno));
        for (int i = 0; i < count; i++) {
            if (!is_over(watcher))
                look_at(watcher, folder, path, names[i]->d_name, maildir, false);
            free(names[i]);
        }
        free(names);
    }
    close(folder);
}

/* The same folder has the same watch, so that links in a circle end here. False where it cannot be
 * watched. */
static bool watch_place(struct watcher *watcher, const char *path, bool has_mail, bool *known)
{
    int watch = inotify_add_watch(watcher->notify, path, FOLDER_MASK);
    if (watch < 0) {
        mc_mailbox_complain(watcher->follow->mailbox, path,
                            errno == ENOSPC
                                ? "too many folders to watch: raise fs.inotify.max_user_watches"
                                : strerror(errno));
        return false;
    }
    struct place *place = place_of(watcher, watch);
    *known = place && (place->has_mail || !has_mail);
    if (!place) {
        watcher->places = mc_grow(watcher->places, watcher->place_count, &watcher->place_room,
                                  sizeof *watcher->places);
        place = &watcher->places[watcher->place_count++];
        *place = (struct place){.watch = watch, .path = mc_strdup(path)};
    }
    place->has_mail = place->has_mail || has_mail;
    return true;
}

/* Watched before it is looked into, so that nothing falls between. */
static bool add_folder(struct watcher *watcher, const char *path)
{
    bool known;
    if (!watch_place(watcher, path, true, &known))
        return false;
    if (!known)
        look_into(watcher, path, NULL, false);
    return true;
}

static void forget_place(struct watcher *watcher, int watch)
{
    struct place *place = place_of(watcher, watch);
    if (!place)
        return;
    free(place->path);
    *place = watcher->places[--watcher->place_count];
}

/* ---- what inotify says ---- */

static void read_logs(struct watcher *watcher)
{
    struct stat info;
    for (size_t i = 0; i < watcher->log_count && !is_over(watcher); i++)
        if (watcher->logs[i].now.fd < 0 && stat(watcher->logs[i].path, &info) == 0 &&
            S_ISDIR(info.st_mode)) /* what was awaited is a folder */
            add_folder(watcher, watcher->logs[i].path);
        else if (mc_followed_log_read(&watcher->logs[i], watcher->notify, watcher->follow->mailbox))
            tell(watcher);
}

static void look_everywhere(struct watcher *watcher)
{
    for (size_t i = 0; i < watcher->place_count && !is_over(watcher); i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s", watcher->places[i].path);
        if (watcher->places[i].has_mail)
            look_into(watcher, path, NULL, false);
    }
}

static void take_event(struct watcher *watcher, const struct inotify_event *event)
{
    struct place *place = place_of(watcher, event->wd);
    if (event->mask & IN_Q_OVERFLOW) {
        look_everywhere(watcher);
    } else if (event->mask & IN_IGNORED) {
        forget_place(watcher, event->wd);
    } else if (place && place->has_mail && event->len) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s", place->path);
        /* a folder that is new may make a Maildir of the one that it is in */
        bool folder = event->mask & IN_ISDIR;
        look_into(watcher, path, folder ? NULL : event->name, event->mask & IN_CREATE);
    }
}

static void on_events(void *arg, int fd, int what)
{
    struct watcher *watcher = arg;
    (void)what;
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    ssize_t got = read(fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < got && !is_over(watcher);) {
        const struct inotify_event *event = (const void *)(bytes + at);
        take_event(watcher, event);
        at += (ssize_t)(sizeof *event + event->len);
    }
    read_logs(watcher);
}

static void on_signal(void *arg, int number)
{
    struct watcher *watcher = arg;
    watcher->stopped = number;
}

/* ---- what to watch ---- */

/* What holds messages cannot grow line by line. */
static bool is_log(struct watcher *watcher, const char *path)
{
    char head[2048];
    struct mc_separator separator;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? 0 : read(fd, head, sizeof head);
    if (fd >= 0)
        close(fd);
    struct mc_span text = mc_span(head, got > 0 ? (size_t)got : 0);
    if (mc_separator_detect(text, &separator) || (text.len > 1 && !memcmp(head, "\x1f\x8b", 2)))
        return mc_mailbox_complain(watcher->follow->mailbox, path,
                                   "is no log: --follow takes folders of mail, and logs");
    return true;
}

static bool add_log(struct watcher *watcher, const char *path)
{
    bool known;
    const char *slash = strrchr(path, '/');
    char folder[PATH_SIZE] = ".";
    if (slash && (size_t)(slash - path) < sizeof folder)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (!is_log(watcher, path) || !watch_place(watcher, folder, false, &known))
        return false;
    watcher->logs =
        mc_grow(watcher->logs, watcher->log_count, &watcher->log_room, sizeof *watcher->logs);
    mc_followed_log_init(&watcher->logs[watcher->log_count++], path);
    return true;
}

static bool add_path(struct watcher *watcher, const char *path)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (!there && errno != ENOENT)
        return mc_mailbox_complain(watcher->follow->mailbox, path, strerror(errno));
    if (!there || S_ISREG(info.st_mode))
        return add_log(watcher, path);
    if (!S_ISDIR(info.st_mode))
        return mc_mailbox_complain(watcher->follow->mailbox, path,
                                   "is neither a folder nor a file");
    return add_folder(watcher, path);
}

static void free_watcher(struct watcher *watcher)
{
    mc_watch_stop(&watcher->ready);
    for (size_t i = 0; i < watcher->log_count; i++)
        mc_followed_log_free(&watcher->logs[i]);
    for (size_t i = 0; i < watcher->place_count; i++)
        free(watcher->places[i].path);
    free(watcher->logs);
    free(watcher->places);
    mc_digest_map_free(&watcher->seen);
    mc_loop_free(watcher->loop);
    if (watcher->notify >= 0)
        close(watcher->notify);
}

int mc_follow(const struct mc_follow *follow, char *const *paths, size_t count)
{
    struct watcher watcher = {.follow = follow, .loop = mc_loop_new()};
    watcher.notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watcher.notify < 0) {
        mc_log(MC_LOG_ERROR, "inotify: %m");
        watcher.ended = true;
    }
    mc_interrupt_catch();
    for (size_t i = 0; i < count && !is_over(&watcher); i++)
        if (!add_path(&watcher, paths[i]))
            watcher.ended = true;
    read_logs(&watcher);
    if (!watcher.ended)
        tell(&watcher); /* where there was nothing, too: a header may be waiting */
    if (!watcher.ended)
        mc_watch_start(&watcher.ready, watcher.loop, watcher.notify, MC_WATCH_READ, on_events,
                       &watcher);
    /* from here on they must wake the loop; one that came before is in the flag */
    mc_loop_on_signal(watcher.loop, SIGINT, on_signal, &watcher);
    mc_loop_on_signal(watcher.loop, SIGTERM, on_signal, &watcher);
    while (!is_over(&watcher))
        mc_loop_run(watcher.loop, -1);
    int number = watcher.stopped ? watcher.stopped : (int)*mc_interrupt_flag();
    for (size_t i = 0; i < watcher.log_count && number; i++)
        mc_followed_log_finish(&watcher.logs[i], follow->mailbox);
    free_watcher(&watcher);
    return number;
}
