/* How many questions may be under way at once, so that neither a home router nor a resolver is
 * flooded: starts small, doubles a round trip, and goes back by half when answers come only after
 * a question was repeated, as TCP does (RFC 5681), or when some are turned away.
 *
 * A server that is near gets 150 and no more: they are enough to keep it busy, and others would
 * only fill its queue. dnsmasq takes no more at once, a socket holds some 270 (of a thousand sent
 * at once the rest would be lost, time and again), and they fit into one channel of ours. Pure. */
#ifndef MC_LOOP_DNS_WINDOW_H
#define MC_LOOP_DNS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct mc_dns_window {
    uint32_t size;                      /* what may be under way now */
    uint32_t limit;                     /* what was asked for */
    uint32_t threshold;                 /* above it growth is slow */
    uint32_t fastest_ms;                /* the answer that took least of all so far */
    uint32_t prompt, late, away, grown; /* since the last judgement */
};

enum mc_dns_pace {
    MC_DNS_PROMPT,
    MC_DNS_LATE,        /* answered after a repetition */
    MC_DNS_TURNED_AWAY, /* refused by a server that has no room for more */
};

void mc_dns_window_init(struct mc_dns_window *window, uint32_t limit);

/* An answer came, `took_ms` after its question. `wanted`: questions wait for room. Questions that
 * nobody answered, or that failed otherwise, are not to be told: they speak of their domains. */
void mc_dns_window_note(struct mc_dns_window *window, enum mc_dns_pace pace, uint32_t took_ms,
                        bool wanted);

#endif
