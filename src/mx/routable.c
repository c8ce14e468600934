#include "mx/routable.h"

#include <arpa/inet.h>

#include "base/memory.h"

struct range {
    uint8_t octets[16];
    uint8_t bits;
    const char *why;
    bool never; /* no TCP connection can go there, not even inside an intranet */
};

/* https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. 198.18.0.0/15
 * (benchmarking) is left out on purpose. */
static const struct range ranges4[] = {
    {{0}, 8, "unspecified", true},
    {{10}, 8, "private", false},
    {{100, 64}, 10, "shared", false},
    {{127}, 8, "loopback", false},
    {{169, 254}, 16, "link-local", false},
    {{172, 16}, 12, "private", false},
    {{192, 0, 0}, 24, "reserved", false},
    {{192, 0, 2}, 24, "documentation", false},
    {{192, 88, 99}, 24, "reserved", false},
    {{192, 168}, 16, "private", false},
    {{198, 51, 100}, 24, "documentation", false},
    {{203, 0, 113}, 24, "documentation", false},
    {{224}, 4, "multicast", true},
    {{255, 255, 255, 255}, 32, "broadcast", true},
    {{240}, 4, "reserved", false},
};

/* https://www.iana.org/assignments/iana-ipv6-special-registry; 2001:2::/48 (benchmarking) is left
 * out on purpose. */
static const struct range ranges6[] = {
    {{0}, 128, "unspecified", true},
    {{[15] = 1}, 128, "loopback", false},
    {{0x01, 0x00}, 64, "discard-only", true},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "private", false}, /* local NAT64, RFC 8215 */
    {{0x20, 0x01, 0x00, 0x10}, 28, "reserved", false},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation", false},
    {{0x3f, 0xff}, 20, "documentation", false},
    {{0xfc}, 7, "unique-local", false},
    {{0xfe, 0x80}, 10, "link-local", false},
    {{0xfe, 0xc0}, 10, "site-local", false},
    {{0xff}, 8, "multicast", true},
};
/* What has no line above and lies outside of 2000::/3, all that is given out (RFC 4291). */
static const struct range not_given_out = {{0}, 0, "reserved", false};

/* Ranges that hold an IPv4 address, and where: the address is as good as that one. */
static const struct embedding {
    struct range range;
    uint8_t at;
} embeddings[] = {
    {{{[10] = 0xff, 0xff}, 96, NULL, false}, 12},      /* ::ffff:a.b.c.d, v4-mapped */
    {{{0x00, 0x64, 0xff, 0x9b}, 96, NULL, false}, 12}, /* 64:ff9b::a.b.c.d, NAT64 */
    {{{0x20, 0x02}, 16, NULL, false}, 2},              /* 2002:aabb:ccdd::, 6to4 */
};

static bool is_in(const uint8_t *octets, const struct range *range)
{
    size_t whole = range->bits / 8u;
    if (memcmp(octets, range->octets, whole) != 0)
        return false;
    unsigned rest = range->bits % 8u;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return !rest || ((octets[whole] ^ range->octets[whole]) & mask) == 0;
}

static const struct range *find(const struct range *ranges, size_t count, const uint8_t *octets)
{
    for (size_t i = 0; i < count; i++)
        if (is_in(octets, &ranges[i]))
            return &ranges[i];
    return NULL;
}

static const struct range *range_of(const struct mc_ip *ip)
{
    if (ip->family == 4)
        return find(ranges4, MC_ARRAY_LEN(ranges4), ip->octets);
    const struct range *range = find(ranges6, MC_ARRAY_LEN(ranges6), ip->octets);
    if (range)
        return range;
    for (size_t i = 0; i < MC_ARRAY_LEN(embeddings); i++)
        if (is_in(ip->octets, &embeddings[i].range))
            return find(ranges4, MC_ARRAY_LEN(ranges4), ip->octets + embeddings[i].at);
    return (ip->octets[0] & 0xe0) == 0x20 ? NULL : &not_given_out;
}

const char *mc_ip_unroutable(const struct mc_ip *ip)
{
    const struct range *range = range_of(ip);
    return range ? range->why : NULL;
}

bool mc_ip_usable(const struct mc_ip *ip, bool allow_private)
{
    const struct range *range = range_of(ip);
    return !range || (allow_private && !range->never);
}

bool mc_ip_parse(struct mc_ip *ip, struct mc_span text)
{
    char copy[MC_IP_TEXT_SIZE];
    if (text.len && text.at[text.len - 1] == '.')
        text.len--;
    if (!text.len || text.len >= sizeof copy || memchr(text.at, '\0', text.len))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *ip = (struct mc_ip){0};
    ip->family = memchr(copy, ':', text.len) ? 6 : 4;
    return inet_pton(ip->family == 6 ? AF_INET6 : AF_INET, copy, ip->octets) == 1;
}

void mc_ip_format(const struct mc_ip *ip, char text[MC_IP_TEXT_SIZE])
{
    MC_ASSERT(inet_ntop(ip->family == 6 ? AF_INET6 : AF_INET, ip->octets, text, MC_IP_TEXT_SIZE));
}
