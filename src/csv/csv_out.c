#include "csv/csv_out.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "csv/marks.h"
#include "csv/raw_cells.h"
#include "csv/rows_private.h"

/* Most of our columns have few values, and neighbours of them come in few combinations: the text
 * of such a run is made once and copied from then on. This is the hot path of an offline run. */
struct made {
    uint64_t values; /* packed; what the text was made of */
    int64_t checked_at;
    uint8_t len; /* 0: nothing made yet */
    char text[247];
};

#define MADE 64

/* Neighbouring columns of few values, or one column of any text. */
struct run {
    size_t first, count;
    bool is_text;
    uint64_t fields; /* which of the packed values matter */
    bool has_date;
    struct made made[MADE];
};

struct mc_csv_out {
    const struct mc_dialect *dialect;
    struct mc_columns columns;
    struct run *runs[MC_COLUMN_COUNT];
    size_t run_count;
    struct mc_text header;
};

static bool starts_formula(char c)
{
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

/* Room for a cell: delimiter, apostrophe, two quotes, quotes doubled; and what is written behind
 * its end for speed. */
#define SLACK         64
#define CELL_MAX(len) (2 * (len) + 4 + SLACK)

static char *add_awkward_cell(char *to, struct mc_span value, bool quotes)
{
    bool apostrophe = starts_formula(value.at[0]);
    if (quotes)
        *to++ = '"';
    if (apostrophe)
        *to++ = '\'';
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '"')
            *to++ = '"';
        *to++ = value.at[i];
    }
    if (quotes)
        *to++ = '"';
    return to;
}

/* `at` has SLACK readable bytes behind its `len`. */
static inline bool needs_quotes(const char *at, size_t len, char delimiter)
{
    for (size_t done = 0; done < len; done += MC_MARKS_BLOCK) {
        uint64_t marks = mc_marks(at + done, delimiter, '\r');
        if (len - done < MC_MARKS_BLOCK)
            marks &= (UINT64_C(1) << (len - done)) - 1;
        if (marks)
            return true;
    }
    return false;
}

static inline char *add_cell(const struct mc_csv_out *out, char *to, struct mc_span value)
{
    const char delimiter = out->dialect->delimiter;
    *to++ = delimiter;
    if (value.len == 0)
        return to;
    memcpy(to, value.at, value.len);
    bool quotes = needs_quotes(to, value.len, delimiter);
    if (quotes || starts_formula(value.at[0]))
        return add_awkward_cell(to, value, quotes);
    return to + value.len;
}

static uint64_t packed(const struct mc_result *result)
{
    return (uint64_t)(uint8_t)result->reason | (uint64_t)(uint8_t)result->status << 8 |
           (uint64_t)(uint8_t)result->source << 16 | (uint64_t)(uint8_t)result->role << 24 |
           (uint64_t)(uint8_t)result->disposable << 32 | (uint64_t)(uint8_t)result->free << 40 |
           (uint64_t)(uint8_t)result->catch_all << 48;
}

/* The bytes of packed() that a column shows; 0 for columns of any text. */
static uint64_t field_of(enum mc_column column)
{
    static const uint64_t fields[MC_COLUMN_COUNT] = {
        [MC_COLUMN_REASON] = UINT64_C(0xff),      [MC_COLUMN_SCORE] = UINT64_C(0xff),
        [MC_COLUMN_STATUS] = UINT64_C(0xff) << 8, [MC_COLUMN_SOURCE] = UINT64_C(0xff) << 16,
        [MC_COLUMN_ROLE] = UINT64_C(0xff) << 24,  [MC_COLUMN_DISPOSABLE] = UINT64_C(0xff) << 32,
        [MC_COLUMN_FREE] = UINT64_C(0xff) << 40,  [MC_COLUMN_CATCH_ALL] = UINT64_C(0xff) << 48,
    };
    return fields[column];
}

static void plan_runs(struct mc_csv_out *out)
{
    struct run *run = NULL;
    for (size_t i = 0; i < out->columns.count; i++) {
        enum mc_column column = out->columns.column[i];
        bool is_text = field_of(column) == 0 && column != MC_COLUMN_CHECKED_AT;
        if (!run || run->is_text || is_text) {
            run = out->runs[out->run_count++] = mc_calloc(1, sizeof *run);
            run->first = i;
            run->is_text = is_text;
        }
        run->count++;
        run->fields |= field_of(column);
        run->has_date |= column == MC_COLUMN_CHECKED_AT;
    }
}

struct mc_csv_out *mc_csv_out_new(const struct mc_dialect *dialect,
                                  const struct mc_columns *columns)
{
    struct mc_csv_out *out = mc_calloc(1, sizeof *out);
    out->dialect = dialect;
    out->columns = *columns;
    plan_runs(out);
    for (size_t i = 0; i < columns->count; i++) {
        struct mc_span name = mc_column_name(columns->column[i]);
        char *to = mc_text_reserve(&out->header, CELL_MAX(name.len));
        out->header.len += (size_t)(add_cell(out, to, name) - to);
    }
    return out;
}

void mc_csv_out_free(struct mc_csv_out *out)
{
    if (!out)
        return;
    for (size_t i = 0; i < out->run_count; i++)
        free(out->runs[i]);
    mc_text_free(&out->header);
    free(out);
}

