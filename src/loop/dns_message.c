#include "loop/dns_message.h"

#include <ares.h>
#include <stdlib.h>

#include "base/memory.h"

enum {
    ELEMENT_MAX = 16, /* the largest record in an answer */
    JUMPS_MAX = 16,   /* pointers in a name; of one with more c-ares is asked whether it ends */
};
enum { HEADER_SIZE = 12, QUESTION_SIZE = 4, RECORD_SIZE = 10, CLASS_IN = 1, LABEL_MAX = 63 };
enum {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28
};
enum { RCODE_NOERROR = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3 };

static const struct {
    uint16_t code;
    size_t element; /* size of a record in the answer */
} types[] = {
    [MC_DNS_MX] = {TYPE_MX, sizeof(struct mc_dns_mx)},
    [MC_DNS_A] = {TYPE_A, sizeof(struct in_addr)},
    [MC_DNS_AAAA] = {TYPE_AAAA, sizeof(struct in6_addr)},
    [MC_DNS_TXT] = {TYPE_TXT, sizeof(struct mc_span)},
    [MC_DNS_PTR] = {TYPE_PTR, sizeof(struct mc_span)},
};

const char *mc_dns_status_name(enum mc_dns_status status)
{
    static const char *const names[] = {
        [MC_DNS_OK] = "found",           [MC_DNS_NO_DATA] = "no data",
        [MC_DNS_NOT_FOUND] = "NXDOMAIN", [MC_DNS_SERVFAIL] = "SERVFAIL",
        [MC_DNS_REFUSED] = "REFUSED",    [MC_DNS_TIMEOUT] = "time-out",
        [MC_DNS_BAD] = "bad answer",     [MC_DNS_LOCAL] = "no DNS server reached",
    };
    return names[status];
}

/* Questions */

static bool is_label_byte(char byte)
{
    return byte > ' ' && byte <= '~' && byte != '.' && byte != '\\';
}

/* The name as labels, each behind its length, up to the empty one of the root. Returns how many
 * bytes that takes, 0 for a name that cannot be asked. */
static size_t write_name(unsigned char at[MC_DNS_NAME_MAX + 2], struct mc_span name)
{
    size_t i = 0;
    if (name.len > MC_DNS_NAME_MAX)
        return 0;
    do {
        size_t start = i; /* of the label; its bytes go one further, behind its length */
        for (; i < name.len && is_label_byte(name.at[i]); i++)
            at[i + 1] = (unsigned char)name.at[i];
        if (i == start || i - start > LABEL_MAX || (i < name.len && name.at[i] != '.'))
            return 0;
        at[start] = (unsigned char)(i - start);
    } while (i++ < name.len);
    at[i] = 0;
    return i + 1;
}

bool mc_dns_name_is_askable(const char *name)
{
    unsigned char labels[MC_DNS_NAME_MAX + 2];
    return write_name(labels, mc_span_of(name)) > 0;
}

size_t mc_dns_question_write(unsigned char message[MC_DNS_QUESTION_MAX], enum mc_dns_type type,
                             struct mc_span name)
{
    static const unsigned char header[HEADER_SIZE] = {
        [2] = 1, /* whoever is asked is to ask on */
        [5] = 1, /* one question */
    };
    const unsigned char end[QUESTION_SIZE] = {0, (unsigned char)types[type].code, 0, CLASS_IN};
    size_t len = write_name(message + HEADER_SIZE, name);
    if (!len)
        return 0;
    memcpy(message, header, sizeof header);
    memcpy(message + HEADER_SIZE + len, end, sizeof end);
    return HEADER_SIZE + len + sizeof end;
}

/* Answers */

struct reader {
    const unsigned char *bytes;
    size_t len, at;
};

static uint16_t number_at(const struct reader *reader, size_t at)
{
    return (uint16_t)(reader->bytes[at] << 8 | reader->bytes[at + 1]);
}

static bool skip_name(struct reader *reader)
{
    while (reader->at < reader->len) {
        unsigned char label = reader->bytes[reader->at];
        if ((label & 0xc0) == 0xc0) {
            reader->at += 2;
            return reader->at <= reader->len;
        }
        if (label & 0xc0)
            return false;
        reader->at += label + 1u;
        if (!label)
            return reader->at <= reader->len;
    }
    return false;
}

/* The byte of a host name as it is kept, 0 for one that host names do not have. */
static char host_byte(unsigned char byte)
{
    unsigned char lower = byte | 0x20;
    if (lower >= 'a' && lower <= 'z')
        return (char)lower;
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ? (char)byte : '\0';
}

