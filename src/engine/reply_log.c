#include "engine/reply_log.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spool.h"
#include "base/text.h"

#define BUFFER_SIZE (256 * 1024)
#define COMMON_SIZE 1024 /* lines and wordings remembered to be stored once; a power of two */
#define COMMON_TEXT 120
#define BLOCK_SIZE  4096
#define BLOCKS      64   /* read lately; a power of two */
#define MARK        '\1' /* the recipient's address; a printable line has no such byte */

/* A line's number is its offset * 2048 + (it has marks) * 1024 + its length, so that one word
 * names it. */
#define MARKED 1024u

struct mc_reply_log {
    int fd;           /* -1 until the buffer has been full once */
    uint64_t flushed; /* bytes in the file; the buffer holds what follows */
    size_t buffered;
    bool broken;
    char buffer[BUFFER_SIZE];
    char stored[MC_REPLY_LINE_SHOWN]; /* read from the file */
    struct mc_text line, raw;
    struct {
        uint64_t hash, number;
        char text[COMMON_TEXT]; /* its beginning: what comes often is met without a read */
    } common[COMMON_SIZE];
    struct {
        uint64_t wording, number;
    } wordings[COMMON_SIZE];
    uint64_t block_of[BLOCKS]; /* 1 + which block of the file is there; 0: none */
    char blocks[BLOCKS][BLOCK_SIZE];
};

struct mc_reply_log *mc_reply_log_new(void)
{
    struct mc_reply_log *log = mc_calloc(1, sizeof *log);
    log->fd = -1;
    log->flushed = 1; /* so that no line has number 0 */
    return log;
}

