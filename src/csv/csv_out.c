#include "csv/csv_out.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "csv/marks.h"
#include "csv/raw_cells.h"
#include "csv/rows_private.h"

/* Most of our columns have few values, most of our texts are empty in most rows, and neighbours of
 * both kinds come in few combinations: the text of such a run of columns is made once and copied
 * from then on. Which columns form runs depends on which texts are empty: a plan for each set of
 * them. This is the hot path of an offline run. */
struct made {
    uint64_t values; /* packed; what the text was made of */
    int64_t checked_at;
    uint8_t len; /* 0: nothing made yet */
    char text[247];
};

#define MADE_BITS 4

/* Neighbouring columns, or one column with a text in it. */
struct run {
    size_t first, count;
    size_t text_at;    /* where the result holds the text; 0: a run of few values */
    uint64_t fields;   /* which of the packed values matter */
    int64_t date_mask; /* all ones where the time of the check matters */
    struct made *made;
};

struct plan {
    size_t count;
    struct run run[MC_COLUMN_COUNT];
};

/* The texts of a result, each with a bit in the number of a plan. */
static const struct text {
    enum mc_column column;
    size_t at;
} texts[] = {
    {MC_COLUMN_EMAIL, offsetof(struct mc_result, email)},
    {MC_COLUMN_SUGGESTION, offsetof(struct mc_result, suggestion)},
    {MC_COLUMN_PROVIDER, offsetof(struct mc_result, provider)},
    {MC_COLUMN_MX, offsetof(struct mc_result, mx)},
    {MC_COLUMN_SMTP, offsetof(struct mc_result, smtp)},
};

#define TEXTS     MC_ARRAY_LEN(texts)
#define PLANS     (1U << (TEXTS + 1)) /* and the number of the first row */
#define NUMBER_AT SIZE_MAX            /* stands for it as a run's text_at */

struct mc_csv_out {
    const struct mc_dialect *dialect;
    struct mc_columns columns;
    struct plan *plans[PLANS];
    struct mc_text header;
};

