#include "csv/utf16.h"

#include <stdint.h>

#include "base/text.h"

#define ODD_BYTE    0xff
#define REPLACEMENT 0xfffd

static bool is_high(uint32_t unit)
{
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low(uint32_t unit)
{
    return (unit & 0xfc00) == 0xdc00;
}

static uint32_t unit_at(const char *in, bool big_endian)
{
    unsigned char first = (unsigned char)in[0], second = (unsigned char)in[1];
    return big_endian ? (uint32_t)first << 8 | second : (uint32_t)second << 8 | first;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    return len;
}

size_t mc_utf16_decode(const char *in, size_t len, bool big_endian, bool final, char *out,
                       size_t *used)
{
    size_t at = 0, written = 0;
    while (len - at >= 2) {
        uint32_t c = unit_at(in + at, big_endian);
        size_t taken = 2;
        if (is_high(c)) {
            if (len - at >= 4) {
                uint32_t low = unit_at(in + at + 2, big_endian);
                if (is_low(low)) {
                    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                    taken = 4;
                }
            } else if (!final) {
                break;
            }
        }
        written += put_utf8(out + written, c);
        at += taken;
    }
    if (final && len - at == 1) {
        unsigned char odd = (unsigned char)in[at++];
        out[written++] = (char)ODD_BYTE;
        out[written++] = (char)(0x80 | odd >> 4);
        out[written++] = (char)(0x80 | (odd & 15));
    }
    *used = at;
    return written;
}

static size_t put_unit(char *out, uint32_t unit, bool big_endian)
{
    out[big_endian ? 0 : 1] = (char)(unit >> 8);
    out[big_endian ? 1 : 0] = (char)(unit & 0xff);
    return 2;
}

static size_t put_character(char *out, uint32_t c, bool big_endian)
{
    if (c < 0x10000)
        return put_unit(out, c, big_endian);
    put_unit(out, 0xd800 + ((c - 0x10000) >> 10), big_endian);
    return 2 + put_unit(out + 2, 0xdc00 + ((c - 0x10000) & 0x3ff), big_endian);
}

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* How many bytes the first one announces; 1 where it announces none. */
static size_t announced(unsigned char lead)
{
    return lead == ODD_BYTE              ? MC_ODD_BYTE_LEN
           : lead >= 0xf0 && lead < 0xf5 ? 4
           : lead >= 0xe0 && lead < 0xf0 ? 3
           : lead >= 0xc2 && lead < 0xe0 ? 2
                                         : 1;
}

/* The character at `in`, `len` bytes as announced(), WTF-8 allowed; REPLACEMENT where it is none,
 * which then counts as one byte. */
static uint32_t character(const char *in, size_t *len)
{
    const unsigned char *b = (const unsigned char *)in;
    if (b[0] < 0x80)
        return b[0];
    bool valid = mc_utf8_length(in, *len) == *len ||
                 (*len == 3 && b[0] == 0xed && b[1] >= 0xa0 && is_tail(in[1]) && is_tail(in[2]));
    if (valid && *len == 2)
        return (b[0] & 0x1fU) << 6 | (b[1] & 0x3fU);
    if (valid && *len == 3)
        return (b[0] & 0xfU) << 12 | (b[1] & 0x3fU) << 6 | (b[2] & 0x3fU);
    if (valid && *len == 4)
        return (b[0] & 7U) << 18 | (b[1] & 0x3fU) << 12 | (b[2] & 0x3fU) << 6 | (b[3] & 0x3fU);
    *len = 1;
    return REPLACEMENT;
}

size_t mc_utf16_encode(const char *in, size_t len, bool big_endian, bool final, char *out,
                       size_t *used)
{
    size_t at = 0, written = 0;
    while (at < len) {
        unsigned char lead = (unsigned char)in[at];
        size_t need = announced(lead);
        if (need > len - at) {
            if (!final)
                break;
            need = 1;
        }
        if (lead == ODD_BYTE && need == MC_ODD_BYTE_LEN && is_tail(in[at + 1]) &&
            is_tail(in[at + 2])) {
            out[written++] = (char)((in[at + 1] & 15) << 4 | (in[at + 2] & 15));
        } else {
            uint32_t c = character(in + at, &need);
            written += put_character(out + written, c, big_endian);
        }
        at += need;
    }
    *used = at;
    return written;
}
