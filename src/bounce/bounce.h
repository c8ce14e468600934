/* Delivery reports -> who failed, and why. Whatever form a report has, what comes out is the same
 * plain struct, handed to one callback; this room neither prints nor stores anything.
 *
 * The reason is that of the probe's classifier (verdict/classify.h), one set of rules. A report
 * that blames nobody buries nobody. */
#ifndef MC_BOUNCE_BOUNCE_H
#define MC_BOUNCE_BOUNCE_H

#include <stdint.h>

#include "base/span.h"
#include "verdict/classify.h"
#include "verdict/verdict.h"

enum mc_bounce_kind {
    MC_BOUNCE_HARD,    /* evidence against the mailbox or its domain */
    MC_BOUNCE_SOFT,    /* a full mailbox, a server in trouble: another try may do better */
    MC_BOUNCE_BLOCKED, /* the sender was refused: says nothing of the address */
    MC_BOUNCE_KINDS
};

/* One failed recipient of one report. Spans are valid during the callback. */
struct mc_bounce {
    struct mc_span address; /* as mc_email writes it; empty where a bare reply names none */
    struct mc_span mailed;  /* whom it was sent to, where another address failed; else empty */
    enum mc_reason reason;  /* `suppressed`: the recipient complained (RFC 5965) */
    const char *rule;       /* of the classifier (data/replies), or NULL */
    enum mc_stage stage;    /* in answer to what; MC_STAGE_NONE where nobody said */
    struct mc_span smtp;    /* the deciding text, raw bytes */
    struct mc_span host;    /* who refused, where that is known */
    struct mc_span provider;
    struct mc_span source; /* FILE, or FILE:N for the Nth message or line */
    int64_t at;            /* when it was refused or reported: seconds since 1970, 0: unknown */
    uint64_t report;       /* the same whenever and wherever the same report is read again */
};

/* What else was seen; counted so that nothing disappears silently. */
struct mc_bounce_counts {
    uint64_t messages, lines, events; /* read, of each kind of input */
    uint64_t bounces, complaints;
    uint64_t auto_replies, successes;
    uint64_t no_reports; /* messages and lines that report nothing */
    uint64_t nameless;   /* reports in which nobody could be found */
    uint64_t damaged;    /* cut short by a limit or unreadable */
};

/* Where the evidence goes, and what this room has to ask others for. */
struct mc_bounce_sink {
    void (*found)(void *arg, const struct mc_bounce *bounce);
    /* The id of the provider a mail host belongs to, "" for none. NULL: nobody knows any. */
    struct mc_span (*provider)(void *arg, struct mc_span host);
    void *arg;
    /* Called before input is waited for, so that what was found can be shown; NULL: nobody. */
    void (*waiting)(void *arg);
    const char *verp; /* the pattern of our return paths (bounce/verp.h), or NULL */
    int64_t now;      /* the clock: no evidence is younger, and syslog leaves out the year */
};

/* A reason belongs to one kind. */
enum mc_bounce_kind mc_bounce_kind_of(enum mc_reason reason);
const char *mc_bounce_kind_name(enum mc_bounce_kind kind);

#endif
