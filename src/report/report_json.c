#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "report/advice.h"
#include "report/report.h"

/* The schema is data/report.schema.json. Its number goes up when a member changes its meaning or
 * goes; new members may come at any time. */
#define SCHEMA    1
#define NAMES_MAX 20

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *text(const char *z)
{
    struct mc_text clean = {0};
    mc_text_add_printable(&clean, mc_span_of(z), SIZE_MAX);
    json_t *value = json_stringn(mc_text_z(&clean), clean.len);
    mc_text_free(&clean);
    return value;
}

static json_t *moment(int64_t seconds)
{
    char iso[32];
    struct tm parts;
    time_t t = (time_t)seconds;
    if (!seconds || !gmtime_r(&t, &parts) ||
        !strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return json_null();
    return json_string(iso);
}

static void set(json_t *object, const char *key, json_t *value)
{
    MC_ASSERT(json_object_set_new(object, key, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    MC_ASSERT(json_array_append_new(array, value) == 0);
}

static void set_statuses(json_t *object, const uint64_t *by_status)
{
    for (size_t s = 0; s < MC_STATUS_COUNT; s++)
        set(object, mc_status_name((enum mc_status)s), number(by_status[s]));
}

static json_t *rows_of(const struct mc_tally *tally)
{
    json_t *rows = json_object();
    set(rows, "total", number(tally->rows));
    set(rows, "unique", number(tally->rows - tally->duplicates));
    set(rows, "duplicates", number(tally->duplicates));
    set(rows, "blank_lines", number(tally->blank_lines));
    return rows;
}

static json_t *reasons_of(const struct mc_tally *tally)
{
    json_t *reasons = json_object();
    for (size_t r = 0; r < MC_REASON_COUNT; r++) {
        json_t *reason = json_object();
        enum mc_status status = mc_tally_status(tally, (enum mc_reason)r);
        set(reason, "status", json_string(mc_status_name(status)));
        set(reason, "rows", number(tally->by_reason[r]));
        set(reason, "unique", number(tally->unique_by_reason[r]));
        set(reasons, mc_reason_name((enum mc_reason)r), reason);
    }
    return reasons;
}

static json_t *flags_of(const struct mc_tally *tally)
{
    json_t *flags = json_object();
    set(flags, "role", number(tally->role));
    set(flags, "disposable", number(tally->disposable));
    set(flags, "free", number(tally->free));
    set(flags, "suggestions", number(tally->suggestions));
    return flags;
}

static json_t *providers_of(const struct mc_tally *tally)
{
    json_t *providers = json_array();
    struct mc_tally_provider *sorted = mc_tally_sorted_providers(tally);
    for (size_t i = 0; i < tally->provider_count; i++) {
        json_t *provider = json_object();
        set(provider, "provider", text(sorted[i].id));
        set(provider, "rows", number(sorted[i].rows));
        set_statuses(provider, sorted[i].by_status);
        append(providers, provider);
    }
    free(sorted);
    return providers;
}

/* A tenth of a mail and a hundredth of a percent are more than the estimate knows. */
static json_t *rounded(double value, double steps)
{
    return json_real((double)(uint64_t)(value * steps + 0.5) / steps);
}

static json_t *expectation(double bounces, uint64_t rows)
{
    json_t *expected = json_object();
    set(expected, "rows", number(rows));
    set(expected, "bounces", rounded(bounces, 10));
    set(expected, "rate", rows ? rounded(bounces / (double)rows, 10000) : json_null());
    return expected;
}

static json_t *sample_of(const struct mc_tally *tally)
{
    double low, high;
    if (!mc_tally_interval(tally, &low, &high))
        return json_null();
    json_t *sample = json_object();
    set(sample, "addresses", number(tally->probed));
    set(sample, "low", rounded(low / (double)tally->rows, 10000));
    set(sample, "high", rounded(high / (double)tally->rows, 10000));
    return sample;
}

/* The names with the most rows; `other_key` names what was meant, or is NULL for the reason. */
static json_t *names_of(const struct mc_frequent *frequent, const char *key, const char *other_key)
{
    const struct mc_frequent_name *top[NAMES_MAX];
    json_t *names = json_array();
    size_t count = mc_frequent_top(frequent, top, NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        json_t *name = json_object();
        set(name, key, text(top[i]->name));
        if (other_key)
            set(name, other_key, text(top[i]->other));
        else
            set(name, "reason", json_string(mc_reason_name(top[i]->reason)));
        set(name, "rows", number(top[i]->rows));
        append(names, name);
    }
    return names;
}

static json_t *example_of(const struct mc_findings *findings, enum mc_reason reason)
{
    if (!findings || !findings->sample[reason].reply[0])
        return json_null();
    json_t *example = json_object();
    set(example, "mx", text(findings->sample[reason].mx));
    set(example, "smtp", text(findings->sample[reason].reply));
    return example;
}

static json_t *not_known_of(const struct mc_tally *tally)
{
    json_t *all = json_array();
    for (size_t r = 0; r < MC_REASON_COUNT; r++) {
        enum mc_reason reason = (enum mc_reason)r;
        if (!tally->by_reason[r] || !mc_tally_not_known(reason))
            continue;
        json_t *one = json_object();
        set(one, "reason", json_string(mc_reason_name(reason)));
        set(one, "means", json_string(mc_word_of_reason(MC_ENGLISH, reason)));
        set(one, "rows", number(tally->by_reason[r]));
        set(one, "example", example_of(tally->findings, reason));
        append(all, one);
    }
    return all;
}

static json_t *spent_of(const struct mc_tally *tally)
{
    json_t *spent = json_object();
    set(spent, "dns_questions", number(tally->dns_questions));
    set(spent, "smtp_sessions", number(tally->smtp_sessions));
    set(spent, "recipients_asked", number(tally->recipients_asked));
    set(spent, "controls_asked", number(tally->controls_asked));
    return spent;
}

static json_t *changed_addresses(const struct mc_findings *findings)
{
    static const char *const names[MC_CHANGED_COUNT] = {"newly_dead", "recovered",
                                                        "newly_disposable", "unknown_again"};
    json_t *all = json_array();
    for (size_t kind = 0; findings && kind < MC_CHANGED_COUNT; kind++)
        for (size_t i = 0; i < findings->changed[kind].count; i++) {
            const struct mc_changed_address *changed = &findings->changed[kind].addresses[i];
            json_t *one = json_object();
            set(one, "address", text(changed->email));
            set(one, "change", json_string(names[kind]));
            set(one, "reason", json_string(mc_reason_name(changed->reason)));
            set(one, "nights_unknown", number(changed->nights));
            MC_ASSERT(json_array_append_new(all, one) == 0);
        }
    return all;
}

static json_t *changes_of(const struct mc_tally *tally)
{
    json_t *changes = json_object();
    if (!tally->remembered) {
        json_decref(changes);
        return json_null();
    }
    set(changes, "newly_dead", number(tally->changes[MC_CHANGE_DEAD]));
    set(changes, "recovered", number(tally->changes[MC_CHANGE_RECOVERED]));
    set(changes, "newly_disposable", number(tally->changes[MC_CHANGE_DISPOSABLE]));
    set(changes, "unknown_again", number(tally->unknown_again));
    set(changes, "most_nights_unknown", number(tally->most_nights));
    set(changes, "addresses", changed_addresses(tally->findings));
    return changes;
}

static void add_sentence(void *arg, struct mc_span sentence)
{
    json_t *advice = arg;
    MC_ASSERT(json_array_append_new(advice, json_stringn(sentence.at, sentence.len)) == 0);
}

static int add_bytes(const char *bytes, size_t len, void *arg)
{
    struct mc_text *out = arg;
    mc_text_add(out, bytes, len);
    return 0;
}

void mc_report_json(const struct mc_tally *tally, struct mc_text *out)
{
    static const char *const judgements[] = {[MC_JUDGED_UNKNOWN] = "unknown",
                                             [MC_JUDGED_GOOD] = "good",
                                             [MC_JUDGED_WORRYING] = "worrying",
                                             [MC_JUDGED_BAD] = "bad"};
    json_t *report = json_object(), *status = json_object(), *bounces = json_object();
    json_t *advice = json_array();
    set_statuses(status, tally->by_status);
    set(bounces, "as_it_is", expectation(mc_tally_expected_bounces(tally), tally->rows));
    set(bounces, "cleaned",
        expectation(mc_tally_expected_bounces_cleaned(tally), mc_tally_cleaned(tally)));
    set(bounces, "sample", sample_of(tally));
    mc_report_advice(tally, MC_ENGLISH, add_sentence, advice);
    set(report, "schema", json_integer(SCHEMA));
    set(report, "list", text(tally->list_name ? tally->list_name : ""));
    set(report, "started_at", moment(tally->started_at));
    set(report, "ended_at", moment(tally->ended_at));
    set(report, "elapsed_ms", number(tally->elapsed_ms));
    set(report, "interrupted", json_boolean(tally->interrupted));
    set(report, "probe_notice", tally->probe_notice ? text(tally->probe_notice) : json_null());
    set(report, "rows", rows_of(tally));
    set(report, "status", status);
    set(report, "reasons", reasons_of(tally));
    set(report, "flags", flags_of(tally));
    set(report, "providers", providers_of(tally));
    set(report, "judgement", json_string(judgements[mc_report_judge(tally)]));
    set(report, "expected_bounces", bounces);
    static const struct mc_findings nothing;
    const struct mc_findings *findings = tally->findings ? tally->findings : &nothing;
    set(report, "worst_domains", names_of(&findings->domains, "domain", NULL));
    set(report, "typing_errors", names_of(&findings->typos, "typed", "meant"));
    set(report, "not_known", not_known_of(tally));
    set(report, "changes", changes_of(tally));
    set(report, "spent", spent_of(tally));
    set(report, "advice", advice);
    MC_ASSERT(
        json_dump_callback(report, add_bytes, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0);
    mc_text_add_char(out, '\n');
    json_decref(report);
}
