/* Bytes as they come -> lines, whatever is in them: LF or CRLF, NULs, no newline at the end, no end
 * at all. Pure; it keeps one unfinished line, never more than MC_LINE_KEPT bytes of it. */
#ifndef MC_CLI_LINE_READER_H
#define MC_CLI_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* No address is longer, with name, comment and all (a line of mail has at most 998). */
#define MC_LINE_KEPT 4096

struct mc_line_reader {
    struct mc_text unread; /* what was fed, from `at` on */
    size_t at;
    struct mc_text line; /* the unfinished one */
    bool cut;            /* it was longer than what is kept of it */
    bool begun;          /* past the place where a byte order mark may stand */
};

/* Copies. To be called when mc_line_reader_next has said false. */
void mc_line_reader_feed(struct mc_line_reader *reader, const char *bytes, size_t len);
/* The next line without its end; `cut` where it was longer than it is here. Lent until the next
 * call. False: feed more; with `ended`, there is no more. */
bool mc_line_reader_next(struct mc_line_reader *reader, bool ended, struct mc_span *line,
                         bool *cut);
/* All that was fed has been taken. */
bool mc_line_reader_is_empty(const struct mc_line_reader *reader);
void mc_line_reader_free(struct mc_line_reader *reader);

#endif
