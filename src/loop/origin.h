/* Where our connections start: source address, proxy, the address families of this host. Opens
 * sockets and tells whose fault an error of theirs is; knows nothing of what is said on them. */
#ifndef MC_LOOP_ORIGIN_H
#define MC_LOOP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop/socks5.h"
#include "loop/stream.h"

struct mc_origin {
    struct sockaddr_storage source; /* family AF_UNSPEC: any */
    int (*connect)(void *arg, const struct sockaddr *address, socklen_t address_len); /* or NULL */
    void *connect_arg;
    bool has_proxy;
    struct mc_socks5_proxy proxy;
    struct mc_origin_reach {
        bool known, yes;
        int64_t asked_ms;
    } reach[2]; /* of IPv4 and of IPv6, remembered for some seconds */
};

/* False and a sentence in `error` where an option makes no sense on this host. */
bool mc_origin_init(struct mc_origin *origin, const struct mc_net_options *options, char *error,
                    size_t error_size) __attribute__((warn_unused_result));

/* A socket that connects to `address`, non-blocking, in `fd` (-1: none). Returns 0 or an errno. */
int mc_origin_connect(const struct mc_origin *origin, const struct sockaddr *address,
                      socklen_t address_len, int *fd) __attribute__((warn_unused_result));

/* What an errno says while a connection is not yet up. */
enum mc_stream_failure mc_origin_failure(struct mc_origin *origin, int family, int error,
                                         int64_t now_ms);

/* Where this socket's connection starts, as text, to be freed; NULL where it has none. */
char *mc_origin_of(int fd);

bool mc_origin_can_reach(struct mc_origin *origin, int family, int64_t now_ms);

#endif
