/* Where one text stands in another, ASCII case aside, or one of two bytes. For short texts, many of
 * them: looks at sixteen places at once where the machine can. */
#ifndef MC_BASE_FIND_H
#define MC_BASE_FIND_H

#include "base/span.h"

/* The first place; NULL where there is none, or `what` is empty. */
const char *mc_find_nocase(struct mc_span text, struct mc_span what);
/* The same, byte by byte: the oracle of its test, and what other machines do. */
const char *mc_find_nocase_plain(struct mc_span text, struct mc_span what);
/* The first place of one of two bytes, or NULL; and its oracle. */
const char *mc_find_either(struct mc_span text, char a, char b);
const char *mc_find_either_plain(struct mc_span text, char a, char b);

#endif