/* Adds the name at `at` as add_name() does, where it is a host name like any other: nearly all are,
 * and c-ares takes five times as long for them. False, and nothing is added, for all others, which
 * are left to it. */
static bool add_host_name(const struct reader *reader, size_t at, size_t end, struct mc_text *names)
{
    char *name = mc_text_reserve(names, MC_DNS_NAME_MAX + 2); /* a dot at its end, and the NUL */
    size_t len = 0, used_to = 0;
    for (unsigned jumps = 0; at < reader->len && reader->bytes[at];) {
        size_t label = reader->bytes[at];
        if (label > LABEL_MAX) {
            if ((label & 0xc0) != 0xc0 || at + 2 > reader->len || ++jumps > JUMPS_MAX)
                return false;
            if (!used_to)
                used_to = at + 2;
            at = number_at(reader, at) & 0x3fffu;
            continue;
        }
        if (label >= reader->len - at || len + label > MC_DNS_NAME_MAX)
            return false;
        for (size_t i = 1; i <= label; i++) {
            name[len] = host_byte(reader->bytes[at + i]);
            if (!name[len++])
                return false;
        }
        name[len++] = '.';
        at += label + 1;
    }
    if (at >= reader->len || (used_to ? used_to : at + 1) > end || !len)
        return false;
    name[len - 1] = '\0';
    names->len += len;
    return true;
}

/* Adds the name at `at`, lower-cased, without last dot, NUL-terminated. The bytes that it takes
 * there must lie before `end`. */
static bool add_name(const struct reader *reader, size_t at, size_t end, struct mc_text *names)
{
    char *name;
    long used;
    if (add_host_name(reader, at, end, names))
        return true;
    if (ares_expand_name(reader->bytes + at, reader->bytes, (int)reader->len, &name, &used) !=
        ARES_SUCCESS)
        return false;
    size_t len = strlen(name);
    bool fits = (size_t)used <= end - at;
    if (fits) {
        if (len && name[len - 1] == '.' && (len == 1 || name[len - 2] != '\\'))
            len--;
        char *copy = mc_text_reserve(names, len + 1);
        for (size_t i = 0; i < len; i++)
            copy[i] = mc_ascii_lower(name[i]);
        copy[len] = '\0';
        names->len += len + 1;
    }
    ares_free_string(name);
    return fits;
}

/* The character strings of a TXT record as one text (RFC 7208 section 3.3). */
static bool add_strings(const struct reader *reader, size_t at, size_t size, struct mc_text *text)
{
    for (size_t end = at + size; at < end;) {
        size_t len = reader->bytes[at++];
        if (len > end - at)
            return false;
        mc_text_add(text, (const char *)reader->bytes + at, len);
        at += len;
    }
    mc_text_add_char(text, '\0');
    return true;
}

/* One record of the answer section that lies at `at` and is of the type asked for. */
static bool add_record(struct mc_dns_message *message, enum mc_dns_type type,
                       const struct reader *reader, size_t at, size_t size)
{
    struct mc_dns_answer *answer = &message->answer;
    message->records = mc_grow(message->records, answer->count, &message->room, ELEMENT_MAX);
    char *slot = (char *)message->records + answer->count * types[type].element;
    if (type == MC_DNS_MX) {
        if (size < 3 || !add_name(reader, at + 2, at + size, &message->names))
            return false;
        /* the names may still move: name_hosts() comes when all are there */
        struct mc_dns_mx mx = {.preference = number_at(reader, at)};
        memcpy(slot, &mx, sizeof mx);
    } else if (type == MC_DNS_TXT || type == MC_DNS_PTR) {
        size_t before = message->names.len;
        if (type == MC_DNS_TXT ? !add_strings(reader, at, size, &message->names)
                               : !add_name(reader, at, at + size, &message->names))
            return false;
        struct mc_span text = mc_span(NULL, message->names.len - before - 1);
        memcpy(slot, &text, sizeof text);
    } else {
        if (size != types[type].element)
            return false;
        memcpy(slot, reader->bytes + at, size);
    }
    answer->count++;
    return true;
}

static bool note_alias(struct mc_dns_message *message, const struct reader *reader, size_t at,
                       size_t size)
{
    struct mc_text name = {0};
    bool good = add_name(reader, at, at + size, &name);
    /* a target that cannot be asked is as good as none: the message then simply has no data */
    message->alias[0] = '\0';
    if (good && mc_dns_name_is_askable(name.at))
        memcpy(message->alias, name.at, name.len);
    mc_text_free(&name);
    return good;
}

