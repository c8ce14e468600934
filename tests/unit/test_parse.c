/* The address room: cells of lists and what is read in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "address/parse.h"
#include "address/plain.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

static int hex(char c)
{
    return mc_is_digit(c) ? c - '0' : c - 'a' + 10;
}

/* \t \\ \n \r \xHH, \u{...} as UTF-8 and \*N{c} for N times c; so that a table line shows what
 * an editor would hide. */
static void unescape(struct mc_span raw, struct mc_text *out)
{
    out->len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[i];
        if (c != '\\') {
            mc_text_add_char(out, c);
            continue;
        }
        c = raw.at[++i];
        if (c == 'x') {
            mc_text_add_char(out, (char)(hex(raw.at[i + 1]) << 4 | hex(raw.at[i + 2])));
            i += 2;
        } else if (c == 'u') {
            unsigned long u = strtoul(raw.at + i + 2, NULL, 16);
            if (u < 0x80) {
                mc_text_add_char(out, (char)u);
            } else if (u < 0x800) {
                mc_text_printf(out, "%c%c", (int)(0xc0 | u >> 6), (int)(0x80 | (u & 0x3f)));
            } else if (u < 0x10000) {
                mc_text_printf(out, "%c%c%c", (int)(0xe0 | u >> 12), (int)(0x80 | (u >> 6 & 0x3f)),
                               (int)(0x80 | (u & 0x3f)));
            } else {
                mc_text_printf(out, "%c%c%c%c", (int)(0xf0 | u >> 18),
                               (int)(0x80 | (u >> 12 & 0x3f)), (int)(0x80 | (u >> 6 & 0x3f)),
                               (int)(0x80 | (u & 0x3f)));
            }
            i = (size_t)((char *)memchr(raw.at + i, '}', raw.len - i) - raw.at);
        } else if (c == '*') {
            unsigned long count = strtoul(raw.at + i + 1, NULL, 10);
            const char *open = memchr(raw.at + i, '{', raw.len - i);
            while (count--)
                mc_text_add_char(out, open[1]);
            i = (size_t)(open - raw.at) + 2;
        } else {
            mc_text_add_char(out, c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c);
        }
    }
}

static void assert_idempotent(const struct mc_address *address)
{
    struct mc_address again;
    if (mc_address_parse(address->email, &again) != MC_SYNTAX_OK)
        print_error("not read again: %.*s\n", (int)address->email.len, address->email.at);
    assert_int_equal(mc_address_parse(address->email, &again), MC_SYNTAX_OK);
    assert_true(mc_span_equal(again.email, address->email));
    assert_true(mc_span_equal(again.local, address->local));
    assert_true(again.needs_smtputf8 == address->needs_smtputf8);
}

static void assert_well_formed(const struct mc_address *address)
{
    const char *at = address->storage;
    assert_ptr_equal(address->local.at, at);
    assert_ptr_equal(address->email.at, at);
    assert_ptr_equal(address->domain.at, at + address->local.len + 1);
    assert_true(address->local.len >= 1 && address->local.len <= MC_LOCAL_MAX);
    assert_int_equal(address->email.len, address->local.len + 1 + address->domain.len);
    assert_true(address->email.len <= MC_ADDRESS_MAX);
    assert_int_equal(at[address->local.len], '@');
}

/* One line: cell, tab, mc_email; or cell, tab, "!", a part of the complaint. */
static bool check_line(struct mc_span line, struct mc_text *cell, struct mc_text *want)
{
    const char *tab = memchr(line.at, '\t', line.len);
    struct mc_address fast, slow;
    if (!tab)
        return false;
    size_t cell_len = (size_t)(tab - line.at);
    unescape(mc_span(line.at, cell_len), cell);
    unescape(mc_span(tab + 1, line.len - cell_len - 1), want);
    enum mc_syntax syntax = mc_address_parse(mc_text_span(cell), &fast);
    if (mc_address_parse_slowly(mc_text_span(cell), &slow) != syntax)
        return false;
    if (syntax == MC_SYNTAX_EMPTY)
        return mc_span_equal(mc_text_span(want), mc_span_of("!empty"));
    if (syntax == MC_SYNTAX_BAD)
        return want->len && want->at[0] == '!' && strstr(fast.complaint, mc_text_z(want) + 1);
    assert_well_formed(&fast);
    assert_idempotent(&fast);
    return mc_span_equal(fast.email, slow.email) && mc_span_equal(fast.email, mc_text_span(want));
}

