/* Scripted mail servers: hundreds of addresses, each with faults of its own, in one process.
 *
 *     mock_mx SCRIPT [LOG]
 *
 * Tests read the LOG to see how polite the program under test was; the benchmarks run it without
 * one. It says "ready" on standard output once every address listens. On the control port:
 * `sync` is answered once no session is open, `reset` also forgets the log, the greylist and all
 * counts, `totals` tells the counts of each server at once. On SIGTERM the totals go to the log.
 *
 * The log: one line a session and one a recipient, tab-separated:
 *     session ADDRESS NUMBER PEER HELO key=value...      rcpt ADDRESS NUMBER RECIPIENT REPLY
 * This file owns sockets, TLS and time; mock_mx/session.c speaks, mock_mx/script.c knows what.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "mock_mx/script.h"
#include "mock_mx/session.h"

enum { INPUT_MAX = 4096, ENDLESS_GAP_MS = 5, EVENTS = 512, READ_SIZE = 65536, CLOSE_LOOK = 64 };

enum role { LISTENER, CLIENT, CONTROL_LISTENER, CONTROL };

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    long drip_ms;
    bool endless, close;
    size_t len, sent;
    char bytes[];
};

struct connection {
    enum role role;
    int fd;
    unsigned index; /* of its server */
    bool closing, want_write, timer_set, tls_up;
    SSL *ssl;
    struct chunk *first, **last; /* last: what points to the last one, or to nothing yet */
    struct connection *next_closed;
    int64_t since_ms;
    size_t input_len;
    char input[INPUT_MAX];
    struct session session;
};

struct timer {
    int64_t due_ms;
    int fd;
    const struct connection *connection; /* compared, never followed: it may be gone */
};

static struct world world;
static int64_t start_ms;
static struct connection **connections; /* by descriptor */
static size_t connection_limit;
static struct connection *closed;
static struct timer *timers; /* a binary heap */
static size_t timer_count, timer_size;
static FILE *log_file;
static SSL_CTX *tls;
static int poller;
static unsigned open_sessions;
static int sync_waiter = -1;
static volatile sig_atomic_t stopping;

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void timer_add(int64_t due_ms, struct connection *connection)
{
    if (connection->timer_set)
        return;
    if (timer_count == timer_size) {
        timer_size = timer_size ? timer_size * 2 : 1024;
        timers = realloc(timers, timer_size * sizeof *timers);
        if (!timers)
            err(1, "memory");
    }
    connection->timer_set = true;
    size_t at = timer_count++;
    for (; at && timers[(at - 1) / 2].due_ms > due_ms; at = (at - 1) / 2)
        timers[at] = timers[(at - 1) / 2];
    timers[at] = (struct timer){due_ms, connection->fd, connection};
}

static struct timer timer_pop(void)
{
    struct timer first = timers[0], last = timers[--timer_count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < timer_count && timers[child + 1].due_ms < timers[child].due_ms)
            child++;
        if (child >= timer_count || timers[child].due_ms >= last.due_ms)
            break;
        timers[at] = timers[child];
        at = child;
    }
    timers[at] = last;
    return first;
}

static void watch(struct connection *connection, bool write)
{
    if (connection->want_write == write)
        return;
    connection->want_write = write;
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0),
                                .data.fd = connection->fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static void log_session(const struct connection *connection)
{
    const struct session *session = &connection->session;
    if (!log_file)
        return;
    fprintf(log_file,
            "session\t%s\t%u\t%s\t%s\tcommands=%u\taccepted=%u\trefused=%u\tdeferred=%u"
            "\tunknown=%u\tgreeted=%d\tquit=%d\tearly=%d\tunasked=%d\tdata=%d\tended=%s"
            "\ttls=%d\tat_ms=%lld\tlasted_ms=%lld\tsender=%s\n",
            session->server->address_text, session->number, session->peer,
            *session->helo ? session->helo : "-", session->commands, session->accepted,
            session->refused, session->deferred, session->unknown, session->greeted, session->quit,
            session->early, session->unasked, session->mail_data,
            session->ended_by_us ? "server" : "client", session->tls,
            (long long)(connection->since_ms - start_ms),
            (long long)(world.now_ms - connection->since_ms), session->sender);
}

void connection_log_recipient(struct connection *connection, const char *address, const char *reply)
{
    if (log_file)
        fprintf(log_file, "rcpt\t%s\t%u\t%s\t%.3s\n", connection->session.server->address_text,
                connection->session.number, address, reply);
}

static void answer_sync(void)
{
    if (sync_waiter < 0 || open_sessions)
        return;
    if (log_file)
        fflush(log_file);
    if (write(sync_waiter, "ok\n", 3) != 3)
        warn("control");
    sync_waiter = -1;
}

