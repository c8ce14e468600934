#include "http/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define HASH_BYTES   32
#define SECRET_BYTES 24
#define CLIENTS      65536 /* buckets, in sets of WAYS: who has been quiet longest makes room */
#define WAYS         8
#define MINUTE_US    60000000
#define DAY_S        86400
#define FILE_MAX     (1024 * 1024)
#define KEY_RATE     600 /* where the file names none */

struct key {
    char *name;
    unsigned char hash[HASH_BYTES];
    uint32_t rate;   /* addresses a minute; 0: no limit */
    uint64_t budget; /* addresses a day; 0: no limit */
    int64_t full_at_us, day;
    uint64_t spent; /* of the day's budget */
};

struct network {
    struct mc_http_peer address;
    unsigned bits;
};

struct client {
    uint64_t hash;
    int64_t full_at_us; /* when the bucket will be full again */
};

struct mc_access {
    struct mc_access_options options;
    struct key *keys;
    size_t key_count;
    uint32_t readings; /* of the file of keys */
    struct network *proxies;
    size_t proxy_count, proxy_room;
    struct client *clients;
};

/* ---- addresses ---- */

static bool parse_address(struct mc_span text, struct mc_http_peer *address)
{
    char z[INET6_ADDRSTRLEN];
    if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        text = mc_span(text.at + 1, text.len - 2);
    if (text.len >= sizeof z)
        return false;
    memcpy(z, text.at, text.len);
    z[text.len] = '\0';
    *address = (struct mc_http_peer){.family = 4};
    if (inet_pton(AF_INET, z, address->octets) == 1)
        return true;
    address->family = 6;
    return inet_pton(AF_INET6, z, address->octets) == 1;
}

static bool is_in(const struct mc_http_peer *address, const struct network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (address->family != network->address.family ||
        memcmp(address->octets, network->address.octets, whole) != 0)
        return false;
    return !rest || (address->octets[whole] ^ network->address.octets[whole]) >> (8 - rest) == 0;
}

static bool is_loopback(const struct mc_http_peer *peer)
{
    static const uint8_t one[16] = {[15] = 1};
    return !peer->family || (peer->family == 4 && peer->octets[0] == 127) ||
           (peer->family == 6 && memcmp(peer->octets, one, sizeof one) == 0);
}

/* The next item of a list, blanks around it aside; false at its end. */
static bool next_item(struct mc_span *list, struct mc_span *item)
{
    if (!list->at)
        return false;
    const char *comma = memchr(list->at, ',', list->len);
    *item = mc_span(list->at, comma ? (size_t)(comma - list->at) : list->len);
    *list = comma ? mc_span(comma + 1, list->len - item->len - 1) : mc_span(NULL, 0);
    while (item->len && (item->at[0] == ' ' || item->at[0] == '\t'))
        *item = mc_span(item->at + 1, item->len - 1);
    while (item->len && (item->at[item->len - 1] == ' ' || item->at[item->len - 1] == '\t'))
        item->len--;
    return true;
}

static bool parse_proxies(struct mc_access *access, char *error, size_t error_size)
{
    struct mc_span list = mc_span_of(access->options.trusted_proxies), item;
    while (next_item(&list, &item)) {
        struct network network;
        const char *slash = memchr(item.at, '/', item.len);
        struct mc_span address = slash ? mc_span(item.at, (size_t)(slash - item.at)) : item;
        uint64_t bits = 0;
        bool good = parse_address(address, &network.address);
        unsigned most = network.address.family == 4 ? 32 : 128;
        if (slash)
            good =
                good && mc_parse_u64(mc_span(slash + 1, item.len - address.len - 1), most, &bits);
        if (!good) {
            snprintf(error, error_size, "--trusted-proxy takes addresses or networks, not \"%.*s\"",
                     (int)item.len, item.at);
            return false;
        }
        network.bits = slash ? (unsigned)bits : most;
        access->proxies = mc_grow(access->proxies, access->proxy_count, &access->proxy_room,
                                  sizeof *access->proxies);
        access->proxies[access->proxy_count++] = network;
    }
    return true;
}

static bool is_trusted(const struct mc_access *access, const struct mc_http_peer *peer)
{
    for (size_t i = 0; i < access->proxy_count; i++)
        if (is_in(peer, &access->proxies[i]))
            return true;
    return !peer->family && access->proxy_count; /* who may write to our socket file */
}

