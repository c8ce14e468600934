#include "address/plain.h"

#include <stdint.h>

#include "address/parse.h"
#include "base/bytes16.h"

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

bool mc_address_plain_by_byte(struct mc_span cell, char *out, size_t *local_len)
{
    const unsigned char *in = (const unsigned char *)cell.at;
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
    *local_len = at;
    if ((pairs | before) & DOT || at > MC_LOCAL_MAX || at == len || in[at] != '@' ||
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
    return !(pairs & EDGE) && all & LDH && any & DOT && before & LETTER;
}

#define MOST 64 /* bytes of a cell: one bit of a mask each */

/* Which bytes of a cell are what. */
struct masks {
    uint64_t alphanumeric, upper, dots, hyphens, underscores, at_signs;
};

/* The last block overlaps the one before, so that no byte outside of the cell is touched. */
static inline struct masks copy_and_look(struct mc_span cell, char *out)
{
    struct masks masks = {0};
    for (size_t done = 0; done < cell.len; done += MC_BYTES16) {
        size_t at = done + MC_BYTES16 <= cell.len ? done : cell.len - MC_BYTES16;
        struct mc_bytes16 bytes = mc_bytes16_load(cell.at + at);
        mc_bytes16_store(out + at, bytes);
        uint64_t letters = mc_bytes16_among(mc_bytes16_fold(bytes), 'a', 'z');
        masks.alphanumeric |= (letters | mc_bytes16_among(bytes, '0', '9')) << at;
        masks.upper |= mc_bytes16_among(bytes, 'A', 'Z') << at;
        masks.dots |= mc_bytes16_are(bytes, '.') << at;
        masks.hyphens |= mc_bytes16_are(bytes, '-') << at;
        masks.underscores |= mc_bytes16_are(bytes, '_') << at;
        masks.at_signs |= mc_bytes16_are(bytes, '@') << at;
    }
    return masks;
}

bool mc_address_plain(struct mc_span cell, char *out, size_t *local_len)
{
    if (cell.len < MC_BYTES16 || cell.len > MOST)
        return mc_address_plain_by_byte(cell, out, local_len);
    struct masks in = copy_and_look(cell, out);
    uint64_t last = UINT64_C(1) << (cell.len - 1), all = last | (last - 1);
    uint64_t known = in.alphanumeric | in.dots | in.hyphens | in.underscores | in.at_signs;
    if (known != all || !in.at_signs || in.at_signs & (in.at_signs - 1))
        return mc_address_plain_by_byte(cell, out, local_len);
    uint64_t domain = ~(in.at_signs | (in.at_signs - 1)), edges = in.dots | in.at_signs;
    uint64_t hyphens = in.hyphens & domain, breaks = in.dots | hyphens;
    /* not beside an edge, not at an end: the dots of both parts, the hyphens of the domain */
    uint64_t misplaced = (breaks & (edges << 1 | last)) | (in.dots & (edges >> 1 | 1)) |
                         (hyphens & (in.dots >> 1 | hyphens << 1));
    bool is_plain = !misplaced && !((in.upper | in.underscores) & domain) && in.dots & domain &&
                    !(in.at_signs & 1) && classes[(unsigned char)cell.at[cell.len - 1]] & LETTER;
    *local_len = (size_t)__builtin_ctzll(in.at_signs);
    return is_plain || mc_address_plain_by_byte(cell, out, local_len);
}

/* The same for what is in small letters: no copy, and whole blocks whatever stands behind. */
struct small_masks {
    uint64_t letters, digits, dots, hyphens, underscores, at_signs;
};

static inline void look_at_block(struct small_masks *masks, const char *cell, size_t at)
{
    struct mc_bytes16 bytes = mc_bytes16_load(cell + at);
    masks->letters |= mc_bytes16_among(bytes, 'a', 'z') << at;
    masks->digits |= mc_bytes16_among(bytes, '0', '9') << at;
    masks->dots |= mc_bytes16_are(bytes, '.') << at;
    masks->hyphens |= mc_bytes16_are(bytes, '-') << at;
    masks->underscores |= mc_bytes16_are(bytes, '_') << at;
    masks->at_signs |= mc_bytes16_are(bytes, '@') << at;
}

bool mc_address_look(struct mc_span cell, struct mc_plain *plain)
{
    struct small_masks in = {0};
    if (cell.len - 1 >= MOST) /* the empty one too */
        return false;
    look_at_block(&in, cell.at, 0);
    look_at_block(&in, cell.at, MC_BYTES16);
    look_at_block(&in, cell.at, 2 * MC_BYTES16);
    if (cell.len > 3 * MC_BYTES16)
        look_at_block(&in, cell.at, 3 * MC_BYTES16);
    uint64_t last = UINT64_C(1) << (cell.len - 1), all = last | (last - 1);
    uint64_t known = in.letters | in.digits | in.dots | in.hyphens | in.underscores | in.at_signs;
    uint64_t at_sign = in.at_signs & all, local = at_sign - 1, domain = all & ~(at_sign | local);
    uint64_t edges = in.dots | at_sign, hyphens = in.hyphens & domain;
    /* as above, and a hyphen at the very start, which spreadsheets take for a formula */
    uint64_t misplaced = ((in.dots | hyphens) & (edges << 1)) | (in.dots & (edges >> 1)) |
                         (hyphens & (in.dots >> 1 | hyphens << 1)) |
                         ((in.dots | in.hyphens | at_sign) & 1);
    if ((known & all) != all || !at_sign || at_sign & local || misplaced & all ||
        in.underscores & domain || !(in.dots & domain) || !(in.letters & last))
        return false;
    plain->local_len = (size_t)__builtin_ctzll(at_sign);
    plain->digits = in.digits & local;
    plain->separators = (in.dots | in.hyphens | in.underscores) & local;
    return true;
}
