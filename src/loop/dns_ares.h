/* DNS over UDP by c-ares, and over TCP after a truncated answer.
 *
 * Owns the c-ares channels and their sockets. A socket's receive buffer may hold no more than some
 * 270 answers, so there are many channels with at most 150 questions each. c-ares repeats a
 * question and walks through the servers; which server comes first is the caller's choice. The
 * message is the caller's, its id is drawn here. */
#ifndef MC_LOOP_DNS_ARES_H
#define MC_LOOP_DNS_ARES_H

#include "loop/dns_carrier.h"

/* Fills `carrier`. False and a sentence in `error` on bad options. */
bool mc_dns_ares_new(struct mc_dns_carrier *carrier, struct mc_loop *loop,
                     const struct mc_dns_options *options,
                     const struct mc_dns_carrier_events *events, char *error, size_t error_size)
    __attribute__((warn_unused_result));

#endif
