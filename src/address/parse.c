#include "address/parse.h"

#include <stdint.h>

#include "address/idna.h"
#include "address/local_part.h"
#include "address/plain.h"
#include "address/rescue.h"
#include "base/memory.h"

/* Longer cells are not looked into: the slow path may look at each byte a few thousand times. */
#define CELL_MAX 4096

static void set_good(struct mc_address *address, size_t local_len, size_t domain_len)
{
    address->local = mc_span(address->storage, local_len);
    address->domain = mc_span(address->storage + local_len + 1, domain_len);
    address->email = mc_span(address->storage, local_len + 1 + domain_len);
    address->complaint = NULL;
}

static size_t local_length(struct mc_span text)
{
    size_t at = mc_quoted_length(text);
    if (at && mc_at_sign_length(mc_span(text.at + at, text.len - at)))
        return at;
    for (at = 0; at < text.len; at++)
        if (mc_at_sign_length(mc_span(text.at + at, text.len - at)))
            break;
    return at;
}

/* An address with nothing around it. Returns NULL or the complaint. */
static const char *parse_bare(struct mc_span text, struct mc_address *address)
{
    char domain[MC_DOMAIN_MAX];
    size_t local_len = local_length(text), domain_len, wire_len;
    struct mc_span rest = mc_span(text.at + local_len, text.len - local_len);
    size_t at_sign = mc_at_sign_length(rest);
    if (!at_sign)
        return "there is no at-sign";
    rest = mc_span(rest.at + at_sign, rest.len - at_sign);
    if (local_length(rest) < rest.len)
        return "there is more than one at-sign (two addresses in one cell, or a slip)";
    const char *complaint =
        mc_local_part_read(mc_span(text.at, local_len), address->storage, &wire_len);
    if (!complaint)
        complaint = mc_domain_read(rest, domain, &domain_len);
    if (complaint)
        return complaint;
    if (wire_len + 1 + domain_len > MC_ADDRESS_MAX)
        return "the address is longer than 254 octets";
    address->storage[wire_len] = '@';
    memcpy(address->storage + wire_len + 1, domain, domain_len);
    set_good(address, wire_len, domain_len);
    address->needs_smtputf8 = false;
    for (size_t i = 0; i < wire_len; i++)
        if ((unsigned char)address->storage[i] >= 0x80)
            address->needs_smtputf8 = true;
    return NULL;
}

static enum mc_syntax not_good(struct mc_address *address, struct mc_span email,
                               const char *complaint)
{
    address->local = address->domain = mc_span("", 0);
    address->email = email;
    address->needs_smtputf8 = false;
    address->complaint = complaint;
    return complaint ? MC_SYNTAX_BAD : MC_SYNTAX_EMPTY;
}

enum mc_syntax mc_address_parse_slowly(struct mc_span cell, struct mc_address *address)
{
    struct mc_rescue rescue;
    struct mc_span trimmed = mc_trim(cell), text = trimmed;
    const char *complaint;
    if (!trimmed.len)
        return not_good(address, trimmed, NULL);
    if (trimmed.len > CELL_MAX)
        return not_good(address, trimmed, "the cell is longer than any address with a name");
    rescue.done = 0;
    /* as it stands first: wrapping comes off only where it cannot be part of an address */
    do
        if (!(complaint = parse_bare(text, address)))
            return MC_SYNTAX_OK;
    while (mc_rescue_step(&rescue, &text));
    return not_good(address, trimmed, complaint);
}

enum mc_syntax mc_address_parse(struct mc_span cell, struct mc_address *address)
{
    size_t local_len;
    if (!mc_address_plain(cell, address->storage, &local_len))
        return mc_address_parse_slowly(cell, address);
    set_good(address, local_len, cell.len - local_len - 1);
    address->needs_smtputf8 = false;
    return MC_SYNTAX_OK;
}

size_t mc_address_key(const struct mc_address *address, char *out)
{
    uint64_t bytes;
    _Static_assert(sizeof address->storage % sizeof bytes == 0, "the last eight must not pass it");
    /* the domain is in lower case already */
    for (size_t i = 0; i < address->email.len; i += sizeof bytes) {
        memcpy(&bytes, address->storage + i, sizeof bytes);
        bytes = mc_ascii_lower_eight(bytes);
        memcpy(out + i, &bytes, sizeof bytes);
    }
    return address->email.len;
}
