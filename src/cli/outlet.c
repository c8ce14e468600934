#include "cli/outlet.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PORTION 65536

void mc_outlet_open(struct mc_outlet *outlet, int fd)
{
    struct stat about;
    *outlet = (struct mc_outlet){.fd = fd, .portion = PIPE_BUF};
    if (fstat(fd, &about) != 0)
        return;
    outlet->is_socket = S_ISSOCK(about.st_mode);
    if (S_ISREG(about.st_mode))
        outlet->portion = FILE_PORTION;
}

struct mc_text *mc_outlet_text(struct mc_outlet *outlet)
{
    struct mc_text *waiting = &outlet->waiting;
    if (outlet->failed || outlet->at == waiting->len) {
        outlet->at = waiting->len = 0;
    } else if (outlet->at > waiting->len / 2) {
        memmove(waiting->at, waiting->at + outlet->at, waiting->len - outlet->at);
        waiting->len -= outlet->at;
        outlet->at = 0;
    }
    return waiting;
}

size_t mc_outlet_waiting(const struct mc_outlet *outlet)
{
    return outlet->failed ? 0 : outlet->waiting.len - outlet->at;
}

struct pollfd mc_outlet_poll(const struct mc_outlet *outlet)
{
    /* a reader that goes away is news even when there is nothing to write */
    return (struct pollfd){.fd = outlet->failed ? -1 : outlet->fd,
                           .events = mc_outlet_waiting(outlet) ? POLLOUT : 0};
}

static void fail(struct mc_outlet *outlet, int error)
{
    outlet->failed = true;
    outlet->error = error;
}

/* One portion. POLLOUT promises room for PIPE_BUF bytes in a pipe; a socket is asked not to wait.
 */
static bool write_some(struct mc_outlet *outlet)
{
    const char *at = outlet->waiting.at + outlet->at;
    size_t len = mc_outlet_waiting(outlet);
    if (len > outlet->portion)
        len = outlet->portion;
    ssize_t sent = outlet->is_socket ? send(outlet->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : write(outlet->fd, at, len);
    if (sent >= 0)
        outlet->at += (size_t)sent;
    else if (errno != EINTR && errno != EAGAIN)
        fail(outlet, errno);
    return sent > 0;
}

void mc_outlet_ready(struct mc_outlet *outlet, int revents)
{
    if (revents & (POLLERR | POLLHUP | POLLNVAL) && !outlet->failed)
        fail(outlet, EPIPE);
    else if (revents & POLLOUT && mc_outlet_waiting(outlet))
        (void)write_some(outlet);
}

void mc_outlet_push(struct mc_outlet *outlet)
{
    while (mc_outlet_waiting(outlet)) {
        struct pollfd out = mc_outlet_poll(outlet);
        if (poll(&out, 1, 0) <= 0 || !(out.revents & POLLOUT) || !write_some(outlet))
            return;
    }
}

void mc_outlet_close(struct mc_outlet *outlet)
{
    mc_text_free(&outlet->waiting);
}
