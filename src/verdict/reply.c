#include "verdict/reply.h"

/* Longer than any first line of a mail server that does not begin with a code. */
#define GARBAGE_MAX 512

void mc_reply_start(struct mc_reply_parser *parser, struct mc_reply *reply)
{
    *parser = (struct mc_reply_parser){.reply = reply};
    reply->code = 0;
    reply->class = 0;
    reply->subject = 0;
    reply->detail = 0;
    reply->text_len = 0;
}

/* The code at the start of a line, 0 where there is none: three digits, 200 to 599, and then a
 * minus sign, a blank of any kind, a colon or nothing. */
static uint16_t code_of(const char *at, size_t len)
{
    if (len < 3 || at[0] < '2' || at[0] > '5' || !mc_is_digit(at[1]) || !mc_is_digit(at[2]))
        return 0;
    if (len > 3 && at[3] != ' ' && at[3] != '-' && at[3] != ':' && at[3] != '\t' && at[3] != '\r')
        return 0;
    return (uint16_t)((at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0'));
}

/* One to three digits at *i; false where there are none or more. */
static bool small_number(struct mc_span text, size_t *i, uint16_t *number)
{
    size_t start = *i;
    unsigned n = 0;
    while (*i < text.len && *i - start < 4 && mc_is_digit(text.at[*i]))
        n = n * 10 + (unsigned)(text.at[(*i)++] - '0');
    *number = (uint16_t)n;
    return *i > start && *i - start <= 3;
}

/* Takes "5.1.1" at the start of a line, "#5.1.1" and "(#5.1.1)" too, if its class agrees with the
 * code's: a proxy that turns 550 into 450 leaves a 5.1.1 that is no longer true. */
static void read_enhanced(struct mc_span line, struct mc_reply *reply)
{
    uint16_t subject, detail;
    size_t i = 0;
    while (i < line.len && (line.at[i] == ' ' || line.at[i] == '#' || line.at[i] == '(' ||
                            line.at[i] == '\'' || line.at[i] == '"'))
        i++;
    if (reply->class || i + 5 > line.len || line.at[i + 1] != '.')
        return;
    char class = line.at[i];
    if (class != '2' && class != '4' && class != '5')
        return;
    if (reply->code && class - '0' != reply->code / 100)
        return;
    i += 2;
    if (!small_number(line, &i, &subject) || i >= line.len || line.at[i++] != '.' ||
        !small_number(line, &i, &detail))
        return;
    /* 5.1.1.2 would be an address, 5.1.1x something else */
    if (i < line.len &&
        (line.at[i] == '.' ? i + 1 < line.len && mc_is_digit(line.at[i + 1])
                           : (line.at[i] | 0x20) >= 'a' && (line.at[i] | 0x20) <= 'z'))
        return;
    reply->class = (uint8_t)(class - '0');
    reply->subject = subject;
    reply->detail = detail;
}

/* A line may hold several that were ended by a bare CR: "550-a\r550 b". Splits them in place and
 * returns the separator of the last. */
static char split_at_bare_cr(struct mc_reply *reply, size_t from, char separator)
{
    size_t to = from;
    if (!memchr(reply->text + from, '\r', (size_t)reply->text_len - from))
        return separator;
    for (size_t i = from; i < reply->text_len; i++) {
        char *at = reply->text + i;
        if (*at != '\r') {
            reply->text[to++] = *at;
        } else if (separator == '-' && code_of(at + 1, reply->text_len - i - 1) == reply->code) {
            separator = reply->text_len - i - 1 > 3 ? at[4] : ' ';
            reply->text[to++] = '\n';
            i += reply->text_len - i - 1 > 3 ? 4 : 3;
        } else {
            reply->text[to++] = ' ';
        }
    }
    reply->text_len = (uint16_t)to;
    return separator;
}

static enum mc_reply_state fail(struct mc_reply *reply, enum mc_reply_state state)
{
    reply->code = 0;
    reply->class = 0;
    return state;
}

static void store(struct mc_reply *reply, const char *at, size_t len)
{
    size_t room = MC_REPLY_TEXT_MAX - reply->text_len;
    if (len > room)
        len = room;
    memcpy(reply->text + reply->text_len, at, len);
    reply->text_len = (uint16_t)(reply->text_len + len);
}

/* The head of a line is known: its fourth byte came, or its end. */
static void begin_text(struct mc_reply_parser *parser)
{
    struct mc_reply *reply = parser->reply;
    if (reply->code)
        store(reply, "\n", 1);
    parser->line_at = reply->text_len;
    if (!code_of(parser->head, parser->head_len)) /* shown as it came */
        store(reply, parser->head, parser->head_len);
}

/* The line is complete but for its LF. */
static enum mc_reply_state end_of_line(struct mc_reply_parser *parser)
{
    struct mc_reply *reply = parser->reply;
    if (parser->head_len < 4)
        begin_text(parser);
    while (reply->text_len > parser->line_at && reply->text[reply->text_len - 1] == '\r')
        reply->text_len--;
    while (parser->head_len && parser->head[parser->head_len - 1] == '\r')
        parser->head_len--;
    parser->line_len = 0;
    if (!parser->head_len) { /* an empty line is no reply and ends none */
        reply->text_len = parser->line_at;
        return MC_REPLY_MORE;
    }
    uint16_t code = code_of(parser->head, parser->head_len);
    if (!code || (reply->code && code != reply->code))
        return fail(reply, MC_REPLY_GARBAGE);
    reply->code = code;
    char separator = parser->head_len > 3 ? parser->head[3] : ' ';
    separator = split_at_bare_cr(reply, parser->line_at, separator);
    read_enhanced(mc_span(reply->text + parser->line_at, (size_t)reply->text_len - parser->line_at),
                  reply);
    parser->head_len = 0;
    return separator == '-' ? MC_REPLY_MORE : MC_REPLY_COMPLETE;
}

/* Takes bytes of one line that hold no LF. */
static enum mc_reply_state take(struct mc_reply_parser *parser, const char *at, size_t len)
{
    struct mc_reply *reply = parser->reply;
    parser->line_len += (uint32_t)len;
    while (len && parser->head_len < 4) {
        parser->head[parser->head_len++] = *at++;
        len--;
        if (parser->head_len == 4)
            begin_text(parser);
    }
    size_t stored = parser->head_len < 4 ? 0 : (size_t)reply->text_len - parser->line_at;
    if (len && stored < MC_REPLY_LINE_MAX)
        store(reply, at, len < MC_REPLY_LINE_MAX - stored ? len : MC_REPLY_LINE_MAX - stored);
    if (parser->line_len > GARBAGE_MAX && !code_of(parser->head, 4))
        return fail(reply, MC_REPLY_GARBAGE);
    return MC_REPLY_MORE;
}

/* Nearly all lines come in one piece, with nothing odd in them: no need to gather them byte by
 * byte. False where this one may be anything else; nothing is taken then. */
static bool take_whole(struct mc_reply_parser *parser, const char *at, size_t len)
{
    struct mc_reply *reply = parser->reply;
    while (len && at[len - 1] == '\r')
        len--;
    if (parser->line_len || len < 4 || (at[3] != ' ' && at[3] != '-') ||
        len > 4 + MC_REPLY_LINE_MAX || reply->text_len + len > MC_REPLY_TEXT_MAX ||
        memchr(at, '\r', len))
        return false;
    uint16_t code = code_of(at, len);
    if (!code || (reply->code && code != reply->code))
        return false;
    if (reply->code)
        reply->text[reply->text_len++] = '\n';
    reply->code = code;
    memcpy(reply->text + reply->text_len, at + 4, len - 4);
    read_enhanced(mc_span(reply->text + reply->text_len, len - 4), reply);
    reply->text_len = (uint16_t)(reply->text_len + len - 4);
    return true;
}

enum mc_reply_state mc_reply_feed(struct mc_reply_parser *parser, const char *bytes, size_t len,
                                  size_t *used)
{
    for (*used = 0; *used < len;) {
        const char *at = bytes + *used;
        const char *line_feed = memchr(at, '\n', len - *used);
        size_t piece = line_feed ? (size_t)(line_feed - at) : len - *used;
        *used += piece + (line_feed != NULL);
        parser->total += (uint32_t)(piece + (line_feed != NULL));
        bool too_long = parser->total > MC_REPLY_TOTAL_MAX;
        if (line_feed && !too_long && take_whole(parser, at, piece)) {
            if (at[3] == ' ')
                return MC_REPLY_COMPLETE;
            continue;
        }
        enum mc_reply_state state = take(parser, at, piece);
        if (state == MC_REPLY_MORE && too_long)
            return fail(parser->reply, MC_REPLY_TOO_LONG);
        if (state == MC_REPLY_MORE && line_feed)
            state = end_of_line(parser);
        if (state != MC_REPLY_MORE)
            return state;
    }
    return MC_REPLY_MORE;
}

/* The next line of `rest`: up to LF, CRLF, bare CR or a literal backslash-n. */
static struct mc_span next_line(struct mc_span *rest)
{
    size_t i = 0, skip = 0;
    for (; i < rest->len; i++) {
        char c = rest->at[i], next = i + 1 < rest->len ? rest->at[i + 1] : '\0';
        skip = c == '\n'                  ? 1
               : c == '\r'                ? (next == '\n' ? 2 : 1)
               : c == '\\' && next == 'n' ? 2
                                          : 0;
        if (skip)
            break;
    }
    struct mc_span line = mc_span(rest->at, i);
    *rest = mc_span(rest->at + i + skip, rest->len - i - skip);
    return line;
}

static struct mc_span trimmed(struct mc_span text)
{
    while (text.len &&
           (text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '"' || text.at[0] == '\''))
        text = mc_span(text.at + 1, text.len - 1);
    while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

void mc_reply_from_text(struct mc_span text, struct mc_reply *reply)
{
    struct mc_reply_parser parser;
    mc_reply_start(&parser, reply);
    text = trimmed(text);
    if (text.len >= 5 && mc_span_equal_nocase(mc_span(text.at, 5), mc_span_of("smtp;")))
        text = trimmed(mc_span(text.at + 5, text.len - 5));
    bool first = true;
    while (text.len) {
        struct mc_span line = trimmed(next_line(&text));
        uint16_t code = code_of(line.at, line.len);
        if (first)
            reply->code = code;
        if (code && code == reply->code) {
            size_t skip = line.len > 3 ? 4 : 3;
            line = mc_span(line.at + skip, line.len - skip);
        }
        if (!first)
            store(reply, "\n", 1);
        first = false;
        read_enhanced(line, reply);
        store(reply, line.at, line.len);
    }
}
