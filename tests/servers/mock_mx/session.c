#include "session.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REPLY_MAX = 8192 };

/* What the texts of a script may name in braces. */
struct names {
    const char *recipient, *domain;
};

static void expand(char *out, size_t size, const char *text, const struct session *session,
                   const struct names *names)
{
    const struct {
        const char *name, *value;
    } values[] = {
        {"{rcpt}", names ? names->recipient : ""},
        {"{domain}", names ? names->domain : ""},
        {"{sender}", session->sender},
        {"{helo}", session->helo},
        {"{ip}", session->peer},
        {"{name}", session->server->name},
    };
    size_t len = 0;
    while (*text && len + 1 < size) {
        size_t i = 0, count = sizeof values / sizeof *values;
        if (*text == '{')
            while (i < count && strncmp(text, values[i].name, strlen(values[i].name)) != 0)
                i++;
        if (*text != '{' || i == count) {
            out[len++] = *text++;
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, "%s", values[i].value);
        if (len >= size)
            len = size - 1;
        text += strlen(values[i].name);
    }
    out[len] = 0;
}

/* The lines of `text` as a reply on the wire: "250 a\nb" becomes "250-a", "250 b". A script that
 * writes the codes itself ("550-5.1.1 a\n550 b") is left alone. */
static size_t to_wire(char *out, size_t size, const char *text)
{
    size_t len = 0;
    bool coded = strlen(text) > 3 && isdigit((unsigned char)text[0]);
    for (const char *at = text; at && len < size;) {
        const char *end = strchr(at, '\n');
        int width = end ? (int)(end - at) : (int)strlen(at);
        if (!coded)
            len += (size_t)snprintf(out + len, size - len, "%.*s\r\n", width, at);
        else if (at != text && strncmp(at, text, 3) == 0)
            len += (size_t)snprintf(out + len, size - len, "%.3s%c%.*s\r\n", text, end ? '-' : ' ',
                                    width - 4, at + 4);
        else
            len += (size_t)snprintf(out + len, size - len, "%.3s%c%.*s\r\n", text, end ? '-' : ' ',
                                    at == text ? width - 4 : width, at == text ? at + 4 : at);
        at = end ? end + 1 : NULL;
    }
    return len < size ? len : size - 1;
}

static void send_text(struct session *session, struct connection *connection, const char *text,
                      const struct names *names, struct sending how)
{
    char expanded[REPLY_MAX], wire[REPLY_MAX];
    expand(expanded, sizeof expanded, text, session, names);
    size_t len = to_wire(wire, sizeof wire, expanded);
    if (how.close) {
        session->ended_by_us = true;
        session->silent = true;
    }
    if (!how.delay_ms)
        how.delay_ms = session->server->delay_ms;
    if (!how.drip_ms)
        how.drip_ms = session->server->drip_ms;
    connection_send(connection, wire, len, &how);
}

static void reply(struct session *session, struct connection *connection, const char *text)
{
    bool last = strncmp(text, "421", 3) == 0;
    send_text(session, connection, text, NULL, (struct sending){.close = last});
}

static const struct fault *fault_of(const struct session *session, enum stage stage)
{
    const struct server *server = session->server;
    for (size_t i = server->fault_count; i-- > 0;) {
        const struct fault *fault = &server->faults[i];
        if (fault->stage == stage && session->seen[stage] >= fault->after &&
            (!fault->sessions || session->number <= fault->sessions))
            return fault;
    }
    return NULL;
}

static void send_giant(struct session *session, struct connection *connection, const char *text,
                       long lines)
{
    char line[128];
    for (long i = 0; i < lines; i++) {
        int len = snprintf(line, sizeof line, "%.3s-line %ld of far too many of them\r\n", text, i);
        connection_send(connection, line, (size_t)len, &(struct sending){0});
    }
    send_text(session, connection, text, NULL, (struct sending){0});
}

/* Does what the fault says. `normal` is what would have been said. Returns the text that was
 * said in its place, NULL where the session is over or silent. */
