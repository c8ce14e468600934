/* The store: its rules by table, its file in a folder of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "base/text.h"
#include "store/store.h"

#define HOUR 3600
#define DAY  ((int64_t)86400)
#define T0   ((int64_t)1800000000)

static struct mc_span s(const char *text)
{
    return mc_span_of(text);
}

/* ---- rules ---- */

/* A story: answers at hours, then what is served at an hour ("-": nothing). */
struct story {
    struct {
        enum mc_reason reason;
        int hour;
        bool bounce;
    } answers[5];
    int hour;
    const char *served;
};
#define A(reason, hour)                                                                            \
    {                                                                                              \
        MC_REASON_##reason, hour, false                                                            \
    }
#define B(reason, hour)                                                                            \
    {                                                                                              \
        MC_REASON_##reason, hour, true                                                             \
    }

static void tell(const struct story *story, size_t number)
{
    struct mc_known known = {0};
    enum mc_reason reason = MC_REASON_NOT_PROBED;
    for (size_t i = 0; i < MC_ARRAY_LEN(story->answers) && story->answers[i].hour; i++) {
        const struct mc_news news = {
            .reason = story->answers[i].reason,
            .source = story->answers[i].bounce ? MC_SOURCE_BOUNCE : MC_SOURCE_PROBE,
            .at = T0 + story->answers[i].hour * HOUR,
            .mx = s(""),
            .smtp = s(""),
        };
        mc_rules_learn(&known, &news);
    }
    bool served = known.checked_at &&
                  mc_rules_serve(&known, T0 + story->hour * HOUR, MC_STORE_AGE_FREE, &reason);
    const char *got = served ? mc_reason_name(reason) : "-";
    if (strcmp(got, story->served) != 0)
        fail_msg("story %zu: %s, not %s", number, got, story->served);
}

static void the_rules_by_table(void **state)
{
    (void)state;
    static const struct story table[] = {
        /* good and bad have their limits */
        {{A(ACCEPTED, 1)}, 2, "accepted"},
        {{A(ACCEPTED, 1)}, 6 * 24, "accepted"},
        {{A(ACCEPTED, 1)}, 7 * 24 + 2, "-"},
        {{A(NO_SUCH_MAILBOX, 1)}, 2 * 24, "no_such_mailbox"},
        {{A(NO_SUCH_MAILBOX, 1)}, 3 * 24 + 2, "-"},
        {{A(MAILBOX_FULL, 1)}, 26, "-"},
        {{A(NO_SUCH_DOMAIN, 1)}, 23, "no_such_domain"},
        /* the same again a day later holds longer; an hour later does not */
        {{A(NO_SUCH_MAILBOX, 1), A(NO_SUCH_MAILBOX, 80)}, 80 + 13 * 24, "no_such_mailbox"},
        {{A(NO_SUCH_MAILBOX, 1), A(NO_SUCH_MAILBOX, 2)}, 2 + 4 * 24, "-"},
        /* unknown is no answer, and takes none away */
        {{A(GREYLISTED, 1)}, 1, "-"},
        {{A(BLOCKED, 1)}, 1, "-"},
        {{A(TIMEOUT, 1)}, 1, "-"},
        {{A(DNS_FAILED, 1)}, 1, "-"},
        {{A(ACCEPTED, 1), A(BLOCKED, 3)}, 5, "accepted"},
        /* one refusal does not bury, the second a day later does */
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200)}, 201, "unproven"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200)}, 225, "-"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), A(NO_SUCH_MAILBOX, 201)}, 202, "unproven"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), A(NO_SUCH_MAILBOX, 223)}, 225, "-"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), A(NO_SUCH_MAILBOX, 224)},
         225,
         "no_such_mailbox"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), A(GREYLISTED, 215), A(MAILBOX_DISABLED, 225)},
         226,
         "mailbox_disabled"},
        {{A(ACCEPTED, 1), A(NO_SUCH_DOMAIN, 200)}, 201, "unproven"},
        /* an acceptance between them starts anew */
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), A(ACCEPTED, 210), A(NO_SUCH_MAILBOX, 230)},
         231,
         "unproven"},
        /* the clock was set back: what lies ahead is not believed */
        {{A(ACCEPTED, 100)}, 50, "-"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 300), A(NO_SUCH_MAILBOX, 250)}, 251, "unproven"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++)
        tell(&table[i], i);
}

