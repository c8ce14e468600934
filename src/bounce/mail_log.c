#include "bounce/mail_log.h"

#include <stdio.h>

#include "base/find.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bounce/find_address.h"
#include "bounce/judge.h"
#include "bounce/when.h"

struct line {
    struct mc_span source, whole;
    struct mc_span mailed; /* whom the message was sent to, where that may be another */
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    struct mc_deliveries **deliveries;
};

static void emit(const struct line *line, struct mc_span raw, struct mc_bounce_said *said,
                 struct mc_span host)
{
    struct mc_address address = {.email = {"", 0}};
    bool known = mc_read_address(raw, &address);
    if (raw.len && !known) {
        line->counts->nameless++;
        return;
    }
    said->recipient = known ? address.email : mc_span("", 0);
    if (host.len && line->sink->provider)
        said->provider = line->sink->provider(line->sink->arg, host);
    const char *rule;
    enum mc_reason reason = mc_bounce_judge(said, &rule);
    struct mc_address mailed;
    bool other = known && mc_read_address(line->mailed, &mailed) &&
                 !mc_span_equal_nocase(mailed.email, said->recipient);
    struct mc_bounce bounce = {
        .address = said->recipient,
        .mailed = other ? mailed.email : mc_span("", 0),
        .reason = reason,
        .rule = rule,
        .stage = said->stage,
        .smtp = said->text,
        .host = host,
        .provider = said->provider,
        .source = line->source,
        .at = mc_when_log(line->whole, line->sink->now),
        .report = mc_hash_lasting(line->whole),
    };
    line->counts->bounces++;
    line->sink->found(line->sink->arg, &bounce);
}

static struct mc_span from(struct mc_span text, size_t at)
{
    return at < text.len ? mc_span(text.at + at, text.len - at) : mc_span("", 0);
}

/* The value behind `name` ("relay=") up to a comma or blank. */
static struct mc_span value(struct mc_span text, const char *name)
{
    size_t at = *name ? mc_bounce_find(text, name) : 0;
    if (at == text.len)
        return mc_span("", 0);
    struct mc_span found = from(text, at + strlen(name));
    size_t len = 0;
    while (len < found.len && !strchr(", \t", found.at[len]))
        len++;
    return mc_span(found.at, len);
}

static struct mc_span host_of(struct mc_span relay)
{
    size_t len = 0;
    while (len < relay.len && !strchr("[:, ;\"", relay.at[len]))
        len++;
    if (len && relay.at[len - 1] == '.')
        len--;
    struct mc_span host = mc_span(relay.at, len);
    return mc_span_equal(host, mc_span("none", 4)) || mc_span_equal(host, mc_span("local", 5))
               ? mc_span("", 0)
               : host;
}

/* postfix/smtp[9]: ID: to=<a@b>, relay=mx[ip]:25, ..., dsn=5.1.1, status=bounced (host mx[ip]
 * said: 550 5.1.1 ... (in reply to RCPT TO command)) */
static bool postfix(const struct line *line, struct mc_span text)
{
    size_t at = mc_bounce_find(text, "status=");
    size_t to = mc_bounce_find(text, " to=<");
    if (at == text.len || to > at)
        return false;
    struct mc_span status = from(text, at + strlen("status="));
    bool delayed = mc_bounce_starts(status, "deferred") || mc_bounce_starts(status, "SOFTBOUNCE");
    /* what its verify service was told is "undeliverable", for good or not */
    if (!delayed && !mc_bounce_starts(status, "bounced") && !mc_bounce_starts(status, "expired") &&
        !mc_bounce_starts(status, "undeliverable")) {
        line->counts->successes++;
        return true;
    }
    struct mc_bounce_said said = {.delayed = delayed};
    const char *open = memchr(status.at, '(', status.len);
    if (open) {
        said.text = mc_bounce_trim(mc_span(open + 1, (size_t)(status.at + status.len - open - 1)));
        if (said.text.len && said.text.at[said.text.len - 1] == ')')
            said.text.len--;
    }
    mc_bounce_status(value(text, " dsn="), &said);
    said.delayed = delayed || said.class == 4;
    if (mc_bounce_has(said.text, "refused to talk to me"))
        said.stage = MC_STAGE_BANNER;
    struct mc_span rest = from(text, to + strlen(" to=<"));
    const char *end = memchr(rest.at, '>', rest.len);
    struct line aliased = *line;
    aliased.mailed = value(text, " orig_to=");
    emit(&aliased, mc_span(rest.at, end ? (size_t)(end - rest.at) : rest.len), &said,
         host_of(value(text, " relay=")));
    return true;
}

