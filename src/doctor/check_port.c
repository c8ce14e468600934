/* Do connections to port 25 leave this host? One to a mail server of each of a few providers: the
 * greeting is read, QUIT is said. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "doctor/state.h"

#define LINE_MAX_BYTES 512
#define LINGER_MS      1000

struct visit {
    struct mc_doctor *doctor;
    const char *domain;
    char host[256], address[MC_IP_TEXT_SIZE];
    struct mc_stream *stream;
    struct mc_timer limit;
    struct mc_text greeting;
    bool connected, done;
    char why[200]; /* it did not come about */
};

static void note_local_address(struct mc_doctor *doctor, const char *text)
{
    struct mc_ip ip;
    if (doctor->has_address || !mc_ip_parse(&ip, mc_span_of(text)))
        return;
    doctor->address = ip;
    doctor->has_address = doctor->address_is_seen = true;
}

static void end(struct visit *visit)
{
    visit->done = true;
    visit->doctor->pending--;
    mc_timer_cancel(&visit->limit);
    mc_stream_close(visit->stream);
    visit->stream = NULL;
}

static void on_connected(void *owner)
{
    struct visit *visit = owner;
    visit->connected = true;
    if (!visit->doctor->options->proxy)
        note_local_address(visit->doctor, mc_stream_local_address(visit->stream));
    mc_timer_set(&visit->limit, mc_loop_now_ms(visit->doctor->loop) + MC_DOCTOR_GREETING_MS);
}

/* The last line of the greeting is here: "220 ", not "220-". */
static bool is_complete(const struct mc_text *greeting)
{
    const char *line = greeting->at, *end = greeting->at + greeting->len, *next;
    for (; (next = memchr(line, '\n', (size_t)(end - line))); line = next + 1)
        if (next - line < 4 || line[3] != '-')
            return true;
    return false;
}

static void on_received(void *owner, const char *bytes, size_t len)
{
    static const char quit[] = "QUIT\r\n";
    struct visit *visit = owner;
    size_t room = LINE_MAX_BYTES * 4 - visit->greeting.len;
    mc_text_add(&visit->greeting, bytes, len < room ? len : room);
    if (!is_complete(&visit->greeting) && len < room)
        return;
    mc_timer_cancel(&visit->limit);
    mc_stream_finish(visit->stream, quit, sizeof quit - 1, true, LINGER_MS);
}

static void on_failed(void *owner, enum mc_stream_failure failure, const char *why)
{
    struct visit *visit = owner;
    (void)failure;
    snprintf(visit->why, sizeof visit->why, "%s", why);
    end(visit);
}

static void on_finished(void *owner)
{
    end(owner);
}

static void on_limit(void *arg)
{
    struct visit *visit = arg;
    snprintf(visit->why, sizeof visit->why, "no %s within %d s",
             visit->connected ? "greeting" : "connection", MC_DOCTOR_GREETING_MS / 1000);
    end(visit);
}

static const struct mc_stream_events events = {
    .connected = on_connected,
    .received = on_received,
    .failed = on_failed,
    .finished = on_finished,
};

/* The first address of the best host that this host has the family for. */
static bool choose(struct visit *visit, const struct mc_mx_answer *answer,
                   struct sockaddr_storage *to, socklen_t *len)
{
    struct mc_doctor *doctor = visit->doctor;
    for (size_t i = 0; i < answer->count; i++) {
        const struct mc_ip *ip;
        size_t count = mc_mx_host_addresses(doctor->mx, answer->entries[i].host, &ip);
        for (size_t k = 0; k < count; k++) {
            if (!mc_net_can_reach(doctor->net, ip[k].family == 4 ? AF_INET : AF_INET6))
                continue;
            struct mc_span host = mc_mx_host_name(doctor->mx, answer->entries[i].host);
            snprintf(visit->host, sizeof visit->host, "%.*s", (int)host.len, host.at);
            mc_ip_format(&ip[k], visit->address);
            struct sockaddr_in v4 = {.sin_family = AF_INET,
                                     .sin_port = htons(doctor->options->smtp_port)};
            struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
            memcpy(&v4.sin_addr, ip[k].octets, 4);
            memcpy(&v6.sin6_addr, ip[k].octets, 16);
            *len = ip[k].family == 4 ? sizeof v4 : sizeof v6;
            memcpy(to, ip[k].family == 4 ? (void *)&v4 : (void *)&v6, *len);
            return true;
        }
    }
    return false;
}

