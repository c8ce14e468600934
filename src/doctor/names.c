#include "doctor/names.h"

#include <string.h>

#include "base/memory.h"

const char *const mc_doctor_providers[MC_DOCTOR_PROVIDERS] = {
    "gmail.com",
    "outlook.com",
    "yahoo.com",
    "icloud.com",
};

const char *const mc_doctor_missing[MC_DOCTOR_MISSING] = {"com", "org"};

const char *const mc_doctor_broken[MC_DOCTOR_BROKEN] = {"dnssec-failed.org", "rhybar.cz"};

const struct mc_doctor_zone mc_doctor_zones[MC_DOCTOR_ZONES] = {
    {"zen.spamhaus.org", "check.spamhaus.org"},
    {"bl.spamcop.net", "www.spamcop.net/bl.shtml"},
    {"psbl.surriel.com", "psbl.org"},
    {"bl.mailspike.net", "mailspike.io"},
};

/* As the zones' own pages say. */
static const struct {
    const char *zone;
    uint8_t low, high;
    const char *means;
} codes[] = {
    {"zen.spamhaus.org", 2, 2, "SBL: spam was seen from it"},
    {"zen.spamhaus.org", 3, 3, "CSS: low reputation"},
    {"zen.spamhaus.org", 4, 7, "XBL: a compromised machine"},
    {"zen.spamhaus.org", 9, 9, "DROP: a hijacked network"},
    {"zen.spamhaus.org", 10, 11, "PBL: its network says that it must not send mail directly"},
};

const char *mc_doctor_zone_code(const char *zone, uint8_t octet)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(codes); i++)
        if (octet >= codes[i].low && octet <= codes[i].high && strcmp(codes[i].zone, zone) == 0)
            return codes[i].means;
    return NULL;
}

static const struct {
    const char *address, *name;
} resolvers[] = {
    {"8.8.8.8", "Google Public DNS"},
    {"8.8.4.4", "Google Public DNS"},
    {"2001:4860:4860::8888", "Google Public DNS"},
    {"2001:4860:4860::8844", "Google Public DNS"},
    {"1.1.1.1", "Cloudflare"},
    {"1.0.0.1", "Cloudflare"},
    {"2606:4700:4700::1111", "Cloudflare"},
    {"2606:4700:4700::1001", "Cloudflare"},
    {"9.9.9.9", "Quad9"},
    {"149.112.112.112", "Quad9"},
    {"2620:fe::fe", "Quad9"},
    {"2620:fe::9", "Quad9"},
    {"208.67.222.222", "OpenDNS"},
    {"208.67.220.220", "OpenDNS"},
    {"94.140.14.14", "AdGuard DNS"},
    {"94.140.15.15", "AdGuard DNS"},
    {"76.76.2.0", "Control D"},
    {"64.6.64.6", "UltraDNS Public"},
    {"185.228.168.9", "CleanBrowsing"},
    {"114.114.114.114", "114DNS"},
    {"223.5.5.5", "AliDNS"},
    {"223.6.6.6", "AliDNS"},
    {"119.29.29.29", "DNSPod"},
    {"77.88.8.8", "Yandex DNS"},
};

const char *mc_doctor_public_resolver(const char *address)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(resolvers); i++)
        if (strcmp(resolvers[i].address, address) == 0)
            return resolvers[i].name;
    return NULL;
}

static const char *const dynamic_words[] = {"dynamic",   "dyn-", "dyn.",    "dhcp",
                                            "pool",      "dsl",  "cable",   "dialup",
                                            "broadband", "ppp",  "customer"};

const char *mc_doctor_dynamic_word(const char *name)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(dynamic_words); i++)
        if (strstr(name, dynamic_words[i]))
            return dynamic_words[i];
    return NULL;
}

const int64_t mc_doctor_not_before = 1767225600; /* 2026-01-01 */
