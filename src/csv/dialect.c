#include "csv/dialect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "csv/sample.h"

/* Tries each delimiter, with CR as a line end like any other, and tells by the rows' ends whether
 * it is: a stray CR in a file of LF rows is not. */
static char find_delimiter(struct mc_span text, bool final, char told, bool *cr_ends_rows)
{
    static const char usual[] = {',', ';', '\t', '|'};
    char best = told ? told : usual[0];
    int64_t best_score = INT64_MIN;
    uint32_t best_width = 0;
    for (size_t i = 0; i < (told ? 1 : sizeof usual); i++) {
        struct mc_sample sample;
        char delimiter = told ? told : usual[i];
        mc_sample_take(&sample, text, final, delimiter, true);
        int64_t score = mc_sample_score(&sample);
        if (score > best_score || (score == best_score && sample.usual > best_width)) {
            best = delimiter;
            best_score = score;
            best_width = sample.usual;
            *cr_ends_rows = sample.ended_by_cr > sample.ended_by_lf;
        }
        mc_sample_free(&sample);
    }
    return best;
}

#define NAMES_SHOWN 400

static void add_names(struct mc_text *text, const struct mc_sample *sample)
{
    size_t limit = text->len + NAMES_SHOWN;
    for (uint32_t i = 0; i < sample->first_cells; i++) {
        mc_text_printf(text, "%s%u \"", i ? ", " : "", i + 1);
        mc_text_add_printable(text, mc_sample_first_cell(sample, i), 40);
        mc_text_add_char(text, '"');
        if (text->len > limit) {
            mc_text_add_z(text, ", ...");
            return;
        }
    }
}

static bool fail_with_names(const struct mc_sample *sample, struct mc_text *text, char *error,
                            size_t error_size)
{
    add_names(text, sample);
    snprintf(error, error_size, "%s", mc_text_z(text));
    mc_text_free(text);
    return false;
}

/* --column NAME */
static bool column_by_name(const struct mc_sample *sample, struct mc_span name, uint32_t *column)
{
    for (int nocase = 0; nocase < 2; nocase++)
        for (uint32_t i = 0; i < sample->first_cells; i++) {
            struct mc_span cell = mc_sample_first_cell(sample, i);
            if (nocase ? mc_span_equal_nocase(cell, name) : mc_span_equal(cell, name)) {
                *column = i;
                return true;
            }
        }
    return false;
}

static bool column_told(const struct mc_sample *sample, const struct mc_rows_options *options,
                        const char *name, uint32_t *column, char *error, size_t error_size)
{
    uint64_t number;
    struct mc_text text = {0};
    struct mc_span told = mc_span_of(options->column);
    if (mc_parse_u64(told, UINT32_MAX, &number)) {
        if (number >= 1 && number <= sample->widest) {
            *column = (uint32_t)number - 1;
            return true;
        }
        mc_text_printf(&text, "%s has no column %s; its first row is: ", name, options->column);
        return fail_with_names(sample, &text, error, error_size);
    }
    if (options->no_header) {
        snprintf(error, error_size,
                 "--no-header leaves no name to look for: give --column a number instead of \"%s\"",
                 options->column);
        return false;
    }
    if (column_by_name(sample, mc_trimmed(told), column))
        return true;
    mc_text_printf(&text, "%s has no column named \"%s\"; its first row is: ", name,
                   options->column);
    return fail_with_names(sample, &text, error, error_size);
}

/* A column of addresses: half as many as in the best one, and at least half of what it holds. */
static bool is_candidate(const struct mc_sample_column *column, uint32_t best)
{
    uint32_t like = mc_sample_likeness(column),
             filled = column->filled + (column->first >= MC_LOOK_MAYBE);
    return !column->is_ours && like > 0 && like * 2 >= best && like >= filled;
}

/* Without any address the name must be plain, or nothing speak against it. */
static bool is_eligible(const struct mc_sample_column *column, uint32_t best)
{
    if (best > 0)
        return is_candidate(column, best);
    return !column->is_ours && (column->rank == MC_NAME_EXACT ||
                                (column->rank >= MC_NAME_SECONDARY && column->filled == 0));
}

/* The best by name among the columns of addresses; among equals the first that is about as full
 * as any. One column alone needs neither name nor addresses. */
