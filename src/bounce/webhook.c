/* One table says where the relays put what, one what their events are called, one what their words
 * mean where they quote no reply. The shapes are those of their public documentation:
 * docs.aws.amazon.com/ses (notification-contents, event-publishing), docs.sendgrid.com (event
 * webhook), documentation.mailgun.com (webhooks, legacy too), postmarkapp.com/developer,
 * developers.sparkpost.com, mailchimp.com/developer (transactional), developers.brevo.com,
 * dev.mailjet.com (event API), resend.com/docs. */
#include "bounce/webhook.h"

#include <jansson.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "bounce/find_address.h"
#include "bounce/judge.h"
#include "bounce/mail_log.h"
#include "bounce/other_logs.h"
#include "bounce/when.h"

#define NESTING_MAX 6 /* a notification in a notification ... */
#define TEXTS       3

/* Paths lead through objects, their steps parted by '/'. Those that start with "./" start at the
 * recipient, where there is a list of them; "." is the recipient itself. */
struct relay {
    const char *names[2]; /* of the event; they differ only in that */
    const char *required; /* what tells it from others with such a name */
    const char *list;     /* of recipients; "": there is one */
    const char *address;
    const char *texts[TEXTS]; /* what was said, the best first */
    const char *status, *code;
    const char *words[2]; /* what the relay calls it */
    const char *time;
};

static const struct relay relays[] = {
    /* Amazon SES: notifications have one name for the event, published events another */
    {{"notificationType", "eventType"},
     "bounce",
     "bounce/bouncedRecipients",
     "./emailAddress",
     {"./diagnosticCode"},
     "./status",
     "",
     {"bounce/bounceSubType", "bounce/bounceType"},
     "bounce/timestamp"},
    {{"notificationType", "eventType"},
     "complaint",
     "complaint/complainedRecipients",
     "./emailAddress",
     {0},
     "",
     "",
     {0},
     "complaint/timestamp"},
    {{"eventType"},
     "deliveryDelay",
     "deliveryDelay/delayedRecipients",
     "./emailAddress",
     {"./diagnosticCode"},
     "./status",
     "",
     {"deliveryDelay/delayType"},
     "deliveryDelay/timestamp"},
    {{"notificationType", "eventType"}, "mail", "", "", {0}, "", "", {0}, ""},
    /* Mandrill */
    {{"event"}, "msg", "", "msg/email", {"msg/diag"}, "", "", {"msg/bounce_description"}, "ts"},
    /* SendGrid, Brevo, Mailjet */
    {{"event"},
     "email",
     "",
     "email",
     {"reason", "response", "comment"},
     "status",
     "",
     {"error", "type"},
     "timestamp"},
    /* Mailgun; the second text is that of its older form */
    {{"event"},
     "recipient",
     "",
     "recipient",
     {"delivery-status/message", "delivery-status/description", "error"},
     "delivery-status/enhanced-code",
     "delivery-status/code",
     {"reason", "severity"},
     "timestamp"},
    /* Postmark */
    {{"SuppressionReason"},
     "SuppressSending",
     "",
     "Recipient",
     {0},
     "",
     "",
     {"SuppressionReason"},
     "ChangedAt"},
    {{"Type"}, "Email", "", "Email", {"Details"}, "", "", {"Type"}, "BouncedAt"},
    {{"RecordType"}, "MessageID", "", "Email", {"Details"}, "", "", {"Type"}, "BouncedAt"},
    /* SparkPost */
    {{"type"},
     "rcpt_to",
     "",
     "rcpt_to",
     {"raw_reason", "reason"},
     "",
     "error_code",
     {"bounce_class"},
     "timestamp"},
    /* Resend */
    {{"type"},
     "data",
     "data/to",
     ".",
     {"data/bounce/message"},
     "",
     "",
     {"data/bounce/subType", "data/bounce/type"},
     "created_at"},
};

enum kind {
    FAILED,
    DELAYED,    /* tried again, or given up for a while: buries nobody */
    COMPLAINED, /* or was on the relay's own list of those who must not be mailed */
    ANSWERED,   /* by a machine */
    NONE
};