/* Behind trusted proxies the last address that none of them vouches for is the client's. */
static struct mc_http_peer client_of(const struct mc_access *access,
                                     const struct mc_http_request *request,
                                     const struct mc_http_peer *peer)
{
    struct mc_http_peer client = *peer, hop;
    struct mc_span chain = mc_http_request_header(request, MC_HTTP_FORWARDED_FOR);
    while (chain.len && is_trusted(access, &client)) {
        size_t start = chain.len;
        while (start && chain.at[start - 1] != ',')
            start--;
        struct mc_span rest = mc_span(chain.at + start, chain.len - start), item;
        chain.len = start ? start - 1 : 0;
        if (!next_item(&rest, &item) || !parse_address(item, &hop))
            break;
        client = hop;
    }
    return client;
}

/* ---- keys ---- */

static void hash_of(struct mc_span secret, unsigned char hash[HASH_BYTES])
{
    MC_ASSERT(EVP_Digest(secret.at, secret.len, hash, NULL, EVP_sha256(), NULL) == 1);
}

static bool parse_hash(struct mc_span hex, unsigned char hash[HASH_BYTES])
{
    if (hex.len != HASH_BYTES * 2)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        char c = mc_ascii_lower(hex.at[i]);
        int digit = mc_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        hash[i / 2] = (unsigned char)(i % 2 ? hash[i / 2] | digit : digit << 4);
    }
    return true;
}

static struct mc_span word(struct mc_span *line)
{
    while (line->len && (line->at[0] == ' ' || line->at[0] == '\t'))
        *line = mc_span(line->at + 1, line->len - 1);
    size_t len = 0;
    while (len < line->len && line->at[len] != ' ' && line->at[len] != '\t')
        len++;
    struct mc_span is = mc_span(line->at, len);
    *line = mc_span(line->at + len, line->len - len);
    return is;
}

static bool starts(struct mc_span *text, const char *with)
{
    size_t len = strlen(with);
    if (text->len < len || memcmp(text->at, with, len) != 0)
        return false;
    *text = mc_span(text->at + len, text->len - len);
    return true;
}

/* "NAME HASH [rate=N] [budget=N]" */
static bool parse_key(struct mc_span line, struct key *key)
{
    struct mc_span name = word(&line), field = word(&line);
    uint64_t rate = KEY_RATE;
    *key = (struct key){0};
    bool good = name.len && parse_hash(field, key->hash);
    while (good && (field = word(&line)).len)
        good = starts(&field, "rate=")     ? mc_parse_u64(field, UINT32_MAX, &rate)
               : starts(&field, "budget=") ? mc_parse_u64(field, UINT32_MAX, &key->budget)
                                           : false;
    key->rate = (uint32_t)rate;
    if (good)
        key->name = mc_span_dup(name);
    return good;
}

static void free_keys(struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(keys[i].name);
    free(keys);
}

static bool read_file(const char *path, struct mc_text *text, char *error, size_t error_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && text->len <= FILE_MAX) {
        n = read(fd, mc_text_reserve(text, 4096), 4096);
        text->len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        snprintf(error, error_size, "cannot read the keys in %s: %s", path, strerror(errno));
    else if (text->len > FILE_MAX)
        snprintf(error, error_size, "%s is larger than a file of keys can be", path);
    if (fd >= 0)
        close(fd);
    return n >= 0 && text->len <= FILE_MAX;
}

bool mc_access_reload(struct mc_access *access, char *error, size_t error_size)
{
    struct mc_text text = {0};
    struct key *keys = NULL;
    size_t count = 0, room = 0;
    unsigned number = 0;
    bool good = read_file(access->options.keys, &text, error, error_size);
    for (size_t at = 0; good && at < text.len;) {
        const char *end = memchr(text.at + at, '\n', text.len - at);
        struct mc_span line =
            mc_span(text.at + at, end ? (size_t)(end - text.at) - at : text.len - at);
        at += line.len + 1;
        number++;
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (!line.len || line.at[0] == '#')
            continue;
        keys = mc_grow(keys, count, &room, sizeof *keys);
        good = parse_key(line, &keys[count]);
        if (good)
            count++;
        else
            snprintf(error, error_size, "%s:%u: not \"NAME HASH [rate=N] [budget=N]\"",
                     access->options.keys, number);
    }
    mc_text_free(&text);
    if (!good) {
        free_keys(keys, count);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t old = 0; old < access->key_count; old++)
            if (memcmp(keys[i].hash, access->keys[old].hash, HASH_BYTES) == 0) {
                keys[i].full_at_us = access->keys[old].full_at_us;
                keys[i].day = access->keys[old].day;
                keys[i].spent = access->keys[old].spent;
            }
    free_keys(access->keys, access->key_count);
    access->keys = keys;
    access->key_count = count;
    access->readings++;
    return true;
}