static bool column_detected(const struct mc_sample *sample, bool no_header, uint32_t *column)
{
    uint32_t best = 0, like_of_rank = 0;
    enum mc_name_rank rank = MC_NAME_OTHER;
    bool any = false;
    *column = 0;
    for (size_t i = 0; i < sample->count; i++)
        if (!sample->columns[i].is_ours && mc_sample_likeness(&sample->columns[i]) > best)
            best = mc_sample_likeness(&sample->columns[i]);
    for (size_t i = 0; i < sample->count && (best > 0 || !no_header); i++) {
        const struct mc_sample_column *at = &sample->columns[i];
        if (!is_eligible(at, best) || at->rank < rank)
            continue;
        any = true;
        like_of_rank = at->rank > rank || mc_sample_likeness(at) > like_of_rank
                           ? mc_sample_likeness(at)
                           : like_of_rank;
        rank = at->rank;
    }
    for (uint32_t i = 0; any && i < sample->count; i++) {
        const struct mc_sample_column *at = &sample->columns[i];
        if (is_eligible(at, best) && at->rank == rank &&
            (uint64_t)mc_sample_likeness(at) * 10 >= (uint64_t)like_of_rank * 9) {
            *column = i;
            return true;
        }
    }
    return sample->widest <= 1;
}

/* True where the first row is unlike all others: no number where they have numbers. */
static bool first_row_differs(const struct mc_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        const struct mc_sample_column *column = &sample->columns[i];
        if (column->first == MC_LOOK_OTHER && column->numbers > 0 &&
            column->numbers == column->filled)
            return true;
    }
    return false;
}

