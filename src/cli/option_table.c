#include "cli/option_table.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "loop/socks5.h"

#define STORE(name)                                                                                \
    static bool name(const struct mc_option *option, const char *text,                             \
                     struct mc_settings *settings, char *error, size_t error_size)

static void *at(const struct mc_option *option, struct mc_settings *settings)
{
    return (char *)settings + option->place;
}

STORE(store_switch)
{
    /* "yes" and "no" come from config files only */
    bool on = !text || strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    if (!on && strcmp(text, "no") != 0 && strcmp(text, "false") != 0) {
        snprintf(error, error_size, "takes yes or no, not \"%s\"", text);
        return false;
    }
    *(bool *)at(option, settings) = on;
    return true;
}

STORE(store_more)
{
    bool on = true;
    if (text && (strcmp(text, "no") == 0 || strcmp(text, "false") == 0))
        on = false;
    else if (text && strcmp(text, "yes") != 0 && strcmp(text, "true") != 0) {
        snprintf(error, error_size, "takes yes or no, not \"%s\"", text);
        return false;
    }
    *(unsigned *)at(option, settings) += on;
    return true;
}

STORE(store_text)
{
    if (!*text) {
        snprintf(error, error_size, "is empty");
        return false;
    }
    *(const char **)at(option, settings) = text;
    return true;
}

static bool number(const struct mc_option *option, const char *text, uint64_t *n, char *error,
                   size_t error_size)
{
    if (mc_parse_u64(mc_span_of(text), option->high, n) && *n >= option->low)
        return true;
    snprintf(error, error_size, "takes a number from %llu to %llu, not \"%s\"", option->low,
             option->high, text);
    return false;
}

STORE(store_u16)
{
    uint64_t n;
    if (!number(option, text, &n, error, error_size))
        return false;
    *(uint16_t *)at(option, settings) = (uint16_t)n;
    return true;
}

STORE(store_u32)
{
    uint64_t n;
    if (!number(option, text, &n, error, error_size))
        return false;
    *(uint32_t *)at(option, settings) = (uint32_t)n;
    return true;
}

STORE(store_u64)
{
    return number(option, text, at(option, settings), error, error_size);
}

static bool duration(const struct mc_option *option, struct mc_span text, uint64_t *ms, char *error,
                     size_t error_size)
{
    char low[24], high[24];
    if (mc_duration_parse(text, ms) && *ms >= option->low && *ms <= option->high)
        return true;
    mc_duration_format(option->low, low, sizeof low);
    mc_duration_format(option->high, high, sizeof high);
    snprintf(error, error_size, "takes a duration such as 500ms, 10s, 5m (%s to %s), not \"%.*s\"",
             low, high, (int)text.len, text.at);
    return false;
}

STORE(store_duration)
{
    uint64_t ms;
    if (!duration(option, mc_span_of(text), &ms, error, error_size))
        return false;
    *(uint32_t *)at(option, settings) = (uint32_t)ms;
    return true;
}

STORE(store_all_timeouts)
{
    uint64_t ms;
    if (!duration(option, mc_span_of(text), &ms, error, error_size))
        return false;
    settings->dns_timeout_ms = settings->connect_timeout_ms = settings->reply_timeout_ms =
        (uint32_t)ms;
    return true;
}

/* One item of a comma-separated list; false at the end. */
static bool next_item(const char **list, struct mc_span *item)
{
    if (!*list)
        return false;
    const char *comma = strchr(*list, ',');
    *item = mc_span(*list, comma ? (size_t)(comma - *list) : strlen(*list));
    *list = comma ? comma + 1 : NULL;
    return true;
}

STORE(store_waits)
{
    struct mc_span item;
    settings->greylist_waits = 0;
    while (next_item(&text, &item)) {
        uint64_t ms;
        if (!duration(option, item, &ms, error, error_size))
            return false;
        if (settings->greylist_waits == MC_GREYLIST_WAITS_MAX) {
            snprintf(error, error_size, "takes at most %d waits", MC_GREYLIST_WAITS_MAX);
            return false;
        }
        if (ms)
            settings->greylist_wait_ms[settings->greylist_waits++] = (uint32_t)ms;
    }
    return true;
}

