/* Any bytes as a cell: both paths agree, a good address is well formed and reads as itself. */
#include "address/parse.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct mc_span cell = mc_span((const char *)bytes, size);
    struct mc_address fast, slow, again;
    enum mc_syntax syntax = mc_address_parse(cell, &fast);
    MC_ASSERT(mc_address_parse_slowly(cell, &slow) == syntax);
    MC_ASSERT(mc_span_equal(fast.email, slow.email));
    MC_ASSERT((fast.complaint != NULL) == (syntax == MC_SYNTAX_BAD));
    if (syntax != MC_SYNTAX_OK)
        return 0;
    char key[MC_ADDRESS_MAX + 2];
    MC_ASSERT(fast.local.len <= MC_LOCAL_MAX && fast.email.len <= MC_ADDRESS_MAX);
    MC_ASSERT(fast.local.len + 1 + fast.domain.len == fast.email.len);
    MC_ASSERT(mc_address_key(&fast, key) == fast.email.len);
    MC_ASSERT(mc_address_parse(fast.email, &again) == MC_SYNTAX_OK);
    MC_ASSERT(mc_span_equal(again.email, fast.email));
    MC_ASSERT(mc_span_equal(again.local, fast.local));
    return 0;
}
