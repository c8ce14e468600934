#include "lists/list_file.h"

#include <errno.h>
#include <idn2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <uninorm.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/text.h"
#include "lists/wordset.h"

const struct mc_list_kind mc_list_kinds[] = {
    {"tlds.txt", MC_SET_NAMES, MC_NAME_TLD},
    {"endings.tsv", MC_SET_NAMES, MC_NAME_ENDING},
    {"targets.txt", MC_SET_NAMES, MC_NAME_TARGET},
    {"typos.tsv", MC_SET_NAMES, MC_NAME_TYPO},
    {"free.txt", MC_SET_NAMES, MC_NAME_FREE},
    {"known.txt", MC_SET_NAMES, MC_NAME_KNOWN},
    {"disposable.txt", MC_SET_NAMES, MC_NAME_DISPOSABLE},
    {"allow.txt", MC_SET_NAMES, MC_NAME_ALLOWED},
    {"role.txt", MC_SET_ROLES, MC_ROLE_WORD},
    {"providers.tsv", MC_SET_PROVIDERS, MC_HOST_PROVIDER},
    {"disposable_mx.txt", MC_SET_HOSTS, MC_HOST_DISPOSABLE},
    {"suppress.txt", MC_SET_SUPPRESS, 0},
    {"never.txt", MC_SET_NOTHING, 0},
};
const size_t mc_list_kinds_count = MC_ARRAY_LEN(mc_list_kinds);

static const struct {
    const char *word;
    unsigned flag;
} role_kinds[] = {
    {"modifier", MC_ROLE_MODIFIER}, {"opener", MC_ROLE_OPENER}, {"machine", MC_ROLE_MACHINE},
    {"list_end", MC_ROLE_LIST_END}, {"core", MC_ROLE_CORE},     {"affix", MC_ROLE_AFFIX},
};

static const char *const rcpt_words[] = {
    [MC_RCPT_REFUSES] = "refuses",
    [MC_RCPT_ACCEPTS_ALL] = "accepts_all",
    [MC_RCPT_VARIES] = "varies",
};

enum { NAME_MAX_BYTES = 253, LOCAL_MAX_BYTES = 64, COLUMNS = 12, FIRST_NUMBER = 3 };

struct reader {
    const char *path;
    const struct mc_list_kind *kind;
    mc_list_sink sink;
    void *arg;
    unsigned line;
    long entries;
    char *error;
    size_t error_size;
};

static bool fail(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct reader *reader, const char *format, ...)
{
    struct mc_text text = {0};
    va_list args;
    va_start(args, format);
    mc_text_vprintf(&text, format, args);
    va_end(args);
    struct mc_text shown = {0};
    mc_text_add_printable(&shown, mc_text_span(&text), 300);
    snprintf(reader->error, reader->error_size, "%s:%u: %s", reader->path, reader->line,
             mc_text_z(&shown));
    mc_text_free(&shown);
    mc_text_free(&text);
    return false;
}

static struct mc_span trim(struct mc_span text)
{
    while (text.len > 0 && strchr(" \t\r", text.at[text.len - 1]) != NULL)
        text.len--;
    while (text.len > 0 && strchr(" \t\r", text.at[0]) != NULL)
        text = mc_span(text.at + 1, text.len - 1);
    return text;
}

/* The part of `rest` before `separator`; `rest` becomes what is behind it. */
static struct mc_span cut(struct mc_span *rest, char separator)
{
    const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    struct mc_span part = mc_span(rest->at, len);
    size_t skip = end != NULL ? len + 1 : len;
    *rest = mc_span(rest->at + skip, rest->len - skip);
    return part;
}

