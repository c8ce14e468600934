#include "cli/service.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define FIRST_SOCKET 3

static uint64_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t number;
    return text && mc_parse_u64(mc_span_of(text), UINT64_MAX / 2, &number) ? number : 0;
}

size_t mc_service_sockets(int *first)
{
    uint64_t count = number_of("LISTEN_FDS");
    *first = FIRST_SOCKET;
    if (number_of("LISTEN_PID") != (uint64_t)getpid() || count > 64)
        return 0;
    for (int fd = FIRST_SOCKET; fd < FIRST_SOCKET + (int)count; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    return (size_t)count;
}

void mc_service_tell(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (!len || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    close(fd);
}

uint32_t mc_service_watchdog_ms(void)
{
    uint64_t pid = number_of("WATCHDOG_PID"), us = number_of("WATCHDOG_USEC");
    if (!us || (pid && pid != (uint64_t)getpid()))
        return 0;
    uint64_t ms = us / 1000 / 3;
    return ms < 1 ? 1 : ms > 3600000 ? 3600000 : (uint32_t)ms;
}
