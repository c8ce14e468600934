/* Lists as files and pipes, in any encoding, and what comes out of the writer for them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "base/text.h"
#include "csv/rows.h"
#include "csv/utf16.h"
#include "csv/writer.h"

static char folder[] = "/tmp/mailcheck-rows-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *path, struct mc_span bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    fclose(file);
}

static void get_file(const char *path, struct mc_text *text)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t n = 1; n > 0; text->len += n)
        n = fread(mc_text_reserve(text, 65536), 1, 65536, file);
    fclose(file);
}

static struct mc_result a_result(const struct mc_row *row)
{
    return (struct mc_result){.reason = MC_REASON_NOT_PROBED,
                              .status = MC_UNKNOWN,
                              .source = MC_SOURCE_SYNTAX,
                              .role = MC_YES,
                              .free = MC_NOT_KNOWN,
                              .email = row->address,
                              .suggestion = mc_span("", 0),
                              .provider = mc_span("", 0),
                              .mx = mc_span("", 0),
                              .smtp = mc_span("", 0),
                              .duplicate_of = row->number == 2 ? 1 : 0,
                              .checked_at = 1700000000};
}

static const struct mc_columns short_columns = {2, {MC_COLUMN_STATUS, MC_COLUMN_EMAIL}};

/* How a list is read. */
enum way { AS_FILE, AS_PIPE, AS_SINGLE_PASS, WAYS };

struct reading {
    struct mc_rows *rows;
    pid_t feeder;
    int fd;
};

/* Feeds `input` into a pipe in small pieces. */
static pid_t feed(struct mc_span input, int fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    for (size_t at = 0, len; at < input.len; at += len) {
        len = at < 40 ? 7 : 5000;
        len = len < input.len - at ? len : input.len - at;
        if (write(fd, input.at + at, len) != (ssize_t)len)
            _exit(1);
    }
    _exit(0);
}

static void begin(struct reading *reading, struct mc_span input, struct mc_rows_options *options,
                  enum way way)
{
    static char path[40];
    char error[600] = "";
    reading->feeder = 0;
    if (way == AS_FILE) {
        options->path = in_folder("input.csv");
        put_file(options->path, input);
    } else {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        reading->feeder = feed(input, ends[1]);
        close(ends[1]);
        reading->fd = ends[0];
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        options->path = path;
        options->single_pass = way == AS_SINGLE_PASS;
    }
    reading->rows = mc_rows_open(options, error, sizeof error);
    if (!reading->rows)
        printf("%s\n", error);
    assert_non_null(reading->rows);
}

static void end(struct reading *reading)
{
    int status;
    mc_rows_free(reading->rows);
    if (!reading->feeder)
        return;
    close(reading->fd);
    assert_int_equal(waitpid(reading->feeder, &status, 0), reading->feeder);
    assert_int_equal(status, 0);
}

/* The next row, waiting for a pipe. */
static bool next(struct mc_rows *rows, struct mc_cursor *cursor, struct mc_row *row)
{
    for (;;) {
        switch (mc_cursor_next(cursor, row)) {
        case MC_ROWS_ROW:
            return true;
        case MC_ROWS_END:
            return false;
        case MC_ROWS_WAIT:
            if (mc_rows_fill(rows) == 1)
                usleep(200);
            break;
        case MC_ROWS_FAILED:
            fail_msg("%s", mc_rows_error(rows));
        }
    }
}

