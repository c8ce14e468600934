/* A message -> its texts in UTF-8: just enough MIME for reports, in one pass, without a copy and
 * without an object for each field (a general library takes two thirds of the time of a whole
 * report). What nobody asks for, such as the texts of the message that came back, is not decoded.
 * Judges nothing.
 *
 * Hostile input: a message ends after MC_MESSAGE_MAX bytes, at its thousandth part and where parts
 * are nested too deep, a text after MC_PART_MAX. */
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

/* Where a field of a header stands, so that no header is searched twice. Private to mime.c. */
struct mc_field {
    const char *at;
    unsigned key; /* of its name: length and first letter */
};

struct mc_headers {
    struct mc_span raw;  /* folded, as they came */
    size_t first, count; /* of mc_message.fields */
};

/* Private to mime.c but for kind and mail. */
struct mc_part {
    enum mc_part_kind kind;
    unsigned mail; /* which of the mails it belongs to */
    bool is_read, cut;
    struct mc_headers headers;
    struct mc_span body, text;
    struct mc_text room; /* holds the text where it had to be decoded */
};

/* The message itself is the first mail; each message/rfc822 or text/rfc822-headers within is a
 * further one. */
struct mc_mail {
    unsigned depth;
    struct mc_headers headers;
    size_t subject_at, subject_len; /* decoded */
    bool is_report;                 /* multipart/report */
};

struct mc_message {
    struct mc_span raw;
    struct mc_text subjects;
    struct mc_mail *mails;
    struct mc_part *parts;
    struct mc_field *fields; /* of all headers, one after the other */
    struct mc_text *decoded; /* mails that were encoded as a whole */
    size_t mail_count, mail_room, part_count, part_room, field_count, field_room, decoded_count,
        decoded_room;
    size_t entities;
    bool cut;
};

/* `message` is {0} or one read before. Borrows the bytes for as long as it is looked at. */
void mc_mime_read(struct mc_span raw, struct mc_message *message);
void mc_message_free(struct mc_message *message);
/* Some of it was passed over, of what was asked for by now. */
bool mc_message_is_cut(const struct mc_message *message);

struct mc_span mc_message_part(const struct mc_message *message, size_t part);
struct mc_span mc_message_headers(const struct mc_message *message, size_t mail);
struct mc_span mc_message_subject(const struct mc_message *message, size_t mail);
/* The first field of that name in the header of a mail, as mc_header gives it. */
struct mc_span mc_message_named(const struct mc_message *message, size_t mail, struct mc_span name);
static inline struct mc_span mc_message_field(const struct mc_message *message, size_t mail,
                                              const char *name)
{
    return mc_message_named(message, mail, mc_span_of(name));
}

/* The first field of that name, its lines joined by the blanks that folded them, trimmed. Empty
 * where there is none. The result points into `headers`. */
struct mc_span mc_header(struct mc_span headers, const char *name);

#endif
