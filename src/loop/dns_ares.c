#include "loop/dns_ares.h"

#include <ares.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "loop/dns_message.h"
#include "loop/dns_servers.h"

enum {
    SOCKET_QUESTIONS = 150,        /* under way on one channel, thus on one socket */
    SOCKET_BUFFER_BYTES = 1 << 20, /* asked for; the kernel gives what it allows */
};

/* A socket of c-ares. c-ares opens and closes it; the slot stays with its channel. */
struct watched {
    struct watched *next;
    struct channel *channel;
    int fd; /* -1: free */
    struct mc_watch watch;
};

struct channel {
    struct mc_dns_ares *owner;
    ares_channel ares;
    struct watched *watched;
    unsigned under_way, server;
    bool patient;
};

struct mc_dns_ares {
    struct mc_loop *loop;
    struct mc_dns_carrier_events events;
    struct mc_dns_servers servers;
    bool system; /* the servers are the system's */
    bool tcp;
    uint32_t timeout_ms;
    struct channel **channels;
    size_t count, room, last;
    struct mc_pool sent; /* of struct sent */
    bool is_reading;
    struct mc_text bytes; /* of the answers heard */
    struct heard *heard;
    size_t heard_count, heard_room;
    /* For ids. So many bytes at once come whole, and no signal cuts them short (getrandom(2)). */
    unsigned char random[256];
    size_t random_left;
};

/* One try of one question, while c-ares has it. */
struct sent {
    struct channel *channel;
    void *question;
};

/* An answer that was read. Those that came together are passed on when all are read: the kernel and
 * c-ares on one side, what becomes of an answer on the other would push each other out of the
 * processor's caches, answer by answer (2% of the CPU of a lookup). */
struct heard {
    void *question;
    size_t at, len; /* in `bytes` */
    bool late;
};

/* All tries of a question fit into the time-out: 4 tries of doubling length with one server
 * (1 + 2 + 4 + 8), 3 of two, 2 of more. */
static int tries(const struct mc_dns_ares *ares)
{
    static const int by_servers[] = {4, 4, 3};
    return ares->servers.count < MC_ARRAY_LEN(by_servers) ? by_servers[ares->servers.count] : 2;
}

static uint32_t first_wait_ms(const struct mc_dns_ares *ares)
{
    uint32_t sum = ((1u << tries(ares)) - 1) * (uint32_t)ares->servers.count;
    return ares->timeout_ms / sum ? ares->timeout_ms / sum : 1;
}

static uint32_t tick_ms(const struct mc_dns_ares *ares)
{
    uint32_t quarter_ms = first_wait_ms(ares) / 4;
    return quarter_ms < 10 ? 10 : quarter_ms > 100 ? 100 : quarter_ms;
}

static unsigned servers(const void *self)
{
    const struct mc_dns_ares *ares = self;
    return (unsigned)ares->servers.count;
}

/* Sockets */

static void keep_answer(struct mc_dns_ares *ares, void *question,
                        const struct mc_dns_try_result *result)
{
    ares->heard = mc_grow(ares->heard, ares->heard_count, &ares->heard_room, sizeof *ares->heard);
    ares->heard[ares->heard_count++] =
        (struct heard){question, ares->bytes.len, result->len, result->late};
    mc_text_add(&ares->bytes, (const char *)result->bytes, result->len);
}

static void pass_on_answers(struct mc_dns_ares *ares)
{
    for (size_t i = 0; i < ares->heard_count; i++) {
        const struct heard *heard = &ares->heard[i];
        if (i + 1 < ares->heard_count)
            mc_fetch(heard[1].question, 128);
        struct mc_dns_try_result result = {
            .outcome = MC_DNS_TRY_ANSWERED,
            .late = heard->late,
            .bytes = (const unsigned char *)ares->bytes.at + heard->at,
            .len = heard->len,
        };
        ares->events.ended(heard->question, &result);
    }
    ares->heard_count = ares->bytes.len = 0;
}

