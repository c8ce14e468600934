/* The lists room, by the tables of tests/cases/lists_*.tsv, and the user's own lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "lists/lists_private.h"

static struct mc_lists *bundled;

static int setup(void **state)
{
    char error[512];
    (void)state;
    bundled = mc_lists_new(NULL, error, sizeof error);
    return bundled != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    mc_lists_free(bundled);
    return 0;
}

/* Calls `check` for each "text<tab>wanted" line; it says what it got. */
static void run_table(const char *path, const char *(*check)(struct mc_span text))
{
    char line[512];
    unsigned cases = 0, failures = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *tab = strchr(line, '\t');
        if (line[0] == '#' || tab == NULL)
            continue;
        struct mc_span text = mc_span(line, (size_t)(tab - line));
        char *wanted = tab + 1;
        wanted[strcspn(wanted, "\n")] = '\0';
        const char *got = check(text);
        cases++;
        if (strcmp(got, wanted) != 0) {
            failures++;
            print_error("%s: %.*s: %s, not %s\n", path, (int)text.len, text.at, got, wanted);
        }
    }
    fclose(file);
    assert_true(cases > 30);
    assert_int_equal(failures, 0);
}

static const char *check_role(struct mc_span local)
{
    return mc_lists_is_role(bundled, local) ? "role" : "person";
}

static void tells_roles_from_people(void **state)
{
    (void)state;
    run_table("tests/cases/lists_role.tsv", check_role);
}

static const char *check_suggestion(struct mc_span domain)
{
    static char out[257];
    size_t len = mc_lists_suggest(bundled, domain, out);
    if (len == 0)
        return "-";
    out[len] = '\0';
    assert_false(mc_span_equal(domain, mc_span(out, len)));
    return out;
}

static void suggests_what_was_meant(void **state)
{
    (void)state;
    run_table("tests/cases/lists_suggest.tsv", check_suggestion);
}

static const char *check_flags(struct mc_span domain)
{
    bool disposable = mc_lists_is_disposable(bundled, domain);
    bool free_mail = mc_lists_is_free(bundled, domain);
    return disposable && free_mail ? "df" : disposable ? "d" : free_mail ? "f" : "-";
}

static void flags_domains(void **state)
{
    (void)state;
    run_table("tests/cases/lists_flags.tsv", check_flags);
}

/* What data/update checks when the lists are made, checked again where they are used. */
static void never_flags_what_never_may_be(void **state)
{
    (void)state;
    char line[256];
    FILE *file = fopen("data/lists/never.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && line[0] != '\0' && mc_lists_is_disposable(bundled, mc_span_of(line)))
            fail_msg("%s is called disposable", line);
    }
    fclose(file);
}

/* A target is known, and no slip of another one. */
static void targets_get_no_suggestion(void **state)
{
    (void)state;
    char line[256], out[256];
    FILE *file = fopen("data/lists/targets.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\t\n")] = '\0';
        if (line[0] != '#' && line[0] != '\0' &&
            mc_lists_suggest(bundled, mc_span_of(line), out) != 0)
            fail_msg("%s gets a suggestion", line);
    }
    fclose(file);
}

static void assert_facts_agree(const char *format, struct mc_span name)
{
    char domain[600], out[256];
    int len = snprintf(domain, sizeof domain, format, (int)name.len, name.at);
    struct mc_span text = mc_span(domain, (size_t)len);
    struct mc_domain_facts facts = mc_lists_domain_facts(bundled, text);
    if (facts.is_disposable != mc_lists_is_disposable(bundled, text) ||
        facts.is_free != mc_lists_is_free(bundled, text) ||
        facts.is_slip != (mc_lists_suggest(bundled, text, out) > 0))
        fail_msg("one walk and three disagree about %s", domain);
}

static void facts_are_what_each_list_says(void **state)
{
    static const char *const formats[] = {"%.*s",     "www.%.*s",   "a.b.%.*s",
                                          "%.*s.com", "x%.*s",      "%.*s.co.uk",
                                          "%.*s.cmo", "gmail.%.*s", ".%.*s"};
    (void)state;
    const struct mc_wordset *set = &mc_lists_names;
    for (uint32_t i = 0; i <= set->mask; i++)
        for (size_t format = 0; set->slots[i] && format < MC_ARRAY_LEN(formats); format++)
            assert_facts_agree(formats[format], mc_wordset_key(set, set->slots[i]));
    assert_facts_agree("%.*s", mc_span("", 0));
}

