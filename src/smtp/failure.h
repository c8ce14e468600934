/* What stands against a peer: a reply or an event, kept compactly until somebody must be told why
 * a recipient could not be asked. */
#ifndef MC_SMTP_FAILURE_H
#define MC_SMTP_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "verdict/classify.h"
#include "verdict/reply.h"

struct mc_failure {
    struct mc_ruling ruling;
    enum mc_stage stage;
    uint16_t code; /* 0: no reply; then `text` is a sentence */
    uint8_t class;
    uint16_t subject, detail;
    uint16_t text_len;
    char text[]; /* NUL-terminated */
};

/* Both return a new one, to be freed with free(). */
struct mc_failure *mc_failure_of_reply(enum mc_stage stage, const struct mc_reply *reply,
                                       const struct mc_ruling *ruling);
struct mc_failure *mc_failure_of_event(enum mc_stage stage, enum mc_reason reason,
                                       const char *sentence);

/* The reply as it was (its text cut), for those that have one. */
void mc_failure_to_reply(const struct mc_failure *failure, struct mc_reply *reply);

/* How much it tells a reader: of several, the highest is worth showing. NULL tells least. */
int mc_failure_rank(const struct mc_failure *failure);

#endif
