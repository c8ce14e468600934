/* A cursor: a window of the source that slides, and the splitter over it. The window is as long
 * as a piece and the row it cuts, so it grows with the longest row and shrinks again behind it. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "csv/row_split.h"
#include "csv/rows.h"
#include "csv/rows_private.h"
#include "csv/utf16.h"

/* Small enough for the second-level cache, large enough that the system calls do not count. */
#define PIECE           ((size_t)64 << 10)
#define WINDOW_MAX_KEPT (4 * PIECE)
#define SIMPLE_ROWS     32 /* split at a time */

struct mc_cursor {
    struct mc_rows *rows;
    struct mc_row_split split;
    char *window;
    size_t room;
    uint64_t offset; /* of the next byte of the source */
    char *units;     /* UTF-16 as it was read; NULL for UTF-8 */
    size_t units_len;
    char *scratch; /* the address cell, where its bytes are not what it says */
    size_t scratch_room;
    uint64_t number, line;
    bool header_came, counts_oddities;
};

struct mc_cursor *mc_cursor_new(struct mc_rows *rows)
{
    const struct mc_dialect *dialect = &rows->detected.dialect;
    const struct mc_row_rules rules = {
        .delimiter = dialect->delimiter,
        .cr_ends_rows = rows->detected.cr_ends_rows,
        .address = dialect->column,
        .usual_cells = dialect->usual_cells,
    };
    struct mc_cursor *cursor = mc_calloc(1, sizeof *cursor);
    cursor->rows = rows;
    cursor->line = 1;
    cursor->counts_oddities = !rows->has_cursor;
    rows->has_cursor = true;
    if (dialect->encoding != MC_ENCODING_UTF8)
        cursor->units = mc_malloc(PIECE);
    mc_row_split_init(&cursor->split, &rules);
    if (dialect->bom)
        mc_row_split_lead(&cursor->split, MC_BOM_LEN);
    return cursor;
}

void mc_cursor_free(struct mc_cursor *cursor)
{
    if (!cursor)
        return;
    free(cursor->window);
    free(cursor->units);
    free(cursor->scratch);
    free(cursor);
}

uint64_t mc_cursor_position(const struct mc_cursor *cursor)
{
    size_t ahead = (size_t)(cursor->split.end - cursor->split.at);
    return cursor->units || cursor->offset < ahead ? cursor->offset : cursor->offset - ahead;
}

/* Room for a piece behind the `kept` bytes of an unfinished row, which move to the front. */
static void make_room(struct mc_cursor *cursor, size_t kept)
{
    size_t piece = cursor->units ? mc_utf16_decoded_max(PIECE) : PIECE, room = cursor->room;
    if (kept > 0 && cursor->split.at != cursor->window)
        memmove(cursor->window, cursor->split.at, kept);
    if (room > WINDOW_MAX_KEPT && kept < PIECE)
        room = WINDOW_MAX_KEPT;
    if (room < kept + piece)
        room = kept + piece + kept; /* doubles while one row fills it */
    if (room != cursor->room) {
        cursor->window = mc_realloc(cursor->window, room + MC_ROW_READS);
        cursor->room = room;
    }
}

/* One piece of UTF-16 into the window. As mc_row_source_read, in bytes of the source. */
static ssize_t read_units(struct mc_cursor *cursor, char *to, size_t *written, bool *final)
{
    struct mc_rows *rows = cursor->rows;
    bool big_endian = rows->detected.dialect.encoding == MC_ENCODING_UTF16BE;
    size_t used;
    ssize_t n = mc_row_source_read(&rows->source, cursor->offset, cursor->units + cursor->units_len,
                                   PIECE - cursor->units_len);
    if (n < 0)
        return n;
    cursor->units_len += (size_t)n;
    *final = rows->source.ended && cursor->offset + (uint64_t)n == rows->source.size;
    *written = mc_utf16_decode(cursor->units, cursor->units_len, big_endian, *final, to, &used);
    cursor->units_len -= used;
    memmove(cursor->units, cursor->units + used, cursor->units_len);
    return n;
}

