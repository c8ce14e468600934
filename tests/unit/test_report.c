/* The report room: what is counted, and the two reports word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "report/advice.h"
#include "report/report.h"
#include "report/report_html.h"

static void add_many(struct mc_tally *tally, enum mc_reason reason, const char *provider,
                     unsigned rows, unsigned duplicates, enum mc_flag role)
{
    struct mc_result result = {.reason = reason,
                               .status = mc_reason_status(reason),
                               .role = role,
                               .disposable = reason == MC_REASON_DISPOSABLE ? MC_YES : MC_NO,
                               .free = *provider ? MC_YES : MC_NOT_KNOWN,
                               .provider = mc_span_of(provider)};
    for (unsigned i = 0; i < rows; i++) {
        result.duplicate_of = i < duplicates ? 1 : 0;
        result.suggestion = mc_span_of(reason == MC_REASON_NO_SUCH_DOMAIN ? "ann@gmail.com" : "");
        mc_tally_add(tally, &result);
    }
}

/* A list that met nearly everything. */
static struct mc_tally full_tally(void)
{
    struct mc_tally tally = {.blank_lines = 2,
                             .dns_questions = 1234,
                             .smtp_sessions = 321,
                             .recipients_asked = 9876,
                             .controls_asked = 45,
                             .started_at = 1767225600,
                             .ended_at = 1767226354,
                             .elapsed_ms = 754213,
                             .list_name = "newsletter 2026.csv"};
    add_many(&tally, MC_REASON_ACCEPTED, "google", 5200, 120, MC_NO);
    add_many(&tally, MC_REASON_ACCEPTED, "microsoft", 2100, 0, MC_NO);
    add_many(&tally, MC_REASON_ACCEPTED, "", 1500, 30, MC_NO);
    add_many(&tally, MC_REASON_ROLE, "google", 210, 0, MC_YES);
    add_many(&tally, MC_REASON_CATCH_ALL, "", 430, 1, MC_NO);
    add_many(&tally, MC_REASON_UNPROVEN, "yahoo", 610, 0, MC_NO);
    add_many(&tally, MC_REASON_MAILBOX_FULL, "web.de", 1, 0, MC_NO);
    add_many(&tally, MC_REASON_DISPOSABLE, "", 77, 0, MC_NO);
    add_many(&tally, MC_REASON_SUPPRESSED, "", 3, 0, MC_NO);
    add_many(&tally, MC_REASON_INVALID_SYNTAX, "", 88, 0, MC_NO);
    add_many(&tally, MC_REASON_NO_SUCH_DOMAIN, "", 140, 0, MC_NO);
    add_many(&tally, MC_REASON_NULL_MX, "", 5, 0, MC_NO);
    add_many(&tally, MC_REASON_NO_SUCH_MAILBOX, "google", 650, 0, MC_NO);
    add_many(&tally, MC_REASON_NO_SUCH_MAILBOX, "microsoft", 333, 0, MC_NO);
    add_many(&tally, MC_REASON_BLOCKED, "microsoft", 410, 0, MC_NO);
    add_many(&tally, MC_REASON_GREYLISTED, "", 25, 0, MC_NO);
    add_many(&tally, MC_REASON_TIMEOUT, "", 61, 0, MC_NO);
    add_many(&tally, MC_REASON_TLS_REQUIRED, "", 1, 0, MC_NO);
    return tally;
}

static struct mc_tally offline_tally(void)
{
    struct mc_tally tally = {.elapsed_ms = 412,
                             .started_at = 1767225600,
                             .ended_at = 1767225600,
                             .list_name = "standard input"};
    add_many(&tally, MC_REASON_NOT_PROBED, "", 2997, 0, MC_NO);
    add_many(&tally, MC_REASON_INVALID_SYNTAX, "", 1, 0, MC_NO);
    add_many(&tally, MC_REASON_NOT_PROBED, "", 1, 1, MC_YES);
    return tally;
}

