/* Between the formats and the output: a buffer, and UTF-16 where the list is. */
#include "csv/writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "csv/csv_out.h"
#include "csv/jsonl_out.h"
#include "csv/utf16.h"

/* Handed to the kernel from this on. The buffer has as much again behind it, for the row that
 * passes the mark; it grows for longer rows and goes back. */
#define FLUSH_FROM ((size_t)128 << 10)
#define BUFFER     (2 * FLUSH_FROM)

struct mc_writer {
    struct mc_dialect dialect; /* a copy, with its own `ours` */
    uint32_t *ours;
    struct mc_csv_out *csv;
    struct mc_jsonl_out *jsonl;
    struct mc_output output;
    struct mc_text buffer;
    char *units; /* what `buffer` is in UTF-16; NULL: it goes as it is */
    bool big_endian;
};

struct mc_writer *mc_writer_open(const struct mc_writer_options *options,
                                 const struct mc_dialect *dialect, char *error, size_t error_size)
{
    struct mc_writer *writer = mc_calloc(1, sizeof *writer);
    if (!mc_output_open(&writer->output, options->path)) {
        snprintf(error, error_size, "%s", writer->output.error);
        mc_writer_abort(writer);
        return NULL;
    }
    writer->dialect = *dialect;
    if (dialect->ours_count > 0) {
        size_t size = dialect->ours_count * sizeof *writer->ours;
        writer->ours = mc_malloc(size);
        memcpy(writer->ours, dialect->ours, size);
    }
    writer->dialect.ours = writer->ours;
    mc_text_reserve(&writer->buffer, BUFFER);
    switch (options->format) {
    case MC_FORMAT_CSV:
        writer->csv = mc_csv_out_new(&writer->dialect, &options->columns);
        if (dialect->encoding != MC_ENCODING_UTF8)
            writer->units = mc_malloc(mc_utf16_encoded_max(BUFFER));
        writer->big_endian = dialect->encoding == MC_ENCODING_UTF16BE;
        break;
    case MC_FORMAT_JSONL:
        writer->jsonl = mc_jsonl_out_new(&writer->dialect, &options->columns);
        break;
    }
    return writer;
}

/* Everything ends with a whole character, because rows do; so nothing is left over. */
static bool write_utf16(struct mc_writer *writer)
{
    struct mc_text *buffer = &writer->buffer;
    for (size_t at = 0, used = 0; at < buffer->len; at += used) {
        size_t left = buffer->len - at;
        size_t piece = left < BUFFER ? left : BUFFER;
        size_t len = mc_utf16_encode(buffer->at + at, piece, writer->big_endian, piece == left,
                                     writer->units, &used);
        if (!mc_output_write(&writer->output, writer->units, len))
            return false;
    }
    return true;
}

bool mc_writer_flush(struct mc_writer *writer)
{
    struct mc_text *buffer = &writer->buffer;
    bool ok = writer->units ? write_utf16(writer)
                            : mc_output_write(&writer->output, buffer->at, buffer->len);
    buffer->len = 0;
    if (buffer->room > 2 * BUFFER) {
        buffer->at = mc_realloc(buffer->at, BUFFER);
        buffer->room = BUFFER;
    }
    return ok;
}

bool mc_writer_row(struct mc_writer *writer, const struct mc_row *row,
                   const struct mc_result *result)
{
    if (writer->csv)
        mc_csv_out_row(writer->csv, &writer->buffer, row, result);
    else
        mc_jsonl_out_row(writer->jsonl, &writer->buffer, row, result);
    return writer->buffer.len < FLUSH_FROM || mc_writer_flush(writer);
}

bool mc_writer_frame(const struct mc_writer *writer, const struct mc_result *result,
                     struct mc_csv_frame *frame)
{
    return writer->csv && mc_csv_out_frame(writer->csv, result, frame);
}

bool mc_writer_framed_row(struct mc_writer *writer, const struct mc_row *row,
                          const struct mc_csv_frame *frame, const struct mc_result *result)
{
    if (!mc_csv_out_framed_row(writer->csv, &writer->buffer, row, frame, result->email))
        mc_csv_out_row(writer->csv, &writer->buffer, row, result);
    return writer->buffer.len < FLUSH_FROM || mc_writer_flush(writer);
}

bool mc_writer_commit(struct mc_writer *writer, char *error, size_t error_size)
{
    bool ok = mc_writer_flush(writer) && mc_output_commit(&writer->output);
    if (!ok)
        snprintf(error, error_size, "%s",
                 writer->output.is_broken_pipe ? "" : writer->output.error);
    mc_writer_abort(writer);
    return ok;
}

void mc_writer_abort(struct mc_writer *writer)
{
    if (!writer)
        return;
    mc_output_abort(&writer->output);
    mc_csv_out_free(writer->csv);
    mc_jsonl_out_free(writer->jsonl);
    mc_text_free(&writer->buffer);
    free(writer->units);
    free(writer->ours);
    free(writer);
}

bool mc_writer_broken_pipe(const struct mc_writer *writer)
{
    return writer->output.is_broken_pipe;
}

const char *mc_writer_error(const struct mc_writer *writer)
{
    return writer->output.error;
}
