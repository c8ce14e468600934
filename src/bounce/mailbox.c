#include "bounce/mailbox.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "bounce/from_line.h"
#include "bounce/judge.h"
#include "bounce/mail_log.h"
#include "bounce/report.h"
#include "bounce/webhook.h"

#define LINE_BYTES_MAX (1u << 20)
#define JSON_BYTES_MAX (16u << 20) /* of one event */
#define LOOK_BYTES     (64u << 10) /* by which the kind must be clear */
#define LOOK_LINES     40
#define NAME_BYTES     4200
#define FROM_LINE_MAX  1000

/* "NAME:7", with a NUL behind it. */
static struct mc_span numbered(const char *name, uint64_t number, char *out, size_t size)
{
    char digits[20];
    size_t len = strnlen(name, size - sizeof digits - 2), at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    memcpy(out, name, len);
    out[len++] = ':';
    memcpy(out + len, digits + at, sizeof digits - at);
    len += sizeof digits - at;
    out[len] = '\0';
    return mc_span(out, len);
}

bool mc_mailbox_complain(struct mc_mailbox *mailbox, const char *name, const char *what)
{
    mc_log(MC_LOG_WARNING, "%s: %s", name, what);
    mailbox->counts->damaged++;
    return false;
}

static struct mc_span behind(struct mc_span text, size_t used)
{
    return mc_span(text.at + used, text.len - used);
}

/* ---- messages ---- */

static void read_message(struct mc_mailbox *mailbox, struct mc_span raw, struct mc_span source)
{
    uint64_t no_reports = mailbox->counts->no_reports;
    mc_mime_read(raw, &mailbox->message);
    mc_report_read(&mailbox->message, source, mailbox->sink, mailbox->counts);
    if (mc_message_is_cut(&mailbox->message))
        mc_log(MC_LOG_WARNING, "%.*s: too large or too many parts: only its beginning is read",
               (int)source.len, source.at);
    if (mailbox->counts->no_reports > no_reports)
        mc_log(MC_LOG_INFO, "%.*s: no report", (int)source.len, source.at);
}

/* The end of the message at the window's start: where the next one's separator is. A message that
 * is cut has more behind it. */
static size_t message_end(struct mc_input *input, const struct mc_separator *separator, bool *cut)
{
    size_t from = 0, end = 0;
    bool counting = !separator->mmdf;
    *cut = false;
    for (;;) {
        struct mc_span window = mc_input_window(input);
        bool whole = input->state != MC_INPUT_OPEN;
        if (counting) {
            enum mc_counted counted = mc_counted_end(window, separator, whole, &end);
            if (counted == MC_COUNTED_YES)
                return end;
            counting = counted == MC_COUNTED_LATER;
        }
        if (!counting && mc_separator_find(window, separator, whole, &from))
            return from;
        if (window.len > MC_MESSAGE_MAX && !counting) {
            *cut = true;
            return MC_MESSAGE_MAX + 1;
        }
        if (!mc_input_more(input) && whole)
            return window.len;
    }
}

/* The rest of a message that was cut. */
static void pass_over(struct mc_input *input, const struct mc_separator *separator)
{
    for (;;) {
        size_t from = 0;
        struct mc_span window = mc_input_window(input);
        bool whole = input->state != MC_INPUT_OPEN;
        bool found = mc_separator_find(window, separator, whole, &from);
        mc_input_drop(input, from);
        if (found || (!mc_input_more(input) && whole))
            return;
    }
}

/* Quoted From_ lines (mboxo, mboxrd) stay quoted: they are text, and no text of a report. */
static void read_mbox(struct mc_mailbox *mailbox, const struct mc_separator *separator)
{
    struct mc_input *input = &mailbox->input;
    char source[NAME_BYTES];
    for (uint64_t number = 1;;) {
        struct mc_span window = mc_input_fill(input, 2 * FROM_LINE_MAX);
        mc_input_drop(input, mc_separator_length(window, separator));
        if (!mc_input_fill(input, 1).len)
            return;
        bool cut;
        size_t end = message_end(input, separator, &cut);
        if (end)
            read_message(mailbox, mc_span(mc_input_window(input).at, end),
                         numbered(mailbox->name, number++, source, sizeof source));
        mc_input_drop(input, end);
        if (cut)
            pass_over(input, separator);
    }
}

