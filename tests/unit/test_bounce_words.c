/* What is looked for in many places at once is found where one look at a time finds it: wordings of
 * a table, fields of a header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/find.h"
#include "base/memory.h"
#include "bounce/mime.h"
#include "bounce/wordings.h"

static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* Tables whose shortest wording has one to twenty letters, so that they are read in steps of every
 * length; one wording is the start, the end or the middle of others. */
#define WORDS 9
static const char *const tables[][WORDS] = {
    {"a", "ab", "abA", "abAB", "@", "`", "zz", "\xc1z", "bab"},
    {"abab", "baba", "abaaba", "AABB", "zaza", "b@b@b", "abab[", "{{{{", "[aba"},
    {"ababa", "bbaab", "aabbaabb", "zabab", "ab\xc1@ab", "ba\xe1@ab", "@@@@@", "ababab", "aaaaa"},
    {"aabbaabb", "abababab", "bbbbaaaa", "zzzzabab", "babababab", "aabbaabba", "abaabaab",
     "ab`ab`ab`", "AB@AB@AB@"},
    {"abababababababababab", "aabbaabbaabbaabbaabbaa", "babababababababababab",
     "zabababababababababab", "abababababababababaz", "aaaaaaaaaaaaaaaaaaaa",
     "bbbbbbbbbbbbbbbbbbbb", "abbabbabbabbabbabbabba", "baababaababaababaababa"},
};

static size_t first_of(struct mc_span text, const char *const *words)
{
    size_t i = 0;
    while (i < WORDS && !mc_find_nocase_plain(text, mc_span_of(words[i])))
        i++;
    return i;
}

/* Letters of few kinds, some of the wordings thrown in. */
static size_t make_text(char *text, size_t size, const char *const *words)
{
    static const char letters[] = "abABz@[`{\xc1\xe1";
    size_t len = random_below(size);
    for (size_t i = 0; i < len; i++)
        text[i] = letters[random_below(random_below(3) ? 4 : sizeof letters - 1)];
    const char *word = words[random_below(WORDS)];
    if (random_below(2) && strlen(word) <= len)
        memcpy(text + random_below(len - strlen(word) + 1), word, strlen(word));
    return len;
}

static void wordings(void **state)
{
    (void)state;
    char text[70];
    size_t found[MC_ARRAY_LEN(tables)] = {0};
    for (size_t i = 0; i < 200000; i++) {
        const size_t table = i % MC_ARRAY_LEN(tables);
        const char *const *words = tables[table];
        struct mc_span span = mc_span(text, make_text(text, sizeof text, words));
        size_t wanted = first_of(span, words);
        assert_int_equal(mc_bounce_find_any(span, words, WORDS, sizeof *words), wanted);
        assert_int_equal(mc_bounce_has_any(span, words, WORDS), wanted < WORDS);
        found[table] += wanted < WORDS;
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(tables); i++)
        assert_true(found[i] > 5000 && found[i] < 40000);
}

/* Names, folded lines, empty ones, and what is neither; some headers are longer than those of any
 * mail. */
static void fields(void **state)
{
    (void)state;
    static const char *const pieces[] = {"To:",   "to : x\n",    "TO:a\n", " folded\n", "\t:\n",
                                         "\n",    "\r\n",        "Date:",  ":\n",       "x",
                                         "To",    "Subject: y",  "\n",     "\nDate: z", "\n ",
                                         "tO:\n", "Message-ID:", "\n",     "no field\n"};
    static const char *const names[] = {"To", "Date", "Subject", "Message-ID", "Absent"};
    struct mc_message message = {0};
    struct mc_text text = {0};
    size_t found = 0;
    for (size_t i = 0; i < 20000; i++) {
        text.len = 0;
        for (size_t many = i % 1000 ? 0 : 300; many; many--)
            mc_text_add_z(&text, "Received: x\n");
        for (size_t count = random_below(12); count; count--)
            mc_text_add_z(&text, pieces[random_below(MC_ARRAY_LEN(pieces))]);
        if (i % 3 == 0) { /* only the header of what came back */
            struct mc_text report = {0};
            mc_text_add_z(&report, "Content-Type: multipart/report; boundary=b\n\n--b\n"
                                   "Content-Type: text/rfc822-headers\n\n");
            mc_text_add_span(&report, mc_text_span(&text));
            mc_text_add_z(&report, "\n--b--\n");
            mc_text_free(&text);
            text = report;
        }
        mc_mime_read(mc_text_span(&text), &message);
        for (size_t mail = 0; mail < message.mail_count; mail++)
            for (size_t j = 0; j < MC_ARRAY_LEN(names); j++) {
                struct mc_span wanted = mc_header(mc_message_headers(&message, mail), names[j]);
                struct mc_span field = mc_message_field(&message, mail, names[j]);
                assert_true(mc_span_equal(field, wanted));
                found += field.len > 0;
            }
    }
    assert_true(found > 5000);
    mc_message_free(&message);
    mc_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wordings), cmocka_unit_test(fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
