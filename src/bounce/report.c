#include "bounce/report.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "bounce/bounce_text.h"
#include "bounce/dsn.h"
#include "bounce/find_address.h"
#include "bounce/judge.h"
#include "bounce/line_words.h"
#include "bounce/prose_words.h"
#include "bounce/verp.h"
#include "bounce/when.h"

struct report {
    const struct mc_message *message;
    const struct mc_bounce_sink *sink;
    struct mc_bounce_counts *counts;
    struct mc_span source;
    size_t mail;            /* the one that is read as a report */
    struct mc_span headers; /* of it */
    struct mc_span sender;  /* to whom the report went */
    struct mc_text html;
    char last[MC_ADDRESS_MAX + 2]; /* the address that was handed out last */
    size_t last_len;
    char verp[MC_ADDRESS_MAX + 2];
    size_t verp_len;
    char mailed[MC_ADDRESS_MAX + 2]; /* where that is another one */
    size_t mailed_len;
    size_t found;
    bool named; /* a report, by its Subject: */
    bool delayed, success;
    int64_t at; /* when it was made, and which one it is */
    uint64_t id;
    struct mc_prose prose; /* the last, for it is long and mostly empty */
};

static void start(struct report *report, const struct mc_message *message, size_t mail,
                  struct mc_span source, const struct mc_bounce_sink *sink,
                  struct mc_bounce_counts *counts)
{
    memset(report, 0, offsetof(struct report, prose.failed));
    report->sink = sink;
    report->counts = counts;
    report->source = source;
    report->message = message;
    report->mail = mail;
    report->headers = mc_message_headers(message, mail);
}

static struct mc_span field(const struct report *report, const char *name)
{
    return mc_message_field(report->message, report->mail, name);
}

/* ---- when, and which ---- */

/* Its Date, else that of the mail around it. */
static int64_t date_of(const struct report *report)
{
    for (size_t mail = report->mail + 1; mail-- > 0;) {
        int64_t at =
            mc_when_mail(mc_message_field(report->message, mail, "Date"), report->sink->now);
        if (!at) { /* who took it in wrote a time behind the last semicolon */
            struct mc_span received = mc_message_field(report->message, mail, "Received");
            const char *mark = received.len ? memrchr(received.at, ';', received.len) : NULL;
            size_t skip = mark ? (size_t)(mark - received.at) + 1 : received.len;
            at = mc_when_mail(mc_span(received.at + skip, received.len - skip), report->sink->now);
        }
        if (at)
            return at;
    }
    return 0;
}

/* Message-ID, or all headers where there is none. */
static void stamp(struct report *report)
{
    if (report->id)
        return;
    struct mc_span name = field(report, "Message-ID");
    if (name.len < 6 && report->headers.len < 40)
        name = mc_bounce_trim(report->message->raw);
    report->id = mc_hash_lasting(name.len < 6 ? report->headers : name);
    report->at = date_of(report);
}

/* ---- handing out ---- */

static void emit(struct report *report, struct mc_span raw, const struct mc_bounce_said *given,
                 struct mc_span host)
{
    struct mc_address address;
    struct mc_bounce_said said = *given;
    if (report->verp_len)
        raw = mc_span(report->verp, report->verp_len);
    if (mc_address_parse(raw, &address) != MC_SYNTAX_OK && !mc_read_address(raw, &address))
        return;
    if (mc_span_equal(mc_span(report->last, report->last_len), address.email))
        return; /* some reports list one recipient many times */
    memcpy(report->last, address.email.at, address.email.len);
    report->last_len = address.email.len;
    said.recipient = address.email;
    said.sender = report->sender;
    if (host.len && report->sink->provider)
        said.provider = report->sink->provider(report->sink->arg, host);
    stamp(report);
    const char *rule;
    enum mc_reason reason = mc_bounce_judge(&said, &rule);
    struct mc_bounce bounce = {
        .address = address.email,
        .rule = rule,
        .mailed = mc_span(report->mailed, report->verp_len ? 0 : report->mailed_len),
        .reason = reason,
        .stage = said.stage,
        .smtp = said.text,
        .host = host,
        .provider = said.provider,
        .source = report->source,
        .at = report->at,
        .report = report->id,
    };
    report->found++;
    report->counts->bounces++;
    report->sink->found(report->sink->arg, &bounce);
}

