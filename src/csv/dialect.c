#include "csv/dialect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "csv/column_names.h"
#include "csv/row_split.h"
#include "verdict/columns.h"

#define SAMPLE_ROWS    500
#define SAMPLE_COLUMNS 4096 /* further ones are not looked at */

enum look { LOOK_EMPTY, LOOK_OTHER, LOOK_NUMBER, LOOK_MAYBE, LOOK_ADDRESS };

/* One column of the sample. */
struct column {
    enum look first;                            /* its cell in the first row */
    uint32_t filled, maybe, addresses, numbers; /* its cells in the others */
    enum mc_name_rank rank;                     /* of its cell in the first row, as a name */
    bool is_ours;
};

/* The sample as one delimiter cuts it. */
struct trial {
    struct mc_row_rules rules;
    struct mc_span sample;
    bool final;
    uint32_t rows, malformed, widest, usual, usual_rows;
    uint32_t ended_by_cr, ended_by_lf;
    struct mc_span first; /* the first row's cells, raw */
    uint32_t first_cells;
    struct column *columns;
    size_t count, room;
    char *scratch; /* as long as the sample */
};

static bool is_blank_byte(char c)
{
    return c == ' ' || c == '\t';
}

static struct mc_span trimmed(struct mc_span text)
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
        else if (!strchr("+-.,/: ()", text.at[i]))
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

/* Deliberately rough: it tells columns apart, not good addresses from bad ones. A wrong delimiter
 * leaves other delimiters inside the cell. */
static enum look look_of(struct mc_span text)
{
    text = without_wrapping(trimmed(text));
    if (text.len == 0)
        return LOOK_EMPTY;
    const char *at = memchr(text.at, '@', text.len);
    if (!at && memmem(text.at + 1, text.len - 1, "\xef\xbc\xa0", 3))
        return LOOK_MAYBE; /* full-width at-sign */
    if (!at)
        return is_number(text) ? LOOK_NUMBER : LOOK_OTHER;
    size_t left = (size_t)(at - text.at), right = text.len - left - 1;
    if (left == 0 || right == 0)
        return LOOK_OTHER; /* "@ann" is a name elsewhere */
    if (memchr(at + 1, '@', right) || !memchr(at + 1, '.', right))
        return LOOK_MAYBE;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '\0' && strchr(" ,;|\t\"<>()\r\n", text.at[i]))
            return LOOK_MAYBE;
    return LOOK_ADDRESS;
}

static bool is_ours(struct mc_span name)
{
    enum mc_column column;
    name = trimmed(name);
    return name.len > 3 && memcmp(name.at, "mc_", 3) == 0 && mc_column_by_name(name, &column);
}

static void see_cell(struct trial *trial, uint32_t at, struct mc_span text)
{
    if (at >= SAMPLE_COLUMNS)
        return;
    if (at >= trial->count) {
        trial->columns =
            mc_grow(trial->columns, trial->count, &trial->room, sizeof *trial->columns);
        trial->columns[trial->count++] = (struct column){.first = LOOK_EMPTY};
    }
    struct column *column = &trial->columns[at];
    enum look look = look_of(text);
    if (trial->rows == 0) {
        column->first = look;
        column->rank = look == LOOK_OTHER ? mc_column_name_rank(trimmed(text)) : MC_NAME_OTHER;
        column->is_ours = is_ours(text);
        return;
    }
    column->filled += look != LOOK_EMPTY;
    column->numbers += look == LOOK_NUMBER;
    column->maybe += look == LOOK_MAYBE;
    column->addresses += look == LOOK_ADDRESS;
}

static uint32_t see_row(struct trial *trial, struct mc_span body)
{
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    uint32_t width = 0;
    mc_raw_cells_begin(&cells, body, trial->rules.delimiter);
    while (mc_raw_cells_next(&cells, &cell))
        see_cell(trial, width++, mc_raw_cell_text(&cell, trial->rules.delimiter, trial->scratch));
    if (trial->rows == 0) {
        trial->first = body;
        trial->first_cells = width;
    }
    trial->widest = width > trial->widest ? width : trial->widest;
    return width;
}