static const char *commit(struct session *session, struct connection *connection,
                          const struct fault *fault, const char *normal, const struct names *names)
{
    static const char junk[] = "\xff\xfe\x01 this is \x80 no reply\r\n\r\n<html>\r\n";
    struct sending how = {0};
    switch (fault->action) {
    case DO_REPLY:
        how.close = strncmp(fault->text, "421", 3) == 0;
        send_text(session, connection, fault->text, names, how);
        return how.close ? NULL : fault->text;
    case DO_BYE:
        how.close = true;
        send_text(session, connection, fault->text, names, how);
        return NULL;
    case DO_CLOSE:
        how.close = true;
        session->silent = session->ended_by_us = true;
        connection_send(connection, "", 0, &how);
        return NULL;
    case DO_SILENT:
        session->silent = true;
        return NULL;
    case DO_GARBAGE:
        connection_send(connection, junk, sizeof junk - 1, &how);
        session->no_greeting |= fault->stage == AT_BANNER;
        return normal;
    case DO_ENDLESS:
        how.endless = true;
        session->silent = true;
        connection_send(connection, "250-and on and on it goes ", 26, &how);
        return NULL;
    case DO_GIANT:
        send_giant(session, connection, normal, fault->number);
        return normal;
    case DO_DRIP:
        how.drip_ms = fault->number;
        send_text(session, connection, normal, names, how);
        return normal;
    case DO_WAIT:
        how.delay_ms = fault->number;
        send_text(session, connection, normal, names, how);
        return normal;
    }
    return normal;
}

/* The normal reply of a stage, or the script's fault in its place. */
static const char *answer(struct session *session, struct connection *connection, enum stage stage,
                          const char *normal, const struct names *names)
{
    session->seen[stage]++;
    const struct fault *fault = fault_of(session, stage);
    if (fault)
        return commit(session, connection, fault, normal, names);
    bool last = strncmp(normal, "421", 3) == 0;
    send_text(session, connection, normal, names, (struct sending){.close = last});
    return last ? NULL : normal;
}

static bool accepted(const char *text)
{
    return text && *text == '2';
}

/* The greeting line by line, each so much later: postscreen's way to catch early talkers. */
static void greet_slowly(struct session *session, struct connection *connection, const char *text)
{
    const char *start = text;
    for (const char *end; (end = strchr(start, '\n')); start = end + 1) {
        char line[512];
        int len = snprintf(line, sizeof line, "%.3s-%.*s\r\n", text,
                           (int)(end - start) - (start == text ? 4 : 0),
                           start == text ? start + 4 : start);
        connection_send(connection, line, (size_t)len, &(struct sending){0});
    }
    char last[512];
    int len = snprintf(last, sizeof last, "%.3s %s\r\n", text, start == text ? text + 4 : start);
    connection_send(connection, last, (size_t)len,
                    &(struct sending){.delay_ms = session->server->banner_gap_ms});
}

void session_begin(struct session *session, struct connection *connection, struct world *world)
{
    struct server *server = session->server;
    if (server->rate) {
        if (world->now_ms - server->rate_from_ms >= server->rate_ms) {
            server->rate_from_ms = world->now_ms;
            server->rate_used = 0;
        }
        server->rate_used++;
    }
    bool crowded = server->max_connections && server->open > server->max_connections;
    if (crowded || (server->rate && server->rate_used > server->rate)) {
        reply(session, connection, server_text(server, "connections"));
        return;
    }
    session->seen[AT_BANNER] = 1;
    bool faulty = fault_of(session, AT_BANNER);
    session->seen[AT_BANNER] = 0;
    if (server->banner_gap_ms && !faulty) {
        char text[REPLY_MAX];
        expand(text, sizeof text, server_text(server, "banner"), session, NULL);
        greet_slowly(session, connection, text);
        return;
    }
    answer(session, connection, AT_BANNER, server_text(server, "banner"), NULL);
}