static struct mc_tally blocked_tally(void)
{
    struct mc_tally tally = {.elapsed_ms = 65000,
                             .started_at = 1767225600,
                             .ended_at = 1767225665,
                             .interrupted = true,
                             .list_name = "a\x1b[2J\xff.csv",
                             .probe_notice = "port 25 seems closed (3 mail servers of 3 providers "
                                             "tried, none answered); ask your provider or use "
                                             "--proxy"};
    add_many(&tally, MC_REASON_NOT_PROBED, "google", 1, 0, MC_NO);
    add_many(&tally, MC_REASON_NO_SUCH_DOMAIN, "", 1, 0, MC_NO);
    return tally;
}

static struct mc_tally clean_tally(void)
{
    struct mc_tally tally = {.elapsed_ms = 7500123, .ended_at = 1767225600, .list_name = "ok.csv"};
    add_many(&tally, MC_REASON_ACCEPTED, "google", 100, 0, MC_NO);
    return tally;
}

/* --allow role: a role address that was accepted stays deliverable. */
static struct mc_tally allowed_tally(void)
{
    struct mc_tally tally = {.elapsed_ms = 61000, .ended_at = 1767225600, .list_name = "b2b.csv"};
    struct mc_result role = {.reason = MC_REASON_ROLE, .status = MC_DELIVERABLE, .role = MC_YES};
    add_many(&tally, MC_REASON_ACCEPTED, "", 9, 0, MC_NO);
    mc_tally_add(&tally, &role);
    return tally;
}

static struct mc_tally one_tally(void)
{
    struct mc_tally tally = {.elapsed_ms = 900, .ended_at = 1767225600, .list_name = "one.csv"};
    add_many(&tally, MC_REASON_ACCEPTED, "google", 1, 0, MC_NO);
    return tally;
}

static struct mc_tally billion_tally(void)
{
    struct mc_tally tally = full_tally();
    for (size_t i = 0; i < MC_REASON_COUNT; i++) {
        tally.by_reason[i] += 98765432109;
        tally.by_status[mc_reason_status((enum mc_reason)i)] += 98765432109;
        tally.rows += 98765432109;
    }
    for (size_t i = 0; i < tally.provider_count; i++) {
        tally.providers[i].rows += 98765432109;
        tally.providers[i].by_status[MC_RISKY] += 98765432109;
    }
    tally.dns_questions = tally.recipients_asked = 98765432109;
    return tally;
}

static struct mc_tally empty_tally(void)
{
    return (struct mc_tally){.list_name = "empty.csv", .elapsed_ms = 3};
}

static void assert_fits(struct mc_span report)
{
    size_t column = 0;
    for (size_t i = 0; i < report.len; i++) {
        column = report.at[i] == '\n' ? 0 : column + 1;
        assert_true(column <= 80);
        assert_true(report.at[i] == '\n' || (report.at[i] >= ' ' && report.at[i] <= '~'));
        assert_false(report.at[i] == '\n' && i && report.at[i - 1] == ' ');
    }
}

static void assert_golden(const char *name, struct mc_text *got)
{
    static char want[65536];
    char path[80];
    snprintf(path, sizeof path, "tests/cases/report/%s", name);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(want, 1, sizeof want, file) : 0;
    if (file)
        fclose(file);
    if (!mc_span_equal(mc_span(want, len), mc_text_span(got)))
        fprintf(stderr, "%s is now:\n%s", path, mc_text_z(got));
    assert_true(mc_span_equal(mc_span(want, len), mc_text_span(got)));
}

static void reports_word_for_word(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct mc_tally (*make)(void);
    } cases[] = {
        {"full", full_tally},   {"offline", offline_tally}, {"blocked", blocked_tally},
        {"clean", clean_tally}, {"empty", empty_tally},     {"allowed", allowed_tally},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_tally tally = cases[i].make();
        struct mc_text text = {0}, json = {0};
        char name[40];
        mc_report_text(&tally, &text);
        mc_report_json(&tally, &json);
        assert_fits(mc_text_span(&text));
        snprintf(name, sizeof name, "%s.txt", cases[i].name);
        assert_golden(name, &text);
        snprintf(name, sizeof name, "%s.json", cases[i].name);
        assert_golden(name, &json);
        mc_text_free(&text);
        mc_text_free(&json);
        mc_tally_free(&tally);
    }
}