static void table_of_cells(void **state)
{
    (void)state;
    static char line[8192];
    struct mc_text cell = {0}, want = {0};
    unsigned cases = 0, wrong = 0;
    FILE *table = fopen("tests/cases/addresses.tsv", "r");
    assert_non_null(table);
    for (unsigned number = 1; fgets(line, sizeof line, table); number++) {
        size_t len = strcspn(line, "\n");
        if (!len || line[0] == '#')
            continue;
        cases++;
        if (check_line(mc_span(line, len), &cell, &want))
            continue;
        struct mc_address got;
        enum mc_syntax syntax = mc_address_parse(mc_text_span(&cell), &got);
        fprintf(stderr, "addresses.tsv:%u: %.*s\n  got %.*s %s\n", number, (int)len, line,
                (int)got.email.len, got.email.at, syntax == MC_SYNTAX_BAD ? got.complaint : "");
        wrong++;
    }
    fclose(table);
    mc_text_free(&cell);
    mc_text_free(&want);
    assert_int_equal(wrong, 0);
    assert_true(cases > 300);
}

/* Cells put together from pieces that have met the edges of both paths. */
static void fast_and_slow_agree(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a",
        "B",
        "7",
        ".",
        "-",
        "--",
        "@",
        "_",
        "+",
        "xn--",
        "a.",
        "example",
        ".com",
        "@x.example",
        "'",
        "\"",
        " ",
        ",",
        "..",
        "Ann",
        "<",
        ">",
        "(",
        ")",
        "1.2",
        "mailto:",
        "%40",
        "\xc3\xbc",
        "e\xcc\x81",
        "\xef\xbc\xa0",
        "\xe2\x80\x8b",
        "\xa0",
        "0123456789012345678901234567890123456789012345678901234567890",
        "\xe3\x80\x82",
        "xn--bcher-kva",
        "\\",
    };
    struct mc_text cell = {0};
    uint64_t random = 88172645463325252u;
    unsigned good = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct mc_address fast, slow;
        cell.len = 0;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t dice = random;
        /* a third begins well, a third ends well, so that many are good */
        if (round % 3 == 1)
            mc_text_add_z(&cell, "ann@");
        for (unsigned n = 0; n < 1 + round % 5; n++, dice = dice * 6364136223846793005u + 1)
            mc_text_add_z(&cell, pieces[(dice >> 33) % MC_ARRAY_LEN(pieces)]);
        if (round % 3)
            mc_text_add_z(&cell, round % 3 == 1 ? ".com" : "@x.example");
        enum mc_syntax syntax = mc_address_parse(mc_text_span(&cell), &fast);
        assert_int_equal(mc_address_parse_slowly(mc_text_span(&cell), &slow), syntax);
        if (syntax != MC_SYNTAX_OK) {
            assert_true(fast.complaint == slow.complaint && fast.email.at == slow.email.at);
            continue;
        }
        good++;
        assert_well_formed(&fast);
        assert_well_formed(&slow);
        assert_true(mc_span_equal(fast.email, slow.email));
        assert_true(mc_span_equal(fast.domain, slow.domain));
        assert_true(fast.needs_smtputf8 == slow.needs_smtputf8);
        assert_idempotent(&fast);
    }
    mc_text_free(&cell);
    assert_true(good > 5000);
}

/* What one look takes for a plain address is its own mc_email and key. */
static bool look_agrees(struct mc_span cell)
{
    char text[MC_ADDRESS_MAX + MC_PLAIN_READS], key[MC_ADDRESS_MAX + 2];
    struct mc_address slow;
    struct mc_plain plain;
    if (cell.len > MC_ADDRESS_MAX)
        return false;
    memset(text, '.', sizeof text); /* what stands behind says nothing */
    memcpy(text, cell.at, cell.len);
    if (!mc_address_look(mc_span(text, cell.len), &plain))
        return false;
    assert_int_equal(mc_address_parse_slowly(cell, &slow), MC_SYNTAX_OK);
    assert_true(mc_span_equal(slow.email, cell));
    assert_true(mc_span_equal(mc_span(key, mc_address_key(&slow, key)), cell));
    assert_int_equal(plain.local_len, slow.local.len);
    for (size_t i = 0; i < 64; i++) {
        char c = i < plain.local_len ? text[i] : 'a';
        assert_int_equal(plain.digits >> i & 1, mc_is_digit(c));
        assert_int_equal(plain.separators >> i & 1, strchr(".-_", c) != NULL);
    }
    return true;
}