static struct mc_span first_address(struct mc_span text)
{
    size_t from = 0;
    struct mc_span address;
    return mc_find_address(text, &from, &address) ? address : mc_span("", 0);
}

/* ---- RFC 5965 ---- */

static void complain(struct report *report, struct mc_span raw)
{
    struct mc_address address;
    if (!mc_read_address(raw, &address))
        return;
    stamp(report);
    struct mc_bounce bounce = {
        .address = address.email,
        .reason = MC_REASON_SUPPRESSED,
        .smtp = mc_span_of("complaint"),
        .source = report->source,
        .at = report->at,
        .report = report->id,
    };
    report->found++;
    report->counts->complaints++;
    report->sink->found(report->sink->arg, &bounce);
}

/* The To: of the message that came back, the nearest one below. */
static struct mc_span original_to(const struct report *report)
{
    static const char *const fields[] = {"X-HmXmrOriginalRecipient",
                                         "X-Failed-Recipients",
                                         "X-Envelope-To",
                                         "X-Original-To",
                                         "Delivered-To",
                                         "To"};
    for (size_t i = report->mail + 1; i < report->message->mail_count; i++) {
        for (size_t j = 0; j < MC_ARRAY_LEN(fields); j++) {
            struct mc_span to = first_address(mc_message_field(report->message, i, fields[j]));
            if (to.len && !mc_span_equal_nocase(to, report->sender))
                return to;
        }
    }
    return first_address(mc_header(report->prose.original, "To"));
}

static bool read_feedback(struct report *report, struct mc_span text)
{
    struct mc_dsn_group group;
    if (!mc_dsn_next(&text, &group))
        return false;
    struct mc_span type = group.field[MC_DSN_FEEDBACK_TYPE];
    if (mc_bounce_starts(type, "not-spam") || mc_bounce_starts(type, "auth-failure") ||
        mc_bounce_starts(type, "dmarc") || mc_bounce_starts(type, "virus")) {
        report->success = true;
        return true;
    }
    struct mc_span to = first_address(group.field[MC_DSN_COMPLAINED]);
    complain(report, to.len ? to : original_to(report));
    if (!report->found)
        report->counts->nameless++;
    return true;
}

/* ---- RFC 3464 ---- */

/* Mail for one address may fail at another, to which it was forwarded, or which is one of many
 * behind it. The second is the one that failed: to bury the first would bury those who got it. It
 * is another matter where both are names of one mailbox. */
static struct mc_span settle(struct report *report, struct mc_span failed, struct mc_span mailed)
{
    struct mc_address address;
    mailed = first_address(mailed);
    report->mailed_len = 0;
    if (!mc_read_address(mailed, &address) || mc_span_equal_nocase(mailed, report->sender) ||
        mc_is_daemon(mailed) || mc_span_equal_nocase(mailed, failed))
        return failed;
    if (!failed.len || mc_is_same_mailbox(failed, mailed))
        return mailed;
    memcpy(report->mailed, address.email.at, address.email.len);
    report->mailed_len = address.email.len;
    return failed;
}

static struct mc_span recipient_of(struct report *report, const struct mc_dsn_group *group)
{
    static const enum mc_dsn_field order[] = {MC_DSN_FINAL, MC_DSN_ACTUAL};
    struct mc_address address;
    struct mc_span failed = mc_span("", 0);
    for (size_t i = 0; i < MC_ARRAY_LEN(order) && !failed.len; i++) {
        struct mc_span value = mc_dsn_untyped(group->field[order[i]]);
        bool bare = value.len && value.at[0] != '<' && !memchr(value.at, ' ', value.len);
        if (bare && mc_address_parse(value, &address) == MC_SYNTAX_OK)
            failed = value; /* of any script */
        else if (mc_read_address(value, &address) && !mc_bounce_starts(value, "undisclosed"))
            failed = first_address(value);
    }
    struct mc_span mailed = mc_dsn_untyped(group->field[MC_DSN_ORIGINAL]);
    if (!mailed.len && failed.len)
        mailed = mc_prose_mailed(&report->prose, failed);
    return settle(report, failed, mailed);
}