/* The same with delivery reports among the answers: B. */
static void bounces_by_table(void **state)
{
    (void)state;
    static const struct story table[] = {
        /* a hard one buries at once, and holds longer than a probe */
        {{B(NO_SUCH_MAILBOX, 1)}, 29 * 24, "no_such_mailbox"},
        {{B(NO_SUCH_MAILBOX, 1)}, 30 * 24 + 2, "-"},
        {{B(NO_SUCH_DOMAIN, 1)}, 26, "-"},
        {{A(ACCEPTED, 1), B(NO_SUCH_MAILBOX, 30)}, 31, "no_such_mailbox"},
        {{A(ACCEPTED, 1), A(NO_SUCH_MAILBOX, 200), B(NO_SUCH_MAILBOX, 201)},
         202,
         "no_such_mailbox"},
        /* what was learned of the mailbox since is younger, in whatever order it comes in */
        {{A(ACCEPTED, 30), B(NO_SUCH_MAILBOX, 2)}, 31, "accepted"},
        {{B(NO_SUCH_MAILBOX, 2), A(ACCEPTED, 30)}, 31, "accepted"},
        /* that a domain accepts everybody tells nothing of the mailbox */
        {{A(CATCH_ALL, 30), B(NO_SUCH_MAILBOX, 2)}, 31, "no_such_mailbox"},
        {{B(NO_SUCH_MAILBOX, 2), A(CATCH_ALL, 30)}, 31, "no_such_mailbox"},
        {{B(NO_SUCH_MAILBOX, 2), A(CATCH_ALL, 31 * 24)}, 31 * 24 + 1, "catch_all"},
        /* soft ones count by the day */
        {{A(ACCEPTED, 1), B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 26)}, 50, "accepted"},
        {{A(ACCEPTED, 1), B(SERVER_ERROR, 2), B(TIMEOUT, 26), B(MAILBOX_FULL, 50)},
         51,
         "mailbox_full"},
        {{A(ACCEPTED, 1), B(MAILBOX_FULL, 50), B(SERVER_ERROR, 74), B(MAILBOX_FULL, 2)},
         75,
         "unproven"},
        {{A(ACCEPTED, 1), B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 3), B(MAILBOX_FULL, 4)},
         50,
         "accepted"},
        {{B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 26), B(MAILBOX_FULL, 50), A(ACCEPTED, 55)},
         60,
         "mailbox_full"},
        {{B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 26), B(MAILBOX_FULL, 50), A(ACCEPTED, 40 * 24)},
         40 * 24 + 1,
         "accepted"},
        {{A(CATCH_ALL, 1), B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 26), B(MAILBOX_FULL, 50)},
         51,
         "catch_all"},
        /* and bury nobody */
        {{B(MAILBOX_FULL, 2), B(MAILBOX_FULL, 26), B(MAILBOX_FULL, 50)}, 51, "-"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++)
        tell(&table[i], i);
}

static void max_age_caps_every_limit(void **state)
{
    (void)state;
    struct mc_known known = {0};
    enum mc_reason reason;
    const struct mc_news news = {.reason = MC_REASON_ACCEPTED, .at = T0};
    mc_rules_learn(&known, &news);
    assert_true(mc_rules_serve(&known, T0 + HOUR, 2 * HOUR, &reason));
    assert_false(mc_rules_serve(&known, T0 + 3 * HOUR, 2 * HOUR, &reason));
    assert_false(mc_rules_serve(&known, T0, 0, &reason));
    assert_false(mc_rules_serve(&known, T0 - 60, 0, &reason)); /* another host's clock is ahead */
}

/* Not even a file that says otherwise makes an answer of it. */
static void no_unknown_is_ever_served(void **state)
{
    (void)state;
    for (int i = 0; i < MC_REASON_COUNT; i++) {
        struct mc_known known = {.reason = (enum mc_reason)i, .checked_at = T0};
        enum mc_reason reason;
        for (int64_t now = T0 - 60; now <= T0 + HOUR; now += 60)
            if (mc_rules_serve(&known, now, MC_STORE_AGE_FREE, &reason))
                assert_int_not_equal(mc_reason_status(reason), MC_UNKNOWN);
    }
}

static void unknown_nights_are_counted(void **state)
{
    (void)state;
    struct mc_known known = {0};
    struct mc_news news = {.reason = MC_REASON_TIMEOUT, .at = T0};
    assert_int_equal(mc_rules_nights(&known, T0), 0);
    mc_rules_learn(&known, &news);
    assert_int_equal(mc_rules_nights(&known, T0), 1);
    for (int night = 1; night <= 3; night++) {
        news.at = T0 + night * DAY - 600; /* cron, a little early */
        mc_rules_learn(&known, &news);
        assert_int_equal(mc_rules_nights(&known, news.at), night + 1);
    }
    news.reason = MC_REASON_ACCEPTED;
    mc_rules_learn(&known, &news);
    assert_int_equal(mc_rules_nights(&known, news.at), 0);
}

/* ---- the file ---- */

struct place {
    char folder[64], path[128];
};

static void make_place(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/mailcheck-store.XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/deep/er/verdicts.db", place->folder);
}

static void remove_place(const struct place *place)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
}