/* Looks at every key, and at all of each, so that the time it takes tells nothing. */
static bool find_key(const struct mc_access *access, struct mc_span secret, uint32_t *which)
{
    unsigned char hash[HASH_BYTES];
    bool found = false;
    hash_of(secret, hash);
    for (size_t i = 0; i < access->key_count; i++)
        if (CRYPTO_memcmp(hash, access->keys[i].hash, HASH_BYTES) == 0) {
            *which = (uint32_t)i;
            found = true;
        }
    return found;
}

const char *mc_access_key_name(const struct mc_access *access, const struct mc_caller *caller)
{
    bool has_one = caller->kind == MC_CALLER_KEY && caller->keys == access->readings;
    return has_one ? access->keys[caller->key].name : "-";
}

/* ---- who is it? ---- */

/* "localhost:8025", "127.0.0.1", "[::1]:8025" */
static bool is_local_name(struct mc_span host)
{
    struct mc_http_peer address;
    const char *colon = memrchr(host.at, ':', host.len), *end = memchr(host.at, ']', host.len);
    if (colon && (!end || colon > end))
        host.len = (size_t)(colon - host.at);
    return mc_span_equal_nocase(host, mc_span_of("localhost")) ||
           (parse_address(host, &address) && is_loopback(&address));
}

static bool is_of_this_host(const struct mc_access *access, const struct mc_http_request *request,
                            const struct mc_http_peer *peer)
{
    struct mc_span origin = mc_http_request_header(request, MC_HTTP_ORIGIN);
    if (!is_loopback(peer) || is_trusted(access, peer) || mc_http_request_is_passed_on(request))
        return false;
    if (origin.len && (!starts(&origin, "http://") || !is_local_name(origin)))
        return false;
    return !peer->family || is_local_name(mc_http_request_header(request, MC_HTTP_HOST));
}

void mc_access_identify(const struct mc_access *access, const struct mc_http_request *request,
                        const struct mc_http_peer *peer, struct mc_caller *caller)
{
    struct mc_span given = mc_http_request_header(request, MC_HTTP_API_KEY);
    struct mc_span bearer = mc_http_request_header(request, MC_HTTP_AUTHORIZATION);
    *caller = (struct mc_caller){
        .kind = MC_CALLER_ANYBODY,
        .client = client_of(access, request, peer),
        .deepest = MAILCHECK_DEPTH_DNS,
        .keys = access->readings,
    };
    if (bearer.len && !given.len) {
        struct mc_span scheme = word(&bearer);
        given = mc_span_equal_nocase(scheme, mc_span_of("bearer")) ? word(&bearer) : scheme;
    }
    /* a key that is empty is a key that is wrong: somebody's variable was not set */
    if (mc_http_request_has(request, MC_HTTP_API_KEY) ||
        mc_http_request_has(request, MC_HTTP_AUTHORIZATION)) {
        bool good = find_key(access, given, &caller->key);
        caller->kind = good ? MC_CALLER_KEY : MC_CALLER_REFUSED;
        caller->deepest = MAILCHECK_DEPTH_SMTP;
    } else if (!access->options.keys && is_of_this_host(access, request, peer)) {
        caller->kind = MC_CALLER_LOCAL;
        caller->deepest = MAILCHECK_DEPTH_SMTP;
    }
}

bool mc_access_origin(const struct mc_access *access, struct mc_span origin)
{
    struct mc_span list, item;
    if (!access->options.origins || !origin.len)
        return false;
    list = mc_span_of(access->options.origins);
    while (next_item(&list, &item))
        if (mc_span_equal(item, mc_span("*", 1)) || mc_span_equal_nocase(item, origin))
            return true;
    return false;
}

/* ---- how often? ---- */

