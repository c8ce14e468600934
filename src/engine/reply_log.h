/* The deciding lines of a run (mc_smtp), out of memory's way: an unlinked temporary file behind a
 * small buffer, the same line stored once where it comes often.
 *
 * Servers give everybody the same reply but for the address in it, so a line may be stored with a
 * mark where the address stood: one line then serves them all, and none of them is ever written to
 * the file or read back. Whoever asks for a line says whose it is. */
#ifndef MC_ENGINE_REPLY_LOG_H
#define MC_ENGINE_REPLY_LOG_H

#include <stdint.h>

#include "base/span.h"
#include "smtp/prober.h"

#define MC_REPLY_LINE_SHOWN 512 /* bytes of mc_smtp at most */

struct mc_reply_log;

struct mc_reply_log *mc_reply_log_new(void);
void mc_reply_log_free(struct mc_reply_log *log);

/* Returns a number for mc_reply_log_get; 0 for an empty line. A byte 1 in it stands for the
 * address. A full disk loses the line, with a warning, never the verdict. `line` may be one that
 * mc_reply_log_get returned. */
uint64_t mc_reply_log_add(struct mc_reply_log *log, struct mc_span line);
/* The number of the deciding line of an answer ("RCPT 550 5.1.1 no such user"), where its wording
 * has one already; else 0, and it is to be added. `address`: the recipient, as it was sent. */
uint64_t mc_reply_log_known(const struct mc_reply_log *log, const struct mc_answer *answer);
uint64_t mc_reply_log_add_answer(struct mc_reply_log *log, const struct mc_answer *answer,
                                 struct mc_span address);
/* Does the address stand in it? If not, whose it is does not matter. */
bool mc_reply_log_has_marks(uint64_t number);
/* Valid until the next call. */
struct mc_span mc_reply_log_get(struct mc_reply_log *log, uint64_t number, struct mc_span address);

#endif