static void huge_numbers_still_fit(void **state)
{
    (void)state;
    struct mc_tally tally = {.list_name = "a/very/long/path/that/goes/on/and/on/for/far/more/than/"
                                          "eighty/columns/of/a/terminal/list.csv",
                             .ended_at = 1767225600,
                             .elapsed_ms = 864000000,
                             .dns_questions = 9999999999,
                             .smtp_sessions = 9999999999};
    for (size_t i = 0; i < 20; i++) {
        char provider[64];
        snprintf(provider, sizeof provider, "provider-%zu-with-a-name-of-over-31-bytes", i);
        add_many(&tally, MC_REASON_ACCEPTED, provider, (unsigned)(i % 7 + 1), 0, MC_YES);
    }
    assert_int_equal(tally.provider_count, 20);
    for (size_t i = 0; i < MC_REASON_COUNT; i++) {
        tally.by_reason[i] = tally.unique_by_reason[i] = 9999999999;
        tally.by_status[mc_reason_status((enum mc_reason)i)] += 9999999999;
        tally.rows += 9999999999;
    }
    struct mc_text text = {0};
    mc_report_text(&tally, &text);
    assert_fits(mc_text_span(&text));
    mc_text_free(&text);
    mc_tally_free(&tally);
}

/* The JSON must add up, and the estimate must go down by cleaning. */
static void numbers_add_up(void **state)
{
    (void)state;
    struct mc_tally tally = full_tally();
    uint64_t by_reason = 0, by_status = 0, by_provider = 0, unique = 0;
    for (size_t i = 0; i < MC_REASON_COUNT; i++) {
        by_reason += tally.by_reason[i];
        unique += tally.unique_by_reason[i];
    }
    for (size_t i = 0; i < MC_STATUS_COUNT; i++)
        by_status += tally.by_status[i];
    for (size_t i = 0; i < tally.provider_count; i++)
        by_provider += tally.providers[i].rows;
    assert_int_equal(by_reason, tally.rows);
    assert_int_equal(by_status, tally.rows);
    assert_int_equal(by_provider, tally.rows);
    assert_int_equal(unique, tally.rows - tally.duplicates);
    assert_true(mc_tally_cleaned(&tally) < tally.rows);
    assert_true(mc_tally_expected_bounces_cleaned(&tally) < mc_tally_expected_bounces(&tally));
    struct mc_text json = {0};
    mc_report_json(&tally, &json);
    json_error_t error;
    json_t *parsed = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(parsed);
    assert_int_equal(json_integer_value(json_object_get(parsed, "schema")), 1);
    json_decref(parsed);
    mc_text_free(&json);
    mc_tally_free(&tally);
}

static void kind_goes_by_the_ending(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int kind; /* -1: none */
    } cases[] = {
        {"r.txt", MC_REPORT_TEXT},
        {"a/b.c/R.TXT", MC_REPORT_TEXT},
        {"r.json", MC_REPORT_JSON},
        {"r.JSON", MC_REPORT_JSON},
        {".txt", MC_REPORT_TEXT},
        {"r.pdf", -1},
        {"r", -1},
        {"", -1},
        {"txt", -1},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        enum mc_report_kind kind = MC_REPORT_TEXT;
        assert_int_equal(mc_report_kind_of(cases[i].path, &kind), cases[i].kind >= 0);
        if (cases[i].kind >= 0)
            assert_int_equal(kind, cases[i].kind);
    }
}

static char folder[] = "/tmp/mailcheck-report-XXXXXX";

static void assert_holds(const char *path, const char *want)
{
    char got[64] = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, sizeof got - 1, file), strlen(want));
    fclose(file);
    assert_string_equal(got, want);
}