/* A bucket that holds a minute's worth. 0, or the seconds until there is room. */
static uint32_t pour(int64_t *full_at_us, uint32_t rate, uint32_t addresses, int64_t now_us)
{
    int64_t each_us = MINUTE_US / rate > 0 ? MINUTE_US / rate : 1;
    int64_t at_us = *full_at_us > now_us ? *full_at_us : now_us;
    /* more than the bucket holds at once must find it full, and is then paid off */
    int64_t wanted_us = (addresses < rate ? addresses : rate) * each_us;
    int64_t late_us = at_us + wanted_us - now_us - MINUTE_US;
    if (late_us > 0)
        return (uint32_t)(late_us / 1000000 + 1);
    *full_at_us = at_us + addresses * each_us;
    return 0;
}

static struct client *bucket_of(struct mc_access *access, const struct mc_http_peer *client)
{
    struct mc_http_peer key = {.family = client->family};
    memcpy(key.octets, client->octets, client->family == 4 ? 4 : 8);
    uint64_t hash = mc_hash(mc_span((const char *)&key, sizeof key));
    struct client *set = access->clients + hash % (CLIENTS / WAYS) * WAYS, *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].full_at_us < oldest->full_at_us)
            oldest = &set[i];
    }
    *oldest = (struct client){.hash = hash};
    return oldest;
}

uint32_t mc_access_spend(struct mc_access *access, const struct mc_caller *caller,
                         uint32_t addresses, int64_t now_ms, int64_t wall_clock)
{
    int64_t now_us = now_ms * 1000, day = wall_clock / DAY_S;
    if (caller->kind == MC_CALLER_LOCAL)
        return 0;
    if (caller->kind != MC_CALLER_KEY)
        return access->options.rate ? pour(&bucket_of(access, &caller->client)->full_at_us,
                                           access->options.rate, addresses, now_us)
                                    : 0;
    struct key *key = &access->keys[caller->key];
    if (key->day != day) {
        key->day = day;
        key->spent = 0;
    }
    if (key->budget && key->spent + addresses > key->budget)
        return (uint32_t)((day + 1) * DAY_S - wall_clock);
    uint32_t wait = key->rate ? pour(&key->full_at_us, key->rate, addresses, now_us) : 0;
    if (!wait)
        key->spent += addresses;
    return wait;
}

/* ---- making ---- */

struct mc_access *mc_access_new(const struct mc_access_options *options, char *error,
                                size_t error_size)
{
    struct mc_access *access = mc_calloc(1, sizeof *access);
    access->options = *options;
    access->clients = mc_calloc(CLIENTS, sizeof *access->clients);
    if ((options->trusted_proxies && !parse_proxies(access, error, error_size)) ||
        (options->keys && !mc_access_reload(access, error, error_size))) {
        mc_access_free(access);
        return NULL;
    }
    return access;
}

void mc_access_free(struct mc_access *access)
{
    if (!access)
        return;
    free_keys(access->keys, access->key_count);
    free(access->proxies);
    free(access->clients);
    free(access);
}

bool mc_access_make_key(const char *file, const char *name, char *key, char *error,
                        size_t error_size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char secret[SECRET_BYTES], hash[HASH_BYTES];
    struct mc_text line = {0};
    for (const char *c = name; *c; c++)
        if (!mc_is_digit(*c) && !(mc_ascii_lower(*c) >= 'a' && mc_ascii_lower(*c) <= 'z') &&
            !strchr("-_.", *c)) {
            snprintf(error, error_size, "a key's name has letters, digits, \"-\", \"_\", \".\"");
            return false;
        }
    MC_ASSERT(getrandom(secret, sizeof secret, 0) == sizeof secret);
    char *end = mempcpy(key, "mck_", 4);
    for (size_t i = 0; i < sizeof secret; i += 3) { /* base64url: 24 bytes are 32 letters */
        uint32_t bits = (uint32_t)secret[i] << 16 | (uint32_t)secret[i + 1] << 8 | secret[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *end++ = digits[bits >> shift & 63];
    }
    *end = '\0';
    hash_of(mc_span_of(key), hash);
    mc_text_printf(&line, "%s ", name);
    for (size_t i = 0; i < sizeof hash; i++)
        mc_text_printf(&line, "%02x", hash[i]);
    mc_text_printf(&line, " rate=%d budget=0\n", KEY_RATE);
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, line.at, line.len) == (ssize_t)line.len && fsync(fd) == 0;
    if (!good)
        snprintf(error, error_size, "cannot write to %s: %s", file, strerror(errno));
    if (fd >= 0)
        close(fd);
    mc_text_free(&line);
    return good;
}