/* Reads and writes a whole list. */
static void clean(struct mc_span input, struct mc_rows_options options, enum way way,
                  enum mc_format format, const struct mc_columns *columns, struct mc_text *output)
{
    struct reading reading;
    struct mc_row row;
    char error[600] = "", path[200];
    begin(&reading, input, &options, way);
    snprintf(path, sizeof path, "%s/output", folder);
    const struct mc_writer_options writing = {path, format, *columns};
    struct mc_writer *writer =
        mc_writer_open(&writing, mc_rows_dialect(reading.rows), error, sizeof error);
    assert_non_null(writer);
    struct mc_cursor *cursor = mc_cursor_new(reading.rows);
    while (next(reading.rows, cursor, &row)) {
        struct mc_result result = a_result(&row);
        assert_true(mc_writer_row(writer, &row, row.number ? &result : NULL));
    }
    assert_true(mc_writer_commit(writer, error, sizeof error));
    mc_cursor_free(cursor);
    end(&reading);
    output->len = 0;
    get_file(path, output);
}

static const struct {
    const char *input, *output;
} lists[] = {
    {"", ""},
    {"\n", "\n"},
    {"ann@x.example\n", "ann@x.example,unknown,ann@x.example\n"},
    {"ann@x.example", "ann@x.example,unknown,ann@x.example"},
    {"\xef\xbb\xbf"
     "ann@x.example\n",
     "\xef\xbb\xbf"
     "ann@x.example,unknown,ann@x.example\n"},
    {"\xef\xbb\xbf\"email\"\r\n\"ann@x.example\"\r\n",
     "\xef\xbb\xbf\"email\",mc_status,mc_email\r\n\"ann@x.example\",unknown,ann@x.example\r\n"},
    {"email\n", "email,mc_status,mc_email\n"},
    {"email", "email,mc_status,mc_email"},
    {"id;email;city\n1;ann@x.example\n\n2;bob@x.example;Rome;x\n",
     "id;email;city;mc_status;mc_email\n1;ann@x.example;;unknown;ann@x.example\n\n"
     "2;bob@x.example;Rome;x;unknown;bob@x.example\n"},
    {"id,email\r1,ann@x.example\r", "id,email,mc_status,mc_email\r1,ann@x.example,unknown,"
                                    "ann@x.example\r"},
    {"id,email\n1,=cmd@x.example\n2,\"+a,b@x.example\"\n",
     "id,email,mc_status,mc_email\n1,=cmd@x.example,unknown,'=cmd@x.example\n"
     "2,\"+a,b@x.example\",unknown,\"'+a,b@x.example\"\n"},
    {"email,mc_status,id,mc_smtp\nann@x.example,old,7,\"a,\"\"b\"\nbob@x.example\n",
     "email,id,mc_status,mc_email\nann@x.example,7,unknown,ann@x.example\n"
     "bob@x.example,,unknown,bob@x.example\n"},
    {"mc_email\nann@x.example\n", "mc_status,mc_email\nunknown,\n"},
    {"id,email\n1,\"ann@x.example\n2,bob@x.example\n",
     "id,email,mc_status,mc_email\n1,\"ann@x.example,unknown,ann@x.example\n"
     "2,bob@x.example,unknown,bob@x.example\n"},
    {"name,email\n\"Jo\" Smith,jo@x.example\nAnn, \"ann@x.example\" \n",
     "name,email,mc_status,mc_email\n\"Jo\" Smith,jo@x.example,unknown,jo@x.example\n"
     "Ann, \"ann@x.example\" ,unknown,ann@x.example\n"},
    {"sep=;\r\nid;email\r\n1;a@x.example\r\n",
     "sep=;\r\nid;email;mc_status;mc_email\r\n1;a@x.example;unknown;a@x.example\r\n"},
};

static void every_row_comes_out_with_ours(void **state)
{
    (void)state;
    struct mc_text output = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(lists); i++)
        for (int way = 0; way < WAYS; way++) {
            struct mc_rows_options options = {.path = NULL};
            if (strncmp(lists[i].input, "mc_email", 8) == 0)
                options.column = "mc_email";
            clean(mc_span_of(lists[i].input), options, (enum way)way, MC_FORMAT_CSV, &short_columns,
                  &output);
            if (options.column)
                assert_non_null(strstr(mc_text_z(&output), "\nunknown,ann@x.example\n"));
            else
                assert_string_equal(mc_text_z(&output), lists[i].output);
        }
    mc_text_free(&output);
}

