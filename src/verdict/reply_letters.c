/* Letters of any script as the words of data/replies are written: small and without accents. */
#include "verdict/reply_rules.h"

/* U+00C0 to U+017F; '*' is no letter. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo*ouuuuyts"
                            "aaaaaaaceeeeiiiidnooooo*ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiii"
                            "jjkkkllllllllllnnnnnnnnnoooooooorrrrrrsssssssstttttt"
                            "uuuuuuuuuuuuwwyyyzzzzzzs";

_Static_assert(sizeof latin == 0x180 - 0xc0 + 1, "one for each");

/* U+1EA0 to U+1EF9, one for a capital and its small letter. */
static const char vietnamese[] = "aaaaaaaaaaaaeeeeeeeeiioooooooooooouuuuuuuyyyy";

_Static_assert(sizeof vietnamese == (0x1efa - 0x1ea0) / 2 + 1, "one for each pair");

/* Those that no range holds: Vietnamese horns, Romanian commas, Greek accents and the last sigma.
 */
static const struct {
    uint16_t from, to;
} strays[] = {
    {0x1a0, 'o'},   {0x1a1, 'o'},   {0x1af, 'u'},   {0x1b0, 'u'},   {0x218, 's'},   {0x219, 's'},
    {0x21a, 't'},   {0x21b, 't'},   {0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9},
    {0x38c, 0x3bf}, {0x38e, 0x3c5}, {0x38f, 0x3c9}, {0x390, 0x3b9}, {0x3aa, 0x3b9}, {0x3ab, 0x3c5},
    {0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7}, {0x3af, 0x3b9}, {0x3b0, 0x3c5}, {0x3c2, 0x3c3},
    {0x3ca, 0x3b9}, {0x3cb, 0x3c5}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5}, {0x3ce, 0x3c9},
};

static uint32_t plain(uint32_t c)
{
    if (c >= 0xc0 && c <= 0x17f)
        return (unsigned char)latin[c - 0xc0];
    if (c >= 0x1ea0 && c <= 0x1ef9)
        return (unsigned char)vietnamese[(c - 0x1ea0) / 2];
    for (size_t i = 0; c < 0x400 && i < sizeof strays / sizeof strays[0]; i++)
        if (strays[i].from == c)
            return strays[i].to;
    if (c >= 0x391 && c <= 0x3a9)
        return c + 0x20;
    if (c >= 0x400 && c <= 0x42f)
        c += c < 0x410 ? 0x50 : 0x20;
    return c == 0x451 ? 0x435 : c; /* yo is written ye as often as not */
}

/* Vowel signs that most writers leave out. */
static bool is_point(uint32_t c)
{
    return (c >= 0x591 && c <= 0x5c7) || (c >= 0x64b && c <= 0x652) || c == 0x640;
}

static bool is_letter(uint32_t c)
{
    return (c >= 0x3b1 && c <= 0x3c9) || (c >= 0x430 && c <= 0x4ff) || /* Greek, Cyrillic */
           (c >= 0x5d0 && c <= 0x5ea) || (c >= 0x620 && c <= 0x64a) || /* Hebrew, Arabic */
           (c >= 0x671 && c <= 0x6d3) ||                               /* Persian, Urdu */
           (c >= 0x900 && c <= 0x963) || (c >= 0x10d0 && c <= 0x10fa); /* Devanagari, Georgian */
}

enum mc_reply_letter mc_reply_letter_read(uint32_t c, char out[4], size_t *len)
{
    *len = 0;
    if ((c >= 0x300 && c <= 0x36f) || is_point(c))
        return MC_LETTER_SILENT; /* an accent written apart */
    if ((c >= 0xe00 && c <= 0xe4e) || (c >= 0x3040 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3))
        return MC_LETTER_WORD;
    uint32_t letter = plain(c);
    if (letter == '*')
        return MC_LETTER_SILENT;
    if (letter < 0x80) {
        out[(*len)++] = (char)letter;
    } else if (!is_letter(letter)) {
        return MC_LETTER_NONE;
    } else if (letter < 0x800) {
        out[(*len)++] = (char)(0xc0 | letter >> 6);
        out[(*len)++] = (char)(0x80 | (letter & 0x3f));
    } else {
        out[(*len)++] = (char)(0xe0 | letter >> 12);
        out[(*len)++] = (char)(0x80 | (letter >> 6 & 0x3f));
        out[(*len)++] = (char)(0x80 | (letter & 0x3f));
    }
    return MC_LETTER_PART;
}