static const char *check_provider(struct mc_span host)
{
    const struct mc_provider *provider = mc_lists_provider(bundled, host);
    if (mc_lists_is_disposable_mx(bundled, host))
        return "!";
    return provider != NULL ? provider->id : "-";
}

static void assert_filter_agrees(const char *format, struct mc_span before, struct mc_span behind)
{
    char local[600];
    int len = snprintf(local, sizeof local, format, (int)before.len, before.at, (int)behind.len,
                       behind.at);
    struct mc_span text = mc_span(local, (size_t)len);
    bool role = mc_lists_is_role_slowly(bundled, text), looked = text.len > 0 && text.len < 64;
    uint64_t digits = 0, separators = 0;
    if (mc_lists_is_role(bundled, text) != role)
        fail_msg("the filter and the rules disagree about %s", local);
    for (size_t i = 0; looked && i < text.len; i++) {
        bool separator = strchr(".-_", local[i]) != NULL, digit = mc_is_digit(local[i]);
        digits |= (uint64_t)digit << i;
        separators |= (uint64_t)separator << i;
        looked = separator || digit || (local[i] >= 'a' && local[i] <= 'z');
    }
    if (looked && mc_lists_is_role_looked(bundled, text, digits, separators) != role)
        fail_msg("whoever looked at %s before gets another answer", local);
}

/* Every role word, whole and cut anywhere, among what people put around it. */
static void role_filter_misses_nothing(void **state)
{
    static const char *const formats[] = {
        "%.*s%.*s",       "%.*s%.*s7",         "%.*s-%.*s",        "%.*s.%.*s",
        "%.*s_%.*s24",    "%.*s1-%.*s.2",      "hk.%.*s%.*s",      "%.*s%.*s-99",
        "%.*s%.*s.asia",  "%.*s-%.*s3_4",      "kim.lee-%.*s%.*s", "1%.*s%.*s",
        "%.*s%.*s+tag",   "-%.*s%.*s",         "%.*s%.*s.",        "owner-%.*s%.*s",
        "no-%.*s.%.*s-8", "kim-%.*s%.*s-lee2", "\"%.*s%.*s\"",     "9-8_%.*s%.*s-7",
    };
    (void)state;
    const struct mc_wordset *set = &mc_lists_role_words;
    for (uint32_t i = 0; i <= set->mask; i++) {
        if (!set->slots[i])
            continue;
        struct mc_span word = mc_wordset_key(set, set->slots[i]);
        for (size_t cut = 0; cut <= word.len; cut += word.len > 12 ? 3 : 1)
            for (size_t format = 0; format < MC_ARRAY_LEN(formats); format++)
                assert_filter_agrees(formats[format], mc_span(word.at, cut),
                                     mc_span(word.at + cut, word.len - cut));
    }
}

static void knows_providers_by_host(void **state)
{
    (void)state;
    run_table("tests/cases/lists_provider.tsv", check_provider);
    assert_true(mc_lists_provider_count(bundled) > 100);
    const struct mc_provider *unknown = mc_lists_default_provider(bundled);
    assert_int_equal(unknown->index, 0);
    assert_string_equal(unknown->id, "");
    assert_int_equal(unknown->connect_gap_ms, 500);
    const struct mc_provider *yahoo =
        mc_lists_provider(bundled, mc_span_of("mta5.am0.yahoodns.net"));
    assert_int_equal(yahoo->rcpt, MC_RCPT_ACCEPTS_ALL);
    assert_true(yahoo->rcpt_per_minute < unknown->rcpt_per_minute);
}

/* A folder of lists for one test. */
struct folder {
    char path[64];
    char files[4][96];
    unsigned count;
};