static void find_usual_width(struct trial *trial, const uint32_t *widths)
{
    for (uint32_t i = 0; i < trial->rows; i++) {
        uint32_t same = 0;
        for (uint32_t k = i; k < trial->rows; k++)
            same += widths[k] == widths[i];
        if (same > trial->usual_rows) {
            trial->usual_rows = same;
            trial->usual = widths[i];
        }
    }
}

static void trial_run(struct trial *trial)
{
    struct mc_row_split split;
    struct mc_row_shape shape;
    uint32_t widths[SAMPLE_ROWS];
    mc_row_split_init(&split, &trial->rules);
    mc_row_split_window(&split, trial->sample.at, trial->sample.len, trial->final);
    while (trial->rows < SAMPLE_ROWS && mc_row_split_next(&split, &shape)) {
        const char *row = split.at - shape.len;
        struct mc_span body = mc_span(row, shape.len - shape.line_end_len);
        trial->ended_by_lf += shape.line_end_len > 0 && row[shape.len - 1] == '\n';
        trial->ended_by_cr += shape.line_end_len > 0 && row[shape.len - 1] == '\r';
        if (body.len == 0)
            continue;
        widths[trial->rows] = see_row(trial, body);
        trial->malformed += shape.malformed;
        trial->rows++;
    }
    find_usual_width(trial, widths);
}

static uint32_t likeness(const struct column *column)
{
    return 2 * (column->addresses + (column->first == LOOK_ADDRESS)) + column->maybe +
           (column->first == LOOK_MAYBE);
}

/* How well a delimiter explains the sample. A whole column of addresses counts 100, rows of one
 * width 50, a name that says e-mail 25. */
static int64_t score(const struct trial *trial)
{
    uint32_t best = 0;
    bool named = false;
    if (trial->rows == 0)
        return 0;
    for (size_t i = 0; i < trial->count; i++) {
        uint32_t like = likeness(&trial->columns[i]);
        best = like > best ? like : best;
        named |= trial->columns[i].rank == MC_NAME_EXACT;
    }
    int64_t rows = trial->rows, even = trial->usual > 1 ? trial->usual_rows : 0;
    return 50 * (int64_t)best / rows + 50 * even / rows - 50 * (int64_t)trial->malformed / rows +
           (named ? 25 : 0);
}

static void trial_free(struct trial *trial)
{
    free(trial->columns);
    free(trial->scratch);
}

static void trial_begin(struct trial *trial, struct mc_span sample, bool final, char delimiter,
                        bool cr_ends_rows)
{
    *trial = (struct trial){.sample = sample, .final = final};
    trial->rules = (struct mc_row_rules){
        .delimiter = delimiter, .cr_ends_rows = cr_ends_rows, .address = UINT32_MAX};
    trial->scratch = mc_malloc(sample.len + 1);
    trial_run(trial);
}

/* Tries each delimiter, with CR as a line end like any other, and tells by the rows' ends whether
 * it is: a stray CR in a file of LF rows is not. */
static char find_delimiter(struct mc_span sample, bool final, char told, bool *cr_ends_rows)
{
    static const char usual[] = {',', ';', '\t', '|'};
    char best = told ? told : usual[0];
    int64_t best_score = INT64_MIN;
    uint32_t best_width = 0;
    for (size_t i = 0; i < (told ? 1 : sizeof usual); i++) {
        struct trial trial;
        char delimiter = told ? told : usual[i];
        trial_begin(&trial, sample, final, delimiter, true);
        int64_t points = score(&trial);
        if (points > best_score || (points == best_score && trial.usual > best_width)) {
            best = delimiter;
            best_score = points;
            best_width = trial.usual;
            *cr_ends_rows = trial.ended_by_cr > trial.ended_by_lf;
        }
        trial_free(&trial);
    }
    return best;
}

static struct mc_span first_cell(const struct trial *trial, uint32_t at)
{
    struct mc_raw_cells cells;
    struct mc_raw_cell cell;
    mc_raw_cells_begin(&cells, trial->first, trial->rules.delimiter);
    for (uint32_t i = 0; mc_raw_cells_next(&cells, &cell); i++)
        if (i == at)
            return trimmed(mc_raw_cell_text(&cell, trial->rules.delimiter, trial->scratch));
    return mc_span("", 0);
}