/* ---- lines and events ---- */

static bool read_event(struct mc_mailbox *mailbox, struct mc_span json, struct mc_span source)
{
    if (mc_webhook_read(json, source, mailbox->sink, mailbox->counts))
        return true;
    mc_log(MC_LOG_WARNING, "%.*s: no JSON", (int)source.len, source.at);
    mailbox->counts->damaged++;
    return false;
}

static bool is_json(struct mc_span text)
{
    return text.len &&
           (text.at[0] == '{' ||
            (text.at[0] == '[' && mc_bounce_starts(mc_bounce_trim(behind(text, 1)), "{")));
}

void mc_mailbox_read_line(struct mc_mailbox *mailbox, struct mc_span line, const char *name,
                          uint64_t number)
{
    char source[NAME_BYTES];
    struct mc_span from = numbered(name, number, source, sizeof source);
    line = mc_bounce_trim(line);
    if (is_json(line))
        read_event(mailbox, line, from);
    else
        mc_log_line_read(line, from, &mailbox->deliveries, mailbox->sink, mailbox->counts);
}

static void read_lines(struct mc_mailbox *mailbox)
{
    struct mc_input *input = &mailbox->input;
    char source[NAME_BYTES];
    size_t seen = 0;
    bool skip = false; /* within a line that is too long */
    for (uint64_t number = 1;;) {
        struct mc_span window = mc_input_window(input);
        const char *end =
            window.len > seen ? memchr(window.at + seen, '\n', window.len - seen) : NULL;
        seen = end ? (size_t)(end - window.at) : window.len;
        if (!end && seen <= LINE_BYTES_MAX) {
            if (mc_input_more(input))
                continue;
            window = mc_input_window(input); /* it may have moved for nothing */
        }
        if (!end && !seen)
            return;
        struct mc_span from = numbered(mailbox->name, number, source, sizeof source);
        if (seen <= LINE_BYTES_MAX && !skip)
            mc_log_line_read(mc_span(window.at, seen), from, &mailbox->deliveries, mailbox->sink,
                             mailbox->counts);
        else if (!skip)
            mc_mailbox_complain(mailbox, source, "a line of more than 1 MB is passed over");
        skip = !end;
        number += end != NULL;
        mc_input_drop(input, seen + (end != NULL));
        seen = 0;
    }
}

/* The length of the JSON value at the start: brackets are counted, strings passed over. 0 where its
 * end is not there. */
static size_t json_length(struct mc_span text)
{
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth && !--depth) {
            return i + 1;
        }
    }
    return 0;
}

/* What stands between values of a sequence, or around those of an array. */
static bool next_value(struct mc_input *input)
{
    for (;;) {
        struct mc_span window = mc_input_window(input);
        size_t used = 0;
        while (used < window.len && window.at[used] && strchr("[], \t\r\n\x1e", window.at[used]))
            used++;
        mc_input_drop(input, used);
        if (used < window.len)
            return true;
        if (!mc_input_more(input))
            return false;
    }
}

static void drop_line(struct mc_input *input)
{
    for (;;) {
        struct mc_span window = mc_input_window(input);
        const char *end = window.len ? memchr(window.at, '\n', window.len) : NULL;
        mc_input_drop(input, end ? (size_t)(end - window.at) + 1 : window.len);
        if (end || !mc_input_more(input))
            return;
    }
}

/* The same of the window, which grows until there is an end; counted anew when a line is complete
 * or when there is twice as much. */
static size_t value_end(struct mc_input *input)
{
    for (size_t enough = 0;;) {
        struct mc_span window = mc_input_window(input);
        bool whole = input->state != MC_INPUT_OPEN;
        if (window.at[0] != '{')
            return 0;
        if (whole || window.len >= enough || window.at[window.len - 1] == '\n') {
            size_t len = json_length(window);
            if (len)
                return len;
            enough = window.len * 2;
        }
        if (window.len > JSON_BYTES_MAX || (!mc_input_more(input) && whole))
            return 0;
    }
}