static struct folder new_folder(void)
{
    struct folder folder = {.path = "/tmp/mailcheck-lists-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static void put_file(struct folder *folder, const char *name, const char *text)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    memcpy(folder->files[folder->count++], path, sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_folder(struct folder *folder)
{
    for (unsigned i = 0; i < folder->count; i++)
        unlink(folder->files[i]);
    rmdir(folder->path);
}

static bool suppressed(const struct mc_lists *lists, const char *local, const char *domain)
{
    return mc_lists_is_suppressed(lists, mc_span_of(local), mc_span_of(domain));
}

static void user_lists_are_laid_over_the_bundled_ones(void **state)
{
    (void)state;
    char error[512] = "", out[257];
    struct folder folder = new_folder();
    put_file(&folder, "disposable.txt", "# mine\nThrow.Example\n-yopmail.com\nduck.com\n");
    put_file(&folder, "allow.txt",
             "good.mailinator.com\r\nb\xc3\xbc"
             "cher.example\nhotmial.com\n");
    put_file(&folder, "role.txt", "wachtmeister\n-hello\nteam modifier\n");
    put_file(&folder, "typos.tsv", "acme-corp.com\tacme.com\n");
    struct mc_lists *lists = mc_lists_new(folder.path, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(lists);
    assert_true(mc_lists_is_disposable(lists, mc_span_of("a.throw.example")));
    assert_false(mc_lists_is_disposable(lists, mc_span_of("yopmail.com")));
    assert_true(mc_lists_is_disposable(lists, mc_span_of("duck.com")));
    assert_true(mc_lists_is_disposable(lists, mc_span_of("mailinator.com")));
    assert_false(mc_lists_is_disposable(lists, mc_span_of("x.good.mailinator.com")));
    assert_true(mc_lists_is_role(lists, mc_span_of("wachtmeister")));
    assert_false(mc_lists_is_role(lists, mc_span_of("hello")));
    assert_int_equal(mc_lists_suggest(lists, mc_span_of("hotmial.com"), out), 0);
    assert_int_equal(mc_lists_suggest(lists, mc_span_of("acme-corp.com"), out), 8);
    assert_memory_equal(out, "acme.com", 8);
    mc_lists_free(lists);
    remove_folder(&folder);
}

static void suppress_list_holds_addresses_and_domains(void **state)
{
    (void)state;
    char error[512] = "";
    struct folder folder = new_folder();
    put_file(&folder, "suppress.txt",
             "\xef\xbb\xbf# never again\nAnn@Example.com\n\"bob\"@example.com\nrival.example\n"
             "@other.example\n\"x y\"@example.com\nk\xc3\xa4rl@b\xc3\xbc"
             "cher.example\n");
    struct mc_lists *lists = mc_lists_new(folder.path, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(lists);
    assert_true(suppressed(lists, "ann", "example.com"));
    assert_true(suppressed(lists, "ANN", "example.com"));
    assert_true(suppressed(lists, "bob", "example.com"));
    assert_true(suppressed(lists, "\"x y\"", "example.com"));
    assert_true(suppressed(lists, "k\xc3\xa4rl", "xn--bcher-kva.example"));
    assert_true(suppressed(lists, "anybody", "rival.example"));
    assert_true(suppressed(lists, "anybody", "mail.rival.example"));
    assert_true(suppressed(lists, "anybody", "other.example"));
    assert_false(suppressed(lists, "anna", "example.com"));
    assert_false(suppressed(lists, "ann", "example.org"));
    assert_false(suppressed(lists, "anybody", "notrival.example"));
    assert_false(suppressed(bundled, "ann", "example.com"));
    mc_lists_free(lists);
    remove_folder(&folder);
}

static void user_providers_change_and_add(void **state)
{
    (void)state;
    char error[512] = "";
    struct folder folder = new_folder();
    put_file(&folder, "providers.tsv",
             "google\t-\t-\t9\t-\t-\t-\t-\t-\t-\t-\t-\n"
             "default\t-\t-\t1\t2s\t-\t-\t-\t-\t-\t-\t-\n"
             "intranet\tmx*.corp.example mail.corp.example\trefuses\t50\t0\t0\t0\t0\t0\t0\t0\t0\n");
    struct mc_lists *lists = mc_lists_new(folder.path, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(lists);
    const struct mc_provider *google = mc_lists_provider(lists, mc_span_of("aspmx.l.google.com"));
    assert_int_equal(google->connections, 9);
    assert_int_equal(google->rcpt, MC_RCPT_REFUSES);
    assert_int_equal(mc_lists_default_provider(lists)->connect_gap_ms, 2000);
    const struct mc_provider *own = mc_lists_provider(lists, mc_span_of("mx07.corp.example"));
    assert_non_null(own);
    assert_string_equal(own->id, "intranet");
    assert_int_equal(own->rcpt_per_minute, 0);
    assert_int_equal(own->index, mc_lists_provider_count(bundled));
    assert_ptr_equal(own, mc_lists_provider(lists, mc_span_of("mail.corp.example")));
    assert_null(mc_lists_provider(lists, mc_span_of("www.corp.example")));
    mc_lists_free(lists);
    remove_folder(&folder);
}

static void wrong_lists_are_refused_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *wanted;
    } cases[] = {
        {"suppress.txt", "a@b.example\n\nnot an address\n", "suppress.txt:3: "},
        {"suppress.txt", "a@\n", "suppress.txt:1: "},
        {"disposable.txt", "ok.example\nhttp://x.example/\n", "disposable.txt:2: "},
        {"allow.txt", "single\n", "allow.txt:1: "},
        {"typos.tsv", "a.example\n", "typos.tsv:1: "},
        {"role.txt", "word wrongkind\n", "role.txt:1: "},
        {"providers.tsv", "x\ty.example\n", "providers.tsv:1: 12 columns"},
        {"providers.tsv", "x\ty.example\tmaybe\t1\t1s\t1\t1\t1\t1\t1\t1\t1\n", "\"maybe\""},
        {"providers.tsv", "x\ty.example\tvaries\t1\tsoon\t1\t1\t1\t1\t1\t1\t1\n", "\"soon\""},
        {"supress.txt", "a@b.example\n", "supress.txt: no list has this name"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        char error[512] = "";
        struct folder folder = new_folder();
        put_file(&folder, cases[i].file, cases[i].text);
        struct mc_lists *lists = mc_lists_new(folder.path, error, sizeof error);
        assert_null(lists);
        if (strstr(error, cases[i].wanted) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error, cases[i].wanted);
        remove_folder(&folder);
    }
    char error[512] = "";
    assert_null(mc_lists_new("/nonexistent/lists", error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/lists: "));
}

static void describes_each_list(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    mc_lists_describe(bundled, out);
    fclose(out);
    assert_non_null(strstr(text, "disposable 20"));
    assert_non_null(strstr(text, "providers 20"));
    assert_non_null(strstr(text, "disposable-email-domains-js"));
    free(text);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Not a test of time: the numbers are for whoever changes the tables. */
static void shows_what_a_look_up_costs(void **state)
{
    (void)state;
    static const char *const domains[] = {"gmail.com",       "yahoo.co.uk",  "example-company.de",
                                          "mail.acme.co.uk", "orange.fr",    "mailinator.com",
                                          "uni-muenchen.de", "some-shop.com"};
    static const char *const locals[] = {"john.smith", "info",       "sales-eu", "maria",
                                         "j.doe1980",  "anna_maria", "office2",  "xiaoming"};
    enum { ROUNDS = 200000 };
    char out[257];
    unsigned sum = 0;
    uint64_t start[5];
    struct mc_span domain[8], local[8];
    for (unsigned i = 0; i < 8; i++) {
        domain[i] = mc_span_of(domains[i]);
        local[i] = mc_span_of(locals[i]);
    }
    start[0] = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        sum += mc_lists_is_disposable(bundled, domain[i % 8]);
    start[1] = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        sum += mc_lists_is_free(bundled, domain[i % 8]);
    start[2] = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        sum += mc_lists_is_role(bundled, local[i % 8]);
    start[3] = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        sum += (unsigned)mc_lists_suggest(bundled, domain[i % 8], out);
    start[4] = now_ns();
    assert_true(sum > 0);
    print_message("ns a look-up: disposable %.1f, free %.1f, role %.1f, suggestion %.1f\n",
                  (double)(start[1] - start[0]) / ROUNDS, (double)(start[2] - start[1]) / ROUNDS,
                  (double)(start[3] - start[2]) / ROUNDS, (double)(start[4] - start[3]) / ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_roles_from_people),
        cmocka_unit_test(role_filter_misses_nothing),
        cmocka_unit_test(suggests_what_was_meant),
        cmocka_unit_test(flags_domains),
        cmocka_unit_test(facts_are_what_each_list_says),
        cmocka_unit_test(never_flags_what_never_may_be),
        cmocka_unit_test(targets_get_no_suggestion),
        cmocka_unit_test(knows_providers_by_host),
        cmocka_unit_test(user_lists_are_laid_over_the_bundled_ones),
        cmocka_unit_test(suppress_list_holds_addresses_and_domains),
        cmocka_unit_test(user_providers_change_and_add),
        cmocka_unit_test(wrong_lists_are_refused_with_file_and_line),
        cmocka_unit_test(describes_each_list),
        cmocka_unit_test(shows_what_a_look_up_costs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
