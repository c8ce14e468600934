#include "bounce/report.h"

#include "base/log.h"
#include "base/memory.h"
#include "bounce/find_address.h"
#include "bounce/line_words.h"
#include "bounce/prose_words.h"
#include "bounce/report_private.h"
#include "bounce/verp.h"

static void start(struct mc_report *report, const struct mc_message *message, size_t mail,
                  struct mc_span source, const struct mc_bounce_sink *sink,
                  struct mc_bounce_counts *counts)
{
    memset(report, 0, offsetof(struct mc_report, prose.failed));
    report->sink = sink;
    report->counts = counts;
    report->source = source;
    report->message = message;
    report->mail = mail;
    report->headers = mc_message_headers(message, mail);
}

/* ---- prose ---- */

static void emit_prose(struct mc_report *report, struct mc_span address, bool alone)
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
            (!said.text.len || mc_span_equal_nocase(mc_report_first_address(subject), address)))
            said.text = subject;
    }
    /* "<mx.example.org #5.1.1>": Exchange's number, and qmail's */
    size_t number = mc_bounce_find(said.text, " #5.") + 2;
    if (number < said.text.len)
        mc_bounce_status(mc_span(said.text.at + number, said.text.len - number), &said);
    struct mc_span mailed = mc_prose_mailed(&report->prose, address);
    mc_report_emit(report, mc_report_settle(report, address, mailed), &said, mc_span("", 0));
}

static bool read_failed_field(struct mc_report *report)
{
    struct mc_span failed = mc_report_field(report, "X-Failed-Recipients"), address;
    size_t from = 0, count = 0;
    while (mc_find_address(failed, &from, &address))
        count++;
    for (from = 0; mc_find_address(failed, &from, &address);)
        emit_prose(report, address, count == 1);
    return count > 0;
}

/* Of somebody named something is said that failed; answers to orders name people too. */
static bool says_why(const struct mc_report *report)
{
    const struct mc_prose *prose = &report->prose;
    for (size_t i = 0; i < prose->count; i++)
        if (mc_bounce_is_telling(
                mc_prose_reply(prose, prose->failed[i].address, prose->count == 1)))
            return true;
    return mc_bounce_is_telling(mc_message_subject(report->message, report->mail));
}

/* `sure`: a report it is; `least`: the worth that an address must have in it. */
static void read_prose(struct mc_report *report, bool sure, unsigned least)
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
    struct mc_span to = mc_report_original_to(report);
    if (!to.len && report->prose.count)
        to = report->prose.failed[0].address;
    if (!to.len) /* "Returned mail: Quota exceeded for user a@b.example" */
        to = mc_report_first_address(mc_message_subject(report->message, report->mail));
    if (mc_span_equal_nocase(to, report->sender) || mc_is_daemon(to))
        to.len = 0;
    if (to.len || report->verp_len)
        emit_prose(report, to, true);
}

/* The text for people, all text parts of the mail in a row; HTML only where there is no other. */
static struct mc_span prose_of(struct mc_report *report)
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

static bool is_from_daemon(const struct mc_report *report)
{
    struct mc_span from = mc_report_field(report, "From");
    struct mc_span path = mc_report_field(report, "Return-Path");
    /* what programs answer in the name of people comes from nowhere, too */
    return mc_words_daemon(from) ||
           (mc_span_equal(path, mc_span("<>", 2)) && (!mc_words_person(from) || report->named));
}

static bool is_auto_reply(const struct mc_report *report)
{
    struct mc_span subject = mc_message_subject(report->message, report->mail);
    if (mc_prose_is_auto_reply_subject(subject))
        return !report->named || !mc_words_daemon(mc_report_field(report, "From"));
    if (report->named || mc_report_field(report, "X-Failed-Recipients").len)
        return false;
    return mc_bounce_starts(mc_report_field(report, "Auto-Submitted"), "auto-replied") ||
           mc_report_field(report, "X-Autoreply").len ||
           mc_report_field(report, "X-Autorespond").len ||
           mc_report_field(report, "X-Autoresponder").len ||
           mc_bounce_starts(mc_report_field(report, "Precedence"), "auto_reply") ||
           mc_bounce_starts(mc_report_field(report, "X-Precedence"), "auto_reply");
}

