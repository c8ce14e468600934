/* mailcheck_event.h - mailcheck(1)'s library in a program that runs on libevent.
 *
 * Needs <event2/event.h> and a base that is served by the thread that uses the context. Everything
 * else is as in mailcheck.h; a program with another kind of loop uses mailcheck_fd() and
 * mailcheck_timeout_ms() from there.
 */
#ifndef MAILCHECK_EVENT_H
#define MAILCHECK_EVENT_H

#include <mailcheck.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

/* Makes a context, as mailcheck_new() does, whose work is done while the caller's loop runs: two
 * events on `base`, one descriptor and one timer. mailcheck_run() need not be called; callbacks
 * come from event_base_loop() and its kin, never from inside mailcheck_submit().
 *
 *  - base: borrowed. It must outlive the context: mailcheck_free() first, event_base_free() then.
 *    The two events are there as long as the context is, and the one on the descriptor keeps
 *    event_base_dispatch() from returning by itself: leave with event_base_loopbreak(), or free the
 *    context when it is idle.
 *  - options, error, error_size: as for mailcheck_new().
 *  - Returns a context that belongs to the caller, or NULL with a sentence in `error`.
 *  - Never call mailcheck_free() from inside a callback of this context.
 *
 * Since 0.1. */
MAILCHECK_API struct mailcheck *mailcheck_new_on_base(struct event_base *base,
                                                      const struct mailcheck_options *options,
                                                      char *error, size_t error_size);

#ifdef __cplusplus
}
#endif
#endif
