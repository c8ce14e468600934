#include "engine/identity.h"

#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"

/* RFC 6761, 6762, 7686, 8375, 9476, ICANN's .internal, and what Debian's installer and home routers
 * hand out. */
static const char *const special_use[] = {
    "localhost", "test",     "invalid",     "example",     "local",       "onion",
    "alt",       "internal", "lan",         "localdomain", "home.arpa",   "arpa",
    "home",      "corp",     "example.com", "example.net", "example.org",
};

static bool under(struct mc_span name, struct mc_span zone)
{
    if (name.len == zone.len)
        return mc_span_equal_nocase(name, zone);
    return name.len > zone.len && name.at[name.len - zone.len - 1] == '.' &&
           mc_span_equal_nocase(mc_span(name.at + name.len - zone.len, zone.len), zone);
}

bool mc_identity_usable_name(struct mc_span name)
{
    if (!name.len || name.len > 253 || !memchr(name.at, '.', name.len))
        return false;
    bool letter = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = mc_ascii_lower(name.at[i]);
        bool alpha = c >= 'a' && c <= 'z';
        if (!alpha && !mc_is_digit(c) && c != '-' && c != '.')
            return false;
        if (c == '.' && (i == 0 || i + 1 == name.len || name.at[i + 1] == '.'))
            return false;
        letter |= alpha;
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(special_use); i++)
        if (under(name, mc_span_of(special_use[i])))
            return false;
    return letter;
}

static struct mc_span next_word(struct mc_span *line)
{
    size_t start = 0, end;
    while (start < line->len && (line->at[start] == ' ' || line->at[start] == '\t'))
        start++;
    for (end = start; end < line->len; end++)
        if (line->at[end] == ' ' || line->at[end] == '\t')
            break;
    struct mc_span word = mc_span(line->at + start, end - start);
    *line = mc_span(line->at + end, line->len - end);
    return word;
}

struct mc_span mc_identity_in_hosts(struct mc_span hosts, struct mc_span host)
{
    while (hosts.len) {
        const char *end = memchr(hosts.at, '\n', hosts.len);
        size_t len = end ? (size_t)(end - hosts.at) : hosts.len;
        struct mc_span line = mc_span(hosts.at, len), dotted = {"", 0};
        bool names_host = false;
        hosts = mc_span(hosts.at + len + (end != NULL), hosts.len - len - (end != NULL));
        const char *comment = memchr(line.at, '#', line.len);
        if (comment)
            line.len = (size_t)(comment - line.at);
        next_word(&line); /* the address */
        for (struct mc_span word = next_word(&line); word.len; word = next_word(&line)) {
            if (mc_span_equal_nocase(word, host))
                names_host = true;
            if (!dotted.len && memchr(word.at, '.', word.len))
                dotted = word;
        }
        if (names_host && dotted.len)
            return dotted;
    }
    return mc_span("", 0);
}

static bool host_name(char *name, size_t size)
{
    char host[256], hosts[16384];
    if (gethostname(host, sizeof host) != 0)
        return false;
    host[sizeof host - 1] = '\0';
    struct mc_span found = mc_span_of(host);
    if (!mc_identity_usable_name(found)) {
        FILE *file = fopen("/etc/hosts", "re");
        if (!file)
            return false;
        size_t len = fread(hosts, 1, sizeof hosts, file);
        fclose(file);
        found = mc_identity_in_hosts(mc_span(hosts, len), mc_span_of(host));
        if (!mc_identity_usable_name(found))
            return false;
    }
    snprintf(name, size, "%.*s", (int)found.len, found.at);
    return true;
}

bool mc_identity_make(const char *helo, const char *mail_from, struct mc_identity *identity,
                      char *error, size_t error_size)
{
    if (helo) {
        snprintf(identity->helo, sizeof identity->helo, "%s", helo);
    } else if (!host_name(identity->helo, sizeof identity->helo)) {
        snprintf(error, error_size,
                 "this host has no full name to greet mail servers with; say who you are with "
                 "--helo NAME (a name that resolves to this host's address) "
                 "and --mail-from ADDRESS");
        return false;
    }
    snprintf(identity->mail_from, sizeof identity->mail_from, "%s%s",
             mail_from ? mail_from : "postmaster@", mail_from ? "" : identity->helo);
    return true;
}
