#include "cli/line_reader.h"

void mc_line_reader_feed(struct mc_line_reader *reader, const char *bytes, size_t len)
{
    reader->unread.len = reader->at = 0;
    mc_text_add(&reader->unread, bytes, len);
}

/* The kept part of the line grows to its limit, the rest is counted as cut. */
static void keep(struct mc_line_reader *reader, const char *bytes, size_t len)
{
    size_t room = MC_LINE_KEPT + 1 - reader->line.len; /* one more, for a CR that goes */
    reader->cut |= len > room;
    mc_text_add(&reader->line, bytes, len < room ? len : room);
}

static void take_off_mark(struct mc_line_reader *reader, struct mc_span *line)
{
    if (!reader->begun && line->len >= 3 && memcmp(line->at, "\xef\xbb\xbf", 3) == 0)
        *line = mc_span(line->at + 3, line->len - 3);
    reader->begun = true;
}

bool mc_line_reader_next(struct mc_line_reader *reader, bool ended, struct mc_span *line, bool *cut)
{
    size_t left = reader->unread.len - reader->at;
    const char *start = left ? reader->unread.at + reader->at : "";
    const char *end = memchr(start, '\n', left);
    size_t len = end ? (size_t)(end - start) : left;
    keep(reader, start, len);
    reader->at += len + (end != NULL);
    if (!end && (!ended || (!reader->line.len && !reader->cut)))
        return false;
    *line = mc_text_span(&reader->line);
    *cut = reader->cut;
    if (!*cut && line->len && line->at[line->len - 1] == '\r')
        line->len--;
    if (line->len > MC_LINE_KEPT) {
        line->len = MC_LINE_KEPT;
        *cut = true;
    }
    take_off_mark(reader, line);
    reader->line.len = 0;
    reader->cut = false;
    return true;
}

bool mc_line_reader_is_empty(const struct mc_line_reader *reader)
{
    return reader->at == reader->unread.len;
}

void mc_line_reader_free(struct mc_line_reader *reader)
{
    mc_text_free(&reader->unread);
    mc_text_free(&reader->line);
}
