#include "loop/socks5.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/memory.h"

enum { VERSION = 5, AUTH_VERSION = 1, NO_AUTH = 0, PASSWORD_AUTH = 2 };
enum { COMMAND_CONNECT = 1, TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };

#define DEFAULT_PORT 1080

/* The URL */

static bool refuse(char *error, size_t error_size, const char *why)
{
    snprintf(error, error_size, "%s", why);
    return false;
}

static int hex_digit(char c)
{
    c = mc_ascii_lower(c);
    return mc_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes at most 255 bytes. */
static bool decode(struct mc_span from, char *to, uint8_t *len)
{
    *len = 0;
    for (size_t i = 0; i < from.len; i++) {
        char c = from.at[i];
        if (c == '%') {
            if (i + 2 >= from.len || hex_digit(from.at[i + 1]) < 0 || hex_digit(from.at[i + 2]) < 0)
                return false;
            c = (char)(hex_digit(from.at[i + 1]) * 16 + hex_digit(from.at[i + 2]));
            i += 2;
        }
        if (*len == 255)
            return false;
        to[(*len)++] = c;
    }
    return true;
}

static bool parse_user(struct mc_span text, struct mc_socks5_proxy *proxy)
{
    const char *colon = memchr(text.at, ':', text.len);
    size_t user_len = colon ? (size_t)(colon - text.at) : text.len;
    struct mc_span password =
        colon ? mc_span(colon + 1, text.len - user_len - 1) : mc_span(text.at + text.len, 0);
    return decode(mc_span(text.at, user_len), proxy->user, &proxy->user_len) && proxy->user_len &&
           decode(password, proxy->password, &proxy->password_len);
}

/* `text` is "1.2.3.4", "[::1]" or "localhost". */
static bool parse_host(struct mc_span text, uint16_t port, struct mc_socks5_proxy *proxy)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char host[INET6_ADDRSTRLEN];
    bool bracketed = text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
    if (bracketed)
        text = mc_span(text.at + 1, text.len - 2);
    if (mc_span_equal_nocase(text, mc_span_of("localhost")) && !bracketed)
        text = mc_span_of("127.0.0.1");
    if (text.len >= sizeof host)
        return false;
    memcpy(host, text.at, text.len);
    host[text.len] = '\0';
    if (bracketed && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&proxy->address, &v6, sizeof v6);
        proxy->address_len = sizeof v6;
        return true;
    }
    if (bracketed || inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return false;
    memcpy(&proxy->address, &v4, sizeof v4);
    proxy->address_len = sizeof v4;
    return true;
}

/* The last occurrence; a password may hold an unescaped '@', an IPv6 address holds ':'. */
static const char *find_last(struct mc_span text, char c)
{
    return text.len ? memrchr(text.at, c, text.len) : NULL;
}

bool mc_socks5_parse_url(const char *url, struct mc_socks5_proxy *proxy, char *error,
                         size_t error_size)
{
    static const char scheme[] = "socks5://";
    const size_t scheme_len = sizeof scheme - 1;
    struct mc_span rest = mc_span_of(url);
    uint64_t port = DEFAULT_PORT;
    memset(proxy, 0, sizeof *proxy);
    if (rest.len < scheme_len ||
        !mc_span_equal_nocase(mc_span(url, scheme_len), mc_span_of(scheme)))
        return refuse(error, error_size,
                      "a proxy is written socks5://[USER:PASS@]HOST:PORT; no other kind works");
    rest = mc_span(url + scheme_len, rest.len - scheme_len);
    const char *at = find_last(rest, '@');
    if (at) {
        struct mc_span user = mc_span(rest.at, (size_t)(at - rest.at));
        if (!parse_user(user, proxy))
            return refuse(
                error, error_size,
                "user and password of the proxy are written USER:PASS@, at most 255 bytes "
                "each, special characters as %XX");
        rest = mc_span(at + 1, rest.len - user.len - 1);
    }
    if (rest.len && rest.at[rest.len - 1] == '/')
        rest.len--;
    const char *colon = find_last(rest, ':');
    if (colon && rest.at[rest.len - 1] != ']') {
        struct mc_span digits = mc_span(colon + 1, rest.len - (size_t)(colon - rest.at) - 1);
        if (!mc_parse_u64(digits, 65535, &port) || port == 0)
            return refuse(error, error_size, "the port of the proxy must be 1 to 65535");
        rest.len = (size_t)(colon - rest.at);
    }
    if (!parse_host(rest, (uint16_t)port, proxy))
        return refuse(error, error_size,
                      "the host of the proxy must be an IP address (IPv6 in brackets): its name "
                      "would have to be asked of DNS outside the proxy");
    return true;
}

/* The handshake. Each step waits for one reply. */

enum step { METHOD, AUTH, CONNECT, OVER };

static const struct {
    enum mc_socks5_status status;
    const char *why;
} connect_replies[] = {
    [0] = {MC_SOCKS5_DONE, NULL},
    [1] = {MC_SOCKS5_FAILED, "proxy: general failure"},
    [2] = {MC_SOCKS5_FAILED, "proxy: not allowed by its rules"},
    [3] = {MC_SOCKS5_UNREACHABLE, "network unreachable (says the proxy)"},
    [4] = {MC_SOCKS5_UNREACHABLE, "host unreachable (says the proxy)"},
    [5] = {MC_SOCKS5_REFUSED, "connection refused (says the proxy)"},
    [6] = {MC_SOCKS5_UNREACHABLE, "TTL expired (says the proxy)"},
    [7] = {MC_SOCKS5_FAILED, "proxy: command not supported"},
    [8] = {MC_SOCKS5_FAILED, "proxy: address type not supported"},
};

