#include "csv/jsonl_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "csv/writer.h"

struct mc_jsonl_out {
    const struct mc_dialect *dialect;
    struct mc_columns columns;
    struct mc_cells cells;
    struct mc_text names; /* all keys, each as "name": with its quotes */
    struct name {
        size_t at, len;
    } * name;
    size_t name_count, name_room;
};

/* Windows-1252 from 0x80 to 0x9f, as the WHATWG encoding standard has it; from 0xa0 on a byte is
 * its own character. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
};

static void add_windows_1252(struct mc_text *text, unsigned char byte)
{
    unsigned c = byte < 0xa0 ? windows_1252[byte - 0x80] : byte;
    if (c >= 0x800)
        mc_text_add_char(text, (char)(0xe0 | c >> 12));
    mc_text_add_char(text, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6));
    mc_text_add_char(text, (char)(0x80 | (c & 0x3f)));
}

static void add_escape(struct mc_text *text, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *known = c ? strchr(plain, c) : NULL;
    if (known) {
        mc_text_add_char(text, '\\');
        mc_text_add_char(text, letter[known - plain]);
    } else {
        mc_text_printf(text, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static bool is_utf8(struct mc_span value)
{
    for (size_t at = 0, len; at < value.len; at += len) {
        len =
            (unsigned char)value.at[at] < 0x80 ? 1 : mc_utf8_length(value.at + at, value.len - at);
        if (len == 0)
            return false;
    }
    return true;
}

/* The bytes of a JSON string without its quotes. A value is UTF-8 as a whole, or not at all. From
 * UTF-16 the only bytes that are no UTF-8 are unpaired surrogates: U+FFFD. */
static void add_string(struct mc_text *text, struct mc_span value, bool from_utf16)
{
    size_t at = 0;
    bool utf8 = true, looked = false;
    while (at < value.len) {
        size_t run = at;
        while (run < value.len && is_plain(value.at[run]))
            run++;
        mc_text_add(text, value.at + at, run - at);
        at = run;
        if (at == value.len)
            break;
        if (!((unsigned char)value.at[at] & 0x80)) {
            add_escape(text, value.at[at++]);
            continue;
        }
        if (!looked)
            utf8 = is_utf8(value);
        looked = true;
        size_t len = utf8 || from_utf16 ? mc_utf8_length(value.at + at, value.len - at) : 0;
        if (len > 0) {
            mc_text_add(text, value.at + at, len);
            at += len;
        } else if (from_utf16) {
            mc_text_add_z(text, "\xef\xbf\xbd");
            at += value.len - at < 3 ? value.len - at : 3;
        } else {
            add_windows_1252(text, (unsigned char)value.at[at++]);
        }
    }
}

static void add_value(struct mc_text *text, enum mc_column_type type, struct mc_span value)
{
    if (value.len == 0)
        value = mc_span("null", 4);
    else if (type == MC_COLUMN_TEXT) {
        mc_text_add_char(text, '"');
        add_string(text, value, false);
        mc_text_add_char(text, '"');
        return;
    }
    mc_text_add_span(text, value);
}

static void add_result(struct mc_text *text, const struct mc_columns *columns,
                       const struct mc_result *result, bool is_first)
{
    for (size_t i = 0; i < columns->count; i++, is_first = false) {
        enum mc_column column = columns->column[i];
        struct mc_span name = mc_column_name(column);
        char scratch[32], *start = mc_text_reserve(text, name.len + 4), *to = start;
        if (!is_first)
            *to++ = ',';
        *to++ = '"';
        memcpy(to, name.at, name.len);
        to += name.len;
        *to++ = '"';
        *to++ = ':';
        text->len += (size_t)(to - start);
        add_value(text, mc_column_type(column), mc_column_value(column, result, scratch));
    }
}

void mc_json_result(struct mc_text *out, const struct mc_columns *columns,
                    const struct mc_result *result)
{
    mc_text_add_char(out, '{');
    add_result(out, columns, result, true);
    mc_text_add_z(out, "}\n");
}

