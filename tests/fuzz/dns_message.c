/* Any bytes as a DNS answer: what is read is well formed, and where c-ares's own parser finds MX
 * records, the same ones are found here. The first byte chooses the type asked for. */
#include "loop/dns_message.h"

#include <ares.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void compare_with_ares(const struct mc_dns_answer *answer, const uint8_t *bytes, size_t size)
{
    struct ares_mx_reply *list = NULL;
    if (size > UINT16_MAX || ares_parse_mx_reply(bytes, (int)size, &list) != ARES_SUCCESS)
        return;
    size_t count = 0;
    for (const struct ares_mx_reply *mx = list; mx; mx = mx->next, count++) {
        /* an error code comes first here, and a host of no bytes is no record */
        if (answer->status != MC_DNS_OK)
            break;
        MC_ASSERT(count < answer->count);
        MC_ASSERT(mx->priority == answer->mx[count].preference);
        /* a name with an escaped byte cannot be asked anyway, and c-ares leaves some a last dot */
        struct mc_span host = mc_span_of(mx->host), ours = mc_span_of(answer->mx[count].host);
        host.len -= host.len && host.at[host.len - 1] == '.';
        MC_ASSERT(mc_span_equal_nocase(host, ours) || memchr(ours.at, '\\', ours.len));
    }
    MC_ASSERT(answer->status != MC_DNS_OK || count == answer->count);
    if (list)
        ares_free_data(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct mc_dns_message message; /* used again, as the client does */
    if (!size)
        return 0;
    static const enum mc_dns_type types[] = {MC_DNS_MX, MC_DNS_A, MC_DNS_AAAA, MC_DNS_TXT,
                                             MC_DNS_PTR};
    enum mc_dns_type type = types[bytes[0] % MC_ARRAY_LEN(types)];
    enum mc_dns_status status = mc_dns_message_read(&message, type, bytes + 1, size - 1);
    const struct mc_dns_answer *answer = &message.answer;
    MC_ASSERT(status == answer->status);
    MC_ASSERT((status == MC_DNS_OK) == (answer->count > 0));
    MC_ASSERT(!message.alias[0] ||
              (status == MC_DNS_NO_DATA && mc_dns_name_is_askable(message.alias)));
    MC_ASSERT((answer->mx != NULL) == (status == MC_DNS_OK && type == MC_DNS_MX));
    MC_ASSERT((answer->a != NULL) == (status == MC_DNS_OK && type == MC_DNS_A));
    MC_ASSERT((answer->aaaa != NULL) == (status == MC_DNS_OK && type == MC_DNS_AAAA));
    MC_ASSERT((answer->text != NULL) ==
              (status == MC_DNS_OK && (type == MC_DNS_TXT || type == MC_DNS_PTR)));
    for (size_t i = 0; answer->text && i < answer->count; i++) {
        /* a name may be longer than the message: by its escapes, and by what it points to */
        MC_ASSERT(type == MC_DNS_PTR || answer->text[i].len < size);
        MC_ASSERT(answer->text[i].at[answer->text[i].len] == '\0');
    }
    for (size_t i = 0; answer->mx && i < answer->count; i++)
        for (const char *at = answer->mx[i].host; *at; at++)
            MC_ASSERT(*at > 0 && *at < 127 && mc_ascii_lower(*at) == *at);
    if (type == MC_DNS_MX)
        compare_with_ares(answer, bytes + 1, size - 1);
    return 0;
}