/* More of the source into the window. MC_ROWS_ROW: there is more, or the end is known now. */
static enum mc_rows_state refill(struct mc_cursor *cursor)
{
    struct mc_row_source *source = &cursor->rows->source;
    size_t kept = (size_t)(cursor->split.end - cursor->split.at), written = 0;
    bool final = false;
    make_room(cursor, kept);
    mc_row_source_forget(source, cursor->offset);
    char *to = cursor->window + kept;
    ssize_t n;
    if (cursor->units) {
        n = read_units(cursor, to, &written, &final);
    } else {
        n = mc_row_source_read(source, cursor->offset, to, PIECE);
        written = n > 0 ? (size_t)n : 0;
        final = n >= 0 && source->ended && cursor->offset + written == source->size;
    }
    if (n < 0)
        return MC_ROWS_FAILED;
    cursor->offset += (uint64_t)n;
    mc_row_split_window(&cursor->split, cursor->window, kept + written, final);
    return n > 0 || final ? MC_ROWS_ROW : MC_ROWS_WAIT;
}

static struct mc_span decoded(struct mc_cursor *cursor, struct mc_span raw, enum mc_cell_kind kind)
{
    const struct mc_raw_cell cell = {.raw = raw, .kind = kind};
    if (raw.len > cursor->scratch_room || cursor->scratch_room > WINDOW_MAX_KEPT) {
        cursor->scratch_room = raw.len;
        cursor->scratch = mc_realloc(cursor->scratch, raw.len + MC_ROW_READS);
    }
    return mc_raw_cell_text(&cell, cursor->split.rules.delimiter, cursor->scratch);
}

/* ` "ann@x.example"`: the blank makes the quote a byte like any other, yet no address ends with
 * one, so there is one reading. */
static struct mc_span without_late_quotes(struct mc_span text)
{
    struct mc_span inner = text;
    while (inner.len > 0 && (*inner.at == ' ' || *inner.at == '\t'))
        inner = mc_span(inner.at + 1, inner.len - 1);
    while (inner.len > 0 && (inner.at[inner.len - 1] == ' ' || inner.at[inner.len - 1] == '\t'))
        inner.len--;
    if (inner.len < 2 || inner.at[0] != '"' || inner.at[inner.len - 1] != '"' ||
        memchr(inner.at + 1, '"', inner.len - 2))
        return text;
    return mc_span(inner.at + 1, inner.len - 2);
}

static void note(uint64_t *count, uint64_t *first_line, uint64_t line)
{
    if ((*count)++ == 0)
        *first_line = line;
}

static void count_oddities(struct mc_cursor *cursor, const struct mc_row *row)
{
    struct mc_rows_oddities *seen = &cursor->rows->oddities;
    uint32_t width = cursor->rows->detected.dialect.header_cells;
    if (row->cells == width && !row->is_malformed)
        return;
    if (row->is_malformed)
        note(&seen->malformed_rows, &seen->first_malformed_line, row->line);
    else if (width && row->cells < width)
        note(&seen->short_rows, &seen->first_short_line, row->line);
    else if (width)
        note(&seen->long_rows, &seen->first_long_line, row->line);
}

/* An odd byte at the end of UTF-16 belongs to no cell: what is appended comes before it. */
static void cut_odd_byte(struct mc_row *row, struct mc_span *address)
{
    const char *end = row->raw.at + row->raw.len;
    if (row->line_end_len > 0 || row->raw.len < MC_ODD_BYTE_LEN || end[-MC_ODD_BYTE_LEN] != '\xff')
        return;
    row->line_end_len = MC_ODD_BYTE_LEN;
    if (address->at + address->len == end && address->len >= MC_ODD_BYTE_LEN)
        address->len -= MC_ODD_BYTE_LEN;
}