void mc_json_answer(struct mc_text *out, struct mc_span asked, const struct mc_columns *columns,
                    const struct mc_result *result)
{
    mc_text_add_z(out, "{\"address\":\"");
    add_string(out, asked, false);
    mc_text_add_char(out, '"');
    add_result(out, columns, result, false);
    mc_text_add_z(out, "}\n");
}

static bool has_name(const struct mc_jsonl_out *out, struct mc_span quoted)
{
    for (size_t i = 0; i < out->name_count; i++)
        if (mc_span_equal(mc_span(out->names.at + out->name[i].at, out->name[i].len), quoted))
            return true;
    return false;
}

/* `stem` (a JSON string without quotes), or with _2, _3... what no earlier cell is called. */
static void add_name(struct mc_jsonl_out *out, struct mc_span stem)
{
    struct mc_text quoted = {0};
    for (unsigned n = 1; n == 1 || has_name(out, mc_text_span(&quoted)); n++) {
        quoted.len = 0;
        mc_text_add_char(&quoted, '"');
        mc_text_add_span(&quoted, stem);
        if (n > 1)
            mc_text_printf(&quoted, "_%u", n);
        mc_text_add_z(&quoted, "\":");
    }
    out->name = mc_grow(out->name, out->name_count, &out->name_room, sizeof *out->name);
    out->name[out->name_count++] = (struct name){out->names.len, quoted.len};
    mc_text_add_span(&out->names, mc_text_span(&quoted));
    mc_text_free(&quoted);
}

static void add_number_name(struct mc_jsonl_out *out)
{
    char name[24];
    int len = snprintf(name, sizeof name, "c%zu", out->name_count + 1);
    add_name(out, mc_span(name, (size_t)len));
}

static void read_header(struct mc_jsonl_out *out, const struct mc_row *row)
{
    size_t count = mc_cells_split(&out->cells, row, out->dialect);
    struct mc_text stem = {0};
    for (size_t i = 0; i < count; i++) {
        stem.len = 0;
        add_string(&stem, out->cells.cell[i], out->dialect->encoding != MC_ENCODING_UTF8);
        if (stem.len > 0)
            add_name(out, mc_text_span(&stem));
        else
            add_number_name(out);
    }
    mc_text_free(&stem);
}

struct mc_jsonl_out *mc_jsonl_out_new(const struct mc_dialect *dialect,
                                      const struct mc_columns *columns)
{
    struct mc_jsonl_out *out = mc_calloc(1, sizeof *out);
    out->dialect = dialect;
    out->columns = *columns;
    return out;
}

void mc_jsonl_out_free(struct mc_jsonl_out *out)
{
    if (!out)
        return;
    mc_cells_free(&out->cells);
    mc_text_free(&out->names);
    free(out->name);
    free(out);
}

static bool is_ours(const struct mc_dialect *dialect, size_t cell, uint32_t *next_ours)
{
    if (*next_ours == dialect->ours_count || dialect->ours[*next_ours] != cell)
        return false;
    ++*next_ours;
    return true;
}

void mc_jsonl_out_row(struct mc_jsonl_out *out, struct mc_text *text, const struct mc_row *row,
                      const struct mc_result *result)
{
    const struct mc_dialect *dialect = out->dialect;
    bool from_utf16 = dialect->encoding != MC_ENCODING_UTF8;
    uint32_t next_ours = 0;
    if (row->is_header)
        read_header(out, row);
    if (row->is_header || row->is_blank)
        return;
    MC_ASSERT(result);
    size_t count = mc_cells_split(&out->cells, row, dialect);
    size_t width = count > dialect->header_cells ? count : dialect->header_cells;
    while (out->name_count < width)
        add_number_name(out);
    bool is_first = true;
    mc_text_add_char(text, '{');
    for (size_t i = 0; i < width; i++) {
        if (is_ours(dialect, i, &next_ours))
            continue;
        if (!is_first)
            mc_text_add_char(text, ',');
        mc_text_add(text, out->names.at + out->name[i].at, out->name[i].len);
        mc_text_add_char(text, '"');
        if (i < count)
            add_string(text, out->cells.cell[i], from_utf16);
        mc_text_add_char(text, '"');
        is_first = false;
    }
    add_result(text, &out->columns, result, is_first);
    mc_text_add(text, "}\n", 2);
}
