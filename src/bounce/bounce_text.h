/* Reports that follow no standard: prose in which somebody failed. Who, and what was said of him?
 * One table of openings and rulers for all mail systems; what an address is worth is told by how
 * its line looks. Pure. */
#ifndef MC_BOUNCE_BOUNCE_TEXT_H
#define MC_BOUNCE_BOUNCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define MC_FAILED_MAX 1000 /* recipients of one report in prose */

struct mc_failed {
    struct mc_span address; /* as it stands there */
    struct mc_span mailed;  /* "(generated from alias@example.org)": whom the message was sent to */
    size_t line;            /* where its line starts */
};

struct mc_prose {
    struct mc_span text;     /* the report itself */
    struct mc_span original; /* the message that came back with it, where that is in the text */
    size_t count;
    unsigned worth; /* of the best line, 0 (none) to 5 */
    struct mc_failed failed[MC_FAILED_MAX];
};

/* Who failed; `sender` (may be empty) did not. */
void mc_prose_read(struct mc_span text, struct mc_span sender, struct mc_prose *prose);
/* Whom the message was sent to when that address failed; empty where nothing is said of it. */
struct mc_span mc_prose_mailed(const struct mc_prose *prose, struct mc_span address);
/* What the report says of that address, in its own words; empty where it says nothing. `alone`:
 * nobody else failed, so that all of it is about him. */
struct mc_span mc_prose_reply(const struct mc_prose *prose, struct mc_span address, bool alone);

/* The marks of a report, of an answering machine, of news that is not yet bad. */
bool mc_prose_is_report_subject(struct mc_span subject);
bool mc_prose_is_report_text(struct mc_span text);
bool mc_prose_is_auto_reply_subject(struct mc_span subject);
bool mc_prose_is_delay(struct mc_span text);
bool mc_prose_is_success(struct mc_span subject, struct mc_span text);
/* Tags off, entities read, a line break for each block. */
void mc_prose_from_html(struct mc_span html, struct mc_text *text);

#endif
