#include "csv/file_kind.h"

#include <stdint.h>
#include <stdio.h>

#include "base/memory.h"

#define SPREADSHEET                                                                                \
    "open it there and save it as CSV (\"CSV UTF-8\" in Excel, \"Text CSV\" in LibreOffice), or "  \
    "run: libreoffice --headless --convert-to csv FILE"
#define PACKED   "unpack it first, or pipe it in: "
#define NOT_TEXT "export the list as CSV or as plain text with one address a line"

static const struct kind {
    const char *magic;
    size_t len;
    const char *what, *advice;
} kinds[] = {
    {"PK\003\004", 4, "a spreadsheet (.xlsx, .ods) or another zip archive", SPREADSHEET},
    {"PK\005\006", 4, "an empty zip archive", SPREADSHEET},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "an old spreadsheet (.xls)", SPREADSHEET},
    {"{\\rtf", 5, "a rich text document", NOT_TEXT},
    {"\x1f\x8b", 2, "compressed by gzip", PACKED "gzip -dc FILE | mailcheck clean"},
    {"BZh91AY&SY", 10, "compressed by bzip2", PACKED "bzip2 -dc FILE | mailcheck clean"},
    {"\xfd\x37zXZ\0", 6, "compressed by xz", PACKED "xz -dc FILE | mailcheck clean"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd", PACKED "zstd -dc FILE | mailcheck clean"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive", PACKED "7z x -so FILE | mailcheck clean"},
    {"Rar!\x1a", 5, "a rar archive", "unpack it first"},
    {"%PDF-", 5, "a PDF document", NOT_TEXT},
    {"SQLite format 3", 16, "an SQLite database",
     "export it: sqlite3 -csv -header FILE 'select ...' | mailcheck clean"},
    {"\x89PNG", 4, "an image", NOT_TEXT},
    {"\xff\xd8\xff", 3, "an image", NOT_TEXT},
    {"GIF89a", 6, "an image", NOT_TEXT},
    {"\x7f"
     "ELF",
     4, "a program", NOT_TEXT},
    {"\xff\xfe\0\0", 4, "UTF-32 text", "save it as UTF-8"},
    {"\0\0\xfe\xff", 4, "UTF-32 text", "save it as UTF-8"},
    {"<!DOCTYPE", 9, "a web page", SPREADSHEET},
    {"<html", 5, "a web page", SPREADSHEET},
    {"<table", 6, "a web page", SPREADSHEET},
    {"<?xml", 5, "an XML document", SPREADSHEET},
};

/* Control bytes that no text has; a stray NUL in a list is let through. */
static bool is_binary(struct mc_span head)
{
    /* bit c: the control byte c is one of those */
    const uint32_t odd = ~(UINT32_C(1) | UINT32_C(0x1f) << '\t' | UINT32_C(1) << 0x1b);
    size_t controls = 0, zeros = 0, len = head.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)head.at[i];
        if (c < 0x20) {
            zeros += c == 0;
            controls += odd >> c & 1;
        }
    }
    return controls * 20 > len || zeros * 3 > len;
}

static bool begins(struct mc_span head, const struct kind *kind)
{
    struct mc_span magic = mc_span(kind->magic, kind->len);
    struct mc_span first = mc_span(head.at, head.len < kind->len ? head.len : kind->len);
    return magic.at[0] == '<' ? mc_span_equal_nocase(first, magic) : mc_span_equal(first, magic);
}

bool mc_file_kind_refuse(struct mc_span head, const char *name, char *error, size_t error_size)
{
    const char *what = NULL, *advice = NOT_TEXT;
    bool bom;
    for (size_t i = 0; i < MC_ARRAY_LEN(kinds) && !what; i++)
        if (begins(head, &kinds[i])) {
            what = kinds[i].what;
            advice = kinds[i].advice;
        }
    if (!what && mc_file_kind_encoding(head, &bom) == MC_ENCODING_UTF8 && is_binary(head))
        what = "no text";
    if (what)
        snprintf(error, error_size, "%s is %s, not a CSV list: %s", name, what, advice);
    return what != NULL;
}

enum mc_encoding mc_file_kind_encoding(struct mc_span head, bool *bom)
{
    const char *at = head.at;
    *bom = true;
    if (head.len >= 2 && at[0] == '\xff' && at[1] == '\xfe')
        return MC_ENCODING_UTF16LE;
    if (head.len >= 2 && at[0] == '\xfe' && at[1] == '\xff')
        return MC_ENCODING_UTF16BE;
    if (head.len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        return MC_ENCODING_UTF8;
    *bom = false;
    if (head.len == 0 || !memchr(at, '\0', head.len))
        return MC_ENCODING_UTF8;
    /* digits, delimiters, line breaks and the at-sign are ASCII in any language: a quarter of
     * one half being zero, and next to nothing of the other, is no accident */
    size_t zeros[2] = {0, 0}, pairs = head.len / 2;
    for (size_t i = 0; i < pairs * 2; i++)
        zeros[i & 1] += at[i] == '\0';
    if (pairs >= 2 && zeros[1] * 4 >= pairs && zeros[0] * 50 <= zeros[1])
        return MC_ENCODING_UTF16LE;
    if (pairs >= 2 && zeros[0] * 4 >= pairs && zeros[1] * 50 <= zeros[0])
        return MC_ENCODING_UTF16BE;
    return MC_ENCODING_UTF8;
}
