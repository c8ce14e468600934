/* Does this host have a way into the IPv4 or the IPv6 world? Asks the kernel, sends nothing. */
#ifndef MC_LOOP_REACH_H
#define MC_LOOP_REACH_H

#include <stdbool.h>

/* AF_INET or AF_INET6. False where no address but loopback and link-local ones is up and no route
 * leads to the world or to the range for test beds. Costs some system calls. */
bool mc_reach_family(int family);

#endif
