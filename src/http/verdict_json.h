/* A verdict as a JSON object: the columns of CONTRACT under their names without "mc_". Pure. */
#ifndef MC_HTTP_VERDICT_JSON_H
#define MC_HTTP_VERDICT_JSON_H

#include <stdbool.h>

#include "base/span.h"
#include "base/text.h"
#include "verdict/verdict.h"

/* `is_pending`: what is known so far, and says so. */
void mc_verdict_json(struct mc_text *out, const struct mc_result *result, bool is_pending);
/* A string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void mc_json_string(struct mc_text *out, struct mc_span text);

#endif