/* 2026-01-01 00:00:00 ID ** a@b R=router T=transport H=mx [ip]: why */
static bool exim(const struct line *line, struct mc_span text)
{
    size_t dead = mc_bounce_find(text, " ** "), late = mc_bounce_find(text, " == ");
    size_t at = dead < late ? dead : late;
    struct mc_bounce_said said = {.delayed = late < dead};
    if (at == text.len)
        return false;
    struct mc_span rest = from(text, at + 4), to = value(rest, "");
    size_t end = mc_bounce_find(rest, ": ");
    size_t defer = said.delayed ? mc_bounce_find(rest, " defer (") : rest.len;
    if (end == rest.len && defer == rest.len)
        return false;
    if (!memchr(to.at, '@', to.len)) { /* a local user: the address stands in <> */
        const char *open = memchr(rest.at, '<', end);
        if (!open)
            return false;
        to = mc_span(open, (size_t)(rest.at + end - open));
    }
    struct line aliased = *line; /* "** final@a.example (next@b.example) <first@c.example> R=" */
    struct mc_span names = mc_span(rest.at, mc_bounce_find(mc_span(rest.at, end), " R="));
    const char *first = names.len ? memrchr(names.at, '<', names.len) : NULL;
    if (first)
        aliased.mailed = mc_span(first, (size_t)(names.at + names.len - first));
    said.text = mc_bounce_trim(from(rest, end < rest.len ? end + 2 : defer));
    /* "SMTP error from remote mail server after RCPT TO:<x>: 550 ..." names its stage */
    emit(&aliased, to, &said, host_of(value(rest, " H=")));
    return true;
}

/* Sendmail's own word for any 550, whoever was to blame: the number tells what it is worth. */
static bool is_empty_word(struct mc_span stat, const struct mc_bounce_said *said)
{
    static const char *const words[] = {"User unknown", "Service unavailable", "Data format error",
                                        "Remote protocol error"};
    bool word = false;
    for (size_t i = 0; i < MC_ARRAY_LEN(words); i++)
        word = word || mc_bounce_starts(stat, words[i]);
    bool mailbox = said->subject == 1 && (said->detail == 1 || said->detail == 3 ||
                                          said->detail == 6 || said->detail == 10);
    return word && said->class && !(mailbox && mc_bounce_starts(stat, words[0]));
}

/* sm-mta[9]: ID: to=<a@b>,<c@d>, ..., relay=mx [ip], dsn=5.1.1, reply=550 5.1.1 ..., stat=User
 * unknown */
static bool sendmail(const struct line *line, struct mc_span text)
{
    size_t at = mc_bounce_find(text, " stat=");
    size_t to = mc_bounce_find(text, " to=");
    if (at == text.len || to > at)
        return false;
    struct mc_bounce_said said = {.text = mc_bounce_trim(from(text, at + strlen(" stat=")))};
    mc_bounce_status(value(text, " dsn="), &said);
    if (mc_bounce_starts(said.text, "Sent") || mc_bounce_starts(said.text, "queued") ||
        said.class == 2) {
        line->counts->successes++;
        return true;
    }
    said.delayed = mc_bounce_starts(said.text, "Deferred") || said.class == 4;
    size_t quoted = mc_bounce_find(text, " reply=");
    if (quoted < at)
        said.text = mc_span(text.at + quoted + strlen(" reply="), at - quoted - strlen(" reply="));
    char number[32];
    if (is_empty_word(said.text, &said)) {
        int len = snprintf(number, sizeof number, "%u %u.%u.%u", said.class * 100U + 50,
                           (unsigned)said.class, (unsigned)said.subject, (unsigned)said.detail);
        said.text = mc_span(number, (size_t)len);
    }
    struct mc_span list = from(text, to + strlen(" to="));
    size_t end = mc_bounce_find(list, " "), next = 0;
    struct mc_span names = mc_span(list.at, end), address;
    while (mc_find_address(names, &next, &address))
        emit(line, address, &said, host_of(value(text, " relay=")));
    return true;
}

