#include "loop/dns_window.h"

enum {
    WINDOW_START = 100,
    WINDOW_FLOOR = 50,
    /* One late answer in so many is congestion. Rarer ones are not: a lossy line loses a few per
     * cent whatever one does, and some domains' own servers are slow. */
    LATE_SHARE = 4,
    AWAY_SHARE = 32,  /* so few that were turned away are enough: a server says so itself */
    SLOW_GROWTH = 16, /* prompt answers for one more place, once it was too much */
    NEARBY_WINDOW = 150,
    /* An answer that took so long came from afar, or was hard to find; and where not even one took
     * less than a few, it is the way that takes them. Less does not show: the clock is coarse. */
    SLOW_ANSWER_MS = 20,
    SLOW_SERVER_MS = 5,
};

void mc_dns_window_init(struct mc_dns_window *window, uint32_t limit)
{
    limit = limit ? limit : 1;
    *window = (struct mc_dns_window){
        .size = limit < WINDOW_START ? limit : WINDOW_START,
        .limit = limit,
        .threshold = limit,
        .fastest_ms = UINT32_MAX,
    };
}

static void grow(struct mc_dns_window *window, uint32_t took_ms)
{
    bool is_far = took_ms >= SLOW_ANSWER_MS || window->fastest_ms >= SLOW_SERVER_MS;
    if (window->size >= window->limit || (window->size >= NEARBY_WINDOW && !is_far))
        return;
    if (window->size >= window->threshold && ++window->grown < SLOW_GROWTH)
        return;
    window->grown = 0;
    window->size++;
}

static void judge(struct mc_dns_window *window)
{
    uint32_t all = window->prompt + window->late + window->away;
    if (window->late * LATE_SHARE > all || window->away * AWAY_SHARE > all) {
        uint32_t floor = window->limit < WINDOW_FLOOR ? window->limit : WINDOW_FLOOR;
        window->threshold = window->size / 2 > floor ? window->size / 2 : floor;
        window->size = window->threshold;
        window->grown = 0;
    }
    window->prompt = window->late = window->away = 0;
}

void mc_dns_window_note(struct mc_dns_window *window, enum mc_dns_pace pace, uint32_t took_ms,
                        bool wanted)
{
    if (pace == MC_DNS_PROMPT && took_ms < window->fastest_ms)
        window->fastest_ms = took_ms;
    window->prompt += pace == MC_DNS_PROMPT;
    window->late += pace == MC_DNS_LATE;
    window->away += pace == MC_DNS_TURNED_AWAY;
    if (pace == MC_DNS_PROMPT && wanted)
        grow(window, took_ms);
    if (window->prompt + window->late + window->away >= window->size)
        judge(window);
}
