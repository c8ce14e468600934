#include "bounce/when.h"

#include <time.h>

#include "base/memory.h"
#include "base/text.h"

#define DAY          86400
#define DAYS_TO_1970 719468 /* from the first of March of the year 0 */
#define TAI_OFFSET   10     /* of TAI64 at 1970; leap seconds since then are of no account here */

struct cursor {
    struct mc_span rest;
};

static void skip(struct cursor *cursor, const char *set)
{
    size_t i = 0;
    for (const char *c = set; i < cursor->rest.len && *c;)
        if (cursor->rest.at[i] == *c) {
            i++;
            c = set;
        } else {
            c++;
        }
    cursor->rest = mc_span(cursor->rest.at + i, cursor->rest.len - i);
}

static bool take(struct cursor *cursor, char c)
{
    if (!cursor->rest.len || cursor->rest.at[0] != c)
        return false;
    cursor->rest = mc_span(cursor->rest.at + 1, cursor->rest.len - 1);
    return true;
}

/* Up to `most` digits; false where there is none. */
static bool number(struct cursor *cursor, size_t most, int *value)
{
    size_t len = 0;
    *value = 0;
    while (len < cursor->rest.len && len < most && mc_is_digit(cursor->rest.at[len]))
        *value = *value * 10 + (cursor->rest.at[len++] - '0');
    cursor->rest = mc_span(cursor->rest.at + len, cursor->rest.len - len);
    return len > 0;
}

static struct mc_span letters(struct cursor *cursor)
{
    size_t len = 0;
    while (len < cursor->rest.len && (cursor->rest.at[len] | 0x20) >= 'a' &&
           (cursor->rest.at[len] | 0x20) <= 'z')
        len++;
    struct mc_span word = mc_span(cursor->rest.at, len);
    cursor->rest = mc_span(cursor->rest.at + len, cursor->rest.len - len);
    return word;
}

static bool month(struct mc_span word, int *value)
{
    static const char names[][4] = {"jan", "feb", "mar", "apr", "may", "jun",
                                    "jul", "aug", "sep", "oct", "nov", "dec"};
    for (*value = 0; word.len >= 3 && *value < 12; ++*value)
        if (names[*value][0] == (word.at[0] | 0x20) &&
            mc_span_equal_nocase(mc_span(word.at, 3), mc_span(names[*value], 3)))
            return true;
    return false;
}

