/* What a server offers: the reply to EHLO, read; and what else is read in replies here. Pure. */
#ifndef MC_SMTP_EHLO_H
#define MC_SMTP_EHLO_H

#include <stdbool.h>
#include <stdint.h>

#include "verdict/reply.h"

struct mc_ehlo {
    bool pipelining, starttls, smtputf8;
    uint16_t rcpt_max, mail_max; /* LIMITS (RFC 9422); 0: not said */
};

struct mc_ehlo mc_ehlo_read(const struct mc_reply *reply);

/* The text has this word or part of one, ASCII case aside. */
bool mc_reply_says(const struct mc_reply *reply, const char *word);
/* Codes at best: "554", "554 5.0.0". */
bool mc_reply_is_wordless(const struct mc_reply *reply);

#endif
