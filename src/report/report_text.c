#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "report/advice.h"
#include "report/report.h"

#define WIDTH          80
#define BAR_MAX        36
#define PROVIDERS_MAX  8
#define TITLE_NAME_MAX 62 /* of the list, beside the title */

static void add_padded(struct mc_text *out, struct mc_span text, size_t width, bool right)
{
    size_t pad = text.len < width ? width - text.len : 0;
    for (size_t i = 0; right && i < pad; i++)
        mc_text_add_char(out, ' ');
    mc_text_add_span(out, text);
    for (size_t i = 0; !right && i < pad; i++)
        mc_text_add_char(out, ' ');
}

static void add_number(struct mc_text *out, uint64_t number, size_t width)
{
    struct mc_text text = {0};
    mc_report_number(&text, number);
    add_padded(out, mc_text_span(&text), width, true);
    mc_text_free(&text);
}

static void add_percent(struct mc_text *out, double part, double whole, size_t width)
{
    struct mc_text text = {0};
    mc_report_percent(&text, part, whole);
    add_padded(out, mc_text_span(&text), width, true);
    mc_text_free(&text);
}

/* "  name          12,345  12.3%", 41 columns wide. */
static void add_line(struct mc_text *out, const char *name, uint64_t number, uint64_t whole)
{
    add_padded(out, mc_span_of(name), 20, false);
    add_number(out, number, 13);
    add_percent(out, (double)number, (double)whole, 8);
}

static void add_time(struct mc_text *out, int64_t seconds)
{
    char text[40];
    struct tm parts;
    time_t t = (time_t)seconds;
    if (seconds && gmtime_r(&t, &parts) &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts))
        mc_text_add_z(out, text);
}

static void add_title(const struct mc_tally *tally, struct mc_text *out)
{
    mc_text_add_z(out, "mailcheck report: ");
    mc_text_add_printable(out, mc_span_of(tally->list_name ? tally->list_name : ""),
                          TITLE_NAME_MAX);
    mc_text_add_char(out, '\n');
    if (tally->ended_at) {
        add_time(out, tally->ended_at);
        mc_text_add_z(out, ", took ");
        mc_report_elapsed(out, tally->elapsed_ms);
        mc_text_add_z(out, tally->interrupted ? ", interrupted\n" : "\n");
    }
}

static void add_counts(const struct mc_tally *tally, struct mc_text *out)
{
    mc_text_add_char(out, '\n');
    add_padded(out, mc_span_of("Rows"), 20, false);
    add_number(out, tally->rows, 13);
    mc_text_add_char(out, '\n');
    add_line(out, "  unique", tally->rows - tally->duplicates, tally->rows);
    mc_text_add_char(out, '\n');
    add_line(out, "  duplicates", tally->duplicates, tally->rows);
    mc_text_add_char(out, '\n');
    if (tally->blank_lines) {
        add_padded(out, mc_span_of("  blank lines"), 20, false);
        add_number(out, tally->blank_lines, 13);
        mc_text_add_char(out, '\n');
    }
}

static void add_verdicts(const struct mc_tally *tally, struct mc_text *out)
{
    for (size_t s = 0; s < MC_STATUS_COUNT; s++) {
        enum mc_status status = (enum mc_status)s;
        uint64_t rows = tally->by_status[status];
        mc_text_add_char(out, '\n');
        add_line(out, mc_status_name(status), rows, tally->rows);
        if (rows)
            mc_text_add_z(out, " ");
        for (uint64_t i = 0; rows && i < (rows * BAR_MAX + tally->rows - 1) / tally->rows; i++)
            mc_text_add_char(out, '#');
        mc_text_add_char(out, '\n');
        for (size_t r = 0; r < MC_REASON_COUNT; r++) {
            char name[32];
            if (!tally->by_reason[r] || mc_tally_status(tally, (enum mc_reason)r) != status)
                continue;
            snprintf(name, sizeof name, "  %s", mc_reason_name((enum mc_reason)r));
            add_line(out, name, tally->by_reason[r], tally->rows);
            mc_text_printf(out, " %s\n", mc_word_of_reason(MC_ENGLISH, (enum mc_reason)r));
        }
    }
}

static void add_flags(const struct mc_tally *tally, struct mc_text *out)
{
    const struct {
        const char *name;
        uint64_t rows;
    } flags[] = {
        {"  role", tally->role},
        {"  disposable", tally->disposable},
        {"  free mail provider", tally->free},
        {"  looks mistyped", tally->suggestions},
    };
    mc_text_add_z(out, "\nFlags, whatever the verdict\n");
    for (size_t i = 0; i < MC_ARRAY_LEN(flags); i++) {
        add_line(out, flags[i].name, flags[i].rows, tally->rows);
        mc_text_add_char(out, '\n');
    }
}

static void add_provider(const struct mc_tally_provider *provider, uint64_t whole,
                         struct mc_text *out)
{
    char name[40];
    snprintf(name, sizeof name, "  %.17s", provider->id[0] ? provider->id : "(others)");
    add_line(out, name, provider->rows, whole);
    for (size_t s = 0; s < MC_STATUS_COUNT; s++)
        add_percent(out, (double)provider->by_status[s], (double)provider->rows, 9);
    mc_text_add_char(out, '\n');
}

static void add_providers(const struct mc_tally *tally, struct mc_text *out)
{
    size_t count = tally->provider_count;
    if (!count || (count == 1 && !tally->providers[0].id[0]))
        return;
    struct mc_tally_provider *sorted = mc_tally_sorted_providers(tally);
    mc_text_add_z(out, "\nProviders                    rows          deliver.    risky undeliv."
                       "  unknown\n");
    size_t shown = count > PROVIDERS_MAX ? PROVIDERS_MAX : count;
    for (size_t i = 0; i < shown; i++)
        add_provider(&sorted[i], tally->rows, out);
    if (count > shown)
        mc_text_printf(out, "  ... and %zu more\n", count - shown);
    free(sorted);
}

