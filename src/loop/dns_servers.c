#include "loop/dns_servers.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/text.h"

#define DNS_PORT 53

static bool parse_address(struct ares_addr_port_node *node, struct mc_span text)
{
    char address[INET6_ADDRSTRLEN];
    if (text.len >= sizeof address || memchr(text.at, '\0', text.len))
        return false;
    memcpy(address, text.at, text.len);
    address[text.len] = '\0';
    node->family = memchr(text.at, ':', text.len) ? AF_INET6 : AF_INET;
    return inet_pton(node->family, address, &node->addr) == 1;
}

/* 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1], [2001:db8::1]:53 */
static bool parse_server(struct ares_addr_port_node *node, struct mc_span text)
{
    struct mc_span address = text, port = {0};
    const char *colon = text.len ? memchr(text.at, ':', text.len) : NULL;
    if (text.len && text.at[0] == '[') {
        const char *end = memchr(text.at, ']', text.len);
        if (!end)
            return false;
        address = mc_span(text.at + 1, (size_t)(end - text.at) - 1);
        port = mc_span(end + 1, text.len - (size_t)(end + 1 - text.at));
        if (!memchr(address.at, ':', address.len) || (port.len && port.at[0] != ':'))
            return false;
    } else if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.at))) {
        address = mc_span(text.at, (size_t)(colon - text.at));
        port = mc_span(colon, text.len - address.len);
    }
    uint64_t number = DNS_PORT;
    if (port.len && !mc_parse_u64(mc_span(port.at + 1, port.len - 1), UINT16_MAX, &number))
        return false;
    *node = (struct ares_addr_port_node){.udp_port = (int)number, .tcp_port = (int)number};
    return number && address.len && parse_address(node, address);
}

bool mc_dns_servers_parse(struct mc_dns_servers *servers, const char *text, char *error,
                          size_t error_size)
{
    *servers = (struct mc_dns_servers){0};
    for (const char *at = text; at;) {
        const char *comma = strchr(at, ',');
        struct mc_span one = mc_span(at, comma ? (size_t)(comma - at) : strlen(at));
        if (servers->count == MC_DNS_SERVERS_MAX) {
            snprintf(error, error_size, "more than %d DNS servers given", MC_DNS_SERVERS_MAX);
            return false;
        }
        if (!parse_server(&servers->at[servers->count], one)) {
            snprintf(error, error_size,
                     "\"%.*s\" is no DNS server; an IP address is wanted, with a port if it is not "
                     "53: 192.0.2.1:5353 or [2001:db8::1]:5353",
                     (int)(one.len < 99 ? one.len : 99), one.at);
            return false;
        }
        servers->count++;
        at = comma ? comma + 1 : NULL;
    }
    return true;
}

static void copy_servers(struct mc_dns_servers *servers, ares_channel channel)
{
    struct ares_addr_port_node *list = NULL;
    if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS)
        return;
    for (const struct ares_addr_port_node *node = list; node && servers->count < MC_DNS_SERVERS_MAX;
         node = node->next) {
        struct ares_addr_port_node *copy = &servers->at[servers->count++];
        *copy = *node;
        copy->next = NULL;
        if (!copy->udp_port)
            copy->udp_port = DNS_PORT;
        if (!copy->tcp_port)
            copy->tcp_port = DNS_PORT;
    }
    if (list)
        ares_free_data(list);
}

bool mc_dns_servers_find(struct mc_dns_servers *servers, const char *text, char *error,
                         size_t error_size)
{
    if (text)
        return mc_dns_servers_parse(servers, text, error, error_size);
    *servers = (struct mc_dns_servers){0};
    /* A channel reads /etc/resolv.conf when it is made; without one it takes 127.0.0.1. */
    ares_channel channel;
    if (ares_init(&channel) == ARES_SUCCESS) {
        copy_servers(servers, channel);
        ares_destroy(channel);
    }
    if (!servers->count)
        snprintf(error, error_size, "no DNS server found in /etc/resolv.conf; give one with --dns");
    return servers->count > 0;
}
