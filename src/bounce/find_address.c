#include "bounce/find_address.h"

#include <string.h>

#include "base/memory.h"
#include "bounce/judge.h"
#include "bounce/wordings.h"

static bool is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || mc_is_digit(c) ||
           (c > ' ' && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool is_domain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || mc_is_digit(c) || c == '-' ||
           c == '.' || c == '_';
}

/* Where the local part before the sign at `sign` starts. */
static size_t local_start(struct mc_span text, size_t from, size_t sign)
{
    size_t start = sign;
    if (start > from && text.at[start - 1] == '"') { /* "quoted one"@ */
        for (start--; start > from && text.at[start - 1] != '"' && text.at[start - 1] != '\n';)
            start--;
        if (start > from && text.at[start - 1] == '"')
            return start - 1;
        return sign;
    }
    while (start > from && is_atext(text.at[start - 1]))
        start--;
    if (start == from || (unsigned char)text.at[start - 1] < 0x80)
        return start;
    /* <user@xn--..> may be written in any script; in running text other scripts are words */
    size_t open = start;
    while (open > from && text.at[open - 1] != '<' && text.at[open - 1] != '\n' &&
           text.at[open - 1] != ' ')
        open--;
    bool bracketed = open > from && text.at[open - 1] == '<';
    while (start > from && bracketed &&
           (is_atext(text.at[start - 1]) || (unsigned char)text.at[start - 1] >= 0x80))
        start--;
    return start;
}

static const char *const prefixes[] = {
    "to=",   "from=", "rcpt=",    "address=", "addr=", "email=",  "recipient=",
    "mail=", "user=", "orig_to=", "smtp=",    "smtp/", "rfc822/",
};

bool mc_find_address(struct mc_span text, size_t *from, struct mc_span *address)
{
    const char *at;
    while (*from < text.len && (at = memchr(text.at + *from, '@', text.len - *from)) != NULL) {
        size_t sign = (size_t)(at - text.at), start = local_start(text, *from, sign),
               end = sign + 1;
        bool bracketed = start && text.at[start - 1] == '<';
        while (end < text.len &&
               (is_domain(text.at[end]) || (bracketed && (unsigned char)text.at[end] >= 0x80)))
            end++;
        *from = end;
        while (end > sign + 1 && strchr(".-_", text.at[end - 1]))
            end--;
        while (start < sign && strchr(".'`*=|/&{}~!?^", text.at[start]))
            start++;
        bool prefixed = memchr(text.at + start, '=', sign - start) ||
                        memchr(text.at + start, '/', sign - start);
        for (size_t i = 0; i < MC_ARRAY_LEN(prefixes) && prefixed; i++) {
            size_t len = strlen(prefixes[i]);
            if (sign - start > len &&
                mc_bounce_starts(mc_span(text.at + start, sign - start), prefixes[i]))
                start += len;
        }
        if (start == sign || end - sign < 3)
            continue;
        if (!memchr(text.at + sign, '.', end - sign) && !bracketed)
            continue;
        *address = mc_span(text.at + start, end - start);
        return true;
    }
    return false;
}

bool mc_read_address(struct mc_span text, struct mc_address *address)
{
    size_t from = 0;
    struct mc_span raw;
    while (mc_find_address(text, &from, &raw))
        if (mc_address_parse(raw, address) == MC_SYNTAX_OK)
            return true;
    return false;
}

bool mc_is_daemon(struct mc_span address)
{
    static const char *const names[] = {
        "mailer-daemon", "mailerdaemon", "mailer_daemon", "mail-daemon", "postmaster",
        "mdaemon",       "abuse",        "hostmaster",    "maildaemon",  "mailer-deamon",
        "double-bounce", "postmast",     "mail.daemon",   "mailsystem",
    };
    const char *sign = memchr(address.at, '@', address.len);
    struct mc_span local = mc_span(address.at, sign ? (size_t)(sign - address.at) : address.len);
    if (!local.len || !strchr("mpahd", mc_ascii_lower(local.at[0])))
        return false; /* none of them begins so */
    if (MC_BOUNCE_STARTS(local, names))
        return true;
    static const char *const programs[] = {"mailman", "majordomo", "listserv", "sympa"};
    for (size_t i = 0; i < MC_ARRAY_LEN(programs); i++)
        if (mc_span_equal_nocase(local, mc_span_of(programs[i])))
            return true;
    return false;
}

static bool ends_with(struct mc_span text, struct mc_span end)
{
    return text.len >= end.len &&
           mc_span_equal_nocase(mc_span(text.at + text.len - end.len, end.len), end);
}

bool mc_is_same_mailbox(struct mc_span failed, struct mc_span mailed)
{
    const char *sign = memchr(failed.at, '@', failed.len);
    const char *other = memchr(mailed.at, '@', mailed.len);
    if (!sign || !other)
        return !sign;
    struct mc_span local = mc_span(failed.at, (size_t)(sign - failed.at));
    struct mc_span domain = mc_span(sign + 1, failed.len - local.len - 1);
    struct mc_span second = mc_span(other + 1, (size_t)(mailed.at + mailed.len - other - 1));
    if (mc_bounce_starts(failed, "IMCEA") || !memchr(domain.at, '.', domain.len) ||
        mc_bounce_has(domain, ".local"))
        return true;
    return mc_span_equal_nocase(mc_span(mailed.at, (size_t)(other - mailed.at)), local) &&
           (ends_with(domain, second) || ends_with(second, domain));
}
