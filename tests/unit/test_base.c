/* The base room: text, arena, index, digest map, durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes16.h"
#include "base/digest_map.h"
#include "base/duration.h"
#include "base/find.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

static void pool_hands_out_each_record_to_one_owner(void **state)
{
    (void)state;
    enum { RECORDS = 50 };
    struct mc_pool pool = {.size = 40};
    char *records[RECORDS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < RECORDS; i++) {
            records[i] = mc_pool_get(&pool);
            memset(records[i], i + round, pool.size);
        }
        for (int i = RECORDS - 1; i >= 0; i--) {
            for (size_t at = 0; at < pool.size; at++)
                assert_int_equal(records[i][at], i + round);
            mc_pool_put(&pool, records[i]);
        }
    }
    mc_pool_free(&pool);
    assert_null(pool.free);
}

static void arena_gives_back_what_it_got(void **state)
{
    (void)state;
    struct mc_arena arena = {0};
    char name[16];
    uint32_t at[5000];
    assert_int_equal(mc_arena_add(&arena, mc_span_of("")), 0);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "name%u", i);
        at[i] = mc_arena_add(&arena, mc_span_of(name));
    }
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "name%u", i);
        assert_string_equal(mc_arena_get(&arena, at[i]).at, name);
    }
    assert_int_equal(mc_arena_get(&arena, 0).len, 0);
    mc_arena_free(&arena);
}

static void index_finds_all_of_one_hash(void **state)
{
    (void)state;
    struct mc_index index = {0};
    struct mc_index_cursor cursor;
    for (uint32_t i = 0; i < 3000; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "n%u", i / 3);
        mc_index_add(&index, mc_hash(mc_span(name, (size_t)len)), i);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "n%u", i);
        unsigned found = 0;
        uint32_t record = mc_index_first(&index, mc_hash(mc_span(name, (size_t)len)), &cursor);
        for (; record != MC_NONE; record = mc_index_next(&index, &cursor))
            found += record / 3 == i;
        assert_int_equal(found, 3);
    }
    assert_int_equal(mc_index_first(&index, mc_hash(mc_span_of("other")), &cursor), MC_NONE);
    mc_index_free(&index);
}

static void numbers_are_found_by_digest(void **state)
{
    (void)state;
    enum { KEYS = 300000 };
    for (uint64_t expected = 0; expected <= 2 * KEYS; expected += KEYS) {
        struct mc_digest_map map = {0};
        for (uint32_t round = 0; round < 2; round++)
            for (uint32_t i = 1; i <= KEYS; i++) {
                struct mc_hash128 hash = mc_hash128(mc_span((const char *)&i, sizeof i));
                mc_digest_map_prefetch(&map, hash);
                uint32_t found = mc_digest_map_find(&map, hash);
                uint32_t *value = mc_digest_map_at(&map, hash);
                assert_int_equal(found, *value);
                assert_int_equal(*value, round ? i : 0);
                *value = i;
                if (i == 100 && !round && expected)
                    mc_digest_map_expect(&map, expected);
            }
        assert_int_equal(mc_digest_map_count(&map), KEYS);
        mc_digest_map_free(&map);
    }
}

static void buckets_are_read_the_same_both_ways(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 6 << 10; round++) {
        uint64_t hash = mc_hash(mc_span((const char *)&round, sizeof round));
        _Alignas(64) struct mc_digest_bucket bucket = {0};
        /* two bits a slot: the key, or the key but for one bit */
        for (uint32_t i = 0; i < round % 6; i++) {
            uint32_t wrong = round / 6 >> 2 * i & 3;
            bucket.hash[i] = hash ^ (wrong == 0 ? 0 : UINT64_C(1) << 21 * wrong);
            bucket.value[i] = i + 1;
        }
        assert_int_equal(mc_digest_look(&bucket, hash), mc_digest_look_plain(&bucket, hash));
    }
}

static void sixteen_bytes_as_one_by_one(void **state)
{
    (void)state;
    for (int round = 0; round < 256; round++) {
        char bytes[MC_BYTES16];
        uint64_t commas = 0, letters = 0, digits = 0;
        for (int i = 0; i < MC_BYTES16; i++) {
            char c = bytes[i] = (char)(round * 7 + i * (round | 1));
            commas |= (uint64_t)(c == ',') << i;
            letters |= (uint64_t)(mc_ascii_lower(c) >= 'a' && mc_ascii_lower(c) <= 'z') << i;
            digits |= (uint64_t)mc_is_digit(c) << i;
        }
        struct mc_bytes16 all = mc_bytes16_load(bytes);
        assert_int_equal(mc_bytes16_are(all, ','), commas);
        assert_int_equal(mc_bytes16_among(mc_bytes16_fold(all), 'a', 'z'), letters);
        assert_int_equal(mc_bytes16_among(all, '0', '9'), digits);
    }
}

