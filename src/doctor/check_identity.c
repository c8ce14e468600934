/* Who are we to the servers we knock at? The HELO name, the address, the name of the address. Many
 * servers refuse who has no PTR record, or one whose name leads elsewhere. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/memory.h"
#include "doctor/state.h"

enum { NAMES_MAX = 4 };

struct names {
    enum mc_dns_status status;
    size_t count;
    char name[NAMES_MAX][256];
    struct mc_doctor_addresses addresses[NAMES_MAX];
};

static void on_ptr(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer)
{
    struct names *names = arg;
    (void)doctor;
    names->status = answer->status;
    for (size_t i = 0; i < answer->count && names->count < NAMES_MAX; i++)
        snprintf(names->name[names->count++], sizeof names->name[0], "%.*s",
                 (int)answer->text[i].len, answer->text[i].at);
}

static void check_ptr(struct mc_doctor *doctor)
{
    struct names names = {0};
    char reverse[128], ip[MC_IP_TEXT_SIZE];
    static const char ask_provider[] =
        "ask whoever gave you the address (provider, cloud) to set its PTR record to the HELO name";
    mc_ip_format(&doctor->address, ip);
    mc_doctor_reverse(&doctor->address, "in-addr.arpa", "ip6.arpa", reverse, sizeof reverse);
    mc_doctor_ask(doctor, MC_DNS_PTR, reverse, on_ptr, &names);
    mc_doctor_wait(doctor);
    for (size_t i = 0; i < names.count; i++)
        mc_doctor_ask_addresses(doctor, names.name[i], &names.addresses[i]);
    mc_doctor_wait(doctor);
    if (doctor->pending)
        return;
    if (!names.count) {
        bool none = names.status == MC_DNS_NOT_FOUND || names.status == MC_DNS_NO_DATA;
        mc_doctor_say(doctor, MC_DOCTOR_PTR, none ? MC_DOCTOR_FAIL : MC_DOCTOR_WARN, ask_provider,
                      none ? "%s has no PTR record (%s)" : "PTR of %s: %s", ip,
                      mc_dns_status_name(names.status));
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (!mc_doctor_has_address(&names.addresses[i], &doctor->address))
            continue;
        const char *word = mc_doctor_dynamic_word(names.name[i]);
        if (word)
            mc_doctor_say(doctor, MC_DOCTOR_PTR, MC_DOCTOR_WARN, ask_provider,
                          "%s is %s and back, but \"%s\" in it looks like a customer's line", ip,
                          names.name[i], word);
        else
            mc_doctor_say(doctor, MC_DOCTOR_PTR, MC_DOCTOR_OK, "", "%s is %s and back", ip,
                          names.name[i]);
        return;
    }
    mc_doctor_say(doctor, MC_DOCTOR_PTR, MC_DOCTOR_FAIL,
                  "give the PTR name an A or AAAA record with this address, or set the PTR record "
                  "to a name that has one",
                  "%s is %s, but that name does not lead back to it", ip, names.name[0]);
}

static void check_helo(struct mc_doctor *doctor)
{
    const struct mc_doctor_options *options = doctor->options;
    char found[200], ip[MC_IP_TEXT_SIZE] = "";
    mc_doctor_ask_addresses(doctor, options->helo, &doctor->helo);
    mc_doctor_wait(doctor);
    if (doctor->pending)
        return;
    mc_doctor_list(&doctor->helo, found, sizeof found);
    const char *hidden = doctor->has_address ? mc_ip_unroutable(&doctor->address) : NULL;
    if (doctor->has_address)
        mc_ip_format(&doctor->address, ip);
    if (!options->helo_is_usual)
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_FAIL,
                      "give a full name in the public DNS: --helo NAME",
                      "%s is no name that others know", options->helo);
    if (!doctor->helo.count && doctor->helo.status > MC_DNS_NOT_FOUND)
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_WARN, "see what the resolver says above",
                      "address of %s: %s", options->helo, mc_dns_status_name(doctor->helo.status));
    else if (!doctor->helo.count)
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_FAIL,
                      "give the name an A or AAAA record with this host's address, or use a name "
                      "that has one: --helo NAME",
                      "%s has no address (%s)", options->helo,
                      mc_dns_status_name(doctor->helo.status));
    else if (doctor->has_address && !hidden &&
             !mc_doctor_has_address(&doctor->helo, &doctor->address))
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_WARN,
                      "let the name lead to that address, or connect from the address of the name "
                      "(--source-ip)",
                      "%s is %s, but connections leave from %s", options->helo, found, ip);
    else if (doctor->has_address && !hidden)
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_OK, "", "%s is %s", options->helo, found);
    else
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_OK, "", "%s is %s%s", options->helo, found,
                      options->proxy ? ", taken for the address of the proxy"
                      : hidden       ? ", taken for ours: connections leave from behind a router"
                                     : ", taken for ours");
    if ((!doctor->has_address || hidden) && doctor->helo.count) {
        doctor->address = doctor->helo.ip[0];
        doctor->has_address = true;
        doctor->address_is_seen = false;
    } else if (hidden) {
        doctor->has_address = false;
    }
}

void mc_doctor_check_identity(struct mc_doctor *doctor)
{
    const struct mc_doctor_options *options = doctor->options;
    if (!doctor->has_address && options->source_ip)
        doctor->has_address = mc_ip_parse(&doctor->address, mc_span_of(options->source_ip));
    if (options->helo)
        check_helo(doctor);
    else
        mc_doctor_say(doctor, MC_DOCTOR_HELO, MC_DOCTOR_STOP,
                      "say who you are: --helo NAME and --mail-from ADDRESS", "%s",
                      options->identity_error);
    if (doctor->has_address)
        check_ptr(doctor);
    else
        mc_doctor_say(doctor, MC_DOCTOR_PTR, MC_DOCTOR_WARN,
                      "name the public address by a HELO name that has it: --helo NAME",
                      "the address that others see is not known");
}