static void without_columns_of_ours_rows_stay_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *input, *output;
    } table[] = {
        {"id,email,c\n1,a@x.example\n2,b@x.example,3,4\n\n",
         "id,email,c\n1,a@x.example\n2,b@x.example,3,4\n\n"},
        {"mc_score,email\r\n5,a@x.example", "email\r\na@x.example"},
        {"mc_email\nann@x.example\n", "\n\n"},
    };
    static const struct mc_columns none = {.count = 0};
    struct mc_text output = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        const struct mc_rows_options options = {.column = i == 2 ? "1" : NULL};
        clean(mc_span_of(table[i].input), options, AS_FILE, MC_FORMAT_CSV, &none, &output);
        assert_string_equal(mc_text_z(&output), table[i].output);
    }
    mc_text_free(&output);
}

static void utf16_stays_utf16(void **state)
{
    (void)state;
    struct mc_text output = {0}, back = {0};
    for (int big = 0; big < 2; big++)
        for (int bom = 0; bom < 2; bom++)
            for (int way = 0; way < WAYS; way++) {
                /* an astral character, an unpaired surrogate, an odd byte at the end */
                static const char text[] = "id,email,x\r\n1,ann@x.example,\xf0\x9f\x98\x80\r\n"
                                           "2,bob@x.example,\xed\xa0\xbd\r\n3,cid@x.example,z";
                static const char wanted[] =
                    "id,email,x,mc_status,mc_email\r\n"
                    "1,ann@x.example,\xf0\x9f\x98\x80,unknown,ann@x.example\r\n"
                    "2,bob@x.example,\xed\xa0\xbd,unknown,bob@x.example\r\n"
                    "3,cid@x.example,z,unknown,cid@x.example\xff\x84\x8d";
                char units[600] = "\xff\xfe", decoded[1000];
                size_t used, len = bom ? 2 : 0;
                if (bom && big)
                    memcpy(units, "\xfe\xff", 2);
                len += mc_utf16_encode(text, sizeof text - 1, big, true, units + len, &used);
                assert_int_equal(used, sizeof text - 1);
                units[len++] = 'M';
                clean(mc_span(units, len), (struct mc_rows_options){.path = NULL}, (enum way)way,
                      MC_FORMAT_CSV, &short_columns, &output);
                assert_memory_equal(output.at, units, bom ? 2 : 0);
                size_t skip = bom ? 2 : 0;
                len =
                    mc_utf16_decode(output.at + skip, output.len - skip, big, true, decoded, &used);
                assert_int_equal(len, sizeof wanted - 1);
                assert_memory_equal(decoded, wanted, len);
            }
    mc_text_free(&output);
    mc_text_free(&back);
}

static uint64_t random_state = 88172645463325252;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 33) % n);
}

static void any_units_come_back(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char units[64], text[200], again[400];
        size_t len = random_below(sizeof units), text_len = 0, back = 0, used;
        bool big = round & 1;
        for (size_t i = 0; i < len; i++)
            units[i] = (char)(random_below(3) ? 0xd8 + random_below(8) : random_below(256));
        /* in two pieces each way */
        size_t cut = random_below((uint32_t)len + 1);
        text_len = mc_utf16_decode(units, cut, big, false, text, &used);
        text_len += mc_utf16_decode(units + used, len - used, big, true, text + text_len, &used);
        cut = random_below((uint32_t)text_len + 1);
        back = mc_utf16_encode(text, cut, big, false, again, &used);
        back += mc_utf16_encode(text + used, text_len - used, big, true, again + back, &used);
        assert_int_equal(back, len);
        assert_memory_equal(again, units, len);
    }
}