/* Sendmail's Diagnostic-Code has the first line of a reply of several; the transcript has all. */
static struct mc_span complete(struct report *report, struct mc_span diagnostic, struct mc_span to,
                               bool alone)
{
    if (diagnostic.len < 5 || diagnostic.at[3] != '-' ||
        memchr(diagnostic.at, '\n', diagnostic.len))
        return diagnostic;
    struct mc_span quoted = mc_prose_reply(&report->prose, to, alone);
    bool longer = quoted.len > diagnostic.len &&
                  mc_span_equal(mc_span(quoted.at, diagnostic.len), diagnostic);
    return longer ? quoted : diagnostic;
}

static void read_recipient(struct report *report, const struct mc_dsn_group *group, bool alone)
{
    struct mc_span action = group->field[MC_DSN_ACTION];
    struct mc_bounce_said said = {.delayed = mc_bounce_starts(action, "delayed")};
    mc_bounce_status(group->field[MC_DSN_STATUS], &said);
    if (mc_bounce_starts(action, "delivered") || mc_bounce_starts(action, "relayed") ||
        mc_bounce_starts(action, "expanded") || group->field[MC_DSN_DISPOSITION].len ||
        (!action.len && said.class == 2)) {
        /* Dovecot refuses with a receipt that says "deleted" */
        bool refused = mc_bounce_has(group->field[MC_DSN_DISPOSITION], "MDN-sent-automatically") &&
                       mc_bounce_has(group->field[MC_DSN_DISPOSITION], "deleted") &&
                       mc_bounce_has(report->prose.text, "rejected");
        if (!refused) {
            report->success = true;
            return;
        }
    }
    struct mc_span to = recipient_of(report, group);
    if (!to.len) {
        to = first_address(field(report, "X-Failed-Recipients"));
        to = to.len                ? to
             : report->prose.count ? report->prose.failed[0].address
                                   : original_to(report);
    }
    said.text = complete(report, mc_dsn_untyped(group->field[MC_DSN_DIAGNOSTIC]), to, alone);
    if (!mc_bounce_is_telling(said.text)) {
        struct mc_span other = group->field[MC_DSN_TEXT];
        if (!mc_bounce_is_telling(other)) {
            struct mc_span prose = mc_prose_reply(&report->prose, to, alone);
            /* a disclaimer below the report is no reason */
            if (!mc_bounce_status_tells(&said) || mc_bounce_quotes_reply(prose))
                other = prose;
        }
        if (!mc_bounce_is_telling(other)) /* "5.0.0 (recipient reached disk quota)" */
            other = group->field[MC_DSN_STATUS].len > 8 ? group->field[MC_DSN_STATUS] : other;
        if (other.len && (mc_bounce_is_telling(other) || !said.text.len))
            said.text = other;
    }
    struct mc_span host = mc_dsn_untyped(group->field[MC_DSN_REMOTE_MTA]);
    if (!report->at)
        report->at = mc_when_mail(group->field[MC_DSN_LAST_ATTEMPT], report->sink->now);
    emit(report, to, &said, host);
}

static bool has_recipient(const struct mc_dsn_group *group)
{
    return group->field[MC_DSN_FINAL].len || group->field[MC_DSN_ORIGINAL].len ||
           (group->field[MC_DSN_ACTION].len && group->field[MC_DSN_STATUS].len);
}

/* Something is said of him. */
static bool is_judged(const struct mc_dsn_group *group)
{
    return group->field[MC_DSN_ACTION].len || group->field[MC_DSN_STATUS].len ||
           group->field[MC_DSN_DIAGNOSTIC].len || group->field[MC_DSN_DISPOSITION].len;
}

