/* Row boundaries: by table, against libcsv and a plain reading of the rules, in any pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <csv.h>

#include "base/memory.h"
#include "base/text.h"
#include "csv/marks.h"
#include "csv/row_split.h"

#define ROWS_MAX 64

/* Rows as "a|b" in the tables: one text for the whole input, rows marked by their length. */
struct expected {
    const char *input;
    const char *rows; /* the rows without line ends, each behind a '/'; '!' before malformed ones */
    bool cr_ends_rows;
};

static const struct expected cases[] = {
    {"a,b\nc,d\n", "/a,b/c,d", false},
    {"a,b\r\nc,d", "/a,b/c,d", false},
    {"a,b\rc,d\n", "/a,b\rc,d", false},
    {"a,b\rc,d\n", "/a,b/c,d", true},
    {"a\r\nb\rc\nd", "/a/b/c/d", true},
    {"a\r\r\nb\r", "/a\r/b", false},
    {"\n\na\n\n", "///a/", false},
    {"\"a\nb\",c\nd\n", "/\"a\nb\",c/d", false},
    {"\"a\r\nb\"\r\nd\r\n", "/\"a\r\nb\"/d", false},
    {"\"a\rb\"\rd\r", "/\"a\rb\"/d", true},
    {"\"a\"\"\nb\",c\nd\n", "/\"a\"\"\nb\",c/d", false},
    {"\"Jo\" Smith,jo\nb\n", "/!\"Jo\" Smith,jo/b", false},
    {"\"Jo\nSmith\" x,jo\nb\n", "/!\"Jo/Smith\" x,jo/b", false},
    {"x,\"open\ny,z\nw\n", "/!x,\"open/y,z/w", false},
    {"x,\"open\n\"y\",z\n", "/!x,\"open/\"y\",z", false},
    {"x,\"open", "/!x,\"open", false},
    {"x,\"open\r\ny", "/!x,\"open/y", false},
    {"x, \"a\nb\"\n", "/x, \"a/b\"", false},
    {"x,5\" pipe,\"a\nb\"\n", "/x,5\" pipe,\"a\nb\"", false},
    {"\"\",\"\"\n\"\"\n", "/\"\",\"\"/\"\"", false},
    {"\"\"x\n\"\"\"\n", "/!\"\"x/!\"\"\"", false},
    {"\"a\"\rb\n", "/!\"a\"\rb", false},
    {"\"a\"\r", "/\"a\"", false},
    {"", "", false},
    {"\n", "/", false},
    {"\r\n", "/", false},
    {"a\"b\"\n", "/a\"b\"", false},
};

static void append_row(struct mc_text *text, const char *at, const struct mc_row_shape *shape)
{
    mc_text_add_char(text, '/');
    if (shape->malformed)
        mc_text_add_char(text, '!');
    mc_text_add(text, at, shape->len - shape->line_end_len);
}

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % n);
}

/* The next rows: one, or as many simple ones as there are. */
static size_t next_some(struct mc_row_split *split, struct mc_row_shape some[5])
{
    size_t got = mc_row_split_simple(split, some, random_below(6));
    return got > 0 ? got : mc_row_split_next(split, some);
}

/* Splits `input` given in pieces of `piece` bytes, each in memory of its own so that a read past
 * its end shows under the sanitizer. Checks that the rows are the input. */
static void split_in_pieces(struct mc_span input, const struct mc_row_rules *rules, size_t piece,
                            struct mc_text *seen, struct mc_row_shape *shapes, size_t *count)
{
    struct mc_row_split split;
    size_t start = 0, have = 0;
    bool final;
    mc_row_split_init(&split, rules);
    *count = 0;
    do {
        have = input.len - have > piece ? have + piece : input.len;
        final = have == input.len;
        char *window = mc_malloc(have - start + 1);
        char *exact = mc_realloc(window, have - start ? have - start : 1);
        memcpy(exact, input.at + start, have - start);
        mc_row_split_window(&split, exact, have - start, final);
        struct mc_row_shape some[5];
        for (size_t got; (got = next_some(&split, some)) > 0;)
            for (size_t i = 0; i < got; i++) {
                const struct mc_row_shape *shape = &some[i];
                assert_true(shape->len > 0);
                assert_true(shape->address_at + shape->address_len <=
                            shape->len - shape->line_end_len);
                append_row(seen, input.at + start, shape);
                start += shape->len;
                if (*count < ROWS_MAX)
                    shapes[*count] = *shape;
                ++*count;
            }
        free(exact);
    } while (!final);
    assert_int_equal(start, input.len);
}

