/* The inline SVG of the HTML report. What a drawing shows is said as text too: in its title and
 * description, or beside it. */
#ifndef MC_REPORT_DRAWINGS_H
#define MC_REPORT_DRAWINGS_H

#include "base/text.h"
#include "report/tally.h"
#include "report/words.h"

/* The class of each status in report_style.c. */
extern const char *const mc_status_classes[MC_STATUS_COUNT];
/* Send, decide, try again, drop: the order they are drawn in. */
extern const enum mc_status mc_drawn_statuses[MC_STATUS_COUNT];

/* Text as HTML, control bytes and what is no UTF-8 masked. */
void mc_html_escape(struct mc_text *out, struct mc_span text);

/* "Deliverable 12.3%, Risky 4.5%": a drawing in words. */
void mc_draw_statuses(struct mc_text *out, enum mc_language language, const uint64_t *by_status,
                      uint64_t rows);
/* The words of it belong beside it. */
void mc_draw_status_bar(struct mc_text *out, const uint64_t *by_status, uint64_t rows);
void mc_draw_ring(struct mc_text *out, const struct mc_tally *tally, enum mc_language language);
/* Of 0 to 20%, with a mark where providers grow wary; its number belongs beside it. */
void mc_draw_bounce_bar(struct mc_text *out, double share);

#endif
