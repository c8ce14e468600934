/* Any bytes as a mailbox, a log or events: whatever is found has a reason and a kind, and an
 * address that is one. */
#include <stdint.h>

#include "base/log.h"
#include "base/memory.h"
#include "bounce/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void found(void *arg, const struct mc_bounce *bounce)
{
    (void)arg;
    MC_ASSERT(bounce->reason < MC_REASON_COUNT);
    MC_ASSERT(bounce->reason != MC_REASON_ACCEPTED && bounce->reason != MC_REASON_UNPROVEN);
    MC_ASSERT(mc_bounce_kind_of(bounce->reason) < MC_BOUNCE_KINDS);
    MC_ASSERT(!bounce->address.len || memchr(bounce->address.at, '@', bounce->address.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct mc_bounce_sink sink = {.found = found, .verp = "b+{local}={domain}@*"};
    struct mc_bounce_counts counts = {0};
    mc_log_set_level(MC_LOG_ERROR);
    mc_mailbox_read_bytes(mc_span((const char *)bytes, size), "fuzz", &sink, &counts);
    return 0;
}