/* Every byte at every kind of place, in both paths. */
static void every_byte_everywhere(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "?nn@x.example", "a?n@x.example", "ann?@x.example", "ann@?.example", "ann@x?x.example",
        "ann@x.example?", "ann@x.?", "\"a?\"@x.example", "?",
        /* long enough for the path that looks at many at once */
        "?nna.lee@mail.x.example", "anna.l?e@mail.x.example", "anna.lee?@mail.x.example",
        "anna.lee@?ail.x.example", "anna.lee@ma?l.x.example", "anna.lee@mail?.x.example",
        "anna.lee@mail.x.exampl?", "anna.lee@mail.x-?x.example",
        "a.?.lee-smith_kim@mail-x.some.other.long.name.example"};
    for (size_t shape = 0; shape < MC_ARRAY_LEN(shapes); shape++)
        for (int byte = 0; byte < 256; byte++) {
            char cell[64];
            struct mc_address fast, slow;
            size_t len = strlen(shapes[shape]), local_len, by_byte;
            memcpy(cell, shapes[shape], len);
            *(char *)memchr(cell, '?', len) = (char)byte;
            enum mc_syntax syntax = mc_address_parse(mc_span(cell, len), &fast);
            assert_int_equal(mc_address_parse_slowly(mc_span(cell, len), &slow), syntax);
            assert_true(mc_span_equal(fast.email, slow.email));
            if (syntax == MC_SYNTAX_OK)
                assert_idempotent(&fast);
            bool plain = mc_address_plain(mc_span(cell, len), fast.storage, &local_len);
            assert_int_equal(mc_address_plain_by_byte(mc_span(cell, len), slow.storage, &by_byte),
                             plain);
            assert_true(!plain || local_len == by_byte);
            look_agrees(mc_span(cell, len));
        }
}

static void one_look_agrees(void **state)
{
    (void)state;
    static const char bytes[] = "abcxyz019.-_@.@+A\"\xc3";
    static const char *const good[] = {"a@b.c", "ann.lee-2_x@mail.x-y.example", "info7@d2.example"};
    uint64_t random = 88172645463325252u;
    unsigned taken = 0;
    for (unsigned round = 0; round < 300000; round++) {
        char cell[80];
        size_t len = strlen(good[round % 3]);
        memcpy(cell, good[round % 3], len);
        for (unsigned n = 0; n <= round % 4; n++) { /* changed, made longer */
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            size_t at = (random >> 20) % len;
            if (random >> 60 && len + 12 < sizeof cell)
                memmove(cell + at + 1, cell + at, len++ - at);
            cell[at] = bytes[(random >> 40) % (sizeof bytes - 1)];
        }
        for (; round % 5 == 0 && len < 30 + round % 40; len++)
            cell[len] = "host.name-x"[len % 11];
        taken += look_agrees(mc_span(cell, len));
    }
    assert_true(taken > 50000);
    assert_false(look_agrees(mc_span("", 0)));
    assert_false(look_agrees(mc_span_of("-ann@x.example"))); /* a formula to a spreadsheet */
}

static void keys_of_the_same_address(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"ann@x.example", "ANN@X.EXAMPLE", true},
        {"\"ann\"@x.example", "Ann <ann@x.example>", true},
        {"\"A b\"@x.example", "\"a B\"@x.example", true},
        {"\"a\\ b\"@x.example", "\"a b\"@x.example", true},
        {"ann@b\xc3\xbc"
         "cher.example",
         "ann@XN--bcher-KVA.example", true},
        {"\xc3\xbc@x.example", "u\xcc\x88@x.example", true},
        {"\xc3\x9c@x.example", "\xc3\xbc@x.example", false}, /* only ASCII case is put aside */
        {"ann@x.example", "ann+a@x.example", false},
        {"a.nn@gmail.com", "ann@gmail.com", false},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_address a, b;
        char key_a[MC_ADDRESS_MAX + 2], key_b[MC_ADDRESS_MAX + 2];
        assert_int_equal(mc_address_parse(mc_span_of(cases[i].a), &a), MC_SYNTAX_OK);
        assert_int_equal(mc_address_parse(mc_span_of(cases[i].b), &b), MC_SYNTAX_OK);
        size_t len_a = mc_address_key(&a, key_a), len_b = mc_address_key(&b, key_b);
        assert_int_equal(mc_span_equal(mc_span(key_a, len_a), mc_span(key_b, len_b)),
                         cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_cells),           cmocka_unit_test(fast_and_slow_agree),
        cmocka_unit_test(every_byte_everywhere),    cmocka_unit_test(one_look_agrees),
        cmocka_unit_test(keys_of_the_same_address),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
