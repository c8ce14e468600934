/* The client's side of a SOCKS5 handshake (RFC 1928, RFC 1929) as bytes in and bytes out: no
 * descriptor, no clock. CONNECT by address only: names never go to the proxy. */
#ifndef MC_LOOP_SOCKS5_H
#define MC_LOOP_SOCKS5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"
#include "base/text.h"

struct mc_socks5_proxy {
    struct sockaddr_storage address; /* IPv4 or IPv6, with the port */
    socklen_t address_len;
    uint8_t user_len, password_len; /* user_len 0: no authentication is offered */
    char user[255], password[255];
};

/* socks5://[USER:PASS@]HOST[:PORT], HOST an IPv4 address, an IPv6 one in brackets, or localhost;
 * USER and PASS may be percent-encoded; the port is 1080 unless given. False and a sentence (that
 * never shows the password) in `error` where it is anything else. */
bool mc_socks5_parse_url(const char *url, struct mc_socks5_proxy *proxy, char *error,
                         size_t error_size) __attribute__((warn_unused_result));

enum mc_socks5_status {
    MC_SOCKS5_MORE,        /* send what is in `out` and wait for more */
    MC_SOCKS5_DONE,        /* what follows in `in` comes from the target */
    MC_SOCKS5_REFUSED,     /* the target refused the connection */
    MC_SOCKS5_UNREACHABLE, /* the proxy has no way to the target */
    MC_SOCKS5_FAILED,      /* the proxy itself is to blame */
};

struct mc_socks5 {
    const struct mc_socks5_proxy *proxy;
    uint16_t have;
    uint8_t step, request_len, request[22];
    uint8_t reply[4 + 1 + 255 + 2];
};

/* Appends the greeting to `out`. Borrows `proxy` until the handshake is over. */
void mc_socks5_start(struct mc_socks5 *handshake, const struct mc_socks5_proxy *proxy,
                     const struct sockaddr *target, struct mc_text *out);

/* Consumes from `in`, appends to `out`. After anything but MORE it is over; `why` is then a static
 * sentence for the failures. */
enum mc_socks5_status mc_socks5_feed(struct mc_socks5 *handshake, struct mc_span *in,
                                     struct mc_text *out, const char **why)
    __attribute__((warn_unused_result));

#endif
