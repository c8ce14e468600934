/* Any bytes as an HTTP request: however they are cut, it is the same request or the same refusal,
 * within the limits. */
#include <stdlib.h>

#include "base/memory.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t feed(struct mc_http_request *request, const uint8_t *bytes, size_t size, size_t step)
{
    size_t at = 0;
    mc_http_request_begin(request);
    while (at < size && !mc_http_request_complete(request) && !mc_http_request_refused(request)) {
        size_t len = size - at < step ? size - at : step;
        char *piece = mc_malloc(len); /* so that a read beyond it is seen */
        memcpy(piece, bytes + at, len);
        at += mc_http_request_take(request, piece, len);
        free(piece);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct mc_http_request whole, cut;
    struct mc_text field = {0};
    size_t taken = feed(&whole, bytes, size, size ? size : 1);
    size_t cut_taken = feed(&cut, bytes, size, 1);
    MC_ASSERT(mc_http_request_refused(&whole) == mc_http_request_refused(&cut));
    MC_ASSERT(mc_http_request_complete(&whole) == mc_http_request_complete(&cut));
    if (mc_http_request_complete(&whole) && !mc_http_request_refused(&whole)) {
        MC_ASSERT(taken == cut_taken);
        MC_ASSERT(mc_span_equal(mc_http_request_path(&whole), mc_http_request_path(&cut)));
        MC_ASSERT(mc_span_equal(mc_http_request_query(&whole), mc_http_request_query(&cut)));
        MC_ASSERT(mc_span_equal(mc_http_request_body(&whole), mc_http_request_body(&cut)));
        MC_ASSERT(mc_http_request_body(&whole).len <= MC_HTTP_BODY_MAX);
        for (enum mc_http_header header = 0; header < MC_HTTP_HEADER_COUNT; header++)
            MC_ASSERT(mc_span_equal(mc_http_request_header(&whole, header),
                                    mc_http_request_header(&cut, header)));
        (void)mc_http_query_field(mc_http_request_query(&whole), "email", &field);
    }
    mc_text_free(&field);
    mc_http_request_free(&whole);
    mc_http_request_free(&cut);
    return 0;
}
