#include "mx/mx_outcome.h"

#include "base/memory.h"
#include "loop/dns_message.h"

enum { NAME_SHOWN = 253 };

static bool is_localhost(struct mc_span name)
{
    static const char *const ends[] = {".localhost", ".localhost.localdomain"};
    for (size_t i = 0; i < MC_ARRAY_LEN(ends); i++) {
        struct mc_span end = mc_span_of(ends[i]);
        if (mc_span_ends_with(name, end) || mc_span_equal(name, mc_span(end.at + 1, end.len - 1)))
            return true;
    }
    return false;
}

enum mc_mx_name mc_mx_name_kind(struct mc_span name)
{
    struct mc_ip ip;
    char text[MC_DNS_NAME_MAX + 2];
    if (!name.len)
        return MC_MX_NAME_ROOT;
    if (mc_ip_parse(&ip, name))
        return MC_MX_NAME_ADDRESS;
    if (is_localhost(name))
        return MC_MX_NAME_LOCALHOST;
    if (name.len >= sizeof text || memchr(name.at, '\0', name.len))
        return MC_MX_NAME_BAD;
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    return mc_dns_name_is_askable(text) ? MC_MX_NAME_HOST : MC_MX_NAME_BAD;
}

static int compare(const struct mc_dns_mx *a, const struct mc_dns_mx *b)
{
    if (a->preference != b->preference)
        return a->preference < b->preference ? -1 : 1;
    return strcmp(a->host, b->host);
}

size_t mc_mx_pick(const struct mc_dns_mx *records, size_t count, struct mc_dns_mx best[MC_MX_MAX])
{
    size_t picked = 0;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (same < picked && strcmp(best[same].host, records[i].host) != 0)
            same++;
        if (same < picked) {
            if (best[same].preference <= records[i].preference)
                continue;
            picked--;
            memmove(&best[same], &best[same + 1], (picked - same) * sizeof *best);
        }
        size_t place = picked;
        while (place > 0 && compare(&records[i], &best[place - 1]) < 0)
            place--;
        if (place == MC_MX_MAX)
            continue;
        picked += picked < MC_MX_MAX;
        memmove(&best[place + 1], &best[place], (picked - 1 - place) * sizeof *best);
        best[place] = records[i];
    }
    return picked;
}

static void say_name(struct mc_text *detail, const struct mc_mx_finding *finding)
{
    mc_text_add_printable(detail, finding->name, NAME_SHOWN);
}

static void say_unusable(struct mc_text *detail, const struct mc_mx_finding *finding)
{
    if (finding->kind == MC_MX_NAME_ADDRESS) {
        mc_text_add_z(detail, "MX ");
        say_name(detail, finding);
        mc_text_add_z(detail, " is an IP address");
    } else if (finding->kind == MC_MX_NAME_LOCALHOST) {
        mc_text_add_z(detail, "MX ");
        say_name(detail, finding);
        mc_text_add_z(detail, " is no host of the network");
    } else {
        char ip[MC_IP_TEXT_SIZE];
        const char *why = mc_ip_unroutable(&finding->unusable);
        mc_ip_format(&finding->unusable, ip);
        say_name(detail, finding);
        mc_text_printf(detail, " %s %s is %s", finding->unusable.family == 4 ? "A" : "AAAA", ip,
                       why ? why : "unusable");
    }
}

static void say_failure(struct mc_text *detail, const struct mc_mx_finding *finding)
{
    say_name(detail, finding);
    mc_text_printf(detail, " %s %s", finding->failed_type == MC_DNS_A ? "A" : "AAAA",
                   mc_dns_status_name(finding->failure));
}

static void say_no_address(struct mc_text *detail, const struct mc_mx_finding *finding,
                           bool implicit)
{
    if (implicit) {
        mc_text_add_z(detail, "no MX, A or AAAA");
        return;
    }
    mc_text_add_z(detail, "MX ");
    if (finding->name.len)
        say_name(detail, finding);
    else
        mc_text_add_char(detail, '.');
    mc_text_add_z(detail, finding->kind == MC_MX_NAME_BAD ? " is no host name" : " has no address");
}

static bool is_unusable(const struct mc_mx_finding *finding)
{
    return finding->has_unusable || finding->kind == MC_MX_NAME_ADDRESS ||
           finding->kind == MC_MX_NAME_LOCALHOST;
}

enum mc_reason mc_mx_judge(const struct mc_mx_finding *findings, size_t count, bool implicit,
                           struct mc_text *detail)
{
    const struct mc_mx_finding *failed = NULL, *unusable = NULL, *named = NULL;
    MC_ASSERT(count);
    for (size_t i = 0; i < count; i++) {
        if (findings[i].usable)
            return MC_REASON_ACCEPTED;
        if (!failed && findings[i].failed)
            failed = &findings[i];
        if (!unusable && is_unusable(&findings[i]))
            unusable = &findings[i];
        if (!named && findings[i].kind != MC_MX_NAME_ROOT)
            named = &findings[i];
    }
    /* A host that could not be asked about may be the one that works. */
    if (failed) {
        say_failure(detail, failed);
        return MC_REASON_DNS_FAILED;
    }
    if (unusable) {
        say_unusable(detail, unusable);
        return MC_REASON_UNROUTABLE_MX;
    }
    if (!named) {
        mc_text_add_z(detail, "null MX");
        return MC_REASON_NULL_MX;
    }
    say_no_address(detail, named, implicit);
    return MC_REASON_NO_MAIL_SERVER;
}

enum mc_reason mc_mx_judge_failure(enum mc_dns_status status, struct mc_text *detail)
{
    mc_text_printf(detail, "MX %s", mc_dns_status_name(status));
    return status == MC_DNS_NOT_FOUND ? MC_REASON_NO_SUCH_DOMAIN : MC_REASON_DNS_FAILED;
}
