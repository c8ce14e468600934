/* What is the same for everybody: the page at /, the OpenAPI document, and how we are. The first
 * two are files of data/serve, compiled in. */
#include <openssl/evp.h>

#include "base/memory.h"
#include "http/endpoints_state.h"
#include "http/verdict_json.h"
#include "serve_pages.inc"

void mc_endpoints_health(struct mc_endpoints *endpoints, struct visit *visit)
{
    struct mc_desk_counts counts;
    struct mc_text body = {0};
    mc_desk_count(endpoints->desk, &counts);
    mc_text_printf(&body, "{\"status\":\"%s\",\"probe\":", endpoints->draining ? "draining" : "ok");
    if (mc_desk_depth(endpoints->desk) != MAILCHECK_DEPTH_SMTP)
        mc_text_add_z(&body, "\"off\"");
    else if (counts.probe_impossible)
        mc_json_string(&body, mc_span_of(counts.probe_impossible));
    else
        mc_text_add_z(&body, "\"possible\"");
    mc_text_printf(&body, ",\"store\":\"%s\",\"waiting\":%zu}\n",
                   counts.store_failed ? "failed" : "ok", mc_desk_waiting(endpoints->desk));
    mc_endpoints_give(endpoints, visit, endpoints->draining ? 503 : 200, "application/json", "",
                      mc_text_span(&body));
    mc_text_free(&body);
}

void mc_endpoints_openapi(struct mc_endpoints *endpoints, struct visit *visit)
{
    mc_endpoints_give(endpoints, visit, 200, "application/json",
                      "Access-Control-Allow-Origin: *\r\n",
                      mc_span((const char *)openapi_json, sizeof openapi_json));
}

/* "'sha256-...'" of what stands between the tags: the one script, the one style that may run. */
static void add_hash(struct mc_text *out, const char *open, const char *close)
{
    const char *page = (const char *)page_html, *end = page + sizeof page_html;
    const char *from = memmem(page, sizeof page_html, open, strlen(open));
    unsigned char digest[32], base64[48];
    MC_ASSERT(from);
    from += strlen(open);
    const char *to = memmem(from, (size_t)(end - from), close, strlen(close));
    MC_ASSERT(to);
    MC_ASSERT(EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL) == 1);
    EVP_EncodeBlock(base64, digest, sizeof digest);
    mc_text_printf(out, "'sha256-%s'", (const char *)base64);
}

void mc_endpoints_page(struct mc_endpoints *endpoints, struct visit *visit)
{
    struct mc_text head = {0};
    mc_text_add_z(&head, "Content-Security-Policy: default-src 'none'; script-src ");
    add_hash(&head, "<script>", "</script>");
    mc_text_add_z(&head, "; style-src ");
    add_hash(&head, "<style>", "</style>");
    mc_text_add_z(&head, "; connect-src 'self'; img-src data:; base-uri 'none'; form-action "
                         "'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n");
    mc_endpoints_give(endpoints, visit, 200, "text/html; charset=utf-8", mc_text_z(&head),
                      mc_span((const char *)page_html, sizeof page_html));
    mc_text_free(&head);
}
