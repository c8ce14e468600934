/* The prober against scripted servers, in virtual time: tests/sim/scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <glob.h>

#include "../sim/fake_lists.h"
#include "../sim/smtp_scenario.h"
#include "base/memory.h"

static const struct mc_provider usual = {
    .id = "",
    .connections = 10,
    .connect_gap_ms = 500,
    .rcpt_per_session = 100,
    .rcpt_per_transaction = 50,
    .refusals_in_row = 10,
    .rcpt_per_minute = 240,
    .refusals_per_minute = 120,
    .rcpt_per_day = 20000,
    .breaker = 5,
};

static struct mc_provider *unknown(struct mc_lists *lists)
{
    return &lists->unknown;
}

static struct mc_provider *known(struct mc_lists *lists, const char *suffix)
{
    static const char *const ids[] = {"one", "two", "three", "four"};
    size_t at = lists->count++;
    lists->suffix[at] = suffix;
    lists->known[at] = usual;
    lists->known[at].index = (uint32_t)lists->count;
    lists->known[at].id = ids[at];
    return &lists->known[at];
}

static void all_scenarios_hold(void **state)
{
    (void)state;
    unsigned failures = 0;
    const char *pattern = getenv("SCENARIO");
    glob_t found;
    assert_int_equal(glob(pattern ? pattern : "tests/sim/scenarios/*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct mc_lists lists = {.unknown = usual};
        struct sim_limits limits = {&lists, unknown, known};
        char *failed = sim_scenario_run(found.gl_pathv[i], &limits);
        if (failed) {
            print_error("%s:\n%s\n", found.gl_pathv[i], failed);
            failures++;
        }
        free(failed);
    }
    globfree(&found);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_scenarios_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
