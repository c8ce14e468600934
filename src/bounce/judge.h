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

static inline bool mc_bounce_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static inline struct mc_span mc_bounce_trim(struct mc_span text)
{
    while (text.len && mc_bounce_is_blank(text.at[0]))
        text = mc_span(text.at + 1, text.len - 1);
    while (text.len && mc_bounce_is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Takes the next line off `text`, without its end. */
static inline struct mc_span mc_bounce_line(struct mc_span *text)
{
    const char *end = text->len ? memchr(text->at, '\n', text->len) : NULL;
    struct mc_span line = mc_span(text->at, end ? (size_t)(end - text->at) : text->len);
    size_t used = end ? line.len + 1 : line.len;
    *text = mc_span(text->at + used, text->len - used);
    while (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

#endif
