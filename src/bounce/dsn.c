#include "bounce/dsn.h"

#include "base/memory.h"
#include "bounce/judge.h"

static const struct {
    const char *name;
    enum mc_dsn_field field;
} names[] = {
    {"Final-Recipient", MC_DSN_FINAL},
    {"Original-Recipient", MC_DSN_ORIGINAL},
    {"X-Actual-Recipient", MC_DSN_ACTUAL},
    {"Action", MC_DSN_ACTION},
    {"Status", MC_DSN_STATUS},
    {"Diagnostic-Code", MC_DSN_DIAGNOSTIC},
    {"Diagnosis-Code", MC_DSN_DIAGNOSTIC},
    {"Remote-MTA", MC_DSN_REMOTE_MTA},
    {"Reporting-MTA", MC_DSN_REPORTING_MTA},
    {"Last-Attempt-Date", MC_DSN_LAST_ATTEMPT},
    {"Arrival-Date", MC_DSN_ARRIVAL},
    {"Disposition", MC_DSN_DISPOSITION},
    {"X-Supplementary-Info", MC_DSN_TEXT},
    {"X-Notes", MC_DSN_TEXT},
    {"Feedback-Type", MC_DSN_FEEDBACK_TYPE},
    {"Original-Rcpt-To", MC_DSN_COMPLAINED},
    {"Removal-Recipient", MC_DSN_COMPLAINED},
};

/* The length of the name of a field at the start of the line, 0 where it starts none. */
static size_t name_length(struct mc_span line)
{
    for (size_t i = 0; i < line.len && i < 64; i++) {
        char c = line.at[i];
        if (c == ':')
            return i;
        if (c <= ' ' || c == '<' || c == '(' || c == '@' || c == '"' || c == ';' || c == '.')
            return 0;
    }
    return 0;
}

static bool known(struct mc_span name, enum mc_dsn_field *field)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        if ((names[i].name[0] | 0x20) == (name.at[0] | 0x20) &&
            mc_span_equal_nocase(name, mc_span_of(names[i].name))) {
            *field = names[i].field;
            return true;
        }
    return false;
}

/* A recipient that follows a complete one starts a group, blank line or not; one that follows its
 * own Action and Status does not. */
static bool starts_anew(const struct mc_dsn_group *group, enum mc_dsn_field field)
{
    if (field != MC_DSN_FINAL && field != MC_DSN_ORIGINAL)
        return false;
    bool named = group->field[MC_DSN_FINAL].len || group->field[MC_DSN_ORIGINAL].len;
    bool judged = group->field[MC_DSN_ACTION].len || group->field[MC_DSN_STATUS].len;
    return group->field[field].len || (named && judged);
}

bool mc_dsn_next(struct mc_span *rest, struct mc_dsn_group *group)
{
    struct mc_span *last = NULL;
    bool any = false;
    for (size_t i = 0; i < MC_ARRAY_LEN(group->field); i++)
        group->field[i] = mc_span("", 0);
    while (rest->len) {
        struct mc_span before = *rest, line = mc_bounce_line(rest);
        struct mc_span trimmed = mc_bounce_trim(line);
        enum mc_dsn_field field;
        if (!trimmed.len) {
            if (any)
                return true;
            continue;
        }
        bool folded = line.at[0] == ' ' || line.at[0] == '\t';
        size_t len = name_length(folded ? trimmed : line);
        struct mc_span start = folded ? trimmed : line;
        bool is_known = len && known(mc_span(start.at, len), &field);
        if (is_known && folded && last)
            is_known = false;
        if (is_known) {
            if (starts_anew(group, field)) {
                *rest = before;
                return true;
            }
            last = &group->field[field];
            struct mc_span value = mc_bounce_trim(mc_span(start.at + len + 1, start.len - len - 1));
            if (last->len)
                last = NULL; /* the first one counts */
            else
                *last = value.len ? value : mc_span(start.at + start.len, 0);
            any = true;
        } else if (len && !folded) {
            last = NULL; /* a field of no interest */
            any = true;
        } else if (last) {
            last->len = (size_t)(trimmed.at + trimmed.len - last->at);
        }
    }
    return any;
}

struct mc_span mc_dsn_untyped(struct mc_span value)
{
    const char *semicolon = value.len ? memchr(value.at, ';', value.len) : NULL;
    size_t type = semicolon ? (size_t)(semicolon - value.at) : 0;
    for (size_t i = 0; i < type; i++)
        if (value.at[i] == ' ' && type > 16)
            return value; /* a semicolon within the text */
    if (!semicolon || type > 24 || memchr(value.at, '@', type))
        return value;
    return mc_bounce_trim(mc_span(value.at + type + 1, value.len - type - 1));
}
