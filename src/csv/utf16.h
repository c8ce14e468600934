/* UTF-16 in and out of the program's UTF-8, without loss. Pure.
 *
 * Units that form no character come through too: an unpaired surrogate as three bytes (WTF-8), an
 * odd byte at the very end as 0xFF and two bytes with a nibble each, which no text contains. */
#ifndef MC_CSV_UTF16_H
#define MC_CSV_UTF16_H

#include <stdbool.h>
#include <stddef.h>

#define MC_ODD_BYTE_LEN 3 /* an odd trailing byte, in our UTF-8 */

/* At most this many bytes come out of `len`. */
static inline size_t mc_utf16_decoded_max(size_t len)
{
    return len / 2 * 3 + MC_ODD_BYTE_LEN;
}
static inline size_t mc_utf16_encoded_max(size_t len)
{
    return len * 2;
}

/* Both return the bytes written to `out` and, in `used`, those taken from `in`: fewer than `len`
 * where the last character may go on behind it (never where `final`). */
size_t mc_utf16_decode(const char *in, size_t len, bool big_endian, bool final, char *out,
                       size_t *used);
/* Bytes that are no UTF-8 become U+FFFD. */
size_t mc_utf16_encode(const char *in, size_t len, bool big_endian, bool final, char *out,
                       size_t *used);

#endif
