#include "verdict/columns.h"

#include <time.h>

#include "base/memory.h"

static const struct column {
    const char *name;
    enum mc_column_type type;
} table[MC_COLUMN_COUNT] = {
    [MC_COLUMN_STATUS] = {"mc_status", MC_COLUMN_TEXT},
    [MC_COLUMN_REASON] = {"mc_reason", MC_COLUMN_TEXT},
    [MC_COLUMN_SCORE] = {"mc_score", MC_COLUMN_NUMBER},
    [MC_COLUMN_EMAIL] = {"mc_email", MC_COLUMN_TEXT},
    [MC_COLUMN_SUGGESTION] = {"mc_suggestion", MC_COLUMN_TEXT},
    [MC_COLUMN_ROLE] = {"mc_role", MC_COLUMN_BOOL},
    [MC_COLUMN_DISPOSABLE] = {"mc_disposable", MC_COLUMN_BOOL},
    [MC_COLUMN_FREE] = {"mc_free", MC_COLUMN_BOOL},
    [MC_COLUMN_CATCH_ALL] = {"mc_catch_all", MC_COLUMN_BOOL},
    [MC_COLUMN_PROVIDER] = {"mc_provider", MC_COLUMN_TEXT},
    [MC_COLUMN_MX] = {"mc_mx", MC_COLUMN_TEXT},
    [MC_COLUMN_SMTP] = {"mc_smtp", MC_COLUMN_TEXT},
    [MC_COLUMN_DUPLICATE_OF] = {"mc_duplicate_of", MC_COLUMN_NUMBER},
    [MC_COLUMN_SOURCE] = {"mc_source", MC_COLUMN_TEXT},
    [MC_COLUMN_CHECKED_AT] = {"mc_checked_at", MC_COLUMN_TEXT},
};

#define PREFIX_LEN 3 /* "mc_" */

struct mc_span mc_column_name(enum mc_column column)
{
    MC_ASSERT(column < MC_COLUMN_COUNT);
    return mc_span_of(table[column].name);
}

enum mc_column_type mc_column_type(enum mc_column column)
{
    MC_ASSERT(column < MC_COLUMN_COUNT);
    return table[column].type;
}

bool mc_column_by_name(struct mc_span name, enum mc_column *column)
{
    for (size_t i = 0; i < MC_COLUMN_COUNT; i++)
        if (mc_span_equal(name, mc_span_of(table[i].name)) ||
            mc_span_equal(name, mc_span_of(table[i].name + PREFIX_LEN))) {
            *column = (enum mc_column)i;
            return true;
        }
    return false;
}

static struct mc_span flag(enum mc_flag flag)
{
    switch (flag) {
    case MC_YES:
        return mc_span("true", 4);
    case MC_NO:
        return mc_span("false", 5);
    case MC_NOT_KNOWN:
        break;
    }
    return mc_span("", 0);
}

static struct mc_span number(uint64_t n, char *scratch)
{
    char *end = scratch + 20, *at = end;
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return mc_span(at, (size_t)(end - at));
}

static struct mc_span utc(int64_t seconds, char *scratch)
{
    struct tm parts;
    time_t t = (time_t)seconds;
    if (!seconds || !gmtime_r(&t, &parts))
        return mc_span("", 0);
    return mc_span(scratch, strftime(scratch, 32, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

struct mc_span mc_column_value(enum mc_column column, const struct mc_result *result, char *scratch)
{
    switch (column) {
    case MC_COLUMN_STATUS:
        return mc_span_of(mc_status_name(result->status));
    case MC_COLUMN_REASON:
        return mc_span_of(mc_reason_name(result->reason));
    case MC_COLUMN_SCORE:
        return number((uint64_t)mc_reason_score(result->reason), scratch);
    case MC_COLUMN_EMAIL:
        return result->email;
    case MC_COLUMN_SUGGESTION:
        return result->suggestion;
    case MC_COLUMN_ROLE:
        return flag(result->role);
    case MC_COLUMN_DISPOSABLE:
        return flag(result->disposable);
    case MC_COLUMN_FREE:
        return flag(result->free);
    case MC_COLUMN_CATCH_ALL:
        return flag(result->catch_all);
    case MC_COLUMN_PROVIDER:
        return result->provider;
    case MC_COLUMN_MX:
        return result->mx;
    case MC_COLUMN_SMTP:
        return result->smtp;
    case MC_COLUMN_DUPLICATE_OF:
        return result->duplicate_of ? number(result->duplicate_of, scratch) : mc_span("", 0);
    case MC_COLUMN_SOURCE:
        return mc_span_of(mc_source_name(result->source));
    case MC_COLUMN_CHECKED_AT:
        return utc(result->checked_at, scratch);
    case MC_COLUMN_COUNT:
        break;
    }
    MC_ASSERT(false && "a column of the table");
    return mc_span("", 0);
}

void mc_columns_all(struct mc_columns *columns)
{
    columns->count = MC_COLUMN_COUNT;
    for (size_t i = 0; i < MC_COLUMN_COUNT; i++)
        columns->column[i] = (enum mc_column)i;
}

bool mc_columns_parse(struct mc_span list, struct mc_columns *columns, struct mc_span *bad)
{
    columns->count = 0;
    for (size_t at = 0; at <= list.len;) {
        const char *comma = memchr(list.at + at, ',', list.len - at);
        size_t end = comma ? (size_t)(comma - list.at) : list.len;
        enum mc_column column;
        *bad = mc_span(list.at + at, end - at);
        if (!mc_column_by_name(*bad, &column))
            return false;
        for (size_t i = 0; i < columns->count; i++)
            if (columns->column[i] == column)
                return false;
        columns->column[columns->count++] = column;
        at = end + 1;
    }
    return true;
}
