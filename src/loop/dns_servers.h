/* Which DNS servers to ask: the text of --dns, or what c-ares found in /etc/resolv.conf. */
#ifndef MC_LOOP_DNS_SERVERS_H
#define MC_LOOP_DNS_SERVERS_H

#include <ares.h>
#include <stdbool.h>
#include <stddef.h>

#define MC_DNS_SERVERS_MAX 8

/* Nodes as c-ares takes them; their `next` is set by whoever hands them over. */
struct mc_dns_servers {
    struct ares_addr_port_node at[MC_DNS_SERVERS_MAX];
    size_t count;
};

/* "ADDR[:PORT][,...]", IPv6 with a port in brackets. False and a sentence in `error` where it is
 * anything else. */
bool mc_dns_servers_parse(struct mc_dns_servers *servers, const char *text, char *error,
                          size_t error_size) __attribute__((warn_unused_result));

/* `text` as above or, where it is NULL, the servers that the system names (the first 8). */
bool mc_dns_servers_find(struct mc_dns_servers *servers, const char *text, char *error,
                         size_t error_size) __attribute__((warn_unused_result));

#endif
