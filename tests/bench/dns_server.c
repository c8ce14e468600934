/* dns_server ADDRESS MX_HOSTS [DELAY_MS [LOSS_PERCENT]]: answers every MX question with one of
 * MX_HOSTS hosts (mxN.bench; for dN.anything it is the Nth), every A question for mxN.bench with
 * 198.19.N/256.N%256, at once or after a delay. Prints the number of MX and A questions when it is
 * ended by SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH  64
#define PACKET 512
#define QUEUE  (1u << 17)

static volatile sig_atomic_t ended;

struct reply {
    struct sockaddr_in to;
    int64_t due_us;
    uint16_t len;
    unsigned char bytes[PACKET];
};

static void end(int number)
{
    (void)number;
    ended = 1;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

/* The answer to the question in `q`, in place; returns its length, 0 for what is no question. */
static uint16_t answer(unsigned char *q, size_t len, unsigned hosts, uint64_t counts[2])
{
    size_t at = 12;
    unsigned hash = 5381;
    if (len < 17 || q[5] != 1)
        return 0;
    while (at < len && q[at]) {
        size_t label = q[at];
        if (at + label + 1 >= len)
            return 0;
        for (size_t i = 1; i <= label; i++)
            hash = hash * 33 + q[at + i];
        at += label + 1;
    }
    /* dN.anything is served by host N, so that a list can say how many share one */
    if (q[13] == 'd' && q[14] >= '0' && q[14] <= '9')
        hash = (unsigned)strtoul((const char *)q + 14, NULL, 10);
    size_t end_of_question = at + 5;
    if (end_of_question > len)
        return 0;
    unsigned type = (unsigned)q[at + 1] << 8 | q[at + 2];
    unsigned char *out = q + end_of_question;
    q[2] = 0x84, q[3] = 0x80;
    memset(q + 6, 0, 6);
    if (type == 15) {
        char name[16];
        int n = snprintf(name, sizeof name, "mx%u", hash % hosts);
        counts[0]++;
        q[7] = 1;
        put16(out, 0xc00c), put16(out + 2, 15), put16(out + 4, 1), put16(out + 6, 0);
        put16(out + 8, 3600), put16(out + 10, (unsigned)(2 + 1 + n + 7));
        put16(out + 12, 10);
        out[14] = (unsigned char)n;
        memcpy(out + 15, name, (size_t)n);
        memcpy(out + 15 + n, "\5bench", 7);
        return (uint16_t)(end_of_question + 15 + (size_t)n + 7);
    }
    if (type == 1) {
        unsigned host = (unsigned)strtoul((const char *)q + 15, NULL, 10);
        counts[1]++;
        q[7] = 1;
        put16(out, 0xc00c), put16(out + 2, 1), put16(out + 4, 1), put16(out + 6, 0);
        put16(out + 8, 3600), put16(out + 10, 4);
        out[12] = 198, out[13] = 19, out[14] = (unsigned char)(host >> 8);
        out[15] = (unsigned char)host;
        return (uint16_t)(end_of_question + 16);
    }
    return (uint16_t)end_of_question; /* no data */
}

int main(int argc, char **argv)
{
    static struct reply queue[QUEUE];
    static unsigned char buffers[BATCH][PACKET];
    static struct sockaddr_in from[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    uint64_t counts[2] = {0}, head = 0, tail = 0, seed = 42;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(53)};
    if (argc < 3 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1)
        return 1;
    unsigned hosts = (unsigned)strtoul(argv[2], NULL, 10);
    int64_t delay_us = argc > 3 ? 1000 * strtol(argv[3], NULL, 10) : 0;
    uint64_t loss = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 64 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    struct timeval tick = {.tv_usec = delay_us ? 1000 : 100000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0) {
        perror("dns_server: bind");
        return 1;
    }
    while (!ended) {
        for (size_t i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){buffers[i], PACKET - 64};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                  .msg_namelen = sizeof from[i],
                                                  .msg_iov = &vectors[i],
                                                  .msg_iovlen = 1};
        }
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < got; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint16_t len = answer(buffers[i], messages[i].msg_len, hosts, counts);
            if (!len || (seed >> 33) % 100 < loss)
                continue;
            if (!delay_us) {
                sendto(fd, buffers[i], len, 0, (struct sockaddr *)&from[i], sizeof from[i]);
            } else if (tail - head < QUEUE) {
                struct reply *reply = &queue[tail++ % QUEUE];
                reply->to = from[i];
                reply->due_us = now_us() + delay_us;
                reply->len = len;
                memcpy(reply->bytes, buffers[i], len);
            }
        }
        for (int64_t now = now_us(); head < tail && queue[head % QUEUE].due_us <= now; head++)
            sendto(fd, queue[head % QUEUE].bytes, queue[head % QUEUE].len, 0,
                   (struct sockaddr *)&queue[head % QUEUE].to, sizeof queue[0].to);
    }
    printf("%llu MX %llu A\n", (unsigned long long)counts[0], (unsigned long long)counts[1]);
    return 0;
}