static const struct mc_part *part_of(const struct mc_report *report, enum mc_part_kind kind,
                                     size_t *at)
{
    for (; *at < report->message->part_count; ++*at)
        if (report->message->parts[*at].mail == report->mail &&
            report->message->parts[*at].kind == kind)
            return &report->message->parts[*at];
    return NULL;
}

/* Fields of a report that somebody forwarded as text. */
static bool read_pasted_status(struct mc_report *report, struct mc_span text)
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
    mc_report_read_status(report, status);
    return report->found || report->success;
}

/* ezmlm and Mailman send the first report on: as a mail within, read next, or as text, read here.
 */
static bool read_enclosed(struct mc_report *report)
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
static bool encloses_status(const struct mc_report *report)
{
    for (size_t i = 0; i < report->message->part_count; i++)
        if (report->message->parts[i].mail > report->mail &&
            report->message->parts[i].kind == MC_PART_STATUS)
            return true;
    return false;
}

/* What went to a list, answers a mail or is about goods that could not be delivered. */
static bool is_from_people(const struct mc_report *report)
{
    return mc_report_field(report, "List-Id").len ||
           mc_report_field(report, "List-Unsubscribe").len ||
           mc_words_answer(mc_message_subject(report->message, report->mail)) ||
           mc_words_trade(report->prose.text);
}

/* True where the mail was a report, whoever was found in it. */
static bool read_mail(struct mc_report *report)
{
    size_t at = 0;
    struct mc_span subject = mc_message_subject(report->message, report->mail);
    if (part_of(report, MC_PART_FEEDBACK, &at) &&
        mc_report_read_feedback(report, mc_message_part(report->message, at)))
        return true;
    struct mc_span text = prose_of(report);
    mc_prose_read(text, report->sender, &report->prose);
    if (report->prose.count == MC_FAILED_MAX)
        mc_log(MC_LOG_WARNING, "%.*s: names more recipients than are read: %u",
               (int)report->source.len, report->source.at, MC_FAILED_MAX);
    for (at = 0; part_of(report, MC_PART_STATUS, &at); at++)
        mc_report_read_status(report, mc_message_part(report->message, at));
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
    bool named = report->named || mc_bounce_has(mc_report_field(report, "From"), "mailer-daemon");
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

static void find_verp(struct mc_report *report)
{
    static const char *const fields[] = {"To", "Delivered-To", "X-Original-To", "Envelope-To",
                                         "X-Envelope-To"};
    if (!report->sink->verp)
        return;
    for (size_t i = 0; i < MC_ARRAY_LEN(fields) && !report->verp_len; i++)
        report->verp_len = mc_verp_read(report->sink->verp,
                                        mc_report_first_address(mc_report_field(report, fields[i])),
                                        report->verp, sizeof report->verp);
}

void mc_report_read(const struct mc_message *message, struct mc_span source,
                    const struct mc_bounce_sink *sink, struct mc_bounce_counts *counts)
{
    struct mc_report report;
    bool done = false;
    counts->messages++;
    for (size_t mail = 1; mail < message->mail_count && !done; mail++) { /* Hotmail's own form */
        struct mc_span to = mc_message_field(message, mail, "X-HmXmrOriginalRecipient");
        if (!to.len || !mc_bounce_has(mc_message_subject(message, 0), "complaint about message"))
            continue;
        start(&report, message, 0, source, sink, counts);
        mc_report_complain(&report, to);
        done = report.found;
    }
    for (size_t mail = 0; mail < message->mail_count && !done; mail++) {
        start(&report, message, mail, source, sink, counts);
        report.sender = mc_report_first_address(mc_message_field(message, mail, "To"));
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