static struct mc_store *open_at(const struct place *place, bool hashed)
{
    const struct mc_store_options options = {.path = place->path, .hashed = hashed};
    char error[1024];
    struct mc_store *store = mc_store_open(&options, error, sizeof error);
    if (!store)
        fail_msg("%s", error);
    return store;
}

static void put(struct mc_store *store, const char *local, const char *domain,
                enum mc_reason reason, int64_t at, const char *smtp)
{
    const struct mc_news news = {
        .reason = reason, .at = at, .mx = s("mx.acme.com"), .smtp = s(smtp)};
    mc_store_put(store, s(local), s(domain), &news);
}

static void what_is_put_is_found(void **state)
{
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++)
        for (int whole = 0; whole < 2; whole++) {
            struct place place;
            struct mc_known known;
            struct stat file;
            make_place(&place);
            struct mc_store *store = open_at(&place, hashed);
            put(store, "Ann", "acme.com", MC_REASON_NO_SUCH_MAILBOX, T0,
                "RCPT 550 5.1.1 <ann@acme.com>: unknown");
            put(store, "bob", "acme.com", MC_REASON_GREYLISTED, T0, "");
            const struct mc_store_domain domain = {.outcome = MC_REASON_ACCEPTED,
                                                   .outcome_at = T0,
                                                   .proof = MC_STORE_PROOF_BEST,
                                                   .proof_at = T0,
                                                   .best_host = s("mx.acme.com"),
                                                   .detail = s("")};
            mc_store_put_domain(store, s("acme.com"), &domain);
            mc_store_close(store);
            assert_int_equal(stat(place.path, &file), 0);
            assert_int_equal(file.st_mode & 0777, 0600);
            store = open_at(&place, false);
            mc_store_expect(store, whole ? 1000000 : 0);
            assert_true(mc_store_get(store, s("aNN"), s("acme.com"), &known));
            assert_int_equal(known.reason, MC_REASON_NO_SUCH_MAILBOX);
            assert_int_equal(known.checked_at, T0);
            assert_true(mc_span_equal(known.mx, s("mx.acme.com")));
            assert_true(mc_span_equal(
                known.smtp,
                s(hashed ? "RCPT 550 5.1.1" : "RCPT 550 5.1.1 <aNN@acme.com>: unknown")));
            assert_int_equal(known.past_count, 1);
            assert_true(mc_store_get(store, s("bob"), s("acme.com"), &known));
            assert_int_equal(known.checked_at, 0);
            assert_int_equal(known.tried, MC_REASON_GREYLISTED);
            assert_false(mc_store_get(store, s("cho"), s("acme.com"), &known));
            assert_false(mc_store_get(store, s("ann"), s("acme.org"), &known));
            struct mc_store_domain found;
            assert_true(mc_store_get_domain(store, s("acme.com"), &found));
            assert_int_equal(found.proof, MC_STORE_PROOF_BEST);
            assert_true(mc_span_equal(found.best_host, s("mx.acme.com")));
            assert_false(mc_store_get_domain(store, s("acme.org"), &found));
            assert_null(mc_store_error(store));
            mc_store_close(store);
            remove_place(&place);
        }
}

/* Addresses with all kinds of pasts: looked up one by one, in the file once it is in memory, and as
 * the file is read in its order, they are the same. */
#define KINDS 120 /* so few that the file is not read into memory unasked */
struct found {
    char said[KINDS][400];
    bool met[KINDS], has_rare[KINDS];
};

static void keep(struct found *found, size_t number, const struct mc_known *known)
{
    assert_false(found->met[number]);
    found->met[number] = true;
    found->has_rare[number] = known->tried_at || known->bad_at || known->complained_at ||
                              known->soft_count || known->unknown_since;
    char *said = found->said[number], *end = said + sizeof found->said[number];
    said += snprintf(
        said, (size_t)(end - said),
        "%d %d %lld, %d %lld %u %d %lld, %lld %lld %lld, %.*s, %.*s:", (int)known->reason,
        (int)known->source, (long long)known->checked_at, (int)known->tried,
        (long long)known->tried_at, known->origin, known->waits, (long long)known->unknown_since,
        (long long)known->good_at, (long long)known->bad_at, (long long)known->complained_at,
        (int)known->mx.len, known->mx.at, (int)known->smtp.len, known->smtp.at);
    for (size_t i = 0; i < known->past_count; i++)
        said += snprintf(said, (size_t)(end - said), " %d %lld", (int)known->past[i].reason,
                         (long long)known->past[i].at);
    for (size_t i = 0; i < known->soft_count; i++)
        said += snprintf(said, (size_t)(end - said), " %d %u", (int)known->soft[i].reason,
                         (unsigned)known->soft[i].day);
    assert_true(said < end - 1);
}

