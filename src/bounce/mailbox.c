#include "bounce/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "bounce/judge.h"
#include "bounce/mail_log.h"
#include "bounce/mime.h"
#include "bounce/report.h"
#include "bounce/webhook.h"

#define COPY_MAX     (256u << 20) /* files above are mapped, not copied */
#define UNPACKED_MAX (4ull << 30)
#define LINE_MAX_LEN (1u << 20)
#define DEPTH_MAX    32

struct reading {
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    const char *name;
    struct mc_message message;
};

static struct mc_span numbered(const struct reading *reading, uint64_t number, char *out,
                               size_t size)
{
    int len = snprintf(out, size, "%s:%llu", reading->name, (unsigned long long)number);
    return mc_span(out, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1);
}

/* ---- messages ---- */

static void read_message(struct reading *reading, struct mc_span raw, struct mc_span source)
{
    mc_mime_read(raw, &reading->message);
    if (reading->message.cut)
        mc_log(MC_LOG_WARNING,
               "%.*s: too large or too many parts (%zu bytes): only its beginning "
               "is read",
               (int)source.len, source.at, raw.len);
    mc_report_read(&reading->message, source, reading->sink, reading->counts);
}

/* "From somebody Mon Jan  1 00:00:00 2026": a time of day and a field after it, or it is text. */
static bool is_from_line(struct mc_span rest)
{
    if (rest.len < 5 || memcmp(rest.at, "From ", 5) != 0)
        return false;
    struct mc_span line = mc_bounce_line(&rest), next = mc_bounce_line(&rest);
    bool time = false;
    for (size_t i = 5; i + 5 < line.len && !time; i++)
        time = line.at[i] == ' ' && line.at[i + 3] == ':' && mc_is_digit(line.at[i + 1]) &&
               mc_is_digit(line.at[i + 2]) && mc_is_digit(line.at[i + 4]);
    if (!time)
        return false;
    size_t i = 0;
    while (i < next.len && next.at[i] > ' ' && next.at[i] != ':')
        i++;
    return (i && i < next.len && next.at[i] == ':') || mc_bounce_starts(next, ">From ");
}

/* mboxcl: the Content-Length of the message at the start, where a From_ line or the end follows
 * it; else 0. */
static size_t counted_length(struct mc_span rest)
{
    const char *body = memmem(rest.at, rest.len, "\n\n", 2);
    if (!body)
        return 0;
    size_t head = (size_t)(body - rest.at) + 2, length = 0;
    struct mc_span value = mc_header(mc_span(rest.at, head), "Content-Length");
    for (size_t i = 0; i < value.len; i++) {
        if (!mc_is_digit(value.at[i]) || length > rest.len)
            return 0;
        length = length * 10 + (size_t)(value.at[i] - '0');
    }
    if (!length || head + length > rest.len)
        return 0;
    size_t end = head + length;
    while (end < rest.len && (rest.at[end] == '\n' || rest.at[end] == '\r'))
        end++;
    struct mc_span after = mc_span(rest.at + end, rest.len - end);
    return !after.len || is_from_line(after) ? end : 0;
}

/* Quoted From_ lines (mboxo, mboxrd) stay quoted: they are text, and no text of a report. */
static void read_mbox(struct reading *reading, struct mc_span rest)
{
    char source[4200];
    for (uint64_t number = 1; rest.len; number++) {
        mc_bounce_line(&rest); /* the From_ line */
        size_t end = counted_length(rest);
        if (!end) {
            const char *at = rest.at;
            end = rest.len;
            while ((at = memmem(at, (size_t)(rest.at + rest.len - at), "\nFrom ", 6)) != NULL) {
                at++;
                if (is_from_line(mc_span(at, (size_t)(rest.at + rest.len - at)))) {
                    end = (size_t)(at - rest.at);
                    break;
                }
            }
        }
        read_message(reading, mc_span(rest.at, end),
                     numbered(reading, number, source, sizeof source));
        rest = mc_span(rest.at + end, rest.len - end);
    }
}

/* ---- lines ---- */