static void rows_end_where_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        for (size_t piece = 1; piece < 12; piece++) {
            const struct mc_row_rules rules = {.delimiter = ',',
                                               .cr_ends_rows = cases[i].cr_ends_rows};
            struct mc_row_shape shapes[ROWS_MAX];
            struct mc_text seen = {0};
            size_t count;
            split_in_pieces(mc_span_of(cases[i].input), &rules, piece, &seen, shapes, &count);
            assert_string_equal(mc_text_z(&seen), cases[i].rows);
            mc_text_free(&seen);
        }
}

static void marks_are_the_same_both_ways(void **state)
{
    (void)state;
    static const char bytes[] = ",;\"\n\r\tab@\0\xff\x80";
    for (int round = 0; round < 20000; round++) {
        char block[MC_MARKS_BLOCK];
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = bytes[random_below(sizeof bytes)];
        char delimiter = ",;\t"[random_below(3)], line_break = "\r\n"[random_below(2)];
        assert_true(mc_marks(block, delimiter, line_break) ==
                    mc_marks_plain(block, delimiter, line_break));
        size_t from = random_below(60), len = random_below(64 - (uint32_t)from);
        memset(block, 'a', from + len / 2);
        char copy[MC_MARKS_BLOCK + 1], expected[sizeof copy];
        memset(copy, 'x', sizeof copy);
        memset(expected, 'x', sizeof expected);
        memcpy(expected, block + from, len);
        assert_true(mc_copy_has_marks(copy, block + from, len, delimiter) ==
                    mc_has_marks_plain(block + from, len, delimiter));
        assert_memory_equal(copy, expected, sizeof copy);
    }
}

/* The rules, read off the contract one byte at a time. Returns the row's length. */
static size_t plain_row_length(struct mc_span in, char delimiter, bool *malformed, uint32_t *cells)
{
    size_t at = 0;
    *malformed = false;
    *cells = 1;
    while (at < in.len) {
        bool quoted = in.at[at] == '"';
        size_t cell = at;
        if (quoted) {
            at++;
            while (at < in.len && (in.at[at] != '"' || (at + 1 < in.len && in.at[at + 1] == '"')))
                at += in.at[at] == '"' ? 2 : 1;
            bool closed = at < in.len;
            at++;
            bool line_end =
                closed && (at == in.len || in.at[at] == '\n' ||
                           (in.at[at] == '\r' && (at + 1 == in.len || in.at[at + 1] == '\n')));
            if (!closed || (!line_end && in.at[at] != delimiter)) {
                *malformed = true;
                for (at = cell; at < in.len && in.at[at] != '\n';)
                    at++;
                return at < in.len ? at + 1 : in.len;
            }
        }
        while (at < in.len && in.at[at] != delimiter && in.at[at] != '\n')
            at++;
        if (at == in.len)
            return at;
        if (in.at[at++] == '\n')
            return at;
        ++*cells;
    }
    return in.len;
}

static void random_bytes_split_by_the_rules(void **state)
{
    (void)state;
    static const char bytes[] = "aaab@,,,\"\"\"\n\n\r";
    for (int round = 0; round < 30000; round++) {
        char input[400];
        size_t len = random_below(round % 2 ? 30 : sizeof input), count, at = 0;
        for (size_t i = 0; i < len; i++)
            input[i] = bytes[random_below(sizeof bytes - 1)];
        struct mc_row_rules rules = {.delimiter = ',', .address = random_below(4)};
        struct mc_row_shape shapes[ROWS_MAX], again[ROWS_MAX];
        struct mc_text whole = {0}, pieces = {0};
        split_in_pieces(mc_span(input, len), &rules, len + 1, &whole, shapes, &count);
        for (size_t i = 0; i < count && i < ROWS_MAX; i++) {
            bool malformed;
            uint32_t cells;
            size_t row = plain_row_length(mc_span(input + at, len - at), ',', &malformed, &cells);
            assert_int_equal(shapes[i].len, row);
            assert_int_equal(shapes[i].malformed, malformed);
            if (!malformed)
                assert_int_equal(shapes[i].cells, cells);
            at += row;
        }
        split_in_pieces(mc_span(input, len), &rules, 1 + random_below(9), &pieces, again, &count);
        assert_string_equal(mc_text_z(&whole), mc_text_z(&pieces));
        for (size_t i = 0; i < count && i < ROWS_MAX; i++) {
            assert_int_equal(shapes[i].cells, again[i].cells);
            assert_int_equal(shapes[i].breaks, again[i].breaks);
            assert_int_equal(shapes[i].address_at, again[i].address_at);
            assert_int_equal(shapes[i].address_len, again[i].address_len);
            assert_int_equal(shapes[i].address_kind, again[i].address_kind);
        }
        mc_text_free(&whole);
        mc_text_free(&pieces);
    }
}

