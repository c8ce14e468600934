#include "bounce/webhook.h"

#include <jansson.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "bounce/find_address.h"
#include "bounce/judge.h"
#include "bounce/when.h"

#define NESTING_MAX 4 /* a notification in a notification ... */

struct event {
    struct mc_span source;
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    const json_t *object;
    const char *rule; /* that decided */
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is(const char *text, const char *what)
{
    return mc_span_equal_nocase(mc_span_of(text), mc_span_of(what));
}

/* The relays name it differently, and write it as a date or as a number. */
static int64_t time_of(const struct event *event)
{
    static const char *const names[] = {"timestamp", "BouncedAt", "ReceivedAt"};
    const json_t *holders[] = {json_object_get(event->object, "bounce"),
                               json_object_get(event->object, "complaint"), event->object};
    for (size_t i = 0; i < MC_ARRAY_LEN(holders) * MC_ARRAY_LEN(names); i++) {
        const json_t *value =
            json_object_get(holders[i / MC_ARRAY_LEN(names)], names[i % MC_ARRAY_LEN(names)]);
        int64_t at = json_is_number(value) ? (int64_t)json_number_value(value)
                     : json_is_string(value)
                         ? mc_when_iso(mc_span_of(json_string_value(value)), event->sink->now)
                         : 0;
        if (at > 0 && (!event->sink->now || at <= event->sink->now + 86400))
            return at;
    }
    return 0;
}

static uint64_t identity(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t hash = text ? mc_hash_lasting(mc_span_of(text)) : 0;
    free(text);
    return hash;
}

static void emit(const struct event *event, const char *raw, enum mc_reason reason,
                 struct mc_span text)
{
    struct mc_address address;
    if (!mc_read_address(mc_span_of(raw), &address)) {
        event->counts->nameless++;
        return;
    }
    struct mc_bounce bounce = {
        .address = address.email,
        .reason = reason,
        .rule = event->rule,
        .smtp = text,
        .source = event->source,
        .at = time_of(event),
        .report = identity(event->object),
    };
    if (reason == MC_REASON_SUPPRESSED)
        event->counts->complaints++;
    else
        event->counts->bounces++;
    event->sink->found(event->sink->arg, &bounce);
}

/* What the relay calls it, for when the reply tells nothing. */
static enum mc_reason by_word(const char *word)
{
    static const struct {
        const char *word;
        enum mc_reason reason;
    } words[] = {
        {"NoEmail", MC_REASON_NO_SUCH_MAILBOX},
        {"HardBounce", MC_REASON_NO_SUCH_MAILBOX},
        {"BadEmailAddress", MC_REASON_INVALID_SYNTAX},
        {"Invalid", MC_REASON_NO_SUCH_MAILBOX},
        {"MailboxFull", MC_REASON_MAILBOX_FULL},
        {"DnsError", MC_REASON_DNS_FAILED},
        {"SoftBounce", MC_REASON_SERVER_ERROR},
        {"Transient", MC_REASON_SERVER_ERROR},
        {"temporary", MC_REASON_SERVER_ERROR},
        {"MessageTooLarge", MC_REASON_BLOCKED},
        {"ContentRejected", MC_REASON_BLOCKED},
        {"AttachmentRejected", MC_REASON_BLOCKED},
        {"SpamNotification", MC_REASON_BLOCKED},
        {"SMTPApiError", MC_REASON_BLOCKED},
        {"DMARCPolicy", MC_REASON_BLOCKED},
        {"Blocked", MC_REASON_BLOCKED},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(words); i++)
        if (is(word, words[i].word))
            return words[i].reason;
    return MC_REASON_BLOCKED;
}

static void judge(const struct event *event, const char *to, const char *text, const char *status,
                  const char *word, bool delayed)
{
    struct mc_bounce_said said = {.text = mc_span_of(text), .delayed = delayed};
    struct mc_address address;
    mc_bounce_status(mc_span_of(status), &said);
    if (mc_read_address(mc_span_of(to), &address))
        said.recipient = address.email;
    struct event decided = *event;
    bool told = mc_bounce_is_telling(said.text) || said.class;
    enum mc_reason reason = told ? mc_bounce_judge(&said, &decided.rule) : by_word(word);
    if (delayed && mc_bounce_kind_of(reason) == MC_BOUNCE_HARD)
        reason = MC_REASON_SERVER_ERROR;
    emit(&decided, to, reason, *text ? mc_span_of(text) : mc_span_of(word));
}

/* ---- the relays ---- */

static bool ses(const struct event *event, const json_t *object)
{
    const json_t *bounce = json_object_get(object, "bounce");
    const json_t *complaint = json_object_get(object, "complaint"), *who;
    size_t i;
    const char *type = text_of(object, "notificationType");
    type = *type ? type : text_of(object, "eventType");
    if (is(type, "Complaint")) {
        json_array_foreach(json_object_get(complaint, "complainedRecipients"), i, who) emit(
            event, text_of(who, "emailAddress"), MC_REASON_SUPPRESSED, mc_span_of("complaint"));
        return true;
    }
    if (!is(type, "Bounce"))
        return *type != '\0';
    const char *sub = text_of(bounce, "bounceSubType"), *kind = text_of(bounce, "bounceType");
    bool delayed = is(kind, "Transient");
    json_array_foreach(json_object_get(bounce, "bouncedRecipients"), i, who)
    {
        if (mc_bounce_has(mc_span_of(sub), "Suppress"))
            emit(event, text_of(who, "emailAddress"), MC_REASON_SUPPRESSED, mc_span_of(sub));
        else
            judge(event, text_of(who, "emailAddress"), text_of(who, "diagnosticCode"),
                  text_of(who, "status"), is(sub, "General") ? kind : sub, delayed);
    }
    return true;
}

static bool sendgrid(const struct event *event, const json_t *object)
{
    const char *name = text_of(object, "event"), *to = text_of(object, "email");
    if (!*name || !*to)
        return false;
    const char *reason = text_of(object, "reason"), *type = text_of(object, "type");
    if (!*reason)
        reason = text_of(object, "response");
    if (is(name, "spamreport"))
        emit(event, to, MC_REASON_SUPPRESSED, mc_span_of("complaint"));
    else if (is(name, "bounce") || is(name, "blocked"))
        judge(event, to, reason, text_of(object, "status"), type, false);
    else if (is(name, "deferred"))
        judge(event, to, reason, text_of(object, "status"), "Transient", true);
    else if (is(name, "dropped"))
        emit(event, to,
             is(reason, "Invalid") || is(reason, "Invalid SMTPAPI header") ? MC_REASON_BLOCKED
                                                                           : MC_REASON_SUPPRESSED,
             mc_span_of(reason));
    else
        event->counts->successes++;
    return true;
}

static bool mailgun(const struct event *event, const json_t *given)
{
    const json_t *data = json_object_get(given, "event-data");
    const json_t *object = data ? data : given;
    const json_t *status = json_object_get(object, "delivery-status");
    const char *name = text_of(object, "event"), *to = text_of(object, "recipient");
    if (!*name || !*to)
        return false;
    if (is(name, "complained")) {
        emit(event, to, MC_REASON_SUPPRESSED, mc_span_of("complaint"));
        return true;
    }
    if (!is(name, "failed") && !is(name, "bounced") && !is(name, "dropped")) {
        event->counts->successes++;
        return true;
    }
    const char *message = text_of(status, "message"), *why = text_of(object, "reason");
    if (!*message)
        message = text_of(status, "description");
    if (!*message)
        message = text_of(object, "error");
    char text[1200];
    json_int_t code = json_integer_value(json_object_get(status, "code"));
    bool coded = code >= 400 && code < 560 && !mc_is_digit(*message);
    snprintf(text, sizeof text, coded ? "%3d %s" : "%.0d%s", (int)(coded ? code : 0), message);
    if (mc_bounce_has(mc_span_of(why), "suppress"))
        emit(event, to, MC_REASON_SUPPRESSED, mc_span_of(why));
    else
        judge(event, to, text, text_of(status, "enhanced-code"),
              is(text_of(object, "severity"), "temporary") ? "temporary" : why,
              is(text_of(object, "severity"), "temporary"));
    return true;
}

static bool postmark(const struct event *event, const json_t *object)
{
    const char *record = text_of(object, "RecordType"), *type = text_of(object, "Type");
    const char *to = text_of(object, "Email");
    if (!*to || (!*record && !*type))
        return false;
    if (is(record, "SpamComplaint") || is(type, "SpamComplaint") || is(type, "Unsubscribe")) {
        emit(event, to, MC_REASON_SUPPRESSED, mc_span_of("complaint"));
    } else if (is(type, "AutoResponder") || is(type, "AddressChange") ||
               is(type, "OpenRelayTest")) {
        event->counts->auto_replies++;
    } else if (is(record, "Bounce") || !*record) {
        const char *details = text_of(object, "Details");
        judge(event, to, *details ? details : "", "", type,
              is(type, "Transient") || is(type, "SoftBounce"));
    } else {
        event->counts->successes++;
    }
    return true;
}

static void read_value(struct event *event, const json_t *value, unsigned depth)
{
    const json_t *item;
    size_t i;
    if (depth > NESTING_MAX)
        return;
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) read_value(event, item, depth + 1);
        return;
    }
    /* SNS puts the event into a string */
    const char *message = text_of(value, "Message");
    if (*message == '{') {
        json_t *inner = json_loads(message, 0, NULL);
        read_value(event, inner, depth + 1);
        json_decref(inner);
        return;
    }
    event->counts->events++;
    const json_t *data = json_object_get(value, "event-data"); /* Mailgun signs it anew each time */
    event->object = data ? data : value;
    if (!ses(event, value) && !postmark(event, value) && !sendgrid(event, value) &&
        !mailgun(event, value))
        event->counts->no_reports++;
}

bool mc_webhook_read(struct mc_span json, struct mc_span source, const struct mc_bounce_sink *sink,
                     struct mc_bounce_counts *counts)
{
    struct event event = {.source = source, .sink = sink, .counts = counts};
    json_t *value = json_loadb(json.at, json.len, JSON_ALLOW_NUL, NULL);
    if (!value)
        return false;
    read_value(&event, value, 0);
    json_decref(value);
    return true;
}
