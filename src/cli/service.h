/* What systemd and its kin tell a service and want to hear from it (sd_listen_fds(3),
 * sd_notify(3)): the documented protocol, some environment variables and a datagram. Without them
 * nothing happens. */
#ifndef MC_CLI_SERVICE_H
#define MC_CLI_SERVICE_H

#include <stddef.h>
#include <stdint.h>

/* Listening sockets that were passed to us: the first, and how many follow each other from there.
 * To be called once. */
size_t mc_service_sockets(int *first);

/* "READY=1", "STOPPING=1", "WATCHDOG=1". */
void mc_service_tell(const char *state);

/* How often to say WATCHDOG=1 so as never to be late, in milliseconds; 0: not wanted. */
uint32_t mc_service_watchdog_ms(void);

#endif