/* Rows of all sizes, one over 1 MiB: the bytes before ours are the input's, for each way. */
static void rows_of_any_length_pass(void **state)
{
    (void)state;
    struct mc_text input = {0}, output = {0}, wanted = {0};
    mc_text_add_z(&input, "id,note,email\n");
    mc_text_add_z(&wanted, "id,note,email,mc_status,mc_email\n");
    for (unsigned i = 0; i < 3000; i++) {
        size_t start = input.len;
        mc_text_printf(&input, "%u,\"", i);
        size_t len = i == 1500 ? (size_t)3 << 20 : random_below(i % 100 ? 60 : 70000);
        char *note = mc_text_reserve(&input, len);
        for (size_t k = 0; k < len; k++)
            note[k] = "abcdef\n,"[random_below(8)];
        input.len += len;
        mc_text_printf(&input, "\",u%u@x.example", i);
        mc_text_add(&wanted, input.at + start, input.len - start);
        mc_text_printf(&wanted, ",unknown,u%u@x.example\n", i);
        mc_text_add_char(&input, '\n');
    }
    for (int way = 0; way < WAYS; way++) {
        clean(mc_text_span(&input), (struct mc_rows_options){.path = NULL}, (enum way)way,
              MC_FORMAT_CSV, &short_columns, &output);
        assert_int_equal(output.len, wanted.len);
        assert_memory_equal(output.at, wanted.at, wanted.len);
    }
    mc_text_free(&input);
    mc_text_free(&output);
    mc_text_free(&wanted);
}

static void two_cursors_see_the_same(void **state)
{
    (void)state;
    struct mc_text input = {0};
    for (unsigned i = 0; i < 20000; i++)
        mc_text_printf(&input, "user%u@x.example\n%s", i, i % 7 ? "" : "\n");
    for (int way = 0; way < AS_SINGLE_PASS; way++) {
        struct reading reading;
        struct mc_rows_options options = {.path = NULL};
        struct mc_row ahead, behind;
        begin(&reading, mc_text_span(&input), &options, (enum way)way);
        struct mc_cursor *first = mc_cursor_new(reading.rows);
        struct mc_cursor *second = mc_cursor_new(reading.rows);
        uint64_t rows = 0, line = 0;
        while (next(reading.rows, first, &ahead)) {
            assert_int_equal(ahead.line, ++line);
            if (!ahead.is_blank)
                assert_int_equal(ahead.number, ++rows);
        }
        assert_int_equal(rows, 20000);
        assert_int_equal(mc_cursor_position(first), input.len);
        size_t at = 0;
        while (next(reading.rows, second, &behind)) {
            assert_memory_equal(behind.raw.at, input.at + at, behind.raw.len);
            at += behind.raw.len;
        }
        assert_int_equal(at, input.len);
        mc_cursor_free(first);
        mc_cursor_free(second);
        end(&reading);
    }
    mc_text_free(&input);
}

static void oddities_are_counted_once(void **state)
{
    (void)state;
    struct reading reading;
    struct mc_rows_options options = {.path = NULL};
    struct mc_row row;
    begin(&reading,
          mc_span_of("id,email,c\n1,a@x.example,\"x\ny\"\n2,b@x.example\n3,c@x.example,z,z\n"
                     "\n4,\"d\"@x.example,e\n5,f@x.example\n"),
          &options, AS_FILE);
    for (int i = 0; i < 2; i++) {
        struct mc_cursor *cursor = mc_cursor_new(reading.rows);
        while (next(reading.rows, cursor, &row))
            ;
        mc_cursor_free(cursor);
    }
    const struct mc_rows_oddities *seen = mc_rows_oddities(reading.rows);
    assert_int_equal(seen->short_rows, 2);
    assert_int_equal(seen->first_short_line, 4);
    assert_int_equal(seen->long_rows, 1);
    assert_int_equal(seen->first_long_line, 5);
    assert_int_equal(seen->malformed_rows, 1);
    assert_int_equal(seen->first_malformed_line, 7);
    end(&reading);
}

