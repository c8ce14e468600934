/* A message -> its texts in UTF-8: just enough MIME for reports, in one pass and without an object
 * for each field (a general library takes two thirds of the time of a whole report). Judges
 * nothing.
 *
 * Hostile input: a message is cut before its thousandth Content-Type (which bounds parts and
 * nesting alike) and after MC_MESSAGE_MAX bytes, a text after MC_PART_MAX. */
#ifndef MC_BOUNCE_MIME_H
#define MC_BOUNCE_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

#define MC_MESSAGE_MAX (4u << 20)
#define MC_PART_MAX    (256u << 10)
#define MC_MIME_PARTS  1000
#define MC_MAIL_DEPTH  8 /* a report on a report on a report ... */

enum mc_part_kind { MC_PART_TEXT, MC_PART_HTML, MC_PART_STATUS, MC_PART_FEEDBACK };

struct mc_part {
    enum mc_part_kind kind;
    unsigned mail; /* which of the mails it belongs to */
    size_t at, len;
};

/* The message itself is the first mail; each message/rfc822 or text/rfc822-headers within is a
 * further one. */
struct mc_mail {
    unsigned depth;
    size_t headers_at, headers_len; /* raw, folded */
    size_t subject_at, subject_len; /* decoded */
    bool is_report;                 /* multipart/report */
};

struct mc_message {
    struct mc_text text; /* all spans point in here */
    struct mc_mail *mails;
    struct mc_part *parts;
    size_t mail_count, mail_room, part_count, part_room;
    bool cut;
};

/* `message` is {0} or one read before. */
void mc_mime_read(struct mc_span raw, struct mc_message *message);
void mc_message_free(struct mc_message *message);

struct mc_span mc_message_part(const struct mc_message *message, size_t part);
struct mc_span mc_message_headers(const struct mc_message *message, size_t mail);
struct mc_span mc_message_subject(const struct mc_message *message, size_t mail);
/* The first field of that name, its lines joined by the blanks that folded them, trimmed. Empty
 * where there is none. The result points into `headers`. */
struct mc_span mc_header(struct mc_span headers, const char *name);

#endif