static void on_hello(struct session *session, struct connection *connection, const char *name,
                     bool extended)
{
    const struct server *server = session->server;
    snprintf(session->helo, sizeof session->helo, "%s", name);
    session->mail_open = false;
    if (extended && server->helo_only) {
        reply(session, connection, "502 5.5.1 Error: command not recognized");
        return;
    }
    char text[REPLY_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "250 {name} greets {helo}");
    if (extended) {
        if (server->pipelining != PIPE_NO)
            len += (size_t)snprintf(text + len, sizeof text - len, "\nPIPELINING");
        if (server->tls != TLS_NONE && !session->tls)
            len += (size_t)snprintf(text + len, sizeof text - len, "\nSTARTTLS");
        if (server->smtputf8)
            len += (size_t)snprintf(text + len, sizeof text - len, "\nSMTPUTF8");
        for (const char *at = server->extensions; *at && len < sizeof text;) {
            size_t width = strcspn(at, ",");
            len += (size_t)snprintf(text + len, sizeof text - len, "\n%.*s", (int)width, at);
            at += width + (at[width] == ',');
        }
    }
    const char *said = answer(session, connection, extended ? AT_EHLO : AT_HELO, text, NULL);
    if (accepted(said)) {
        session->greeted_back = true;
        session->extended = extended;
    }
}

static void on_mail(struct session *session, struct connection *connection, char *path)
{
    if (session->server->tls == TLS_REQUIRE && !session->tls) {
        reply(session, connection, "530 5.7.0 Must issue a STARTTLS command first");
        return;
    }
    if (!session->greeted_back || session->mail_open) {
        reply(session, connection,
              session->mail_open ? "503 5.5.1 Error: nested MAIL command"
                                 : "503 5.5.1 Error: send HELO/EHLO first");
        return;
    }
    char *start = strchr(path, '<'), *end = strchr(path, '>');
    if (!start || !end) {
        reply(session, connection, "501 5.5.4 Syntax: MAIL FROM:<address>");
        return;
    }
    *end = 0;
    snprintf(session->sender, sizeof session->sender, "%s", start + 1);
    session->transaction_rcpt = 0;
    session->mail_open = accepted(answer(session, connection, AT_MAIL, "250 2.1.0 Ok", NULL));
}

/* Postfix's and everybody's: so long after the first try, or after so many tries. */
static bool still_grey(const struct session *session, struct world *world, const char *address)
{
    const struct server *server = session->server;
    if (!server->greylist_ms && !server->greylist_tries)
        return false;
    uint64_t key = hash_text(address, hash_text(session->sender, hash_text(session->peer, 1)));
    int64_t *seen = map_at(world->greylist, key);
    if (!seen[0])
        seen[0] = world->now_ms ? world->now_ms : 1;
    seen[1]++;
    return server->greylist_ms ? world->now_ms - seen[0] < server->greylist_ms
                               : seen[1] <= server->greylist_tries;
}

static const char *recipient_kind(struct session *session, struct world *world,
                                  const struct names *names)
{
    const struct server *server = session->server;
    if (server->max_rcpt && session->transaction_rcpt >= server->max_rcpt)
        return "toomany";
    if (server->session_rcpt &&
        session->accepted + session->refused + session->deferred >= server->session_rcpt)
        return "sessionlimit";
    if (!server_serves(server, names->domain))
        return "relay";
    const char *kind = server_kind_of(server, world->script.mailboxes, names->recipient);
    for (const char *c = names->recipient; *c && !server->smtputf8; c++)
        if ((unsigned char)*c > 127)
            return "noutf8";
    if ((server->greylist_all || strcmp(kind, "unknown") != 0) &&
        still_grey(session, world, names->recipient))
        return "grey";
    return kind;
}

