/* anchor_dns SERVER NAMES OUTSTANDING CHANNELS: a bare c-ares loop asking for the MX of every name
 * in the file, the next question out of the answer to the last. Prints answers and time-outs. */
#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static int epoll_fd;
static FILE *names;
static long answered, failed, under_way;

struct line {
    ares_channel channel;
    int index;
};

static void watch(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct line *line = arg;
    struct epoll_event event = {.events = (readable ? (unsigned)EPOLLIN : 0u) |
                                          (writable ? (unsigned)EPOLLOUT : 0u),
                                .data.u64 = (unsigned long)line->index << 32 | (unsigned)fd};
    if (!event.events)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

static void ask(struct line *line);

static void done(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
    struct ares_mx_reply *mx = NULL;
    (void)timeouts;
    under_way--;
    if (status == ARES_SUCCESS && ares_parse_mx_reply(reply, len, &mx) == ARES_SUCCESS)
        answered++;
    else
        failed++;
    if (mx)
        ares_free_data(mx);
    if (status != ARES_EDESTRUCTION)
        ask(arg);
}

static void ask(struct line *line)
{
    char name[256];
    if (!names || !fgets(name, sizeof name, names))
        return;
    name[strcspn(name, "\n")] = '\0';
    under_way++;
    ares_query(line->channel, name, 1, 15, done, line);
}

int main(int argc, char **argv)
{
    if (argc < 5 || ares_library_init(ARES_LIB_INIT_ALL) != 0)
        return 1;
    long outstanding = atol(argv[3]);
    int channels = (int)atol(argv[4]);
    struct line *lines = calloc((size_t)channels, sizeof *lines);
    names = fopen(argv[2], "r");
    epoll_fd = epoll_create1(0);
    for (int i = 0; i < channels; i++) {
        struct ares_options options = {.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_NOSEARCH,
                                       .timeout = 800,
                                       .tries = 4,
                                       .sock_state_cb = watch,
                                       .sock_state_cb_data = &lines[i]};
        lines[i].index = i;
        if (ares_init_options(&lines[i].channel, &options,
                              ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                  ARES_OPT_SOCK_STATE_CB) != 0 ||
            ares_set_servers_ports_csv(lines[i].channel, argv[1]) != 0)
            return 1;
    }
    for (long i = 0; i < outstanding; i++)
        ask(&lines[i % channels]);
    while (under_way) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < ready; i++) {
            ares_channel channel = lines[events[i].data.u64 >> 32].channel;
            int fd = (int)(unsigned)events[i].data.u64;
            ares_process_fd(channel, events[i].events & EPOLLIN ? fd : ARES_SOCKET_BAD,
                            events[i].events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
        }
        for (int i = 0; ready == 0 && i < channels; i++)
            ares_process_fd(lines[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    printf("%ld answered, %ld failed\n", answered, failed);
    return 0;
}
