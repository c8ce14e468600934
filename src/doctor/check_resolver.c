/* Does the resolver answer, and does it tell "there is no such name" from "I could not find out"?
 * Verdicts about domains are worth as much as that. */
#include <stdio.h>
#include <sys/random.h>

#include "base/memory.h"
#include "doctor/state.h"

struct
try {
    const char *name;
    char random[64];
    enum mc_dns_status status;
    char address[MC_IP_TEXT_SIZE];
};

static void on_answer(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer)
{
    struct try *try = arg;
    (void)doctor;
    try->status = answer->status;
    if (answer->a && answer->count) {
        struct mc_ip ip = {.family = 4};
        memcpy(ip.octets, answer->a, 4);
        mc_ip_format(&ip, try->address);
    }
}

static void ask_random(struct mc_doctor *doctor, struct try *try, const char *below)
{
    static const char letters[] = "bcdfghjkmnpqrstvwxz23456789";
    unsigned char bytes[16];
    char label[sizeof bytes + 1] = "";
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        memset(bytes, 7, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        label[i] = letters[bytes[i] % (sizeof letters - 1)];
    snprintf(try->random, sizeof try->random, "%s.%s", label, below);
    try->name = try->random;
    mc_doctor_ask(doctor, MC_DNS_A, try->name, on_answer, try);
}

static bool judge_known(struct mc_doctor *doctor, const struct try *known, size_t count)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++)
        good += known[i].status == MC_DNS_OK;
    if (good == count)
        mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_OK, "", "it finds %zu known domains",
                      good);
    for (size_t i = 0; i < count && good < count; i++)
        if (known[i].status != MC_DNS_OK)
            mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, good ? MC_DOCTOR_WARN : MC_DOCTOR_STOP,
                          "see that /etc/resolv.conf names a resolver that works, or name one with "
                          "--dns",
                          "MX of %s: %s", known[i].name, mc_dns_status_name(known[i].status));
    return good > 0;
}

static void judge_missing(struct mc_doctor *doctor, const struct try *missing, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct try *try = &missing[i];
        if (try->status == MC_DNS_NOT_FOUND)
            mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_OK, "",
                          "a name below .%s that does not exist is said not to",
                          mc_doctor_missing[i]);
        else if (try->status == MC_DNS_OK)
            mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_FAIL,
                          "use another resolver (--dns, or one of your own): with this one "
                          "mistyped domains look alive",
                          "it invents the address %s for %s, which does not exist", try->address,
                          try->name);
        else
            mc_doctor_say(
                doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_WARN,
                "try another resolver (--dns): with this one dead domains may stay unseen",
                "%s, which does not exist: %s instead of NXDOMAIN", try->name,
                mc_dns_status_name(try->status));
    }
}

/* One of them may be repaired, or given up, one day: only all of them together count. */
static void judge_broken(struct mc_doctor *doctor, const struct try *broken, size_t count)
{
    size_t denied = 0;
    for (size_t i = 0; i < count; i++)
        denied += broken[i].status == MC_DNS_NOT_FOUND || broken[i].status == MC_DNS_NO_DATA;
    if (denied == count)
        mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_FAIL,
                      "use another resolver (--dns, or one of your own): with this one a domain "
                      "whose servers fail for an hour is called dead",
                      "it says that broken domains do not exist (%s: %s)", broken[0].name,
                      mc_dns_status_name(broken[0].status));
    else
        mc_doctor_say(doctor, MC_DOCTOR_RESOLVER, MC_DOCTOR_OK, "",
                      "it keeps broken domains apart from missing ones (%s: %s)", broken[0].name,
                      mc_dns_status_name(broken[0].status));
}

void mc_doctor_check_resolver(struct mc_doctor *doctor)
{
    struct try known[MC_DOCTOR_PROVIDERS] = {0}, missing[MC_DOCTOR_MISSING] = {0},
               broken[MC_DOCTOR_BROKEN] = {0};
    for (size_t i = 0; i < MC_DOCTOR_PROVIDERS; i++) {
        known[i].name = mc_doctor_providers[i];
        mc_doctor_ask(doctor, MC_DNS_MX, known[i].name, on_answer, &known[i]);
    }
    for (size_t i = 0; i < MC_DOCTOR_MISSING; i++)
        ask_random(doctor, &missing[i], mc_doctor_missing[i]);
    for (size_t i = 0; i < MC_DOCTOR_BROKEN; i++) {
        broken[i].name = mc_doctor_broken[i];
        mc_doctor_ask(doctor, MC_DNS_A, broken[i].name, on_answer, &broken[i]);
    }
    mc_doctor_wait(doctor);
    if (doctor->pending)
        return;
    if (!judge_known(doctor, known, MC_DOCTOR_PROVIDERS))
        return;
    judge_missing(doctor, missing, MC_DOCTOR_MISSING);
    judge_broken(doctor, broken, MC_DOCTOR_BROKEN);
}
