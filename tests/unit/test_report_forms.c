/* Replies of real servers inside the reports of many mail systems: what a report does around a
 * reply must not change what it means, nor give one recipient's reply to another. The forms stand
 * in tests/cases/report_forms, the replies are those of tests/cases/replies.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "bounce/mailbox.h"
#include "verdict/classify.h"

#define REPLIES_MAX 8192
#define EVERY       4 /* one reply in so many is tried in each form, another for each form */

static const char *const forms[] = {"postfix",      "exim",         "qmail",       "sendmail",
                                    "exchange2003", "exchange2010", "gmail",       "courier",
                                    "sims",         "ironport",     "hmailserver", "opensmtpd"};

static char *replies[REPLIES_MAX];
static size_t reply_count;

static int read_replies(void **state)
{
    (void)state;
    char line[8192];
    FILE *file = fopen("tests/cases/replies.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) && reply_count < REPLIES_MAX) {
        char *rest = line, *reply = NULL;
        for (int field = 0; field < 4 && rest; field++)
            reply = strsep(&rest, "\t");
        /* those that name addresses of their own would add recipients in some forms */
        bool usable = reply && *line != '#' && (*reply == '4' || *reply == '5') &&
                      mc_is_digit(reply[1]) && mc_is_digit(reply[2]) && reply[1] < '8' &&
                      !strchr(reply, '@') && !strcasestr(reply, "said:");
        if (usable)
            replies[reply_count++] = strdup(reply);
    }
    fclose(file);
    return reply_count < 100;
}

static int free_replies(void **state)
{
    (void)state;
    while (reply_count)
        free(replies[--reply_count]);
    return 0;
}

/* A literal \n parts the lines of a reply of several. */
static void add_reply(struct mc_text *text, const char *reply, const char *between)
{
    for (const char *c = reply; *c; c++)
        if (c[0] == '\\' && c[1] == 'n') {
            mc_text_add_z(text, between);
            c++;
        } else {
            mc_text_add_char(text, *c);
        }
}

static void add_line(struct mc_text *text, const char *line, const char *indent, size_t number)
{
    for (const char *c = line; *c; c++) {
        if (!strncmp(c, "%address", 8)) {
            mc_text_printf(text, "user%zu@example.org", number);
            c += 7;
        } else if (!strncmp(c, "%reply", 6)) {
            add_reply(text, replies[number], " ");
            c += 5;
        } else if (!strncmp(c, "%lines", 6)) {
            add_reply(text, replies[number], indent);
            c += 5;
        } else if (!strncmp(c, "%arrows", 7)) {
            add_reply(text, replies[number], "\n<<< ");
            c += 6;
        } else {
            mc_text_add_char(text, *c);
        }
    }
}

/* The form filled in for `count` recipients from `first` on; "%each" to "%end" once for each. */
static void fill(const char *name, size_t first, size_t count, struct mc_text *text)
{
    char path[256], line[1024], block[4096], indent[64] = "\n";
    snprintf(path, sizeof path, "tests/cases/report_forms/%s.txt", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bool each = false;
    text->len = 0;
    while (fgets(line, sizeof line, file)) {
        if (!strcmp(line, "%each\n")) {
            each = true;
            *block = '\0';
        } else if (!strcmp(line, "%end\n")) {
            for (size_t i = first; i < first + count; i++)
                add_line(text, block, indent, i);
            each = false;
        } else if (each) {
            snprintf(block + strlen(block), sizeof block - strlen(block), "%s", line);
            const char *lines = strstr(line, "%lines");
            if (lines)
                snprintf(indent, sizeof indent, "\n%.*s", (int)strspn(line, " "), line);
        } else {
            mc_text_add_z(text, line);
        }
    }
    fclose(file);
}

static bool is_for_one(const char *name)
{
    return !strcmp(name, "gmail");
}

static enum mc_bounce_kind kind_of_reply(const char *text)
{
    struct mc_reply reply;
    mc_reply_from_text(mc_span_of(text), &reply);
    struct mc_ruling ruling = mc_classify(MC_STAGE_NONE, &reply, mc_span("", 0), NULL);
    return mc_bounce_kind_of(ruling.surety == MC_AMBIGUOUS ? MC_REASON_BLOCKED : ruling.reason);
}

struct tally {
    const char *form;
    unsigned asked, found, same;
};

static void found(void *arg, const struct mc_bounce *bounce)
{
    struct tally *tally = arg;
    unsigned long number;
    char address[64];
    snprintf(address, sizeof address, "%.*s", (int)bounce->address.len, bounce->address.at);
    if (sscanf(address, "user%lu@example.org", &number) != 1 || number >= reply_count)
        fail_msg("%s: nobody was asked about %s", tally->form, address);
    tally->found++;
    bool same = mc_bounce_kind_of(bounce->reason) == kind_of_reply(replies[number]);
    tally->same += same;
    if (!same)
        print_message("%s: %s: %s\n", tally->form, mc_reason_name(bounce->reason), replies[number]);
}

static void try_form(const char *name, size_t offset, size_t each)
{
    struct tally tally = {.form = name};
    struct mc_text text = {0};
    struct mc_bounce_sink sink = {.found = found, .arg = &tally};
    for (size_t i = offset * each; i + each <= reply_count; i += each * EVERY) {
        struct mc_bounce_counts counts = {0};
        fill(name, i, each, &text);
        mc_mailbox_read_bytes(mc_text_span(&text), "test", &sink, &counts);
        tally.asked += (unsigned)each;
    }
    mc_text_free(&text);
    print_message("%s for %zu: %u of %u found, %u as the bare reply\n", name, each, tally.found,
                  tally.asked, tally.same);
    assert_true(tally.asked > 500);
    assert_true(tally.found * 1000 >= tally.asked * 995);
    assert_true(tally.same * 1000 >= tally.asked * 995);
}

static void one_recipient(void **state)
{
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(forms); i++)
        try_form(forms[i], i % EVERY, 1);
}

static void three_recipients(void **state)
{
    (void)state;
    for (size_t i = 0; i < MC_ARRAY_LEN(forms); i++)
        if (!is_for_one(forms[i]))
            try_form(forms[i], i % EVERY, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_recipient),
        cmocka_unit_test(three_recipients),
    };
    return cmocka_run_group_tests(tests, read_replies, free_replies);
}
