#include "base/text.h"

#include <stdio.h>

#include "base/bytes16.h"
#include "base/memory.h"

void mc_text_grow(struct mc_text *text, size_t extra)
{
    size_t room = text->room + text->room / 2;
    if (room < text->len + extra)
        room = text->len + extra;
    if (room < 64)
        room = 64;
    text->at = mc_realloc(text->at, room);
    text->room = room;
}

void mc_text_add_u64(struct mc_text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    mc_text_add(text, digits + at, sizeof digits - at);
}

void mc_text_vprintf(struct mc_text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, again);
    va_end(again);
    MC_ASSERT(need >= 0);
    char *at = mc_text_reserve(text, (size_t)need + 1);
    vsnprintf(at, (size_t)need + 1, format, args);
    text->len += (size_t)need;
}

void mc_text_printf(struct mc_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mc_text_vprintf(text, format, args);
    va_end(args);
}

const char *mc_text_z(struct mc_text *text)
{
    *mc_text_reserve(text, 1) = '\0';
    return text->at;
}

void mc_text_free(struct mc_text *text)
{
    free(text->at);
    *text = (struct mc_text){0};
}

bool mc_parse_u64(struct mc_span digits, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;
    if (!digits.len)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!mc_is_digit(digits.at[i]))
            return false;
        uint64_t digit = (uint64_t)(digits.at[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (n > max)
        return false;
    *number = n;
    return true;
}

size_t mc_utf8_length(const char *at, size_t len)
{
    const unsigned char *b = (const unsigned char *)at;
    if (!len)
        return 0;
    if (b[0] < 0x80)
        return 1;
    size_t need = b[0] >= 0xc2 && b[0] <= 0xdf   ? 2
                  : b[0] >= 0xe0 && b[0] <= 0xef ? 3
                  : b[0] >= 0xf0 && b[0] <= 0xf4 ? 4
                                                 : 0;
    if (!need || need > len)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return need;
}

/* How many bytes from here on are printable ASCII: nearly always all of them. */
static size_t plain_run(struct mc_span bytes)
{
    size_t run = 0;
    while (run + MC_BYTES16 <= bytes.len) {
        uint64_t plain = mc_bytes16_among(mc_bytes16_load(bytes.at + run), ' ', '~');
        if (plain != 0xffff)
            return run + (size_t)__builtin_ctzll(~plain);
        run += MC_BYTES16;
    }
    while (run < bytes.len && bytes.at[run] >= ' ' && bytes.at[run] <= '~')
        run++;
    return run;
}

void mc_text_add_printable(struct mc_text *text, struct mc_span bytes, size_t limit)
{
    size_t added = 0;
    for (size_t i = 0; i < bytes.len;) {
        size_t room = limit - added, left = bytes.len - i;
        size_t run = plain_run(mc_span(bytes.at + i, left < room ? left : room));
        mc_text_add(text, bytes.at + i, run);
        added += run;
        i += run;
        if (i == bytes.len)
            return;
        unsigned char c = (unsigned char)bytes.at[i];
        size_t n = mc_utf8_length(bytes.at + i, bytes.len - i);
        /* C1 controls (U+0080 to U+009F) can drive a terminal too */
        bool control =
            c < 0x20 || c == 0x7f || (n == 2 && c == 0xc2 && (unsigned char)bytes.at[i + 1] < 0xa0);
        size_t width = n && !control ? n : 1;
        if (added + width > limit)
            return;
        if (c == '\r' || c == '\n' || c == '\t')
            mc_text_add_char(text, ' ');
        else if (!n || control)
            mc_text_add_char(text, '?');
        else
            mc_text_add(text, bytes.at + i, n);
        added += width;
        i += n ? n : 1;
    }
}