#define NAMES_SHOWN 400

static void add_names(struct mc_text *text, const struct trial *trial)
{
    size_t limit = text->len + NAMES_SHOWN;
    for (uint32_t i = 0; i < trial->first_cells; i++) {
        mc_text_printf(text, "%s%u \"", i ? ", " : "", i + 1);
        mc_text_add_printable(text, first_cell(trial, i), 40);
        mc_text_add_char(text, '"');
        if (text->len > limit) {
            mc_text_add_z(text, ", ...");
            return;
        }
    }
}

static bool fail_with_names(const struct trial *trial, struct mc_text *text, char *error,
                            size_t error_size)
{
    add_names(text, trial);
    snprintf(error, error_size, "%s", mc_text_z(text));
    mc_text_free(text);
    return false;
}

/* --column NAME */
static bool column_by_name(const struct trial *trial, struct mc_span name, uint32_t *column)
{
    for (int nocase = 0; nocase < 2; nocase++)
        for (uint32_t i = 0; i < trial->first_cells; i++) {
            struct mc_span cell = first_cell(trial, i);
            if (nocase ? mc_span_equal_nocase(cell, name) : mc_span_equal(cell, name)) {
                *column = i;
                return true;
            }
        }
    return false;
}

static bool column_told(const struct trial *trial, const struct mc_rows_options *options,
                        const char *name, uint32_t *column, char *error, size_t error_size)
{
    uint64_t number;
    struct mc_text text = {0};
    struct mc_span told = mc_span_of(options->column);
    if (mc_parse_u64(told, UINT32_MAX, &number)) {
        if (number >= 1 && number <= trial->widest) {
            *column = (uint32_t)number - 1;
            return true;
        }
        mc_text_printf(&text, "%s has no column %s; its first row is: ", name, options->column);
        return fail_with_names(trial, &text, error, error_size);
    }
    if (options->no_header) {
        snprintf(error, error_size,
                 "--no-header leaves no name to look for: give --column a number instead of \"%s\"",
                 options->column);
        return false;
    }
    if (column_by_name(trial, trimmed(told), column))
        return true;
    mc_text_printf(&text, "%s has no column named \"%s\"; its first row is: ", name,
                   options->column);
    return fail_with_names(trial, &text, error, error_size);
}

/* A column of addresses: half as many as in the best one, and at least half of what it holds. */
static bool is_candidate(const struct column *column, uint32_t best)
{
    uint32_t like = likeness(column), filled = column->filled + (column->first >= LOOK_MAYBE);
    return !column->is_ours && like > 0 && like * 2 >= best && like >= filled;
}

/* Without any address the name must be plain, or nothing speak against it. */
static bool is_eligible(const struct column *column, uint32_t best)
{
    if (best > 0)
        return is_candidate(column, best);
    return !column->is_ours && (column->rank == MC_NAME_EXACT ||
                                (column->rank >= MC_NAME_SECONDARY && column->filled == 0));
}

/* The best by name among the columns of addresses; among equals the first that is about as full
 * as any. One column alone needs neither name nor addresses. */
static bool column_detected(const struct trial *trial, bool no_header, uint32_t *column)
{
    uint32_t best = 0, like_of_rank = 0;
    enum mc_name_rank rank = MC_NAME_OTHER;
    bool any = false;
    *column = 0;
    for (size_t i = 0; i < trial->count; i++)
        if (!trial->columns[i].is_ours && likeness(&trial->columns[i]) > best)
            best = likeness(&trial->columns[i]);
    for (size_t i = 0; i < trial->count && (best > 0 || !no_header); i++) {
        const struct column *at = &trial->columns[i];
        if (!is_eligible(at, best) || at->rank < rank)
            continue;
        any = true;
        like_of_rank = at->rank > rank || likeness(at) > like_of_rank ? likeness(at) : like_of_rank;
        rank = at->rank;
    }
    for (uint32_t i = 0; any && i < trial->count; i++) {
        const struct column *at = &trial->columns[i];
        if (is_eligible(at, best) && at->rank == rank &&
            (uint64_t)likeness(at) * 10 >= (uint64_t)like_of_rank * 9) {
            *column = i;
            return true;
        }
    }
    return trial->widest <= 1;
}