/* What stands behind `name`, in quotes or to the end of the line. */
static struct mc_span last_value(struct mc_span text, const char *name)
{
    struct mc_span found = from(text, mc_bounce_find(text, name) + strlen(name));
    if (found.len && found.at[0] == '"')
        found = from(found, 1);
    if (found.len && found.at[found.len - 1] == '"')
        found.len--;
    return found;
}

/* smtpd[9]: ID mta delivery ... to=<a@b> ... relay="..." result="PermFail" stat="550 ...", and of
 * what it hands to programs, "mda delivery ... result=TempFail stat=Error (...)" */
static bool opensmtpd(const struct line *line, struct mc_span text)
{
    struct mc_span result = last_value(text, " result=");
    if (!result.len || !mc_bounce_has(text, " stat="))
        return false;
    bool expired = mc_bounce_starts(result, "Expired");
    bool delayed = expired || mc_bounce_starts(result, "TempFail");
    if (!delayed && !mc_bounce_starts(result, "PermFail")) {
        line->counts->successes++;
        return true;
    }
    struct mc_bounce_said said = {.delayed = delayed, .text = last_value(text, " stat=")};
    mc_bounce_status(said.text, &said);
    struct mc_span relay = last_value(text, " relay=");
    relay.len = mc_bounce_find(relay, "\" ");
    const char *name = relay.len ? memchr(relay.at, '(', relay.len) : NULL;
    if (name) /* relay="198.18.0.1 (mx.example.org)" */
        relay = from(relay, (size_t)(name - relay.at) + 1);
    relay.len = mc_bounce_find(relay, ")");
    emit(line, value(text, " to="), &said, host_of(relay));
    return true;
}

/* relay: PermFail for ID: from=<x@y>, to=<a@b>, ..., stat=550 ... (OpenSMTPD before 5.4) */
static bool opensmtpd_old(const struct line *line, struct mc_span text)
{
    size_t dead = mc_bounce_find(text, ": PermFail for "),
           late = mc_bounce_find(text, ": TempFail for ");
    size_t stat = mc_bounce_find(text, "stat=");
    if ((dead == text.len && late == text.len) || stat == text.len)
        return false;
    struct mc_bounce_said said = {.delayed = late < dead,
                                  .text = mc_bounce_trim(from(text, stat + strlen("stat=")))};
    emit(line, value(text, " to="), &said, host_of(value(text, " relay=")));
    return true;
}

static bool told(const struct line *line, enum mc_fate fate, const struct mc_fate_line *told)
{
    if (fate == MC_FATE_NONE)
        return false;
    if (fate == MC_FATE_DELIVERED)
        line->counts->successes++;
    else if (fate == MC_FATE_NEWS)
        line->counts->no_reports++;
    else {
        struct mc_span names = told->recipients.len ? told->recipients : told->said, address;
        uint64_t before = line->counts->bounces;
        for (size_t next = 0; mc_find_address(names, &next, &address);) {
            struct mc_bounce_said said = {.delayed = fate == MC_FATE_DELAYED, .text = told->said};
            emit(line, address, &said, mc_span("", 0));
        }
        line->counts->nameless += line->counts->bounces == before;
    }
    return true;
}

