/* One report while it is read: what is known of it, and how its rows are handed out. Shared by
 * report.c (what is it, and its prose), report_status.c (the parts made for machines) and
 * report_rows.c; nobody else's. */
#ifndef MC_BOUNCE_REPORT_PRIVATE_H
#define MC_BOUNCE_REPORT_PRIVATE_H

#include "address/parse.h"
#include "bounce/bounce_text.h"
#include "bounce/judge.h"
#include "bounce/mime.h"

struct mc_report {
    const struct mc_message *message;
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    struct mc_span source;
    size_t mail;            /* the one that is read as a report */
    struct mc_span headers; /* of it */
    struct mc_span sender;  /* to whom the report went */
    struct mc_text html;
    char last[MC_ADDRESS_MAX + 2]; /* the address that was handed out last */
    size_t last_len;
    char verp[MC_ADDRESS_MAX + 2];
    size_t verp_len;
    char mailed[MC_ADDRESS_MAX + 2]; /* where that is another one */
    size_t mailed_len;
    size_t found;
    bool named; /* a report, by its Subject: */
    bool delayed, success;
    int64_t at; /* when it was made, and which one it is */
    uint64_t id;
    struct mc_prose prose; /* the last, for it is long and mostly empty */
};

/* The first field of that name in its header. */
struct mc_span mc_report_field(const struct mc_report *report, const char *name);
struct mc_span mc_report_first_address(struct mc_span text);
/* The To: of the message that came back, the nearest one below. */
struct mc_span mc_report_original_to(const struct mc_report *report);
/* Which of the two failed: where it was found, or where the message was sent to. Notes the other
 * one for the next row. */
struct mc_span mc_report_settle(struct mc_report *report, struct mc_span failed,
                                struct mc_span mailed);

/* When it was made, and which one it is; once. */
void mc_report_stamp(struct mc_report *report);
/* Hands out whom `raw` names, judged by what was said; `host` (may be empty) said it. */
void mc_report_emit(struct mc_report *report, struct mc_span raw,
                    const struct mc_bounce_said *given, struct mc_span host);
/* Hands out whom `raw` names as one who complained. */
void mc_report_complain(struct mc_report *report, struct mc_span raw);

/* RFC 5965; false where the text is none. */
bool mc_report_read_feedback(struct mc_report *report, struct mc_span text);
/* RFC 3464. */
void mc_report_read_status(struct mc_report *report, struct mc_span text);

#endif
