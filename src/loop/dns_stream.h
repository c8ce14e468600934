/* DNS over TCP through a SOCKS5 proxy (RFC 7766): one connection to each server, opened when it is
 * needed, with many questions on their way in it at once.
 *
 * A server may close a connection whenever it likes; what it had not answered is then asked again
 * over the next one, as long as each connection brings some answers. */
#ifndef MC_LOOP_DNS_STREAM_H
#define MC_LOOP_DNS_STREAM_H

#include "loop/dns_carrier.h"

/* Fills `carrier`. False and a sentence in `error` on bad options. */
bool mc_dns_stream_new(struct mc_dns_carrier *carrier, struct mc_loop *loop,
                       const struct mc_dns_options *options,
                       const struct mc_dns_carrier_events *events, char *error, size_t error_size)
    __attribute__((warn_unused_result));

#endif
