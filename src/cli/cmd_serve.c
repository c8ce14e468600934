/* mailcheck serve: the verdicts of the other commands over HTTP, for as long as there are
 * questions. Here everything is made and brought together; what is answered, and to whom, is
 * decided in src/http. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/service.h"
#include "http/endpoints.h"

#define BACKLOG       1024
#define TURN_MS       1000
#define RECEIVE_MS    10000 /* for a whole request, from its first byte */
#define IDLE_MS       75000 /* between requests: longer than a proxy keeps its side (nginx: 60 s) */
#define DRAIN_MS      (MC_DEADLINE_MAX_MS + 5000)
#define GOODBYE_MS    2000 /* for mail servers that are told QUIT */
#define OTHER_FILES   64
#define LOCAL_ADDRESS "127.0.0.1:8025"

struct service {
    const struct mc_settings *settings;
    struct mc_loop *loop;
    struct mc_desk *desk;
    struct mc_access *access;
    struct mc_endpoints *endpoints;
    struct mc_http_server *server;
    struct mc_timer watchdog;
    int64_t draining_since_ms; /* 0: not */
};

/* ---- listening ---- */

static bool read_address(struct mc_span text, struct sockaddr_storage *address, socklen_t *len)
{
    struct sockaddr_in *v4 = (void *)address;
    struct sockaddr_in6 *v6 = (void *)address;
    const char *colon = memrchr(text.at, ':', text.len);
    char host[INET6_ADDRSTRLEN + 2];
    uint64_t port;
    size_t host_len = colon ? (size_t)(colon - text.at) : text.len;
    memset(address, 0, sizeof *address);
    if (!colon || host_len >= sizeof host ||
        !mc_parse_u64(mc_span(colon + 1, text.len - host_len - 1), 65535, &port))
        return false;
    memcpy(host, text.at, host_len);
    host[host_len] = '\0';
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    *len = sizeof *v4;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        return true;
    if (host_len < 3 || host[0] != '[' || host[host_len - 1] != ']')
        return false;
    host[host_len - 1] = '\0';
    memset(address, 0, sizeof *address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *len = sizeof *v6;
    return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

/* Says where, as it is: a port of 0 has been chosen by now. */
static void say_where(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    const struct sockaddr_in *v4 = (const void *)&address;
    const struct sockaddr_in6 *v6 = (const void *)&address;
    if (address.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        mc_log(MC_LOG_INFO, "listening on http://%s:%u/", host, ntohs(v4->sin_port));
    else if (address.ss_family == AF_INET6 &&
             inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host))
        mc_log(MC_LOG_INFO, "listening on http://[%s]:%u/", host, ntohs(v6->sin6_port));
    else
        mc_log(MC_LOG_INFO, "listening on a socket that was passed on");
}

static bool listen_on(struct service *service, struct mc_span where)
{
    struct sockaddr_storage address;
    socklen_t len;
    int on = 1;
    if (!read_address(where, &address, &len)) {
        mc_log(MC_LOG_ERROR, "--listen takes 127.0.0.1:8025 or [::1]:8025, not \"%.*s\"",
               (int)where.len, where.at);
        return false;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (address.ss_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, BACKLOG) != 0) {
        mc_log(MC_LOG_ERROR, "cannot listen on %.*s: %s", (int)where.len, where.at,
               strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!is_loopback(&address) && !service->settings->keys)
        mc_log(MC_LOG_WARNING,
               "%.*s is open to others: without --keys they get syntax and DNS only",
               (int)where.len, where.at);
    say_where(fd);
    mc_http_server_listen(service->server, fd);
    return true;
}

static bool listen_everywhere(struct service *service)
{
    int first;
    size_t passed = mc_service_sockets(&first);
    const char *list = service->settings->listen ? service->settings->listen : LOCAL_ADDRESS;
    for (size_t i = 0; i < passed; i++) {
        say_where(first + (int)i);
        mc_http_server_listen(service->server, first + (int)i);
    }
    while (!passed && list) {
        const char *comma = strchr(list, ',');
        if (!listen_on(service, comma ? mc_span(list, (size_t)(comma - list)) : mc_span_of(list)))
            return false;
        list = comma ? comma + 1 : NULL;
    }
    return true;
}

/* ---- signals ---- */

static void on_end(void *arg, int number)
{
    struct service *service = arg;
    if (service->draining_since_ms)
        _exit(128 + number);
    mc_log(MC_LOG_INFO, "answering what is under way, then ending");
    mc_service_tell("STOPPING=1");
    service->draining_since_ms = mc_loop_now_ms(service->loop);
    mc_endpoints_drain(service->endpoints);
    mc_http_server_drain(service->server);
}

static void on_reload(void *arg, int number)
{
    struct service *service = arg;
    char error[512];
    (void)number;
    if (!service->settings->keys)
        mc_log(MC_LOG_INFO, "no --keys: there is nothing to read again");
    else if (!mc_access_reload(service->access, error, sizeof error))
        mc_log(MC_LOG_ERROR, "%s; the keys stay as they were", error);
    else
        mc_log(MC_LOG_INFO, "keys read again");
}

static void on_watchdog(void *arg)
{
    struct service *service = arg;
    mc_service_tell("WATCHDOG=1");
    mc_timer_set(&service->watchdog, mc_loop_now_ms(service->loop) + mc_service_watchdog_ms());
}

/* ---- running ---- */

static void turn(struct service *service, int timeout_ms)
{
    mc_loop_run(service->loop, timeout_ms);
    mc_desk_turn(service->desk);
}

/* The last replies are on their way. */
static bool is_drained(const struct service *service)
{
    struct mc_http_counts counts;
    mc_http_server_count(service->server, &counts);
    return !counts.open || mc_loop_now_ms(service->loop) - service->draining_since_ms > DRAIN_MS;
}

static int run(struct service *service)
{
    char error[512];
    struct mc_desk_counts counts;
    while (!service->draining_since_ms || !is_drained(service))
        turn(service, service->draining_since_ms ? 50 : TURN_MS);
    mc_desk_stop(service->desk);
    int64_t until = mc_loop_now_ms(service->loop) + GOODBYE_MS;
    do {
        turn(service, 20);
        mc_desk_count(service->desk, &counts);
    } while (counts.open_connections && mc_loop_now_ms(service->loop) < until);
    if (mc_desk_keep(service->desk, error, sizeof error))
        return MC_EXIT_OK;
    mc_log(MC_LOG_ERROR, "%s", error);
    return MC_EXIT_FAILED;
}

static void notice(void *arg, const char *line)
{
    (void)arg;
    mc_log(MC_LOG_WARNING, "%s", line);
}

static size_t affordable(size_t connections, uint32_t concurrency)
{
    struct rlimit limit;
    size_t others = (size_t)concurrency + concurrency / 2 + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= connections + others)
        return connections;
    size_t fewer = limit.rlim_cur > others + OTHER_FILES ? limit.rlim_cur - others : OTHER_FILES;
    mc_log(MC_LOG_WARNING,
           "only %zu connections at once: %llu open files are allowed here "
           "(see ulimit -n)",
           fewer, (unsigned long long)limit.rlim_cur);
    return fewer;
}

static bool make(struct service *service, struct mailcheck_options *options)
{
    const struct mc_settings *settings = service->settings;
    char error[1024] = "";
    const struct mc_access_options access = {
        .keys = settings->keys,
        .trusted_proxies = settings->trusted_proxy,
        .origins = settings->cors,
        .rate = settings->rate,
    };
    struct mc_http_options http = {
        .handle = mc_endpoints_handle,
        .refused = mc_endpoints_refused,
        .connections_max = affordable(settings->connections, options->concurrency),
        .receive_ms = RECEIVE_MS,
        .idle_ms = IDLE_MS,
    };
    service->access = mc_access_new(&access, error, sizeof error);
    if (service->access)
        service->desk = mc_desk_new(service->loop, options, error, sizeof error);
    if (!service->desk) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return false;
    }
    service->endpoints =
        mc_endpoints_new(service->loop, service->desk, service->access, settings->log_addresses);
    http.arg = service->endpoints;
    service->server = mc_http_server_new(service->loop, &http);
    mc_endpoints_set_server(service->endpoints, service->server);
    return listen_everywhere(service);
}

static int make_key(const struct mc_settings *settings)
{
    char key[MC_KEY_TEXT], error[512];
    if (!settings->keys) {
        mc_log(MC_LOG_ERROR, "--make-key adds to a file: name it with --keys FILE");
        return MC_EXIT_USAGE;
    }
    if (!mc_access_make_key(settings->keys, settings->make_key, key, error, sizeof error)) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    puts(key);
    return fflush(stdout) == 0 ? MC_EXIT_OK : MC_EXIT_FAILED;
}

int mc_cmd_serve(const struct mc_settings *settings)
{
    struct service service = {.settings = settings};
    struct mailcheck_options options;
    int status = MC_EXIT_FAILED;
    if (settings->operand_count) {
        mc_log(MC_LOG_ERROR, "serve takes options only, not \"%s\"", settings->operands[0]);
        return MC_EXIT_USAGE;
    }
    if (settings->make_key)
        return make_key(settings);
    if (settings->log_addresses && mc_log_level() == MC_LOG_WARNING)
        mc_log_set_level(MC_LOG_INFO);
    mc_settings_engine(settings, &options);
    options.notice = notice;
    service.loop = mc_loop_new();
    mc_timer_init(&service.watchdog, service.loop, on_watchdog, &service);
    if (make(&service, &options)) {
        mc_loop_on_signal(service.loop, SIGTERM, on_end, &service);
        mc_loop_on_signal(service.loop, SIGINT, on_end, &service);
        mc_loop_on_signal(service.loop, SIGHUP, on_reload, &service);
        mc_service_tell("READY=1");
        if (mc_service_watchdog_ms())
            on_watchdog(&service);
        status = run(&service);
    }
    mc_timer_cancel(&service.watchdog);
    mc_http_server_free(service.server);
    mc_endpoints_free(service.endpoints);
    mc_desk_free(service.desk);
    mc_access_free(service.access);
    mc_loop_free(service.loop);
    return status;
}
