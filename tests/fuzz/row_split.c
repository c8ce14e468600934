/* The splitter on any bytes: the rows joined are the input, a byte at a time gives what all at
 * once gives, no row but a quoted one spans a line break, cells rebuild their row. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "csv/row_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The cells of a row, joined by the delimiter, are its bytes; their number is the one counted. */
static void check_cells(const char *row, const struct mc_row_shape *shape, char delimiter)
{
    struct mc_span body = mc_span(row, shape->len - shape->line_end_len);
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    uint32_t count = 0;
    size_t at = 0;
    char *scratch = mc_malloc(body.len + 1);
    if (shape->malformed)
        mc_raw_cells_malformed(&cells, body, delimiter, 3);
    else
        mc_raw_cells_begin(&cells, body, delimiter);
    while (mc_raw_cells_next(&cells, &cell)) {
        MC_ASSERT(cell.raw.at == body.at + at);
        MC_ASSERT(shape->malformed || cell.kind != MC_CELL_BROKEN);
        MC_ASSERT(mc_raw_cell_text(&cell, delimiter, scratch).len <= cell.raw.len);
        at += cell.raw.len;
        MC_ASSERT(at == body.len || body.at[at] == delimiter);
        at++;
        count++;
    }
    MC_ASSERT(at == body.len + 1);
    MC_ASSERT(count == shape->cells);
    free(scratch);
}

/* A row spans a line break only inside a quoted cell that closes. */
static void check_not_swallowed(const char *row, const struct mc_row_shape *shape)
{
    size_t body = shape->len - shape->line_end_len;
    bool has_break = body > 0 && memchr(row, '\n', body);
    MC_ASSERT(!has_break || (memchr(row, '"', body) && shape->breaks > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct mc_row_rules rules = {
        .delimiter = ",;\t|"[data[0] & 3],
        .cr_ends_rows = data[0] & 4,
        .address = data[0] >> 3 & 3,
        .usual_cells = 3,
    };
    size_t piece = 1 + data[1] % 80;
    const char *input = (const char *)data + 2;
    size_t len = size - 2, start = 0;
    struct mc_row_split whole, pieces;
    struct mc_row_shape one, other;
    mc_row_split_init(&whole, &rules);
    mc_row_split_window(&whole, input, len, true);
    mc_row_split_init(&pieces, &rules);
    for (size_t have = 0; start < len;) {
        have = len - have > piece ? have + piece : len;
        mc_row_split_window(&pieces, input + start, have - start, have == len);
        while (mc_row_split_next(&pieces, &other)) {
            MC_ASSERT(mc_row_split_next(&whole, &one));
            MC_ASSERT(one.len == other.len && one.line_end_len == other.line_end_len);
            MC_ASSERT(one.cells == other.cells && one.breaks == other.breaks);
            MC_ASSERT(one.malformed == other.malformed);
            MC_ASSERT(one.address_at == other.address_at && one.address_len == other.address_len);
            MC_ASSERT(one.address_kind == other.address_kind);
            check_cells(input + start, &one, rules.delimiter);
            check_not_swallowed(input + start, &one);
            start += one.len;
        }
        MC_ASSERT(have < len || start == len);
    }
    MC_ASSERT(!mc_row_split_next(&whole, &one));
    return 0;
}
