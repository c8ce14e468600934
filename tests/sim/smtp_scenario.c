#include "smtp_scenario.h"

#include <stdio.h>

#include "base/text.h"
#include "fake_loop.h"
#include "smtp_world.h"

enum { SERVERS = 8, RULES = 16, ASKED = 64 };

struct scenario {
    const struct sim_limits *limits;
    struct mc_prober_options options;
    unsigned lost_limit, greylist_tries;
    uint32_t greylist_wait_ms;
    struct mc_text zone;
    struct sim_server servers[SERVERS];
    char *ips[SERVERS];
    struct sim_rule rules[SERVERS][RULES];
    size_t server_count, ask_count;
    struct ask {
        char *address;
        unsigned many;
        bool smtputf8, control;
    } asks[ASKED];
    struct sim_world *world;
    struct mc_text failed;
    unsigned line;
    char **kept; /* strings that live as long as the scenario */
    size_t kept_count, kept_room;
    bool excused[SERVERS]; /* from a QUIT */
};

static char *keep(struct scenario *s, const char *text)
{
    s->kept = mc_grow(s->kept, s->kept_count, &s->kept_room, sizeof *s->kept);
    return s->kept[s->kept_count++] = mc_strdup(text);
}

static void __attribute__((format(printf, 2, 3)))
complain(struct scenario *s, const char *format, ...)
{
    va_list args;
    mc_text_printf(&s->failed, "line %u: ", s->line);
    va_start(args, format);
    mc_text_vprintf(&s->failed, format, args);
    va_end(args);
    mc_text_add_char(&s->failed, '\n');
}

/* The next word, cut off in place; NULL at the end. */
static char *word(char **rest)
{
    char *at = *rest + strspn(*rest, " ");
    if (!*at)
        return NULL;
    size_t len = strcspn(at, " ");
    *rest = at + len + (at[len] != '\0');
    at[len] = '\0';
    return at;
}