static void make(const struct mc_csv_out *out, const struct run *run, struct made *made,
                 const struct mc_result *result)
{
    char scratch[32], *to = made->text;
    for (size_t i = 0; i < run->count; i++) {
        struct mc_span value =
            mc_column_value(out->columns.column[run->first + i], result, scratch);
        MC_ASSERT(CELL_MAX(value.len) <= sizeof made->text - (size_t)(to - made->text));
        to = add_cell(out, to, value);
    }
    made->len = (uint8_t)(to - made->text);
    made->values = packed(result) & run->fields;
    made->checked_at = run->has_date ? result->checked_at : 0;
}

#define SHORT 64 /* most runs: a copy of this length is four moves */

static char *add_run(const struct mc_csv_out *out, struct run *run, char *to, uint64_t values,
                     const struct mc_result *result)
{
    int64_t checked_at = run->has_date ? result->checked_at : 0;
    values &= run->fields;
    uint64_t mixed = (values ^ (uint64_t)checked_at) * UINT64_C(0x9e3779b97f4a7c15);
    struct made *made = &run->made[mixed >> 58];
    if (made->len == 0 || made->values != values || made->checked_at != checked_at)
        make(out, run, made, result);
    memcpy(to, made->text, SHORT); /* more than its length, into room that is there */
    if (made->len > SHORT)
        memcpy(to + SHORT, made->text + SHORT, made->len - (size_t)SHORT);
    return to + made->len;
}

/* Columns whose text stands in the result as it is, without a call for each. */
static const size_t text_at[MC_COLUMN_COUNT] = {
    [MC_COLUMN_EMAIL] = offsetof(struct mc_result, email),
    [MC_COLUMN_SUGGESTION] = offsetof(struct mc_result, suggestion),
    [MC_COLUMN_PROVIDER] = offsetof(struct mc_result, provider),
    [MC_COLUMN_MX] = offsetof(struct mc_result, mx),
    [MC_COLUMN_SMTP] = offsetof(struct mc_result, smtp),
};

static inline char *add_text(const struct mc_csv_out *out, char *to, enum mc_column column,
                             const struct mc_result *result)
{
    char scratch[32];
    struct mc_span value;
    if (text_at[column])
        memcpy(&value, (const char *)result + text_at[column], sizeof value);
    else
        value = mc_column_value(column, result, scratch);
    return add_cell(out, to, value);
}

/* The row's cells but those of an earlier run. Returns how many are left. */
static uint32_t add_kept_cells(const struct mc_csv_out *out, struct mc_text *text,
                               const struct mc_row *row)
{
    const struct mc_dialect *dialect = out->dialect;
    struct mc_span body = mc_row_body(row, dialect);
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    uint32_t kept = 0, next_ours = 0;
    mc_text_add(text, row->raw.at, (size_t)(body.at - row->raw.at));
    if (row->is_malformed)
        mc_raw_cells_malformed(&cells, body, dialect->delimiter, dialect->usual_cells);
    else
        mc_raw_cells_begin(&cells, body, dialect->delimiter);
    for (uint32_t i = 0; mc_raw_cells_next(&cells, &cell); i++) {
        if (next_ours < dialect->ours_count && dialect->ours[next_ours] == i) {
            next_ours++;
            continue;
        }
        if (kept++ > 0)
            mc_text_add_char(text, dialect->delimiter);
        mc_text_add_span(text, cell.raw);
    }
    return kept;
}

static size_t values_max(const struct mc_result *result)
{
    size_t texts = result->email.len + result->suggestion.len + result->provider.len +
                   result->mx.len + result->smtp.len;
    return CELL_MAX(texts) + MC_COLUMN_COUNT * sizeof((struct made *)0)->text;
}

/* Ours, each with its delimiter. */
static void add_ours(struct mc_csv_out *out, struct mc_text *text, const struct mc_result *result)
{
    if (!result) {
        mc_text_add_span(text, mc_text_span(&out->header));
        return;
    }
    char *start = mc_text_reserve(text, values_max(result)), *to = start;
    uint64_t values = packed(result);
    for (size_t i = 0; i < out->run_count; i++) {
        struct run *run = out->runs[i];
        to = run->is_text ? add_text(out, to, out->columns.column[run->first], result)
                          : add_run(out, run, to, values, result);
    }
    text->len += (size_t)(to - start);
}

void mc_csv_out_row(struct mc_csv_out *out, struct mc_text *text, const struct mc_row *row,
                    const struct mc_result *result)
{
    const struct mc_dialect *dialect = out->dialect;
    size_t body_len = row->raw.len - row->line_end_len;
    if (row->is_blank) {
        mc_text_add_span(text, row->raw);
        return;
    }
    MC_ASSERT(result || row->is_header);
    uint32_t cells = row->cells;
    if (dialect->ours_count == 0)
        mc_text_add(text, row->raw.at, body_len);
    else
        cells = add_kept_cells(out, text, row);
    for (; cells + dialect->ours_count < dialect->header_cells; cells++)
        if (cells > 0)
            mc_text_add_char(text, dialect->delimiter);
    size_t before = text->len;
    add_ours(out, text, result);
    if (cells == 0) { /* nothing of the user's stands before ours: no delimiter either */
        memmove(text->at + before, text->at + before + 1, text->len - before - 1);
        text->len--;
    }
    mc_text_add(text, row->raw.at + body_len, row->line_end_len);
}
