#include "bounce/verp.h"

#define LOCAL  "{local}"
#define DOMAIN "{domain}"

bool mc_verp_valid(const char *pattern)
{
    const char *local = strstr(pattern, LOCAL), *domain = strstr(pattern, DOMAIN);
    if (!local || !domain || strstr(local + 1, LOCAL) || strstr(domain + 1, DOMAIN))
        return false;
    return local < domain ? local + strlen(LOCAL) < domain : domain + strlen(DOMAIN) < local;
}

struct match {
    struct mc_span local, domain;
};

/* Matches the rest of the pattern; what stands for a placeholder is as long as can be, for a
 * local part may hold the mark that parts it from its domain. */
static bool fits(const char *pattern, struct mc_span path, struct match *match, unsigned depth)
{
    while (*pattern && *pattern != '*' && strncmp(pattern, LOCAL, strlen(LOCAL)) != 0 &&
           strncmp(pattern, DOMAIN, strlen(DOMAIN)) != 0) {
        if (!path.len || mc_ascii_lower(*pattern) != mc_ascii_lower(path.at[0]))
            return false;
        pattern++;
        path = mc_span(path.at + 1, path.len - 1);
    }
    if (!*pattern)
        return !path.len;
    if (depth > 8)
        return false;
    bool any = *pattern == '*', local = !any && pattern[1] == 'l';
    const char *rest = pattern + (any ? 1 : local ? strlen(LOCAL) : strlen(DOMAIN));
    for (size_t len = path.len + 1; len-- > (any ? 0 : 1);) {
        if (!fits(rest, mc_span(path.at + len, path.len - len), match, depth + 1))
            continue;
        if (!any)
            *(local ? &match->local : &match->domain) = mc_span(path.at, len);
        return true;
    }
    return false;
}

size_t mc_verp_read(const char *pattern, struct mc_span path, char *out, size_t size)
{
    struct match match = {0};
    if (path.len > 320 || !fits(pattern, path, &match, 0))
        return 0;
    size_t len = match.local.len + 1 + match.domain.len;
    if (len >= size)
        return 0;
    memcpy(out, match.local.at, match.local.len);
    out[match.local.len] = '@';
    memcpy(out + match.local.len + 1, match.domain.at, match.domain.len);
    return len;
}
