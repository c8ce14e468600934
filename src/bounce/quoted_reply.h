/* The words of a server where a report quotes them: in a transcript, behind "said:", in a paragraph
 * of their own. What they mean is told by bounce/judge.h. Pure. */
#ifndef MC_BOUNCE_QUOTED_REPLY_H
#define MC_BOUNCE_QUOTED_REPLY_H

#include <stddef.h>

#include "base/span.h"

/* Where such words start in a line, line.len where there are none. */
size_t mc_quoted_find(struct mc_span line);
/* The one reply that the text quotes; empty where there is none, or where there are several that
 * are no transcript. */
struct mc_span mc_quoted_reply(struct mc_span text);
/* Of a transcript, the last refusal in it that tells something; all of what is none. */
struct mc_span mc_quoted_verdict(struct mc_span said);
/* The best line or paragraph of the whole: a reply first, else the first that tells something. */
struct mc_span mc_quoted_best(struct mc_span text);
/* From `start` to the end of the paragraph. */
struct mc_span mc_quoted_paragraph(struct mc_span text, size_t start);

#endif