static void add_expectation(struct mc_text *out, const char *name, double bounces, uint64_t rows)
{
    add_padded(out, mc_span_of(name), 20, false);
    add_number(out, (uint64_t)(bounces + 0.5), 13);
    add_percent(out, bounces, (double)rows, 8);
    mc_text_add_z(out, " of ");
    mc_report_number(out, rows);
    mc_text_add_z(out, rows == 1 ? " row\n" : " rows\n");
}

static void add_bounces(const struct mc_tally *tally, struct mc_text *out)
{
    if (mc_report_judge(tally) == MC_JUDGED_UNKNOWN) { /* it would be an average of guesses */
        mc_text_add_z(out, "\nExpected bounces: too little is known of this list yet\n");
        return;
    }
    mc_text_add_z(out, "\nExpected bounces (an estimate)\n");
    add_expectation(out, "  mailed as it is", mc_tally_expected_bounces(tally), tally->rows);
    double low, high;
    if (mc_tally_interval(tally, &low, &high)) {
        mc_text_add_z(out, "  from a sample of ");
        mc_report_number(out, tally->probed);
        mc_text_add_z(out, " addresses: between ");
        mc_report_percent(out, low, (double)tally->rows);
        mc_text_add_z(out, " and ");
        mc_report_percent(out, high, (double)tally->rows);
        mc_text_add_z(out, " (95%)\n");
    }
    if (mc_tally_cleaned(tally) && !tally->is_sample) /* who was not drawn may be left too */
        add_expectation(out, "  after cleaning", mc_tally_expected_bounces_cleaned(tally),
                        mc_tally_cleaned(tally));
}

static void add_spent(const struct mc_tally *tally, struct mc_text *out)
{
    const struct {
        const char *name;
        uint64_t number;
    } spent[] = {
        {"  DNS questions", tally->dns_questions},
        {"  SMTP sessions", tally->smtp_sessions},
        {"  recipients asked", tally->recipients_asked},
        {"  of them controls", tally->controls_asked},
    };
    if (!tally->dns_questions && !tally->smtp_sessions)
        return;
    mc_text_add_z(out, "\nSpent\n");
    for (size_t i = 0; i < MC_ARRAY_LEN(spent); i++) {
        add_padded(out, mc_span_of(spent[i].name), 20, false);
        add_number(out, spent[i].number, 13);
        mc_text_add_char(out, '\n');
    }
}

static void add_changed_addresses(const struct mc_findings *findings, enum mc_changed kind,
                                  uint64_t in_all, struct mc_text *out)
{
    size_t count = findings ? findings->changed[kind].count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct mc_changed_address *changed = &findings->changed[kind].addresses[i];
        mc_text_printf(out, "    %s %s", changed->email, mc_reason_name(changed->reason));
        if (kind == MC_CHANGED_AGAIN)
            mc_text_printf(out, ", %u nights running", changed->nights);
        mc_text_add_char(out, '\n');
    }
    if (count && in_all > count)
        mc_text_printf(out, "    ... and %" PRIu64 " more\n", in_all - count);
}

static void add_changes(const struct mc_tally *tally, struct mc_text *out)
{
    const struct {
        const char *name;
        uint64_t number;
    } changes[MC_CHANGED_COUNT] = {
        {"  newly dead", tally->changes[MC_CHANGE_DEAD]},
        {"  recovered", tally->changes[MC_CHANGE_RECOVERED]},
        {"  newly disposable", tally->changes[MC_CHANGE_DISPOSABLE]},
        {"  unknown again", tally->unknown_again},
    };
    if (!tally->remembered)
        return;
    mc_text_add_z(out, "\nChanged since the last time (addresses)\n");
    for (size_t i = 0; i < MC_ARRAY_LEN(changes); i++) {
        add_padded(out, mc_span_of(changes[i].name), 20, false);
        add_number(out, changes[i].number, 13);
        mc_text_add_char(out, '\n');
        add_changed_addresses(tally->findings, (enum mc_changed)i, changes[i].number, out);
    }
    if (tally->unknown_again)
        mc_text_printf(out, "  (unknown for up to %u nights running)\n", tally->most_nights);
}

/* A list item, broken between words. */
static void add_item(void *arg, struct mc_span sentence)
{
    struct mc_text *out = arg;
    size_t column = 2;
    mc_text_add_z(out, "  -");
    for (size_t at = 0; at < sentence.len;) {
        const char *blank = memchr(sentence.at + at, ' ', sentence.len - at);
        size_t end = blank ? (size_t)(blank - sentence.at) : sentence.len;
        if (column + 1 + end - at >= WIDTH) {
            mc_text_add_z(out, "\n   ");
            column = 2;
        }
        mc_text_add_char(out, ' ');
        mc_text_add(out, sentence.at + at, end - at);
        column += 1 + end - at;
        at = end + 1;
    }
    mc_text_add_char(out, '\n');
}

void mc_report_text(const struct mc_tally *tally, struct mc_text *out)
{
    add_title(tally, out);
    add_counts(tally, out);
    if (tally->rows) {
        add_verdicts(tally, out);
        add_flags(tally, out);
        add_providers(tally, out);
        add_bounces(tally, out);
    }
    add_changes(tally, out);
    add_spent(tally, out);
    mc_text_add_z(out, "\nWhat to do next\n");
    mc_report_advice(tally, MC_ENGLISH, add_item, out);
}
