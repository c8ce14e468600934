#include "doctor/doctor.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "doctor/state.h"

#define TURN_MS    100 /* between two looks whether a signal came */
#define LINE_BYTES 300

static const char *const check_names[] = {
    [MC_DOCTOR_FILES] = "files",       [MC_DOCTOR_CLOCK] = "clock",
    [MC_DOCTOR_RESOLVER] = "resolver", [MC_DOCTOR_PORT] = "port25",
    [MC_DOCTOR_HELO] = "helo",         [MC_DOCTOR_PTR] = "ptr",
    [MC_DOCTOR_SENDER] = "sender",     [MC_DOCTOR_SPF] = "spf",
    [MC_DOCTOR_DMARC] = "dmarc",       [MC_DOCTOR_BLOCKLIST] = "blocklist",
};

const char *mc_doctor_check_name(enum mc_doctor_check check)
{
    return check_names[check];
}

const char *mc_doctor_level_name(enum mc_doctor_level level)
{
    static const char *const names[] = {"ok", "warn", "fail", "fail"};
    return names[level];
}

void mc_doctor_say(struct mc_doctor *doctor, enum mc_doctor_check check, enum mc_doctor_level level,
                   const char *advice, const char *format, ...)
{
    struct mc_text raw = {0}, line = {0};
    va_list args;
    va_start(args, format);
    mc_text_vprintf(&raw, format, args);
    va_end(args);
    mc_text_add_printable(&line, mc_text_span(&raw), LINE_BYTES);
    doctor->found =
        mc_grow(doctor->found, doctor->found_count, &doctor->found_room, sizeof *doctor->found);
    doctor->found[doctor->found_count++] =
        (struct mc_doctor_found){check, level, mc_strdup(mc_text_z(&line)), advice};
    mc_text_free(&raw);
    mc_text_free(&line);
}

/* ---- questions ---- */

struct question {
    struct mc_doctor *doctor;
    void (*answered)(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer);
    void *arg;
};

static void on_answer(void *arg, const struct mc_dns_answer *answer)
{
    struct question question = *(struct question *)arg;
    free(arg);
    question.doctor->pending--;
    question.answered(question.doctor, question.arg, answer);
}

void mc_doctor_ask(struct mc_doctor *doctor, enum mc_dns_type type, const char *name,
                   void (*answered)(struct mc_doctor *doctor, void *arg,
                                    const struct mc_dns_answer *answer),
                   void *arg)
{
    struct question *question = mc_malloc(sizeof *question);
    *question = (struct question){doctor, answered, arg};
    doctor->pending++;
    mc_dns_ask(doctor->dns, type, name, on_answer, question);
}

static void on_addresses(struct mc_doctor *doctor, void *arg, const struct mc_dns_answer *answer)
{
    struct mc_doctor_addresses *addresses = arg;
    (void)doctor;
    /* a failure says least, and there being no such name more than there being no such record */
    if (answer->status != MC_DNS_OK && answer->status > addresses->status)
        addresses->status = answer->status;
    for (size_t i = 0; i < answer->count && addresses->count < MC_DOCTOR_ADDRESSES; i++) {
        struct mc_ip *ip = &addresses->ip[addresses->count++];
        *ip = (struct mc_ip){.family = answer->a ? 4 : 6};
        if (answer->a)
            memcpy(ip->octets, &answer->a[i], 4);
        else
            memcpy(ip->octets, &answer->aaaa[i], 16);
    }
}

void mc_doctor_ask_addresses(struct mc_doctor *doctor, const char *name,
                             struct mc_doctor_addresses *addresses)
{
    *addresses = (struct mc_doctor_addresses){0};
    mc_doctor_ask(doctor, MC_DNS_A, name, on_addresses, addresses);
    mc_doctor_ask(doctor, MC_DNS_AAAA, name, on_addresses, addresses);
}

bool mc_doctor_has_address(const struct mc_doctor_addresses *addresses, const struct mc_ip *ip)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (addresses->ip[i].family == ip->family &&
            memcmp(addresses->ip[i].octets, ip->octets, ip->family == 4 ? 4 : 16) == 0)
            return true;
    return false;
}

