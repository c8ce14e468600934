#include "store/rules.h"

#include <string.h>

#include "base/memory.h"

#define HOUR        3600
#define DAY         ((int64_t)MC_DAY_SECONDS)
#define CLOCK_SLACK 300 /* clocks of hosts that share a store differ by a little */

/* Mail that came back proves more than a probe: no second proof is asked for. */
#define BOUNCE_SECONDS (30 * DAY)
/* So many days with a soft bounce among so many make an address risky. */
#define SOFT_DAYS   3
#define SOFT_WINDOW 30

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

/* Says that the mailbox is not there, whatever the domain does. */
static bool is_dead_mailbox(enum mc_reason reason)
{
    return reason == MC_REASON_NO_SUCH_MAILBOX || reason == MC_REASON_MAILBOX_DISABLED;
}

enum mc_reason mc_rules_soften(const struct mc_known *known, enum mc_reason reason, int64_t now)
{
    size_t days = 0;
    if (reason != MC_REASON_ACCEPTED)
        return reason;
    for (size_t i = 0; i < known->soft_count; i++)
        days += now / DAY - known->soft[i].day < SOFT_WINDOW;
    if (days < SOFT_DAYS)
        return reason;
    return known->soft[0].reason == MC_REASON_MAILBOX_FULL ? MC_REASON_MAILBOX_FULL
                                                           : MC_REASON_UNPROVEN;
}

bool mc_rules_serve(const struct mc_known *known, int64_t now, int64_t max_age,
                    enum mc_reason *reason)
{
    bool contested = known->bad_at != 0;
    bool bounced = known->source == MC_SOURCE_BOUNCE && is_dead_mailbox(known->reason);
    int64_t limit = contested          ? DAY
                    : bounced          ? BOUNCE_SECONDS
                    : confirmed(known) ? limits[known->reason].confirmed
                                       : limits[known->reason].once;
    /* a refusal that waits for a second one counts from the first: then it is time to ask */
    int64_t since =
        contested && known->bad_at < known->checked_at ? known->bad_at : known->checked_at;
    *reason = contested ? MC_REASON_UNPROVEN : mc_rules_soften(known, known->reason, now);
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

/* Takes its place among the answers that were; the same within a day pushes nothing out. */
static void remember(struct mc_known *known, const struct mc_news *news)
{
    size_t place = 0;
    while (place < known->past_count && known->past[place].at > news->at)
        place++;
    for (size_t i = place ? place - 1 : 0; i <= place && i < known->past_count; i++)
        if (known->past[i].reason == news->reason && known->past[i].at - news->at < DAY &&
            news->at - known->past[i].at < DAY)
            return;
    if (place == MC_PAST_MAX)
        return;
    size_t behind = known->past_count - place;
    if (known->past_count < MC_PAST_MAX)
        known->past_count++;
    else
        behind--;
    memmove(known->past + place + 1, known->past + place, behind * sizeof *known->past);
    known->past[place] = (struct mc_past){news->at, news->reason};
}

/* One entry a day, the youngest first. */
static void remember_soft(struct mc_known *known, const struct mc_news *news)
{
    uint16_t day = (uint16_t)(news->at / DAY);
    size_t place = 0;
    while (place < known->soft_count && known->soft[place].day > day)
        place++;
    if (place < known->soft_count && known->soft[place].day == day) {
        if (news->reason == MC_REASON_MAILBOX_FULL)
            known->soft[place].reason = news->reason;
        return;
    }
    if (place == MC_SOFT_MAX)
        return;
    if (known->soft_count < MC_SOFT_MAX)
        known->soft_count++;
    memmove(known->soft + place + 1, known->soft + place,
            (known->soft_count - 1 - place) * sizeof *known->soft);
    known->soft[place] = (struct mc_soft){day, news->reason};
}

/* Something younger was learned that speaks of the mailbox itself: a report that was long under way
 * does not undo it. That the domain accepts everybody is no such thing. */
static bool is_outdated(const struct mc_known *known, const struct mc_news *bounce)
{
    return known->checked_at > bounce->at &&
           (known->reason == MC_REASON_ACCEPTED || known->reason == MC_REASON_MAILBOX_FULL ||
            is_dead(known->reason));
}

bool mc_rules_misjudged(const struct mc_known *known, const struct mc_news *bounce)
{
    return is_dead(bounce->reason) && known->good_at && known->good_at <= bounce->at &&
           !is_outdated(known, bounce);
}

static void take_answer(struct mc_known *known, const struct mc_news *news)
{
    known->reason = news->reason;
    known->source = news->source;
    known->checked_at = news->at;
    known->tried_at = known->unknown_since = 0;
    if (news->mx.len || news->source != MC_SOURCE_BOUNCE)
        known->mx = news->mx;
    known->smtp = news->smtp;
}

static void learn_bounce(struct mc_known *known, const struct mc_news *news)
{
    if (news->reason == MC_REASON_SUPPRESSED) {
        if (known->complained_at < news->at)
            known->complained_at = news->at;
        return;
    }
    if (!is_dead(news->reason)) {
        remember_soft(known, news);
        return;
    }
    remember(known, news);
    if (is_outdated(known, news))
        return;
    known->good_at = known->bad_at = 0;
    take_answer(known, news);
}

/* A bounce told what a probe cannot: a domain that accepts everybody does not bring it back. */
static bool is_no_match(const struct mc_known *known, const struct mc_news *news)
{
    return known->source == MC_SOURCE_BOUNCE && is_dead_mailbox(known->reason) &&
           mc_reason_status(news->reason) == MC_RISKY && news->reason != MC_REASON_MAILBOX_FULL &&
           mc_rules_fresh(known->checked_at, news->at, BOUNCE_SECONDS);
}

void mc_rules_learn(struct mc_known *known, const struct mc_news *news)
{
    if (news->source == MC_SOURCE_BOUNCE) {
        learn_bounce(known, news);
        return;
    }
    remember(known, news);
    if (mc_reason_status(news->reason) == MC_UNKNOWN) {
        known->tried = news->reason;
        known->tried_at = news->at;
        known->origin = news->origin;
        known->waits = news->waits;
        if (!known->unknown_since || known->unknown_since > news->at)
            known->unknown_since = news->at;
        if (!known->checked_at && news->mx.len) { /* else they belong to the answer */
            known->mx = news->mx;
            known->smtp = news->smtp;
        }
        return;
    }
    if (is_no_match(known, news))
        return;
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
    take_answer(known, news);
}

void mc_rules_before(const struct mc_known *known, int64_t moment, struct mc_known *old)
{
    *old = (struct mc_known){0};
    for (size_t i = known->past_count; i; i--) {
        const struct mc_past *past = &known->past[i - 1];
        const struct mc_news news = {
            .reason = past->reason, .source = MC_SOURCE_PROBE, .at = past->at};
        if (past->at < moment)
            mc_rules_learn(old, &news);
    }
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
