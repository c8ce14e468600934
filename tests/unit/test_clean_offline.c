/* The two ways of a row through an offline run say the same: what is written and what is counted of
 * random lists, with and without what makes every row take the long way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "clean/clean.h"

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 20) % below;
}

#define PICK(list) list[random_below((uint32_t)MC_ARRAY_LEN(list))]

static void add_address(struct mc_text *text)
{
    static const char *const locals[] = {
        "ann",  "ann.lee", "info",        "no-reply", "-dash",         "Ann.Lee", "post-master.24",
        "a..b", "=sum",    "\"\"a b\"\"", "ann+news", "m\xc3\xbcller", "x_y-z",   ""};
    static const char *const domains[] = {"x.example",
                                          "gmail.com",
                                          "gmial.com",
                                          "mailinator.com",
                                          "GMX.de",
                                          "m\xc3\xbcnster.example",
                                          "xn--bcher-kva.example",
                                          "nodot",
                                          "a-.b.example"};
    mc_text_add_z(text, PICK(locals));
    if (random_below(2))
        mc_text_add_u64(text, random_below(40));
    mc_text_add_z(text, random_below(30) ? "@" : "@@");
    if (random_below(2))
        mc_text_printf(text, "d%u.example.net", random_below(50));
    else
        mc_text_add_z(text, PICK(domains));
}

static void make_list(struct mc_text *text, char delimiter, const char *line_end, bool ours)
{
    static const char *const names[] = {
        "Ann", "\"Lee, Ann; 1\"", "\"a \"\"b\"\"\"", "\"x\ny\"", "\"open", "", "half\"way"};
    mc_text_printf(text, "id%cname%cemail%ccity%s", delimiter, delimiter, delimiter, line_end);
    if (ours)
        text->len = 0, mc_text_printf(text, "id%cname%cemail%cmc_status%s", delimiter, delimiter,
                                      delimiter, line_end);
    for (unsigned row = 0, rows = random_below(400); row < rows; row++) {
        mc_text_printf(text, "%u%c%s%c", row, delimiter, random_below(9) ? "Kim" : PICK(names),
                       delimiter);
        const char *quote = random_below(6) ? "" : "\"";
        mc_text_add_z(text, quote);
        add_address(text);
        mc_text_add_z(text, quote);
        if (random_below(40))
            mc_text_printf(text, "%cOslo", delimiter);
        if (row + 1 < rows || random_below(2))
            mc_text_add_z(text, random_below(50) ? line_end : "\n\n");
    }
}

static void read_all(const char *path, struct mc_text *text)
{
    FILE *file = fopen(path, "rb");
    size_t got = 1;
    text->len = 0;
    while (file && got > 0) {
        got = fread(mc_text_reserve(text, 65536), 1, 65536, file);
        text->len += got;
    }
    if (file)
        fclose(file);
}

/* All columns but mc_checked_at, some of them, in any order. */
static void choose_columns(struct mc_columns *columns)
{
    *columns = (struct mc_columns){0};
    for (unsigned i = 0; i < MC_COLUMN_COUNT; i++)
        if (i != MC_COLUMN_CHECKED_AT && random_below(4))
            columns->column[columns->count++] = (enum mc_column)i;
    for (size_t i = columns->count; i > 1; i--) {
        size_t other = random_below((uint32_t)i);
        enum mc_column column = columns->column[i - 1];
        columns->column[i - 1] = columns->column[other];
        columns->column[other] = column;
    }
}

static void assert_same_books(const struct mc_tally *a, const struct mc_tally *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->blank_lines, b->blank_lines);
    assert_int_equal(a->duplicates, b->duplicates);
    assert_memory_equal(a->by_reason, b->by_reason, sizeof a->by_reason);
    assert_memory_equal(a->by_status, b->by_status, sizeof a->by_status);
    assert_memory_equal(a->unique_by_reason, b->unique_by_reason, sizeof a->unique_by_reason);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->disposable, b->disposable);
    assert_int_equal(a->free, b->free);
    assert_int_equal(a->suggestions, b->suggestions);
    assert_int_equal(a->provider_count, b->provider_count);
    for (size_t i = 0; i < a->provider_count; i++)
        assert_int_equal(a->providers[i].rows, b->providers[i].rows);
}

static void both_ways_say_the_same(void **state)
{
    (void)state;
    static const char *const line_ends[] = {"\n", "\n", "\r\n", "\r"};
    char folder[] = "/tmp/mailcheck-offline-XXXXXX", list[64], output[64], error[600];
    struct mc_text input = {0}, written[2] = {{0}, {0}};
    assert_non_null(mkdtemp(folder));
    snprintf(list, sizeof list, "%s/list.csv", folder);
    snprintf(output, sizeof output, "%s/output", folder);
    for (unsigned round = 0; round < 400; round++) {
        char delimiter = ",;\t.a"[random_below(random_below(8) ? 3 : 5)];
        struct mc_tally tally[2] = {{0}, {0}};
        struct mc_clean_options options = {
            .rows = {.path = list, .delimiter = delimiter, .column = "3"},
            .writer = {.path = output, .format = MC_FORMAT_CSV},
            .keep = random_below(4) ? ~0u : random_below(16),
        };
        mailcheck_options_init(&options.engine, sizeof options.engine);
        options.engine.depth = MAILCHECK_DEPTH_SYNTAX;
        choose_columns(&options.writer.columns);
        input.len = 0;
        make_list(&input, delimiter, PICK(line_ends), !random_below(10));
        assert_true(mc_output_put(list, mc_text_span(&input), error, sizeof error));
        tally[1].findings = mc_findings_new(); /* they want to see every row */
        for (size_t way = 0; way < 2; way++) {
            if (mc_clean(&options, &tally[way], NULL, error, sizeof error) != MC_CLEAN_DONE)
                fail_msg("%s", error);
            read_all(output, &written[way]);
        }
        assert_int_equal(written[0].len, written[1].len);
        assert_memory_equal(mc_text_z(&written[0]), mc_text_z(&written[1]), written[0].len);
        assert_same_books(&tally[0], &tally[1]);
        mc_tally_free(&tally[0]);
        mc_tally_free(&tally[1]);
    }
    unlink(list);
    unlink(output);
    rmdir(folder);
    mc_text_free(&input);
    mc_text_free(&written[0]);
    mc_text_free(&written[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways_say_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
