/* Bytes of a message -> text in UTF-8: transfer encodings (base64, quoted-printable), charsets by
 * iconv, the encoded words of header fields. Knows nothing of parts and reports; what cannot be
 * decoded comes out as good as it can. */
#ifndef MC_BOUNCE_DECODE_H
#define MC_BOUNCE_DECODE_H

#include "base/text.h"

/* A body without its transfer encoding: itself, or what is appended to `room`, which is empty. */
struct mc_span mc_decode_body(struct mc_span encoding, struct mc_span body, struct mc_text *room);
/* In UTF-8: itself where it is, else what is appended to `room`. `charset`: what it calls itself,
 * "" or NULL where it does not say. */
struct mc_span mc_decode_charset(struct mc_span bytes, const char *charset, struct mc_text *room);
/* Appends the value of a header field, its encoded words (RFC 2047) decoded. */
void mc_decode_field(struct mc_span field, struct mc_text *to);

#endif
