#include "report/tally.h"

#include <stdlib.h>

#include "base/memory.h"

/* The share of mails that come back, by what is known of the address. Estimates, and shown as such:
 * verification services claim 1 to 5% among addresses they call valid; what has evidence against it
 * comes back but for the few that were mended since; accept-everything servers sort the unknown out
 * later; what nobody could ask about is taken for an average old list (one in ten), and for worse
 * where not even a server answered. */
static const double bounce_rates[MC_REASON_COUNT] = {
    [MC_REASON_ACCEPTED] = 0.015,
    [MC_REASON_SUPPRESSED] = 0.05,
    [MC_REASON_CATCH_ALL] = 0.15,
    [MC_REASON_UNPROVEN] = 0.10,
    [MC_REASON_ROLE] = 0.03,
    [MC_REASON_DISPOSABLE] = 0.40,
    [MC_REASON_MAILBOX_FULL] = 0.60,
    [MC_REASON_INVALID_SYNTAX] = 1.00,
    [MC_REASON_NO_SUCH_DOMAIN] = 0.99,
    [MC_REASON_NO_MAIL_SERVER] = 0.98,
    [MC_REASON_NULL_MX] = 1.00,
    [MC_REASON_UNROUTABLE_MX] = 0.98,
    [MC_REASON_NO_SUCH_MAILBOX] = 0.98,
    [MC_REASON_MAILBOX_DISABLED] = 0.95,
    [MC_REASON_DOMAIN_NOT_SERVED] = 0.95,
    [MC_REASON_NO_SMTPUTF8] = 0.95,
    [MC_REASON_DNS_FAILED] = 0.60,
    [MC_REASON_CONNECT_FAILED] = 0.50,
    [MC_REASON_TIMEOUT] = 0.25,
    [MC_REASON_GREYLISTED] = 0.10,
    [MC_REASON_BLOCKED] = 0.10,
    [MC_REASON_TLS_REQUIRED] = 0.10,
    [MC_REASON_SERVER_ERROR] = 0.20,
    [MC_REASON_NOT_PROBED] = 0.10,
};

/* Frequent providers move to the front as they are met, so that a search is short. */
static struct mc_tally_provider *provider_named(struct mc_tally *tally, struct mc_span id)
{
    struct mc_tally_provider *all = tally->providers;
    if (id.len >= sizeof all->id)
        id.len = sizeof all->id - 1;
    for (size_t i = 0; i < tally->provider_count; i++) {
        if (!mc_span_equal(mc_span_of(all[i].id), id))
            continue;
        if (!i)
            return all;
        struct mc_tally_provider found = all[i];
        all[i] = all[i - 1];
        all[i - 1] = found;
        return &all[i - 1];
    }
    tally->providers = mc_grow(all, tally->provider_count, &tally->provider_room, sizeof *all);
    struct mc_tally_provider *fresh = &tally->providers[tally->provider_count++];
    *fresh = (struct mc_tally_provider){0};
    if (id.len)
        memcpy(fresh->id, id.at, id.len);
    return fresh;
}

static void add_unique(struct mc_tally *tally, const struct mc_result *result, uint64_t rows)
{
    tally->unique_by_reason[result->reason] += rows;
    tally->changes[result->change] += rows;
    tally->unknown_again += result->nights_unknown > 1 ? rows : 0;
    if (result->nights_unknown > tally->most_nights)
        tally->most_nights = result->nights_unknown;
}

void mc_tally_add_many(struct mc_tally *tally, const struct mc_result *result, uint64_t rows)
{
    tally->rows += rows;
    tally->by_reason[result->reason] += rows;
    tally->by_status[result->status] += rows;
    if (result->duplicate_of)
        tally->duplicates += rows;
    else
        add_unique(tally, result, rows);
    if (result->source == MC_SOURCE_PROBE && !result->duplicate_of) {
        tally->probed += rows;
        tally->probed_unknown += result->status == MC_UNKNOWN ? rows : 0;
        tally->probed_bounces += bounce_rates[result->reason] * (double)rows;
    }
    if (result->reason == MC_REASON_ROLE && result->status == MC_DELIVERABLE)
        tally->role_allowed = true;
    tally->role += result->role == MC_YES ? rows : 0;
    tally->disposable += result->disposable == MC_YES ? rows : 0;
    tally->free += result->free == MC_YES ? rows : 0;
    tally->suggestions += result->suggestion.len > 0 ? rows : 0;
    struct mc_tally_provider *provider = provider_named(tally, result->provider);
    provider->rows += rows;
    provider->by_status[result->status] += rows;
}