/* True where the first row is unlike all others: no number where they have numbers. */
static bool first_row_differs(const struct trial *trial)
{
    for (size_t i = 0; i < trial->count; i++) {
        const struct column *column = &trial->columns[i];
        if (column->first == LOOK_OTHER && column->numbers > 0 && column->numbers == column->filled)
            return true;
    }
    return false;
}

static bool has_header(const struct trial *trial, uint32_t column,
                       const struct mc_rows_options *options)
{
    uint64_t number;
    if (options->no_header || trial->rows == 0)
        return false;
    for (size_t i = 0; i < trial->count; i++)
        if (trial->columns[i].is_ours)
            return true;
    if (options->column && !mc_parse_u64(mc_span_of(options->column), UINT32_MAX, &number))
        return true;
    if (column >= trial->first_cells || column >= trial->count)
        return first_row_differs(trial);
    const struct column *at = &trial->columns[column];
    if (at->first != LOOK_OTHER)
        return false;
    if (at->rank >= MC_NAME_SECONDARY)
        return true;
    /* on a line of its own a word that is no name may as well be a bad address */
    if (trial->widest <= 1)
        return at->rank == MC_NAME_WEAK && likeness(at) > 0;
    for (size_t i = 0; i < trial->count; i++)
        if (trial->columns[i].first == LOOK_NUMBER)
            return false;
    return likeness(at) > 0 || first_row_differs(trial);
}

static bool is_utf8(struct mc_span text)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        len = mc_utf8_length(text.at + at, text.len - at);
        if (len == 0)
            return text.len - at < 4; /* maybe a character that the sample's end cuts */
    }
    return true;
}

static const char *encoding_name(const struct mc_dialect *dialect, struct mc_span sample)
{
    switch (dialect->encoding) {
    case MC_ENCODING_UTF16LE:
        return "UTF-16LE";
    case MC_ENCODING_UTF16BE:
        return "UTF-16BE";
    case MC_ENCODING_UTF8:
        break;
    }
    return is_utf8(sample) ? "UTF-8" : "8-bit text";
}

static void add_delimiter(struct mc_text *text, char delimiter)
{
    switch (delimiter) {
    case ',':
        mc_text_add_z(text, "comma");
        break;
    case ';':
        mc_text_add_z(text, "semicolon");
        break;
    case '\t':
        mc_text_add_z(text, "tab");
        break;
    default:
        mc_text_printf(text, "\"%c\"", delimiter);
    }
}

static void add_other_columns(struct mc_text *text, const struct trial *trial, uint32_t chosen,
                              bool header)
{
    uint32_t best = chosen < trial->count ? likeness(&trial->columns[chosen]) : 0;
    const char *before = "; also addresses: column ";
    for (uint32_t i = 0; best > 0 && i < trial->count; i++) {
        if (i == chosen || !is_candidate(&trial->columns[i], best))
            continue;
        mc_text_printf(text, "%s%u", before, i + 1);
        before = ", ";
        if (header) {
            mc_text_add_z(text, " \"");
            mc_text_add_printable(text, first_cell(trial, i), 80);
            mc_text_add_char(text, '"');
        }
    }
}

static void describe(struct mc_detected *detected, const struct trial *trial)
{
    const struct mc_dialect *dialect = &detected->dialect;
    struct mc_text *text = &detected->description;
    text->len = 0;
    mc_text_add_z(text, dialect->has_header ? "header, " : "no header, ");
    add_delimiter(text, dialect->delimiter);
    mc_text_printf(text, ", column %u", dialect->column + 1);
    if (dialect->has_header) {
        mc_text_add_z(text, " \"");
        mc_text_add_printable(text, first_cell(trial, dialect->column), 80);
        mc_text_add_char(text, '"');
    }
    mc_text_printf(text, ", %s%s%s", encoding_name(dialect, trial->sample),
                   dialect->bom ? " with byte order mark" : "",
                   detected->cr_ends_rows ? ", CR line ends" : "");
    add_other_columns(text, trial, dialect->column, dialect->has_header);
    if (dialect->ours_count)
        mc_text_printf(text, "; %u mc_ columns of an earlier run are replaced",
                       dialect->ours_count);
}

