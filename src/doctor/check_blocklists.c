/* Is our address on a blocklist that many servers ask? Each list is first asked about its two test
 * points (RFC 5782 section 5): one that will not tell us is not believed. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/memory.h"
#include "doctor/state.h"
#include "loop/dns_servers.h"

enum { LISTED, CLEAR, OURS, QUESTIONS };

struct zone {
    const struct mc_doctor_zone *zone;
    struct answer {
        enum mc_dns_status status;
        uint8_t octets[4];
    } answers[QUESTIONS];
};

static void on_answer(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer)
{
    struct answer *out = arg;
    (void)doctor;
    out->status = answer->status;
    if (answer->count)
        memcpy(out->octets, &answer->a[0], sizeof out->octets);
}

/* 127.255.255.x is how lists say that they do not answer this resolver. */
static bool is_listing(const struct answer *answer)
{
    return answer->status == MC_DNS_OK && answer->octets[0] == 127 && answer->octets[1] != 255;
}

static void judge(struct mc_doctor *doctor, const struct zone *zone, const char *ip)
{
    const struct answer *ours = &zone->answers[OURS];
    const char *name = zone->zone->zone;
    if (!is_listing(&zone->answers[LISTED]) || zone->answers[CLEAR].status != MC_DNS_NOT_FOUND) {
        mc_doctor_say(doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_WARN,
                      "lists refuse resolvers that many share: run one of your own (unbound) and "
                      "name it with --dns",
                      "%s does not answer this resolver (test point: %s)", name,
                      mc_dns_status_name(zone->answers[LISTED].status));
    } else if (is_listing(ours)) {
        const char *means = mc_doctor_zone_code(name, ours->octets[3]);
        mc_doctor_say(
            doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_FAIL,
            "find out why, mend it, and only then ask the list to take it off; probe from "
            "another address until then",
            "%s is on %s (127.%u.%u.%u%s%s): see %s", ip, name, ours->octets[1], ours->octets[2],
            ours->octets[3], means ? ", " : "", means ? means : "", zone->zone->delist);
    } else if (ours->status == MC_DNS_NOT_FOUND || ours->status == MC_DNS_NO_DATA) {
        mc_doctor_say(doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_OK, "", "%s is not on %s", ip, name);
    } else {
        mc_doctor_say(doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_WARN, "try again later", "%s: %s",
                      name, mc_dns_status_name(ours->status));
    }
}

/* The first of our resolvers that is a public one, or NULL. */
static const char *public_resolver(const struct mc_doctor *doctor, char *address, size_t size)
{
    struct mc_dns_servers servers;
    char error[200];
    if (!mc_dns_servers_find(&servers, doctor->options->dns, error, sizeof error))
        return NULL;
    for (size_t i = 0; i < servers.count; i++) {
        inet_ntop(servers.at[i].family, &servers.at[i].addr, address, (socklen_t)size);
        const char *name = mc_doctor_public_resolver(address);
        if (name)
            return name;
    }
    return NULL;
}

void mc_doctor_check_blocklists(struct mc_doctor *doctor)
{
    struct zone zones[MC_DOCTOR_ZONES] = {0};
    char ip[MC_IP_TEXT_SIZE], resolver[64], name[128];
    const char *service = public_resolver(doctor, resolver, sizeof resolver);
    if (service) {
        mc_doctor_say(doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_WARN,
                      "blocklists refuse public resolvers: run one of your own (unbound) and name "
                      "it with --dns",
                      "not asked: the resolver %s is %s", resolver, service);
        return;
    }
    if (!doctor->has_address || doctor->address.family != 4) {
        mc_doctor_say(doctor, MC_DOCTOR_BLOCKLIST, MC_DOCTOR_WARN, "",
                      "not asked: the IPv4 address that others see is not known");
        return;
    }
    for (size_t i = 0; i < MC_DOCTOR_ZONES; i++) {
        static const struct mc_ip test_points[] = {
            [LISTED] = {4, {127, 0, 0, 2}},
            [CLEAR] = {4, {127, 0, 0, 1}},
        };
        zones[i].zone = &mc_doctor_zones[i];
        for (int k = 0; k < QUESTIONS; k++) {
            mc_doctor_reverse(k == OURS ? &doctor->address : &test_points[k], zones[i].zone->zone,
                              "", name, sizeof name);
            mc_doctor_ask(doctor, MC_DNS_A, name, on_answer, &zones[i].answers[k]);
        }
    }
    mc_doctor_wait(doctor);
    if (doctor->pending)
        return;
    mc_ip_format(&doctor->address, ip);
    for (size_t i = 0; i < MC_DOCTOR_ZONES; i++)
        judge(doctor, &zones[i], ip);
}
