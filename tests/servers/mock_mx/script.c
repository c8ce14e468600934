#include "script.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct kind default_kinds[] = {
    {"live", "250 2.1.5 Ok"},
    {"unknown", "550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in local recipient "
                "table"},
    {"full", "452 4.2.2 <{rcpt}>: The mailbox is over quota"},
    {"disabled", "550 5.2.1 <{rcpt}>: The mailbox is disabled"},
    {"relay", "554 5.7.1 <{rcpt}>: Relay access denied"},
    {"grey", "450 4.2.0 <{rcpt}>: Recipient address rejected: Greylisted, try again later"},
    {"toomany", "452 4.5.3 Error: too many recipients"},
    {"sessionlimit", "421 4.7.0 Too many recipients in this session"},
    {"errors", "421 4.7.0 {name} Error: too many errors"},
    {"connections", "421 4.7.0 {name} Error: too many connections from {ip}"},
    {"noutf8", "553 5.6.7 <{rcpt}>: SMTPUTF8 is required"},
    {"banner", "220 {name} ESMTP ready"},
};

struct entry {
    uint64_t key; /* 0: free */
    int64_t values[2];
};

struct mailbox_map {
    struct entry *entries;
    size_t size, used; /* size is a power of two */
};

struct mailbox_map *map_new(void)
{
    struct mailbox_map *map = calloc(1, sizeof *map);
    if (!map)
        err(1, "memory");
    map->size = 1024;
    map->entries = calloc(map->size, sizeof *map->entries);
    if (!map->entries)
        err(1, "memory");
    return map;
}

void map_clear(struct mailbox_map *map)
{
    memset(map->entries, 0, map->size * sizeof *map->entries);
    map->used = 0;
}

static struct entry *map_find(const struct mailbox_map *map, uint64_t key)
{
    size_t at = key & (map->size - 1);
    while (map->entries[at].key && map->entries[at].key != key)
        at = (at + 1) & (map->size - 1);
    return &map->entries[at];
}

const int64_t *map_get(const struct mailbox_map *map, uint64_t key)
{
    const struct entry *entry = map_find(map, key);
    return entry->key ? entry->values : NULL;
}

int64_t *map_at(struct mailbox_map *map, uint64_t key)
{
    if (map->used * 2 > map->size) {
        struct mailbox_map bigger = {calloc(map->size * 2, sizeof(struct entry)), map->size * 2,
                                     map->used};
        if (!bigger.entries)
            err(1, "memory");
        for (size_t i = 0; i < map->size; i++)
            if (map->entries[i].key)
                *map_find(&bigger, map->entries[i].key) = map->entries[i];
        free(map->entries);
        *map = bigger;
    }
    struct entry *entry = map_find(map, key);
    if (!entry->key) {
        entry->key = key;
        map->used++;
    }
    return entry->values;
}

uint64_t hash_text(const char *text, uint64_t seed)
{
    uint64_t hash = 14695981039346656037u ^ seed;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

/* Undoes \n in place, so that a setting can hold a reply of several lines. */
static char *unescape(char *text)
{
    char *out = text;
    for (char *in = text; *in; in++) {
        if (in[0] == '\\' && in[1] == 'n') {
            *out++ = '\n';
            in++;
        } else {
            *out++ = *in;
        }
    }
    *out = 0;
    return text;
}

static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static bool read_fault(struct server *server, char *value)
{
    static const char *const stages[] = {"banner", "ehlo", "helo", "starttls", "mail",
                                         "rcpt",   "rset", "quit", "other",    NULL};
    static const char *const actions[] = {"reply",   "bye",   "close", "silent", "garbage",
                                          "endless", "giant", "drip",  "wait",   NULL};
    if (server->fault_count == FAULT_MAX)
        return false;
    struct fault *fault = &server->faults[server->fault_count++];
    char *where = strsep(&value, " "), *what = strsep(&value, " ");
    char *stage = strsep(&where, "/"), *after = strsep(&where, "/");
    int at = index_of(stages, stage), how = what ? index_of(actions, what) : -1;
    if (at < 0 || how < 0)
        return false;
    fault->stage = (enum stage)at;
    fault->action = (enum action)how;
    fault->after = after ? (unsigned)strtoul(after, NULL, 10) : 1;
    fault->sessions = where ? (unsigned)strtoul(where, NULL, 10) : 0;
    fault->text = value ? value : "";
    fault->number = strtol(fault->text, NULL, 10);
    return true;
}

static bool read_flag(struct server *server, const char *key, const char *value)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"helo_only", &server->helo_only},           {"smtputf8", &server->smtputf8},
        {"blackhole", &server->blackhole},           {"punish_early", &server->punish_early},
        {"punish_unasked", &server->punish_unasked}, {"greylist_all", &server->greylist_all},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(key, flags[i].key) == 0) {
            *flags[i].flag = *value == '1';
            return true;
        }
    return false;
}

static bool read_number(struct server *server, const char *key, const char *value)
{
    const struct {
        const char *key;
        long *number;
    } numbers[] = {
        {"banner_gap_ms", &server->banner_gap_ms},
        {"delay_ms", &server->delay_ms},
        {"drip_ms", &server->drip_ms},
        {"greylist_ms", &server->greylist_ms},
        {"greylist_tries", &server->greylist_tries},
        {"max_rcpt", &server->max_rcpt},
        {"session_rcpt", &server->session_rcpt},
        {"hard_errors", &server->hard_errors},
        {"max_connections", &server->max_connections},
        {"rate", &server->rate},
        {"rate_ms", &server->rate_ms},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].number = strtol(value, NULL, 10);
            return true;
        }
    return false;
}

