/* The domain of the envelope sender: does it take mail (bounces, and servers that look), and does
 * it say who may send for it? */
#include <stdio.h>
#include <strings.h>

#include "base/memory.h"
#include "doctor/state.h"

struct policy {
    const char *tag; /* what its TXT record begins with */
    char domain[256], record[300];
    size_t count;
    enum mc_dns_status status;
};

static void on_policy(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer)
{
    struct policy *policy = arg;
    size_t len = strlen(policy->tag);
    (void)doctor;
    policy->status = answer->status;
    for (size_t i = 0; i < answer->count; i++) {
        struct mc_span text = answer->text[i];
        if (text.len < len || strncasecmp(text.at, policy->tag, len) != 0 ||
            (text.len > len && !strchr(" ;\t", text.at[len])))
            continue;
        if (!policy->count++)
            snprintf(policy->record, sizeof policy->record, "%.*s", (int)text.len, text.at);
    }
}

/* RFC 7208 section 4.5: one record, or none of them counts. */
static void judge_spf(struct mc_doctor *doctor, const struct policy *spf)
{
    if (spf->status > MC_DNS_NOT_FOUND)
        mc_doctor_say(doctor, MC_DOCTOR_SPF, MC_DOCTOR_WARN, "see what the resolver says above",
                      "TXT of %s: %s", spf->domain, mc_dns_status_name(spf->status));
    else if (!spf->count)
        mc_doctor_say(
            doctor, MC_DOCTOR_SPF, MC_DOCTOR_WARN,
            "publish a TXT record there, such as \"v=spf1 mx ip4:ADDRESS -all\", with the "
            "addresses that send for the domain",
            "%s has no SPF record", spf->domain);
    else if (spf->count > 1)
        mc_doctor_say(doctor, MC_DOCTOR_SPF, MC_DOCTOR_FAIL,
                      "merge them into one: with two of them SPF fails everywhere",
                      "%s has %zu SPF records", spf->domain, spf->count);
    else if (strstr(spf->record, "+all"))
        mc_doctor_say(doctor, MC_DOCTOR_SPF, MC_DOCTOR_WARN,
                      "end it with -all or ~all: as it is, anybody may send for the domain",
                      "%s: %s", spf->domain, spf->record);
    else
        mc_doctor_say(doctor, MC_DOCTOR_SPF, MC_DOCTOR_OK, "", "%s: %s", spf->domain, spf->record);
}

/* The record of the name, else of the nearest domain above it that has one. */
static void check_dmarc(struct mc_doctor *doctor, const char *domain)
{
    const char *at = domain;
    struct policy dmarc;
    for (;;) {
        char name[300];
        dmarc = (struct policy){.tag = "v=DMARC1"};
        snprintf(name, sizeof name, "_dmarc.%s", at);
        snprintf(dmarc.domain, sizeof dmarc.domain, "%s", at);
        mc_doctor_ask(doctor, MC_DNS_TXT, name, on_policy, &dmarc);
        mc_doctor_wait(doctor);
        if (doctor->pending)
            return;
        size_t dots = 0;
        for (const char *dot = at; (dot = strchr(dot, '.')); dot++)
            dots++;
        if (dmarc.count || dots < MC_DOCTOR_LABELS_MIN)
            break;
        at = strchr(at, '.') + 1;
    }
    if (dmarc.count > 1)
        mc_doctor_say(doctor, MC_DOCTOR_DMARC, MC_DOCTOR_WARN,
                      "leave one of them: with two the domain counts as having none",
                      "_dmarc.%s has %zu records", dmarc.domain, dmarc.count);
    else if (dmarc.count)
        mc_doctor_say(doctor, MC_DOCTOR_DMARC, MC_DOCTOR_OK, "", "%s: %s", dmarc.domain,
                      dmarc.record);
    else if (dmarc.status > MC_DNS_NOT_FOUND)
        mc_doctor_say(doctor, MC_DOCTOR_DMARC, MC_DOCTOR_WARN, "see what the resolver says above",
                      "TXT of _dmarc.%s: %s", domain, mc_dns_status_name(dmarc.status));
    else
        mc_doctor_say(doctor, MC_DOCTOR_DMARC, MC_DOCTOR_WARN,
                      "publish a TXT record there, at least \"v=DMARC1; p=none\": large providers "
                      "want one from whoever sends in bulk",
                      "_dmarc.%s has no DMARC record (%s)", domain,
                      mc_dns_status_name(dmarc.status));
}

struct lookup {
    struct mc_doctor *doctor;
    const char *domain;
};

static void on_mx(void *arg, const struct mc_mx_answer *answer)
{
    struct lookup *lookup = arg;
    struct mc_doctor *doctor = lookup->doctor;
    doctor->pending--;
    if (answer->reason == MC_REASON_ACCEPTED)
        mc_doctor_say(doctor, MC_DOCTOR_SENDER, MC_DOCTOR_OK, "", "mail for %s goes to %.*s",
                      lookup->domain, (int)answer->best_host.len, answer->best_host.at);
    else
        mc_doctor_say(doctor, MC_DOCTOR_SENDER,
                      answer->reason == MC_REASON_DNS_FAILED ? MC_DOCTOR_WARN : MC_DOCTOR_FAIL,
                      "use a sender at a domain that takes mail (--mail-from): servers look, and "
                      "bounces must come back",
                      "no mail can come to %s: %s, %s", lookup->domain,
                      mc_reason_name(answer->reason), answer->detail);
}

void mc_doctor_check_sender(struct mc_doctor *doctor)
{
    const char *sender = doctor->options->mail_from;
    const char *sign = sender ? strrchr(sender, '@') : NULL;
    struct policy spf = {.tag = "v=spf1"};
    if (!sign || !sign[1])
        return;
    struct lookup lookup = {doctor, spf.domain};
    size_t len = strlen(sign + 1);
    for (size_t i = 0; i < len && i + 1 < sizeof spf.domain; i++)
        spf.domain[i] = mc_ascii_lower(sign[1 + i]);
    doctor->pending++;
    mc_mx_lookup(doctor->mx, mc_span_of(spf.domain), on_mx, &lookup);
    mc_doctor_ask(doctor, MC_DNS_TXT, spf.domain, on_policy, &spf);
    mc_doctor_wait(doctor);
    if (doctor->pending)
        return;
    judge_spf(doctor, &spf);
    check_dmarc(doctor, spf.domain);
}