const char *mc_doctor_list(const struct mc_doctor_addresses *addresses, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < addresses->count && len < size; i++) {
        char ip[MC_IP_TEXT_SIZE];
        mc_ip_format(&addresses->ip[i], ip);
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "", ip);
    }
    return text;
}

void mc_doctor_reverse(const struct mc_ip *ip, const char *suffix4, const char *suffix6, char *name,
                       size_t size)
{
    const uint8_t *o = ip->octets;
    size_t len = 0;
    if (ip->family == 4) {
        snprintf(name, size, "%u.%u.%u.%u.%s", o[3], o[2], o[1], o[0], suffix4);
        return;
    }
    for (int i = 15; i >= 0 && len < size; i--)
        len += (size_t)snprintf(name + len, size - len, "%x.%x.", o[i] & 15, o[i] >> 4);
    if (len < size)
        snprintf(name + len, size - len, "%s", suffix6);
}

static bool interrupted(const struct mc_doctor *doctor)
{
    return doctor->options->interrupted && *doctor->options->interrupted;
}

void mc_doctor_wait(struct mc_doctor *doctor)
{
    while (doctor->pending && !interrupted(doctor))
        mc_loop_run(doctor->loop, TURN_MS);
}

/* ---- the visit ---- */

static bool open_tools(struct mc_doctor *doctor, char *error, size_t error_size)
{
    const struct mc_doctor_options *options = doctor->options;
    struct mc_net_options net = {.source_ip = options->source_ip, .proxy = options->proxy};
    struct mc_dns_options dns = {
        .servers = options->dns,
        .timeout_ms = options->dns_timeout_ms,
        .outstanding = 20,
        .tcp = options->proxy != NULL,
        .proxy = options->proxy,
    };
    struct mc_mx_options mx = {.allow_private = options->allow_private, .want_all = true};
    doctor->loop = mc_loop_new();
    doctor->dns = mc_dns_new(doctor->loop, &dns, error, error_size);
    if (!doctor->dns)
        return false;
    doctor->mx = mc_mx_new(doctor->dns, &mx);
    doctor->net = mc_net_new(doctor->loop, &net, error, error_size);
    return doctor->net != NULL;
}

static void close_tools(struct mc_doctor *doctor)
{
    if (doctor->dns) /* first, so that it calls nobody back */
        mc_dns_free(doctor->dns);
    if (doctor->mx)
        mc_mx_free(doctor->mx);
    if (doctor->net)
        mc_net_free(doctor->net);
    mc_loop_free(doctor->loop);
}

static enum mc_doctor_level
tell_all(struct mc_doctor *doctor, void (*tell)(void *arg, const struct mc_doctor_finding *finding),
         void *arg)
{
    enum mc_doctor_level worst = MC_DOCTOR_OK;
    for (enum mc_doctor_check check = 0; check < MC_DOCTOR_CHECKS; check++)
        for (size_t i = 0; i < doctor->found_count; i++) {
            const struct mc_doctor_found *found = &doctor->found[i];
            if (found->check != check)
                continue;
            if (found->level > worst)
                worst = found->level;
            tell(arg,
                 &(struct mc_doctor_finding){check, found->level, found->found, found->advice});
        }
    return worst;
}

enum mc_doctor_level mc_doctor_run(const struct mc_doctor_options *options,
                                   void (*tell)(void *arg, const struct mc_doctor_finding *finding),
                                   void *arg, char *error, size_t error_size)
{
    static void (*const checks[])(struct mc_doctor *) = {
        mc_doctor_check_host,     mc_doctor_check_resolver, mc_doctor_check_port,
        mc_doctor_check_identity, mc_doctor_check_sender,   mc_doctor_check_blocklists,
    };
    struct mc_doctor doctor = {.options = options};
    enum mc_doctor_level worst = MC_DOCTOR_STOP;
    if (open_tools(&doctor, error, error_size)) {
        for (size_t i = 0; i < MC_ARRAY_LEN(checks) && !interrupted(&doctor); i++)
            checks[i](&doctor);
        worst = tell_all(&doctor, tell, arg);
    }
    close_tools(&doctor);
    for (size_t i = 0; i < doctor.found_count; i++)
        free(doctor.found[i].found);
    free(doctor.found);
    return worst;
}
