/* A DNS question -> bytes, and an answer as bytes -> records. Pure: no socket, no clock. One pass
 * over the answer; the names that are not kept are stepped over. */
#ifndef MC_LOOP_DNS_MESSAGE_H
#define MC_LOOP_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "loop/dns.h"

#define MC_DNS_NAME_MAX 253 /* RFC 1035 3.1, as text without the last dot */

/* Owns what it read until the next reading; {0} at the start. */
struct mc_dns_message {
    struct mc_dns_answer answer; /* points into the fields below */
    /* Only where the status is MC_DNS_NO_DATA: the answer ends at this other name ("" if it does
     * not), and nobody has said that there is no such record there. Ask for it. */
    char alias[MC_DNS_NAME_MAX + 1];
    size_t room;
    void *records;
    struct mc_text names;
};

/* Fills `message->answer` and returns its status: MC_DNS_OK, NO_DATA, NOT_FOUND, SERVFAIL,
 * REFUSED, or BAD where the bytes make no sense. */
enum mc_dns_status mc_dns_message_read(struct mc_dns_message *message, enum mc_dns_type type,
                                       const unsigned char *bytes, size_t len);
void mc_dns_message_free(struct mc_dns_message *message);

#define MC_DNS_QUESTION_MAX (12 + MC_DNS_NAME_MAX + 2 + 4)

/* The message that asks for it, of class IN, to a resolver, without EDNS. Its first two bytes, the
 * id, are left 0 for who sends it. Returns its length, 0 for a name that cannot be asked. */
size_t mc_dns_question_write(unsigned char message[MC_DNS_QUESTION_MAX], enum mc_dns_type type,
                             struct mc_span name);

/* Labels of 1 to 63 printable ASCII characters, 253 in all, no backslash (in an answer it is the
 * sign of an escape), no dot at the end. */
bool mc_dns_name_is_askable(const char *name);

#endif