static void keep_domain(void *arg, struct mc_span name, const struct mc_store_domain *domain,
                        uint32_t best_host)
{
    (void)arg;
    (void)best_host;
    (void)name;
    (void)domain;
}

static struct scanning {
    struct mc_store *store;
    struct mc_known known;
    struct found found;
    size_t met;
} scanning;

static void keep_address(void *arg, struct mc_span local, struct mc_span domain, uint32_t host,
                         bool is_first)
{
    struct scanning *here = arg;
    assert_int_equal(is_first, here->met++ == 0); /* there is one domain */
    char number[8];
    assert_true(mc_span_equal(domain, s("acme.com")));
    snprintf(number, sizeof number, "%.*s", (int)local.len, local.at);
    here->known.mx = mc_store_host_name(here->store, host);
    keep(&here->found, (size_t)strtoul(number, NULL, 10), &here->known);
}

static void look_up_all(struct mc_store *store, struct found *found)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct mc_known known;
        char local[8];
        snprintf(local, sizeof local, "%zu", i);
        if (mc_store_get(store, s(local), s("acme.com"), &known))
            keep(found, i, &known);
    }
}

static void a_row_is_the_same_however_it_is_read(void **state)
{
    (void)state;
    static const enum mc_reason soft[] = {MC_REASON_MAILBOX_FULL, MC_REASON_SERVER_ERROR};
    static const enum mc_reason answers[] = {MC_REASON_ACCEPTED, MC_REASON_NO_SUCH_MAILBOX,
                                             MC_REASON_GREYLISTED, MC_REASON_CATCH_ALL};
    static struct found singly, loaded;
    struct place place;
    struct mc_store_scan scan = {&scanning, keep_domain, keep_address, &scanning.known};
    size_t usual = 0, with_rare = 0;
    singly = loaded = scanning.found = (struct found){0};
    make_place(&place);
    struct mc_store *store = open_at(&place, false);
    srandom(17);
    for (int i = 0; i < 400; i++) {
        char local[8];
        snprintf(local, sizeof local, "%ld", random() % KINDS);
        struct mc_news news = {.source = MC_SOURCE_PROBE,
                               .reason = answers[random() % 4],
                               .at = T0 + random() % 20 * DAY,
                               .origin = (uint32_t)random() % 3,
                               .waits = random() % 2,
                               .mx = s(random() % 2 ? "mx.acme.com" : ""),
                               .smtp = s(random() % 2 ? "RCPT 250 2.1.5 Ok" : "")};
        if (random() % 4) {
            mc_store_put(store, s(local), s("acme.com"), &news);
            continue;
        }
        news.source = MC_SOURCE_BOUNCE;
        news.reason = random() % 3 ? soft[random() % 2] : MC_REASON_SUPPRESSED;
        mc_store_put_bounce(store, s(local), s("acme.com"), &news, (uint64_t)i);
    }
    assert_true(mc_store_commit(store, true));
    look_up_all(store, &singly);
    assert_false(mc_store_is_loaded(store));
    scanning.store = store;
    scanning.met = 0;
    assert_true(mc_store_scan(store, &scan));
    mc_store_expect(store, 1000000);
    assert_true(mc_store_is_loaded(store));
    look_up_all(store, &loaded);
    for (size_t i = 0; i < KINDS; i++) {
        assert_string_equal(scanning.found.said[i], singly.said[i]);
        assert_string_equal(loaded.said[i], singly.said[i]);
        with_rare += singly.has_rare[i];
        usual += singly.met[i] && !singly.has_rare[i];
    }
    assert_in_range(with_rare, 10, KINDS);
    assert_in_range(usual, 10, KINDS);
    mc_store_close(store);
    remove_place(&place);
}

/* A hashed file holds no address, no local part, no domain; and is of no use without its key. */
static void a_hashed_store_tells_nobody(void **state)
{
    (void)state;
    struct place place;
    char command[300], error[1024], key[200];
    make_place(&place);
    struct mc_store *store = open_at(&place, true);
    const struct mc_news news = {.reason = MC_REASON_NO_SUCH_MAILBOX,
                                 .at = T0,
                                 .mx = s(""),
                                 .smtp = s("RCPT 550 5.1.1 User annabel of acme.com unknown")};
    mc_store_put(store, s("annabel"), s("acme.com"), &news);
    mc_store_close(store);
    snprintf(command, sizeof command, "! grep -aqE 'annabel|acme' %s*", place.path);
    assert_int_equal(system(command), 0);
    snprintf(key, sizeof key, "%s.key", place.path);
    struct stat file;
    assert_int_equal(stat(key, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    unlink(key);
    const struct mc_store_options options = {.path = place.path};
    assert_null(mc_store_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "key"));
    remove_place(&place);
}

static void a_plain_store_does_not_turn_hashed(void **state)
{
    (void)state;
    struct place place;
    char error[1024];
    make_place(&place);
    mc_store_close(open_at(&place, false));
    const struct mc_store_options options = {.path = place.path, .hashed = true};
    assert_null(mc_store_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "--store-hashed"));
    remove_place(&place);
}

