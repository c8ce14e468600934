/* What a report quotes -> a reason. The classifier does the work; this adds what only reports
 * have: a Status beside the text, and the troubles of the sending host itself (no route, no DNS,
 * time is up). Pure. */
#ifndef MC_BOUNCE_JUDGE_H
#define MC_BOUNCE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/find.h"
#include "bounce/bounce.h"

struct mc_bounce_said {
    struct mc_span text; /* the reply, or what the report says of it */
    enum mc_stage stage;
    uint8_t class; /* Status or dsn=, 0 where there is none */
    uint16_t subject, detail;
    bool delayed; /* not given up yet: nobody can be dead */
    struct mc_span recipient, sender, provider;
};

/* `rule`, where it is not NULL: the rule of the classifier that decided, NULL where none did. */
enum mc_reason mc_bounce_judge(const struct mc_bounce_said *said, const char **rule);
/* True where the text by itself tells something: a Diagnostic-Code that says "failed" does not. */
bool mc_bounce_is_telling(struct mc_span text);
/* The Status alone says why; text that quotes no reply says no better. */
bool mc_bounce_status_tells(const struct mc_bounce_said *said);
bool mc_bounce_quotes_reply(struct mc_span text);
/* "5.1.1 (bad mailbox)" -> class, subject, detail. */
bool mc_bounce_status(struct mc_span text, struct mc_bounce_said *said);

/* Small text tools that this room shares. ASCII case is ignored. */
static inline size_t mc_bounce_find(struct mc_span text, const char *what)
{
    const char *at = mc_find_nocase(text, mc_span_of(what));
    return at ? (size_t)(at - text.at) : text.len; /* where it is not */
}

static inline bool mc_bounce_has(struct mc_span text, const char *what)
{
    return mc_find_nocase(text, mc_span_of(what)) != NULL;
}

bool mc_bounce_starts(struct mc_span text, const char *what);
struct mc_span mc_bounce_trim(struct mc_span text);
/* Takes the next line off `text`, without its end. */
struct mc_span mc_bounce_line(struct mc_span *text);

#endif
