#include "address/parse.h"

#include "address/idna.h"
#include "address/local_part.h"
#include "address/rescue.h"
#include "base/memory.h"

/* The fast path: a plain dot-atom at a plain host name, nothing around it. Nearly every cell is
 * one, so it is read in one pass without a call. What it takes, mc_address_parse_slowly takes as
 * well, with the same answer (a test holds them together); what it does not take is undecided. */

enum {
    ATOM = 1,    /* may stand in a local part without quotes, the dot included */
    DOT = 2,     /* not twice in a row, not at an end */
    LDH = 4,     /* may stand in a host name: letter, digit, hyphen, dot */
    EDGE = 8,    /* dot and hyphen: not at the end of a label. Two hyphens are undecided (xn--) */
    LETTER = 16, /* a host name that ends with one does not end in a number */
};

#define A (ATOM)
#define L (ATOM | LDH | LETTER)
#define D (ATOM | LDH)
#define H (ATOM | LDH | EDGE)
#define P (ATOM | LDH | EDGE | DOT)
static const unsigned char classes[256] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, A, 0, A, A, A, A, A, 0, 0, A, A, 0, H, P, A, /*  !"#$%&'()*+,-./ */
    D, D, D, D, D, D, D, D, D, D, 0, 0, 0, A, 0, A, /* 0-9 :;<=>? */
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* @ A-O */
    L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, A, A, /* P-Z [\]^_ */
    A, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* ` a-o */
    L, L, L, L, L, L, L, L, L, L, L, A, A, A, A, 0, /* p-z {|}~ */
    /* clang-format on */
};
#undef A
#undef L
#undef D
#undef H
#undef P

/* A host name of at most one label's length cannot have a label that is too long. */
#define PLAIN_DOMAIN_MAX 63
#define PLAIN_MAX        (MC_LOCAL_MAX + 1 + PLAIN_DOMAIN_MAX)

/* Longer cells are not looked into: the slow path may look at each byte a few thousand times. */
#define CELL_MAX 4096

static void set_good(struct mc_address *address, size_t local_len, size_t domain_len)
{
    address->local = mc_span(address->storage, local_len);
    address->domain = mc_span(address->storage + local_len + 1, domain_len);
    address->email = mc_span(address->storage, local_len + 1 + domain_len);
    address->complaint = NULL;
}

static bool parse_plain(struct mc_span cell, struct mc_address *address)
{
    const unsigned char *in = (const unsigned char *)cell.at;
    char *out = address->storage;
    unsigned class, before = DOT, pairs = 0, all = LDH, any = 0;
    size_t len = cell.len, at = 0;
    if (len > PLAIN_MAX)
        return false;
    /* bits common to two neighbours gather in `pairs`: what must not stand in a row */
    for (; at < len && ((class = classes[in[at]]) & ATOM); at++) {
        out[at] = (char)in[at];
        pairs |= class & before;
        before = class;
    }
    size_t local_len = at;
    if ((pairs | before) & DOT || local_len > MC_LOCAL_MAX || at == len || in[at] != '@' ||
        len - at - 1 > PLAIN_DOMAIN_MAX)
        return false;
    out[at++] = '@';
    for (pairs = 0, before = EDGE; at < len; at++) {
        class = classes[in[at]];
        out[at] = (char)(in[at] | (in[at] >> 1 & 0x20)); /* lower case, for LDH alone */
        pairs |= class & before;
        all &= class;
        any |= class;
        before = class;
    }
    if (pairs & EDGE || !(all & LDH) || !(any & DOT) || !(before & LETTER))
        return false;
    set_good(address, local_len, len - local_len - 1);
    address->needs_smtputf8 = false;
    return true;
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
    return parse_plain(cell, address) ? MC_SYNTAX_OK : mc_address_parse_slowly(cell, address);
}

size_t mc_address_key(const struct mc_address *address, char *out)
{
    size_t local_len = address->local.len;
    for (size_t i = 0; i < local_len; i++)
        out[i] = mc_ascii_lower(address->email.at[i]);
    memcpy(out + local_len, address->email.at + local_len, address->email.len - local_len);
    return address->email.len;
}
