/* mailcheck doctor: is this host fit to probe and to send? */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "doctor/doctor.h"
#include "engine/identity.h"

static void tell_line(void *arg, const struct mc_doctor_finding *finding)
{
    (void)arg;
    printf("%-4s  %-10s %s\n", mc_doctor_level_name(finding->level),
           mc_doctor_check_name(finding->check), finding->found);
    if (*finding->advice)
        printf("                 -> %s\n", finding->advice);
}

static void tell_json(void *arg, const struct mc_doctor_finding *finding)
{
    (void)arg;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:b, s:s?}", "check", mc_doctor_check_name(finding->check), "result",
        mc_doctor_level_name(finding->level), "found", finding->found, "stops_probing",
        finding->level == MC_DOCTOR_STOP, "advice", *finding->advice ? finding->advice : NULL);
    if (object && json_dumpf(object, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(object);
}

static int exit_status(enum mc_doctor_level worst)
{
    static const struct {
        int status;
        const char *says;
    } ends[] = {
        [MC_DOCTOR_OK] = {MC_EXIT_OK, "fit to probe and to send"},
        [MC_DOCTOR_WARN] = {MC_EXIT_OK, "fit to probe; see the warnings"},
        [MC_DOCTOR_FAIL] = {MC_EXIT_FAILED, "probing works, but not as it should: see above"},
        [MC_DOCTOR_STOP] = {MC_EXIT_NO_PROBE, "nothing can be probed from here: see above"},
    };
    mc_log(MC_LOG_INFO, "%s", ends[worst].says);
    return ends[worst].status;
}

int mc_cmd_doctor(const struct mc_settings *settings)
{
    struct mailcheck_options wanted;
    struct mc_identity identity;
    char error[1024] = "";
    mc_settings_engine(settings, &wanted);
    bool known =
        mc_identity_make(settings->helo, settings->mail_from, &identity, error, sizeof error);
    const struct mc_doctor_options options = {
        .helo = known ? identity.helo : NULL,
        .mail_from = known ? identity.mail_from : settings->mail_from,
        .identity_error = error,
        .helo_is_usual = known && mc_identity_usable_name(mc_span_of(identity.helo)),
        .dns = wanted.dns_servers,
        .source_ip = wanted.source_ip,
        .proxy = wanted.proxy,
        .smtp_port = wanted.smtp_port,
        .allow_private = wanted.allow_private_mx,
        .dns_timeout_ms = wanted.dns_timeout_ms,
        .connect_timeout_ms = wanted.connect_timeout_ms,
        .reply_timeout_ms = wanted.reply_timeout_ms,
        .concurrency = settings->concurrency,
        .affordable = wanted.concurrency,
        .interrupted = mc_interrupt_flag(),
    };
    if (settings->operand_count) {
        mc_log(MC_LOG_ERROR, "doctor takes no operand, such as \"%s\"", settings->operands[0]);
        return MC_EXIT_USAGE;
    }
    mc_interrupt_catch();
    char trouble[512] = "";
    enum mc_doctor_level worst =
        mc_doctor_run(&options, settings->format == MC_FORMAT_JSONL ? tell_json : tell_line, NULL,
                      trouble, sizeof trouble);
    if (*trouble) {
        mc_log(MC_LOG_ERROR, "%s", trouble);
        return MC_EXIT_FAILED;
    }
    if (*mc_interrupt_flag())
        return 128 + (int)*mc_interrupt_flag();
    return fflush(stdout) == 0 ? exit_status(worst) : MC_EXIT_FAILED;
}