/* Reads `count` records of a section: those of the answer are kept, the others only looked at. */
static bool read_section(struct mc_dns_message *message, enum mc_dns_type type,
                         struct reader *reader, unsigned count, bool is_answer, bool *has_soa)
{
    for (unsigned i = 0; i < count; i++) {
        if (!skip_name(reader) || reader->len - reader->at < RECORD_SIZE)
            return false;
        uint16_t code = number_at(reader, reader->at);
        uint16_t class = number_at(reader, reader->at + 2);
        size_t size = number_at(reader, reader->at + 8);
        reader->at += RECORD_SIZE;
        size_t at = reader->at;
        if (size > reader->len - at)
            return false;
        reader->at += size;
        if (class != CLASS_IN)
            continue;
        if (code == TYPE_SOA)
            *has_soa = true;
        if (!is_answer)
            continue;
        if (code == types[type].code && !add_record(message, type, reader, at, size))
            return false;
        if (code == TYPE_CNAME && !note_alias(message, reader, at, size))
            return false;
    }
    return true;
}

static enum mc_dns_status read_message(struct mc_dns_message *message, enum mc_dns_type type,
                                       struct reader *reader)
{
    if (reader->len < HEADER_SIZE || reader->len > UINT16_MAX)
        return MC_DNS_BAD;
    unsigned rcode = reader->bytes[3] & 0x0fu;
    if (rcode == RCODE_NXDOMAIN)
        return MC_DNS_NOT_FOUND; /* of an alias, too: RFC 6604 section 3 */
    if (rcode != RCODE_NOERROR)
        return rcode == RCODE_SERVFAIL ? MC_DNS_SERVFAIL : MC_DNS_REFUSED;
    unsigned questions = number_at(reader, 4), answers = number_at(reader, 6);
    unsigned authorities = number_at(reader, 8);
    reader->at = HEADER_SIZE;
    for (; questions; questions--) {
        if (!skip_name(reader) || reader->len - reader->at < QUESTION_SIZE)
            return MC_DNS_BAD;
        reader->at += QUESTION_SIZE;
    }
    bool has_soa = false;
    if (!read_section(message, type, reader, answers, true, &has_soa))
        return MC_DNS_BAD;
    if (message->answer.count)
        return MC_DNS_OK;
    /* An SOA says that the server followed the alias to its end and that nothing is there
     * (RFC 2308 section 2.2). A broken authority section says nothing. */
    if (message->alias[0] &&
        (!read_section(message, type, reader, authorities, false, &has_soa) || has_soa))
        message->alias[0] = '\0';
    return MC_DNS_NO_DATA;
}

/* The hosts' names lie one behind the other, in the order of the records. */
static const struct mc_dns_mx *name_hosts(struct mc_dns_message *message)
{
    struct mc_dns_mx *mx = message->records;
    const char *name = message->names.at;
    for (size_t i = 0; i < message->answer.count; i++) {
        mx[i].host = name;
        name += strlen(name) + 1;
    }
    return mx;
}

static const struct mc_span *place_texts(struct mc_dns_message *message)
{
    struct mc_span *text = message->records;
    const char *at = message->names.at;
    for (size_t i = 0; i < message->answer.count; i++) {
        text[i].at = at;
        at += text[i].len + 1;
    }
    return text;
}

enum mc_dns_status mc_dns_message_read(struct mc_dns_message *message, enum mc_dns_type type,
                                       const unsigned char *bytes, size_t len)
{
    struct mc_dns_answer *answer = &message->answer;
    struct reader reader = {bytes, len, 0};
    *answer = (struct mc_dns_answer){0};
    message->alias[0] = '\0';
    message->names.len = 0;
    answer->status = read_message(message, type, &reader);
    if (answer->status != MC_DNS_NO_DATA)
        message->alias[0] = '\0';
    if (answer->status != MC_DNS_OK) {
        answer->count = 0;
        return answer->status;
    }
    switch (type) {
    case MC_DNS_MX:
        answer->mx = name_hosts(message);
        break;
    case MC_DNS_A:
        answer->a = message->records;
        break;
    case MC_DNS_AAAA:
        answer->aaaa = message->records;
        break;
    case MC_DNS_TXT:
    case MC_DNS_PTR:
        answer->text = place_texts(message);
        break;
    }
    return answer->status;
}

void mc_dns_message_free(struct mc_dns_message *message)
{
    free(message->records);
    mc_text_free(&message->names);
    *message = (struct mc_dns_message){0};
}