static void read_status(struct report *report, struct mc_span text)
{
    struct mc_dsn_group group;
    struct mc_span rest = text;
    size_t recipients = 0, judged = 0;
    stamp(report);
    while (mc_dsn_next(&rest, &group)) {
        recipients += has_recipient(&group);
        judged += has_recipient(&group) && is_judged(&group);
        if (!report->at)
            report->at = mc_when_mail(group.field[MC_DSN_ARRIVAL], report->sink->now);
    }
    for (rest = text; mc_dsn_next(&rest, &group);)
        if (has_recipient(&group) && (is_judged(&group) || !judged))
            read_recipient(report, &group, recipients == 1);
}

/* ---- prose ---- */

static void emit_prose(struct report *report, struct mc_span address, bool alone)
{
    struct mc_bounce_said said = {.delayed = report->delayed};
    said.text = mc_prose_reply(&report->prose, address, alone);
    if (!said.text.len && alone) {
        said.text = mc_bounce_trim(report->prose.text);
        if (said.text.len > 1000)
            said.text.len = 1000;
    }
    if (!mc_bounce_is_telling(said.text)) {
        struct mc_span subject = mc_message_subject(report->message, report->mail);
        if (mc_bounce_is_telling(subject) &&
            (!said.text.len || mc_span_equal_nocase(first_address(subject), address)))
            said.text = subject;
    }
    /* "<mx.example.org #5.1.1>": Exchange's number, and qmail's */
    size_t number = mc_bounce_find(said.text, " #5.") + 2;
    if (number < said.text.len)
        mc_bounce_status(mc_span(said.text.at + number, said.text.len - number), &said);
    struct mc_span mailed = mc_prose_mailed(&report->prose, address);
    emit(report, settle(report, address, mailed), &said, mc_span("", 0));
}

static bool read_failed_field(struct report *report)
{
    struct mc_span failed = field(report, "X-Failed-Recipients"), address;
    size_t from = 0, count = 0;
    while (mc_find_address(failed, &from, &address))
        count++;
    for (from = 0; mc_find_address(failed, &from, &address);)
        emit_prose(report, address, count == 1);
    return count > 0;
}

/* Of somebody named something is said that failed; answers to orders name people too. */
static bool says_why(const struct report *report)
{
    const struct mc_prose *prose = &report->prose;
    for (size_t i = 0; i < prose->count; i++)
        if (mc_bounce_is_telling(
                mc_prose_reply(prose, prose->failed[i].address, prose->count == 1)))
            return true;
    return mc_bounce_is_telling(mc_message_subject(report->message, report->mail));
}

/* `sure`: a report it is; `least`: the worth that an address must have in it. */
static void read_prose(struct report *report, bool sure, unsigned least)
{
    size_t count = report->prose.count;
    if (report->prose.worth >= least && (report->prose.worth > 2 || count == 1) &&
        (sure || says_why(report))) {
        for (size_t i = 0; i < count; i++)
            emit_prose(report, report->prose.failed[i].address, count == 1);
        if (report->found)
            return;
    }
    if (!sure)
        return;
    struct mc_span to = original_to(report);
    if (!to.len && report->prose.count)
        to = report->prose.failed[0].address;
    if (!to.len) /* "Returned mail: Quota exceeded for user a@b.example" */
        to = first_address(mc_message_subject(report->message, report->mail));
    if (mc_span_equal_nocase(to, report->sender) || mc_is_daemon(to))
        to.len = 0;
    if (to.len || report->verp_len)
        emit_prose(report, to, true);
}