/* Closed now, freed at the end of the turn: functions up the stack still hold it. */
static void connection_close(struct connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    connections[connection->fd] = NULL;
    if (connection->role == CLIENT) {
        log_session(connection);
        connection->session.server->open--;
        open_sessions--;
    }
    if (connection->fd == sync_waiter)
        sync_waiter = -1;
    if (connection->ssl) {
        SSL_shutdown(connection->ssl);
        SSL_free(connection->ssl);
    }
    close(connection->fd);
    connection->next_closed = closed;
    closed = connection;
    answer_sync();
}

static void free_closed(void)
{
    while (closed) {
        struct connection *connection = closed;
        closed = connection->next_closed;
        for (struct chunk *chunk = connection->first, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
        free(connection);
    }
}

static ssize_t write_some(struct connection *connection, const char *bytes, size_t len)
{
    if (!connection->tls_up)
        return send(connection->fd, bytes, len, MSG_NOSIGNAL);
    int sent = SSL_write(connection->ssl, bytes, (int)len);
    if (sent <= 0)
        errno = SSL_get_error(connection->ssl, sent) == SSL_ERROR_SSL ? EPIPE : EAGAIN;
    return sent;
}

/* Sends what is due of the first chunk. Returns false where it has to wait. */
static bool flush_chunk(struct connection *connection, struct chunk *chunk)
{
    if (chunk->due_ms > world.now_ms) {
        timer_add(chunk->due_ms, connection);
        return false;
    }
    while (chunk->sent < chunk->len) {
        size_t len = chunk->drip_ms ? 1 : chunk->len - chunk->sent;
        ssize_t sent = write_some(connection, chunk->bytes + chunk->sent, len);
        if (sent < 0 && errno != EAGAIN)
            connection_close(connection);
        if (sent < 0) {
            if (!connection->closing)
                watch(connection, true);
            return false;
        }
        chunk->sent += (size_t)sent;
        if (chunk->endless && chunk->sent == chunk->len) {
            chunk->sent = 0;
            chunk->due_ms = world.now_ms + ENDLESS_GAP_MS;
        } else if (chunk->drip_ms && chunk->sent < chunk->len) {
            chunk->due_ms = world.now_ms + chunk->drip_ms;
        }
        if (chunk->due_ms > world.now_ms) {
            timer_add(chunk->due_ms, connection);
            return false;
        }
    }
    return true;
}

static void start_tls(struct connection *connection);

static void flush(struct connection *connection)
{
    while (connection->first && !connection->closing) {
        struct chunk *chunk = connection->first;
        if (!flush_chunk(connection, chunk))
            return;
        bool last = chunk->close;
        connection->first = chunk->next;
        if (connection->last == &chunk->next || !chunk->next)
            connection->last = &connection->first;
        free(chunk);
        if (last) {
            connection_close(connection);
            return;
        }
    }
    if (connection->closing)
        return;
    watch(connection, false);
    if (!connection->session.silent && !connection->session.no_greeting)
        connection->session.greeted = true;
    if (connection->session.start_tls)
        start_tls(connection);
}

void connection_send(struct connection *connection, const char *text, size_t len,
                     const struct sending *how)
{
    struct chunk *tail = *connection->last;
    bool plain = !how->drip_ms && !how->endless && !how->close;
    int64_t due_ms = world.now_ms + how->delay_ms;
    if (tail && tail->due_ms > due_ms)
        due_ms = tail->due_ms;
    /* Replies that leave together share a chunk, and so a send(). */
    bool join =
        tail && plain && tail->due_ms == due_ms && !tail->drip_ms && !tail->endless && !tail->close;
    size_t old_len = join ? tail->len : 0;
    struct chunk *chunk = realloc(join ? tail : NULL, sizeof *chunk + old_len + len);
    if (!chunk)
        err(1, "memory");
    if (!join) {
        *chunk = (struct chunk){.due_ms = due_ms,
                                .drip_ms = how->drip_ms,
                                .endless = how->endless,
                                .close = how->close};
        if (tail)
            connection->last = &tail->next;
    }
    memcpy(chunk->bytes + old_len, text, len);
    chunk->len = old_len + len;
    *connection->last = chunk;
}

static void start_tls(struct connection *connection)
{
    connection->session.start_tls = false;
    connection->ssl = SSL_new(tls);
    if (!connection->ssl || !SSL_set_fd(connection->ssl, connection->fd))
        errx(1, "TLS");
    SSL_set_accept_state(connection->ssl);
    connection->input_len = 0; /* what was sent before the handshake must not count after it */
}

/* Returns false where the handshake goes on or failed. */
static bool shake_hands(struct connection *connection)
{
    int done = SSL_do_handshake(connection->ssl);
    if (done == 1) {
        connection->tls_up = connection->session.tls = true;
        connection->session.greeted_back = connection->session.extended = false;
        return true;
    }
    int why = SSL_get_error(connection->ssl, done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        connection_close(connection);
    return false;
}

/* 0: the other side has closed; -1 with EAGAIN: nothing now. */
static ssize_t read_some(struct connection *connection, char *bytes, size_t size)
{
    if (!connection->tls_up)
        return recv(connection->fd, bytes, size, 0);
    int got = SSL_read(connection->ssl, bytes, (int)size);
    if (got > 0)
        return got;
    errno = EAGAIN;
    return SSL_get_error(connection->ssl, got) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static void feed_client(struct connection *connection, char *bytes, size_t len)
{
    char *at = bytes, *end = bytes + len, *newline;
    bool unanswered = connection->first;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        char *line = at;
        at = newline + 1;
        *newline = 0;
        if (newline > line && newline[-1] == '\r')
            newline[-1] = 0;
        if (!session_line(&connection->session, connection, &world, line, at < end, unanswered))
            at = end;
        if (connection->closing)
            return;
    }
    connection->input_len = (size_t)(end - at) < INPUT_MAX ? (size_t)(end - at) : 0;
    memmove(connection->input, at, connection->input_len);
}

static void control_command(struct connection *connection, const char *line)
{
    if (strncmp(line, "reset", 5) == 0) {
        map_clear(world.greylist);
        for (size_t i = 0; i < world.script.server_count; i++) {
            struct server *server = &world.script.servers[i];
            server->sessions = server->peak = server->rate_used = 0;
            server->recipients = 0;
        }
        if (log_file && (fflush(log_file) || ftruncate(fileno(log_file), 0)))
            warn("log");
    }
    if (strncmp(line, "totals", 6) == 0) {
        for (size_t i = 0; i < world.script.server_count; i++) {
            const struct server *server = &world.script.servers[i];
            dprintf(connection->fd, "%s\t%s\tsessions=%u\tpeak=%u\trcpt=%lu\n",
                    server->address_text, server->name, server->sessions, server->peak,
                    server->recipients);
        }
        dprintf(connection->fd, "ok\n");
        return;
    }
    sync_waiter = connection->fd;
    answer_sync();
}

static void on_readable(struct connection *connection)
{
    static char bytes[READ_SIZE + INPUT_MAX];
    if (connection->ssl && !connection->tls_up && !shake_hands(connection))
        return;
    memcpy(bytes, connection->input, connection->input_len);
    ssize_t got = read_some(connection, bytes + connection->input_len, READ_SIZE);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        connection_close(connection);
        return;
    }
    size_t len = connection->input_len + (size_t)got;
    if (connection->role == CONTROL) {
        bytes[len] = 0;
        control_command(connection, bytes);
        return;
    }
    struct session *session = &connection->session;
    if (!session->greeted && !session->early && !session->silent)
        session_early(session, connection);
    feed_client(connection, bytes, len);
    if (!connection->closing)
        flush(connection);
}

static struct connection *connection_new(int fd, enum role role)
{
    if ((size_t)fd >= connection_limit)
        errx(1, "more connections than %zu", connection_limit);
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        err(1, "memory");
    connection->role = role;
    connection->fd = fd;
    connection->since_ms = world.now_ms;
    connection->last = &connection->first;
    connections[fd] = connection;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        err(1, "epoll");
    return connection;
}

/* The peak counts what the client holds open: one whose FIN has come is no longer that, though
 * it is not read yet. Looked at only where it matters: at a new peak, while caps are small. */
static void count_peak(struct server *server)
{
    if (server->open <= server->peak)
        return;
    if (server->open > CLOSE_LOOK) {
        server->peak = server->open;
        return;
    }
    unsigned held = 0;
    for (size_t fd = 0; fd < connection_limit; fd++) {
        const struct connection *connection = connections[fd];
        struct tcp_info info = {0};
        socklen_t len = sizeof info;
        if (connection && connection->role == CLIENT && connection->session.server == server &&
            !getsockopt((int)fd, IPPROTO_TCP, TCP_INFO, &info, &len))
            held += info.tcpi_state == TCP_ESTABLISHED;
    }
    if (held > server->peak)
        server->peak = held;
}

static void on_acceptable(struct connection *listener)
{
    struct sockaddr_storage peer;
    for (int i = 0; i < 64; i++) {
        socklen_t len = sizeof peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (listener->role == CONTROL_LISTENER) {
            connection_new(fd, CONTROL);
            continue;
        }
        struct connection *connection = connection_new(fd, CLIENT);
        struct server *server = &world.script.servers[listener->index];
        struct session *session = &connection->session;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        session->server = server;
        session->number = ++server->sessions;
        server->open++;
        open_sessions++;
        if (peer.ss_family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)&peer)->sin_addr, session->peer,
                      sizeof session->peer);
        else
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&peer)->sin6_addr, session->peer,
                      sizeof session->peer);
        count_peak(server);
        session_begin(session, connection, &world);
        flush(connection);
    }
}

