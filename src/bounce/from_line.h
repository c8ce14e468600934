/* What parts the messages of a mailbox file: From_ lines (mboxo, mboxrd, mboxcl, mboxcl2) or the
 * lines of MMDF. Pure. */
#ifndef MC_BOUNCE_FROM_LINE_H
#define MC_BOUNCE_FROM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct mc_separator {
    bool mmdf;
    bool timed; /* From_ lines tell a time of day; where the first does not, none need to */
};

/* What stands at the start of a file; false where it is no separator. */
bool mc_separator_detect(struct mc_span text, struct mc_separator *separator);
/* The length of the separator at the start, with its line end; 0 where there is none. */
size_t mc_separator_length(struct mc_span text, const struct mc_separator *separator);
/* The next separator at or behind *from, which then is where it starts. False where there is none:
 * *from is then where to go on when there is more text. `whole`: there will not be. */
bool mc_separator_find(struct mc_span text, const struct mc_separator *separator, bool whole,
                       size_t *from);

enum mc_counted { MC_COUNTED_NO, MC_COUNTED_YES, MC_COUNTED_LATER };

/* The Content-Length of the message at the start, where a separator or the end follows it: true at
 * once, false at once, or when there is more text. */
enum mc_counted mc_counted_end(struct mc_span text, const struct mc_separator *separator,
                               bool whole, size_t *end);

#endif