static const struct {
    const char *name;
    enum kind kind;
} events[] = {
    {"bounce", FAILED},
    {"bounced", FAILED},
    {"failed", FAILED},
    {"hard_bounce", FAILED},
    {"blocked", FAILED},
    {"invalid_email", FAILED},
    {"out_of_band", FAILED},
    {"email.bounced", FAILED},
    {"dropped", FAILED},
    {"reject", FAILED},
    {"rejected", FAILED},
    {"policy_rejection", FAILED},
    {"generation_rejection", FAILED},
    {"HardBounce", FAILED},
    {"BadEmailAddress", FAILED},
    {"SpamNotification", FAILED},
    {"VirusNotification", FAILED},
    {"SMTPApiError", FAILED},
    {"DMARCPolicy", FAILED},
    {"DnsError", DELAYED},
    {"SoftBounce", DELAYED},
    {"Transient", DELAYED},
    {"Unknown", DELAYED},
    {"soft_bounce", DELAYED},
    {"deferred", DELAYED},
    {"deferral", DELAYED},
    {"delay", DELAYED},
    {"DeliveryDelay", DELAYED},
    {"email.delivery_delayed", DELAYED},
    {"complaint", COMPLAINED},
    {"complained", COMPLAINED},
    {"spam", COMPLAINED},
    {"spamreport", COMPLAINED},
    {"spam_complaint", COMPLAINED},
    {"SpamComplaint", COMPLAINED},
    {"email.complained", COMPLAINED},
    {"email.suppressed", COMPLAINED},
    {"Unsubscribe", COMPLAINED},
    {"ManuallyDeactivated", COMPLAINED},
    {"ManualSuppression", COMPLAINED},
    {"unsubscribe", NONE}, /* from one list, maybe; "Unsubscribe" came as a reply */
    {"AutoResponder", ANSWERED},
    {"AddressChange", ANSWERED},
    {"ChallengeVerification", ANSWERED},
    {"Subscribe", ANSWERED},
    {"OpenRelayTest", ANSWERED},
};

/* What the relay calls it, for when the reply tells nothing. */
static const struct {
    const char *word;
    enum mc_reason reason;
} words[] = {
    {"NoEmail", MC_REASON_NO_SUCH_MAILBOX},
    {"HardBounce", MC_REASON_NO_SUCH_MAILBOX},
    {"BadEmailAddress", MC_REASON_INVALID_SYNTAX},
    {"Invalid", MC_REASON_NO_SUCH_MAILBOX},
    {"bad_mailbox", MC_REASON_NO_SUCH_MAILBOX},
    {"user unknown", MC_REASON_NO_SUCH_MAILBOX},
    {"mailbox inactive", MC_REASON_MAILBOX_DISABLED},
    {"inactive_mailbox", MC_REASON_MAILBOX_DISABLED},
    {"ContentRejected", MC_REASON_BLOCKED},
    {"AttachmentRejected", MC_REASON_BLOCKED},
    {"MessageTooLarge", MC_REASON_BLOCKED},
    {"MailboxFull", MC_REASON_MAILBOX_FULL},
    {"mailbox_full", MC_REASON_MAILBOX_FULL},
    {"quota exceeded", MC_REASON_MAILBOX_FULL},
    {"invalid domain", MC_REASON_NO_SUCH_DOMAIN},
    {"invalid_domain", MC_REASON_NO_SUCH_DOMAIN},
    {"no mail host", MC_REASON_NO_MAIL_SERVER},
    {"DnsError", MC_REASON_DNS_FAILED},
    {"SoftBounce", MC_REASON_SERVER_ERROR},
    {"Transient", MC_REASON_SERVER_ERROR},
    {"temporary", MC_REASON_SERVER_ERROR},
    {"system issue", MC_REASON_SERVER_ERROR},
    {"connection issue", MC_REASON_CONNECT_FAILED},
    {"greylisted", MC_REASON_GREYLISTED},
    {"10", MC_REASON_NO_SUCH_MAILBOX}, /* SparkPost counts its classes */
    {"20", MC_REASON_SERVER_ERROR},
    {"21", MC_REASON_DNS_FAILED},
    {"22", MC_REASON_MAILBOX_FULL},
    {"24", MC_REASON_TIMEOUT},
    {"30", MC_REASON_NO_SUCH_MAILBOX},
    {"40", MC_REASON_SERVER_ERROR},
    {"70", MC_REASON_SERVER_ERROR},
};