static void on_ready(void *arg, int fd, int what)
{
    struct watched *watched = arg;
    struct channel *channel = watched->channel;
    struct mc_dns_ares *ares = channel->owner;
    ares->is_reading = true;
    ares_process_fd(channel->ares, what & MC_WATCH_READ ? fd : ARES_SOCKET_BAD,
                    what & MC_WATCH_WRITE ? fd : ARES_SOCKET_BAD);
    ares->is_reading = false;
    pass_on_answers(ares);
    ares->events.turn_over(ares->events.owner);
}

/* c-ares tells what it waits for on a socket; nothing: it is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct channel *channel = arg;
    struct watched *watched = channel->watched;
    while (watched && watched->fd != fd)
        watched = watched->next;
    if (watched)
        mc_watch_stop(&watched->watch);
    if (!readable && !writable) {
        if (watched)
            watched->fd = -1;
        return;
    }
    for (struct watched *free_one = channel->watched; free_one && !watched;
         free_one = free_one->next)
        if (free_one->fd == -1)
            watched = free_one;
    if (!watched) {
        watched = mc_calloc(1, sizeof *watched);
        *watched = (struct watched){.next = channel->watched, .channel = channel};
        channel->watched = watched;
    }
    watched->fd = fd;
    mc_watch_start(&watched->watch, channel->owner->loop, fd,
                   (readable ? MC_WATCH_READ : 0) | (writable ? MC_WATCH_WRITE : 0), on_ready,
                   watched);
}

static int on_new_socket(ares_socket_t fd, int type, void *arg)
{
    (void)type, (void)arg;
    int size = SOCKET_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return 0;
}

/* Channels */

static void channel_free(struct channel *channel)
{
    ares_destroy(channel->ares);
    while (channel->watched) {
        struct watched *watched = channel->watched;
        channel->watched = watched->next;
        mc_watch_stop(&watched->watch);
        free(watched);
    }
    free(channel);
}

/* Our servers, `first` at the head. The system's own order is left as c-ares read it: only it
 * knows the interface of a link-local address. */
static int set_servers(struct mc_dns_ares *ares, ares_channel channel, unsigned first)
{
    if (ares->system && !first)
        return ARES_SUCCESS;
    struct ares_addr_port_node nodes[MC_DNS_SERVERS_MAX];
    size_t count = ares->servers.count;
    for (size_t i = 0; i < count; i++) {
        nodes[i] = ares->servers.at[(first + i) % count];
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
    }
    return ares_set_servers_ports(channel, nodes);
}

static struct channel *channel_new(struct mc_dns_ares *ares, unsigned server, bool patient)
{
    struct channel *channel = mc_calloc(1, sizeof *channel);
    *channel = (struct channel){.owner = ares, .server = server, .patient = patient};
    char lookups[] = "b";
    struct ares_options options = {
        /* without NOCHECKRESP, SERVFAIL and REFUSED would both look like a dead server */
        .flags = ARES_FLAG_STAYOPEN | ARES_FLAG_NOSEARCH | ARES_FLAG_NOCHECKRESP |
                 (ares->tcp ? ARES_FLAG_USEVC : 0),
        .timeout = (int)(patient ? ares->timeout_ms / 2 : first_wait_ms(ares)),
        .tries = patient ? 1 : tries(ares),
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = channel,
    };
    int status =
        ares_init_options(&channel->ares, &options,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                              ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE);
    if (status != ARES_SUCCESS) {
        free(channel);
        return NULL;
    }
    ares_set_socket_configure_callback(channel->ares, on_new_socket, NULL);
    if (set_servers(ares, channel->ares, server) != ARES_SUCCESS) {
        channel_free(channel);
        return NULL;
    }
    return channel;
}

/* A channel with room, the next after the one used last. NULL where none can be made. */
static struct channel *channel_for(struct mc_dns_ares *ares, unsigned server, bool patient)
{
    for (size_t i = 0; i < ares->count; i++) {
        ares->last = ares->last + 1 < ares->count ? ares->last + 1 : 0;
        struct channel *channel = ares->channels[ares->last];
        if (channel->under_way < SOCKET_QUESTIONS && channel->server == server &&
            channel->patient == patient)
            return channel;
    }
    struct channel *channel = channel_new(ares, server, patient);
    if (channel) {
        ares->channels =
            mc_grow(ares->channels, ares->count, &ares->room, sizeof(struct channel *));
        ares->channels[ares->count++] = channel;
    }
    return channel;
}

