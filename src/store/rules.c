#include "store/rules.h"

#include <string.h>

#include "base/memory.h"

#define HOUR        3600
#define DAY         ((int64_t)MC_DAY_SECONDS)
#define CLOCK_SLACK 300 /* clocks of hosts that share a store differ by a little */

/* How long an answer holds: heard once, and confirmed by the same answer at least a day apart.
 * Postfix asks again about the living after 7 days and drops the dead after 3; Exim remembers a
 * domain for 7. Unknown (0) is never an answer. */
static const struct limits {
    int64_t once, confirmed;
} limits[MC_REASON_COUNT] = {
    [MC_REASON_ACCEPTED] = {7 * DAY, 7 * DAY},
    [MC_REASON_CATCH_ALL] = {7 * DAY, 7 * DAY},
    [MC_REASON_UNPROVEN] = {3 * DAY, 7 * DAY},
    [MC_REASON_DISPOSABLE] = {1 * DAY, 7 * DAY},
    [MC_REASON_MAILBOX_FULL] = {1 * DAY, 3 * DAY},
    [MC_REASON_NO_SUCH_DOMAIN] = {1 * DAY, 7 * DAY},
    [MC_REASON_NO_MAIL_SERVER] = {1 * DAY, 7 * DAY},
    [MC_REASON_NULL_MX] = {3 * DAY, 14 * DAY},
    [MC_REASON_UNROUTABLE_MX] = {1 * DAY, 3 * DAY},
    [MC_REASON_NO_SUCH_MAILBOX] = {3 * DAY, 14 * DAY},
    [MC_REASON_MAILBOX_DISABLED] = {3 * DAY, 14 * DAY},
    [MC_REASON_DOMAIN_NOT_SERVED] = {1 * DAY, 7 * DAY},
    [MC_REASON_NO_SMTPUTF8] = {3 * DAY, 14 * DAY},
};

static bool is_dead(enum mc_reason reason)
{
    return mc_reason_status(reason) == MC_UNDELIVERABLE;
}

bool mc_rules_fresh(int64_t at, int64_t now, int64_t limit)
{
    return at && limit > 0 && at <= now + CLOCK_SLACK && now - at < limit;
}

/* The same was said before, at least a day earlier. */
static bool confirmed(const struct mc_known *known)
{
    for (size_t i = 0; i < known->past_count; i++)
        if (known->past[i].reason == known->reason && known->checked_at - known->past[i].at >= DAY)
            return true;
    return false;
}

bool mc_rules_serve(const struct mc_known *known, int64_t now, int64_t max_age,
                    enum mc_reason *reason)
{
    bool contested = known->bad_at != 0;
    int64_t limit = contested          ? DAY
                    : confirmed(known) ? limits[known->reason].confirmed
                                       : limits[known->reason].once;
    /* a refusal that waits for a second one counts from the first: then it is time to ask */
    int64_t since =
        contested && known->bad_at < known->checked_at ? known->bad_at : known->checked_at;
    *reason = contested ? MC_REASON_UNPROVEN : known->reason;
    return mc_rules_fresh(known->checked_at, now, max_age) && mc_rules_fresh(since, now, limit);
}

enum mc_reason mc_rules_verdict(const struct mc_known *known, const struct mc_news *news)
{
    if (!is_dead(news->reason) || !known->good_at)
        return news->reason;
    if (known->bad_at && news->at - known->bad_at >= DAY)
        return news->reason;
    return MC_REASON_UNPROVEN;
}

static void remember(struct mc_known *known, const struct mc_news *news)
{
    size_t kept = known->past_count < MC_PAST_MAX ? known->past_count : MC_PAST_MAX - 1;
    /* the same answer within a day pushes nothing out */
    if (kept && known->past[0].reason == news->reason && news->at - known->past[0].at < DAY)
        return;
    memmove(known->past + 1, known->past, kept * sizeof *known->past);
    known->past[0] = (struct mc_past){news->at, news->reason};
    known->past_count = kept + 1;
}

void mc_rules_learn(struct mc_known *known, const struct mc_news *news)
{
    remember(known, news);
    if (mc_reason_status(news->reason) == MC_UNKNOWN) {
        known->tried = news->reason;
        known->tried_at = news->at;
        if (!known->unknown_since || known->unknown_since > news->at)
            known->unknown_since = news->at;
        return;
    }
    if (is_dead(news->reason)) {
        if (mc_rules_verdict(known, news) == news->reason)
            known->good_at = known->bad_at = 0; /* buried, or never alive */
        else if (!known->bad_at || known->bad_at > news->at)
            known->bad_at = news->at;
    } else if (news->reason == MC_REASON_ACCEPTED) {
        known->good_at = news->at;
        known->bad_at = 0;
    } else if (news->reason != MC_REASON_DISPOSABLE) {
        known->bad_at = 0;
    }
    known->reason = news->reason;
    known->source = news->source;
    known->checked_at = news->at;
    known->tried_at = known->unknown_since = 0;
    known->mx = news->mx;
    known->smtp = news->smtp;
}

unsigned mc_rules_nights(const struct mc_known *known, int64_t now)
{
    if (!known->unknown_since)
        return 0;
    int64_t seconds = now - known->unknown_since;
    /* cron is not punctual: a night is whatever is nearer to a day than to none */
    return seconds < 0 ? 1 : (unsigned)((seconds + 12 * HOUR) / DAY) + 1;
}

int64_t mc_rules_domain_limit(enum mc_reason outcome)
{
    switch (mc_reason_status(outcome)) {
    case MC_DELIVERABLE:
        return DAY;
    case MC_UNDELIVERABLE:
        return 6 * HOUR;
    case MC_RISKY:
    case MC_UNKNOWN:
    case MC_STATUS_COUNT:
        break;
    }
    return 0;
}