static void on_rcpt(struct session *session, struct connection *connection, struct world *world,
                    char *path)
{
    char *start = strchr(path, '<'), *end = strrchr(path, '>');
    if (!session->mail_open || !start || !end || end < start) {
        reply(session, connection,
              session->mail_open ? "501 5.5.4 Syntax: RCPT TO:<address>"
                                 : "503 5.5.1 Error: need MAIL command");
        return;
    }
    *end = 0;
    for (char *c = start; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    char *at = strrchr(start, '@');
    struct names names = {start + 1, at ? at + 1 : ""};

    session->server->recipients++;
    const char *kind = recipient_kind(session, world, &names);
    const char *text = server_text(session->server, kind);
    if (!text)
        text = "451 4.3.0 The script has no such kind";
    const char *said = answer(session, connection, AT_RCPT, text, &names);
    connection_log_recipient(connection, names.recipient, said ? said : "-");
    session->transaction_rcpt++;
    if (accepted(said))
        session->accepted++;
    else if (said && *said == '5')
        session->refused++;
    else
        session->deferred++;
    session->unknown += strcmp(kind, "unknown") == 0;
    session->errors += said && *said == '5';
    if (!session->silent && session->server->hard_errors &&
        session->errors >= session->server->hard_errors)
        reply(session, connection, server_text(session->server, "errors"));
}

static void on_starttls(struct session *session, struct connection *connection)
{
    if (session->server->tls == TLS_NONE || session->tls) {
        reply(session, connection, "502 5.5.1 Error: command not implemented");
        return;
    }
    const char *said =
        answer(session, connection, AT_STARTTLS, "220 2.0.0 Ready to start TLS", NULL);
    session->start_tls = accepted(said);
}

static void on_other(struct session *session, struct connection *connection, const char *line)
{
    if (strncasecmp(line, "DATA", 4) == 0 || strncasecmp(line, "BDAT", 4) == 0)
        session->mail_data = true;
    if (strncasecmp(line, "NOOP", 4) == 0)
        answer(session, connection, AT_OTHER, "250 2.0.0 Ok", NULL);
    else
        answer(session, connection, AT_OTHER, "502 5.5.2 Error: command not recognized", NULL);
}

bool session_line(struct session *session, struct connection *connection, struct world *world,
                  char *line, bool more, bool unanswered)
{
    const struct server *server = session->server;
    session->commands++;
    if (strncasecmp(line, "QUIT", 4) == 0) {
        session->quit = true;
        if (!session->silent) {
            session->ended_by_us = true;
            answer(session, connection, AT_QUIT, "221 2.0.0 Bye", NULL);
            connection_send(connection, "", 0, &(struct sending){.close = true});
        }
        return false;
    }
    if (session->silent)
        return true;
    if ((more || unanswered) && (server->pipelining == PIPE_NO || !session->extended)) {
        session->unasked = true;
        if (server->punish_unasked) {
            send_text(session, connection, "554 5.5.0 SMTP protocol synchronization error", NULL,
                      (struct sending){.close = true});
            return false;
        }
    }
    if (strncasecmp(line, "EHLO ", 5) == 0)
        on_hello(session, connection, line + 5, true);
    else if (strncasecmp(line, "HELO ", 5) == 0)
        on_hello(session, connection, line + 5, false);
    else if (strncasecmp(line, "MAIL FROM:", 10) == 0)
        on_mail(session, connection, line + 10);
    else if (strncasecmp(line, "RCPT TO:", 8) == 0)
        on_rcpt(session, connection, world, line + 8);
    else if (strncasecmp(line, "STARTTLS", 8) == 0)
        on_starttls(session, connection);
    else if (strncasecmp(line, "RSET", 4) == 0) {
        session->mail_open = false;
        answer(session, connection, AT_RSET, "250 2.0.0 Ok", NULL);
    } else
        on_other(session, connection, line);

    if (more && server->pipelining == PIPE_CLOSES) {
        session->ended_by_us = session->silent = true;
        connection_send(connection, "", 0, &(struct sending){.close = true});
    }
    return !(more && server->pipelining == PIPE_DROPS);
}

void session_early(struct session *session, struct connection *connection)
{
    session->early = true;
    if (session->server->punish_early && !session->silent)
        send_text(session, connection, "554 5.5.1 Protocol error: you talk too soon", NULL,
                  (struct sending){.close = true});
}