static void read_lines(struct reading *reading, struct mc_span rest)
{
    char source[4200];
    for (uint64_t number = 1; rest.len; number++) {
        struct mc_span line = mc_bounce_line(&rest),
                       name = numbered(reading, number, source, sizeof source);
        if (line.len > LINE_MAX_LEN) {
            mc_log(MC_LOG_WARNING, "%s: a line of %zu bytes is passed over", source, line.len);
            reading->counts->damaged++;
        } else {
            mc_log_line_read(line, name, reading->sink, reading->counts);
        }
    }
}

/* ---- JSON ---- */

/* The length of the JSON value at the start: brackets are counted, strings passed over. */
static size_t json_length(struct mc_span text)
{
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth && !--depth) {
            return i + 1;
        }
    }
    return text.len;
}

static void read_json(struct reading *reading, struct mc_span rest)
{
    char source[4200];
    for (uint64_t number = 1; (rest = mc_bounce_trim(rest)).len; number++) {
        struct mc_span name = numbered(reading, number, source, sizeof source);
        size_t len = rest.at[0] == '{' || rest.at[0] == '[' ? json_length(rest) : 0;
        if (len && mc_webhook_read(mc_span(rest.at, len), name, reading->sink, reading->counts)) {
            rest = mc_span(rest.at + len, rest.len - len);
            while (rest.len && strchr(", \r\n\t", rest.at[0]))
                rest = mc_span(rest.at + 1, rest.len - 1);
            continue;
        }
        mc_log(MC_LOG_WARNING, "%s: no JSON", source);
        reading->counts->damaged++;
        mc_bounce_line(&rest); /* the next line may be sound */
    }
}

/* ---- what is it? ---- */

static bool is_field(struct mc_span line)
{
    size_t i = 0;
    while (i < line.len && line.at[i] > ' ' && line.at[i] < 0x7f && line.at[i] != ':' &&
           line.at[i] != '@')
        i++;
    return i > 1 && i < line.len && line.at[i] == ':' &&
           (i + 1 == line.len || line.at[i + 1] != '/');
}

static bool is_message(struct mc_span text)
{
    size_t fields = 0, others = 0;
    for (size_t i = 0; i < 40 && text.len; i++) {
        struct mc_span line = mc_bounce_line(&text);
        if (!mc_bounce_trim(line).len)
            break;
        if (is_field(line) || mc_bounce_starts(line, ">From "))
            fields++;
        else if (line.at[0] != ' ' && line.at[0] != '\t')
            others++;
        if (mc_log_line_is(line))
            return false;
    }
    return fields > others && fields;
}

static void read_text(struct reading *reading, struct mc_span text)
{
    struct mc_span start = mc_bounce_trim(text);
    if (start.len && !memchr(start.at, '\n', start.len) && memchr(start.at, '\r', start.len)) {
        struct mc_text lines = {0}; /* line ends of old: a carriage return alone */
        mc_text_add_span(&lines, start);
        for (size_t i = 0; i < lines.len; i++)
            if (lines.at[i] == '\r')
                lines.at[i] = '\n';
        read_text(reading, mc_text_span(&lines));
        mc_text_free(&lines);
        return;
    }
    if (start.len >= 3 && !memcmp(start.at, "\xef\xbb\xbf", 3))
        start = mc_bounce_trim(mc_span(start.at + 3, start.len - 3));
    if (!start.len)
        return;
    if (is_from_line(start))
        read_mbox(reading, start);
    else if (start.at[0] == '{' ||
             (start.at[0] == '[' &&
              mc_bounce_starts(mc_bounce_trim(mc_span(start.at + 1, start.len - 1)), "{")))
        read_json(reading, start);
    else if (is_message(start))
        read_message(reading, start, mc_span_of(reading->name));
    else
        read_lines(reading, start);
}

void mc_mailbox_read_bytes(struct mc_span bytes, const char *name,
                           const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts)
{
    struct reading reading = {.sink = sink, .counts = counts, .name = name};
    read_text(&reading, bytes);
    mc_message_free(&reading.message);
}

/* ---- files ---- */

static bool complain(struct reading *reading, const char *what)
{
    mc_log(MC_LOG_WARNING, "%s: %s", reading->name, what);
    reading->counts->damaged++;
    return false;
}