static void durations_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
        const char *shown; /* NULL: refused */
    } cases[] = {
        {"500ms", 500, "500ms"},
        {"10s", 10000, "10s"},
        {"5m", 300000, "5m"},
        {"90s", 90000, "90s"},
        {"72h", 259200000, "3d"},
        {"30d", 2592000000, "30d"},
        {"0", 0, "0"},
        {"0s", 0, "0"},
        {"60m", 3600000, "1h"},
        {"5", 0, NULL},
        {"m", 0, NULL},
        {"", 0, NULL},
        {"5 m", 0, NULL},
        {"-5m", 0, NULL},
        {"99999d", 0, NULL},
        {"1.5h", 0, NULL},
        {"18446744073709551615d", 0, NULL},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        uint64_t ms = 0;
        char shown[24];
        bool ok = mc_duration_parse(mc_span_of(cases[i].text), &ms);
        assert_int_equal(ok, cases[i].shown != NULL);
        if (!ok)
            continue;
        assert_int_equal(ms, cases[i].ms);
        mc_duration_format(ms, shown, sizeof shown);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void hostile_bytes_become_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        size_t limit;
        const char *shown;
    } cases[] = {
        {"a\r\nb\tc", 99, "a  b c"},
        {"\x1b[31m", 99, "?[31m"},
        {"z\xc3\xbc", 99, "z\xc3\xbc"},
        {"\xff\xfe", 99, "??"},
        {"\xc2\x9bK", 99, "?K"},
        {"\xed\xa0\x80", 99, "???"},
        {"abc", 2, "ab"},
        {"a\xc3\xbc", 2, "a"},
        {"\x7f", 99, "?"},
        {"\xc0\xaf", 99, "??"},
        {"\xf4\x90\x80\x80", 9, "????"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        struct mc_text text = {0};
        mc_text_add_printable(&text, mc_span_of(cases[i].raw), cases[i].limit);
        assert_string_equal(mc_text_z(&text), cases[i].shown);
        mc_text_free(&text);
    }
}

/* Every place in texts of every length, with letters of few kinds so that nearly all fit. */
static void finding_says_what_looking_at_each_byte_says(void **state)
{
    (void)state;
    static const char letters[] = "abABz@[`{\xc1";
    char text[80], what[8];
    uint64_t random = 88172645463325252u;
    unsigned found = 0;
    for (unsigned i = 0; i < 200000; i++) {
        size_t text_len = i % sizeof text, what_len = i / 7 % (sizeof what + 1);
        for (size_t j = 0; j < text_len + what_len; j++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            *(j < text_len ? &text[j] : &what[j - text_len]) = letters[random % 10];
        }
        const char *fast = mc_find_nocase(mc_span(text, text_len), mc_span(what, what_len));
        assert_true(fast == mc_find_nocase_plain(mc_span(text, text_len), mc_span(what, what_len)));
        found += fast != NULL;
        char a = letters[i % 10], b = letters[i / 10 % 10];
        assert_true(mc_find_either(mc_span(text, text_len / 4), a, b) ==
                    mc_find_either_plain(mc_span(text, text_len / 4), a, b));
    }
    assert_true(found > 20000 && found < 180000);
}

/* Pairs that differ in case, or in one byte anywhere. */
static void case_aside_bytes_are_the_same_or_not(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (unsigned other = 0; other < 256; other++) {
            char first[19], second[19];
            size_t len = (c + other) % sizeof first + 1, at = other % len;
            for (size_t i = 0; i < len; i++) {
                first[i] = (char)('A' + (c + i) % 58);
                second[i] = mc_ascii_lower(first[i]);
            }
            first[at] = (char)c;
            second[at] = (char)other;
            assert_int_equal(mc_span_equal_nocase(mc_span(first, len), mc_span(second, len)),
                             mc_ascii_lower((char)c) == mc_ascii_lower((char)other));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_hands_out_each_record_to_one_owner),
        cmocka_unit_test(arena_gives_back_what_it_got),
        cmocka_unit_test(index_finds_all_of_one_hash),
        cmocka_unit_test(sixteen_bytes_as_one_by_one),
        cmocka_unit_test(numbers_are_found_by_digest),
        cmocka_unit_test(buckets_are_read_the_same_both_ways),
        cmocka_unit_test(durations_both_ways),
        cmocka_unit_test(finding_says_what_looking_at_each_byte_says),
        cmocka_unit_test(case_aside_bytes_are_the_same_or_not),
        cmocka_unit_test(hostile_bytes_become_harmless),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
