/* Wordings of reports, as tables. Private to this room. */
#ifndef MC_BOUNCE_PROSE_WORDS_H
#define MC_BOUNCE_PROSE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* "this is a copy of the message": what follows is the message that came back. */
bool mc_words_are_ruler(struct mc_span line);
/* No line before the one that holds this place is such; the text's end where none is. */
size_t mc_words_next_ruler(struct mc_span text);
/* A letter about a report that is enclosed, and no report itself. */
bool mc_words_are_cover(struct mc_span text);
/* A sentence that says that it did not arrive. */
bool mc_words_fail(struct mc_span line);
/* A line whose address did not fail: whom to write to, who sent it. */
bool mc_words_name_others(struct mc_span line);
/* What stands before the address that the message was sent to, where another one failed. */
bool mc_words_lead_back(struct mc_span text);
/* "Failed recipient:", "RCPT TO:": the length of such a label at the start, else 0. */
size_t mc_words_label(struct mc_span line);

#endif