STORE(store_delimiter)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"tab", '\t'}, {"\\t", '\t'},      {"comma", ','},
                 {"pipe", '|'}, {"semicolon", ';'}, {"\t", '\t'}};
    char c = text[0] && !text[1] ? text[0] : '\0';
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        if (strcmp(text, names[i].name) == 0)
            c = names[i].c;
    if (!c || c == '"' || c == '\n' || c == '\r' || c == '@' || (unsigned char)c >= 0x80) {
        snprintf(error, error_size,
                 "takes one character (or tab, comma, semicolon, pipe), not "
                 "\"%s\"",
                 text);
        return false;
    }
    *(char *)at(option, settings) = c;
    return true;
}

STORE(store_columns)
{
    struct mc_span bad;
    if (mc_columns_parse(mc_span_of(text), at(option, settings), &bad))
        return true;
    snprintf(error, error_size,
             "has no column \"%.*s\", or has it twice; columns are status, "
             "reason, score, email, suggestion, role, disposable, free, "
             "catch_all, provider, mx, smtp, duplicate_of, source, checked_at",
             (int)bad.len, bad.at);
    return false;
}

STORE(store_statuses)
{
    struct mc_span item;
    uint32_t keep = 0;
    while (next_item(&text, &item)) {
        enum mc_status status;
        if (!mc_status_by_name(item, &status)) {
            snprintf(error, error_size,
                     "takes deliverable, risky, undeliverable, unknown, not "
                     "\"%.*s\"",
                     (int)item.len, item.at);
            return false;
        }
        keep |= 1u << status;
    }
    *(uint32_t *)at(option, settings) = keep;
    return true;
}

/* A word out of a few; its place in the list is the value. */
static bool choice(const char *const *words, size_t count, const char *text, int *value,
                   char *error, size_t error_size)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0) {
            *value = (int)i;
            return true;
        }
    size_t len = (size_t)snprintf(error, error_size, "takes ");
    for (size_t i = 0; i < count && len < error_size; i++)
        len += (size_t)snprintf(error + len, error_size - len, "%s%s", i ? ", " : "", words[i]);
    if (len < error_size)
        snprintf(error + len, error_size - len, ", not \"%s\"", text);
    return false;
}

static const char *const pace_words[] = {"default", "gentle", "off"};

STORE(store_pace)
{
    int value;
    if (!choice(pace_words, MC_ARRAY_LEN(pace_words), text, &value, error, error_size))
        return false;
    *(enum mailcheck_pace *)at(option, settings) = (enum mailcheck_pace)value;
    return true;
}

static const char *const format_words[] = {"csv", "jsonl"};

STORE(store_format)
{
    int value;
    if (!choice(format_words, MC_ARRAY_LEN(format_words), text, &value, error, error_size))
        return false;
    *(enum mc_format *)at(option, settings) = (enum mc_format)value;
    settings->format_given = true;
    return true;
}

static const char *const progress_words[] = {"auto", "always", "never"};

STORE(store_progress)
{
    int value;
    if (!choice(progress_words, MC_ARRAY_LEN(progress_words), text, &value, error, error_size))
        return false;
    *(enum mc_progress_mode *)at(option, settings) = (enum mc_progress_mode)value;
    return true;
}

STORE(store_language)
{
    int value;
    if (!choice(mc_language_tags, MC_LANGUAGE_COUNT, text, &value, error, error_size))
        return false;
    *(enum mc_language *)at(option, settings) = (enum mc_language)value;
    return true;
}

STORE(store_allow)
{
    static const char *const words[] = {"role"};
    int value;
    if (!choice(words, MC_ARRAY_LEN(words), text, &value, error, error_size))
        return false;
    *(bool *)at(option, settings) = true;
    return true;
}

STORE(store_proxy)
{
    struct mc_socks5_proxy proxy;
    if (!mc_socks5_parse_url(text, &proxy, error, error_size))
        return false;
    *(const char **)at(option, settings) = text;
    return true;
}

STORE(store_address)
{
    unsigned char octets[16];
    if (inet_pton(AF_INET, text, octets) != 1 && inet_pton(AF_INET6, text, octets) != 1) {
        snprintf(error, error_size, "takes an IP address, not \"%s\"", text);
        return false;
    }
    *(const char **)at(option, settings) = text;
    return true;
}

