#include "address/idna.h"

#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/text.h"

#define LABEL_MAX     63
#define RAW_LABEL_MAX 1024 /* a U-label may be far longer than its A-label */

static bool is_ascii(struct mc_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    return true;
}

static bool is_utf8(struct mc_span text)
{
    for (size_t i = 0, n; i < text.len; i += n)
        if (!(n = mc_utf8_length(text.at + i, text.len - i)))
            return false;
    return true;
}

/* The dot that ends a label, as IDNA writes it (RFC 3490 3.1): . U+3002 U+FF0E U+FF61. */
static size_t dot_length(struct mc_span text)
{
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};
    if (text.at[0] == '.')
        return 1;
    for (size_t i = 0; i < MC_ARRAY_LEN(wide); i++)
        if (text.len >= 3 && memcmp(text.at, wide[i], 3) == 0)
            return 3;
    return 0;
}

static const char *complaint_of(int result)
{
    switch (result) {
    case IDN2_TOO_BIG_LABEL:
    case IDN2_TOO_BIG_DOMAIN:
    case IDN2_PUNYCODE_BIG_OUTPUT:
        return "a part of the domain is longer than 63 octets";
    case IDN2_HYPHEN_STARTEND:
        return "a part of the domain starts or ends with a hyphen";
    case IDN2_BIDI:
        return "the domain mixes writing directions in a way that IDNA forbids";
    default:
        return "the domain holds a character that IDNA2008 does not allow";
    }
}

/* One non-ASCII label, or one that claims to be an A-label. */
static const char *convert(struct mc_span label, struct mc_text *out)
{
    char raw[RAW_LABEL_MAX + 1];
    uint8_t *ascii = NULL;
    if (label.len > RAW_LABEL_MAX || memchr(label.at, '\0', label.len))
        return "the domain holds a character that IDNA2008 does not allow";
    memcpy(raw, label.at, label.len);
    raw[label.len] = '\0';
    /* Without the round trip an A-label passes that IDNA2008 would not make anew but DNS may well
     * hold (emoji); RFC 5891 5.4 leaves that test to the application. */
    int result = idn2_lookup_u8((const uint8_t *)raw, &ascii,
                                IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_NO_ALABEL_ROUNDTRIP);
    if (result == IDN2_OK)
        mc_text_add_z(out, (const char *)ascii);
    idn2_free(ascii);
    return result == IDN2_OK ? NULL : complaint_of(result);
}

/* A label that is no UTF-8 comes from a Windows-1252 or Latin-1 export. Letters alone are read:
 * those are the same in both. */
static bool read_latin1(struct mc_span label, struct mc_text *utf8)
{
    for (size_t i = 0; i < label.len; i++) {
        unsigned char c = (unsigned char)label.at[i];
        if (c >= 0x80 && c < 0xc0)
            return false;
        if (c >= 0xc0)
            mc_text_add_char(utf8, (char)(0xc0 | c >> 6));
        mc_text_add_char(utf8, c < 0x80 ? (char)c : (char)(0x80 | (c & 0x3f)));
    }
    return true;
}

static const char *read_label(struct mc_span label, struct mc_text *out)
{
    const char *complaint = "the domain is not valid UTF-8";
    bool a_label = label.len >= 4 && mc_span_equal_nocase(mc_span(label.at, 4), mc_span("xn--", 4));
    if (is_ascii(label) && !a_label) {
        mc_text_add_span(out, label);
        return NULL;
    }
    if (is_utf8(label))
        return convert(label, out);
    struct mc_text utf8 = {0};
    if (read_latin1(label, &utf8))
        complaint = convert(mc_text_span(&utf8), out);
    mc_text_free(&utf8);
    return complaint;
}

static const char *read_labels(struct mc_span raw, struct mc_text *out)
{
    for (size_t start = 0, at = 0; at < raw.len;) {
        size_t dot = 0;
        while (at < raw.len && !(dot = dot_length(mc_span(raw.at + at, raw.len - at))))
            at++;
        const char *complaint = read_label(mc_span(raw.at + start, at - start), out);
        if (complaint)
            return complaint;
        if (out->len > MC_DOMAIN_MAX + 1)
            return "the domain is longer than 253 octets";
        if (dot)
            mc_text_add_char(out, '.');
        start = at += dot;
    }
    return NULL;
}

static const char *check_label(struct mc_span label)
{
    if (!label.len)
        return "there is an empty part in the domain (two dots in a row, or one at its start)";
    if (label.len > LABEL_MAX)
        return "a part of the domain is longer than 63 octets";
    if (label.at[0] == '-' || label.at[label.len - 1] == '-')
        return "a part of the domain starts or ends with a hyphen";
    for (size_t i = 0; i < label.len; i++) {
        char c = label.at[i];
        if (c == ' ' || c == '\t')
            return "there is white space in the domain";
        if (c == '_')
            return "an underscore cannot be part of a mail domain";
        if (c != '-' && !mc_is_digit(c) && !(c >= 'a' && c <= 'z'))
            return "there is a character in the domain that no host name has";
    }
    return NULL;
}

static bool is_number(struct mc_span label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!mc_is_digit(label.at[i]))
            return false;
    return true;
}

/* The rules of host names (RFC 1123 2.1, RFC 5321 4.1.2), over the mapped name: mapping and
 * Punycode let other ASCII characters through. */
static const char *check_name(struct mc_span name)
{
    size_t labels = 0, start = 0;
    bool numeric = false;
    for (size_t at = 0; at <= name.len; at++) {
        if (at < name.len && name.at[at] != '.')
            continue;
        struct mc_span label = mc_span(name.at + start, at - start);
        const char *complaint = check_label(label);
        if (complaint)
            return complaint;
        numeric = is_number(label);
        labels++;
        start = at + 1;
    }
    if (labels < 2)
        return "the domain has no dot";
    if (numeric)
        return "the domain ends in a number";
    return name.len > MC_DOMAIN_MAX ? "the domain is longer than 253 octets" : NULL;
}

const char *mc_domain_read(struct mc_span raw, char *out, size_t *len)
{
    if (!raw.len)
        return "there is nothing after the at-sign";
    if (raw.at[0] == '[')
        return "an address literal is no list address";
    if (memchr(raw.at, '(', raw.len) || memchr(raw.at, ')', raw.len))
        return "a comment may only stand at the end";
    struct mc_text name = {0};
    const char *complaint = read_labels(raw, &name);
    for (size_t i = 0; i < name.len; i++)
        name.at[i] = mc_ascii_lower(name.at[i]);
    /* one trailing dot is how DNS writes a full name, or the end of a sentence */
    if (name.len > 1 && name.at[name.len - 1] == '.')
        name.len--;
    if (!complaint)
        complaint = check_name(mc_text_span(&name));
    if (!complaint) {
        memcpy(out, name.at, name.len);
        *len = name.len;
    }
    mc_text_free(&name);
    return complaint;
}