static void read_json(struct mc_mailbox *mailbox)
{
    struct mc_input *input = &mailbox->input;
    char source[NAME_BYTES];
    for (uint64_t number = 1; next_value(input); number++) {
        struct mc_span from = numbered(mailbox->name, number, source, sizeof source), window;
        size_t len = value_end(input);
        window = mc_input_window(input);
        if (len && read_event(mailbox, mc_span(window.at, len), from)) {
            mc_input_drop(input, len);
            continue;
        }
        if (!len)
            mc_mailbox_complain(mailbox, source, "no JSON, or cut short");
        drop_line(input); /* the next line may be sound */
    }
}

/* ---- what is it? ---- */

/* The bytes of which the name of a field may be made. */
static const bool *name_bytes(void)
{
    static bool bytes[256], made;
    for (unsigned c = '!'; c < 0x7f && !made; c++)
        bytes[c] = c != ':' && c != '@';
    made = true;
    return bytes;
}

static bool is_field(struct mc_span line, const bool *name)
{
    size_t i = 0;
    while (i < line.len && name[(unsigned char)line.at[i]])
        i++;
    return i > 1 && i < line.len && line.at[i] == ':' &&
           (i + 1 == line.len || line.at[i + 1] != '/');
}

/* Up to the first empty line; too long a one is cut. */
static bool is_message(struct mc_span text)
{
    const bool *name = name_bytes();
    size_t fields = 0, others = 0;
    struct mc_span rest = text;
    for (size_t i = 0; i < LOOK_LINES && rest.len; i++) {
        struct mc_span line = mc_bounce_line(&rest);
        bool folded = line.len && (line.at[0] == ' ' || line.at[0] == '\t');
        if ((!line.len || line.at[0] <= ' ') && !mc_bounce_trim(line).len)
            break;
        if (!folded && (is_field(line, name) || mc_bounce_starts(line, ">From ")))
            fields++;
        else if (!folded)
            others++;
    }
    text.len -= rest.len;
    return fields > others && !mc_log_has_line(text);
}

static bool is_reply(struct mc_span line)
{
    return line.len > 3 && strchr("245", line.at[0]) && mc_is_digit(line.at[1]) &&
           mc_is_digit(line.at[2]) && (line.at[3] == ' ' || line.at[3] == '-');
}

/* Enough to tell the kind: a line whose kind is plain, the end of a header, many lines. Who writes
 * into a pipe line by line shall not wait for them. */
static bool is_enough(struct mc_span text)
{
    const char *end = text.len ? memchr(text.at, '\n', text.len) : NULL;
    if (!end)
        return text.len >= LOOK_BYTES;
    struct mc_span rest = text, line = mc_bounce_line(&rest);
    if (is_json(line) || mc_log_line_is(line) || is_reply(line))
        return true;
    for (size_t i = 0; i < LOOK_LINES; i++) {
        const char *at = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
        if (!at)
            return text.len >= LOOK_BYTES;
        if (!mc_bounce_trim(mc_bounce_line(&rest)).len)
            return true;
    }
    return true;
}

/* What people drop here that holds no text. */
static const char *refusal(struct mc_span head)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *what;
    } kinds[] = {
        {"\xd0\xcf\x11\xe0", 4,
         "an Outlook message (.msg) or another OLE file: save it as .eml or as text, or run "
         "msgconvert FILE"},
        {"!BDN", 4, "an Outlook data file (.pst): run readpst FILE and read the mbox it makes"},
        {"\x78\x9f\x3e\x22", 4, "a winmail.dat: run tnef FILE"},
        {"\xcf\xad\x12\xfe", 4, "an Outlook Express folder (.dbx): run readdbx"},
        {"PK\003\004", 4, "a zip archive: unpack it first"},
        {"BZh", 3, "compressed by bzip2: bzip2 -dc FILE | mailcheck bounces"},
        {"\xfd\x37zXZ", 5, "compressed by xz: xz -dc FILE | mailcheck bounces"},
        {"\x28\xb5\x2f\xfd", 4, "compressed by zstd: zstd -dc FILE | mailcheck bounces"},
        {"\x1f\x8b", 2, "gzip within gzip: gzip -dc FILE | mailcheck bounces"},
        {"%PDF-", 5, "a PDF document"},
        {"SQLite format 3", 15, "an SQLite database"},
        {"\x7f\x45LF", 4, "a program"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(kinds); i++)
        if (head.len >= kinds[i].len && head.at[0] == kinds[i].magic[0] &&
            !memcmp(head.at, kinds[i].magic, kinds[i].len))
            return kinds[i].what;
    if (head.len > 262 && !memcmp(head.at + 257, "ustar", 5))
        return "a tar archive: unpack it, and name the folder";
    return NULL;
}