/* Two processes' worth of connections, each with answers about the same address. */
static void two_writers_add_up(void **state)
{
    (void)state;
    struct place place;
    struct mc_known known;
    make_place(&place);
    struct mc_store *one = open_at(&place, false), *two = open_at(&place, false);
    put(one, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "");
    assert_true(mc_store_commit(one, false));
    put(two, "ann", "acme.com", MC_REASON_NO_SUCH_MAILBOX, T0 + 9 * DAY, "");
    assert_true(mc_store_commit(two, false));
    assert_true(mc_store_get(one, s("ann"), s("acme.com"), &known));
    assert_int_equal(known.reason, MC_REASON_NO_SUCH_MAILBOX);
    assert_int_equal(known.good_at, T0);
    assert_int_equal(known.bad_at, T0 + 9 * DAY);
    assert_int_equal(known.past_count, 2);
    mc_store_close(one);
    mc_store_close(two);
    remove_place(&place);
}

/* What another process does: opens the file, looks for a name and closes it. */
static int look_for(const char *path, const char *local)
{
    const struct mc_store_options options = {.path = path};
    char error[1024];
    struct mc_known known;
    struct mc_store *store = mc_store_open(&options, error, sizeof error);
    bool found = store && mc_store_get(store, s(local), s("acme.com"), &known);
    mc_store_close(store);
    return found ? 0 : 1;
}

static bool another_process_finds(const struct place *place, const char *local)
{
    char command[300];
    snprintf(command, sizeof command, "/proc/%d/exe %s %s", (int)getpid(), place->path, local);
    return system(command) == 0;
}

/* A service opens the file anew while it still holds it: the locks of the process stay (those of
 * POSIX go with any descriptor of the file that is closed), so nobody takes the log away. */
static void opening_it_twice_keeps_the_locks(void **state)
{
    (void)state;
    struct place place;
    make_place(&place);
    struct mc_store *one = open_at(&place, false), *two = open_at(&place, false);
    put(one, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "");
    assert_true(mc_store_commit(one, true));
    assert_true(another_process_finds(&place, "ann"));
    put(one, "bob", "acme.com", MC_REASON_ACCEPTED, T0, "");
    assert_true(mc_store_commit(one, true));
    assert_true(another_process_finds(&place, "bob"));
    mc_store_close(one);
    mc_store_close(two);
    remove_place(&place);
}

static void a_mark_goes_without_a_trace(void **state)
{
    (void)state;
    struct place place;
    make_place(&place);
    struct mc_store *store = open_at(&place, false);
    assert_int_equal(mc_store_mark(store, "run-of-a-list"), 0);
    assert_true(mc_store_set_mark(store, "run-of-a-list", T0));
    assert_int_equal(mc_store_mark(store, "run-of-a-list"), T0);
    assert_true(mc_store_set_mark(store, "run-of-a-list", 0));
    assert_int_equal(mc_store_mark(store, "run-of-a-list"), 0);
    mc_store_close(store);
    sqlite3 *db;
    sqlite3_stmt *count;
    assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM meta WHERE name GLOB 'run-*'", -1,
                                        &count, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(count, 0), 0);
    sqlite3_finalize(count);
    sqlite3_close(db);
    remove_place(&place);
}

/* While another process writes, nothing is lost: it stays pending. */
static void a_busy_file_is_waited_for(void **state)
{
    (void)state;
    struct place place;
    struct mc_known known;
    sqlite3 *other;
    make_place(&place);
    struct mc_store *store = open_at(&place, false);
    assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    put(store, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "");
    assert_true(mc_store_commit(store, false));
    assert_int_equal(mc_store_pending(store), 1);
    /* who comes meanwhile may read, and leaves no mark */
    struct mc_store *late = open_at(&place, false);
    assert_false(mc_store_get(late, s("ann"), s("acme.com"), &known));
    assert_true(mc_store_set_mark(late, "run", T0));
    assert_null(mc_store_error(late));
    mc_store_close(late);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_true(mc_store_commit(store, false));
    assert_int_equal(mc_store_pending(store), 0);
    assert_true(mc_store_get(store, s("ann"), s("acme.com"), &known));
    sqlite3_close(other);
    mc_store_close(store);
    remove_place(&place);
}

