/* The doctor's insides, shared by the files of this room. Nobody else includes this. */
#ifndef MC_DOCTOR_STATE_H
#define MC_DOCTOR_STATE_H

#include "doctor/doctor.h"
#include "doctor/names.h"
#include "loop/dns.h"
#include "loop/stream.h"
#include "mx/mx_lookup.h"

enum { MC_DOCTOR_ADDRESSES = 8 };

/* Addresses of a name, both families. */
struct mc_doctor_addresses {
    struct mc_ip ip[MC_DOCTOR_ADDRESSES];
    size_t count;
    enum mc_dns_status status; /* of the one that says least where there are none */
};

struct mc_doctor {
    const struct mc_doctor_options *options;
    struct mc_loop *loop;
    struct mc_dns *dns;
    struct mc_mx *mx;
    struct mc_net *net;
    struct mc_doctor_found {
        enum mc_doctor_check check;
        enum mc_doctor_level level;
        char *found;
        const char *advice;
    } * found;
    size_t found_count, found_room;
    size_t pending; /* questions and connections under way */

    /* what one check learns for the next */
    bool has_address; /* the one that our connections come from, as others see it */
    struct mc_ip address;
    bool address_is_seen; /* on a connection; else it is that of the HELO name */
    struct mc_doctor_addresses helo;
};

/* `advice` must be static; "" where all is well. */
void mc_doctor_say(struct mc_doctor *doctor, enum mc_doctor_check check, enum mc_doctor_level level,
                   const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* A question that the run waits for. The answer comes once. */
void mc_doctor_ask(struct mc_doctor *doctor, enum mc_dns_type type, const char *name,
                   void (*answered)(struct mc_doctor *doctor, void *arg,
                                    const struct mc_dns_answer *answer),
                   void *arg);
/* A and AAAA together, into `addresses`, which lives until then. */
void mc_doctor_ask_addresses(struct mc_doctor *doctor, const char *name,
                             struct mc_doctor_addresses *addresses);
bool mc_doctor_has_address(const struct mc_doctor_addresses *addresses, const struct mc_ip *ip);
/* "a, b and c" into `text`. */
const char *mc_doctor_list(const struct mc_doctor_addresses *addresses, char *text, size_t size);
/* Runs the loop until nothing is under way. */
void mc_doctor_wait(struct mc_doctor *doctor);
/* "d.c.b.a" + `suffix` of an IPv4 address, nibbles of an IPv6 one. */
void mc_doctor_reverse(const struct mc_ip *ip, const char *suffix4, const char *suffix6, char *name,
                       size_t size);

/* The checks. Each starts its questions, waits for them and says what it found. */
void mc_doctor_check_host(struct mc_doctor *doctor);
void mc_doctor_check_resolver(struct mc_doctor *doctor);
void mc_doctor_check_port(struct mc_doctor *doctor);
void mc_doctor_check_identity(struct mc_doctor *doctor);
void mc_doctor_check_sender(struct mc_doctor *doctor);
void mc_doctor_check_blocklists(struct mc_doctor *doctor);

#endif