/* A full backlog swallows SYNs: whoever connects waits for nothing. */
static void fill_backlog(const struct server *server)
{
    for (int i = 0; i < 4; i++) {
        int fd = socket(server->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 ||
            (connect(fd, (const struct sockaddr *)&server->address, server->address_len) &&
             errno != EINPROGRESS))
            err(1, "black hole");
    }
}

static int listen_at(const struct sockaddr *address, socklen_t len, int backlog, const char *name)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        err(1, "socket");
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (address->sa_family == AF_INET6) /* a local route alone does not let bind */
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
    if (bind(fd, address, len) || listen(fd, backlog))
        err(1, "listen at %s", name);
    return fd;
}

static void listen_all(void)
{
    for (size_t i = 0; i < world.script.server_count; i++) {
        struct server *server = &world.script.servers[i];
        server->listener = listen_at((const struct sockaddr *)&server->address, server->address_len,
                                     server->blackhole ? 0 : 16384, server->address_text);
        if (server->blackhole) {
            fill_backlog(server);
            continue;
        }
        connection_new(server->listener, LISTENER)->index = (unsigned)i;
    }
    if (world.script.control_port) {
        struct sockaddr_in local = {.sin_family = AF_INET,
                                    .sin_port = htons(world.script.control_port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        connection_new(listen_at((struct sockaddr *)&local, sizeof local, 16, "control"),
                       CONTROL_LISTENER);
    }
}

static void make_tls(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    tls = SSL_CTX_new(TLS_server_method());
    if (!key || !certificate || !tls)
        errx(1, "TLS");
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"mx.example", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    if (!X509_sign(certificate, key, EVP_sha256()) ||
        SSL_CTX_use_certificate(tls, certificate) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
        errx(1, "TLS certificate");
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void on_signal(int number)
{
    stopping = number;
}

static int next_wait_ms(void)
{
    if (!timer_count)
        return -1;
    int64_t wait_ms = timers[0].due_ms - world.now_ms;
    return wait_ms < 0 ? 0 : wait_ms > 60000 ? 60000 : (int)wait_ms;
}

static void run_timers(void)
{
    while (timer_count && timers[0].due_ms <= world.now_ms) {
        struct timer timer = timer_pop();
        struct connection *connection = connections[timer.fd];
        if (connection && connection == timer.connection) {
            connection->timer_set = false;
            flush(connection);
        }
    }
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, next_wait_ms());
    world.now_ms = clock_ms();
    run_timers();
    /* Sessions before listeners: a client may close one and open the next at once. */
    for (int listeners = 0; listeners <= 1; listeners++)
        for (int i = 0; i < count; i++) {
            struct connection *connection = connections[events[i].data.fd];
            if (!connection)
                continue;
            bool listener = connection->role == LISTENER || connection->role == CONTROL_LISTENER;
            if (listener != (bool)listeners)
                continue;
            if (listener)
                on_acceptable(connection);
            else if (events[i].events & EPOLLOUT)
                flush(connection);
            else
                on_readable(connection);
        }
    free_closed();
}

static void log_totals(void)
{
    for (size_t i = 0; log_file && i < world.script.server_count; i++) {
        const struct server *server = &world.script.servers[i];
        fprintf(log_file, "server\t%s\t%s\tsessions=%u\tpeak=%u\trcpt=%lu\n", server->address_text,
                server->name, server->sessions, server->peak, server->recipients);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: mock_mx SCRIPT [LOG]");
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max > 200000 ? 200000 : files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    connection_limit = files.rlim_cur;
    connections = calloc(connection_limit, sizeof(struct connection *));
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0)
        err(1, "start");

    script_read(&world.script, argv[1]);
    world.greylist = map_new();
    start_ms = world.now_ms = clock_ms();
    make_tls();
    if (argc > 2) {
        int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
        log_file = fd < 0 ? NULL : fdopen(fd, "a");
        if (!log_file)
            err(1, "%s", argv[2]);
    }
    listen_all();
    puts("ready");
    fflush(stdout);
    while (!stopping)
        turn();
    log_totals();
    if (log_file)
        fclose(log_file);
    return 0;
}