static void forgetting(void **state)
{
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++) {
        struct place place;
        struct mc_known known;
        struct mc_store_stats stats;
        uint64_t gone;
        make_place(&place);
        struct mc_store *store = open_at(&place, hashed);
        put(store, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "");
        put(store, "bob", "acme.com", MC_REASON_ACCEPTED, T0 + DAY, "");
        put(store, "ann", "acme.company", MC_REASON_ACCEPTED, T0 + 2 * DAY, "");
        put(store, "ann", "mail.acme.com", MC_REASON_TIMEOUT, T0 + 2 * DAY, "");
        assert_true(mc_store_commit(store, true));
        assert_true(mc_store_stats(store, &stats));
        assert_int_equal(stats.addresses, 4);
        assert_int_equal(stats.by_reason[MC_REASON_ACCEPTED], 3);
        assert_int_equal(stats.undecided, 1);
        assert_true(mc_store_forget(store, s("ANN"), s("acme.com"), &gone));
        assert_int_equal(gone, 1);
        assert_false(mc_store_get(store, s("ann"), s("acme.com"), &known));
        assert_true(mc_store_forget(store, s(""), s("acme.com"), &gone));
        assert_int_equal(gone, 1);
        assert_true(mc_store_get(store, s("ann"), s("acme.company"), &known));
        assert_true(mc_store_get(store, s("ann"), s("mail.acme.com"), &known));
        assert_true(mc_store_prune(store, T0 + 3 * DAY, &gone));
        assert_int_equal(gone, 2);
        assert_null(mc_store_error(store));
        mc_store_close(store);
        remove_place(&place);
    }
}

/* A server may name anybody: in what it says of others, and when it refuses us. */
static void forgetting_finds_every_mention(void **state)
{
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++)
        for (int whole = 0; whole < 2; whole++) {
            struct place place;
            struct mc_known known;
            struct mc_store_peer peer = {.learned_at = T0,
                                         .habits = s("12345678901"),
                                         .out_until = T0 + HOUR,
                                         .out_reason = MC_REASON_BLOCKED,
                                         .out_line = s("RCPT 550 5.7.1 <ANN@acme.com>: blocked")};
            uint64_t gone;
            char command[200];
            make_place(&place);
            struct mc_store *store = open_at(&place, hashed);
            put(store, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "RCPT 250 ok");
            put(store, "bob", "acme.org", MC_REASON_NO_SUCH_MAILBOX, T0,
                "RCPT 550 5.1.1 no; try Ann@acme.com");
            put(store, "cho", "acme.org", MC_REASON_NO_SUCH_MAILBOX, T0, "RCPT 550 5.1.1 no");
            mc_store_put_peer(store, s("198.18.0.1"), 1, &peer);
            assert_true(mc_store_commit(store, true));
            assert_true(mc_store_forget(store, s(whole ? "" : "ann"), s("acme.com"), &gone));
            assert_int_equal(gone, 1);
            assert_true(mc_store_scrub(store));
            assert_true(mc_store_get(store, s("bob"), s("acme.org"), &known));
            assert_int_equal(known.reason, MC_REASON_NO_SUCH_MAILBOX);
            assert_true(mc_store_get(store, s("cho"), s("acme.org"), &known));
            assert_true(
                mc_span_equal(known.smtp, s(hashed ? "RCPT 550 5.1.1" : "RCPT 550 5.1.1 no")));
            assert_true(mc_store_get_peer(store, s("198.18.0.1"), 1, &peer));
            assert_int_equal(peer.out_reason, MC_REASON_BLOCKED);
            assert_int_equal(peer.out_line.len, hashed ? 14 : 0);
            snprintf(command, sizeof command, "! grep -aiq 'ann@acme' %s*", place.path);
            assert_int_equal(system(command), 0);
            mc_store_close(store);
            remove_place(&place);
        }
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static void put_bounce(struct mc_store *store, const char *local, enum mc_reason reason, int64_t at,
                       uint64_t report)
{
    const struct mc_news news = {.reason = reason,
                                 .source = MC_SOURCE_BOUNCE,
                                 .at = at,
                                 .mx = s(""),
                                 .smtp = s("RCPT 550 5.1.1 no")};
    mc_store_put_bounce(store, s(local), s("acme.com"), &news, report);
    assert_true(mc_store_commit(store, true));
}

static uint64_t living, returned;

static void add_precision(void *arg, struct mc_span host, enum mc_reason reason, uint64_t count)
{
    (void)arg;
    assert_true(mc_span_equal(host, s("mx.acme.com")));
    *(reason == MC_REASON_ACCEPTED ? &living : &returned) += count;
}

