/* What can be seen without a packet: open files, the clock. */
#include <sys/timex.h>
#include <time.h>

#include "doctor/state.h"

void mc_doctor_check_host(struct mc_doctor *doctor)
{
    const struct mc_doctor_options *options = doctor->options;
    if (options->affordable < options->concurrency)
        mc_doctor_say(doctor, MC_DOCTOR_FILES, MC_DOCTOR_WARN,
                      "raise the limit of open files (ulimit -n, LimitNOFILE= in a systemd unit)",
                      "open files allow %u connections at once instead of %u", options->affordable,
                      options->concurrency);
    else
        mc_doctor_say(doctor, MC_DOCTOR_FILES, MC_DOCTOR_OK, "",
                      "open files allow %u connections at once", options->concurrency);

    struct timex kernel = {0};
    time_t now = time(NULL);
    struct tm utc;
    char text[32];
    int state = adjtimex(&kernel);
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (now < mc_doctor_not_before)
        mc_doctor_say(
            doctor, MC_DOCTOR_CLOCK, MC_DOCTOR_FAIL,
            "set the clock (timedatectl set-ntp true): what is remembered between runs is "
            "dated by it",
            "the clock shows %s, which is past", text);
    else if (state < 0)
        mc_doctor_say(doctor, MC_DOCTOR_CLOCK, MC_DOCTOR_OK, "",
                      "%s; whether it is synchronised cannot be seen here", text);
    else if (state == TIME_ERROR)
        mc_doctor_say(doctor, MC_DOCTOR_CLOCK, MC_DOCTOR_WARN,
                      "let a time service set it (timedatectl set-ntp true)",
                      "%s, but nothing keeps the clock right", text);
    else
        mc_doctor_say(doctor, MC_DOCTOR_CLOCK, MC_DOCTOR_OK, "", "%s, synchronised", text);
}
