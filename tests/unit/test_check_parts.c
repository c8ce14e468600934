/* What `check -` is made of: lines out of bytes, bytes out to a reader that may be slow or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/line_reader.h"
#include "cli/outlet.h"

static char *repeated(char c, size_t len)
{
    char *text = mc_malloc(len + 1);
    memset(text, c, len);
    text[len] = '\0';
    return text;
}

/* Feeds `bytes` in portions of `portion` and joins the lines with '|', a cut one with a '+'. */
static const char *lines_of(const char *bytes, size_t len, size_t portion, struct mc_text *out)
{
    struct mc_line_reader reader = {0};
    struct mc_span line;
    bool cut;
    out->len = 0;
    for (size_t at = 0; at <= len; at += portion) {
        bool ended = at + portion > len;
        mc_line_reader_feed(&reader, bytes + at, ended ? len - at : portion);
        while (mc_line_reader_next(&reader, ended, &line, &cut)) {
            mc_text_add_span(out, line);
            mc_text_add_char(out, cut ? '+' : '|');
        }
        assert_true(mc_line_reader_is_empty(&reader));
        assert_true(reader.line.len <= MC_LINE_KEPT + 1);
    }
    mc_line_reader_free(&reader);
    return mc_text_z(out);
}

static void lines_are_the_same_however_they_come(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *lines;
    } cases[] = {
        {"", ""},
        {"a", "a|"},
        {"a\n", "a|"},
        {"a\nb", "a|b|"},
        {"a\r\nb\r\n", "a|b|"},
        {"\n\na\n\n", "||a||"},
        {"\r\n", "|"},
        {"a\rb\n", "a\rb|"},
        {"\xef\xbb\xbf"
         "a\nb\n",
         "a|b|"},
        {"a\n\xef\xbb\xbf"
         "b\n",
         "a|\xef\xbb\xbf"
         "b|"},
    };
    struct mc_text got = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        for (size_t portion = 1; portion < 8; portion++)
            assert_string_equal(lines_of(cases[i].bytes, strlen(cases[i].bytes), portion, &got),
                                cases[i].lines);
    lines_of("a\0b\n\0", 5, 2, &got);
    assert_int_equal(got.len, 5 + 1);
    assert_memory_equal(got.at, "a\0b|\0|", 6);
    mc_text_free(&got);
}

static void a_long_line_is_one_line(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        char end;
    } cases[] = {{MC_LINE_KEPT - 1, '|'},
                 {MC_LINE_KEPT, '|'},
                 {MC_LINE_KEPT + 1, '+'},
                 {MC_LINE_KEPT + 2, '+'},
                 {10 * MC_LINE_KEPT, '+'}};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        for (int crlf = 0; crlf < 2; crlf++) {
            struct mc_text in = {0}, got = {0};
            char *line = repeated('x', cases[i].len);
            mc_text_add_z(&in, line);
            mc_text_add_z(&in, crlf ? "\r\nnext\r\n" : "\nnext\n");
            for (size_t portion = 1000; portion < 70000; portion += 30000) {
                lines_of(in.at, in.len, portion, &got);
                size_t kept = cases[i].len < MC_LINE_KEPT ? cases[i].len : MC_LINE_KEPT;
                assert_int_equal(got.len, kept + 1 + 5);
                assert_int_equal(got.at[kept], cases[i].end);
                assert_memory_equal(got.at + kept + 1, "next|", 5);
            }
            free(line);
            mc_text_free(&in);
            mc_text_free(&got);
        }
}

static void a_slow_reader_stops_nobody(void **state)
{
    (void)state;
    for (int socket = 0; socket < 2; socket++) {
        struct mc_outlet outlet;
        char bytes[8192];
        int ends[2];
        size_t written = 0, read_in_all = 0;
        if (socket)
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        else
            assert_int_equal(pipe(ends), 0);
        mc_outlet_open(&outlet, ends[1]);
        /* far more than a pipe holds: it comes back all the same */
        for (int i = 0; i < 300000; i++) {
            mc_text_add(mc_outlet_text(&outlet), "0123456789", 10);
            written += 10;
            if (i % 1000 == 0)
                mc_outlet_push(&outlet);
        }
        assert_true(mc_outlet_waiting(&outlet) > 0);
        assert_false(outlet.failed);
        while (read_in_all < written) {
            ssize_t got = read(ends[0], bytes, sizeof bytes);
            assert_true(got > 0);
            for (ssize_t i = 0; i < got; i++)
                assert_int_equal(bytes[i], '0' + (char)((read_in_all + (size_t)i) % 10));
            read_in_all += (size_t)got;
            mc_outlet_push(&outlet);
        }
        assert_int_equal(mc_outlet_waiting(&outlet), 0);
        mc_outlet_close(&outlet);
        close(ends[0]);
        close(ends[1]);
    }
}

static void a_reader_that_went_is_noticed(void **state)
{
    (void)state;
    for (int with_bytes = 0; with_bytes < 2; with_bytes++) {
        struct mc_outlet outlet;
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        mc_outlet_open(&outlet, ends[1]);
        if (with_bytes)
            mc_text_add(mc_outlet_text(&outlet), "x", 1);
        close(ends[0]);
        struct pollfd out = mc_outlet_poll(&outlet);
        assert_int_equal(poll(&out, 1, 0), 1);
        mc_outlet_ready(&outlet, out.revents);
        assert_true(outlet.failed);
        assert_int_equal(outlet.error, EPIPE);
        mc_text_add(mc_outlet_text(&outlet), "y", 1);
        assert_int_equal(mc_outlet_waiting(&outlet), 0);
        mc_outlet_close(&outlet);
        close(ends[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_however_they_come),
        cmocka_unit_test(a_long_line_is_one_line),
        cmocka_unit_test(a_slow_reader_stops_nobody),
        cmocka_unit_test(a_reader_that_went_is_noticed),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
