#include "http/verdict_json.h"

#include "verdict/columns.h"

void mc_json_string(struct mc_text *out, struct mc_span text)
{
    mc_text_add_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t run = at;
        while (run < text.len && (unsigned char)text.at[run] >= 0x20 &&
               (unsigned char)text.at[run] < 0x7f && text.at[run] != '"' && text.at[run] != '\\')
            run++;
        mc_text_add(out, text.at + at, run - at);
        at = run;
        if (at == text.len)
            break;
        unsigned char c = (unsigned char)text.at[at];
        size_t len = c < 0x80 ? 1 : mc_utf8_length(text.at + at, text.len - at);
        if (c == '"' || c == '\\') {
            mc_text_add_char(out, '\\');
            mc_text_add_char(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            mc_text_printf(out, "\\u%04x", c);
        } else if (len) {
            mc_text_add(out, text.at + at, len);
        } else {
            mc_text_add_z(out, "\xef\xbf\xbd");
        }
        at += len ? len : 1;
    }
    mc_text_add_char(out, '"');
}

void mc_verdict_json(struct mc_text *out, const struct mc_result *result, bool is_pending)
{
    char scratch[32];
    bool first = true;
    for (size_t i = 0; i < MC_COLUMN_COUNT; i++) {
        enum mc_column column = (enum mc_column)i;
        if (column == MC_COLUMN_DUPLICATE_OF) /* of a list */
            continue;
        struct mc_span name = mc_column_name(column);
        struct mc_span value = mc_column_value(column, result, scratch);
        mc_text_add_z(out, first ? "{\"" : ",\"");
        first = false;
        mc_text_add(out, name.at + 3, name.len - 3); /* "mc_" */
        mc_text_add_z(out, "\":");
        if (!value.len)
            mc_text_add_z(out, "null");
        else if (mc_column_type(column) == MC_COLUMN_TEXT)
            mc_json_string(out, value);
        else
            mc_text_add_span(out, value);
    }
    mc_text_add_z(out, is_pending ? ",\"pending\":true}" : "}");
}