static void on_mx(void *arg, const struct mc_mx_answer *answer)
{
    struct visit *visit = arg;
    struct mc_doctor *doctor = visit->doctor;
    struct sockaddr_storage to;
    socklen_t len;
    if (!choose(visit, answer, &to, &len)) {
        snprintf(visit->why, sizeof visit->why, "%s",
                 answer->count ? "no address that this host can reach" : answer->detail);
        end(visit);
        return;
    }
    visit->stream =
        mc_stream_connect(doctor->net, (const struct sockaddr *)&to, len, &events, visit);
    uint32_t wait_ms = doctor->options->connect_timeout_ms;
    if (wait_ms > MC_DOCTOR_GREETING_MS)
        wait_ms = MC_DOCTOR_GREETING_MS;
    mc_timer_set(&visit->limit, mc_loop_now_ms(doctor->loop) + wait_ms);
}

static void judge(struct mc_doctor *doctor, const struct visit *visit, bool open)
{
    const char *port_advice =
        doctor->options->proxy
            ? "see that the proxy runs and lets port 25 through"
            : "most networks and clouds close port 25: ask yours to open it, or probe from "
              "elsewhere with --proxy socks5://HOST:PORT";
    if (visit->greeting.len) {
        struct mc_span text = mc_text_span(&visit->greeting);
        const char *line_end = memchr(text.at, '\n', text.len);
        int len = (int)(line_end ? (size_t)(line_end - text.at) : text.len);
        len -= len && text.at[len - 1] == '\r';
        bool good = text.at[0] == '2';
        mc_doctor_say(doctor, MC_DOCTOR_PORT, good ? MC_DOCTOR_OK : MC_DOCTOR_WARN,
                      good ? "" : "it turns this address away: see the checks below for why",
                      "%s (%s [%s]): %.*s", visit->domain, visit->host, visit->address, len,
                      text.at);
    } else if (!visit->host[0]) {
        mc_doctor_say(doctor, MC_DOCTOR_PORT, open ? MC_DOCTOR_WARN : MC_DOCTOR_STOP,
                      "see what the resolver says above", "%s: %s", visit->domain, visit->why);
    } else {
        mc_doctor_say(doctor, MC_DOCTOR_PORT, open ? MC_DOCTOR_WARN : MC_DOCTOR_STOP,
                      open ? "others answer: try again later" : port_advice, "%s (%s [%s]): %s",
                      visit->domain, visit->host, visit->address,
                      visit->why[0] ? visit->why : "closed without a greeting");
    }
}

void mc_doctor_check_port(struct mc_doctor *doctor)
{
    struct visit visits[MC_DOCTOR_PROVIDERS] = {0};
    bool open = false;
    for (size_t i = 0; i < MC_DOCTOR_PROVIDERS; i++) {
        visits[i].doctor = doctor;
        visits[i].domain = mc_doctor_providers[i];
        mc_timer_init(&visits[i].limit, doctor->loop, on_limit, &visits[i]);
        doctor->pending++;
        mc_mx_lookup(doctor->mx, mc_span_of(visits[i].domain), on_mx, &visits[i]);
    }
    mc_doctor_wait(doctor);
    for (size_t i = 0; i < MC_DOCTOR_PROVIDERS; i++)
        open |= visits[i].connected;
    for (size_t i = 0; i < MC_DOCTOR_PROVIDERS; i++) {
        if (visits[i].done)
            judge(doctor, &visits[i], open);
        mc_timer_cancel(&visits[i].limit);
        mc_stream_close(visits[i].stream);
        mc_text_free(&visits[i].greeting);
    }
}
