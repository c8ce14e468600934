#include "loop/reach.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* Root servers stand for the world; the benchmarking ranges (RFC 2544, RFC 5180) may be routed
 * without an interface having an address of them. */
static const struct {
    int family;
    const char *address;
} probes[] = {{AF_INET, "198.41.0.4"},
              {AF_INET, "198.18.0.1"},
              {AF_INET6, "2001:503:ba3e::2:30"},
              {AF_INET6, "2001:2::1"}};

static bool leads_somewhere(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        uint32_t v4 = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        return v4 >> 24 != 127 && v4 >> 16 != (169 << 8 | 254);
    }
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return !IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_LINKLOCAL(v6);
}

static bool has_address(int family)
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next)
        found = one->ifa_addr && one->ifa_addr->sa_family == family && one->ifa_flags & IFF_UP &&
                leads_somewhere(one->ifa_addr);
    freeifaddrs(all);
    return found;
}

/* Connecting a datagram socket looks up the route and sends nothing. */
static bool has_route(int family, const char *to)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    bool is_v6 = family == AF_INET6;
    MC_ASSERT(inet_pton(family, to, is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) == 1);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int result = is_v6 ? connect(fd, (const struct sockaddr *)&v6, sizeof v6)
                       : connect(fd, (const struct sockaddr *)&v4, sizeof v4);
    close(fd);
    return result == 0;
}

bool mc_reach_family(int family)
{
    if (has_address(family))
        return true;
    for (size_t i = 0; i < MC_ARRAY_LEN(probes); i++)
        if (probes[i].family == family && has_route(family, probes[i].address))
            return true;
    return false;
}
