/* The network in memory and in virtual time: loop/stream.h against scripted servers. Nothing is
 * sent anywhere; every event comes from the fake loop.
 *
 * A server is a struct of the test: how it answers a connect, a greeting, rules for the lines it
 * is sent. What no rule covers is answered as a plain, friendly mail server would. It counts what
 * it sees, so that a test can ask for the greatest number of connections or for a missing QUIT.
 *
 *     static const struct sim_rule rules[] = {
 *         {.line = "RCPT TO:<dead@*", .reply = "550 5.1.1 no such user\r\n"},
 *         {.line = "RCPT TO:*", .reply = "450 4.2.0 greylisted\r\n", .times = 1},
 *         {.line = "NOOP*", .then = SIM_RESET},
 *     };
 *     struct sim_server server = {.latency_ms = 20, SIM_RULES(rules)};
 *     sim_net_serve(net, "198.18.0.1", 25, &server);
 */
#ifndef SIM_FAKE_STREAM_H
#define SIM_FAKE_STREAM_H

#include <stdint.h>

#include "base/memory.h"
#include "base/text.h"
#include "loop/stream.h"

struct sim_connection; /* one connection, seen from the server */

enum sim_connect {
    SIM_ACCEPT,
    SIM_REFUSE,
    SIM_UNREACHABLE,
    SIM_OURS,
    SIM_PROXY_FAILS,
    SIM_SILENT, /* neither yes nor no */
};

enum sim_then { SIM_STAY, SIM_CLOSE, SIM_RESET };
enum sim_tls { SIM_TLS_WORKS, SIM_TLS_FAILS, SIM_TLS_SILENT };

struct sim_rule {
    const char *line;  /* what the client says, without CRLF, ASCII case aside; '*' is any text */
    const char *reply; /* raw bytes; NULL: silence */
    uint32_t delay_ms; /* beside the server's latency_ms */
    enum sim_then then;
    unsigned times; /* it serves so many lines (of all connections), then later rules do; 0: all */
};

#define SIM_RULES(table) .rules = (table), .rule_count = MC_ARRAY_LEN(table)

/* {0} is a friendly server without delays. Borrowed by the net. */
struct sim_server {
    enum sim_connect connect;
    uint32_t connect_ms;  /* until the connect is decided */
    uint32_t latency_ms;  /* before each reply, the greeting too */
    const char *greeting; /* raw bytes; NULL: "220 mx.example ESMTP\r\n"; "": silence, or
                             `opened` sends one (`early` and `abandoned` then do not count) */
    enum sim_then after_greeting;
    const char *ehlo; /* the default answer to EHLO; NULL: one with PIPELINING, STARTTLS... */
    enum sim_tls tls;
    size_t piece; /* bytes a delivery, each its own event; 0: a reply in one */
    const struct sim_rule *rules;
    size_t rule_count;
    /* Or in C. Both may be NULL; `line` returns true where it has dealt with the line itself. */
    void (*opened)(void *arg, struct sim_connection *connection);
    bool (*line)(void *arg, struct sim_connection *connection, struct mc_span line);
    void *arg;

    /* Counted by the fake. */
    unsigned attempts, accepted; /* connects asked for, and let in */
    unsigned open, max_open;     /* connections as the server sees them */
    unsigned early;              /* writes that came before the greeting was sent in full */
    unsigned quits;              /* connections that ended with a QUIT */
    unsigned abandoned; /* greeted ones, not ended by 421, that the client closed without QUIT
                           while the server had them open */
    struct mc_text log; /* "1< line\n", "1> reply\n": connection number and direction; events as
                           "1! closed by client\n" */
    unsigned *matched;  /* how often each rule has answered */
};
void sim_server_clear(struct sim_server *server); /* frees log and counters */

/* `server` answers at this address; without one a connect is refused. */
void sim_net_serve(struct mc_net *net, const char *ip, uint16_t port, struct sim_server *server);

/* What mc_net_can_reach says; both families at the start. */
void sim_net_set_reach(struct mc_net *net, int family, bool can_reach);

/* For servers in C. Events of one connection come in the order of these calls, each `delay_ms`
 * after now or after the one before, whichever is later. */
void sim_send(struct sim_connection *connection, const char *bytes, uint32_t delay_ms);
void sim_close(struct sim_connection *connection, uint32_t delay_ms);
void sim_reset(struct sim_connection *connection, uint32_t delay_ms);
struct sim_server *sim_connection_server(struct sim_connection *connection);
unsigned sim_connection_number(const struct sim_connection *connection); /* from 1, a server */
bool sim_connection_is_tls(const struct sim_connection *connection);

#endif
