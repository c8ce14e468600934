#include "loop/origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/reach.h"

#define REACH_AGE_MS 5000

static socklen_t source_len(const struct mc_origin *origin)
{
    return origin->source.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                               : sizeof(struct sockaddr_in6);
}

static int bind_source(const struct mc_origin *origin, int fd)
{
    int on = 1;
    /* the port is then chosen at connect, and one may serve towards several servers at once */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const struct sockaddr *source = (const struct sockaddr *)&origin->source;
    return bind(fd, source, source_len(origin)) == 0 ? 0 : errno;
}

static bool set_source(struct mc_origin *origin, const char *ip, char *error, size_t error_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
        memcpy(&origin->source, &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1) {
        memcpy(&origin->source, &v6, sizeof v6);
    } else {
        snprintf(error, error_size, "the source address %s is no IP address", ip);
        return false;
    }
    int fd = socket(origin->source.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int trouble = fd < 0 ? errno : bind_source(origin, fd);
    if (fd >= 0)
        close(fd);
    if (trouble)
        snprintf(error, error_size, "the source address %s cannot be used on this host: %s", ip,
                 strerror(trouble));
    return !trouble;
}

bool mc_origin_init(struct mc_origin *origin, const struct mc_net_options *options, char *error,
                    size_t error_size)
{
    memset(origin, 0, sizeof *origin);
    origin->connect = options->connect;
    origin->connect_arg = options->connect_arg;
    if (options->source_ip && !set_source(origin, options->source_ip, error, error_size))
        return false;
    if (!options->proxy)
        return true;
    if (!mc_socks5_parse_url(options->proxy, &origin->proxy, error, error_size))
        return false;
    origin->has_proxy = true;
    int family = origin->source.ss_family;
    if (family && family != origin->proxy.address.ss_family) {
        snprintf(error, error_size, "source address and proxy must both be IPv4 or both IPv6");
        return false;
    }
    return true;
}

int mc_origin_connect(const struct mc_origin *origin, const struct sockaddr *address,
                      socklen_t address_len, int *fd)
{
    int family = origin->source.ss_family;
    if (origin->connect) {
        *fd = origin->connect(origin->connect_arg, address, address_len);
        return *fd < 0 ? errno : 0;
    }
    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    if (family && family != address->sa_family)
        return EAFNOSUPPORT;
    int trouble = family ? bind_source(origin, *fd) : 0;
    if (trouble)
        return trouble;
    return connect(*fd, address, address_len) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* Any other error is our own trouble (EMFILE, ENOBUFS, EPERM of a local firewall, no free port):
 * never evidence about anybody. */
static const struct {
    int error;
    enum mc_stream_failure failure;
} failures[] = {
    {ECONNREFUSED, MC_STREAM_REFUSED},
    {ECONNRESET, MC_STREAM_REFUSED},
    {ECONNABORTED, MC_STREAM_REFUSED},
    {ENOPROTOOPT, MC_STREAM_REFUSED},
    {EHOSTUNREACH, MC_STREAM_UNREACHABLE},
    {ENETUNREACH, MC_STREAM_UNREACHABLE},
    {EHOSTDOWN, MC_STREAM_UNREACHABLE},
    {ETIMEDOUT, MC_STREAM_UNREACHABLE},
    {EAFNOSUPPORT, MC_STREAM_UNREACHABLE},
    {EINVAL, MC_STREAM_UNREACHABLE}, /* of a black-hole route */
};

enum mc_stream_failure mc_origin_failure(struct mc_origin *origin, int family, int error,
                                         int64_t now_ms)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(failures); i++)
        if (failures[i].error == error)
            return failures[i].failure;
    /* Linux says so where no port is free, and where no address of the family is there at all */
    if (error == EADDRNOTAVAIL && !origin->source.ss_family && !origin->has_proxy &&
        !mc_origin_can_reach(origin, family, now_ms))
        return MC_STREAM_UNREACHABLE;
    return MC_STREAM_OURS;
}

char *mc_origin_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    const struct sockaddr_in *v4 = (void *)&address;
    const struct sockaddr_in6 *v6 = (void *)&address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return NULL;
    char *text = mc_calloc(1, INET6_ADDRSTRLEN);
    inet_ntop(address.ss_family,
              address.ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr, text,
              INET6_ADDRSTRLEN);
    return text;
}

bool mc_origin_can_reach(struct mc_origin *origin, int family, int64_t now_ms)
{
    struct mc_origin_reach *reach = &origin->reach[family == AF_INET6];
    if (origin->has_proxy || origin->connect)
        return true;
    if (origin->source.ss_family)
        return origin->source.ss_family == family;
    if (!reach->known || now_ms - reach->asked_ms > REACH_AGE_MS)
        *reach = (struct mc_origin_reach){true, mc_reach_family(family), now_ms};
    return reach->yes;
}