/* A report counts once, however often it is read; it shows how good our verdicts were. */
static void a_report_counts_once(void **state)
{
    (void)state;
    for (int hashed = 0; hashed < 2; hashed++) {
        struct place place;
        struct mc_known known;
        uint64_t gone;
        make_place(&place);
        struct mc_store *store = open_at(&place, hashed);
        put(store, "ann", "acme.com", MC_REASON_ACCEPTED, T0, "RCPT 250 ok");
        put(store, "bob", "acme.com", MC_REASON_ACCEPTED, T0, "RCPT 250 ok");
        for (int again = 0; again < 3; again++) {
            put_bounce(store, "ann", MC_REASON_NO_SUCH_MAILBOX, T0 + DAY, 7);
            put_bounce(store, "dan", MC_REASON_NO_SUCH_MAILBOX, T0 + DAY, 7);
            put_bounce(store, "eve", MC_REASON_SUPPRESSED, T0 + DAY, 8);
            mc_store_close(store);
            store = open_at(&place, false);
        }
        put_bounce(store, "ann", MC_REASON_NO_SUCH_MAILBOX, T0 + 2 * DAY, 9);
        living = returned = 0;
        assert_true(mc_store_precision(store, add_precision, NULL));
        assert_int_equal(living, 1);
        assert_int_equal(returned, 1);
        for (int whole = 0; whole < 2; whole++) {
            mc_store_expect(store, whole ? 1000000 : 0);
            assert_true(mc_store_get(store, s("ann"), s("acme.com"), &known));
            assert_int_equal(known.reason, MC_REASON_NO_SUCH_MAILBOX);
            assert_int_equal(known.source, MC_SOURCE_BOUNCE);
            assert_int_equal(known.checked_at, T0 + 2 * DAY);
            assert_true(mc_span_equal(known.mx, s("mx.acme.com")));
            assert_true(mc_store_get(store, s("eve"), s("acme.com"), &known));
            assert_int_equal(known.complained_at, T0 + DAY);
        }
        /* a complaint is not forgotten by age */
        assert_true(mc_store_prune(store, T0 + 900 * DAY, &gone));
        assert_int_equal(gone, 3);
        mc_store_close(store);
        store = open_at(&place, false);
        assert_true(mc_store_get(store, s("eve"), s("acme.com"), &known));
        assert_true(mc_store_forget(store, s("eve"), s("acme.com"), &gone));
        assert_int_equal(gone, 1);
        mc_store_close(store);
        remove_place(&place);
    }
}

static void check_old_rows(struct mc_store *store)
{
    struct mc_known known;
    assert_true(mc_store_get(store, s("ann"), s("acme.com"), &known));
    assert_int_equal(known.reason, MC_REASON_ACCEPTED);
    assert_int_equal(known.good_at, T0);
    assert_true(mc_span_equal(known.mx, s("mx.acme.com")));
    assert_true(mc_store_get(store, s("bob"), s("acme.com"), &known));
    assert_int_equal(known.reason, MC_REASON_NO_SUCH_MAILBOX);
    assert_true(mc_span_equal(known.smtp, s("RCPT 550 5.1.1 <bob@acme.com>: unknown")));
    assert_true(mc_store_get(store, s("cho"), s("acme.com"), &known));
    assert_int_equal(known.tried, MC_REASON_GREYLISTED);
}

/* Files as older schemas left them, with an address of each kind: looked up one by one, and where
 * the whole file is read. */
static void a_file_of_an_older_schema_is_understood(void **state)
{
    (void)state;
    static const char *const files[] = {"tests/cases/store/schema1.sql",
                                        "tests/cases/store/schema2.sql"};
    for (size_t i = 0; i < MC_ARRAY_LEN(files); i++) {
        struct place place;
        struct mc_text sql = {0};
        struct mc_known known;
        char line[1024];
        FILE *fixture = fopen(files[i], "re");
        assert_non_null(fixture);
        while (fgets(line, sizeof line, fixture))
            mc_text_add_z(&sql, line);
        fclose(fixture);
        make_place(&place);
        snprintf(place.path, sizeof place.path, "%s/old.db", place.folder);
        run_sql(place.path, mc_text_z(&sql));
        mc_text_free(&sql);
        struct mc_store *store = open_at(&place, false);
        check_old_rows(store);
        assert_false(mc_store_is_loaded(store));
        mc_store_expect(store, 1000000);
        assert_true(mc_store_is_loaded(store));
        check_old_rows(store);
        put_bounce(store, "ann", MC_REASON_MAILBOX_FULL, T0, 1);
        mc_store_close(store);
        store = open_at(&place, false);
        assert_true(mc_store_get(store, s("ann"), s("acme.com"), &known));
        assert_int_equal(known.soft_count, 1);
        mc_store_close(store);
        remove_place(&place);
    }
}

