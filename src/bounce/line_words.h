/* What tells a report from what only looks like one, and the one who failed from those who are
 * named beside him: wordings, as tables. Judges nobody. Private to this room. */
#ifndef MC_BOUNCE_LINE_WORDS_H
#define MC_BOUNCE_LINE_WORDS_H

#include <stdbool.h>

#include "base/span.h"

/* "Re: Undeliverable mail": the Subject: of an answer. */
bool mc_words_answer(struct mc_span subject);
/* The Subject: of a warning that it takes longer. */
bool mc_words_delay(struct mc_span subject);
/* A parcel, an order: what was not delivered is no mail. */
bool mc_words_trade(struct mc_span text);
/* The From: of a machine that delivers mail. */
bool mc_words_daemon(struct mc_span from);
/* The From: of somebody with a name: "Ann Lee <ann@example.org>". */
bool mc_words_person(struct mc_span from);
/* A paragraph on what to do: it lists whatever may have happened. */
bool mc_words_advise(struct mc_span said);
/* "Please resend to:", "My new address is": the address below is another one. */
bool mc_words_lead_elsewhere(struct mc_span line);
/* "delivered", "(relayed to ...": what stands behind an address that got the message. */
bool mc_words_arrived(struct mc_span behind);

#endif
