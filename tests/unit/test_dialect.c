/* What is told from the first rows of a list: tests/cases/dialects.tsv, and what a file is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "csv/dialect.h"
#include "csv/file_kind.h"
#include "csv/sample.h"

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void unescape(struct mc_text *out, const char *at)
{
    for (; *at; at++) {
        if (*at != '\\') {
            mc_text_add_char(out, *at);
            continue;
        }
        switch (*++at) {
        case 'n':
            mc_text_add_char(out, '\n');
            break;
        case 'r':
            mc_text_add_char(out, '\r');
            break;
        case 't':
            mc_text_add_char(out, '\t');
            break;
        case 'x':
            mc_text_add_char(out, (char)(hex(at[1]) << 4 | hex(at[2])));
            at += 2;
            break;
        default:
            mc_text_add_char(out, *at);
        }
    }
}

/* "no_header column=Mail, work": a value goes to the end or to the next known word. */
static void read_options(char *text, struct mc_rows_options *options)
{
    if (strncmp(text, "no_header", 9) == 0) {
        options->no_header = true;
        text += text[9] ? 10 : 9;
    }
    if (strncmp(text, "delimiter=", 10) == 0)
        options->delimiter = text[10];
    if (strncmp(text, "column=", 7) == 0)
        options->column = text + 7;
}

static void show(struct mc_text *out, const struct mc_detected *detected)
{
    const struct mc_dialect *dialect = &detected->dialect;
    mc_text_printf(out, "%s ", dialect->has_header ? "header" : "data");
    if (dialect->delimiter == '\t')
        mc_text_add_z(out, "\\t");
    else
        mc_text_add_char(out, dialect->delimiter);
    mc_text_printf(out, " %u%s", dialect->column + 1, detected->cr_ends_rows ? " cr" : "");
    for (uint32_t i = 0; i < dialect->ours_count; i++)
        mc_text_printf(out, "%s%u", i ? "," : " ours=", dialect->ours[i] + 1);
}

static bool run_case(char *input, char *options_text, const char *expected, unsigned line)
{
    struct mc_text text = {0}, seen = {0};
    struct mc_detected detected = {.cr_ends_rows = false};
    struct mc_rows_options options = {.path = NULL};
    char error[600] = "";
    unescape(&text, input);
    read_options(options_text, &options);
    if (mc_dialect_detect(&detected, mc_text_span(&text), true, &options, "LIST", error,
                          sizeof error))
        show(&seen, &detected);
    else
        mc_text_printf(&seen, "!%s", error);
    bool ok = *expected == '!' ? *mc_text_z(&seen) == '!' && strstr(error, expected + 1)
                               : strcmp(mc_text_z(&seen), expected) == 0;
    if (!ok)
        printf("dialects.tsv:%u: expected %s, is %s\n", line, expected, mc_text_z(&seen));
    mc_text_free(&text);
    mc_text_free(&seen);
    mc_detected_free(&detected);
    return ok;
}

static void the_table_is_detected(void **state)
{
    (void)state;
    FILE *file = fopen("tests/cases/dialects.tsv", "r");
    assert_non_null(file);
    char *at = NULL;
    size_t room = 0;
    unsigned bad = 0, line = 0, cases = 0;
    ssize_t len;
    while ((len = getline(&at, &room, file)) > 0) {
        line++;
        at[len - 1] = '\0';
        char *options = strchr(at, '\t');
        char *expected = options ? strchr(options + 1, '\t') : NULL;
        if (*at == '#' || *at == '\0')
            continue;
        assert_non_null(expected);
        *options++ = '\0';
        *expected++ = '\0';
        cases++;
        bad += !run_case(at, options, expected, line);
    }
    free(at);
    fclose(file);
    assert_true(cases > 80);
    assert_int_equal(bad, 0);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t len;
        const char *said; /* NULL: may be a list */
    } table[] = {
        {"PK\003\004rest", 8, "libreoffice --headless --convert-to csv"},
        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, ".xls"},
        {"\x1f\x8b\x08\0", 4, "gzip -dc"},
        {"%PDF-1.4", 8, "PDF"},
        {"<HTML><body>", 12, "web page"},
        {"BZh91AY&SY", 10, "bzip2"},
        {"\x01\x02\x03\x04\x05\x06\x07\x08", 8, "no text"},
        {"\0\0\0\0\0\0\0\0a", 9, "no text"},
        {"\xff\xfe\0\0a\0\0\0", 8, "UTF-32"},
        {"bzh@x.example\n", 14, NULL},
        {"PK@x.example\n", 13, NULL},
        {"a\0nn@x.example,b\n", 17, NULL},
        {"\xff\xfe"
         "a\0@\0",
         6, NULL},
        {"", 0, NULL},
        {"a", 1, NULL},
        {"M\xfcller,m@x.example\n", 19, NULL},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        char error[500] = "";
        bool refused = mc_file_kind_refuse(mc_span(table[i].head, table[i].len), "list.x", error,
                                           sizeof error);
        assert_int_equal(refused, table[i].said != NULL);
        if (refused) {
            assert_non_null(strstr(error, table[i].said));
            assert_non_null(strstr(error, "list.x"));
        }
    }
}

static void encodings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t len;
        enum mc_encoding encoding;
        bool bom;
    } table[] = {
        {"ann@x.example", 13, MC_ENCODING_UTF8, false},
        {"\xef\xbb\xbf"
         "a",
         4, MC_ENCODING_UTF8, true},
        {"\xff\xfe"
         "a\0",
         4, MC_ENCODING_UTF16LE, true},
        {"\xfe\xff\0a", 4, MC_ENCODING_UTF16BE, true},
        {"a\0@\0x\0.\0e\0", 10, MC_ENCODING_UTF16LE, false},
        {"\0a\0@\0x\0.\0e", 10, MC_ENCODING_UTF16BE, false},
        {"\x8b\x73,\0a\0@\0x\0\n\0", 12, MC_ENCODING_UTF16LE, false},
        {"a\0bcdefghijklmnopqrstuvwxyz", 27, MC_ENCODING_UTF8, false},
        {"", 0, MC_ENCODING_UTF8, false},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        bool bom;
        assert_int_equal(mc_file_kind_encoding(mc_span(table[i].head, table[i].len), &bom),
                         table[i].encoding);
        assert_int_equal(bom, table[i].bom);
    }
}

static void names_are_ranked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum mc_name_rank rank;
    } table[] = {
        {"email", MC_NAME_EXACT},
        {"E-MAIL", MC_NAME_EXACT},
        {" Email Address ", MC_NAME_EXACT},
        {"Correo Electr\xc3\xb3nico", MC_NAME_EXACT},
        {"\xd0\x9f\xd0\x9e\xd0\xa7\xd0\xa2\xd0\x90", MC_NAME_EXACT},
        {"EPOSTA", MC_NAME_EXACT},
        {"Work e-mail (private)", MC_NAME_CONTAINS},
        {"Owner Email", MC_NAME_SECONDARY},
        {"email_3", MC_NAME_SECONDARY},
        {"Recipient", MC_NAME_WEAK},
        {"name", MC_NAME_OTHER},
        {"not-an-email", MC_NAME_OTHER},
        {"", MC_NAME_OTHER},
        {"M\xe9l / mail", MC_NAME_CONTAINS},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++)
        assert_int_equal(mc_column_name_rank(mc_span_of(table[i].name)), table[i].rank);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_detected),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(encodings_are_told),
        cmocka_unit_test(names_are_ranked),
    };
    return cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
}
