/* anchor_smtp FIRST_ADDRESS SERVERS CONNECTIONS RECIPIENTS TOTAL [polite|lockstep]: a bare client.
 * Asks for TOTAL recipients, RECIPIENTS a session, on port 25 of SERVERS addresses from
 * FIRST_ADDRESS on, at most CONNECTIONS at once: greeting, EHLO, then MAIL, all RCPTs and QUIT in
 * one write, and hangs up once the last recipient is answered.
 *
 * Two that do more of what the program must. `polite`: QUIT comes when the answers are in, for they
 * may ask for another recipient (the control), and the server hangs up first. `lockstep`: one
 * command at a time, as clients do that cannot pipeline. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum step { GREETING, EHLO, BATCH, LEAVING };

struct session {
    int fd;
    enum step step;
    long replies; /* of the batch, MAIL's included */
    long recipients;
    size_t kept; /* bytes of a line that is not complete */
    char line[600];
};

static int epoll_fd;
static long per_session, left, under_way, servers, opened;
static long counts[6];
static uint32_t first_address;
static bool polite, lockstep;

static int open_session(struct session *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = s};
    if (left <= 0)
        return 0;
    *s = (struct session){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    s->recipients = left < per_session ? left : per_session;
    left -= s->recipients;
    to.sin_addr.s_addr = htonl(first_address + (uint32_t)(opened++ % servers));
    if (s->fd < 0 ||
        (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        perror("anchor_smtp");
        exit(1);
    }
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &event);
    under_way++;
    return 1;
}

static void send_batch(struct session *s)
{
    static char out[65536];
    long from = lockstep ? s->replies : 0, to = lockstep ? from + 1 : s->recipients + 1;
    size_t len = 0;
    if (!from)
        len = (size_t)snprintf(out, sizeof out, "MAIL FROM:<check@probe.bench>\r\n");
    for (long i = from ? from : 1; i < to; i++)
        len += (size_t)snprintf(out + len, sizeof out - len, "RCPT TO:<user%ld.%ld@d%ld.bench>\r\n",
                                opened, i, opened % 1000);
    if (!polite)
        len += (size_t)snprintf(out + len, sizeof out - len, "QUIT\r\n");
    if (send(s->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
        counts[0]++;
}

/* True where nothing more is waited for. */
static int leave(struct session *s)
{
    s->step = LEAVING;
    if (polite && send(s->fd, "QUIT\r\n", 6, MSG_NOSIGNAL) < 0)
        counts[0]++;
    return !polite;
}

/* One line; true where the session is over. */
static int take_line(struct session *s, const char *line, size_t len)
{
    static const char hello[] = "EHLO probe.bench\r\n";
    if (len > 3 && line[3] == '-')
        return 0;
    switch (s->step) {
    case GREETING:
        s->step = EHLO;
        if (send(s->fd, hello, sizeof hello - 1, MSG_NOSIGNAL) < 0)
            counts[0]++;
        return 0;
    case EHLO:
        s->step = BATCH;
        send_batch(s);
        return 0;
    case BATCH:
        if (s->replies++ > 0 && line[0] >= '2' && line[0] <= '5')
            counts[line[0] - '0']++;
        if (s->replies > s->recipients)
            return leave(s);
        if (lockstep)
            send_batch(s);
        return 0;
    case LEAVING:
        return 0;
    }
    return 1;
}

static int serve(struct session *s)
{
    static char in[65536];
    for (;;) {
        memcpy(in, s->line, s->kept);
        ssize_t got = recv(s->fd, in + s->kept, sizeof in - s->kept, 0);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            return 1;
        char *at = in, *end = in + s->kept + got, *newline;
        while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
            if (take_line(s, at, (size_t)(newline - at)))
                return 1;
            at = newline + 1;
        }
        s->kept = (size_t)(end - at) < sizeof s->line ? (size_t)(end - at) : 0;
        memcpy(s->line, at, s->kept);
    }
}

int main(int argc, char **argv)
{
    struct in_addr first;
    if (argc < 6 || inet_pton(AF_INET, argv[1], &first) != 1)
        return 1;
    first_address = ntohl(first.s_addr);
    servers = atol(argv[2]);
    long connections = atol(argv[3]);
    per_session = atol(argv[4]);
    left = atol(argv[5]);
    lockstep = argc > 6 && strcmp(argv[6], "lockstep") == 0;
    polite = lockstep || (argc > 6 && strcmp(argv[6], "polite") == 0);
    struct session *sessions = calloc((size_t)connections, sizeof *sessions);
    epoll_fd = epoll_create1(0);
    for (long i = 0; i < connections && open_session(&sessions[i]); i++)
        ;
    while (under_way) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll_fd, events, 256, 10000);
        if (ready <= 0)
            break;
        for (int i = 0; i < ready; i++) {
            struct session *s = events[i].data.ptr;
            if (!serve(s))
                continue;
            close(s->fd);
            under_way--;
            open_session(s);
        }
    }
    printf("%ld accepted, %ld refused, %ld sessions\n", counts[2], counts[5], opened);
    return 0;
}