/* What cannot be used is said, and left as it is. */
static void unusable_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *command, *says;
    } table[] = {
        {"echo 'this is no database, but long enough to be taken for one' >%s", "not a database"},
        {"mkdir %s", "directory"},
        {"sqlite=1; head -c 5000 /dev/zero | tr '\\0' x >%s", "not a database"},
    };
    char error[1024], command[400];
    for (size_t i = 0; i < MC_ARRAY_LEN(table); i++) {
        struct place place;
        make_place(&place);
        snprintf(place.path, sizeof place.path, "%s/bad.db", place.folder);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(command, sizeof command, table[i].command, place.path);
#pragma GCC diagnostic pop
        assert_int_equal(system(command), 0);
        const struct mc_store_options options = {.path = place.path};
        assert_null(mc_store_open(&options, error, sizeof error));
        if (!strcasestr(error, table[i].says))
            fail_msg("\"%s\" does not say \"%s\"", error, table[i].says);
        assert_non_null(strstr(error, "--no-store"));
        remove_place(&place);
    }
    struct place place;
    make_place(&place);
    snprintf(place.path, sizeof place.path, "%s/bad.db", place.folder);
    const struct mc_store_options options = {.path = place.path};
    run_sql(place.path, "CREATE TABLE customers(name)");
    assert_null(mc_store_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "another program"));
    unlink(place.path);
    mc_store_close(open_at(&place, false));
    run_sql(place.path, "PRAGMA user_version = 99");
    assert_null(mc_store_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "schema 99"));
    remove_place(&place);
}

/* Cut short behind its back: found out when it is read, whichever way. */
static void a_truncated_file_is_an_error(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct place place;
        char error[1024], local[32];
        make_place(&place);
        struct mc_store *store = open_at(&place, false);
        for (int i = 0; i < 2000; i++) {
            snprintf(local, sizeof local, "user%d", i);
            put(store, local, "acme.com", MC_REASON_ACCEPTED, T0, "RCPT 250 2.1.5 Ok");
        }
        mc_store_close(store);
        assert_int_equal(truncate(place.path, 40960), 0);
        const struct mc_store_options options = {.path = place.path};
        store = mc_store_open(&options, error, sizeof error);
        if (store) {
            mc_store_expect(store, whole ? 1000000 : 0);
            for (int i = 0; i < 2000 && !mc_store_error(store); i++) {
                struct mc_known known;
                snprintf(local, sizeof local, "user%d", i);
                (void)mc_store_get(store, s(local), s("acme.com"), &known);
            }
            assert_non_null(mc_store_error(store));
            assert_non_null(strstr(mc_store_error(store), "--no-store"));
            assert_false(mc_store_commit(store, true));
        }
        mc_store_close(store);
        remove_place(&place);
    }
}

/* At most 200 bytes an address on disk, written in the order that DNS and servers answer. */
static void an_address_is_small(void **state)
{
    (void)state;
    struct place place;
    struct mc_store_stats stats;
    char local[64], domain[64], line[200];
    make_place(&place);
    struct mc_store *store = open_at(&place, false);
    for (int i = 0; i < 20000; i++) {
        int n = (i * 7919) % 20000;
        snprintf(local, sizeof local, "firstname.lastname%d", n);
        snprintf(domain, sizeof domain, "company-%d.example", n % 3000);
        snprintf(line, sizeof line,
                 "RCPT 550 5.1.1 <%s@%s>: Recipient address rejected: User unknown", local, domain);
        put(store, local, domain, n % 4 ? MC_REASON_ACCEPTED : MC_REASON_NO_SUCH_MAILBOX, T0,
            n % 4 ? "RCPT 250 2.1.5 Ok" : line);
        if (i % 500 == 0)
            assert_true(mc_store_commit(store, false));
    }
    assert_true(mc_store_commit(store, true));
    assert_true(mc_store_stats(store, &stats));
    assert_int_equal(stats.addresses, 20000);
    assert_in_range(stats.bytes / stats.addresses, 40, 200);
    mc_store_close(store);
    remove_place(&place);
}

int main(int count, char **arguments)
{
    if (count == 3)
        return look_for(arguments[1], arguments[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_by_table),
        cmocka_unit_test(max_age_caps_every_limit),
        cmocka_unit_test(no_unknown_is_ever_served),
        cmocka_unit_test(unknown_nights_are_counted),
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(a_row_is_the_same_however_it_is_read),
        cmocka_unit_test(a_hashed_store_tells_nobody),
        cmocka_unit_test(a_plain_store_does_not_turn_hashed),
        cmocka_unit_test(two_writers_add_up),
        cmocka_unit_test(opening_it_twice_keeps_the_locks),
        cmocka_unit_test(a_mark_goes_without_a_trace),
        cmocka_unit_test(a_busy_file_is_waited_for),
        cmocka_unit_test(forgetting),
        cmocka_unit_test(forgetting_finds_every_mention),
        cmocka_unit_test(bounces_by_table),
        cmocka_unit_test(a_report_counts_once),
        cmocka_unit_test(a_file_of_an_older_schema_is_understood),
        cmocka_unit_test(unusable_files_are_refused),
        cmocka_unit_test(a_truncated_file_is_an_error),
        cmocka_unit_test(an_address_is_small),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