/* Whose list it is on, and what a machine answered. */
static const char *const suppressed[] = {
    "suppress",       "previously bounced", "Bounced Address", "Unsubscribed Address",
    "Spam Reporting", "blacklist user",     "preblocked",      "hardfail",
    "unsub",
};
static const char *const answering_classes[] = {"60", "80", "90", "100"};

struct event {
    struct mc_span source;
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    const json_t *object, *recipient;
    const struct relay *relay;
    const char *rule; /* that decided */
};

/* ---- where is it? ---- */

static const json_t *at_path(const json_t *value, const char *path)
{
    while (path && *path && value) {
        size_t len = strcspn(path, "/");
        value = json_object_getn(value, path, len);
        path += len + (path[len] == '/');
    }
    return value;
}

static const json_t *value_of(const struct event *event, const char *path)
{
    if (!path || !*path)
        return NULL;
    if (*path != '.')
        return at_path(event->object, path);
    return path[1] ? at_path(event->recipient, path + 2) : event->recipient;
}

static const char *text_of(const struct event *event, const char *path)
{
    const char *text = json_string_value(value_of(event, path));
    return text ? text : "";
}

static bool is(const char *text, const char *what)
{
    return mc_span_equal_nocase(mc_span_of(text), mc_span_of(what));
}

/* Some write it as a date, some as a number, which may count milliseconds. */
static int64_t time_of(const struct event *event)
{
    static const char *const others[] = {"ts_epoch", "ts_event", "time", "created_at"};
    const json_t *value = value_of(event, event->relay->time);
    for (size_t i = 0; i < MC_ARRAY_LEN(others) && !value; i++)
        value = json_object_get(event->object, others[i]);
    int64_t now = event->sink->now, at = 0;
    uint64_t number;
    const char *text = json_string_value(value);
    if (json_is_number(value))
        at = (int64_t)json_number_value(value);
    else if (text && mc_parse_u64(mc_span_of(text), INT64_MAX, &number))
        at = (int64_t)number;
    else if (text)
        at = mc_when_iso(mc_span_of(text), now);
    if (at > INT64_C(100000000000))
        at /= 1000;
    return at > 0 && (!now || at <= now + 86400) ? at : 0;
}

/* ---- handing out ---- */

static uint64_t identity(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t hash = text ? mc_hash_lasting(mc_span_of(text)) : 0;
    free(text);
    return hash;
}

static void emit(const struct event *event, enum mc_reason reason, struct mc_span text)
{
    struct mc_address address;
    if (!mc_read_address(mc_span_of(text_of(event, event->relay->address)), &address)) {
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

/* ---- what does it mean? ---- */

static enum mc_reason meaning_of(struct mc_span word)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(words); i++)
        if (mc_span_equal_nocase(word, mc_span_of(words[i].word)))
            return words[i].reason;
    return MC_REASON_COUNT;
}

/* The first of its words that says something, or its text where that is one of them (SendGrid's
 * "Invalid"); MC_REASON_COUNT where none does. */
static enum mc_reason by_word(const struct event *event, struct mc_span text)
{
    enum mc_reason reason = MC_REASON_COUNT;
    for (size_t i = 0; i < MC_ARRAY_LEN(event->relay->words) && reason == MC_REASON_COUNT; i++)
        reason = meaning_of(mc_span_of(text_of(event, event->relay->words[i])));
    return reason == MC_REASON_COUNT ? meaning_of(text) : reason;
}

static bool says(const struct event *event, const char *text, const char *const *what, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (mc_bounce_has(mc_span_of(text), what[i]))
            return true;
        for (size_t j = 0; j < MC_ARRAY_LEN(event->relay->words); j++)
            if (mc_bounce_has(mc_span_of(text_of(event, event->relay->words[j])), what[i]))
                return true;
    }
    return false;
}