static uint64_t rows_expected(unsigned rows, const char *row, const char *rest)
{
    struct reading reading;
    struct mc_rows_options options = {.path = NULL};
    struct mc_text input = {0};
    mc_text_add_z(&input, "email\n");
    for (unsigned i = 0; i < rows; i++)
        mc_text_printf(&input, "%s\n", i < rows / 2 ? row : rest);
    begin(&reading, mc_text_span(&input), &options, AS_FILE);
    uint64_t expected = mc_rows_expected(reading.rows);
    end(&reading);
    mc_text_free(&input);
    return expected;
}

static void the_sample_tells_how_many_rows_there_are(void **state)
{
    (void)state;
    static const char usual[] = "ann.example@a.long.domain.example";
    assert_in_range(rows_expected(20000, usual, usual), 19800, 20200);
    assert_in_range(rows_expected(3, usual, usual), 3, 5); /* with the header */
    /* short rows at the top, long ones below: not as many as if all were short */
    assert_in_range(rows_expected(20000, "a@b.cd", usual), 10000, 21000);
}

static void a_changed_file_is_noticed(void **state)
{
    (void)state;
    struct reading reading;
    struct mc_rows_options options = {.path = NULL};
    struct mc_row row;
    struct mc_text input = {0};
    for (unsigned i = 0; i < 20000; i++)
        mc_text_printf(&input, "user%u@x.example\n", i);
    begin(&reading, mc_text_span(&input), &options, AS_FILE);
    assert_false(mc_rows_changed(reading.rows));
    struct mc_cursor *cursor = mc_cursor_new(reading.rows);
    assert_int_equal(mc_cursor_next(cursor, &row), MC_ROWS_ROW);
    assert_int_equal(truncate(options.path, 100000), 0);
    assert_true(mc_rows_changed(reading.rows));
    enum mc_rows_state last;
    while ((last = mc_cursor_next(cursor, &row)) == MC_ROWS_ROW)
        ;
    assert_int_equal(last, MC_ROWS_FAILED);
    assert_non_null(strstr(mc_rows_error(reading.rows), "input.csv"));
    mc_cursor_free(cursor);
    end(&reading);
    mc_text_free(&input);
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *path, *said;
    } table[] = {
        {"/nonexistent/list.csv", "cannot read /nonexistent/list.csv: No such file"},
        {"/tmp", "it is a folder"},
    };
    char error[600];
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        struct mc_rows_options options = {.path = table[i].path};
        assert_null(mc_rows_open(&options, error, sizeof error));
        assert_non_null(strstr(error, table[i].said));
    }
    struct mc_rows_options quote = {.path = "/dev/null", .delimiter = '"'};
    assert_null(mc_rows_open(&quote, error, sizeof error));
    struct mc_rows_options empty = {.path = "/dev/null"};
    struct mc_rows *rows = mc_rows_open(&empty, error, sizeof error);
    assert_non_null(rows);
    assert_int_equal(mc_rows_fd(rows), -1);
    mc_rows_free(rows);
}

static const struct {
    const char *input, *output;
} objects[] = {
    {"ann@x.example\n\nbob@x.example,7\n",
     "{\"c1\": \"ann@x.example\", \"mc_status\": \"unknown\", \"mc_email\": \"ann@x.example\"}\n"
     "{\"c1\": \"bob@x.example\", \"c2\": \"7\", \"mc_status\": \"unknown\", \"mc_email\": "
     "\"bob@x.example\"}\n"},
    {"\xef\xbb\xbf"
     "email,a,a,mc_status,\na@x.example,M\xfcller \x80,\"q\"\"\\\n\t\x01\",old\n",
     "{\"email\": \"a@x.example\", \"a\": \"M\xc3\xbcller \xe2\x82\xac\", \"a_2\": "
     "\"q\\\"\\\\\\n\\t\\u0001\", \"c5\": \"\", \"mc_status\": \"unknown\", \"mc_email\": "
     "\"a@x.example\"}\n"},
    {"email,x,c4,x_2\n\"a@x.example\",Z\xc3\xbcri,2,3,4\n,\n",
     "{\"email\": \"a@x.example\", \"x\": \"Z\xc3\xbcri\", \"c4\": \"2\", \"x_2\": \"3\", "
     "\"c5\": \"4\", \"mc_status\": \"unknown\", \"mc_email\": \"a@x.example\"}\n"
     "{\"email\": \"\", \"x\": \"\", \"c4\": \"\", \"x_2\": \"\", \"mc_status\": \"unknown\", "
     "\"mc_email\": null}\n"},
};