void mc_socks5_start(struct mc_socks5 *handshake, const struct mc_socks5_proxy *proxy,
                     const struct sockaddr *target, struct mc_text *out)
{
    const struct sockaddr_in *v4 = (const void *)target;
    const struct sockaddr_in6 *v6 = (const void *)target;
    bool is_v6 = target->sa_family == AF_INET6;
    size_t address_len = is_v6 ? 16 : 4;
    MC_ASSERT(is_v6 || target->sa_family == AF_INET);
    *handshake = (struct mc_socks5){.proxy = proxy, .step = METHOD};
    uint8_t *to = handshake->request;
    const uint8_t head[] = {VERSION, COMMAND_CONNECT, 0, is_v6 ? TYPE_IPV6 : TYPE_IPV4};
    memcpy(to, head, sizeof head);
    memcpy(to + 4, is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, address_len);
    memcpy(to + 4 + address_len, is_v6 ? &v6->sin6_port : &v4->sin_port, 2);
    handshake->request_len = (uint8_t)(4 + address_len + 2);
    static const char plain[] = {VERSION, 1, NO_AUTH};
    static const char either[] = {VERSION, 2, NO_AUTH, PASSWORD_AUTH};
    if (proxy->user_len)
        mc_text_add(out, either, sizeof either);
    else
        mc_text_add(out, plain, sizeof plain);
}

static void add_password(const struct mc_socks5_proxy *proxy, struct mc_text *out)
{
    mc_text_add_char(out, AUTH_VERSION);
    mc_text_add_char(out, (char)proxy->user_len);
    mc_text_add(out, proxy->user, proxy->user_len);
    mc_text_add_char(out, (char)proxy->password_len);
    mc_text_add(out, proxy->password, proxy->password_len);
}

static enum mc_socks5_status fail(struct mc_socks5 *handshake, const char *sentence,
                                  const char **why)
{
    handshake->step = OVER;
    *why = sentence;
    return MC_SOCKS5_FAILED;
}

/* How long the reply of this step is, judged by what is there of it. */
static size_t reply_len(const struct mc_socks5 *handshake)
{
    const uint8_t *reply = handshake->reply;
    /* of a refusal two bytes say all; some proxies send no more than that */
    if (handshake->step != CONNECT || handshake->have < 2 || reply[1] != 0)
        return 2;
    if (handshake->have < 5)
        return 5;
    size_t address_len = reply[3] == TYPE_IPV6 ? 16 : reply[3] == TYPE_NAME ? 1u + reply[4] : 4;
    return 4 + address_len + 2;
}

static enum mc_socks5_status serve_method(struct mc_socks5 *handshake, struct mc_text *out,
                                          const char **why)
{
    const uint8_t *reply = handshake->reply;
    if (reply[0] != VERSION)
        return fail(handshake, "proxy: does not speak SOCKS5", why);
    if (reply[1] == PASSWORD_AUTH && handshake->proxy->user_len) {
        handshake->step = AUTH;
        add_password(handshake->proxy, out);
        return MC_SOCKS5_MORE;
    }
    if (reply[1] != NO_AUTH)
        return fail(handshake,
                    handshake->proxy->user_len ? "proxy: takes neither user and password nor none"
                                               : "proxy: wants user and password",
                    why);
    handshake->step = CONNECT;
    mc_text_add(out, (const char *)handshake->request, handshake->request_len);
    return MC_SOCKS5_MORE;
}

static enum mc_socks5_status serve_reply(struct mc_socks5 *handshake, struct mc_text *out,
                                         const char **why)
{
    const uint8_t *reply = handshake->reply;
    switch ((enum step)handshake->step) {
    case METHOD:
        return serve_method(handshake, out, why);
    case AUTH:
        /* RFC 1929 says 1, some say 5; the status is what counts */
        if (reply[1] != 0)
            return fail(handshake, "proxy: user or password is wrong", why);
        handshake->step = CONNECT;
        mc_text_add(out, (const char *)handshake->request, handshake->request_len);
        return MC_SOCKS5_MORE;
    case CONNECT:
        if (reply[0] != VERSION || reply[1] >= MC_ARRAY_LEN(connect_replies))
            return fail(handshake, "proxy: an answer that makes no sense", why);
        if (reply[1] == 0 && reply[3] != TYPE_IPV4 && reply[3] != TYPE_NAME &&
            reply[3] != TYPE_IPV6)
            return fail(handshake, "proxy: an answer that makes no sense", why);
        handshake->step = OVER;
        *why = connect_replies[reply[1]].why;
        return connect_replies[reply[1]].status;
    case OVER:
        break;
    }
    MC_ASSERT(handshake->step != OVER);
    return MC_SOCKS5_FAILED;
}

enum mc_socks5_status mc_socks5_feed(struct mc_socks5 *handshake, struct mc_span *in,
                                     struct mc_text *out, const char **why)
{
    while (in->len) {
        size_t want = reply_len(handshake) - handshake->have;
        size_t take = want < in->len ? want : in->len;
        memcpy(handshake->reply + handshake->have, in->at, take);
        handshake->have = (uint16_t)(handshake->have + take);
        *in = mc_span(in->at + take, in->len - take);
        if (handshake->have < reply_len(handshake))
            continue;
        enum mc_socks5_status status = serve_reply(handshake, out, why);
        handshake->have = 0;
        if (status != MC_SOCKS5_MORE)
            return status;
    }
    return MC_SOCKS5_MORE;
}