/* A reply to it must be able to come back, and <> gets an address listed. */
STORE(store_sender)
{
    const char *sign = strrchr(text, '@');
    if (!sign || sign == text || !sign[1] || strpbrk(text, "<> \t\r\n")) {
        snprintf(error, error_size,
                 "takes an address of yours, such as postmaster@your.domain, "
                 "not \"%s\"",
                 text);
        return false;
    }
    *(const char **)at(option, settings) = text;
    return true;
}

STORE(store_helo)
{
    if (!*text || strlen(text) > 255 || strpbrk(text, "<> \t\r\n")) {
        snprintf(error, error_size, "takes this host's full name, not \"%s\"", text);
        return false;
    }
    *(const char **)at(option, settings) = text;
    return true;
}

STORE(store_age)
{
    return duration(option, mc_span_of(text), at(option, settings), error, error_size);
}

/* 06:00 (the next one), or a duration from now. */
STORE(store_until)
{
    uint64_t *until = at(option, settings), hours, minutes;
    const char *colon = strchr(text, ':');
    if (!colon)
        return duration(option, mc_span_of(text), until, error, error_size);
    if (!mc_parse_u64(mc_span(text, (size_t)(colon - text)), 23, &hours) ||
        !mc_parse_u64(mc_span_of(colon + 1), 59, &minutes)) {
        snprintf(error, error_size, "takes a time of day such as 06:00, or a duration, not \"%s\"",
                 text);
        return false;
    }
    time_t now = time(NULL);
    struct tm then;
    localtime_r(&now, &then);
    then.tm_hour = (int)hours;
    then.tm_min = (int)minutes;
    then.tm_sec = 0;
    then.tm_isdst = -1;
    time_t end = mktime(&then);
    if (end <= now) {
        then.tm_mday++;
        then.tm_isdst = -1;
        end = mktime(&then);
    }
    *until = (uint64_t)(end - now) * 1000;
    return true;
}

#define BOTH     (MC_CLEAN | MC_CHECK)
#define ASKING   (BOTH | MC_SERVE)
#define NET      (ASKING | MC_DOCTOR)
#define ALL      (MC_CLEAN | MC_CHECK | MC_SERVE | MC_CLASSIFY | MC_BOUNCES | MC_STORE | MC_DOCTOR)
#define PLACE(x) offsetof(struct mc_settings, x)
#define HOUR_MS  3600000ull
#define DAY_MS   (24 * HOUR_MS)