static void files_appear_whole(void **state)
{
    (void)state;
    char file[64], link[64], error[256] = "";
    struct stat info;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/new", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    mode_t mask = umask(027);
    assert_true(mc_output_put(file, mc_span_of("one"), error, sizeof error));
    umask(mask);
    assert_holds(file, "one");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    /* an old file keeps its mode, a link to it stays a link */
    assert_int_equal(chmod(file, 0604), 0);
    assert_int_equal(symlink("new", link), 0);
    assert_true(mc_output_put(link, mc_span_of("two"), error, sizeof error));
    assert_holds(file, "two");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0604);
    assert_true(mc_output_put("/dev/null", mc_span_of("three"), error, sizeof error));
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    unlink(link);
    unlink(file);
    assert_int_equal(rmdir(folder), 0); /* nothing was left behind */
    assert_false(mc_output_put(file, mc_span_of("four"), error, sizeof error));
    assert_non_null(strstr(error, file));
}

static void report_of_an_unknown_kind_is_refused(void **state)
{
    (void)state;
    struct mc_tally tally = {0};
    char error[256] = "";
    assert_false(mc_report_write(&tally, "report.pdf", MC_ENGLISH, error, sizeof error));
    assert_non_null(strstr(error, "report.pdf"));
}

/* What a list or a server could smuggle in. */
static void add_hostile(struct mc_tally *tally)
{
    static const char *const cells[] = {"<script>alert(1)</script>@x.example",
                                        "\"'><img src=x onerror=alert(2)>@\xe2\x80\xae.example",
                                        "ann@</style><script>alert(3)</script>"};
    tally->list_name = "</title><script>alert(4)</script>&amp;.csv";
    for (size_t i = 0; i < MC_ARRAY_LEN(cells); i++) {
        struct mc_result result = {
            .reason = i ? MC_REASON_NO_SUCH_DOMAIN : MC_REASON_BLOCKED,
            .status = i ? MC_UNDELIVERABLE : MC_UNKNOWN,
            .email = mc_span_of(cells[i]),
            .suggestion = mc_span_of("ann@<script>alert(5)</script>"),
            .provider = mc_span_of("<script>"),
            .mx = mc_span_of("<script>alert(6)</script>"),
            .smtp = mc_span_of("RCPT 550 <script>alert(7)</script>\x1b[31m & more words of a "
                               "server that goes on and on and on and on and on"),
        };
        mc_tally_add(tally, &result);
    }
    /* the longest name there is, without a place to break it */
    char email[260] = "a@";
    memset(email + 2, 'w', 245);
    memcpy(email + 247, ".example", 9);
    for (size_t i = 65; i < 240; i += 64)
        email[i] = '.';
    struct mc_result result = {.reason = MC_REASON_NO_SUCH_DOMAIN,
                               .status = MC_UNDELIVERABLE,
                               .email = mc_span_of(email),
                               .suggestion = mc_span_of(email)};
    mc_tally_add(tally, &result);
    result.reason = MC_REASON_TIMEOUT;
    result.status = MC_UNKNOWN;
    result.mx = mc_span_of(email + 2);
    result.smtp = result.mx;
    mc_tally_add(tally, &result);
}