static bool is_passing(const struct event *event)
{
    return is(text_of(event, "bounce/bounceType"), "Transient") ||
           is(text_of(event, "data/bounce/type"), "Transient") ||
           is(text_of(event, "severity"), "temporary") ||
           json_is_false(json_object_get(event->object, "hard_bounce"));
}

/* The reply, with the code before it that some put elsewhere. */
static struct mc_span said_of(const struct event *event, char *room, size_t size)
{
    const char *text = "";
    for (size_t i = 0; i < TEXTS && !*text; i++)
        text = text_of(event, event->relay->texts[i]);
    struct mc_span said = mc_bounce_trim(mc_span_of(text));
    const json_t *value = value_of(event, event->relay->code);
    value = value ? value : json_object_get(event->object, "code");
    uint64_t code = json_is_integer(value) ? (uint64_t)json_integer_value(value) : 0;
    if (json_is_string(value) && !mc_parse_u64(mc_span_of(json_string_value(value)), 999, &code))
        code = 0;
    if (code < 400 || code >= 560 || !said.len || mc_is_digit(said.at[0]))
        return said;
    int len = snprintf(room, size, "%u %.*s", (unsigned)code, (int)said.len, said.at);
    return mc_span(room, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1);
}

static void judge(const struct event *event, bool delayed)
{
    char room[2048];
    struct mc_address address;
    struct mc_bounce_said said = {.text = said_of(event, room, sizeof room), .delayed = delayed};
    const char *word = text_of(event, event->relay->words[0]);
    const char *status = text_of(event, event->relay->status);
    bool quoted = said.text.len > 0;
    if (!quoted)
        said.text = mc_span_of(word);
    if (says(event, said.text.len ? said.text.at : "", suppressed, MC_ARRAY_LEN(suppressed))) {
        emit(event, MC_REASON_SUPPRESSED, said.text);
        return;
    }
    mc_bounce_status(mc_span_of(status), &said);
    if (mc_read_address(mc_span_of(text_of(event, event->relay->address)), &address))
        said.recipient = address.email;
    /* SparkPost's own words, with a code as if a server had said them */
    size_t own = mc_bounce_find(said.text, "[internal]");
    if (own < said.text.len && said.text.len > 4) {
        mc_bounce_status(mc_span(said.text.at + 4, said.text.len - 4), &said);
        own += strlen("[internal]");
        said.text = mc_bounce_trim(mc_span(said.text.at + own, said.text.len - own));
    }
    struct event decided = *event;
    enum mc_reason reason = by_word(event, said.text);
    if (said.class || (quoted && mc_bounce_is_telling(said.text)) ||
        (reason == MC_REASON_COUNT && mc_bounce_is_telling(said.text)))
        reason = mc_bounce_judge(&said, &decided.rule);
    if (reason == MC_REASON_COUNT)
        reason = delayed ? MC_REASON_SERVER_ERROR : MC_REASON_BLOCKED; /* nobody says why */
    if (delayed && mc_bounce_kind_of(reason) == MC_BOUNCE_HARD)
        reason = MC_REASON_SERVER_ERROR;
    emit(&decided, reason, said.text);
}

static enum kind kind_of(const char *name)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(events); i++)
        if (!strcmp(name, events[i].name))
            return events[i].kind;
    for (size_t i = 0; i < MC_ARRAY_LEN(events); i++)
        if (is(name, events[i].name))
            return events[i].kind;
    return NONE;
}

static void take(const struct event *event, enum kind kind)
{
    const char *class = text_of(event, "bounce_class");
    for (size_t i = 0; i < MC_ARRAY_LEN(answering_classes); i++)
        if (!strcmp(class, answering_classes[i]))
            kind = ANSWERED;
    switch (kind) {
    case FAILED:
    case DELAYED:
        judge(event, kind == DELAYED || is_passing(event));
        break;
    case COMPLAINED:
        emit(event, MC_REASON_SUPPRESSED, mc_span_of("complaint"));
        break;
    case ANSWERED:
        event->counts->auto_replies++;
        break;
    case NONE:
        event->counts->successes++;
        break;
    }
}

/* ---- events within events ---- */

