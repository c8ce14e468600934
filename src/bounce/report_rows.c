/* What every row of a report has, wherever in it somebody was found: when, which report, who. */
#include "bounce/report_private.h"

#include "base/hash.h"
#include "base/memory.h"
#include "bounce/find_address.h"
#include "bounce/when.h"

struct mc_span mc_report_field(const struct mc_report *report, const char *name)
{
    return mc_message_field(report->message, report->mail, name);
}

/* ---- when, and which ---- */

/* Its Date, else that of the mail around it. */
static int64_t date_of(const struct mc_report *report)
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
void mc_report_stamp(struct mc_report *report)
{
    if (report->id)
        return;
    struct mc_span name = mc_report_field(report, "Message-ID");
    if (name.len < 6 && report->headers.len < 40)
        name = mc_bounce_trim(report->message->raw);
    report->id = mc_hash_lasting(name.len < 6 ? report->headers : name);
    report->at = date_of(report);
}

/* ---- handing out ---- */

void mc_report_emit(struct mc_report *report, struct mc_span raw,
                    const struct mc_bounce_said *given, struct mc_span host)
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
    mc_report_stamp(report);
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

struct mc_span mc_report_first_address(struct mc_span text)
{
    size_t from = 0;
    struct mc_span address;
    return mc_find_address(text, &from, &address) ? address : mc_span("", 0);
}

void mc_report_complain(struct mc_report *report, struct mc_span raw)
{
    struct mc_address address;
    if (!mc_read_address(raw, &address))
        return;
    mc_report_stamp(report);
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

/* ---- whom it is about ---- */

/* The To: of the message that came back, the nearest one below. */
struct mc_span mc_report_original_to(const struct mc_report *report)
{
    static const char *const fields[] = {"X-HmXmrOriginalRecipient",
                                         "X-Failed-Recipients",
                                         "X-Envelope-To",
                                         "X-Original-To",
                                         "Delivered-To",
                                         "To"};
    for (size_t i = report->mail + 1; i < report->message->mail_count; i++) {
        for (size_t j = 0; j < MC_ARRAY_LEN(fields); j++) {
            struct mc_span to =
                mc_report_first_address(mc_message_field(report->message, i, fields[j]));
            if (to.len && !mc_span_equal_nocase(to, report->sender))
                return to;
        }
    }
    return mc_report_first_address(mc_header(report->prose.original, "To"));
}

/* Mail for one address may fail at another, to which it was forwarded, or which is one of many
 * behind it. The second is the one that failed: to bury the first would bury those who got it. It
 * is another matter where both are names of one mailbox. */
struct mc_span mc_report_settle(struct mc_report *report, struct mc_span failed,
                                struct mc_span mailed)
{
    struct mc_address address;
    mailed = mc_report_first_address(mailed);
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