static bool has_header(const struct mc_sample *sample, uint32_t column,
                       const struct mc_rows_options *options)
{
    uint64_t number;
    if (options->no_header || sample->rows == 0)
        return false;
    for (size_t i = 0; i < sample->count; i++)
        if (sample->columns[i].is_ours)
            return true;
    if (options->column && !mc_parse_u64(mc_span_of(options->column), UINT32_MAX, &number))
        return true;
    if (column >= sample->first_cells || column >= sample->count)
        return first_row_differs(sample);
    const struct mc_sample_column *at = &sample->columns[column];
    if (at->first != MC_LOOK_OTHER)
        return false;
    if (at->rank >= MC_NAME_SECONDARY)
        return true;
    /* on a line of its own a word that is no name may as well be a bad address */
    if (sample->widest <= 1)
        return at->rank == MC_NAME_WEAK && mc_sample_likeness(at) > 0;
    for (size_t i = 0; i < sample->count; i++)
        if (sample->columns[i].first == MC_LOOK_NUMBER)
            return false;
    return mc_sample_likeness(at) > 0 || first_row_differs(sample);
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

static const char *encoding_name(const struct mc_dialect *dialect, struct mc_span text)
{
    switch (dialect->encoding) {
    case MC_ENCODING_UTF16LE:
        return "UTF-16LE";
    case MC_ENCODING_UTF16BE:
        return "UTF-16BE";
    case MC_ENCODING_UTF8:
        break;
    }
    return is_utf8(text) ? "UTF-8" : "8-bit text";
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

static void add_other_columns(struct mc_text *text, const struct mc_sample *sample, uint32_t chosen,
                              bool header)
{
    uint32_t best = chosen < sample->count ? mc_sample_likeness(&sample->columns[chosen]) : 0;
    const char *before = "; also addresses: column ";
    for (uint32_t i = 0; best > 0 && i < sample->count; i++) {
        if (i == chosen || !is_candidate(&sample->columns[i], best))
            continue;
        mc_text_printf(text, "%s%u", before, i + 1);
        before = ", ";
        if (header) {
            mc_text_add_z(text, " \"");
            mc_text_add_printable(text, mc_sample_first_cell(sample, i), 80);
            mc_text_add_char(text, '"');
        }
    }
}

static void describe(struct mc_detected *detected, const struct mc_sample *sample)
{
    const struct mc_dialect *dialect = &detected->dialect;
    struct mc_text *text = &detected->description;
    text->len = 0;
    mc_text_add_z(text, dialect->has_header ? "header, " : "no header, ");
    add_delimiter(text, dialect->delimiter);
    mc_text_printf(text, ", column %u", dialect->column + 1);
    if (dialect->has_header) {
        mc_text_add_z(text, " \"");
        mc_text_add_printable(text, mc_sample_first_cell(sample, dialect->column), 80);
        mc_text_add_char(text, '"');
    }
    mc_text_printf(text, ", %s%s%s", encoding_name(dialect, sample->text),
                   dialect->bom ? " with byte order mark" : "",
                   detected->cr_ends_rows ? ", CR line ends" : "");
    add_other_columns(text, sample, dialect->column, dialect->has_header);
    if (dialect->ours_count)
        mc_text_printf(text, "; %u mc_ columns of an earlier run are replaced",
                       dialect->ours_count);
    mc_text_z(text);
}

static void collect_ours(struct mc_detected *detected, const struct mc_sample *sample)
{
    struct mc_dialect *dialect = &detected->dialect;
    dialect->ours_count = 0;
    free(detected->ours);
    detected->ours = NULL;
    if (dialect->has_header && sample->count > 0) {
        detected->ours = mc_malloc(sample->count * sizeof *detected->ours);
        for (uint32_t i = 0; i < sample->count; i++)
            if (sample->columns[i].is_ours)
                detected->ours[dialect->ours_count++] = i;
    }
    dialect->ours = detected->ours;
}

static struct mc_span line_end_of(const struct mc_sample *sample)
{
    struct mc_span text = sample->text;
    const char *lf = memchr(text.at, '\n', text.len);
    if (sample->rules.cr_ends_rows)
        return mc_span("\r", 1);
    return lf && lf > text.at && lf[-1] == '\r' ? mc_span("\r\n", 2) : mc_span("\n", 1);
}

/* Excel writes and reads a first line that names the delimiter: sep=; */
static size_t separator_line(struct mc_span text, char *delimiter)
{
    if (text.len < 6 || memcmp(text.at, "sep=", 4) != 0)
        return 0;
    char c = text.at[4];
    size_t len = text.at[5] == '\r' && text.len > 6 && text.at[6] == '\n' ? 7 : 6;
    if (!strchr(",;|\t", c) || (text.at[len - 1] != '\n' && text.at[len - 1] != '\r'))
        return 0;
    if (!*delimiter)
        *delimiter = c;
    return len;
}

/* What is settled once delimiter, line end and column are. */
static void conclude(struct mc_detected *detected, const struct mc_sample *sample,
                     const struct mc_rows_options *options)
{
    struct mc_dialect *dialect = &detected->dialect;
    const struct mc_sample_column *column =
        dialect->column < sample->count ? &sample->columns[dialect->column] : NULL;
    dialect->has_header = has_header(sample, dialect->column, options);
    dialect->header_cells = dialect->has_header ? sample->first_cells : 0;
    dialect->usual_cells = dialect->has_header ? sample->first_cells : sample->usual;
    dialect->line_end = line_end_of(sample);
    detected->sure = column && (options->column || mc_sample_likeness(column) > 0 ||
                                column->rank == MC_NAME_EXACT);
    collect_ours(detected, sample);
    describe(detected, sample);
}

bool mc_dialect_detect(struct mc_detected *detected, struct mc_span text, bool final,
                       const struct mc_rows_options *options, const char *name, char *error,
                       size_t error_size)
{
    struct mc_dialect *dialect = &detected->dialect;
    struct mc_sample sample;
    char delimiter = options->delimiter;
    size_t skipped = separator_line(text, &delimiter);
    text = mc_span(text.at + skipped, text.len - skipped);
    detected->separator_line = skipped > 0;
    detected->cr_ends_rows = false;
    dialect->delimiter = find_delimiter(text, final, delimiter, &detected->cr_ends_rows);
    mc_sample_take(&sample, text, final, dialect->delimiter, detected->cr_ends_rows);
    detected->rows = sample.rows;
    detected->bytes = sample.bytes;
    dialect->column = 0;
    bool ok = true;
    if (sample.rows > 0 && options->column) {
        ok = column_told(&sample, options, name, &dialect->column, error, error_size);
    } else if (!column_detected(&sample, options->no_header, &dialect->column)) {
        struct mc_text sentence = {0};
        mc_text_printf(&sentence,
                       "no column of %s looks like it holds email addresses: name the right one "
                       "with --column NAME or --column N; its first row is: ",
                       name);
        ok = fail_with_names(&sample, &sentence, error, error_size);
    }
    if (ok)
        conclude(detected, &sample, options);
    mc_sample_free(&sample);
    return ok;
}

void mc_detected_free(struct mc_detected *detected)
{
    free(detected->ours);
    mc_text_free(&detected->description);
}
