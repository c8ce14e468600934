/* The parts of a report that are made for machines. */
#include "base/memory.h"
#include "bounce/dsn.h"
#include "bounce/find_address.h"
#include "bounce/report_private.h"
#include "bounce/when.h"

/* ---- RFC 5965 ---- */

bool mc_report_read_feedback(struct mc_report *report, struct mc_span text)
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
    struct mc_span to = mc_report_first_address(group.field[MC_DSN_COMPLAINED]);
    mc_report_complain(report, to.len ? to : mc_report_original_to(report));
    if (!report->found)
        report->counts->nameless++;
    return true;
}

/* ---- RFC 3464 ---- */

static struct mc_span recipient_of(struct mc_report *report, const struct mc_dsn_group *group)
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
            failed = mc_report_first_address(value);
    }
    struct mc_span mailed = mc_dsn_untyped(group->field[MC_DSN_ORIGINAL]);
    if (!mailed.len && failed.len)
        mailed = mc_prose_mailed(&report->prose, failed);
    return mc_report_settle(report, failed, mailed);
}

/* Sendmail's Diagnostic-Code has the first line of a reply of several; the transcript has all. */
static struct mc_span complete(struct mc_report *report, struct mc_span diagnostic,
                               struct mc_span to, bool alone)
{
    if (diagnostic.len < 5 || diagnostic.at[3] != '-' ||
        memchr(diagnostic.at, '\n', diagnostic.len))
        return diagnostic;
    struct mc_span quoted = mc_prose_reply(&report->prose, to, alone);
    bool longer = quoted.len > diagnostic.len &&
                  mc_span_equal(mc_span(quoted.at, diagnostic.len), diagnostic);
    return longer ? quoted : diagnostic;
}

static void read_recipient(struct mc_report *report, const struct mc_dsn_group *group, bool alone)
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
        to = mc_report_first_address(mc_report_field(report, "X-Failed-Recipients"));
        to = to.len                ? to
             : report->prose.count ? report->prose.failed[0].address
                                   : mc_report_original_to(report);
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
    mc_report_emit(report, to, &said, host);
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

void mc_report_read_status(struct mc_report *report, struct mc_span text)
{
    struct mc_dsn_group group;
    struct mc_span rest = text;
    size_t recipients = 0, judged = 0;
    mc_report_stamp(report);
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
