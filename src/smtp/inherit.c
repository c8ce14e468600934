/* A table of peers that takes the place of another, in a program that does not end: what politeness
 * asks for is passed on, the rest is found out anew. */
#include "base/memory.h"
#include "smtp/peer_table.h"

#define DAY_MS (24 * 60 * 60 * 1000LL)

/* Who said that he blocks us is left alone so long after the first change. */
#define REST_MS (60 * 60 * 1000LL)

static struct mc_failure *copy_of(const struct mc_failure *failure)
{
    size_t size = sizeof *failure + failure->text_len + 1;
    struct mc_failure *copy = mc_malloc(size);
    memcpy(copy, failure, size);
    return copy;
}

static bool is_of_today(const struct mc_house *house, int64_t now_ms)
{
    return house->asked_today && now_ms - house->day_ms < DAY_MS;
}

static bool still_rests(const struct mc_house *house, int64_t now_ms)
{
    bool budget_spent =
        house->limits->rcpt_per_day && house->asked_today >= house->limits->rcpt_per_day;
    return house->resting &&
           (budget_spent ? is_of_today(house, now_ms)
                         : !house->rests_since_ms || now_ms - house->rests_since_ms < REST_MS);
}

static void inherit_house(struct mc_house *house, const struct mc_house *old, int64_t now_ms)
{
    house->limits = old->limits;
    house->listed = old->listed;
    house->filled_ms = old->filled_ms;
    house->rcpt_credit = old->rcpt_credit;
    house->refusal_credit = old->refusal_credit;
    if (is_of_today(old, now_ms)) {
        house->day_ms = old->day_ms;
        house->asked_today = old->asked_today;
    }
    if (still_rests(old, now_ms)) {
        house->resting = true;
        house->rests_since_ms = old->rests_since_ms ? old->rests_since_ms : now_ms;
        house->blame = old->blame ? copy_of(old->blame) : NULL;
    }
}

void mc_peers_inherit(struct mc_peers *peers, const struct mc_peers *old, int64_t now_ms)
{
    for (uint32_t i = 0; i < old->house_count && i < peers->house_count; i++)
        if (old->houses[i].limits && old->houses[i].listed) {
            peers->houses[i].waiting = (struct mc_route_list){MC_NONE, MC_NONE};
            inherit_house(&peers->houses[i], &old->houses[i], now_ms);
        }
    for (uint32_t i = 0; i < old->count; i++) {
        const struct mc_peer *from = &old->peers[i];
        const struct mc_house *house = &old->houses[from->house];
        bool alone = !house->listed && (is_of_today(house, now_ms) || still_rests(house, now_ms));
        if (from->not_before_ms <= now_ms && !alone)
            continue;
        uint32_t at = mc_peers_intern(peers, &from->ip, mc_span("", 0));
        struct mc_peer *to = &peers->peers[at];
        to->not_before_ms = from->not_before_ms;
        to->habits = from->habits;
        to->cap = from->cap;
        if (house->listed)
            to->house = from->house;
        else
            inherit_house(&peers->houses[to->house], house, now_ms);
    }
}