/* A row that is its own: neither blank nor one of the first. False where it may be more. */
static inline bool fill_usual_row(struct mc_cursor *cursor, const char *at,
                                  const struct mc_row_shape *shape, struct mc_row *row)
{
    struct mc_span address = mc_span(at + shape->address_at, shape->address_len);
    if (cursor->number == 0 || cursor->units || shape->len == shape->line_end_len ||
        shape->address_kind != MC_CELL_PLAIN ||
        (address.len > 0 && (*address.at == ' ' || *address.at == '\t')))
        return false;
    *row = (struct mc_row){
        .raw = mc_span(at, shape->len),
        .line_end_len = shape->line_end_len,
        .number = ++cursor->number,
        .line = cursor->line++,
        .cells = shape->cells,
        .address = address,
    };
    if (cursor->counts_oddities && row->cells != cursor->rows->detected.dialect.header_cells)
        count_oddities(cursor, row);
    return true;
}

/* `at`: its first byte. */
static void fill_row(struct mc_cursor *cursor, const char *at, const struct mc_row_shape *shape,
                     struct mc_row *row)
{
    const struct mc_detected *detected = &cursor->rows->detected;
    struct mc_span address = mc_span(at + shape->address_at, shape->address_len);
    *row = (struct mc_row){
        .raw = mc_span(at, shape->len),
        .line_end_len = shape->line_end_len,
        .line = cursor->line,
        .cells = shape->cells,
        .is_malformed = shape->malformed,
    };
    cursor->line += shape->breaks + (shape->line_end_len > 0);
    if (cursor->units)
        cut_odd_byte(row, &address);
    if (mc_row_body(row, &detected->dialect).len == 0 ||
        (row->line == 1 && detected->separator_line)) {
        row->is_blank = true;
        row->cells = 0;
        row->address = mc_span("", 0);
        return;
    }
    if (shape->address_kind != MC_CELL_PLAIN)
        address = decoded(cursor, address, shape->address_kind);
    else if (address.len > 0 && (*address.at == ' ' || *address.at == '\t'))
        address = without_late_quotes(address);
    row->address = address;
    row->is_header = detected->dialect.has_header && !cursor->header_came;
    if (row->is_header)
        cursor->header_came = true;
    else
        row->number = ++cursor->number;
    if (cursor->counts_oddities)
        count_oddities(cursor, row);
}

enum mc_rows_state mc_cursor_next(struct mc_cursor *cursor, struct mc_row *row)
{
    struct mc_row_shape shape;
    while (!mc_row_split_next(&cursor->split, &shape)) {
        if (cursor->split.final)
            return MC_ROWS_END;
        enum mc_rows_state state = refill(cursor);
        if (state != MC_ROWS_ROW)
            return state;
    }
    fill_row(cursor, cursor->split.at - shape.len, &shape, row);
    return MC_ROWS_ROW;
}

/* Simple rows, as many as are at hand. */
static size_t fill_simple_rows(struct mc_cursor *cursor, struct mc_row *rows, size_t room)
{
    struct mc_row_shape shapes[SIMPLE_ROWS];
    const char *at = cursor->split.at;
    size_t count =
        mc_row_split_simple(&cursor->split, shapes, room < SIMPLE_ROWS ? room : SIMPLE_ROWS);
    for (size_t i = 0; i < count; at += shapes[i].len, i++)
        if (!fill_usual_row(cursor, at, &shapes[i], &rows[i]))
            fill_row(cursor, at, &shapes[i], &rows[i]);
    return count;
}

enum mc_rows_state mc_cursor_next_rows(struct mc_cursor *cursor, struct mc_row *rows, size_t room,
                                       size_t *count)
{
    struct mc_row_shape shape;
    enum mc_rows_state state = mc_cursor_next(cursor, rows);
    *count = state == MC_ROWS_ROW;
    /* there is one window and one scratch: whatever would change them ends the batch */
    while (*count > 0 && *count < room && rows[*count - 1].address.at != cursor->scratch) {
        size_t simple = fill_simple_rows(cursor, rows + *count, room - *count);
        *count += simple;
        if (simple > 0)
            continue;
        if (!mc_row_split_next(&cursor->split, &shape))
            break;
        fill_row(cursor, cursor->split.at - shape.len, &shape, &rows[(*count)++]);
    }
    return state;
}