/* Each line must be one JSON object; they are compared as jansson writes them. */
static void json_as_jansson_reads_it(void **state)
{
    (void)state;
    struct mc_text output = {0}, seen = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(objects); i++) {
        clean(mc_span_of(objects[i].input), (struct mc_rows_options){.path = NULL}, AS_FILE,
              MC_FORMAT_JSONL, &short_columns, &output);
        seen.len = 0;
        for (const char *at = mc_text_z(&output); *at; at = strchr(at, '\n') + 1) {
            json_error_t error;
            json_t *object = json_loadb(at, (size_t)(strchr(at, '\n') - at),
                                        JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
            assert_non_null(object);
            char *text = json_dumps(object, 0);
            mc_text_printf(&seen, "%s\n", text);
            free(text);
            json_decref(object);
        }
        assert_string_equal(mc_text_z(&seen), objects[i].output);
    }
    mc_text_free(&output);
    mc_text_free(&seen);
}

static void all_columns_have_their_types(void **state)
{
    (void)state;
    struct mc_columns all;
    struct mc_text line = {0};
    struct mc_row row = {.number = 2, .address = mc_span("=a\"@x.example", 13)};
    struct mc_result result = a_result(&row);
    mc_columns_all(&all);
    mc_json_result(&line, &all, &result);
    assert_string_equal(
        mc_text_z(&line),
        "{\"mc_status\":\"unknown\",\"mc_reason\":\"not_probed\",\"mc_score\":40,"
        "\"mc_email\":\"=a\\\"@x.example\",\"mc_suggestion\":null,\"mc_role\":true,"
        "\"mc_disposable\":false,\"mc_free\":null,\"mc_catch_all\":false,\"mc_provider\":null,"
        "\"mc_mx\":null,\"mc_smtp\":null,\"mc_duplicate_of\":1,\"mc_source\":\"syntax\","
        "\"mc_checked_at\":\"2023-11-14T22:13:20Z\"}\n");
    mc_text_free(&line);
}

