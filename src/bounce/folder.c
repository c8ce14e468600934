/* Walking folders, for bounce/mailbox.h. A Maildir has its messages in new and cur, and further
 * Maildirs in folders whose name starts with a dot; its other files are some program's own. Links
 * are followed, but not to a folder that we are in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "bounce/folder.h"

#define DEPTH_MAX 64
#define PATH_SIZE 4096

/* The way from the folder that was named to the one that is read. */
struct way {
    const struct way *up;
    dev_t device;
    ino_t number;
    unsigned depth;
};

static bool has_folder(int folder, const char *name)
{
    struct stat info;
    return fstatat(folder, name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

bool mc_folder_is_maildir(int folder)
{
    return has_folder(folder, "cur") || has_folder(folder, "new");
}

enum mc_entry mc_folder_entry(int folder, const char *name, unsigned char type, bool maildir)
{
    struct stat info;
    if (!strcmp(name, ".") || !strcmp(name, "..") || (maildir && !strcmp(name, "tmp")))
        return MC_ENTRY_NONE;
    if (type == DT_UNKNOWN || type == DT_LNK) {
        if (fstatat(folder, name, &info, 0) != 0) /* reading it will say why */
            return type == DT_LNK || name[0] == '.' || maildir ? MC_ENTRY_NONE : MC_ENTRY_FILE;
        type = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_FIFO;
    }
    if (type == DT_REG)
        return name[0] == '.' || maildir ? MC_ENTRY_NONE : MC_ENTRY_FILE;
    if (type != DT_DIR)
        return MC_ENTRY_NONE; /* a socket, a pipe, a device */
    if (name[0] != '.')
        return MC_ENTRY_FOLDER;
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool wanted = inner >= 0 && mc_folder_is_maildir(inner);
    if (inner >= 0)
        close(inner);
    return wanted ? MC_ENTRY_FOLDER : MC_ENTRY_NONE;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_folder(struct mc_mailbox *mailbox, int fd, const char *path, const struct way *up);

/* `type` is that of readdir. */
static void read_entry(struct mc_mailbox *mailbox, int folder, const char *name, unsigned char type,
                       const char *path, const struct way *way)
{
    struct stat info = {.st_mode = S_IFREG};
    /* what became a pipe meanwhile is not waited for */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || (type != DT_REG && fstat(fd, &info) != 0)) {
        if (errno != ENOENT) /* a mail program moved it on */
            mc_mailbox_complain(mailbox, path, strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        read_folder(mailbox, fd, path, way);
    } else if (S_ISREG(info.st_mode)) {
        mc_mailbox_read_file(mailbox, fd, path);
    }
    if (fd >= 0)
        close(fd);
}

static bool is_on_the_way(const struct way *way, const struct stat *info)
{
    for (; way; way = way->up)
        if (way->device == info->st_dev && way->number == info->st_ino)
            return true;
    return false;
}

/* `fd` stays the caller's. */
static bool read_folder(struct mc_mailbox *mailbox, int fd, const char *path, const struct way *up)
{
    struct stat info;
    struct dirent **names;
    if (fstat(fd, &info) != 0)
        return mc_mailbox_complain(mailbox, path, strerror(errno));
    if (is_on_the_way(up, &info))
        return true; /* a link back */
    struct way way = {up, info.st_dev, info.st_ino, up ? up->depth + 1 : 0};
    if (way.depth > DEPTH_MAX)
        return mc_mailbox_complain(mailbox, path, "is a folder too deep");
    int count = scandirat(fd, ".", &names, NULL, by_name);
    if (count < 0)
        return mc_mailbox_complain(mailbox, path, strerror(errno));
    bool maildir = mc_folder_is_maildir(fd);
    char inner[PATH_SIZE];
    size_t len = strlen(path);
    MC_ASSERT(len < sizeof inner); /* or it could not have been opened */
    memcpy(inner, path, len);
    if (!len || path[len - 1] != '/')
        inner[len++] = '/';
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        size_t size = strlen(name) + 1;
        bool wanted = mc_folder_entry(fd, name, names[i]->d_type, maildir) != MC_ENTRY_NONE;
        if (wanted && size > sizeof inner - len) {
            mc_mailbox_complain(mailbox, path, "holds a name that is too long");
        } else if (wanted) {
            memcpy(inner + len, name, size);
            read_entry(mailbox, fd, name, names[i]->d_type, inner, &way);
        }
        free(names[i]);
    }
    free(names);
    return true;
}

bool mc_mailbox_read_path(struct mc_mailbox *mailbox, const char *path)
{
    struct stat info;
    bool standard = !strcmp(path, "-"), ok;
    const char *name = standard ? "stdin" : path;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0)
        ok = mc_mailbox_complain(mailbox, name, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        ok = mc_mailbox_read_fd(mailbox, fd, name);
    else
        ok = read_folder(mailbox, fd, name, NULL);
    if (fd >= 0 && !standard)
        close(fd);
    return ok;
}