/* The text for people, all text parts of the mail in a row; HTML only where there is no other. */
static struct mc_span prose_of(struct report *report)
{
    const struct mc_message *message = report->message;
    size_t last = 0, plain = 0;
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].mail == report->mail && message->parts[i].kind == MC_PART_TEXT &&
            mc_bounce_trim(mc_message_part(message, i)).len) {
            last = i;
            plain++;
        }
    if (plain == 1)
        return mc_message_part(message, last);
    for (size_t i = 0; i < message->part_count; i++) {
        const struct mc_part *part = &message->parts[i];
        if (part->mail != report->mail || part->kind != (plain ? MC_PART_TEXT : MC_PART_HTML))
            continue;
        if (plain)
            mc_text_add_span(&report->html, mc_message_part(message, i));
        else
            mc_prose_from_html(mc_message_part(message, i), &report->html);
        mc_text_add_char(&report->html, '\n');
    }
    return mc_text_span(&report->html);
}

/* ---- what is it? ---- */

static bool is_from_daemon(const struct report *report)
{
    struct mc_span from = field(report, "From");
    struct mc_span path = field(report, "Return-Path");
    /* what programs answer in the name of people comes from nowhere, too */
    return mc_words_daemon(from) ||
           (mc_span_equal(path, mc_span("<>", 2)) && (!mc_words_person(from) || report->named));
}

static bool is_auto_reply(const struct report *report)
{
    struct mc_span subject = mc_message_subject(report->message, report->mail);
    if (mc_prose_is_auto_reply_subject(subject))
        return !report->named || !mc_words_daemon(field(report, "From"));
    if (report->named || field(report, "X-Failed-Recipients").len)
        return false;
    return mc_bounce_starts(field(report, "Auto-Submitted"), "auto-replied") ||
           field(report, "X-Autoreply").len || field(report, "X-Autorespond").len ||
           field(report, "X-Autoresponder").len ||
           mc_bounce_starts(field(report, "Precedence"), "auto_reply") ||
           mc_bounce_starts(field(report, "X-Precedence"), "auto_reply");
}

static const struct mc_part *part_of(const struct report *report, enum mc_part_kind kind,
                                     size_t *at)
{
    for (; *at < report->message->part_count; ++*at)
        if (report->message->parts[*at].mail == report->mail &&
            report->message->parts[*at].kind == kind)
            return &report->message->parts[*at];
    return NULL;
}

/* Fields of a report that somebody forwarded as text. */
static bool read_pasted_status(struct report *report, struct mc_span text)
{
    size_t at = mc_bounce_find(text, "Final-Recipient:");
    if (at == text.len || !memmem(text.at, text.len, "ecipient:", strlen("ecipient:")) ||
        !mc_bounce_has(text, "\nAction:"))
        return false;
    struct mc_span rest = mc_span(text.at + at, text.len - at), status = rest;
    /* up to the message that came back with it */
    while (rest.len) {
        struct mc_span line = mc_bounce_line(&rest);
        if (mc_bounce_starts(line, "Received:") || mc_bounce_starts(line, "--")) {
            status.len = (size_t)(line.at - status.at);
            break;
        }
    }
    read_status(report, status);
    return report->found || report->success;
}

/* ezmlm and Mailman send the first report on: as a mail within, read next, or as text, read here.
 */
static bool read_enclosed(struct report *report)
{
    struct mc_span inner = report->prose.original;
    struct mc_message message = {0};
    mc_bounce_line(&inner);
    inner = mc_bounce_trim(inner);
    struct mc_bounce_counts counts = {0};
    if (report->verp_len || report->message->mail_count > 1 || !mc_header(inner, "From").len)
        return false;
    mc_mime_read(inner, &message);
    mc_report_read(&message, report->source, report->sink, &counts);
    mc_message_free(&message);
    report->counts->bounces += counts.bounces;
    report->counts->nameless += counts.nameless;
    report->found = counts.bounces;
    return report->found > 0;
}

/* A mail further in has a delivery status: a gateway put a disclaimer around the report. */
static bool encloses_status(const struct report *report)
{
    for (size_t i = 0; i < report->message->part_count; i++)
        if (report->message->parts[i].mail > report->mail &&
            report->message->parts[i].kind == MC_PART_STATUS)
            return true;
    return false;
}

