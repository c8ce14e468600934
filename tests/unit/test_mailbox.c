/* Reading: dialects of mailbox files, packings and encodings, limits, folders with traps in them.
 * What the reports in them mean is test_bounce.c's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "bounce/mailbox.h"

/* ---- what is found, as one line ---- */

static struct mc_text said;
static struct mc_bounce_counts counts;

static void found(void *arg, const struct mc_bounce *bounce)
{
    (void)arg;
    mc_text_printf(&said, "%s%.*s", said.len ? " " : "", (int)bounce->address.len,
                   bounce->address.at);
}

static const struct mc_bounce_sink sink = {.found = found};

static const char *result(void)
{
    return mc_text_z(&said);
}

static const char *read_bytes(const struct mc_text *bytes)
{
    said.len = 0;
    counts = (struct mc_bounce_counts){0};
    mc_mailbox_read_bytes(mc_text_span(bytes), "test", &sink, &counts);
    return result();
}

static const char *read_path(const char *path)
{
    said.len = 0;
    counts = (struct mc_bounce_counts){0};
    mc_mailbox_read(path, &sink, &counts);
    return result();
}

/* Through a pipe, in pieces of `step` bytes. */
static const char *read_piped(const struct mc_text *bytes, size_t step)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < bytes->len; at += step)
            if (write(ends[1], bytes->at + at, bytes->len - at < step ? bytes->len - at : step) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    struct mc_mailbox mailbox;
    said.len = 0;
    counts = (struct mc_bounce_counts){0};
    mc_mailbox_init(&mailbox, &sink, &counts);
    mc_mailbox_read_fd(&mailbox, ends[0], "pipe");
    mc_mailbox_free(&mailbox);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return result();
}

/* ---- material ---- */

#define FROM "From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n"

static void add_report(struct mc_text *to, const char *who, const char *field, const char *tail)
{
    mc_text_printf(to,
                   "From: MAILER-DAEMON@mx.example\nTo: news@s.example\n%sSubject: failure "
                   "notice\n\nIt could not be delivered:\n<%s@example.org>: 550 5.1.1 no such "
                   "user\n%s",
                   field, who, tail);
}

static void two_reports(struct mc_text *to)
{
    mc_text_add_z(to, FROM);
    add_report(to, "a", "", "From here on it is text.\n\n");
    mc_text_add_z(to, FROM);
    add_report(to, "b", "", "\n");
}

static void replace(struct mc_text *text, char what, const char *with)
{
    struct mc_text old = *text;
    *text = (struct mc_text){0};
    for (size_t i = 0; i < old.len; i++)
        if (old.at[i] == what)
            mc_text_add_z(text, with);
        else
            mc_text_add_char(text, old.at[i]);
    mc_text_free(&old);
}