void mc_reply_log_free(struct mc_reply_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    mc_text_free(&log->line);
    mc_text_free(&log->raw);
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

/* Reading back */

/* The whole block of the file, from memory where it was read lately; NULL where it cannot be had.
 */
static const char *block(struct mc_reply_log *log, uint64_t number)
{
    size_t slot = number % BLOCKS;
    if (log->block_of[slot] != number + 1) {
        log->block_of[slot] = 0;
        if (pread(log->fd, log->blocks[slot], BLOCK_SIZE, (off_t)(number * BLOCK_SIZE)) !=
            BLOCK_SIZE)
            return NULL;
        log->block_of[slot] = number + 1;
    }
    return log->blocks[slot];
}

static bool read_file(struct mc_reply_log *log, uint64_t offset, size_t len)
{
    if ((offset + len) / BLOCK_SIZE >= log->flushed / BLOCK_SIZE) /* still growing */
        return pread(log->fd, log->stored, len, (off_t)offset) == (ssize_t)len;
    for (size_t done = 0, piece; done < len; done += piece) {
        size_t at = (offset + done) % BLOCK_SIZE;
        const char *from = block(log, (offset + done) / BLOCK_SIZE);
        if (!from)
            return false;
        piece = len - done < BLOCK_SIZE - at ? len - done : BLOCK_SIZE - at;
        memcpy(log->stored + done, from + at, piece);
    }
    return true;
}

static struct mc_span stored(struct mc_reply_log *log, uint64_t number)
{
    uint64_t offset = number >> 11;
    size_t len = number & (MARKED - 1);
    if (!len)
        return mc_span("", 0);
    if (offset >= log->flushed)
        return mc_span(log->buffer + (offset - log->flushed), len);
    return read_file(log, offset, len) ? mc_span(log->stored, len) : mc_span("", 0);
}

/* As much of it as is shown, cut between characters, without blanks at its end. */
static struct mc_span shown(struct mc_span line)
{
    if (line.len > MC_REPLY_LINE_SHOWN) {
        line.len = MC_REPLY_LINE_SHOWN;
        while (line.len && ((unsigned char)line.at[line.len] & 0xc0) == 0x80)
            line.len--;
    }
    while (line.len && line.at[line.len - 1] == ' ')
        line.len--;
    return line;
}

bool mc_reply_log_has_marks(uint64_t number)
{
    return number & MARKED;
}

struct mc_span mc_reply_log_get(struct mc_reply_log *log, uint64_t number, struct mc_span address)
{
    struct mc_span rest = stored(log, number);
    if (!(number & MARKED))
        return rest;
    log->line.len = 0;
    for (const char *mark; (mark = memchr(rest.at, MARK, rest.len)) != NULL;) {
        size_t before = (size_t)(mark - rest.at);
        mc_text_add(&log->line, rest.at, before);
        mc_text_add_printable(&log->line, address, SIZE_MAX);
        rest = mc_span(mark + 1, rest.len - before - 1);
    }
    mc_text_add_span(&log->line, rest);
    return shown(mc_text_span(&log->line));
}

/* Adding */

static uint64_t append(struct mc_reply_log *log, struct mc_span line, uint64_t marked)
{
    if (log->broken)
        return 0;
    if (log->buffered + line.len > BUFFER_SIZE && !flush(log)) {
        mc_log(MC_LOG_WARNING,
               "cannot write to a temporary file (%s): mc_smtp stays empty from here on; set "
               "TMPDIR to a folder with more room",
               strerror(errno));
        log->broken = true;
        return 0;
    }
    uint64_t number = (log->flushed + log->buffered) << 11 | marked | line.len;
    memmove(log->buffer + log->buffered, line.at, line.len); /* it may stand in the buffer */
    log->buffered += line.len;
    return number;
}

static bool same_line(struct mc_reply_log *log, size_t slot, struct mc_span line)
{
    uint64_t number = log->common[slot].number;
    if (line.len > COMMON_TEXT)
        return mc_span_equal(line, stored(log, number));
    return mc_span_equal(line, mc_span(log->common[slot].text, number & (MARKED - 1)));
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
    uint64_t number = append(log, line, memchr(line.at, MARK, line.len) ? MARKED : 0);
    if (!number)
        return 0;
    log->common[slot].hash = hash;
    log->common[slot].number = number;
    memcpy(log->common[slot].text, log->buffer + log->buffered - line.len,
           line.len < COMMON_TEXT ? line.len : COMMON_TEXT);
    return number;
}

/* The text of the answer's line, all of it, as raw bytes. */
static void write_raw(struct mc_text *raw, const struct mc_answer *answer)
{
    raw->len = 0;
    mc_text_add_z(raw, mc_stage_name(answer->stage));
    mc_text_add_char(raw, ' ');
    if (!answer->reply) {
        mc_text_add_z(raw, answer->detail ? answer->detail : "");
        return;
    }
    if (answer->reply->code) {
        mc_text_add_u64(raw, answer->reply->code);
        mc_text_add_char(raw, ' ');
    }
    mc_text_add(raw, answer->reply->text, answer->reply->text_len);
}

/* The line with a mark for each address, into `line`; false where it has none or is too long. */
static bool write_marked(struct mc_text *line, struct mc_span raw, struct mc_span address)
{
    bool any = false;
    line->len = 0;
    for (const char *place;
         address.len && (place = memmem(raw.at, raw.len, address.at, address.len)) != NULL;) {
        size_t before = (size_t)(place - raw.at);
        mc_text_add_printable(line, mc_span(raw.at, before), SIZE_MAX);
        mc_text_add_char(line, MARK);
        raw = mc_span(place + address.len, raw.len - before - address.len);
        any = true;
    }
    mc_text_add_printable(line, raw, SIZE_MAX);
    return any && line->len <= MC_REPLY_LINE_SHOWN;
}

uint64_t mc_reply_log_known(const struct mc_reply_log *log, const struct mc_answer *answer)
{
    size_t slot = answer->wording & (COMMON_SIZE - 1);
    bool known = answer->wording && log->wordings[slot].wording == answer->wording;
    return known ? log->wordings[slot].number : 0;
}

uint64_t mc_reply_log_add_answer(struct mc_reply_log *log, const struct mc_answer *answer,
                                 struct mc_span address)
{
    uint64_t number;
    write_raw(&log->raw, answer);
    if (answer->wording && write_marked(&log->line, mc_text_span(&log->raw), address)) {
        number = append(log, mc_text_span(&log->line), MARKED);
    } else {
        log->line.len = 0;
        mc_text_add_printable(&log->line, mc_text_span(&log->raw), MC_REPLY_LINE_SHOWN);
        number = mc_reply_log_add(log, shown(mc_text_span(&log->line)));
    }
    bool serves_all = number & MARKED || log->raw.len <= MC_REPLY_LINE_SHOWN;
    if (number && answer->wording && serves_all) {
        size_t slot = answer->wording & (COMMON_SIZE - 1);
        log->wordings[slot].wording = answer->wording;
        log->wordings[slot].number = number;
    }
    return number;
}