/* What went to a list, answers a mail or is about goods that could not be delivered. */
static bool is_from_people(const struct report *report)
{
    return field(report, "List-Id").len || field(report, "List-Unsubscribe").len ||
           mc_words_answer(mc_message_subject(report->message, report->mail)) ||
           mc_words_trade(report->prose.text);
}

/* True where the mail was a report, whoever was found in it. */
static bool read_mail(struct report *report)
{
    size_t at = 0;
    struct mc_span subject = mc_message_subject(report->message, report->mail);
    if (part_of(report, MC_PART_FEEDBACK, &at) &&
        read_feedback(report, mc_message_part(report->message, at)))
        return true;
    struct mc_span text = prose_of(report);
    mc_prose_read(text, report->sender, &report->prose);
    if (report->prose.count == MC_FAILED_MAX)
        mc_log(MC_LOG_WARNING, "%.*s: names more recipients than are read: %u",
               (int)report->source.len, report->source.at, MC_FAILED_MAX);
    for (at = 0; part_of(report, MC_PART_STATUS, &at); at++)
        read_status(report, mc_message_part(report->message, at));
    if (report->found || report->success || read_pasted_status(report, text))
        return true;
    if (mc_words_are_cover(report->prose.text) || mc_words_are_cover(report->prose.original)) {
        if (read_enclosed(report))
            return true;
        if (report->message->mail_count > report->mail + 1)
            return false;
    }
    if (report->prose.worth < 3 && encloses_status(report))
        return false;
    report->named = mc_prose_is_report_subject(subject);
    if (is_auto_reply(report)) {
        report->counts->auto_replies++;
        return true;
    }
    if (mc_prose_is_success(subject, report->prose.text)) {
        report->success = true;
        return true;
    }
    bool daemon = is_from_daemon(report);
    bool named = report->named || mc_bounce_has(field(report, "From"), "mailer-daemon");
    report->delayed = mc_prose_is_delay(report->prose.text) || mc_words_delay(subject);
    if (read_failed_field(report))
        return true;
    bool sure = report->message->mails[report->mail].is_report || (daemon && named), likely = sure;
    if (!sure) { /* then it is told by its words */
        bool worded = mc_prose_is_report_text(report->prose.text);
        bool looks = named && mc_words_fail(subject) && !is_from_people(report);
        sure = worded && (daemon || (looks && report->message->mail_count > report->mail + 1));
        likely = sure || (looks && worded);
        if (!sure && !daemon && !looks)
            return false;
    }
    read_prose(report, sure, likely ? 1 : daemon ? 3 : 4);
    if (!report->found && sure)
        report->counts->nameless++;
    return report->found || sure;
}

static void find_verp(struct report *report)
{
    static const char *const fields[] = {"To", "Delivered-To", "X-Original-To", "Envelope-To",
                                         "X-Envelope-To"};
    if (!report->sink->verp)
        return;
    for (size_t i = 0; i < MC_ARRAY_LEN(fields) && !report->verp_len; i++)
        report->verp_len = mc_verp_read(report->sink->verp, first_address(field(report, fields[i])),
                                        report->verp, sizeof report->verp);
}

void mc_report_read(const struct mc_message *message, struct mc_span source,
                    const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts)
{
    struct report report;
    bool done = false;
    counts->messages++;
    for (size_t mail = 1; mail < message->mail_count && !done; mail++) { /* Hotmail's own form */
        struct mc_span to = mc_message_field(message, mail, "X-HmXmrOriginalRecipient");
        if (!to.len || !mc_bounce_has(mc_message_subject(message, 0), "complaint about message"))
            continue;
        start(&report, message, 0, source, sink, counts);
        complain(&report, to);
        done = report.found;
    }
    for (size_t mail = 0; mail < message->mail_count && !done; mail++) {
        start(&report, message, mail, source, sink, counts);
        report.sender = first_address(mc_message_field(message, mail, "To"));
        find_verp(&report);
        done = read_mail(&report);
        if (report.success && !report.found)
            counts->successes++;
        mc_text_free(&report.html);
    }
    if (mc_message_is_cut(message))
        counts->damaged++;
    counts->no_reports += !done;
}