static void pack(struct mc_text *text)
{
    z_stream zip = {0};
    struct mc_text old = *text;
    *text = (struct mc_text){0};
    assert_int_equal(deflateInit2(&zip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&zip, old.len) + 64;
    zip.next_in = (unsigned char *)old.at;
    zip.avail_in = (unsigned)old.len;
    zip.next_out = (unsigned char *)mc_text_reserve(text, room);
    zip.avail_out = (unsigned)room;
    assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
    text->len = room - zip.avail_out;
    deflateEnd(&zip);
    mc_text_free(&old);
}

static void widen(struct mc_text *text, bool big, bool mark)
{
    struct mc_text old = *text;
    *text = (struct mc_text){0};
    if (mark)
        mc_text_add(text, big ? "\xfe\xff" : "\xff\xfe", 2);
    for (size_t i = 0; i < old.len; i++) {
        char pair[2] = {big ? '\0' : old.at[i], big ? old.at[i] : '\0'};
        mc_text_add(text, pair, 2);
    }
    mc_text_free(&old);
}

/* ---- dialects ---- */

static void dialects(void **state)
{
    (void)state;
    struct mc_text box = {0};
    two_reports(&box);
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    replace(&box, '\n', "\r\n");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");

    box.len = 0; /* From_ lines that tell no time */
    mc_text_add_z(&box, "From MAILER-DAEMON\n");
    add_report(&box, "a", "", "\n");
    mc_text_add_z(&box, "From someone@example.net\n");
    add_report(&box, "b", "", "\n");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");

    box.len = 0; /* mboxrd and mboxo quote what looks like one */
    mc_text_add_z(&box, FROM);
    add_report(&box, "a", "", "\n>" FROM ">Subject: x\n\n>>" FROM ">To: y\n\n");
    mc_text_add_z(&box, FROM);
    add_report(&box, "b", "", "\n");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    assert_int_equal(counts.messages, 2);

    box.len = 0; /* a message that is one, behind the line its carrier put before it */
    mc_text_add_z(&box, FROM);
    add_report(&box, "a", "", "");
    assert_string_equal(read_bytes(&box), "a@example.org");

    box.len = 0;
    mc_text_add_z(&box, "\1\1\1\1\n");
    add_report(&box, "a", "", "\1\1\1\1\n\1\1\1\1\n");
    add_report(&box, "b", "", "\1\1\1\1\n");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    assert_int_equal(counts.messages, 2);
    mc_text_free(&box);
}

/* mboxcl2 quotes nothing and counts; a count that leads nowhere counts for nothing. */
static void counted(void **state)
{
    (void)state;
    static const char *const tail = "\n" FROM "Subject: within\n\nnothing\n";
    struct mc_text box = {0}, one = {0};
    add_report(&one, "a", "", tail);
    char field[64];
    size_t body = one.len - (size_t)(strstr(mc_text_z(&one), "\n\n") + 2 - one.at);
    snprintf(field, sizeof field, "Content-Length: %zu\n", body);
    mc_text_add_z(&box, FROM);
    add_report(&box, "a", field, tail);
    mc_text_add_z(&box, "\n" FROM);
    add_report(&box, "b", "", "");
    for (int step = 0; step < 2; step++) {
        assert_string_equal(step ? read_piped(&box, 37) : read_bytes(&box),
                            "a@example.org b@example.org");
        assert_int_equal(counts.messages, 2);
    }
    box.len = 0;
    mc_text_add_z(&box, FROM);
    add_report(&box, "a", "Content-Length: 100000\n", "\n");
    mc_text_add_z(&box, FROM);
    add_report(&box, "b", "Content-Length: 7\n", "\n");
    mc_text_add_z(&box, FROM);
    add_report(&box, "c", "Content-Length: 99999999999999999999999\n", "\n");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org c@example.org");
    mc_text_free(&box);
    mc_text_free(&one);
}

/* Wherever the pieces end. */
static void pieces(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 3, 7, 61, 4096};
    struct mc_text box = {0}, log = {0}, json = {0};
    two_reports(&box);
    for (char who = 'a'; who < 'd'; who++)
        mc_text_printf(&log, "550 5.1.1 <%c@example.org>: User unknown\n\n", who);
    mc_text_add_z(&json, "[\n");
    for (char who = 'a'; who < 'd'; who++)
        mc_text_printf(&json,
                       " {\"event\": \"bounce\",\n\t\"email\": \"%c@example.org\", \"reason\": "
                       "\"550 }{ \\\" user unknown\"}%s\n",
                       who, who < 'c' ? "," : "]");
    for (size_t i = 0; i < MC_ARRAY_LEN(steps); i++) {
        assert_string_equal(read_piped(&box, steps[i]), "a@example.org b@example.org");
        assert_string_equal(read_piped(&log, steps[i]),
                            "a@example.org b@example.org c@example.org");
        assert_string_equal(read_piped(&json, steps[i]),
                            "a@example.org b@example.org c@example.org");
        assert_int_equal(counts.damaged, 0);
    }
    mc_text_free(&box);
    mc_text_free(&log);
    mc_text_free(&json);
}

/* ---- events of relays ---- */

static void found_reason(void *arg, const struct mc_bounce *bounce)
{
    (void)arg;
    mc_text_printf(&said, "%s%.*s %s", said.len ? " " : "", (int)bounce->address.len,
                   bounce->address.at, mc_reason_name(bounce->reason));
}

static void events(void **state)
{
    (void)state;
    static const struct mc_bounce_sink reasons = {.found = found_reason};
    char line[4096];
    size_t cases = 0;
    FILE *table = fopen("tests/cases/bounce_events.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        char *json = strchr(line, '\t'), *name = json ? strchr(json + 1, '\t') : NULL;
        if (line[0] == '#' || !name)
            continue;
        *json = *name = '\0';
        said.len = 0;
        mc_mailbox_read_bytes(mc_span_of(json + 1), "test", &reasons, &counts);
        if (!said.len)
            mc_text_add_char(&said, '-');
        if (strcmp(result(), line) != 0)
            fail_msg("%s%s, not %s", name + 1, result(), line);
        cases++;
    }
    fclose(table);
    assert_true(cases > 40);
}

/* ---- packings and encodings ---- */

static void packed(void **state)
{
    (void)state;
    struct mc_text box = {0}, twice = {0};
    two_reports(&box);
    pack(&box);
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    assert_string_equal(read_piped(&box, 5), "a@example.org b@example.org");
    mc_text_add_span(&twice, mc_text_span(&box)); /* members in a row, as logs that were appended */
    mc_text_add_span(&twice, mc_text_span(&box));
    assert_string_equal(read_piped(&twice, 11),
                        "a@example.org b@example.org a@example.org b@example.org");
    mc_text_add(&twice, "\0\0\0\0rubble", 10);
    assert_string_equal(read_bytes(&twice),
                        "a@example.org b@example.org a@example.org b@example.org");
    assert_int_equal(counts.damaged, 0);
    box.len -= 6; /* cut short: what is there is read */
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    assert_int_equal(counts.damaged, 1);
    twice.len = 3;
    assert_string_equal(read_bytes(&twice), "");
    pack(&twice);
    assert_string_equal(read_bytes(&twice), ""); /* gzip in gzip is refused */
    assert_int_equal(counts.damaged, 1);
    mc_text_free(&box);
    mc_text_free(&twice);
}

