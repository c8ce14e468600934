/* What a dialogue looks like from outside. */
#include "base/memory.h"
#include "smtp/dialogue.h"

enum mc_stage mc_dialogue_stage(const struct mc_dialogue *d)
{
    static const enum mc_stage stages[MC_DIALOGUE_STATE_COUNT] = {
        [MC_DIALOGUE_GREETING] = MC_STAGE_BANNER, [MC_DIALOGUE_EHLO] = MC_STAGE_EHLO,
        [MC_DIALOGUE_HELO] = MC_STAGE_EHLO,       [MC_DIALOGUE_STARTTLS] = MC_STAGE_STARTTLS,
        [MC_DIALOGUE_TLS] = MC_STAGE_STARTTLS,    [MC_DIALOGUE_RSET] = MC_STAGE_MAIL,
        [MC_DIALOGUE_MAIL] = MC_STAGE_MAIL,       [MC_DIALOGUE_RCPT] = MC_STAGE_RCPT,
        [MC_DIALOGUE_READY] = MC_STAGE_NONE,      [MC_DIALOGUE_ENDED] = MC_STAGE_NONE,
    };
    if (d->state == MC_DIALOGUE_READY)
        return !d->spoken ? MC_STAGE_BANNER : d->window_over ? MC_STAGE_EHLO : MC_STAGE_RCPT;
    return stages[d->state];
}

/* A greeting or a MAIL that is refused is just refused, whatever else its text announces. And a 221
 * is an answer to nothing but QUIT: what was asked before that will not be answered any more. */
enum mc_dialogue_event mc_dialogue_event_of(const struct mc_dialogue *d,
                                            const struct mc_reply *reply,
                                            const struct mc_ruling *ruling)
{
    static const enum mc_dialogue_event by_class[] = {
        MC_HEARD_GARBAGE, MC_HEARD_GARBAGE, MC_HEARD_GOOD,
        MC_HEARD_GO_ON,   MC_HEARD_LATER,   MC_HEARD_NEVER,
    };
    if (reply->code == 421 ||
        (d->state == MC_DIALOGUE_RCPT && reply->code >= 400 && ruling && ruling->refuses_session))
        return MC_HEARD_LEAVING;
    if (reply->code == 221 && d->quit_said)
        return MC_HEARD_CLOSED;
    return reply->code < 600 ? by_class[reply->code / 100] : MC_HEARD_GARBAGE;
}

const struct mc_batch_item *mc_dialogue_item(const struct mc_dialogue *d)
{
    return d->state == MC_DIALOGUE_RCPT ? &d->batch.items[d->replied.item] : NULL;
}

const char *mc_dialogue_state_name(enum mc_dialogue_state state)
{
    static const char *const names[MC_DIALOGUE_STATE_COUNT] = {
        "greeting", "EHLO", "HELO", "STARTTLS", "TLS", "RSET", "MAIL", "RCPT", "ready", "ended",
    };
    return names[state];
}
