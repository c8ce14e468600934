/* What the progress line says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/progress.h"

static void sentences(void **state)
{
    (void)state;
    static const struct {
        struct mc_clean_progress progress;
        double per_second;
        const char *want;
    } cases[] = {
        {{.rows_read = 0, .engine = {.next_retry_ms = -1, .last_retry_ms = -1}}, 0, "0 rows done"},
        /* offline: by bytes */
        {{.rows_read = 1200000, .rows_written = 1200000, .bytes_read = 1000, .bytes_total = 5000},
         100,
         "1,200,000 rows done, about 40s left"},
        {{.rows_read = 1, .rows_written = 1}, 0, "1 row done"},
        /* a pipe that is still open: nobody knows how long */
        {{.rows_read = 12,
          .rows_written = 3,
          .engine = {.addresses = 10,
                     .settled = 4,
                     .in_probe = 6,
                     .in_dns = 1,
                     .next_retry_ms = -1,
                     .last_retry_ms = -1}},
         2,
         "3 rows done, 12 read, 2.0/s; 4 of 10 addresses known; DNS: 1 domain"},
        {{.rows_read = 5000,
          .rows_written = 1204,
          .input_ended = true,
          .engine = {.addresses = 4800,
                     .settled = 4380,
                     .in_probe = 420,
                     .open_connections = 12,
                     .next_retry_ms = -1,
                     .last_retry_ms = -1}},
         35,
         "1,204 of 5,000 rows done, 35/s, about 12s left; 4,380 of 4,800 addresses known; "
         "12 connections"},
        /* the last of those who wait decides, and may be told to wait again */
        {{.rows_read = 5000,
          .rows_written = 0,
          .input_ended = true,
          .engine = {.addresses = 4800,
                     .settled = 4400,
                     .in_probe = 100,
                     .in_greylist = 300,
                     .open_connections = 1,
                     .next_retry_ms = 30000,
                     .last_retry_ms = 299000}},
         35,
         "0 of 5,000 rows done, 35/s, at least 4m59s left; 4,400 of 4,800 addresses known; 300 "
         "told "
         "to come back, next try in 30s; 1 connection"},
        /* nothing moves: no rate, no guess */
        {{.rows_read = 2,
          .rows_written = 0,
          .input_ended = true,
          .engine = {.addresses = 2,
                     .settled = 0,
                     .in_probe = 2,
                     .next_retry_ms = -1,
                     .last_retry_ms = -1}},
         0,
         "0 of 2 rows done; 0 of 2 addresses known"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_text text = {0};
        mc_progress_sentence(&cases[i].progress, cases[i].per_second, &text);
        assert_string_equal(mc_text_z(&text), cases[i].want);
        mc_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sentences)};
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
