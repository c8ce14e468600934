/* Parts of the clean room and of the command line that need no list: ledger, first rows, --fail-if.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "clean/first_rows.h"
#include "clean/ledger.h"
#include "cli/fail_if.h"

static bool is_plain(size_t row)
{
    return row % 7 < 4;
}

/* Whatever the mix of new addresses, old ones, rows without any, and whatever waits. */
static void the_ledger_gives_back_what_it_got(void **state)
{
    (void)state;
    enum { ROWS = 200000 };
    uint32_t *rows = mc_malloc(ROWS * sizeof *rows), next_new = 0, next_first = 0, entry;
    struct mc_ledger ledger = {0};
    uint64_t seed = 7;
    size_t added = 0, read = 0;
    while (read < ROWS) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned draw = (unsigned)(seed >> 40);
        if (added < ROWS && draw % 3 < 2) {
            unsigned kind = draw / 3 % 8;
            rows[added] = kind == 0               ? MC_LEDGER_PASS
                          : kind == 1             ? MC_LEDGER_BAD
                          : kind == 2 && next_new ? draw % next_new
                                                  : next_new++;
            mc_ledger_add(&ledger, rows[added], is_plain(added));
            added++;
        } else if (mc_ledger_peek(&ledger, &entry)) {
            assert_int_equal(mc_ledger_is_first(&ledger, entry), entry == next_first);
            assert_int_equal(mc_ledger_is_plain(&ledger), entry == next_first && is_plain(read));
            next_first += entry == next_first;
            assert_int_equal(entry, rows[read++]);
            mc_ledger_drop(&ledger);
        } else {
            assert_int_equal(read, added);
        }
    }
    assert_false(mc_ledger_peek(&ledger, &entry));
    mc_ledger_free(&ledger);
    free(rows);
}

static void the_ledger_keeps_order(void **state)
{
    (void)state;
    struct mc_ledger ledger = {0};
    uint32_t entry, added = 0, read = 0;
    assert_false(mc_ledger_peek(&ledger, &entry));
    while (read < 200000) {
        for (unsigned i = 0; i < 777 && added < 200000; i++)
            mc_ledger_add(&ledger, added++, false);
        for (unsigned i = 0; i < 555 && mc_ledger_peek(&ledger, &entry); i++) {
            assert_int_equal(entry, read);
            mc_ledger_drop(&ledger);
            read++;
        }
    }
    assert_false(mc_ledger_peek(&ledger, &entry));
    mc_ledger_free(&ledger);
}

static void first_rows_by_their_numbers(void **state)
{
    (void)state;
    enum { FIRST = 20000 };
    static uint32_t rows[FIRST];
    struct mc_first_rows first_rows = {0};
    uint64_t seed = 7;
    for (uint32_t i = 0, row = 1; i < FIRST; i++) {
        rows[i] = row;
        mc_first_rows_add(&first_rows, row);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t draw = (uint32_t)(seed >> 40);
        /* neighbours mostly, gaps now and then, some longer than a block */
        row += draw % 8 ? 1 : draw % 800 ? draw / 8 % 5 + 1 : 5000;
        uint32_t any = draw % (i + 1);
        assert_int_equal(mc_first_rows_at(&first_rows, any), rows[any]);
        assert_int_equal(mc_first_rows_at(&first_rows, i), rows[i]);
    }
    mc_first_rows_free(&first_rows);
}

static void conditions(void **state)
{
    (void)state;
    struct mc_tally tally = {.rows = 200, .duplicates = 3};
    tally.by_status[MC_UNKNOWN] = 41;
    tally.by_reason[MC_REASON_GREYLISTED] = 40;
    static const struct {
        const char *text;
        int holds; /* -1: no condition */
    } cases[] = {
        {"unknown>20%", 1},
        {"unknown>20.5%", 0},
        {"unknown>=20.5%", 1},
        {"unknown>41", 0},
        {"unknown>=41", 1},
        {"greylisted=40", 1},
        {"greylisted < 40", 0},
        {"greylisted<=40", 1},
        {"duplicates>2,unknown>99%", 1},
        {"risky>0, duplicates>5", 0},
        {"nonsense>1", -1},
        {"unknown", -1},
        {"unknown>", -1},
        {"unknown>x", -1},
        {"unknown>1..5", -1},
        {"", -1},
        {"unknown>20%,", -1},
        {">5", -1},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        bool holds = false;
        char which[64], error[256];
        bool ok =
            mc_fail_if(cases[i].text, &tally, &holds, which, sizeof which, error, sizeof error);
        assert_int_equal(ok ? holds : -1, cases[i].holds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_keeps_order),
        cmocka_unit_test(first_rows_by_their_numbers),
        cmocka_unit_test(the_ledger_gives_back_what_it_got),
        cmocka_unit_test(conditions),
    };
    return cmocka_run_group_tests_name("clean parts", tests, NULL, NULL);
}