static bool read_key(struct server *server, char *key, char *value)
{
    static const char *const tls_modes[] = {"none", "offer", "require", NULL};
    static const char *const pipelining_modes[] = {"0", "1", "drops", "closes", NULL};

    if (read_flag(server, key, value) || read_number(server, key, value))
        return true;
    if (strcmp(key, "fault") == 0)
        return read_fault(server, value);
    if (strcmp(key, "name") == 0)
        server->name = value;
    else if (strcmp(key, "extensions") == 0)
        server->extensions = value;
    else if (strcmp(key, "served") == 0)
        server->served = value;
    else if (strcmp(key, "others") == 0)
        server->others = value;
    else if (strcmp(key, "port") == 0)
        server->port = (uint16_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "tls") == 0 && index_of(tls_modes, value) >= 0)
        server->tls = (enum tls_mode)index_of(tls_modes, value);
    else if (strcmp(key, "pipelining") == 0 && index_of(pipelining_modes, value) >= 0)
        server->pipelining = (enum pipelining_mode)index_of(pipelining_modes, value);
    else if (strncmp(key, "reply.", 6) == 0 && server->kind_count < KIND_MAX)
        server->kinds[server->kind_count++] = (struct kind){key + 6, unescape(value)};
    else if (strncmp(key, "prefix.", 7) == 0 && server->rule_count < RULE_MAX)
        server->rules[server->rule_count++] = (struct rule){key + 7, value};
    else
        return false;
    return true;
}

static bool read_address(struct server *server, const char *text)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&server->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&server->address;
    snprintf(server->address_text, sizeof server->address_text, "%s", text);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(server->port);
        server->address_len = sizeof *four;
    } else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(server->port);
        server->address_len = sizeof *six;
    } else {
        return false;
    }
    return true;
}

static void read_server(struct script *script, char *rest, const char *path, unsigned line)
{
    script->servers =
        realloc(script->servers, (script->server_count + 1) * sizeof *script->servers);
    if (!script->servers)
        err(1, "memory");
    struct server *server = &script->servers[script->server_count++];
    *server = (struct server){.name = "mx.example",
                              .extensions = "SIZE 10240000,8BITMIME",
                              .others = "unknown",
                              .pipelining = PIPE_YES,
                              .port = 25,
                              .listener = -1,
                              .rate_ms = 60000};
    char *address = strsep(&rest, "\t");
    for (char *pair; (pair = strsep(&rest, "\t"));) {
        char *value = strchr(pair, '=');
        if (!*pair)
            continue;
        if (value)
            *value++ = 0;
        if (!value || !read_key(server, pair, value))
            errx(1, "%s:%u: cannot use \"%s\"", path, line, pair);
    }
    if (!read_address(server, address))
        errx(1, "%s:%u: \"%s\" is no address", path, line, address);
}

/* The whole file as one string that lives as long as the program: settings point into it. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        err(1, "%s", path);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0)
        errx(1, "%s: empty", path);
    fclose(file);
    return text;
}

void script_read(struct script *script, const char *path)
{
    *script = (struct script){.mailboxes = map_new(), .text = read_file(path)};
    char *at = script->text;
    for (unsigned line = 1; at; line++) {
        char *rest = strsep(&at, "\n");
        if (!*rest || *rest == '#')
            continue;
        char *word = strsep(&rest, "\t");
        if (strcmp(word, "server") == 0 && rest) {
            read_server(script, rest, path, line);
        } else if (strcmp(word, "mailbox") == 0 && rest && strchr(rest, '\t')) {
            char *address = strsep(&rest, "\t");
            *map_at(script->mailboxes, hash_text(address, 0)) = (int64_t)(intptr_t)rest;
        } else if (strcmp(word, "control") == 0 && rest) {
            script->control_port = (uint16_t)strtoul(rest, NULL, 10);
        } else {
            errx(1, "%s:%u: neither server, mailbox nor control", path, line);
        }
    }
}

const char *server_text(const struct server *server, const char *kind)
{
    /* The last one wins, so that a line can override its personality. */
    for (size_t i = server->kind_count; i-- > 0;)
        if (strcmp(server->kinds[i].name, kind) == 0)
            return server->kinds[i].text;
    for (size_t i = 0; i < sizeof default_kinds / sizeof *default_kinds; i++)
        if (strcmp(default_kinds[i].name, kind) == 0)
            return default_kinds[i].text;
    return NULL;
}

const char *server_kind_of(const struct server *server, const struct mailbox_map *mailboxes,
                           const char *address)
{
    const int64_t *known = map_get(mailboxes, hash_text(address, 0));
    if (known)
        return (const char *)(intptr_t)*known;
    for (size_t i = server->rule_count; i-- > 0;)
        if (strncmp(address, server->rules[i].prefix, strlen(server->rules[i].prefix)) == 0)
            return server->rules[i].kind;
    return server->others;
}

bool server_serves(const struct server *server, const char *domain)
{
    if (!server->served)
        return true;
    size_t len = strlen(domain);
    for (const char *at = server->served; (at = strcasestr(at, domain)); at++)
        if ((at == server->served || at[-1] == ',') && (at[len] == ',' || !at[len]))
            return true;
    return false;
}