static bool refuse(struct mc_mailbox *mailbox, const char *what)
{
    mc_log(MC_LOG_WARNING, "%s is %s", mailbox->name, what);
    mailbox->counts->damaged++;
    return false;
}

/* How reading ended; true where that is no matter. */
static bool ended_well(struct mc_mailbox *mailbox)
{
    switch (mailbox->input.state) {
    case MC_INPUT_OPEN:
    case MC_INPUT_ENDED:
        return true;
    case MC_INPUT_FAILED:
        return mc_mailbox_complain(mailbox, mailbox->name, strerror(mailbox->input.error));
    case MC_INPUT_DAMAGED:
        mc_mailbox_complain(mailbox, mailbox->name,
                            "is damaged or cut short; what could be unpacked is read");
        return true;
    case MC_INPUT_BOMB:
        mc_mailbox_complain(mailbox, mailbox->name,
                            "unpacks to more than text ever does; the rest is passed over");
        return true;
    }
    return true;
}

static bool read_input(struct mc_mailbox *mailbox)
{
    struct mc_input *input = &mailbox->input;
    const char *binary = refusal(mc_input_fill(input, 16));
    do { /* blank lines before all else */
        struct mc_span window = mc_input_window(input);
        size_t blanks = 0;
        while (blanks < window.len && strchr(" \t\r\n", window.at[blanks]))
            blanks++;
        mc_input_drop(input, blanks);
    } while (!mc_input_window(input).len && mc_input_more(input));
    while (!binary && !mc_input_is_whole(input) && !is_enough(mc_input_window(input)) &&
           mc_input_more(input))
        ;
    struct mc_span text = mc_input_window(input);
    struct mc_separator separator;
    binary = binary ? binary : refusal(text);
    if (binary)
        return refuse(mailbox, binary);
    if (mc_separator_detect(text, &separator)) {
        read_mbox(mailbox, &separator);
    } else if (is_json(text)) {
        read_json(mailbox);
    } else if (is_message(text)) {
        text = mc_input_fill(input, MC_MESSAGE_MAX + 1);
        read_message(mailbox, text, mc_span_of(mailbox->name));
    } else {
        read_lines(mailbox);
    }
    return ended_well(mailbox);
}

/* ---- from start to end ---- */

void mc_mailbox_init(struct mc_mailbox *mailbox, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts)
{
    *mailbox = (struct mc_mailbox){.sink = sink, .counts = counts};
    mailbox->input.waiting = sink->waiting;
    mailbox->input.waiting_arg = sink->arg;
}

void mc_mailbox_free(struct mc_mailbox *mailbox)
{
    mc_input_free(&mailbox->input);
    mc_message_free(&mailbox->message);
    mc_deliveries_free(mailbox->deliveries);
}

bool mc_mailbox_read_fd(struct mc_mailbox *mailbox, int fd, const char *name)
{
    mailbox->name = name;
    mc_input_open(&mailbox->input, fd);
    return read_input(mailbox);
}

bool mc_mailbox_read_file(struct mc_mailbox *mailbox, int fd, const char *name)
{
    mailbox->name = name;
    mc_input_open_regular(&mailbox->input, fd);
    return read_input(mailbox);
}

bool mc_mailbox_read(const char *path, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts)
{
    struct mc_mailbox mailbox;
    mc_mailbox_init(&mailbox, sink, counts);
    bool ok = mc_mailbox_read_path(&mailbox, path);
    mc_mailbox_free(&mailbox);
    return ok;
}

void mc_mailbox_read_bytes(struct mc_span bytes, const char *name,
                           const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts)
{
    struct mc_mailbox mailbox;
    mc_mailbox_init(&mailbox, sink, counts);
    mailbox.name = name;
    mc_input_open_bytes(&mailbox.input, bytes);
    read_input(&mailbox);
    mc_mailbox_free(&mailbox);
}