/* "10:00", "10:00:00", "10:00:00.123" */
static bool time_of_day(struct cursor *cursor, struct tm *tm)
{
    int fraction;
    if (!number(cursor, 2, &tm->tm_hour) || !take(cursor, ':') || !number(cursor, 2, &tm->tm_min))
        return false;
    if (take(cursor, ':') && !number(cursor, 2, &tm->tm_sec))
        return false;
    if (cursor->rest.len > 1 && strchr(".,", cursor->rest.at[0]) &&
        mc_is_digit(cursor->rest.at[1])) {
        cursor->rest = mc_span(cursor->rest.at + 1, cursor->rest.len - 1);
        number(cursor, 9, &fraction);
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

/* What timegm() says, but for its locks and its search for the year. */
static int64_t seconds_of(const struct tm *tm)
{
    /* a year from March to February: the leap day ends it */
    int64_t months = ((int64_t)tm->tm_year + 1900) * 12 + tm->tm_mon - 2, year = months / 12;
    int64_t before = (153 * (months % 12) + 2) / 5; /* days of the months before */
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + before + tm->tm_mday - 1;
    return (days - DAYS_TO_1970) * DAY + tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* "+0100", "+01:00", "Z", "EST": minutes east of Greenwich; false where there is no zone. */
static bool zone(struct cursor *cursor, int *minutes)
{
    static const struct {
        const char *name;
        int minutes;
    } names[] = {{"gmt", 0},    {"ut", 0},     {"utc", 0},    {"z", 0},      {"est", -300},
                 {"edt", -240}, {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360},
                 {"pst", -480}, {"pdt", -420}, {"cet", 60},   {"cest", 120}, {"jst", 540}};
    int hours, rest = 0;
    bool east = take(cursor, '+');
    if (east || take(cursor, '-')) {
        if (!number(cursor, 2, &hours))
            return false;
        take(cursor, ':');
        number(cursor, 2, &rest);
        *minutes = (east ? 1 : -1) * (hours * 60 + rest);
        return true;
    }
    struct mc_span word = letters(cursor);
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        if (mc_span_equal_nocase(word, mc_span_of(names[i].name))) {
            *minutes = names[i].minutes;
            return true;
        }
    return false;
}

static int64_t sane(int64_t when, int64_t now)
{
    return when > 0 && (!now || when <= now + DAY) ? when : 0;
}

static int64_t in_zone(struct tm *tm, struct cursor *cursor, bool local, int64_t now)
{
    int minutes = 0;
    skip(cursor, " ");
    if (!zone(cursor, &minutes) && local) {
        tm->tm_isdst = -1;
        return sane(mktime(tm), now);
    }
    return sane(seconds_of(tm) - (int64_t)minutes * 60, now);
}

int64_t mc_when_mail(struct mc_span field, int64_t now)
{
    struct cursor cursor = {field};
    struct tm tm = {0};
    skip(&cursor, " \t\r\n");
    struct mc_span word = letters(&cursor);                     /* of the weekday, or none */
    bool weekday = cursor.rest.len && cursor.rest.at[0] == ','; /* "Mar," is one in French */
    skip(&cursor, ",. \t\r\n");
    bool american = (!weekday && month(word, &tm.tm_mon)) || month(letters(&cursor), &tm.tm_mon);
    skip(&cursor, " ");
    if (!number(&cursor, 2, &tm.tm_mday))
        return 0;
    skip(&cursor, " -");
    if (american) { /* "Mon Nov  2 10:00:00 2026" */
        if (!time_of_day(&cursor, &tm))
            return 0;
        skip(&cursor, " ");
    } else {
        if (!month(letters(&cursor), &tm.tm_mon))
            return 0;
        skip(&cursor, " -");
    }
    if (!number(&cursor, 4, &tm.tm_year))
        return 0;
    tm.tm_year += tm.tm_year < 50 ? 2000 : tm.tm_year < 200 ? 1900 : 0;
    tm.tm_year -= 1900;
    skip(&cursor, " \t\r\n");
    if (!american && !time_of_day(&cursor, &tm))
        return 0;
    return in_zone(&tm, &cursor, false, now);
}

int64_t mc_when_iso(struct mc_span text, int64_t now)
{
    struct cursor cursor = {text};
    struct tm tm = {0};
    if (!number(&cursor, 4, &tm.tm_year) || tm.tm_year < 1970 || !take(&cursor, '-') ||
        !number(&cursor, 2, &tm.tm_mon) || !take(&cursor, '-') || !number(&cursor, 2, &tm.tm_mday))
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    skip(&cursor, "T ");
    if (!time_of_day(&cursor, &tm))
        return 0;
    return in_zone(&tm, &cursor, true, now);
}

/* "Wed 2026-11-04 10:00:00 CET", as the journal writes it in full. */
static int64_t from_journal(struct mc_span line, int64_t now)
{
    struct cursor cursor = {line};
    letters(&cursor);
    skip(&cursor, " ");
    return mc_when_iso(cursor.rest, now);
}

/* "Nov  2 10:00:00": the year is a guess. */
static int64_t from_syslog(struct mc_span line, int64_t now)
{
    struct cursor cursor = {line};
    struct tm tm = {0}, today;
    time_t clock = (time_t)now;
    if (!month(letters(&cursor), &tm.tm_mon))
        return from_journal(line, now);
    skip(&cursor, " ");
    if (!number(&cursor, 2, &tm.tm_mday))
        return 0;
    skip(&cursor, " ");
    if (!time_of_day(&cursor, &tm) || !now || !localtime_r(&clock, &today))
        return 0;
    for (int back = 0; back < 9; back++) { /* as many as lie between two leap days */
        struct tm guess = tm;
        guess.tm_year = today.tm_year - back;
        guess.tm_isdst = -1;
        int64_t when = mktime(&guess);
        if (guess.tm_mday == tm.tm_mday && when <= now + DAY)
            return when > 0 ? when : 0;
    }
    return 0;
}

/* "@4000000065a0b1c2..." */
static int64_t tai64(struct mc_span line, int64_t now)
{
    uint64_t seconds = 0;
    for (size_t i = 1; i < 17; i++) {
        char c = i < line.len ? line.at[i] : '\0', lower = (char)(c | 0x20);
        if (!mc_is_digit(c) && (lower < 'a' || lower > 'f'))
            return 0;
        seconds = seconds << 4 | (unsigned)(mc_is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return sane((int64_t)(seconds - (UINT64_C(1) << 62)) - TAI_OFFSET, now);
}

int64_t mc_when_log(struct mc_span line, int64_t now)
{
    struct cursor cursor = {line};
    uint64_t seconds = 0;
    skip(&cursor, " \t");
    if (take(&cursor, '<')) { /* the priority of syslog over the net, a version behind it */
        skip(&cursor, "0123456789>");
        skip(&cursor, " ");
    }
    line = cursor.rest;
    if (!line.len)
        return 0;
    if (line.at[0] == '@')
        return tai64(line, now);
    if (!mc_is_digit(line.at[0]))
        return from_syslog(line, now);
    size_t digits = 0;
    while (digits < line.len && mc_is_digit(line.at[digits]))
        digits++;
    if (digits == 10 && mc_parse_u64(mc_span(line.at, digits), INT64_MAX, &seconds))
        return sane((int64_t)seconds, now);
    return mc_when_iso(line, now);
}