struct oracle {
    struct mc_text cells; /* each cell behind a 0x01, each row closed by a 0x02 */
};

static void oracle_cell(void *cell, size_t len, void *arg)
{
    struct oracle *oracle = arg;
    mc_text_add_char(&oracle->cells, 1);
    mc_text_add(&oracle->cells, cell, len);
}

static void oracle_row(int end, void *arg)
{
    struct oracle *oracle = arg;
    (void)end;
    mc_text_add_char(&oracle->cells, 2);
}

static int no_space(unsigned char c)
{
    (void)c;
    return 0; /* libcsv would trim what it calls a blank */
}

static void random_cell(struct mc_text *text, char delimiter, const char *line_end)
{
    if (random_below(3) == 0) {
        mc_text_add_char(text, '"');
        for (uint32_t i = random_below(90); i > 0; i--)
            switch (random_below(12)) {
            case 0:
                mc_text_add_z(text, "\"\"");
                break;
            case 1:
                mc_text_add_z(text, line_end);
                break;
            case 2:
                mc_text_add_char(text, delimiter);
                break;
            default:
                mc_text_add_char(text, (char)('a' + random_below(26)));
            }
        mc_text_add_char(text, '"');
        return;
    }
    mc_text_add_char(text, (char)('a' + random_below(26)));
    for (uint32_t i = random_below(random_below(20) ? 12 : 200); i > 0; i--)
        mc_text_add_char(text, "abc @.\"\xc3\xa9"[random_below(9)]);
}

/* Well-formed lists: the splitter, the cells and libcsv must see the same. (libcsv skips blank
 * lines and takes a bare CR for a line end, so the lists have neither.) */
static void libcsv_sees_the_same_cells(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char delimiter = ",;\t|"[random_below(4)];
        const char *line_end = random_below(2) ? "\n" : "\r\n";
        struct mc_text input = {0}, seen = {0};
        uint32_t rows = 1 + random_below(8), width = 1 + random_below(6);
        for (uint32_t i = 0; i < rows; i++) {
            for (uint32_t k = 0; k < width; k++) {
                if (k)
                    mc_text_add_char(&input, delimiter);
                random_cell(&input, delimiter, line_end);
            }
            if (i + 1 < rows || random_below(2))
                mc_text_add_z(&input, line_end);
        }
        struct oracle oracle = {{0}};
        struct csv_parser parser;
        csv_init(&parser, 0);
        csv_set_delim(&parser, (unsigned char)delimiter);
        csv_set_space_func(&parser, no_space);
        assert_int_equal(csv_parse(&parser, input.at, input.len, oracle_cell, oracle_row, &oracle),
                         input.len);
        csv_fini(&parser, oracle_cell, oracle_row, &oracle);
        csv_free(&parser);

        struct mc_row_split split;
        struct mc_row_shape shape;
        const struct mc_row_rules rules = {.delimiter = delimiter, .address = 2};
        mc_row_split_init(&split, &rules);
        mc_row_split_window(&split, input.at, input.len, true);
        while (mc_row_split_next(&split, &shape)) {
            struct mc_raw_cells cells;
            struct mc_raw_cell cell;
            uint32_t count = 0;
            const char *row = split.at - shape.len;
            assert_false(shape.malformed);
            mc_raw_cells_begin(&cells, mc_span(row, shape.len - shape.line_end_len), delimiter);
            while (mc_raw_cells_next(&cells, &cell)) {
                char *scratch = mc_malloc(cell.raw.len + 1);
                struct mc_span text = mc_raw_cell_text(&cell, delimiter, scratch);
                oracle_cell((void *)(uintptr_t)text.at, text.len, &seen);
                free(scratch);
                if (count++ == 2) {
                    assert_ptr_equal(row + shape.address_at, cell.raw.at);
                    assert_int_equal(shape.address_len, cell.raw.len);
                    assert_int_equal(shape.address_kind, cell.kind);
                }
            }
            oracle_row(0, &seen);
            assert_int_equal(count, shape.cells);
        }
        assert_string_equal(mc_text_z(&seen), mc_text_z(&oracle.cells));
        mc_text_free(&input);
        mc_text_free(&seen);
        mc_text_free(&oracle.cells);
    }
}