static bool qmail(const struct line *line, struct mc_span text)
{
    struct mc_fate_line fate_line;
    enum mc_fate fate = mc_qmail_line_read(line->deliveries, text, &fate_line);
    return told(line, fate, &fate_line);
}

static bool tracking(const struct line *line, struct mc_span text)
{
    struct mc_fate_line fate_line;
    struct mc_text said = {0};
    enum mc_fate fate = mc_tracking_line_read(text, &said, &fate_line);
    bool done = told(line, fate, &fate_line);
    mc_text_free(&said);
    return done;
}

static bool is_code(struct mc_span text)
{
    return text.len >= 3 && text.at[0] >= '2' && text.at[0] <= '5' && mc_is_digit(text.at[1]) &&
           mc_is_digit(text.at[2]) && (text.len == 3 || strchr(" -\t", text.at[3]));
}

/* "550 5.1.1 <a@b>: no", alone or behind "a@b:", "a@b," "a@b<tab>". */
static bool reply(const struct line *line, struct mc_span text)
{
    struct mc_span whole = text, to = mc_span("", 0);
    size_t after = 0;
    if (!is_code(text) && !mc_bounce_starts(text, "smtp;")) {
        if (!mc_find_address(text, &after, &to) || (size_t)(to.at - text.at) > 1)
            return false;
        while (after < text.len && strchr(">:,; \t\"", text.at[after]))
            after++;
        text = from(text, after);
        if (!is_code(text) && !mc_bounce_is_telling(text))
            return false;
    }
    if (is_code(text) && text.at[0] <= '3') {
        line->counts->successes++;
        return true;
    }
    struct mc_bounce_said said = {.text = text};
    after = 0;
    struct mc_span address;
    while (!to.len && mc_find_address(whole, &after, &address))
        if (!mc_is_daemon(address))
            to = address;
    struct mc_address parsed;
    if (to.len && !mc_read_address(to, &parsed))
        to = mc_span("", 0);
    emit(line, to, &said, mc_span("", 0));
    return true;
}

bool mc_log_line_is(struct mc_span line)
{
    if (mc_bounce_has(line, " to=<"))
        return mc_bounce_has(line, "status=") || mc_bounce_has(line, " stat=") ||
               mc_bounce_has(line, " result=");
    if (mc_bounce_has(line, "starting delivery ") || mc_bounce_has(line, "#Fields: date-time,"))
        return true;
    return (mc_bounce_has(line, " ** ") || mc_bounce_has(line, " == ")) &&
           (mc_bounce_has(line, " R=") || mc_bounce_has(line, ": "));
}

/* A part of " to=<", of " ** " or of " == ", by two bytes that are rare. */
static bool has_mark(struct mc_span text)
{
    const char *at = text.at, *end = text.at + text.len;
    for (; (at = mc_find_either(mc_span(at, (size_t)(end - at)), '=', '*')); at++)
        if (end - at > 1 && (at[1] == at[0] || at[1] == '<'))
            return true;
    return false;
}

bool mc_log_has_line(struct mc_span text)
{
    /* nearly no header of a mail has anything of it */
    if (!has_mark(text) && !mc_bounce_has(text, "starting delivery ") &&
        !(text.len && memchr(text.at, '#', text.len)))
        return false;
    while (text.len)
        if (mc_log_line_is(mc_bounce_line(&text)))
            return true;
    return false;
}

void mc_log_line_read(struct mc_span text, struct mc_span source, struct mc_deliveries **deliveries,
                      const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts)
{
    struct line line = {.source = source, .sink = sink, .counts = counts, .deliveries = deliveries};
    text = mc_bounce_trim(text);
    if (!text.len)
        return;
    line.whole = text;
    counts->lines++;
    if (postfix(&line, text) || opensmtpd(&line, text) || sendmail(&line, text) ||
        opensmtpd_old(&line, text) || qmail(&line, text) || tracking(&line, text) ||
        (!is_code(text) && exim(&line, text)) || reply(&line, text))
        return;
    counts->no_reports++;
}
