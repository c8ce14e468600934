#include "bounce/from_line.h"

#include "bounce/judge.h"
#include "bounce/mime.h"

#define MMDF_LINE "\1\1\1\1"
#define LINE_MAX  1000 /* of a From_ line, and of the field after it */

static struct mc_span behind(struct mc_span text, size_t used)
{
    return mc_span(text.at + used, text.len - used);
}

static bool has_time(struct mc_span line)
{
    for (size_t i = 5; i + 5 < line.len; i++)
        if (line.at[i] == ' ' && line.at[i + 3] == ':' && mc_is_digit(line.at[i + 1]) &&
            mc_is_digit(line.at[i + 2]) && mc_is_digit(line.at[i + 4]))
            return true;
    return false;
}

static bool is_field(struct mc_span line)
{
    size_t i = 0;
    while (i < line.len && line.at[i] > ' ' && line.at[i] != ':')
        i++;
    return (i && i < line.len && line.at[i] == ':') || mc_bounce_starts(line, ">From ");
}

/* "From somebody Mon Jan  1 00:00:00 2026": a time of day and a field after it, or it is text. */
static bool is_from_line(struct mc_span rest, bool timed)
{
    if (rest.len < 5 || memcmp(rest.at, "From ", 5) != 0)
        return false;
    struct mc_span line = mc_bounce_line(&rest);
    return (!timed || has_time(line)) && is_field(mc_bounce_line(&rest));
}

bool mc_separator_detect(struct mc_span text, struct mc_separator *separator)
{
    *separator = (struct mc_separator){.mmdf = mc_bounce_starts(text, MMDF_LINE)};
    if (separator->mmdf)
        return true;
    separator->timed = is_from_line(text, true);
    return separator->timed || is_from_line(text, false);
}

/* MMDF closes each message and opens the next. */
size_t mc_separator_length(struct mc_span text, const struct mc_separator *separator)
{
    struct mc_span rest = text;
    if (!separator->mmdf) {
        if (is_from_line(text, separator->timed))
            mc_bounce_line(&rest);
        return text.len - rest.len;
    }
    while (mc_bounce_starts(rest, MMDF_LINE))
        mc_bounce_line(&rest);
    return text.len - rest.len;
}

static bool is_separator(struct mc_span text, const struct mc_separator *separator)
{
    return separator->mmdf ? mc_bounce_starts(text, MMDF_LINE)
                           : is_from_line(text, separator->timed);
}

/* Two whole lines, by which a separator is known. */
static bool has_two_lines(struct mc_span text)
{
    const char *end = memchr(text.at, '\n', text.len < LINE_MAX ? text.len : LINE_MAX);
    if (!end)
        return text.len >= LINE_MAX;
    struct mc_span next = behind(text, (size_t)(end - text.at) + 1);
    return next.len >= LINE_MAX || (next.len && memchr(next.at, '\n', next.len));
}

/* The letter is rarer than line ends are. */
bool mc_separator_find(struct mc_span text, const struct mc_separator *separator, bool whole,
                       size_t *from)
{
    char first = separator->mmdf ? '\1' : 'F';
    const char *at;
    for (size_t i = *from; i < text.len && (at = memchr(text.at + i, first, text.len - i)); i++) {
        i = (size_t)(at - text.at);
        struct mc_span rest = behind(text, i);
        if (i && at[-1] != '\n')
            continue;
        if (!whole && !has_two_lines(rest)) { /* it may become one */
            *from = i;
            return false;
        }
        if (is_separator(rest, separator)) {
            *from = i;
            return true;
        }
    }
    *from = text.len;
    return false;
}

/* Where the body starts, 0 where the header's end is not there. */
static size_t body_start(struct mc_span text, bool *counted)
{
    for (size_t i = 0; i < text.len;) {
        const char *end = memchr(text.at + i, '\n', text.len - i);
        size_t line = end ? (size_t)(end - text.at) - i : 0;
        if (!end)
            return 0;
        *counted = *counted || mc_bounce_starts(mc_span(text.at + i, line), "Content-Length:");
        if (!line || (line == 1 && text.at[i] == '\r'))
            return i + line + 1;
        i += line + 1;
    }
    return 0;
}

enum mc_counted mc_counted_end(struct mc_span text, const struct mc_separator *separator,
                               bool whole, size_t *end)
{
    bool counted = false;
    size_t head = body_start(text, &counted), length = 0;
    if (!head)
        return whole || text.len > MC_MESSAGE_MAX ? MC_COUNTED_NO : MC_COUNTED_LATER;
    if (!counted)
        return MC_COUNTED_NO;
    struct mc_span value = mc_header(mc_span(text.at, head), "Content-Length");
    for (size_t i = 0; i < value.len; i++) {
        if (!mc_is_digit(value.at[i]) || length > MC_MESSAGE_MAX)
            return MC_COUNTED_NO;
        length = length * 10 + (size_t)(value.at[i] - '0');
    }
    if (!length || head + length > MC_MESSAGE_MAX)
        return MC_COUNTED_NO;
    size_t at = head + length;
    while (at < text.len && (text.at[at] == '\n' || text.at[at] == '\r'))
        at++;
    if (at >= text.len || !has_two_lines(behind(text, at))) {
        if (!whole)
            return MC_COUNTED_LATER;
        if (at > text.len)
            return MC_COUNTED_NO;
    }
    *end = at;
    return at == text.len || is_separator(behind(text, at), separator) ? MC_COUNTED_YES
                                                                       : MC_COUNTED_NO;
}
