#include "smtp/probe_name.h"

#include <stdint.h>

#include "base/hash.h"

/* Consonants with a digit at least every fourth place: an address that any syntax check lets
 * through, and no word of any language. */
size_t mc_probe_name(struct mc_span domain, char *out)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz";
    static const char digits[] = "23456789";
    struct mc_hash128 hash = mc_hash128(domain);
    uint64_t bits = hash.high;
    size_t len = 12 + hash.low % 5;
    size_t digit_at = 1 + hash.low / 5 % 3;
    for (size_t i = 0; i < len; i++) {
        bool digit = i % 4 == digit_at;
        size_t choices = digit ? sizeof digits - 1 : sizeof letters - 1;
        out[i] = (digit ? digits : letters)[bits % choices];
        /* 12 letters and 4 digits are 64 bits: the second half of the hash joins on the way */
        bits = i == 7 ? bits / choices ^ hash.low >> 8 : bits / choices;
    }
    out[len] = '\0';
    return len;
}
