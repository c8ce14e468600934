#include "base/duration.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"

static const struct unit {
    const char *name;
    uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define TEN_YEARS_MS ((uint64_t)3653 * 86400000)

bool mc_duration_parse(struct mc_span text, uint64_t *ms)
{
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && mc_is_digit(text.at[digits]))
        digits++;
    if (!mc_parse_u64(mc_span(text.at, digits), TEN_YEARS_MS, &number))
        return false;
    struct mc_span rest = mc_span(text.at + digits, text.len - digits);
    if (!rest.len && number == 0) {
        *ms = 0;
        return true;
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(units); i++) {
        if (!mc_span_equal(rest, mc_span_of(units[i].name)))
            continue;
        if (number > TEN_YEARS_MS / units[i].ms)
            return false;
        *ms = number * units[i].ms;
        return true;
    }
    return false;
}

void mc_duration_format(uint64_t ms, char *out, size_t size)
{
    size_t i = 0;
    if (ms == 0) {
        snprintf(out, size, "0");
        return;
    }
    while (ms % units[i].ms)
        i++;
    snprintf(out, size, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].name);
}