/* What the event calls itself, "" where it does not as this relay's do. */
static const char *name_of(const struct event *event)
{
    const char *name = text_of(event, event->relay->names[0]);
    return *name ? name : text_of(event, event->relay->names[1]);
}

static bool read_event(struct event *event, const json_t *object)
{
    const json_t *list;
    size_t i;
    event->object = object;
    for (i = 0; i < MC_ARRAY_LEN(relays); i++) {
        event->relay = &relays[i];
        if (*name_of(event) && at_path(object, relays[i].required))
            break;
    }
    if (i == MC_ARRAY_LEN(relays))
        return false;
    enum kind kind = kind_of(name_of(event));
    if (!*event->relay->list || kind == NONE) {
        take(event, *event->relay->address ? kind : NONE);
        return true;
    }
    list = at_path(object, event->relay->list);
    /* Resend names all whom the message went to: of several we cannot know who failed */
    if (!strcmp(event->relay->address, ".") && json_array_size(list) > 1) {
        event->counts->nameless++;
        return true;
    }
    json_array_foreach(list, i, event->recipient) take(event, kind);
    return true;
}

/* A line of a mail log as `journalctl -o json`, Docker and log collectors write it. The clock of
 * the journal counts microseconds. */
static bool read_logged_line(struct event *event, const json_t *value)
{
    static const char *const names[] = {"MESSAGE", "message", "log", "msg"};
    struct mc_text line = {0};
    struct mc_deliveries *deliveries = NULL;
    bool is_one = false;
    const char *clock = json_string_value(json_object_get(value, "__REALTIME_TIMESTAMP"));
    const char *stamp = json_string_value(json_object_get(value, "time"));
    for (size_t i = 0; i < MC_ARRAY_LEN(names) && !is_one; i++) {
        struct mc_span text = mc_span_of("");
        const json_t *said = json_object_get(value, names[i]);
        if (json_is_string(said))
            text = mc_span(json_string_value(said), json_string_length(said));
        if (!text.len || !mc_log_line_is(text))
            continue;
        if (!mc_when_log(text, event->sink->now) && clock && strlen(clock) == 16)
            mc_text_add(&line, clock, 10);
        else if (!mc_when_log(text, event->sink->now) && stamp)
            mc_text_add_z(&line, stamp);
        mc_text_add_char(&line, ' ');
        mc_text_add_span(&line, text);
        mc_log_line_read(mc_text_span(&line), event->source, &deliveries, event->sink,
                         event->counts);
        is_one = true;
    }
    mc_deliveries_free(deliveries);
    mc_text_free(&line);
    return is_one;
}

static void read_value(struct event *event, const json_t *value, unsigned depth)
{
    /* SNS puts the event into a string, SQS and Lambda put that into another, EventBridge into an
     * object; Mandrill's and Lambda's are a list with a name */
    static const char *const wraps[] = {"Message", "Body",           "body",       "detail",
                                        "Sns",     "Records",        "event-data", "msys",
                                        "results", "mandrill_events"};
    const json_t *inner;
    const char *key;
    size_t i;
    if (depth > NESTING_MAX)
        return;
    if (json_is_array(value)) {
        json_array_foreach(value, i, inner) read_value(event, inner, depth + 1);
        return;
    }
    if (read_event(event, value)) {
        event->counts->events++;
        return;
    }
    for (i = 0; i < MC_ARRAY_LEN(wraps); i++) {
        inner = json_object_get(value, wraps[i]);
        const char *text = json_string_value(inner);
        if (text && (*text == '{' || *text == '[')) {
            json_t *parsed = json_loads(text, 0, NULL);
            read_value(event, parsed, depth + 1);
            json_decref(parsed);
            return;
        }
        if (!strcmp(wraps[i], "msys") && json_is_object(inner)) {
            json_object_foreach((json_t *)inner, key, value) read_value(event, value, depth + 1);
            return;
        }
        if (json_is_object(inner) || json_is_array(inner)) {
            read_value(event, inner, depth + 1);
            return;
        }
    }
    if (!read_logged_line(event, value)) {
        event->counts->events++;
        event->counts->no_reports++;
    }
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
