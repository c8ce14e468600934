#include "csv/sample.h"

#include <stdlib.h>

#include "base/memory.h"
#include "verdict/columns.h"

#define SAMPLE_ROWS    500
#define SAMPLE_COLUMNS 4096 /* further ones are not looked at */

static bool is_blank_byte(char c)
{
    return c == ' ' || c == '\t';
}

struct mc_span mc_trimmed(struct mc_span text)
{
    while (text.len > 0 && is_blank_byte(text.at[0]))
        text = mc_span(text.at + 1, text.len - 1);
    while (text.len > 0 && is_blank_byte(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool is_number(struct mc_span text)
{
    bool digit = false;
    for (size_t i = 0; i < text.len; i++) {
        if (mc_is_digit(text.at[i]))
            digit = true;
        else if (text.at[i] == '\0' || !strchr("+-.,/: ()", text.at[i]))
            return false;
    }
    return digit;
}

static struct mc_span without_wrapping(struct mc_span text)
{
    if (text.len > 7 && mc_span_equal_nocase(mc_span(text.at, 7), mc_span("mailto:", 7)))
        text = mc_span(text.at + 7, text.len - 7);
    if (text.len > 2 && text.at[0] == '<' && text.at[text.len - 1] == '>')
        text = mc_span(text.at + 1, text.len - 2);
    return text;
}

/* A full-width at-sign, not at the start. */
static bool has_wide_sign(struct mc_span text)
{
    return memchr(text.at, '\xef', text.len) &&
           memmem(text.at + 1, text.len - 1, "\xef\xbc\xa0", 3);
}

/* What no address has, but two cells or a sentence. */
static bool has_breaks(struct mc_span text)
{
    static const bool breaks[256] = {
        [' '] = true, [','] = true, [';'] = true, ['|'] = true, ['\t'] = true, ['"'] = true,
        ['<'] = true, ['>'] = true, ['('] = true, [')'] = true, ['\r'] = true, ['\n'] = true,
    };
    for (size_t i = 0; i < text.len; i++)
        if (breaks[(unsigned char)text.at[i]])
            return true;
    return false;
}

/* Deliberately rough: it tells columns apart, not good addresses from bad ones. A wrong delimiter
 * leaves other delimiters inside the cell. */
static enum mc_look look_of(struct mc_span text)
{
    text = without_wrapping(mc_trimmed(text));
    if (text.len == 0)
        return MC_LOOK_EMPTY;
    const char *at = memchr(text.at, '@', text.len);
    if (!at && has_wide_sign(text))
        return MC_LOOK_MAYBE;
    if (!at)
        return is_number(text) ? MC_LOOK_NUMBER : MC_LOOK_OTHER;
    size_t left = (size_t)(at - text.at), right = text.len - left - 1;
    if (left == 0 || right == 0)
        return MC_LOOK_OTHER; /* "@ann" is a name elsewhere */
    if (memchr(at + 1, '@', right) || !memchr(at + 1, '.', right))
        return MC_LOOK_MAYBE;
    return has_breaks(text) ? MC_LOOK_MAYBE : MC_LOOK_ADDRESS;
}

static bool is_ours(struct mc_span name)
{
    enum mc_column column;
    name = mc_trimmed(name);
    return name.len > 3 && memcmp(name.at, "mc_", 3) == 0 && mc_column_by_name(name, &column);
}

static void see_cell(struct mc_sample *sample, uint32_t at, struct mc_span text)
{
    if (at >= SAMPLE_COLUMNS)
        return;
    if (at >= sample->count) {
        sample->columns =
            mc_grow(sample->columns, sample->count, &sample->room, sizeof *sample->columns);
        sample->columns[sample->count++] = (struct mc_sample_column){.first = MC_LOOK_EMPTY};
    }
    struct mc_sample_column *column = &sample->columns[at];
    enum mc_look look = look_of(text);
    if (sample->rows == 0) {
        column->first = look;
        column->rank =
            look == MC_LOOK_OTHER ? mc_column_name_rank(mc_trimmed(text)) : MC_NAME_OTHER;
        column->is_ours = is_ours(text);
        return;
    }
    column->filled += look != MC_LOOK_EMPTY;
    column->numbers += look == MC_LOOK_NUMBER;
    column->maybe += look == MC_LOOK_MAYBE;
    column->addresses += look == MC_LOOK_ADDRESS;
}

static uint32_t see_row(struct mc_sample *sample, struct mc_span body)
{
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    uint32_t width = 0;
    mc_raw_cells_begin(&cells, body, sample->rules.delimiter);
    while (mc_raw_cells_next(&cells, &cell))
        see_cell(sample, width++,
                 mc_raw_cell_text(&cell, sample->rules.delimiter, sample->scratch));
    if (sample->rows == 0) {
        sample->first = body;
        sample->first_cells = width;
    }
    sample->widest = width > sample->widest ? width : sample->widest;
    return width;
}

static void find_usual_width(struct mc_sample *sample, const uint32_t *widths)
{
    for (uint32_t i = 0; i < sample->rows; i++) {
        uint32_t same = 0;
        for (uint32_t k = i; k < sample->rows; k++)
            same += widths[k] == widths[i];
        if (same > sample->usual_rows) {
            sample->usual_rows = same;
            sample->usual = widths[i];
        }
        if (sample->usual_rows > sample->rows / 2)
            return; /* no other can have more */
    }
}

static void take_rows(struct mc_sample *sample)
{
    struct mc_row_split split;
    struct mc_row_shape shape;
    uint32_t widths[SAMPLE_ROWS];
    mc_row_split_init(&split, &sample->rules);
    mc_row_split_window(&split, sample->text.at, sample->text.len, sample->final);
    while (sample->rows < SAMPLE_ROWS && mc_row_split_next(&split, &shape)) {
        const char *row = split.at - shape.len;
        struct mc_span body = mc_span(row, shape.len - shape.line_end_len);
        sample->ended_by_lf += shape.line_end_len > 0 && row[shape.len - 1] == '\n';
        sample->ended_by_cr += shape.line_end_len > 0 && row[shape.len - 1] == '\r';
        if (body.len == 0)
            continue;
        widths[sample->rows] = see_row(sample, body);
        sample->malformed += shape.malformed;
        sample->rows++;
    }
    sample->bytes = (size_t)(split.at - sample->text.at);
    find_usual_width(sample, widths);
}

uint32_t mc_sample_likeness(const struct mc_sample_column *column)
{
    return 2 * (column->addresses + (column->first == MC_LOOK_ADDRESS)) + column->maybe +
           (column->first == MC_LOOK_MAYBE);
}

int64_t mc_sample_score(const struct mc_sample *sample)
{
    uint32_t best = 0;
    bool named = false;
    if (sample->rows == 0)
        return 0;
    for (size_t i = 0; i < sample->count; i++) {
        uint32_t like = mc_sample_likeness(&sample->columns[i]);
        best = like > best ? like : best;
        named |= sample->columns[i].rank == MC_NAME_EXACT;
    }
    int64_t rows = sample->rows, even = sample->usual > 1 ? sample->usual_rows : 0;
    return 50 * (int64_t)best / rows + 50 * even / rows - 50 * (int64_t)sample->malformed / rows +
           (named ? 25 : 0);
}

void mc_sample_free(struct mc_sample *sample)
{
    free(sample->columns);
    free(sample->scratch);
}

void mc_sample_take(struct mc_sample *sample, struct mc_span text, bool final, char delimiter,
                    bool cr_ends_rows)
{
    *sample = (struct mc_sample){.text = text, .final = final};
    sample->rules = (struct mc_row_rules){
        .delimiter = delimiter, .cr_ends_rows = cr_ends_rows, .address = UINT32_MAX};
    sample->scratch = mc_malloc(text.len + 1);
    take_rows(sample);
}

struct mc_span mc_sample_first_cell(const struct mc_sample *sample, uint32_t at)
{
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    mc_raw_cells_begin(&cells, sample->first, sample->rules.delimiter);
    for (uint32_t i = 0; mc_raw_cells_next(&cells, &cell); i++)
        if (i == at)
            return mc_trimmed(mc_raw_cell_text(&cell, sample->rules.delimiter, sample->scratch));
    return mc_span("", 0);
}