static size_t count_of(const char *in, const char *what)
{
    size_t count = 0;
    for (const char *at = in; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void the_page_escapes_what_came_from_outside(void **state)
{
    (void)state;
    for (size_t l = 0; l < MC_LANGUAGE_COUNT; l++) {
        struct mc_text page = {0};
        struct mc_tally tally = full_tally();
        tally.findings = mc_findings_new();
        add_hostile(&tally);
        mc_report_html(&tally, (enum mc_language)l, &page);
        const char *html = mc_text_z(&page);
        assert_int_equal(count_of(html, "<script"), 0);
        assert_int_equal(count_of(html, "<img"), 0);
        assert_int_equal(count_of(html, "</style>"), 1);
        assert_int_equal(count_of(html, "\x1b"), 0);
        assert_true(count_of(html, "&lt;script&gt;alert(7)") == 1);
        assert_true(count_of(html, "&amp;amp;.csv") == 2);
        assert_true(count_of(html, "www.example") == 5); /* long, and whole */
        mc_text_free(&page);
        mc_tally_free(&tally);
    }
}

/* How many changed, in every form, and which; of each kind no more than have room. */
static void what_changed_is_named(void **state)
{
    (void)state;
    static const char *const titles[MC_LANGUAGE_COUNT][2] = {
        {"Newly undeliverable addresses", "Unknown once more"},
        {"新增無法投遞的地址", "再次未知"},
        {"新增无法投递的地址", "再次未知"},
    };
    static const struct {
        enum mc_reason reason;
        enum mc_change change;
        unsigned nights;
        uint64_t duplicate_of;
        const char *email;
    } rows[] = {
        {MC_REASON_NO_SUCH_MAILBOX, MC_CHANGE_DEAD, 0, 0, "dead@<b>.example"},
        {MC_REASON_NO_SUCH_MAILBOX, MC_CHANGE_DEAD, 0, 1, "twice@x.example"},
        {MC_REASON_ACCEPTED, MC_CHANGE_RECOVERED, 0, 0, "back@x.example"},
        {MC_REASON_DISPOSABLE, MC_CHANGE_DISPOSABLE, 0, 0, "gone@x.example"},
        {MC_REASON_TIMEOUT, MC_CHANGE_NONE, 3, 0, "silent@x.example"},
        {MC_REASON_TIMEOUT, MC_CHANGE_NONE, 1, 0, "once@x.example"},
    };
    struct mc_tally tally = {.remembered = true, .list_name = "list.csv"};
    struct mc_text text = {0}, json = {0};
    tally.findings = mc_findings_new();
    for (size_t i = 0; i < MC_ARRAY_LEN(rows) + 30; i++) {
        bool more = i >= MC_ARRAY_LEN(rows);
        struct mc_result result = {
            .reason = more ? MC_REASON_NO_SUCH_DOMAIN : rows[i].reason,
            .change = more ? MC_CHANGE_DEAD : rows[i].change,
            .nights_unknown = more ? 0 : rows[i].nights,
            .duplicate_of = more ? 0 : rows[i].duplicate_of,
            .email = mc_span_of(more ? "many@x.example" : rows[i].email),
        };
        result.status = mc_reason_status(result.reason);
        mc_tally_add(&tally, &result);
    }
    mc_report_text(&tally, &text);
    assert_non_null(strstr(mc_text_z(&text), "    dead@<b>.example no_such_mailbox\n"));
    assert_non_null(strstr(text.at, "    silent@x.example timeout, 3 nights running\n"));
    assert_non_null(strstr(text.at, "    ... and 11 more\n"));
    assert_int_equal(count_of(text.at, "many@x.example"), MC_CHANGED_MAX - 1);
    mc_report_json(&tally, &json);
    json_t *parsed = json_loads(mc_text_z(&json), 0, NULL);
    json_t *addresses = json_object_get(json_object_get(parsed, "changes"), "addresses");
    assert_int_equal(json_array_size(addresses), MC_CHANGED_MAX + 3);
    json_decref(parsed);
    assert_int_equal(count_of(json.at, "\"unknown_again\""), 2);
    assert_int_equal(count_of(json.at, "twice@") + count_of(json.at, "once@"), 0);
    for (size_t l = 0; l < MC_LANGUAGE_COUNT; l++) {
        struct mc_text page = {0};
        mc_report_html(&tally, (enum mc_language)l, &page);
        const char *html = mc_text_z(&page);
        assert_int_equal(count_of(html, "dead@&lt;b&gt;.example"), 1);
        assert_int_equal(count_of(html, "silent@x.example"), 1);
        for (size_t i = 0; i < 2; i++) /* in the figures, and above the addresses */
            assert_int_equal(count_of(html, titles[l][i]), 2);
        mc_text_free(&page);
    }
    mc_text_free(&text);
    mc_text_free(&json);
    mc_tally_free(&tally);
}

static void frequent_names_outlive_rare_ones(void **state)
{
    (void)state;
    struct mc_findings *findings = mc_findings_new();
    const struct mc_frequent_name *top[2];
    for (unsigned i = 0; i < 40000; i++) {
        char email[64];
        if (i % 10 == 0)
            snprintf(email, sizeof email, "a%u@often.example", i);
        else if (i % 10 == 1)
            snprintf(email, sizeof email, "a%u@again.example", i % 20);
        else
            snprintf(email, sizeof email, "a@rare%u.example", i);
        struct mc_result result = {.reason = MC_REASON_NO_SUCH_MAILBOX,
                                   .status = MC_UNDELIVERABLE,
                                   .email = mc_span_of(email)};
        mc_findings_add(findings, &result);
    }
    assert_int_equal(mc_frequent_top(&findings->domains, top, 2), 2);
    assert_string_equal(top[0]->name, "again.example");
    assert_string_equal(top[1]->name, "often.example");
    assert_in_range(top[0]->rows, 3900, 4000);
    assert_int_equal(mc_frequent_top(&findings->typos, top, 2), 0);
    mc_findings_free(findings);
}

static void a_sample_speaks_for_the_list(void **state)
{
    struct mc_tally tally = {0};
    struct mc_result result = {.source = MC_SOURCE_PROBE};
    double low, high;
    (void)state;
    assert_false(mc_tally_interval(&tally, &low, &high));
    for (unsigned i = 0; i < 400; i++) {
        result.reason = i < 80 ? MC_REASON_NO_SUCH_MAILBOX : MC_REASON_ACCEPTED;
        result.status = mc_reason_status(result.reason);
        mc_tally_add(&tally, &result);
    }
    result.reason = MC_REASON_NOT_PROBED;
    result.status = MC_UNKNOWN;
    result.source = MC_SOURCE_DNS;
    for (unsigned i = 0; i < 9600; i++)
        mc_tally_add(&tally, &result);
    assert_false(mc_tally_interval(&tally, &low, &high)); /* not a sample, a run cut short */
    tally.is_sample = true;
    assert_true(mc_tally_interval(&tally, &low, &high));
    /* 0.2 * 0.98 + 0.8 * 0.015 = 0.208; Wilson of that among 400: 0.1711 to 0.2505 */
    assert_in_range((unsigned)mc_tally_expected_bounces(&tally), 2079, 2081);
    assert_in_range((unsigned)low, 1723, 1728); /* the 400 themselves are known */
    assert_in_range((unsigned)high, 2485, 2490);
    mc_tally_free(&tally);
}

/* Samples of 200 out of 2000: what the whole list comes to lies between low and high at least 19
 * times out of 20. The draws are the same in every run. */
static void the_interval_keeps_its_word(void **state)
{
    enum { ROWS = 2000, DRAWN = 200, SAMPLES = 400 };
    static enum mc_reason rows[ROWS];
    uint64_t seed = 88172645463325252u;
    struct mc_tally whole = {0};
    struct mc_result result = {.source = MC_SOURCE_PROBE};
    unsigned held = 0;
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = i < 120    ? MC_REASON_NO_SUCH_MAILBOX
                  : i < 400  ? MC_REASON_CATCH_ALL
                  : i < 450  ? MC_REASON_TIMEOUT
                  : i < 1500 ? MC_REASON_ACCEPTED
                             : MC_REASON_UNPROVEN;
        result.reason = rows[i];
        result.status = mc_reason_status(rows[i]);
        mc_tally_add(&whole, &result);
    }
    for (unsigned s = 0; s < SAMPLES; s++) {
        struct mc_tally tally = {.is_sample = true};
        double low, high;
        for (size_t i = 0; i < ROWS; i++) { /* the first DRAWN of a shuffle */
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            size_t other = i + (size_t)((seed >> 11) % (ROWS - i));
            enum mc_reason drawn = rows[other];
            rows[other] = rows[i];
            rows[i] = drawn;
            result.source = i < DRAWN ? MC_SOURCE_PROBE : MC_SOURCE_DNS;
            result.reason = i < DRAWN ? drawn : MC_REASON_NOT_PROBED;
            result.status = mc_reason_status(result.reason);
            mc_tally_add(&tally, &result);
        }
        assert_true(mc_tally_interval(&tally, &low, &high));
        held +=
            low <= mc_tally_expected_bounces(&whole) && mc_tally_expected_bounces(&whole) <= high;
        mc_tally_free(&tally);
    }
    assert_in_range(held, SAMPLES * 95 / 100, SAMPLES);
    mc_tally_free(&whole);
}

/* A sample of servers that all refused us says as little as a list of them. */
static void a_sample_without_an_answer_is_not_judged(void **state)
{
    struct mc_tally tally = {.is_sample = true};
    struct mc_result drawn = {.source = MC_SOURCE_PROBE};
    struct mc_result not_drawn = {
        .source = MC_SOURCE_DNS, .reason = MC_REASON_NOT_PROBED, .status = MC_UNKNOWN};
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        drawn.reason = i < 40 ? MC_REASON_ACCEPTED : MC_REASON_BLOCKED;
        drawn.status = mc_reason_status(drawn.reason);
        mc_tally_add(&tally, &drawn);
    }
    for (unsigned i = 0; i < 9900; i++)
        mc_tally_add(&tally, &not_drawn);
    assert_int_equal(mc_report_judge(&tally), MC_JUDGED_UNKNOWN);
    drawn.reason = MC_REASON_ACCEPTED;
    drawn.status = MC_DELIVERABLE;
    for (unsigned i = 0; i < 100; i++)
        mc_tally_add(&tally, &drawn);
    assert_int_equal(mc_report_judge(&tally), MC_JUDGED_WORRYING);
    /* who would be left after cleaning was not drawn either */
    struct mc_text text = {0};
    mc_report_text(&tally, &text);
    assert_null(strstr(mc_text_z(&text), "after cleaning"));
    mc_text_free(&text);
    mc_tally_free(&tally);
}