static void bomb(void **state)
{
    (void)state;
    struct mc_text text = {0};
    mc_text_add_z(&text, "550 5.1.1 <a@example.org>: User unknown\n");
    memset(mc_text_reserve(&text, 80u << 20), 'x', 80u << 20);
    text.len += 80u << 20;
    pack(&text);
    assert_string_equal(read_bytes(&text), "a@example.org");
    assert_int_equal(counts.damaged, 2); /* the long line, and the bomb */
    mc_text_free(&text);
}

static void encodings(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct mc_text box = {0};
        two_reports(&box);
        widen(&box, kind & 1, kind & 2);
        assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
        assert_string_equal(read_piped(&box, 3), "a@example.org b@example.org");
        pack(&box);
        assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
        mc_text_free(&box);
    }
    struct mc_text box = {0};
    mc_text_add_z(&box, "\xef\xbb\xbf\r\n\r\n");
    two_reports(&box);
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    box.len = 0;
    two_reports(&box);
    replace(&box, '\n', "\r");
    assert_string_equal(read_bytes(&box), "a@example.org b@example.org");
    mc_text_free(&box);
}

static void refused(void **state)
{
    (void)state;
    struct mc_text text = {0};
    mc_text_add(&text, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1<a@example.org>: 550 no\n", 32);
    assert_string_equal(read_bytes(&text), "");
    assert_int_equal(counts.damaged, 1);
    text.len = 0;
    assert_string_equal(read_bytes(&text), "");
    mc_text_add_z(&text, "\n \n");
    assert_string_equal(read_bytes(&text), "");
    assert_int_equal(counts.damaged + counts.messages + counts.lines, 0);
    mc_text_free(&text);
}

/* ---- limits ---- */

/* A message that is too large is cut, its report found and the next one read, all in little room.
 */
static void large(void **state)
{
    (void)state;
    struct mc_text box = {0};
    mc_text_add_z(&box, FROM);
    add_report(&box, "a", "", "\n");
    for (int i = 0; i < 300000; i++)
        mc_text_add_z(&box, "some line of an attachment that nobody wanted\n");
    mc_text_add_z(&box, "\n" FROM);
    add_report(&box, "b", "", "");
    assert_string_equal(read_piped(&box, 65536), "a@example.org b@example.org");
    assert_int_equal(counts.messages, 2);
    assert_int_equal(counts.damaged, 1);
    /* ten thousand parts */
    struct mc_text parts = {0};
    mc_text_add_z(&parts, "From: MAILER-DAEMON@mx.example\nSubject: failure notice\nContent-Type: "
                          "multipart/mixed; boundary=b\n\n--b\n\nNot delivered: <a@example.org>: "
                          "550 no such user\n");
    for (int i = 0; i < 10000; i++)
        mc_text_add_z(&parts, "--b\nContent-Type: text/plain\n\nx\n");
    assert_string_equal(read_bytes(&parts), "a@example.org");
    assert_int_equal(counts.damaged, 1);
    mc_text_free(&parts);
    mc_text_free(&box);
}

/* ---- folders ---- */

static char folder[] = "/tmp/mailcheck.test_mailbox.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *who)
{
    struct mc_text text = {0};
    add_report(&text, who, "", "");
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    fclose(file);
    mc_text_free(&text);
}

static void traps(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    static const char *const inner[] = {"box",         "box/cur",  "box/new",
                                        "box/tmp",     "box/.In",  "box/.In/cur",
                                        "box/.In/new", "box/.git", "plain"};
    for (size_t i = 0; i < MC_ARRAY_LEN(inner); i++)
        assert_int_equal(mkdir(in_folder(inner[i]), 0700), 0);
    put("box/cur/1:2,S", "a");
    put("box/new/2", "b");
    put("box/tmp/3", "x");
    put("box/.In/cur/4", "c");
    put("box/.git/5", "x");
    put("box/index", "x");
    put("plain/6.eml", "d");
    put("plain/.hidden", "x");
    assert_int_equal(mkfifo(in_folder("plain/fifo"), 0600), 0);
    assert_int_equal(symlink("..", in_folder("plain/loop")), 0);
    assert_int_equal(symlink("../box/new", in_folder("plain/other")), 0);
    assert_int_equal(symlink("nowhere", in_folder("plain/gone")), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, in_folder("plain/socket"), strlen(in_folder("plain/socket")));
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_string_equal(read_path(folder),
                        "c@example.org a@example.org b@example.org d@example.org b@example.org");
    assert_int_equal(counts.damaged, 0);
    close(listener);
    char remove[64];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(remove), 0);
    assert_string_equal(read_path(folder), "");
    assert_int_equal(counts.damaged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialects), cmocka_unit_test(counted), cmocka_unit_test(pieces),
        cmocka_unit_test(packed),   cmocka_unit_test(bomb),    cmocka_unit_test(encodings),
        cmocka_unit_test(events),   cmocka_unit_test(refused), cmocka_unit_test(large),
        cmocka_unit_test(traps),
    };
    mc_log_set_level(MC_LOG_ERROR);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mc_text_free(&said);
    return failed;
}