static bool setting(const char *text, const char *name, uint32_t *value)
{
    size_t len = strlen(name);
    uint64_t number;
    if (strncmp(text, name, len) != 0 || text[len] != '=' ||
        !mc_parse_u64(mc_span_of(text + len + 1), UINT32_MAX, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

/* "\n" to CRLF, with one at the end; "-" is NULL. */
static char *wire(struct scenario *s, const char *text)
{
    struct mc_text out = {0};
    bool cut = false;
    if (strcmp(text, "-") == 0)
        return NULL;
    for (; *text; text++) {
        if (text[0] == '\\' && text[1] == 'n') {
            mc_text_add_z(&out, "\r\n");
            text++;
        } else if (text[0] == '\\' && text[1] == 'c') {
            cut = true;
            text++;
        } else {
            mc_text_add_char(&out, *text);
        }
    }
    if (!cut)
        mc_text_add_z(&out, "\r\n");
    char *copy = keep(s, mc_text_z(&out));
    mc_text_free(&out);
    return copy;
}

static void set_options(struct scenario *s, char *rest)
{
    struct mc_prober_options *o = &s->options;
    uint32_t paced = 0, gentle = 0;
    for (char *text = word(&rest); text; text = word(&rest)) {
        if (setting(text, "paced", &paced))
            o->no_pace = !paced;
        else if (setting(text, "gentle", &gentle))
            o->gentle_pace = gentle, o->no_pace = false;
        else if (!setting(text, "per_mx", &o->per_mx) &&
                 !setting(text, "per_provider", &o->per_provider) &&
                 !setting(text, "concurrency", &o->concurrency) &&
                 !setting(text, "reply_timeout", &o->reply_timeout_ms) &&
                 !setting(text, "connect_timeout", &o->connect_timeout_ms) &&
                 !setting(text, "lost", &s->lost_limit) &&
                 !setting(text, "greylist", &s->greylist_tries) &&
                 !setting(text, "wait", &s->greylist_wait_ms))
            complain(s, "what is %s?", text);
    }
}

static void set_limits(struct scenario *s, struct mc_provider *p, char *rest)
{
    for (char *text = word(&rest); text; text = word(&rest))
        if (!setting(text, "connections", &p->connections) &&
            !setting(text, "gap", &p->connect_gap_ms) &&
            !setting(text, "rcpt_per_session", &p->rcpt_per_session) &&
            !setting(text, "rcpt_per_transaction", &p->rcpt_per_transaction) &&
            !setting(text, "refusals_in_row", &p->refusals_in_row) &&
            !setting(text, "rcpt_per_minute", &p->rcpt_per_minute) &&
            !setting(text, "refusals_per_minute", &p->refusals_per_minute) &&
            !setting(text, "rcpt_per_day", &p->rcpt_per_day) &&
            !setting(text, "breaker", &p->breaker))
            complain(s, "what is %s?", text);
}

static bool choice(const char *text, const char *name, const char *const *names, size_t count,
                   size_t *index)
{
    size_t len = strlen(name);
    if (strncmp(text, name, len) != 0 || text[len] != '=')
        return false;
    for (*index = 0; *index < count; ++*index)
        if (strcmp(text + len + 1, names[*index]) == 0)
            return true;
    return false;
}

static void add_server(struct scenario *s, char *rest)
{
    static const char *const connects[] = {"accept", "refuse", "unreachable",
                                           "ours",   "proxy",  "silent"};
    static const char *const thens[] = {"stay", "close", "reset"};
    static const char *const tls[] = {"works", "fails", "silent"};
    struct sim_server *server = &s->servers[s->server_count];
    const char *ip = word(&rest);
    MC_ASSERT(s->server_count < SERVERS && ip);
    s->ips[s->server_count] = keep(s, ip);
    server->rules = s->rules[s->server_count++];
    for (char *text = word(&rest); text; text = word(&rest)) {
        uint32_t number;
        size_t index;
        if (setting(text, "latency", &number))
            server->latency_ms = number;
        else if (setting(text, "connect_ms", &number))
            server->connect_ms = number;
        else if (setting(text, "piece", &number))
            server->piece = number;
        else if (choice(text, "connect", connects, MC_ARRAY_LEN(connects), &index))
            server->connect = (enum sim_connect)index;
        else if (choice(text, "after", thens, MC_ARRAY_LEN(thens), &index))
            server->after_greeting = (enum sim_then)index;
        else if (choice(text, "tls", tls, MC_ARRAY_LEN(tls), &index))
            server->tls = (enum sim_tls)index;
        else
            complain(s, "what is %s?", text);
    }
}

static void add_rule(struct scenario *s, char *rest)
{
    static const char *const thens[] = {"stay", "close", "reset"};
    size_t at = s->server_count - 1, index;
    struct sim_rule *rule = &s->rules[at][s->servers[at].rule_count++];
    MC_ASSERT(s->servers[at].rule_count <= RULES);
    for (;;) {
        char *before = rest + strspn(rest, " "), saved = before[strcspn(before, " ")];
        char *next = before, *text = word(&next);
        uint32_t number;
        if (text && setting(text, "times", &number))
            rule->times = number;
        else if (text && setting(text, "delay", &number))
            rule->delay_ms = number;
        else if (text && choice(text, "then", thens, MC_ARRAY_LEN(thens), &index))
            rule->then = (enum sim_then)index;
        else {
            before[strlen(before)] = saved;
            rest = before;
            break;
        }
        rest = next;
    }
    char *arrow = strstr(rest, " => ");
    if (!arrow) {
        complain(s, "a rule without =>");
        return;
    }
    *arrow = '\0';
    rule->line = keep(s, rest);
    rule->reply = wire(s, arrow + 4);
}

static void add_ask(struct scenario *s, unsigned many, char *rest, bool control)
{
    const char *address = word(&rest), *flag = word(&rest);
    MC_ASSERT(s->ask_count < ASKED && address);
    s->asks[s->ask_count++] = (struct ask){
        .address = keep(s, address), .many = many, .smtputf8 = flag != NULL, .control = control};
}

static const char *domain_of(char *address)
{
    char *at = strrchr(address, '@');
    MC_ASSERT(at);
    *at = '\0';
    return at + 1;
}

static void ask_all(struct scenario *s)
{
    for (size_t i = 0; i < s->ask_count; i++) {
        char address[300], local[300];
        snprintf(address, sizeof address, "%s", s->asks[i].address);
        if (s->asks[i].control) {
            sim_world_want_control(s->world, address);
            continue;
        }
        const char *domain = domain_of(address);
        if (!s->asks[i].many)
            sim_world_ask(s->world, address, domain, s->asks[i].smtputf8);
        for (unsigned n = 1; n <= s->asks[i].many; n++) {
            snprintf(local, sizeof local, "%.100s%u", address, n);
            sim_world_ask(s->world, local, domain, false);
        }
    }
}

static void run(struct scenario *s)
{
    if (s->world)
        return;
    s->world = sim_world_new(mc_text_z(&s->zone), s->limits->lists, &s->options, true);
    s->world->lost_limit = s->lost_limit;
    s->world->greylist_tries = s->greylist_tries;
    s->world->greylist_wait_ms = s->greylist_wait_ms;
    for (size_t i = 0; i < s->server_count; i++)
        sim_net_serve(s->world->net, s->ips[i], 25, &s->servers[i]);
    ask_all(s);
    if (!sim_world_run(s->world, 48 * 3600 * 1000LL))
        complain(s, "not done in two days");
    if (sim_world_unanswered(s->world))
        complain(s, "%zu without an answer", sim_world_unanswered(s->world));
    for (size_t i = 0; i < s->server_count; i++)
        if (s->servers[i].early || (s->servers[i].abandoned && !s->excused[i]))
            complain(s, "%s: early=%u abandoned=%u", s->ips[i], s->servers[i].early,
                     s->servers[i].abandoned);
}

static void expect_one(struct scenario *s, const struct sim_recipient *got, const char *name,
                       char *rest)
{
    static const char *const kinds[] = {"reply", "lost", "hopeless", "stopped"};
    char code[8];
    if (!got) {
        complain(s, "%s was not asked about", name);
        return;
    }
    snprintf(code, sizeof code, "%u", got->code);
    for (const char *text = word(&rest); text; text = word(&rest)) {
        uint32_t within_ms;
        if (setting(text, "within", &within_ms)) {
            if (got->answered_ms > SIM_START_MS + (int64_t)within_ms)
                complain(s, "%s: %s is not so: %lld ms", name, text,
                         (long long)(got->answered_ms - SIM_START_MS));
            continue;
        }
        if (strcmp(text, kinds[got->kind]) != 0 && strcmp(text, mc_reason_name(got->reason)) != 0 &&
            strcmp(text, code) != 0 && strcmp(text, got->host) != 0 &&
            strcmp(text, mc_stage_name(got->stage)) != 0 &&
            !(strcmp(text, "backup") == 0 && got->backup) &&
            !(strcmp(text, "asked") == 0 && got->asked))
            complain(s, "%s: %s is not in: %s %s %s %s %s %s %s (%s)", name, text, kinds[got->kind],
                     mc_reason_name(got->reason), code, got->host, mc_stage_name(got->stage),
                     got->backup ? "backup" : "best", got->asked ? "asked" : "not-asked",
                     got->detail);
    }
}

static void expect(struct scenario *s, char *rest, bool each)
{
    char *address = word(&rest), local[300], copy[300];
    MC_ASSERT(address);
    const char *domain = domain_of(address);
    for (unsigned n = 1; n == 1 || each; n++) {
        snprintf(local, sizeof local, each ? "%.100s%u" : "%.100s", address, n);
        struct sim_recipient *got = sim_world_find(s->world, local, domain);
        if (each && n > 1 && !got)
            return;
        snprintf(copy, sizeof copy, "%s", rest);
        expect_one(s, got, local, copy);
    }
}

static void compare(struct scenario *s, char *rest, const char *const *names,
                    const uint64_t *values, size_t count)
{
    for (char *text = word(&rest); text; text = word(&rest)) {
        size_t len = strcspn(text, "=<"), i = 0;
        uint64_t wanted = 0;
        while (i < count && (strlen(names[i]) != len || strncmp(names[i], text, len) != 0))
            i++;
        if (i == count || !text[len] ||
            !mc_parse_u64(mc_span_of(text + len + 1), UINT64_MAX, &wanted))
            complain(s, "what is %s?", text);
        else if (text[len] == '=' ? values[i] != wanted : values[i] > wanted)
            complain(s, "%s is %llu", text, (unsigned long long)values[i]);
    }
}

static void seen(struct scenario *s, char *rest)
{
    static const char *const names[] = {"max_open", "attempts", "accepted", "quits"};
    const char *ip = word(&rest);
    for (size_t i = 0; ip && i < s->server_count; i++) {
        const struct sim_server *server = &s->servers[i];
        if (strcmp(s->ips[i], ip) != 0)
            continue;
        compare(s, rest, names,
                (uint64_t[]){server->max_open, server->attempts, server->accepted, server->quits},
                MC_ARRAY_LEN(names));
        return;
    }
    complain(s, "which server?");
}

static void total(struct scenario *s, char *rest)
{
    static const char *const names[] = {"sessions", "recipients", "notices", "ms"};
    struct mc_prober_counts counts;
    mc_prober_count(s->world->prober, &counts);
    compare(s, rest, names,
            (uint64_t[]){counts.sessions, counts.recipients, s->world->notices,
                         (uint64_t)(mc_loop_now_ms(s->world->loop) - SIM_START_MS)},
            MC_ARRAY_LEN(names));
}

static void statement(struct scenario *s, char *line)
{
    char *rest = line;
    const char *verb = word(&rest);
    if (!verb || *verb == '#')
        return;
    struct sim_server *server = &s->servers[s->server_count ? s->server_count - 1 : 0];
    bool asks_for_result = strcmp(verb, "expect") == 0 || strcmp(verb, "each") == 0 ||
                           strcmp(verb, "seen") == 0 || strcmp(verb, "total") == 0;
    if (asks_for_result)
        run(s);
    if (strcmp(verb, "set") == 0) {
        set_options(s, rest);
    } else if (strcmp(verb, "limits") == 0) {
        set_limits(s, s->limits->unknown(s->limits->lists), rest);
    } else if (strcmp(verb, "provider") == 0) {
        const char *suffix = keep(s, word(&rest));
        set_limits(s, s->limits->known(s->limits->lists, suffix), rest);
    } else if (strcmp(verb, "zone") == 0) {
        mc_text_printf(&s->zone, "%s\n", rest);
    } else if (strcmp(verb, "server") == 0) {
        add_server(s, rest);
    } else if (strcmp(verb, "greeting") == 0) {
        const char *text = wire(s, rest);
        server->greeting = text ? text : "";
    } else if (strcmp(verb, "ehlo") == 0) {
        server->ehlo = wire(s, rest);
    } else if (strcmp(verb, "excused") == 0) {
        s->excused[server - s->servers] = true;
    } else if (strcmp(verb, "rule") == 0) {
        add_rule(s, rest);
    } else if (strcmp(verb, "ask") == 0 || strcmp(verb, "control") == 0) {
        add_ask(s, 0, rest, *verb == 'c');
    } else if (strcmp(verb, "many") == 0) {
        uint64_t number = 0;
        if (!mc_parse_u64(mc_span_of(word(&rest)), 10000, &number))
            complain(s, "how many?");
        add_ask(s, (unsigned)number, rest, false);
    } else if (strcmp(verb, "expect") == 0) {
        expect(s, rest, false);
    } else if (strcmp(verb, "each") == 0) {
        expect(s, rest, true);
    } else if (strcmp(verb, "seen") == 0) {
        seen(s, rest);
    } else if (strcmp(verb, "total") == 0) {
        total(s, rest);
    } else {
        complain(s, "what is %s?", verb);
    }
}

char *sim_scenario_run(const char *path, const struct sim_limits *limits)
{
    struct scenario *s = mc_calloc(1, sizeof *s);
    char line[2000], *failed = NULL;
    FILE *in = fopen(path, "r");
    s->limits = limits;
    s->lost_limit = 3;
    sim_world_options(&s->options);
    if (!in)
        complain(s, "cannot be read");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        s->line++;
        statement(s, line);
    }
    if (in)
        fclose(in);
    if (s->world && s->failed.len) {
        mc_text_add_z(&s->failed, mc_text_z(&s->world->trace));
        for (size_t i = 0; i < s->server_count; i++)
            mc_text_printf(&s->failed, "--- %s\n%s", s->ips[i], mc_text_z(&s->servers[i].log));
    }
    if (s->world)
        sim_world_free(s->world);
    if (s->failed.len)
        failed = mc_strdup(mc_text_z(&s->failed));
    for (size_t i = 0; i < s->server_count; i++)
        sim_server_clear(&s->servers[i]);
    while (s->kept_count)
        free(s->kept[--s->kept_count]);
    free(s->kept);
    mc_text_free(&s->failed);
    mc_text_free(&s->zone);
    free(s);
    return failed;
}
