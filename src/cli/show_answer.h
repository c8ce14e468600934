/* One verdict for the user of `check`: a line for a script, a block for a person, an object for a
 * program. Pure: appends to a text. */
#ifndef MC_CLI_SHOW_ANSWER_H
#define MC_CLI_SHOW_ANSWER_H

#include "base/text.h"
#include "mailcheck.h"
#include "verdict/columns.h"

/* address <tab> status <tab> reason; no cell holds a tab, a line break or another control byte. */
void mc_show_line(struct mc_text *out, struct mc_span asked, const struct mailcheck_result *result);
void mc_show_block(struct mc_text *out, struct mc_span asked,
                   const struct mailcheck_result *result);
void mc_show_json(struct mc_text *out, struct mc_span asked, const struct mc_columns *columns,
                  const struct mailcheck_result *result);

#endif