/* Cells of malformed rows, where the usual number of cells decides. */
static void malformed_rows_keep_their_columns(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        uint32_t usual;
        uint32_t cells;
        const char *address; /* second cell, as it reads */
    } table[] = {
        {"\"Jo\" Smith,jo@x.example", 2, 2, "jo@x.example"},
        {"\"Jo Smith,jo@x.example", 2, 2, "jo@x.example"},
        {"\"Smith, \"Jo\"\",jo@x.example", 2, 2, "jo@x.example"},
        {"\"Acme \"Best\" Corp, Inc\",info@x.example,Rome", 3, 3, "info@x.example"},
        {"\"Jo\" Smith,\"jo@x.example\",\"Rome\"", 3, 3, "jo@x.example"},
        {"\"Jo,\"ann\" <jo@x.example>", 2, 2, "\"ann\" <jo@x.example>"},
        {"x,\"jo@x.example\" ", 2, 2, "jo@x.example"},
        {"x,\"jo@x.example", 2, 2, "jo@x.example"},
        {"x,\"jo d\"@x.example", 2, 2, "\"jo d\"@x.example"},
        {"x,\"Jo D\" <jo@x.example>", 2, 2, "\"Jo D\" <jo@x.example>"},
        {"x,\"", 2, 2, ""},
        {"\"Jo Smith,jo@x.example,\"RCPT 550 a, b\",", 4, 4, "jo@x.example"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        const struct mc_row_rules rules = {
            .delimiter = ',', .address = 1, .usual_cells = table[i].usual};
        struct mc_row_split split;
        struct mc_row_shape shape;
        char scratch[100];
        mc_row_split_init(&split, &rules);
        mc_row_split_window(&split, table[i].row, strlen(table[i].row), true);
        assert_true(mc_row_split_next(&split, &shape));
        assert_true(shape.malformed);
        assert_int_equal(shape.cells, table[i].cells);
        const struct mc_raw_cell cell = {
            mc_span(table[i].row + shape.address_at, shape.address_len), shape.address_kind};
        struct mc_span text = mc_raw_cell_text(&cell, ',', scratch);
        assert_int_equal(text.len, strlen(table[i].address));
        assert_memory_equal(text.at, table[i].address, text.len);
    }
}

/* An opening quote whose partner is too far away is a stray one, wherever the window ends. */
static void far_quotes_close_nothing(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        size_t len = MC_QUOTED_CELL_MAX + 100, count = 0;
        char *input = mc_malloc(len);
        struct mc_row_shape shape;
        struct mc_row_split split;
        const struct mc_row_rules rules = {.delimiter = ','};
        memset(input, 'a', len);
        input[0] = '"';
        input[10] = '\n';
        input[MC_QUOTED_CELL_MAX + (size_t)more] = '"';
        input[MC_QUOTED_CELL_MAX + (size_t)more + 1] = '\n';
        mc_row_split_init(&split, &rules);
        mc_row_split_window(&split, input, len / 2, false);
        assert_false(mc_row_split_next(&split, &shape));
        mc_row_split_window(&split, input, len, true);
        while (mc_row_split_next(&split, &shape))
            assert_int_equal(shape.malformed, more == 1 && count++ == 0);
        assert_int_equal(count, more ? 3 : 0);
        free(input);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_where_the_table_says),
        cmocka_unit_test(marks_are_the_same_both_ways),
        cmocka_unit_test(random_bytes_split_by_the_rules),
        cmocka_unit_test(libcsv_sees_the_same_cells),
        cmocka_unit_test(malformed_rows_keep_their_columns),
        cmocka_unit_test(far_quotes_close_nothing),
    };
    return cmocka_run_group_tests_name("row_split", tests, NULL, NULL);
}