/* Questions */

static enum mc_dns_try_outcome outcome_of(int status, bool has_bytes)
{
    if (has_bytes)
        return MC_DNS_TRY_ANSWERED;
    return status == ARES_ETIMEOUT ? MC_DNS_TRY_SILENCE : MC_DNS_TRY_UNREACHABLE;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct sent *sent = arg;
    struct mc_dns_ares *ares = sent->channel->owner;
    struct mc_dns_try_result result = {
        .outcome = outcome_of(status, bytes != NULL),
        .late = timeouts > 0,
        .bytes = bytes,
        .len = bytes ? (size_t)len : 0,
    };
    void *question = sent->question;
    sent->channel->under_way--;
    mc_pool_put(&ares->sent, sent);
    if (ares->is_reading && bytes)
        keep_answer(ares, question, &result);
    else
        ares->events.ended(question, &result);
}

/* Besides the port, the id is all that keeps strangers from answering in a server's stead, so it is
 * drawn from the kernel. Two questions may have the same one: c-ares tells their answers apart by
 * what they answer. */
static void draw_id(struct mc_dns_ares *ares, unsigned char id[2])
{
    if (!ares->random_left) {
        MC_ASSERT(getrandom(ares->random, sizeof ares->random, 0) == sizeof ares->random);
        ares->random_left = sizeof ares->random;
    }
    ares->random_left -= 2;
    memcpy(id, ares->random + ares->random_left, 2);
}

/* ares_send, not ares_query: that would build a message of its own, for a third more CPU. */
static void send_try(void *self, const struct mc_dns_try *try, void *question)
{
    struct mc_dns_ares *ares = self;
    struct channel *channel = channel_for(ares, try->server, try->patient || ares->tcp);
    if (!channel) {
        struct mc_dns_try_result result = {.outcome = MC_DNS_TRY_UNREACHABLE};
        ares->events.ended(question, &result);
        return;
    }
    struct sent *sent = mc_pool_get(&ares->sent);
    *sent = (struct sent){channel, question};
    channel->under_way++;
    draw_id(ares, try->message);
    ares_send(channel->ares, try->message, (int)try->len, on_answer, sent);
}

static void tick(void *self)
{
    struct mc_dns_ares *ares = self;
    /* answers may add channels at the end while this runs */
    for (size_t i = 0; i < ares->count; i++)
        if (ares->channels[i]->under_way)
            ares_process_fd(ares->channels[i]->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void close_channels(struct mc_dns_ares *ares)
{
    for (size_t i = 0; i < ares->count; i++)
        channel_free(ares->channels[i]);
    ares->count = ares->last = 0;
}

static void rest(void *self)
{
    struct mc_dns_ares *ares = self;
    close_channels(ares);
    /* the next question then goes to the servers that the system names at that time */
    struct mc_dns_servers found;
    char error[1];
    if (ares->system && mc_dns_servers_find(&found, NULL, error, sizeof error))
        ares->servers = found;
}

static void free_all(void *self)
{
    struct mc_dns_ares *ares = self;
    close_channels(ares);
    mc_pool_free(&ares->sent);
    mc_text_free(&ares->bytes);
    free(ares->heard);
    free(ares->channels);
    free(ares);
}

bool mc_dns_ares_new(struct mc_dns_carrier *carrier, struct mc_loop *loop,
                     const struct mc_dns_options *options,
                     const struct mc_dns_carrier_events *events, char *error, size_t error_size)
{
    struct mc_dns_servers found;
    if (!mc_dns_servers_find(&found, options->servers, error, error_size))
        return false;
    struct mc_dns_ares *ares = mc_calloc(1, sizeof *ares);
    *ares = (struct mc_dns_ares){
        .loop = loop,
        .events = *events,
        .servers = found,
        .system = !options->servers,
        .tcp = options->tcp,
        .timeout_ms = options->timeout_ms,
        .sent = {.size = sizeof(struct sent)},
    };
    *carrier = (struct mc_dns_carrier){
        .self = ares,
        .send = send_try,
        .tick = tick,
        .tick_ms = tick_ms(ares),
        .rest = rest,
        .servers = servers,
        .free = free_all,
    };
    return true;
}
