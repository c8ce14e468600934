/* Standard output for a program that must not stop while its reader is slow: bytes wait here until
 * poll(2) says that some can go. Nothing is made non-blocking: the descriptor may be shared. */
#ifndef MC_CLI_OUTLET_H
#define MC_CLI_OUTLET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct mc_outlet {
    int fd;
    struct mc_text waiting; /* from `at` on */
    size_t at;
    size_t portion; /* so much goes at once without blocking, where poll says POLLOUT */
    bool is_socket;
    bool failed; /* nobody reads any more, or no space is left; what is added is dropped */
    int error;   /* why, an errno */
};

void mc_outlet_open(struct mc_outlet *outlet, int fd);
/* Where the caller adds its bytes. */
struct mc_text *mc_outlet_text(struct mc_outlet *outlet);
size_t mc_outlet_waiting(const struct mc_outlet *outlet);
/* What to wait for; and what to do with what poll said of it (or, with POLLOUT, a try). */
struct pollfd mc_outlet_poll(const struct mc_outlet *outlet);
void mc_outlet_ready(struct mc_outlet *outlet, int revents);
/* Writes what can go now. */
void mc_outlet_push(struct mc_outlet *outlet);
void mc_outlet_close(struct mc_outlet *outlet); /* the text, not the descriptor */

#endif
