/* Opening a list: enough of it is read to know what it is and how it is written. */
#include "csv/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "csv/file_kind.h"
#include "csv/rows_private.h"
#include "csv/utf16.h"

#define SAMPLE_FIRST ((size_t)64 << 10)
/* The sample grows to this where the first rows are longer than that. */
#define SAMPLE_MAX       ((size_t)8 << 20)
#define PIPE_PATIENCE_MS 1000
/* Some short rows at the top must not have tables made for many times as many as there are. */
#define ROW_BYTES_MIN 20
/* What mc_rows_fill takes over at a time, so that other work is not held up. */
#define FILL_MAX ((size_t)1 << 20)
/* In a single pass nothing is taken over from the pipe while this much has not been read. */
#define HELD_MAX ((size_t)256 << 10)

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a pipe's first byte as long as it takes, then for `want` bytes, the end, or until
 * *until_ms (set here, once), but for one more byte than `have` in any case. */
static bool await(struct mc_row_source *source, uint64_t have, uint64_t want, int64_t *until_ms)
{
    while (!source->ended && source->size < want) {
        int64_t left = source->size <= have ? -1 : *until_ms - now_ms();
        if (source->size > have && left <= 0)
            break;
        int ready = mc_row_source_wait(source, (int)left);
        if (ready < 0 || (ready > 0 && mc_row_source_fill(source, want - source->size) < 0))
            return false;
        if (have == 0 && *until_ms == 0 && source->size > 0)
            *until_ms = now_ms() + PIPE_PATIENCE_MS;
    }
    return true;
}

static bool read_sample(struct mc_row_source *source, size_t want, struct mc_text *sample)
{
    sample->len = 0;
    while (sample->len < want) {
        char *to = mc_text_reserve(sample, want - sample->len);
        ssize_t n = mc_row_source_read(source, sample->len, to, want - sample->len);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        sample->len += (size_t)n;
    }
    return true;
}

/* The sample in UTF-8, without its byte order mark. */
static struct mc_span as_utf8(struct mc_dialect *dialect, struct mc_span sample, bool final,
                              struct mc_text *utf8)
{
    dialect->encoding = mc_file_kind_encoding(sample, &dialect->bom);
    if (dialect->encoding != MC_ENCODING_UTF8) {
        size_t used;
        utf8->len = 0;
        char *to = mc_text_reserve(utf8, mc_utf16_decoded_max(sample.len));
        utf8->len = mc_utf16_decode(sample.at, sample.len, dialect->encoding == MC_ENCODING_UTF16BE,
                                    final, to, &used);
        sample = mc_text_span(utf8);
    }
    size_t lead = dialect->bom ? MC_BOM_LEN : 0;
    return mc_span(sample.at + lead, sample.len - lead);
}

/* One look at the first `want` bytes. 1: known, 0: not, with a sentence in `error`, -1: more of
 * the list may tell. */
static int look(struct mc_rows *rows, const struct mc_rows_options *options, size_t want,
                struct mc_text *buffers, char *error, size_t error_size)
{
    struct mc_row_source *source = &rows->source;
    if (!read_sample(source, want, &buffers[0])) {
        snprintf(error, error_size, "%s", source->error);
        return 0;
    }
    struct mc_span head = mc_text_span(&buffers[0]);
    bool final = source->ended && head.len == source->size;
    if (mc_file_kind_refuse(head, source->name, error, error_size))
        return 0;
    struct mc_span sample = as_utf8(&rows->detected.dialect, head, final, &buffers[1]);
    bool ok = mc_dialect_detect(&rows->detected, sample, final || want >= SAMPLE_MAX, options,
                                source->name, error, error_size);
    uint32_t enough = source->is_stream && head.len < want ? 1 : 2;
    bool settled = final || want >= SAMPLE_MAX ||
                   (rows->detected.rows >= enough &&
                    ((ok && rows->detected.sure) || head.len >= SAMPLE_FIRST));
    return settled ? ok : -1;
}

static bool detect(struct mc_rows *rows, const struct mc_rows_options *options, char *error,
                   size_t error_size)
{
    struct mc_row_source *source = &rows->source;
    struct mc_text buffers[2] = {{0}, {0}};
    int64_t until_ms = 0;
    uint64_t have = 0;
    size_t want = SAMPLE_FIRST;
    int known = -1;
    while (known < 0) {
        if (source->is_stream && !await(source, have, want, &until_ms)) {
            snprintf(error, error_size, "%s", source->error);
            known = 0;
            break;
        }
        known = look(rows, options, want, buffers, error, error_size);
        have = source->size;
        if (source->size >= want)
            want *= 4;
    }
    mc_text_free(&buffers[0]);
    mc_text_free(&buffers[1]);
    return known == 1;
}

struct mc_rows *mc_rows_open(const struct mc_rows_options *options, char *error, size_t error_size)
{
    char told = options->delimiter;
    if (told == '"' || told == '\n' || told == '\r' || (unsigned char)told >= 0x80) {
        snprintf(error, error_size,
                 "the delimiter must be one ASCII character, neither a quote nor a line break");
        return NULL;
    }
    struct mc_rows *rows = mc_calloc(1, sizeof *rows);
    if (!mc_row_source_open(&rows->source, options->path, options->single_pass)) {
        snprintf(error, error_size, "%s", rows->source.error);
    } else if (detect(rows, options, error, error_size)) {
        return rows;
    }
    mc_rows_free(rows);
    return NULL;
}

void mc_rows_free(struct mc_rows *rows)
{
    if (!rows)
        return;
    mc_row_source_close(&rows->source);
    mc_detected_free(&rows->detected);
    free(rows);
}

const struct mc_dialect *mc_rows_dialect(const struct mc_rows *rows)
{
    return &rows->detected.dialect;
}

const char *mc_rows_description(const struct mc_rows *rows)
{
    return rows->detected.description.at;
}

uint64_t mc_rows_size(const struct mc_rows *rows)
{
    return rows->source.is_stream ? 0 : rows->source.size;
}

uint64_t mc_rows_expected(const struct mc_rows *rows)
{
    const struct mc_detected *detected = &rows->detected;
    uint64_t unit = detected->dialect.encoding == MC_ENCODING_UTF8 ? 1 : 2;
    double row_bytes = (double)(detected->bytes * unit) / (detected->rows ? detected->rows : 1);
    if (row_bytes < ROW_BYTES_MIN)
        row_bytes = ROW_BYTES_MIN;
    return (uint64_t)((double)mc_rows_size(rows) / row_bytes);
}

int mc_rows_fd(const struct mc_rows *rows)
{
    return rows->source.is_stream && !rows->source.ended ? rows->source.fd : -1;
}

int mc_rows_fill(struct mc_rows *rows)
{
    struct mc_row_source *source = &rows->source;
    bool full = source->single_pass && source->size - source->held_from >= HELD_MAX;
    return mc_row_source_fill(source, full ? 0 : FILL_MAX);
}

const char *mc_rows_error(const struct mc_rows *rows)
{
    return rows->source.error;
}

bool mc_rows_changed(struct mc_rows *rows)
{
    return mc_row_source_changed(&rows->source);
}

const struct mc_rows_oddities *mc_rows_oddities(const struct mc_rows *rows)
{
    return &rows->oddities;
}
