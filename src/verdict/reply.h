/* One SMTP reply: bytes in, code, enhanced code and text out. Pure; no socket.
 *
 * The parser is fed as bytes arrive, keeps reading past its limits without storing, and never
 * stops at a byte it does not like. Whether the text is about us or them is not its business
 * (verdict/classify.h). */
#ifndef MC_VERDICT_REPLY_H
#define MC_VERDICT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define MC_REPLY_TEXT_MAX  4096  /* stored text of all lines of one reply */
#define MC_REPLY_LINE_MAX  2048  /* stored text of one line; the rest is read and dropped */
#define MC_REPLY_TOTAL_MAX 65536 /* more bytes than this in one reply: not a mail server */

/* A finished reply. Plain data, to be copied freely. `text` has the lines joined by '\n', each
 * without its code and separator; raw bytes, not yet masked. An enhanced code stays in the text
 * and is parsed beside it, from the first line that has one of the code's class. */
struct mc_reply {
    uint16_t code; /* 200 to 599; 0: no code (garbage, or text given to mc_reply_from_text) */
    uint8_t class; /* of the enhanced code (2, 4, 5), 0 where there is none; then subject.detail */
    uint16_t subject, detail;
    uint16_t text_len;
    char text[MC_REPLY_TEXT_MAX];
};

enum mc_reply_state {
    MC_REPLY_MORE,     /* all bytes taken, the reply is not complete */
    MC_REPLY_COMPLETE, /* *used bytes taken, the rest belongs to the next reply */
    MC_REPLY_GARBAGE,  /* a line without a reply code, or codes that differ between lines; code is
                          0 and the text ends with that line; *used bytes up to its end taken */
    MC_REPLY_TOO_LONG, /* MC_REPLY_TOTAL_MAX exceeded; code is 0 */
};

/* Private to reply.c but for its size; mc_reply_start before the first use and between replies. */
struct mc_reply_parser {
    struct mc_reply *reply; /* where the text goes */
    uint32_t total;         /* bytes of this reply so far */
    uint32_t line_len;      /* bytes of the line so far, stored or not */
    uint16_t line_at;       /* where the line's text begins in reply->text */
    uint8_t head_len;
    char head[4]; /* the code and its separator */
};

void mc_reply_start(struct mc_reply_parser *parser, struct mc_reply *reply);
enum mc_reply_state mc_reply_feed(struct mc_reply_parser *parser, const char *bytes, size_t len,
                                  size_t *used);

/* A whole reply as text: "550 5.1.1 no such user", "550-a\n550 b", or text without a code. Lines
 * may also be joined by a literal backslash-n (mailcheck classify). A "smtp;" before it, as in
 * the Diagnostic-Code of a delivery report, is dropped. */
void mc_reply_from_text(struct mc_span text, struct mc_reply *reply);

#endif
