/* A provider: whom an MX host belongs to, what RCPT can prove there, how it wants to be treated.
 * Plain data out of data/lists/providers.tsv. */
#ifndef MC_LISTS_PROVIDER_H
#define MC_LISTS_PROVIDER_H

#include <stdint.h>

enum mc_rcpt_policy {
    MC_RCPT_REFUSES,     /* unknown mailboxes are refused at RCPT */
    MC_RCPT_ACCEPTS_ALL, /* RCPT proves nothing: an acceptance is `unproven`, no control is sent */
    MC_RCPT_VARIES,      /* the customer's choice, or not known */
};

/* 0 means "no limit" in every count. */
struct mc_provider {
    uint32_t index; /* 0 is the default provider (unknown hosts) */
    const char *id; /* "google", ...; "" for the default one */
    enum mc_rcpt_policy rcpt;
    uint32_t connections;      /* open at once to the provider */
    uint32_t connect_gap_ms;   /* between two connects to one MX address */
    uint32_t rcpt_per_session; /* recipients in one connection */
    uint32_t rcpt_per_transaction;
    uint32_t refusals_in_row;     /* unknown recipients in a row before the session is closed */
    uint32_t rcpt_per_minute;     /* to the provider */
    uint32_t refusals_per_minute; /* unknown recipients, at the provider */
    uint32_t rcpt_per_day;
    uint32_t breaker; /* this many answers in a row that blame us: leave it alone for the run */
};

#endif