static void what_stood_in_the_way_is_said_in_each_language(void **state)
{
    (void)state;
    struct mc_tally tally = blocked_tally();
    for (int obstacle = MC_OBSTACLE_NAME; obstacle <= MC_OBSTACLE_PROXY; obstacle++) {
        tally.obstacle = (enum mc_obstacle)obstacle;
        assert_ptr_equal(mc_report_notice(&tally, MC_ENGLISH), tally.probe_notice);
        assert_string_not_equal(mc_report_notice(&tally, MC_CHINESE_TRADITIONAL),
                                mc_report_notice(&tally, MC_CHINESE_SIMPLIFIED));
    }
    mc_tally_free(&tally);
}

/* Pages of all kinds; MAILCHECK_PAGES names the folder where the test in a browser wants them. */
static void pages_for_a_browser(void **state)
{
    const char *pages = getenv("MAILCHECK_PAGES");
    char path[512], error[512], own[] = "/tmp/mailcheck-pages-XXXXXX";
    (void)state;
    if (!pages)
        assert_non_null(pages = mkdtemp(own));
    for (size_t l = 0; l < MC_LANGUAGE_COUNT; l++) {
        struct mc_tally tallies[] = {full_tally(), full_tally(), offline_tally(), blocked_tally(),
                                     {0},          one_tally(),  billion_tally()};
        tallies[0].findings = mc_findings_new();
        add_hostile(&tallies[0]);
        for (size_t i = 0; i < MC_ARRAY_LEN(tallies); i++) {
            snprintf(path, sizeof path, "%s/%zu-%s.html", pages, i, mc_language_tags[l]);
            assert_true(
                mc_report_write(&tallies[i], path, (enum mc_language)l, error, sizeof error));
            mc_tally_free(&tallies[i]);
            if (pages == own)
                assert_int_equal(unlink(path), 0);
        }
    }
    if (pages == own)
        assert_int_equal(rmdir(own), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_word_for_word),
        cmocka_unit_test(huge_numbers_still_fit),
        cmocka_unit_test(numbers_add_up),
        cmocka_unit_test(kind_goes_by_the_ending),
        cmocka_unit_test(files_appear_whole),
        cmocka_unit_test(report_of_an_unknown_kind_is_refused),
        cmocka_unit_test(the_page_escapes_what_came_from_outside),
        cmocka_unit_test(what_changed_is_named),
        cmocka_unit_test(frequent_names_outlive_rare_ones),
        cmocka_unit_test(a_sample_speaks_for_the_list),
        cmocka_unit_test(the_interval_keeps_its_word),
        cmocka_unit_test(a_sample_without_an_answer_is_not_judged),
        cmocka_unit_test(what_stood_in_the_way_is_said_in_each_language),
        cmocka_unit_test(pages_for_a_browser),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
