/* Is this host fit to probe and to send? Asks the DNS, and says hello to the mail servers of a few
 * large providers: a connection each, the greeting is read, QUIT.
 *
 * Findings come with what to do about them. Names and limits stand in doctor/names.c. Never asks
 * about a recipient, never judges an address. */
#ifndef MC_DOCTOR_DOCTOR_H
#define MC_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mc_doctor_level {
    MC_DOCTOR_OK,
    MC_DOCTOR_WARN, /* works, and may cost */
    MC_DOCTOR_FAIL, /* servers will turn you away, or verdicts would be wrong */
    MC_DOCTOR_STOP, /* nothing can be probed from here */
};

/* In the order in which they are told. */
enum mc_doctor_check {
    MC_DOCTOR_FILES,
    MC_DOCTOR_CLOCK,
    MC_DOCTOR_RESOLVER,
    MC_DOCTOR_PORT,
    MC_DOCTOR_HELO,
    MC_DOCTOR_PTR,
    MC_DOCTOR_SENDER,
    MC_DOCTOR_SPF,
    MC_DOCTOR_DMARC,
    MC_DOCTOR_BLOCKLIST,
    MC_DOCTOR_CHECKS,
};

struct mc_doctor_options {
    const char *helo, *mail_from; /* NULL: there is no usable pair, and `identity_error` says why */
    const char *identity_error;
    bool helo_is_usual; /* a dotted name that is not special-use */
    const char *dns, *source_ip, *proxy;
    uint16_t smtp_port;
    bool allow_private;
    uint32_t dns_timeout_ms, connect_timeout_ms, reply_timeout_ms;
    uint32_t concurrency, affordable; /* wanted, and what open files allow */
    const volatile int *interrupted;  /* not 0: give up; may be NULL */
};

struct mc_doctor_finding {
    enum mc_doctor_check check;
    enum mc_doctor_level level;
    const char *found;  /* one printable line */
    const char *advice; /* what to do, or "" */
};

/* Calls `tell` for each finding, in the order of the checks. Returns the worst level; STOP and a
 * sentence in `error` where the options make no sense. */
enum mc_doctor_level mc_doctor_run(const struct mc_doctor_options *options,
                                   void (*tell)(void *arg, const struct mc_doctor_finding *finding),
                                   void *arg, char *error, size_t error_size);

const char *mc_doctor_check_name(enum mc_doctor_check check);
const char *mc_doctor_level_name(enum mc_doctor_level level);

#endif
