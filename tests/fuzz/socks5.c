/* Any URL for a proxy, then any bytes from it, whole and byte by byte: the same end. */
#include "loop/socks5.h"

#include <netinet/in.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t play(const struct mc_socks5_proxy *proxy, struct mc_span said, size_t piece,
                   struct mc_text *out, enum mc_socks5_status *status)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(25)};
    struct mc_socks5 handshake;
    const char *why = NULL;
    size_t at = 0;
    *status = MC_SOCKS5_MORE;
    mc_socks5_start(&handshake, proxy, (const struct sockaddr *)&target, out);
    while (at < said.len && *status == MC_SOCKS5_MORE) {
        size_t len = said.len - at < piece ? said.len - at : piece;
        struct mc_span in = mc_span(said.at + at, len);
        *status = mc_socks5_feed(&handshake, &in, out, &why);
        at += len - in.len;
    }
    MC_ASSERT((why != NULL) == (*status != MC_SOCKS5_MORE && *status != MC_SOCKS5_DONE));
    return at;
}

/* The input is a URL, a NUL, what the proxy says. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *nul = size ? memchr(bytes, 0, size) : NULL;
    struct mc_socks5_proxy proxy;
    struct mc_text whole = {0}, pieces = {0};
    enum mc_socks5_status whole_status, pieces_status;
    char error[200] = "";
    if (!nul)
        return 0;
    if (!mc_socks5_parse_url((const char *)bytes, &proxy, error, sizeof error)) {
        MC_ASSERT(*error);
        return 0;
    }
    struct mc_span said = mc_span((const char *)nul + 1, size - (size_t)(nul - bytes) - 1);
    size_t whole_used = play(&proxy, said, SIZE_MAX, &whole, &whole_status);
    size_t pieces_used = play(&proxy, said, 1, &pieces, &pieces_status);
    MC_ASSERT(whole_status == pieces_status && whole_used == pieces_used);
    MC_ASSERT(mc_span_equal(mc_text_span(&whole), mc_text_span(&pieces)));
    mc_text_free(&whole);
    mc_text_free(&pieces);
    return 0;
}