const struct mc_option mc_options[] = {
    {"column", 0, MC_CLEAN, "NAME|N", store_text, PLACE(column), 0, 0,
     "the column with the addresses, by header or number (else detected)"},
    {"no-header", 0, MC_CLEAN, NULL, store_switch, PLACE(no_header), 0, 0, "the first row is data"},
    {"delimiter", 0, MC_CLEAN, "C", store_delimiter, PLACE(delimiter), 0, 0,
     "what parts the cells (else detected)"},
    {"offline", 0, ASKING, NULL, store_switch, PLACE(offline), 0, 0,
     "syntax and lists only: no packet leaves this host"},
    {"no-smtp", 0, ASKING, NULL, store_switch, PLACE(no_smtp), 0, 0,
     "syntax, lists and DNS: no mail server is contacted"},
    {"dns", 0, NET, "ADDR[:PORT],...", store_text, PLACE(dns), 0, 0,
     "resolvers to ask (else the system's)"},
    {"helo", 0, NET, "NAME", store_helo, PLACE(helo), 0, 0,
     "this host's name, as mail servers see it (else its own name)"},
    {"mail-from", 0, NET, "ADDRESS", store_sender, PLACE(mail_from), 0, 0,
     "the envelope sender (else postmaster@ the HELO name)"},
    {"source-ip", 0, NET, "ADDR", store_address, PLACE(source_ip), 0, 0,
     "connect from this address of ours"},
    {"proxy", 0, NET, "URL", store_proxy, PLACE(proxy), 0, 0,
     "socks5://[USER:PASS@]HOST:PORT: everything goes through it"},
    {"smtp-port", 0, NET, "N", store_u16, PLACE(smtp_port), 1, 65535, "instead of 25"},
    {"allow-private-mx", 0, NET, NULL, store_switch, PLACE(allow_private_mx), 0, 0,
     "connect to private addresses too (intranets)"},
    {"dns-timeout", 0, NET, "D", store_duration, PLACE(dns_timeout_ms), 10, HOUR_MS,
     "for one DNS question, tries and all (10s)"},
    {"connect-timeout", 0, NET, "D", store_duration, PLACE(connect_timeout_ms), 10, HOUR_MS,
     "for a connection (10s)"},
    {"reply-timeout", 0, NET, "D", store_duration, PLACE(reply_timeout_ms), 10, HOUR_MS,
     "for each reply of a mail server (60s)"},
    {"timeout", 0, NET, "D", store_all_timeouts, 0, 10, HOUR_MS, "sets all three"},
    {"greylist-wait", 0, ASKING, "D[,D...]", store_waits, 0, 0, DAY_MS,
     "waits before each further try (clean: 5m,15m,30m; check: 0, none)"},
    {"concurrency", 0, NET, "N", store_u32, PLACE(concurrency), 1, 100000,
     "open connections in all (500)"},
    {"per-mx", 0, ASKING, "N", store_u32, PLACE(per_mx), 1, 1000,
     "open connections to one mail server address (2)"},
    {"per-provider", 0, ASKING, "N", store_u32, PLACE(per_provider), 1, 10000,
     "open connections to one provider (10)"},
    {"pace", 0, ASKING, "default|gentle|off", store_pace, PLACE(pace), 0, 0,
     "how fast to ask; off only for servers of your own"},
    {"follow", 0, MC_BOUNCES, NULL, store_switch, PLACE(follow), 0, 0,
     "go on reading what comes into a folder of mail or a log, until SIGTERM"},
    {"verp", 0, MC_BOUNCES, "PATTERN", store_text, PLACE(verp), 0, 0,
     "our return paths tell the recipient: bounces+{local}={domain}@..."},
    {"lists", 0, ASKING | MC_BOUNCES | MC_STORE, "DIR", store_text, PLACE(lists), 0, 0,
     "lists of your own, merged over the bundled ones"},
    {"store", 0, ASKING | MC_BOUNCES | MC_STORE, "FILE", store_text, PLACE(store), 0, 0,
     "the memory between runs, instead of the usual file"},
    {"no-store", 0, ASKING | MC_BOUNCES, NULL, store_switch, PLACE(no_store), 0, 0,
     "neither use nor keep any memory between runs"},
    {"store-hashed", 0, ASKING | MC_BOUNCES, NULL, store_switch, PLACE(store_hashed), 0, 0,
     "a new store keeps keyed hashes instead of addresses"},
    {"max-age", 0, ASKING | MC_STORE, "D", store_age, PLACE(max_age_ms), 0, 3660 * DAY_MS,
     "ask again what was answered longer ago (store prune: forget it)"},
    {"until", 0, MC_CLEAN, "HH:MM|D", store_until, PLACE(until_ms), 1000, 365 * DAY_MS,
     "stop probing then; what is left is not_probed"},
    {"sample", 0, MC_CLEAN, "N", store_u64, PLACE(sample), 1, UINT64_MAX,
     "probe N addresses at random, the others are not_probed"},
    {"plan", 0, MC_CLEAN, NULL, store_switch, PLACE(plan), 0, 0,
     "probe nothing: say what this run would cost"},
    {"allow", 0, ASKING, "role", store_allow, PLACE(allow_role), 0, 0,
     "a role address that is accepted stays deliverable"},
    {"listen", 0, MC_SERVE, "ADDR:PORT,...", store_text, PLACE(listen), 0, 0,
     "where to answer (127.0.0.1:8025)"},
    {"keys", 0, MC_SERVE, "FILE", store_text, PLACE(keys), 0, 0,
     "who may have mail servers asked: hashed keys, each with rate and day's budget"},
    {"make-key", 0, MC_SERVE, "NAME", store_text, PLACE(make_key), 0, 0,
     "make a key, add it to the file of --keys, print it, and end"},
    {"rate", 0, MC_SERVE, "N", store_u32, PLACE(rate), 0, 1000000,
     "addresses a minute that a client without a key may ask about (60; 0: any)"},
    {"cors", 0, MC_SERVE, "ORIGIN,...", store_text, PLACE(cors), 0, 0,
     "whose pages may read the answers: https://shop.example, or *"},
    {"trusted-proxy", 0, MC_SERVE, "ADDR[/BITS],...", store_text, PLACE(trusted_proxy), 0, 0,
     "believe the X-Forwarded-For of these"},
    {"connections", 0, MC_SERVE, "N", store_u32, PLACE(connections), 1, 1000000,
     "open at once; one more takes the place of the one idle longest (10000)"},
    {"log-addresses", 0, MC_SERVE, NULL, store_switch, PLACE(log_addresses), 0, 0,
     "name on stderr who was asked about"},
    {"output", 'o', MC_CLEAN | MC_BOUNCES, "FILE", store_text, PLACE(output), 0, 0,
     "instead of standard output; appears complete or not at all"},
    {"format", 0, BOTH | MC_BOUNCES | MC_DOCTOR, "csv|jsonl", store_format, PLACE(format), 0, 0,
     "of the output (check: jsonl gives every field)"},
    {"columns", 0, BOTH, "NAME,...", store_columns, PLACE(columns), 0, 0,
     "which columns to append, in this order"},
    {"unordered", 0, MC_CHECK, NULL, store_switch, PLACE(unordered), 0, 0,
     "print each verdict as soon as it is known, in whatever order"},
    {"keep", 0, MC_CLEAN, "STATUS,...", store_statuses, PLACE(keep), 0, 0,
     "write only rows with these statuses"},
    {"split", 0, MC_CLEAN, "DIR", store_text, PLACE(split), 0, 0,
     "also write send.csv, review.csv, drop.csv with your columns only"},
    {"report", 0, MC_CLEAN, "FILE", store_text, PLACE(report), 0, 0,
     "write the summary to FILE (.html, .txt or .json)"},
    {"lang", 0, MC_CLEAN, "en|zh-Hant|zh-Hans", store_language, PLACE(language), 0, 0,
     "of the .html report"},
    {"fail-if", 0, MC_CLEAN, "CONDITION", store_text, PLACE(fail_if), 0, 0,
     "exit with 4 where it holds, e.g. 'unknown>20%'"},
    {"progress", 0, MC_CLEAN, "auto|always|never", store_progress, PLACE(progress), 0, 0,
     "the line on stderr (auto: on a terminal)"},
    {"config", 0, ALL, "FILE", store_text, PLACE(config), 0, 0,
     "read options from FILE instead of the usual places"},
    {"quiet", 'q', ALL, NULL, store_switch, PLACE(quiet), 0, 0, "only errors on stderr"},
    {"verbose", 'v', ALL, NULL, store_more, PLACE(verbose), 0, 0,
     "say more on stderr (check: the whole dialogue)"},
};
const size_t mc_option_count = MC_ARRAY_LEN(mc_options);

