#include "cli/fail_if.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/span.h"

enum comparison { MORE, MORE_OR_EQUAL, LESS, LESS_OR_EQUAL, EQUAL };

static const struct {
    const char *sign;
    enum comparison comparison;
} signs[] = {/* the longer ones first */
             {">=", MORE_OR_EQUAL},
             {"<=", LESS_OR_EQUAL},
             {">", MORE},
             {"<", LESS},
             {"=", EQUAL}};

static bool count_of(struct mc_span name, const struct mc_tally *tally, double *count)
{
    enum mc_status status;
    enum mc_reason reason;
    if (mc_status_by_name(name, &status))
        *count = (double)tally->by_status[status];
    else if (mc_reason_by_name(name, &reason))
        *count = (double)tally->by_reason[reason];
    else if (mc_span_equal(name, mc_span_of("duplicates")))
        *count = (double)tally->duplicates;
    else if (mc_span_equal(name, mc_span_of("expected_bounces")))
        *count = mc_tally_expected_bounces(tally);
    else
        return false;
    return true;
}

static bool compare(double left, enum comparison comparison, double right)
{
    switch (comparison) {
    case MORE:
        return left > right;
    case MORE_OR_EQUAL:
        return left >= right;
    case LESS:
        return left < right;
    case LESS_OR_EQUAL:
        return left <= right;
    case EQUAL:
        break;
    }
    return !(left < right) && !(left > right);
}

/* Digits with at most one point, perhaps a percent sign. */
static bool parse_limit(struct mc_span text, double *limit, bool *percent)
{
    double number = 0, place = 0;
    *percent = text.len && text.at[text.len - 1] == '%';
    text.len -= *percent;
    if (!text.len || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '.' && place == 0 && i && i + 1 < text.len) {
            place = 1;
        } else if (!mc_is_digit(text.at[i])) {
            return false;
        } else if (place > 0) {
            place /= 10;
            number += (text.at[i] - '0') * place;
        } else {
            number = number * 10 + (text.at[i] - '0');
        }
    }
    *limit = number;
    return true;
}

static struct mc_span trim(struct mc_span text)
{
    while (text.len && text.at[0] == ' ')
        text = mc_span(text.at + 1, text.len - 1);
    while (text.len && text.at[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool one(struct mc_span condition, const struct mc_tally *tally, bool *holds)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(signs); i++) {
        struct mc_span sign = mc_span_of(signs[i].sign);
        const char *at = memmem(condition.at, condition.len, sign.at, sign.len);
        double count, limit;
        bool percent;
        if (!at)
            continue;
        size_t before = (size_t)(at - condition.at);
        if (!count_of(trim(mc_span(condition.at, before)), tally, &count) ||
            !parse_limit(trim(mc_span(at + sign.len, condition.len - before - sign.len)), &limit,
                         &percent))
            return false;
        if (percent)
            count = tally->rows ? count * 100 / (double)tally->rows : 0;
        *holds = compare(count, signs[i].comparison, limit);
        return true;
    }
    return false;
}

bool mc_fail_if(const char *conditions, const struct mc_tally *tally, bool *holds, char *which,
                size_t which_size, char *error, size_t error_size)
{
    *holds = false;
    while (conditions) {
        const char *comma = strchr(conditions, ',');
        struct mc_span condition =
            trim(mc_span(conditions, comma ? (size_t)(comma - conditions) : strlen(conditions)));
        bool this_holds = false;
        if (!one(condition, tally, &this_holds)) {
            snprintf(error, error_size,
                     "--fail-if takes conditions such as 'unknown>20%%' or "
                     "'no_such_mailbox>=1000', not \"%.*s\"",
                     (int)condition.len, condition.at);
            return false;
        }
        if (this_holds && !*holds) {
            *holds = true;
            snprintf(which, which_size, "%.*s", (int)condition.len, condition.at);
        }
        conditions = comma ? comma + 1 : NULL;
    }
    return true;
}