/* Random bytes: JSONL is always valid, and CSV gives the input back before ours. */
static void any_bytes_pass(void **state)
{
    (void)state;
    static const char bytes[] = "aab@.,,\"\"\n\n\r\xff\xc3\xa9\x80\\";
    struct mc_text output = {0};
    for (int round = 0; round < 600; round++) {
        char input[300];
        size_t len = random_below(sizeof input), at = 0, from = 0;
        for (size_t i = 0; i < len; i++)
            input[i] = bytes[random_below(sizeof bytes)]; /* its NUL too */
        const struct mc_rows_options options = {.column = "1", .no_header = true, .delimiter = ','};
        clean(mc_span(input, len), options, AS_FILE, MC_FORMAT_JSONL, &short_columns, &output);
        for (; at < output.len; at++) {
            json_error_t error;
            const char *end_of_line = memchr(output.at + at, '\n', output.len - at);
            assert_non_null(end_of_line);
            size_t line = (size_t)(end_of_line - output.at) - at;
            json_t *object =
                json_loadb(output.at + at, line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
            assert_non_null(object);
            json_decref(object);
            at += line;
        }
        clean(mc_span(input, len), options, AS_FILE, MC_FORMAT_CSV, &short_columns, &output);
        /* what is not the input's is what was inserted */
        for (at = 0; at < len && from < output.len; from++)
            at += output.at[from] == input[at];
        assert_int_equal(at, len);
    }
    mc_text_free(&output);
}

static void output_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    char target[200], link_path[200], error[600];
    struct mc_text text = {0};
    struct stat seen;
    const struct mc_dialect dialect = {.delimiter = ','};
    static const char bytes[4 + MC_ROW_READS] = "a@x\n";
    const struct mc_row row = {.raw = mc_span(bytes, 4),
                               .line_end_len = 1,
                               .cells = 1,
                               .number = 1,
                               .address = mc_span(bytes, 3)};
    const struct mc_result result = a_result(&row);
    snprintf(target, sizeof target, "%s/target.csv", folder);
    snprintf(link_path, sizeof link_path, "%s/link.csv", folder);
    put_file(target, mc_span_of("old"));
    assert_int_equal(chmod(target, 0640), 0);
    assert_int_equal(symlink("target.csv", link_path), 0);
    const struct mc_writer_options options = {link_path, MC_FORMAT_CSV, short_columns};

    struct mc_writer *writer = mc_writer_open(&options, &dialect, error, sizeof error);
    assert_true(mc_writer_row(writer, &row, &result));
    assert_true(mc_writer_flush(writer));
    mc_writer_abort(writer);
    get_file(target, &text);
    assert_string_equal(mc_text_z(&text), "old");

    writer = mc_writer_open(&options, &dialect, error, sizeof error);
    assert_true(mc_writer_row(writer, &row, &result));
    assert_true(mc_writer_commit(writer, error, sizeof error));
    text.len = 0;
    get_file(target, &text);
    assert_string_equal(mc_text_z(&text), "a@x,unknown,a@x\n");
    assert_int_equal(lstat(link_path, &seen), 0);
    assert_true(S_ISLNK(seen.st_mode));
    assert_int_equal(stat(target, &seen), 0);
    assert_int_equal(seen.st_mode & 07777, 0640);
    mc_text_free(&text);

    const struct mc_writer_options nowhere = {"/nonexistent/x.csv", MC_FORMAT_CSV, short_columns};
    assert_null(mc_writer_open(&nowhere, &dialect, error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/x.csv"));
    const struct mc_writer_options device = {"/dev/full", MC_FORMAT_CSV, short_columns};
    writer = mc_writer_open(&device, &dialect, error, sizeof error);
    assert_true(mc_writer_row(writer, &row, &result));
    assert_false(mc_writer_commit(writer, error, sizeof error));
    assert_non_null(strstr(error, "/dev/full: No space left"));
    assert_int_equal(unlink(link_path), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"input.csv", "output", "target.csv", "link.csv"};
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        unlink(in_folder(names[i]));
    return rmdir(folder); /* nothing else must have been left there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_out_with_ours),
        cmocka_unit_test(without_columns_of_ours_rows_stay_as_they_are),
        cmocka_unit_test(utf16_stays_utf16),
        cmocka_unit_test(any_units_come_back),
        cmocka_unit_test(rows_of_any_length_pass),
        cmocka_unit_test(two_cursors_see_the_same),
        cmocka_unit_test(oddities_are_counted_once),
        cmocka_unit_test(the_sample_tells_how_many_rows_there_are),
        cmocka_unit_test(a_changed_file_is_noticed),
        cmocka_unit_test(what_cannot_be_read_is_said),
        cmocka_unit_test(json_as_jansson_reads_it),
        cmocka_unit_test(all_columns_have_their_types),
        cmocka_unit_test(any_bytes_pass),
        cmocka_unit_test(output_appears_whole_or_not_at_all),
    };
    return cmocka_run_group_tests_name("rows", tests, make_folder, remove_folder);
}