static void collect_ours(struct mc_detected *detected, const struct trial *trial)
{
    struct mc_dialect *dialect = &detected->dialect;
    dialect->ours_count = 0;
    free(detected->ours);
    detected->ours = NULL;
    if (dialect->has_header && trial->count > 0) {
        detected->ours = mc_malloc(trial->count * sizeof *detected->ours);
        for (uint32_t i = 0; i < trial->count; i++)
            if (trial->columns[i].is_ours)
                detected->ours[dialect->ours_count++] = i;
    }
    dialect->ours = detected->ours;
}

static struct mc_span line_end_of(const struct trial *trial)
{
    struct mc_span sample = trial->sample;
    const char *lf = memchr(sample.at, '\n', sample.len);
    if (trial->rules.cr_ends_rows)
        return mc_span("\r", 1);
    return lf && lf > sample.at && lf[-1] == '\r' ? mc_span("\r\n", 2) : mc_span("\n", 1);
}

/* Excel writes and reads a first line that names the delimiter: sep=; */
static size_t separator_line(struct mc_span sample, char *delimiter)
{
    if (sample.len < 6 || memcmp(sample.at, "sep=", 4) != 0)
        return 0;
    char c = sample.at[4];
    size_t len = sample.at[5] == '\r' && sample.len > 6 && sample.at[6] == '\n' ? 7 : 6;
    if (!strchr(",;|\t", c) || (sample.at[len - 1] != '\n' && sample.at[len - 1] != '\r'))
        return 0;
    if (!*delimiter)
        *delimiter = c;
    return len;
}

bool mc_dialect_detect(struct mc_detected *detected, struct mc_span sample, bool final,
                       const struct mc_rows_options *options, const char *name, char *error,
                       size_t error_size)
{
    struct mc_dialect *dialect = &detected->dialect;
    struct trial trial;
    char delimiter = options->delimiter;
    size_t skipped = separator_line(sample, &delimiter);
    sample = mc_span(sample.at + skipped, sample.len - skipped);
    detected->separator_line = skipped > 0;
    detected->cr_ends_rows = false;
    dialect->delimiter = find_delimiter(sample, final, delimiter, &detected->cr_ends_rows);
    trial_begin(&trial, sample, final, dialect->delimiter, detected->cr_ends_rows);
    detected->rows = trial.rows;
    dialect->column = 0;
    bool ok = true;
    if (trial.rows > 0 && options->column) {
        ok = column_told(&trial, options, name, &dialect->column, error, error_size);
    } else if (!column_detected(&trial, options->no_header, &dialect->column)) {
        struct mc_text text = {0};
        mc_text_printf(&text,
                       "no column of %s looks like it holds email addresses: name the right one "
                       "with --column NAME or --column N; its first row is: ",
                       name);
        ok = fail_with_names(&trial, &text, error, error_size);
    }
    if (ok) {
        const struct column *column =
            dialect->column < trial.count ? &trial.columns[dialect->column] : NULL;
        dialect->has_header = has_header(&trial, dialect->column, options);
        dialect->header_cells = dialect->has_header ? trial.first_cells : 0;
        dialect->usual_cells = dialect->has_header ? trial.first_cells : trial.usual;
        dialect->line_end = line_end_of(&trial);
        detected->sure =
            column && (options->column || likeness(column) > 0 || column->rank == MC_NAME_EXACT);
        collect_ours(detected, &trial);
        describe(detected, &trial);
    }
    trial_free(&trial);
    return ok;
}

void mc_detected_free(struct mc_detected *detected)
{
    free(detected->ours);
    mc_text_free(&detected->description);
}
