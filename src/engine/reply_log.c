#include "engine/reply_log.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spool.h"
#include "base/text.h"

#define BUFFER_SIZE (256 * 1024)
#define COMMON_SIZE 1024 /* lines remembered to be stored once; a power of two */

#define COMMON_TEXT 120

/* A line's number is its offset * 1024 + its length, so that one word names it. */
struct mc_reply_log {
    int fd;           /* -1 until the buffer has been full once */
    uint64_t flushed; /* bytes in the file; the buffer holds what follows */
    size_t buffered;
    bool broken;
    char buffer[BUFFER_SIZE];
    char line[MC_REPLY_LINE_SHOWN];
    struct {
        uint64_t hash, number;
        char text[COMMON_TEXT]; /* its beginning: what comes often is met without a read */
    } common[COMMON_SIZE];
};

struct mc_reply_log *mc_reply_log_new(void)
{
    struct mc_reply_log *log = mc_malloc(sizeof *log);
    log->fd = -1;
    log->flushed = 1; /* so that no line has number 0 */
    log->buffered = 0;
    log->broken = false;
    memset(log->common, 0, sizeof log->common);
    return log;
}

void mc_reply_log_free(struct mc_reply_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log);
}

static bool flush(struct mc_reply_log *log)
{
    if (log->fd < 0 && (log->fd = mc_spool_open()) < 0)
        return false;
    for (size_t done = 0; done < log->buffered;) {
        ssize_t n =
            pwrite(log->fd, log->buffer + done, log->buffered - done, (off_t)(log->flushed + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    log->flushed += log->buffered;
    log->buffered = 0;
    return true;
}

static bool same_line(struct mc_reply_log *log, size_t slot, struct mc_span line)
{
    uint64_t number = log->common[slot].number;
    if (line.len > COMMON_TEXT)
        return mc_span_equal(line, mc_reply_log_get(log, number));
    return mc_span_equal(line, mc_span(log->common[slot].text, number & 1023));
}

uint64_t mc_reply_log_add(struct mc_reply_log *log, struct mc_span line)
{
    MC_ASSERT(line.len <= MC_REPLY_LINE_SHOWN);
    if (!line.len || log->broken)
        return 0;
    uint64_t hash = mc_hash(line);
    size_t slot = hash & (COMMON_SIZE - 1);
    if (log->common[slot].number && log->common[slot].hash == hash && same_line(log, slot, line))
        return log->common[slot].number;
    if (log->buffered + line.len > BUFFER_SIZE && !flush(log)) {
        mc_log(MC_LOG_WARNING,
               "cannot write to a temporary file (%s): mc_smtp stays empty from here on; set "
               "TMPDIR to a folder with more room",
               strerror(errno));
        log->broken = true;
        return 0;
    }
    uint64_t number = (log->flushed + log->buffered) << 10 | line.len;
    memcpy(log->buffer + log->buffered, line.at, line.len);
    log->buffered += line.len;
    log->common[slot].hash = hash;
    log->common[slot].number = number;
    memcpy(log->common[slot].text, line.at, line.len < COMMON_TEXT ? line.len : COMMON_TEXT);
    return number;
}

uint64_t mc_reply_log_add_answer(struct mc_reply_log *log, const struct mc_answer *answer)
{
    struct mc_text line = {0}, raw = {0};
    mc_text_printf(&raw, "%s ", mc_stage_name(answer->stage));
    if (answer->reply) {
        if (answer->reply->code)
            mc_text_printf(&raw, "%u ", (unsigned)answer->reply->code);
        mc_text_add(&raw, answer->reply->text, answer->reply->text_len);
    } else {
        mc_text_add_z(&raw, answer->detail ? answer->detail : "");
    }
    mc_text_add_printable(&line, mc_text_span(&raw), MC_REPLY_LINE_SHOWN);
    while (line.len && line.at[line.len - 1] == ' ')
        line.len--;
    uint64_t number = mc_reply_log_add(log, mc_text_span(&line));
    mc_text_free(&raw);
    mc_text_free(&line);
    return number;
}

struct mc_span mc_reply_log_get(struct mc_reply_log *log, uint64_t number)
{
    uint64_t offset = number >> 10;
    size_t len = number & 1023;
    if (!len)
        return mc_span("", 0);
    if (offset >= log->flushed)
        return mc_span(log->buffer + (offset - log->flushed), len);
    if (pread(log->fd, log->line, len, (off_t)offset) != (ssize_t)len)
        return mc_span("", 0);
    return mc_span(log->line, len);
}