static bool read_packed(struct reading *reading, int fd)
{
    struct mc_text text = {0};
    gzFile file = gzdopen(dup(fd), "rb");
    int got = 0;
    if (!file)
        return complain(reading, "cannot be unpacked");
    gzbuffer(file, 1 << 17);
    while (text.len < UNPACKED_MAX) {
        char *to = mc_text_reserve(&text, 1 << 17);
        got = gzread(file, to, 1 << 17);
        if (got <= 0)
            break;
        text.len += (size_t)got;
    }
    gzclose(file);
    if (got < 0)
        complain(reading, "is damaged; what could be unpacked is read");
    else if (got > 0)
        complain(reading, "unpacks to more than 4 GB; the rest is passed over");
    read_text(reading, mc_text_span(&text));
    mc_text_free(&text);
    return true;
}

static bool read_copied(struct reading *reading, int fd, size_t expected)
{
    struct mc_text text = {0};
    ssize_t got;
    mc_text_reserve(&text, expected + 1);
    do {
        char *to = mc_text_reserve(&text, 1 << 16);
        got = read(fd, to, text.room - text.len);
        if (got > 0)
            text.len += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    bool ok = got == 0 || text.len;
    if (got < 0)
        complain(reading, strerror(errno));
    if (text.len > 2 && !memcmp(text.at, "\x1f\x8b", 2)) {
        FILE *spool = tmpfile(); /* gzip from a pipe */
        ok = spool && fwrite(text.at, 1, text.len, spool) == text.len && !fflush(spool) &&
             lseek(fileno(spool), 0, SEEK_SET) == 0 && read_packed(reading, fileno(spool));
        if (spool)
            fclose(spool);
    } else {
        read_text(reading, mc_text_span(&text));
    }
    mc_text_free(&text);
    return ok;
}

static bool read_open(struct reading *reading, int fd, const struct stat *info)
{
    unsigned char magic[2] = {0};
    if (!S_ISREG(info->st_mode))
        return read_copied(reading, fd, 0);
    if (pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return read_packed(reading, fd);
    if (info->st_size <= COPY_MAX)
        return read_copied(reading, fd, (size_t)info->st_size);
    void *at = mmap(NULL, (size_t)info->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return complain(reading, strerror(errno));
    madvise(at, (size_t)info->st_size, MADV_SEQUENTIAL);
    read_text(reading, mc_span(at, (size_t)info->st_size));
    munmap(at, (size_t)info->st_size);
    return true;
}

/* ---- folders ---- */

static bool exists(const char *folder, const char *name)
{
    char path[4096];
    struct stat info;
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
           stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool read_path(struct reading *reading, const char *path, unsigned depth);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A Maildir has its messages in new and cur, and further Maildirs in folders whose name starts
 * with a dot; its other files are some program's own. */
static bool is_wanted(const char *folder, const char *name, bool maildir)
{
    char path[4096];
    struct stat info;
    if (!strcmp(name, ".") || !strcmp(name, "..") || (maildir && !strcmp(name, "tmp")))
        return false;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        lstat(path, &info) != 0)
        return false;
    if (S_ISDIR(info.st_mode))
        return name[0] != '.' || exists(path, "cur") || exists(path, "new");
    if (name[0] == '.' || maildir)
        return false;
    return S_ISREG(info.st_mode) ||
           (S_ISLNK(info.st_mode) && stat(path, &info) == 0 && S_ISREG(info.st_mode));
}

static bool read_folder(struct reading *reading, const char *folder, unsigned depth)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, by_name);
    bool maildir = exists(folder, "cur") || exists(folder, "new"), ok = count >= 0;
    if (!ok)
        return complain(reading, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (is_wanted(folder, names[i]->d_name, maildir) && depth < DEPTH_MAX &&
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < (int)sizeof path)
            read_path(reading, path, depth + 1); /* one that cannot be read was said */
        free(names[i]);
    }
    free(names);
    return true;
}

static bool read_path(struct reading *reading, const char *path, unsigned depth)
{
    struct stat info;
    bool standard = !strcmp(path, "-") && !depth;
    reading->name = standard ? "stdin" : path;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        complain(reading, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok =
        S_ISDIR(info.st_mode) ? read_folder(reading, path, depth) : read_open(reading, fd, &info);
    close(fd);
    return ok;
}

bool mc_mailbox_read(const char *path, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts)
{
    struct reading reading = {.sink = sink, .counts = counts};
    bool ok = read_path(&reading, path, 0);
    mc_message_free(&reading.message);
    return ok;
}