static void show_duration(uint64_t ms, struct mc_text *out)
{
    char text[24];
    mc_duration_format(ms, text, sizeof text);
    mc_text_add_z(out, text);
}

bool mc_option_show(const struct mc_option *option, const struct mc_settings *settings,
                    struct mc_text *out)
{
    const void *place = (const char *)settings + option->place;
    if (option->store == store_switch || option->store == store_allow) {
        if (option->value)
            return false;
        mc_text_add_z(out, *(const bool *)place ? "yes" : "no");
    } else if (option->store == store_u16) {
        mc_text_add_u64(out, *(const uint16_t *)place);
    } else if (option->store == store_u32) {
        mc_text_add_u64(out, *(const uint32_t *)place);
    } else if (option->store == store_duration) {
        show_duration(*(const uint32_t *)place, out);
    } else if (option->store == store_waits) {
        for (size_t i = 0; i < settings->greylist_waits; i++) {
            mc_text_add_z(out, i ? "," : "");
            show_duration(settings->greylist_wait_ms[i], out);
        }
        if (!settings->greylist_waits)
            mc_text_add_char(out, '0');
    } else if (option->store == store_pace) {
        mc_text_add_z(out, pace_words[*(const enum mailcheck_pace *)place]);
    } else if (option->store == store_format) {
        mc_text_add_z(out, format_words[*(const enum mc_format *)place]);
    } else if (option->store == store_progress) {
        mc_text_add_z(out, progress_words[*(const enum mc_progress_mode *)place]);
    } else if (option->store == store_language) {
        mc_text_add_z(out, mc_language_tags[*(const enum mc_language *)place]);
    } else if (option->store == store_text && *(const char *const *)place) {
        mc_text_add_z(out, *(const char *const *)place);
    } else {
        return false;
    }
    return true;
}