static bool is_plain_name(const char *name, size_t len)
{
    size_t label = 0;
    if (len == 0 || len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if ((c >= 'a' && c <= 'z') || mc_is_digit(c) || c == '-' || c == '_') {
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return label > 0;
}

/* Lower case, A-labels, no trailing dot. False where `text` is no domain name. */
static bool normalize_name(struct mc_span text, char out[NAME_MAX_BYTES + 1], size_t *len)
{
    bool ascii = true;
    if (text.len > 0 && text.at[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len > NAME_MAX_BYTES * 2)
        return false;
    for (size_t i = 0; i < text.len; i++)
        ascii = ascii && (unsigned char)text.at[i] < 0x80;
    if (ascii) {
        if (text.len > NAME_MAX_BYTES)
            return false;
        for (size_t i = 0; i < text.len; i++)
            out[i] = mc_ascii_lower(text.at[i]);
        *len = text.len;
    } else {
        char *name = mc_span_dup(text), *encoded = NULL;
        int status = idn2_to_ascii_8z(name, &encoded, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        free(name);
        *len = status == IDN2_OK ? strlen(encoded) : 0;
        if (*len > 0 && *len <= NAME_MAX_BYTES)
            memcpy(out, encoded, *len);
        if (encoded != NULL)
            idn2_free(encoded);
    }
    out[*len <= NAME_MAX_BYTES ? *len : 0] = '\0';
    return is_plain_name(out, *len);
}

static bool emit(struct reader *reader, struct mc_list_entry *entry)
{
    entry->kind = reader->kind;
    reader->entries++;
    reader->sink(reader->arg, entry);
    return true;
}

static bool read_name(struct reader *reader, struct mc_span line)
{
    char name[NAME_MAX_BYTES + 1], meant[NAME_MAX_BYTES + 1];
    struct mc_list_entry entry = {.flags = reader->kind->flags};
    size_t len, meant_len;
    bool with_value = (entry.flags & (MC_NAME_TYPO | MC_NAME_ENDING)) != 0;
    bool is_target = entry.flags == MC_NAME_TARGET;
    bool one_label = (entry.flags & (MC_NAME_TLD | MC_NAME_ENDING)) != 0;
    struct mc_span rest = line;
    struct mc_span first = trim(with_value || is_target ? cut(&rest, '\t') : line);
    if (is_target && mc_span_equal(trim(rest), mc_span_of("exact")))
        entry.flags |= MC_NAME_EXACT;
    else if (is_target && rest.len > 0)
        return fail(reader, "\"exact\" or nothing may stand behind the name");
    if (first.len > 0 && first.at[0] == '-') {
        entry.removed = true;
        first = mc_span(first.at + 1, first.len - 1);
    }
    if (entry.flags == MC_NAME_FREE && first.len > 2 && memcmp(first.at, "*.", 2) == 0) {
        entry.flags = MC_NAME_FREE_BELOW;
        first = mc_span(first.at + 2, first.len - 2);
    }
    if (!normalize_name(first, name, &len) || (!one_label && memchr(name, '.', len) == NULL))
        return fail(reader, "\"%.*s\" is no domain name", (int)first.len, first.at);
    entry.key = mc_span(name, len);
    if (with_value && !entry.removed) {
        struct mc_span value = trim(rest);
        if (!normalize_name(value, meant, &meant_len))
            return fail(reader, "two names are wanted, with a tab between them: what was typed and "
                                "what was meant");
        entry.value = mc_span(meant, meant_len);
    }
    return emit(reader, &entry);
}

static bool read_role(struct reader *reader, struct mc_span line)
{
    char word[LOCAL_MAX_BYTES + 1];
    struct mc_list_entry entry = {.flags = MC_ROLE_WORD};
    struct mc_span rest = line;
    struct mc_span first = cut(&rest, memchr(line.at, '\t', line.len) != NULL ? '\t' : ' ');
    struct mc_span kind = trim(rest);
    if (first.len > 1 && first.at[0] == '-') {
        entry.removed = true;
        first = mc_span(first.at + 1, first.len - 1);
    }
    if (kind.len > 0) {
        size_t i = 0;
        while (i < MC_ARRAY_LEN(role_kinds) && !mc_span_equal(kind, mc_span_of(role_kinds[i].word)))
            i++;
        if (i == MC_ARRAY_LEN(role_kinds))
            return fail(reader, "\"%.*s\" is no kind of word; \"modifier\" is", (int)kind.len,
                        kind.at);
        entry.flags = role_kinds[i].flag;
    }
    if (first.len == 0 || first.len > LOCAL_MAX_BYTES || memchr(first.at, '@', first.len) != NULL)
        return fail(reader, "\"%.*s\" is no local part", (int)first.len, first.at);
    for (size_t i = 0; i < first.len; i++)
        word[i] = mc_ascii_lower(first.at[i]);
    entry.key = mc_span(word, first.len);
    return emit(reader, &entry);
}

/* "mx*.name" stands for one host, its label these letters and perhaps digits; kept as "mx#.name".
 */
static bool normalize_host(struct mc_span text, char out[NAME_MAX_BYTES + 1], size_t *len)
{
    const char *star = text.len > 0 ? memchr(text.at, '*', text.len) : NULL;
    const char *dot = text.len > 0 ? memchr(text.at, '.', text.len) : NULL;
    if (star == NULL)
        return normalize_name(text, out, len) && memchr(out, '.', *len) != NULL;
    if (dot != star + 1 || star == text.at || text.len > NAME_MAX_BYTES)
        return false;
    char plain[NAME_MAX_BYTES + 1];
    memcpy(plain, text.at, text.len);
    plain[star - text.at] = '0';
    if (!normalize_name(mc_span(plain, text.len), out, len))
        return false;
    out[star - text.at] = '#';
    return true;
}

static bool read_host(struct reader *reader, struct mc_span line)
{
    char name[NAME_MAX_BYTES + 1];
    struct mc_list_entry entry = {.flags = reader->kind->flags};
    size_t len;
    if (line.len > 0 && line.at[0] == '-') {
        entry.removed = true;
        line = mc_span(line.at + 1, line.len - 1);
    }
    if (!normalize_host(line, name, &len))
        return fail(reader, "\"%.*s\" is no host name", (int)line.len, line.at);
    entry.key = mc_span(name, len);
    return emit(reader, &entry);
}

static bool read_number(struct reader *reader, struct mc_span text, unsigned n,
                        struct mc_provider_row *row)
{
    uint64_t number;
    if (mc_span_equal(text, mc_span_of("-")))
        return true;
    bool is_gap = n == 1; /* the only column that is a duration */
    if (is_gap ? !mc_duration_parse(text, &number) || number > UINT32_MAX
               : !mc_parse_u64(text, 1000000000, &number))
        return fail(reader, "\"%.*s\" is no %s", (int)text.len, text.at,
                    is_gap ? "duration, such as 500ms" : "number");
    row->numbers[n] = (uint32_t)number;
    row->given |= 1u << n;
    return true;
}

static bool read_provider(struct reader *reader, struct mc_span line)
{
    struct mc_span column[COLUMNS] = {0};
    struct mc_provider_row row = {0};
    char host[NAME_MAX_BYTES + 1];
    size_t len, columns = 0;
    for (struct mc_span rest = line; rest.len > 0 && columns < COLUMNS; columns++)
        column[columns] = trim(cut(&rest, '\t'));
    if (columns != COLUMNS || column[0].len == 0)
        return fail(reader, "%d columns are wanted, with tabs between them; this line has %zu",
                    COLUMNS, columns);
    row.id = column[0];
    row.suffixes = mc_span_equal(column[1], mc_span_of("-")) ? mc_span("", 0) : column[1];
    for (struct mc_span rest = row.suffixes; rest.len > 0;) {
        struct mc_span suffix = cut(&rest, ' ');
        if (suffix.len > 0 && !normalize_host(suffix, host, &len))
            return fail(reader, "\"%.*s\" is no host name", (int)suffix.len, suffix.at);
    }
    if (!mc_span_equal(column[2], mc_span_of("-"))) {
        unsigned policy = 0;
        while (policy < MC_ARRAY_LEN(rcpt_words) &&
               !mc_span_equal(column[2], mc_span_of(rcpt_words[policy])))
            policy++;
        if (policy == MC_ARRAY_LEN(rcpt_words))
            return fail(reader, "\"%.*s\" is none of refuses, accepts_all, varies",
                        (int)column[2].len, column[2].at);
        row.rcpt = (enum mc_rcpt_policy)policy;
        row.rcpt_given = true;
    }
    for (unsigned n = 0; n < COLUMNS - FIRST_NUMBER; n++)
        if (!read_number(reader, column[FIRST_NUMBER + n], n, &row))
            return false;
    struct mc_list_entry entry = {.flags = reader->kind->flags, .key = row.id, .provider = &row};
    emit(reader, &entry);
    for (struct mc_span rest = row.suffixes; rest.len > 0;) {
        struct mc_span suffix = cut(&rest, ' ');
        if (suffix.len == 0 || !normalize_host(suffix, host, &len))
            continue;
        entry = (struct mc_list_entry){.kind = reader->kind,
                                       .flags = reader->kind->flags,
                                       .key = mc_span(host, len),
                                       .value = row.id};
        reader->sink(reader->arg, &entry);
    }
    return true;
}

size_t mc_list_local_key(struct mc_span local, char out[MC_LOCAL_KEY_SIZE])
{
    size_t len = 0;
    bool quoted = local.len >= 2 && local.at[0] == '"' && local.at[local.len - 1] == '"';
    bool needless = quoted;
    if (local.len == 0 || local.len >= MC_LOCAL_KEY_SIZE)
        return 0;
    for (size_t i = quoted; needless && i < local.len - quoted; i++) {
        char c = local.at[i];
        needless = (unsigned char)c > ' ' && c != 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL;
    }
    for (size_t i = needless; i < local.len - needless; i++)
        out[len++] = mc_ascii_lower(local.at[i]);
    return len;
}

static bool read_suppress(struct reader *reader, struct mc_span line)
{
    char key[MC_LOCAL_KEY_SIZE + NAME_MAX_BYTES + 2], name[NAME_MAX_BYTES + 1];
    size_t name_len, len = 0, composed_len = 0;
    struct mc_list_entry entry = {0};
    const char *at = memrchr(line.at, '@', line.len);
    struct mc_span local = mc_span(line.at, at != NULL ? (size_t)(at - line.at) : 0);
    struct mc_span domain = at != NULL ? mc_span(at + 1, line.len - local.len - 1) : line;
    bool fine = normalize_name(domain, name, &name_len) && memchr(name, '.', name_len) != NULL;
    if (fine && local.len > 0) {
        uint8_t *composed =
            u8_normalize(UNINORM_NFC, (const uint8_t *)local.at, local.len, NULL, &composed_len);
        if (composed != NULL)
            len = mc_list_local_key(mc_span((const char *)composed, composed_len), key);
        free(composed);
        fine = len > 0;
        key[len++] = '@';
    }
    if (!fine)
        return fail(reader, "\"%.*s\" is neither an address nor a domain", (int)line.len, line.at);
    memcpy(key + len, name, name_len);
    entry.key = mc_span(key, len + name_len);
    return emit(reader, &entry);
}

static bool read_line(struct reader *reader, struct mc_span line)
{
    switch (reader->kind->set) {
    case MC_SET_NAMES:
        return read_name(reader, line);
    case MC_SET_ROLES:
        return read_role(reader, line);
    case MC_SET_HOSTS:
        return read_host(reader, line);
    case MC_SET_PROVIDERS:
        return read_provider(reader, line);
    case MC_SET_SUPPRESS:
        return read_suppress(reader, line);
    case MC_SET_NOTHING:
        return true;
    }
    return true;
}

static void read_header(struct mc_span line, struct mc_list_header *header)
{
    const struct {
        const char *word;
        char *out;
        size_t size;
    } fields[] = {
        {"# name: ", header->name, sizeof header->name},
        {"# date: ", header->date, sizeof header->date},
        {"# source: ", header->source, sizeof header->source},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(fields); i++) {
        size_t len = strlen(fields[i].word);
        if (line.len > len && memcmp(line.at, fields[i].word, len) == 0)
            snprintf(fields[i].out, fields[i].size, "%.*s", (int)(line.len - len), line.at + len);
    }
}

uint32_t *mc_provider_number(struct mc_provider *provider, unsigned n)
{
    uint32_t *const numbers[] = {
        &provider->connections,          &provider->connect_gap_ms,  &provider->rcpt_per_session,
        &provider->rcpt_per_transaction, &provider->refusals_in_row, &provider->rcpt_per_minute,
        &provider->refusals_per_minute,  &provider->rcpt_per_day,    &provider->breaker,
    };
    MC_ASSERT(n < MC_ARRAY_LEN(numbers));
    return numbers[n];
}

long mc_list_file_read(const char *path, const struct mc_list_kind *kind, mc_list_sink sink,
                       void *arg, struct mc_list_header *header, char *error, size_t error_size)
{
    struct reader reader = {path, kind, sink, arg, 0, 0, error, error_size};
    char *buffer = NULL;
    size_t room = 0;
    ssize_t len = 0;
    bool fine = true;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    errno = 0;
    while (fine && (len = getline(&buffer, &room, file)) >= 0) {
        struct mc_span line = mc_span(buffer, (size_t)len);
        if (++reader.line == 1 && line.len >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0)
            line = mc_span(line.at + 3, line.len - 3);
        if (line.len > 0 && line.at[line.len - 1] == '\n')
            line.len--;
        line = trim(line);
        if (line.len > 0 && line.at[0] != '#')
            fine = read_line(&reader, line);
        else if (header != NULL)
            read_header(line, header);
    }
    if (fine && ferror(file)) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        fine = false;
    }
    free(buffer);
    fclose(file);
    return fine ? reader.entries : -1;
}