static bool starts_formula(char c)
{
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

#define CELL_MAX(len) (2 * (len) + 4) /* delimiter, apostrophe, two quotes, quotes doubled */

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

static inline char *add_cell(const struct mc_csv_out *out, char *to, struct mc_span value)
{
    const char delimiter = out->dialect->delimiter;
    *to++ = delimiter;
    if (value.len == 0)
        return to;
    bool quotes = mc_copy_has_marks(to, value.at, value.len, delimiter);
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

/* Bit 0: the number of the first row, bit i + 1: texts[i]. */
static inline unsigned plan_number(const struct mc_result *result)
{
    return (unsigned)(result->duplicate_of != 0) | (unsigned)(result->email.len > 0) << 1 |
           (unsigned)(result->suggestion.len > 0) << 2 | (unsigned)(result->provider.len > 0) << 3 |
           (unsigned)(result->mx.len > 0) << 4 | (unsigned)(result->smtp.len > 0) << 5;
}

/* 0 where the column needs no text of its own in this plan. */
static size_t text_at(enum mc_column column, unsigned plan)
{
    if (column == MC_COLUMN_DUPLICATE_OF)
        return plan & 1 ? NUMBER_AT : 0;
    for (unsigned i = 0; i < TEXTS; i++)
        if (texts[i].column == column && (plan & 2U << i))
            return texts[i].at;
    return 0;
}

static struct plan *make_plan(const struct mc_csv_out *out, unsigned number)
{
    struct plan *plan = mc_calloc(1, sizeof *plan);
    struct run *run = NULL;
    for (size_t i = 0; i < out->columns.count; i++) {
        enum mc_column column = out->columns.column[i];
        size_t at = text_at(column, number);
        if (!run || run->text_at || at) {
            run = &plan->run[plan->count++];
            run->first = i;
            run->text_at = at;
        }
        run->count++;
        run->fields |= field_of(column);
        run->date_mask |= column == MC_COLUMN_CHECKED_AT ? -1 : 0;
        if (!at && !run->made)
            run->made = mc_calloc((size_t)1 << MADE_BITS, sizeof *run->made);
    }
    return plan;
}

struct mc_csv_out *mc_csv_out_new(const struct mc_dialect *dialect,
                                  const struct mc_columns *columns)
{
    struct mc_csv_out *out = mc_calloc(1, sizeof *out);
    out->dialect = dialect;
    out->columns = *columns;
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
    for (size_t i = 0; i < PLANS; i++) {
        for (size_t k = 0; out->plans[i] && k < out->plans[i]->count; k++)
            free(out->plans[i]->run[k].made);
        free(out->plans[i]);
    }
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
    made->checked_at = result->checked_at & run->date_mask;
}

#define SHORT 64 /* a copy of this length is four moves; most runs need no more */

static inline char *add_run(const struct mc_csv_out *out, const struct run *run, char *to,
                            uint64_t values, const struct mc_result *result)
{
    int64_t checked_at = result->checked_at & run->date_mask;
    values &= run->fields;
    uint64_t mixed = (values ^ (uint64_t)checked_at) * UINT64_C(0x9e3779b97f4a7c15);
    struct made *made = &run->made[mixed >> (64 - MADE_BITS)];
    if (made->values != values || made->checked_at != checked_at || made->len == 0)
        make(out, run, made, result);
    memcpy(to, made->text, SHORT); /* more than its length, into room that is there */
    if (made->len > SHORT)
        memcpy(to + SHORT, made->text + SHORT, sizeof made->text - SHORT);
    return to + made->len;
}

static inline char *add_text(const struct mc_csv_out *out, const struct run *run, char *to,
                             const struct mc_result *result)
{
    char scratch[32];
    struct mc_span value;
    if (run->text_at == NUMBER_AT)
        value = mc_column_value(MC_COLUMN_DUPLICATE_OF, result, scratch);
    else
        memcpy(&value, (const char *)result + run->text_at, sizeof value);
    return add_cell(out, to, value);
}

/* A row's own values, each with its delimiter. */
static char *add_values(struct mc_csv_out *out, char *to, const struct mc_result *result)
{
    unsigned number = plan_number(result);
    uint64_t values = packed(result);
    if (!out->plans[number])
        out->plans[number] = make_plan(out, number);
    const struct run *run = out->plans[number]->run;
    const struct run *end = run + out->plans[number]->count;
    for (; run < end; run++)
        to = run->text_at ? add_text(out, run, to, result) : add_run(out, run, to, values, result);
    return to;
}

static size_t ours_max(const struct mc_csv_out *out, const struct mc_result *result)
{
    if (!result)
        return out->header.len;
    size_t len = result->email.len + result->suggestion.len + result->provider.len +
                 result->mx.len + result->smtp.len;
    return CELL_MAX(len) + MC_COLUMN_COUNT * sizeof((struct made *)0)->text;
}

/* The row's cells but those of an earlier run. `cells` becomes the number of those left. */
static char *add_kept_cells(const struct mc_csv_out *out, char *to, const struct mc_row *row,
                            uint32_t *cells_left)
{
    const struct mc_dialect *dialect = out->dialect;
    struct mc_span body = mc_row_body(row, dialect);
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    uint32_t kept = 0, next_ours = 0;
    for (const char *at = row->raw.at; at < body.at; at++)
        *to++ = *at; /* the byte order mark */
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
            *to++ = dialect->delimiter;
        memcpy(to, cell.raw.at, cell.raw.len);
        to += cell.raw.len;
    }
    *cells_left = kept;
    return to;
}

/* Empty cells up to the header's width. */
static char *pad(const struct mc_csv_out *out, char *to, uint32_t *cells)
{
    const struct mc_dialect *dialect = out->dialect;
    for (; *cells + dialect->ours_count < dialect->header_cells; ++*cells)
        if (*cells > 0)
            *to++ = dialect->delimiter;
    return to;
}

/* Our names, or the values of `result`. */
static char *add_ours(struct mc_csv_out *out, char *to, bool is_first,
                      const struct mc_result *result)
{
    char *start = to;
    if (result) {
        to = add_values(out, to, result);
    } else {
        memcpy(to, out->header.at, out->header.len);
        to += out->header.len;
    }
    if (is_first) /* nothing of the user's stands before: no delimiter either */
        memmove(start, start + 1, (size_t)(--to - start));
    return to;
}

/* What is mostly no longer than `usual` is copied in so many bytes whatever its length: a few moves
 * and no decision. */
static inline char *add_usual(char *to, const char *from, size_t len, size_t usual)
{
    memcpy(to, from, usual);
    if (len > usual)
        memcpy(to + usual, from + usual, len - usual);
    return to + len;
}

void mc_csv_out_row(struct mc_csv_out *out, struct mc_text *text, const struct mc_row *row,
                    const struct mc_result *result)
{
    const struct mc_dialect *dialect = out->dialect;
    if (row->is_blank) {
        mc_text_add_span(text, row->raw);
        return;
    }
    MC_ASSERT(result || row->is_header);
    size_t body_len = row->raw.len - row->line_end_len;
    uint32_t cells = row->cells;
    char *start = mc_text_reserve(text, row->raw.len + dialect->header_cells +
                                            ours_max(out, result) + MC_ROW_READS);
    char *to = start;
    if (dialect->ours_count == 0) {
        to = add_usual(to, row->raw.at, body_len, MC_ROW_READS);
    } else {
        to = add_kept_cells(out, to, row, &cells);
    }
    if (out->columns.count > 0) {
        to = pad(out, to, &cells);
        to = add_ours(out, to, cells == 0, result);
    }
    for (const char *at = row->raw.at + body_len; at < row->raw.at + row->raw.len; at++)
        *to++ = *at;
    text->len += (size_t)(to - start);
}

/* ---- the same where only mc_email differs from row to row ---- */

static bool may_stand_in_email(char c)
{
    return (c >= 'a' && c <= 'z') || mc_is_digit(c) || c == '.' || c == '-' || c == '_' || c == '@';
}

bool mc_csv_out_frame(const struct mc_csv_out *out, const struct mc_result *result,
                      struct mc_csv_frame *frame)
{
    char scratch[32], *to = frame->before;
    size_t room = sizeof frame->before;
    if (out->dialect->ours_count > 0 || may_stand_in_email(out->dialect->delimiter) ||
        result->duplicate_of || result->suggestion.len || result->provider.len || result->mx.len ||
        result->smtp.len)
        return false;
    frame->has_email = false;
    for (size_t i = 0; i < out->columns.count; i++) {
        enum mc_column column = out->columns.column[i];
        struct mc_span value = mc_span("", 0);
        if (column != MC_COLUMN_EMAIL)
            value = mc_column_value(column, result, scratch);
        MC_ASSERT(CELL_MAX(value.len) <= room);
        char *end = add_cell(out, to, value);
        room -= (size_t)(end - to);
        to = end;
        if (column == MC_COLUMN_EMAIL) {
            frame->has_email = true;
            frame->before_len = (size_t)(to - frame->before);
            to = frame->behind;
            room = sizeof frame->behind;
        }
    }
    if (!frame->has_email)
        frame->before_len = (size_t)(to - frame->before);
    frame->behind_len = frame->has_email ? (size_t)(to - frame->behind) : 0;
    return true;
}

bool mc_csv_out_framed_row(const struct mc_csv_out *out, struct mc_text *text,
                           const struct mc_row *row, const struct mc_csv_frame *frame,
                           struct mc_span email)
{
    size_t body_len = row->raw.len - row->line_end_len;
    if (row->cells < out->dialect->header_cells || row->line_end_len > 2)
        return false;
    char *start = mc_text_reserve(text, row->raw.len + email.len + sizeof *frame + MC_ROW_READS);
    char *to = add_usual(start, row->raw.at, body_len, MC_ROW_READS);
    to = add_usual(to, frame->before, frame->before_len, 32);
    if (frame->has_email) {
        to = add_usual(to, email.at, email.len, 48);
        to = add_usual(to, frame->behind, frame->behind_len, 64);
    }
    memcpy(to, row->raw.at + body_len, 2);
    text->len += (size_t)(to - start) + row->line_end_len;
    return true;
}
