/* How one try of a DNS question travels: what dns.c asks of a carrier and hears back from it.
 * There are two: dns_ares.c (UDP, and TCP after truncation) and dns_stream.c (TCP through a
 * proxy). A carrier knows servers, sockets and the ids of messages; it judges no answer. */
#ifndef MC_LOOP_DNS_CARRIER_H
#define MC_LOOP_DNS_CARRIER_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/dns.h"

struct mc_dns_try {
    unsigned char *message; /* the question; its id, the first two bytes, is for the carrier */
    size_t len;
    unsigned server; /* which one to ask first */
    bool patient;    /* wait long instead of asking again: a TCP answer may take its time */
};

enum mc_dns_try_outcome {
    MC_DNS_TRY_ANSWERED,
    MC_DNS_TRY_SILENCE,
    MC_DNS_TRY_UNREACHABLE, /* no socket, no route, connection refused or cut */
};

struct mc_dns_try_result {
    enum mc_dns_try_outcome outcome;
    bool late; /* it had to be asked again */
    const unsigned char *bytes;
    size_t len;
};

/* What a carrier calls. `ended` comes once for each try, perhaps inside `send`; `turn_over` comes
 * after a batch of answers, when there may be room for new questions. */
struct mc_dns_carrier_events {
    void (*ended)(void *question, const struct mc_dns_try_result *result);
    void (*turn_over)(void *owner);
    void *owner;
};

struct mc_dns_carrier {
    void *self;
    void (*send)(void *self, const struct mc_dns_try *try, void *question);
    /* Called every `tick_ms` while something is under way: what is due is repeated or ended. */
    void (*tick)(void *self);
    uint32_t tick_ms;
    /* Nothing is under way: closes all sockets, so that the loop waits for nothing. */
    void (*rest)(void *self);
    unsigned (*servers)(const void *self);
    /* Gives every try back by `ended` first. */
    void (*free)(void *self);
};

#endif
