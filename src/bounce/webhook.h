/* Events of the big relays, as JSON: Amazon SES (bare, as SNS notification or event), SendGrid,
 * Mailgun, Postmark, SparkPost, Mandrill, Brevo, Mailjet, Resend. What a relay quotes decides; its
 * own word only where it quotes nothing; where it names no reason, nobody is buried. */
#ifndef MC_BOUNCE_WEBHOOK_H
#define MC_BOUNCE_WEBHOOK_H

#include "bounce/bounce.h"

/* One JSON value: an event, or an array of them. False where it is no JSON. */
bool mc_webhook_read(struct mc_span json, struct mc_span source, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts);

#endif