void mc_tally_add(struct mc_tally *tally, const struct mc_result *result)
{
    mc_tally_add_many(tally, result, 1);
    if (tally->findings)
        mc_findings_add(tally->findings, result);
}

enum mc_status mc_tally_status(const struct mc_tally *tally, enum mc_reason reason)
{
    return reason == MC_REASON_ROLE && tally->role_allowed ? MC_DELIVERABLE
                                                           : mc_reason_status(reason);
}

bool mc_tally_not_known(enum mc_reason reason)
{
    return mc_reason_status(reason) == MC_UNKNOWN || reason == MC_REASON_CATCH_ALL ||
           reason == MC_REASON_UNPROVEN;
}

void mc_tally_free(struct mc_tally *tally)
{
    free(tally->providers);
    mc_findings_free(tally->findings);
    tally->findings = NULL;
    tally->providers = NULL;
    tally->provider_count = tally->provider_room = 0;
}

/* By rows, then by name: the same numbers give the same report. */
static int by_rows(const void *left, const void *right)
{
    const struct mc_tally_provider *a = left, *b = right;
    if (a->rows != b->rows)
        return a->rows < b->rows ? 1 : -1;
    return strcmp(a->id, b->id);
}

struct mc_tally_provider *mc_tally_sorted_providers(const struct mc_tally *tally)
{
    struct mc_tally_provider *sorted = mc_calloc(tally->provider_count + 1, sizeof *sorted);
    for (size_t i = 0; i < tally->provider_count; i++)
        sorted[i] = tally->providers[i];
    qsort(sorted, tally->provider_count, sizeof *sorted, by_rows);
    return sorted;
}

static bool stays_after_cleaning(enum mc_reason reason)
{
    enum mc_status status = mc_reason_status(reason);
    return status == MC_DELIVERABLE ||
           (status == MC_RISKY && reason != MC_REASON_SUPPRESSED && reason != MC_REASON_DISPOSABLE);
}

/* Who was not drawn counts for `rate`. */
static double bounces_with(const struct mc_tally *tally, double rate)
{
    double bounces = 0;
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        bounces +=
            (double)tally->by_reason[i] * (i == MC_REASON_NOT_PROBED ? rate : bounce_rates[i]);
    return bounces;
}

double mc_tally_expected_bounces(const struct mc_tally *tally)
{
    bool inferred = tally->is_sample && tally->probed;
    return bounces_with(tally, inferred ? tally->probed_bounces / (double)tally->probed
                                        : bounce_rates[MC_REASON_NOT_PROBED]);
}

/* Square root by Newton, so that no library of mathematics is needed for one number. */
static double root(double x)
{
    double guess = x > 1 ? x : 1;
    for (int i = 0; i < 60; i++)
        guess = (guess + x / guess) / 2;
    return x > 0 ? guess : 0;
}

/* Wilson's interval for the share among those drawn. As if they were drawn from the list as a
 * whole: taking its share from each provider can only make it narrower. */
bool mc_tally_interval(const struct mc_tally *tally, double *low, double *high)
{
    const double z = 1.959964, n = (double)tally->probed;
    if (!tally->is_sample || !tally->probed)
        return false;
    double share = tally->probed_bounces / n, divisor = 1 + z * z / n;
    double middle = (share + z * z / (2 * n)) / divisor;
    double width = z * root(share * (1 - share) / n + z * z / (4 * n * n)) / divisor;
    *low = bounces_with(tally, middle > width ? middle - width : 0);
    *high = bounces_with(tally, middle + width < 1 ? middle + width : 1);
    return true;
}

uint64_t mc_tally_cleaned(const struct mc_tally *tally)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (stays_after_cleaning((enum mc_reason)i))
            rows += tally->unique_by_reason[i];
    return rows;
}

double mc_tally_expected_bounces_cleaned(const struct mc_tally *tally)
{
    double bounces = 0;
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (stays_after_cleaning((enum mc_reason)i))
            bounces += (double)tally->unique_by_reason[i] * bounce_rates[i];
    return bounces;
}
