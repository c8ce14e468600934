/* Delivery reports of many shapes, log lines, events and return paths. The messages stand in
 * tests/cases/bounces, what they say in tests/cases/bounces.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "bounce/cause.h"
#include "bounce/mailbox.h"
#include "bounce/verp.h"

static void found(void *arg, const struct mc_bounce *bounce)
{
    struct mc_text *text = arg;
    mc_text_printf(text, "%s%.*s %s", text->len ? " " : "", (int)bounce->address.len,
                   bounce->address.at, mc_reason_name(bounce->reason));
}

static const char *read_bytes(struct mc_span bytes, const char *verp, struct mc_text *text)
{
    struct mc_bounce_sink sink = {.found = found, .arg = text, .verp = verp};
    struct mc_bounce_counts counts = {0};
    text->len = 0;
    mc_mailbox_read_bytes(bytes, "test", &sink, &counts);
    if (!text->len)
        mc_text_add_char(text, '-');
    return mc_text_z(text);
}

static void messages(void **state)
{
    (void)state;
    char line[1024], path[1200];
    FILE *table = fopen("tests/cases/bounces.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        char *tab = strchr(line, '\t');
        if (line[0] == '#' || !tab)
            continue;
        *tab = '\0';
        tab[strcspn(tab + 1, "\n") + 1] = '\0';
        snprintf(path, sizeof path, "tests/cases/bounces/%s", line);
        struct mc_text text = {0};
        struct mc_bounce_sink sink = {.found = found, .arg = &text};
        struct mc_bounce_counts counts = {0};
        assert_true(mc_mailbox_read(path, &sink, &counts));
        if (!text.len)
            mc_text_add_char(&text, '-');
        if (strcmp(mc_text_z(&text), tab + 1) != 0)
            fail_msg("%s: %s, not %s", line, mc_text_z(&text), tab + 1);
        mc_text_free(&text);
    }
    fclose(table);
}

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wanted;
    } cases[] = {
        {"Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<a@example.org>, relay=mx.example.org[::1]:25, "
         "delay=1, dsn=5.1.1, status=bounced (host mx.example.org[::1] said: 550 5.1.1 "
         "<a@example.org>: Recipient address rejected: User unknown (in reply to RCPT TO command))",
         "a@example.org no_such_mailbox"},
        {"Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<a@example.org>, relay=none, dsn=4.4.1, "
         "status=deferred (connect to mx.example.org[198.18.0.1]:25: Connection refused)",
         "a@example.org connect_failed"},
        {"Nov  2 10:00:00 h postfix/smtp[1]: 4A: to=<a@example.org>, relay=x, dsn=2.0.0, "
         "status=sent (250 ok)",
         "-"},
        {"2026-11-02 10:00:00 1abcde-000000-00 ** b@example.org R=dns T=smtp H=mx [198.18.0.1]: "
         "SMTP error from remote mail server after RCPT TO:<b@example.org>: 550 no such user",
         "b@example.org no_such_mailbox"},
        {"2026-11-02 10:00:00 1abcde-000000-00 == b@example.org R=dns T=smtp defer (-44): SMTP "
         "error from remote mail server after RCPT TO:<b@example.org>: 451 greylisted",
         "b@example.org greylisted"},
        {"Nov  2 h sm-mta[9]: 2A: to=<c@example.org>, delay=1, mailer=esmtp, relay=mx. "
         "[198.18.0.1],"
         " dsn=5.1.1, stat=User unknown",
         "c@example.org no_such_mailbox"},
        {"Nov  2 h smtpd[9]: 7f mta delivery evpid=1 from=<x@y.example> to=<d@example.org> "
         "rcpt=<-> "
         "relay=\"198.18.0.1 (mx)\" delay=1s result=\"PermFail\" stat=\"550 5.7.1 listed at "
         "spamhaus\"",
         "d@example.org blocked"},
        /* Sendmail says "User unknown" of any 550: the number, or the reply, tells more */
        {"Nov  2 h sm-mta[9]: 2A: to=<c@example.org>, relay=mx. [198.18.0.1], dsn=5.7.1, "
         "stat=User unknown",
         "c@example.org blocked"},
        {"Nov  2 h sm-mta[9]: 2A: to=<c@example.org>, relay=mx. [198.18.0.1], dsn=5.1.8, "
         "stat=User unknown",
         "c@example.org blocked"},
        {"Nov  2 h sm-mta[9]: 2A: to=<c@example.org>, relay=mx. [198.18.0.1], dsn=5.1.1, "
         "reply=550 spam from your network, stat=User unknown",
         "c@example.org blocked"},
        {"Nov  2 h smtpd[9]: relay: PermFail for 7f: from=<x@y.example>, to=<d@example.org>, "
         "rcpt=<->, relay=[198.18.0.1], delay=1s, stat=550 5.1.1 no such user",
         "d@example.org no_such_mailbox"},
        {"@4000000065430a0c1a2b3c4d starting delivery 12: msg 345 to remote e@example.org\n"
         "@4000000065430a0c1a2b3c4d starting delivery 13: msg 345 to remote f@example.org\n"
         "@4000000065430a0d1a2b3c4d delivery 12: failure: 198.18.0.5_does_not_like_recipient./"
         "Remote_host_said:_550_5.1.1_User_unknown/Giving_up_on_198.18.0.5./\n"
         "@4000000065430a0d1a2b3c4d delivery 13: deferral: "
         "Connected_to_198.18.0.5_but_connection_died._(#4.4.2)/",
         "e@example.org no_such_mailbox f@example.org connect_failed"},
        {"Nov  2 10:00:00 h qmail: 1793610000.1 starting delivery 7: msg 1 to local g@example.org\n"
         "Nov  2 10:00:00 h qmail: 1793610000.2 delivery 7: failure: "
         "Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/",
         "g@example.org no_such_mailbox"},
        {"#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,"
         "connector-id,source,event-id,internal-message-id,message-id,network-message-id,"
         "recipient-address,recipient-status,total-bytes\n"
         "2026-11-02T10:00:00.000Z,,,198.18.0.1,MX,,Internet,SMTP,FAIL,1,<1@s.example>,x,"
         "h@example.org;i@example.org,\"{[{LRT=11/2/2026 10:00:00 AM};{LED=550 5.1.1 User unknown, "
         "\"\"sorry\"\"};{FQDN=mx.example.org};{IP=198.18.0.5}]}\",100,2,,,News,n@s.example\n"
         "2026-11-02T10:00:00.000Z,,MX,,MX,,,STOREDRIVER,DELIVER,1,<1@s.example>,x,j@example.org,,"
         "100,1,,,News,n@s.example\n"
         "2026-11-02T10:00:00.000Z,,,,MX,,,ROUTING,FAIL,1,<1@s.example>,x,k@example.org,550 5.1.1 "
         "RESOLVER.ADR.RecipNotFound; not found,100,1,,,News,n@s.example",
         "h@example.org no_such_mailbox i@example.org no_such_mailbox k@example.org "
         "no_such_mailbox"},
        {"2026-11-02 10:00:00 1abcde-000000-00 ** user <user@example.org> R=local T=mail: Mailbox "
         "quota exceeded",
         "user@example.org mailbox_full"},
        {"2026-11-02 10:00:00 1abcde-000000-00 == l@example.org R=dns T=smtp defer (-53): retry "
         "time not reached for any host",
         "l@example.org timeout"},
        {"2026-11-02 10:00:00 1abcde-000000-00 == m@example.org R=dns T=smtp defer (111): "
         "Connection refused",
         "m@example.org connect_failed"},
        {"2026-11-02 10:00:00 1abcde-000000-00 ** n@example.org: Unrouteable address",
         "n@example.org no_such_mailbox"},
        {"2026-11-02 10:00:00 1abcde-000000-00 ** o@nowhere.example R=dns: all relevant MX records "
         "point to non-existent hosts",
         "o@nowhere.example no_mail_server"},
        {"2026-11-02 10:00:00 1abcde-000000-00 ** p@example.org R=dns T=smtp H=mx.example.org "
         "[198.18.0.5] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes: SMTP error from remote mail "
         "server after end of data: 554 5.7.1 spam message rejected",
         "p@example.org blocked"},
        {"2026-11-02 10:00:00 1abcde-000000-00 == q@example.org R=dns T=smtp defer (-45) "
         "H=mx.example.org [198.18.0.5]: SMTP error from remote mail server after MAIL "
         "FROM:<n@s.example>: 421 too many connections",
         "q@example.org blocked"},
        {"550 5.1.1 <e@example.org>: User unknown", "e@example.org no_such_mailbox"},
        {"f@example.org: 452 4.2.2 mailbox full", "f@example.org mailbox_full"},
        {"250 2.1.5 ok", "-"},
        {"nothing at all", "-"},
        {"{\"eventType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bounceSubType\":"
         "\"General\",\"bouncedRecipients\":[{\"emailAddress\":\"g@example.org\",\"status\":"
         "\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 user unknown\"}]}}",
         "g@example.org no_such_mailbox"},
        {"{\"event\":\"spamreport\",\"email\":\"h@example.org\"}", "h@example.org suppressed"},
        {"{\"event-data\":{\"event\":\"failed\",\"severity\":\"temporary\",\"recipient\":"
         "\"i@example.org\",\"delivery-status\":{\"code\":452,\"message\":\"4.2.2 mailbox "
         "full\"}}}",
         "i@example.org mailbox_full"},
        {"{\"RecordType\":\"Bounce\",\"Type\":\"HardBounce\",\"Email\":\"j@example.org\","
         "\"Details\":\"smtp;550 5.7.1 message rejected as spam\"}",
         "j@example.org blocked"},
    };
    struct mc_text text = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_string_equal(read_bytes(mc_span_of(cases[i].line), NULL, &text), cases[i].wanted);
    mc_text_free(&text);
}

/* What the fields of a delivery status say, as systems of all kinds write them, and the text for
 * people where the fields say nothing. */
static void statuses(void **state)
{
    (void)state;
    static const struct {
        const char *status, *diagnostic, *prose, *wanted;
    } cases[] = {
        {"4.4.4", "smtp; 454 4.4.4 [internal] no MX or A for domain", "", "no_mail_server"},
        {"5.3.0", "X-Unix; 255",
         "   ----- The following addresses had permanent fatal errors "
         "-----\n\"|/usr/local/bin/filter\"\n    (reason: unknown mailer error 255)\n    (expanded "
         "from: <user@example.org>)",
         "server_error"},
        {"5.2.2", "X-Unix; 73",
         "   ----- The following addresses had permanent fatal errors -----\n<user@example.org>\n  "
         "  (reason: Can't create output)\n\n   ----- Transcript of session follows "
         "-----\nprocmail: Quota exceeded while writing \"/var/mail/user\"\n550 5.0.0 "
         "<user@example.org>... Can't create output",
         "mailbox_full"},
        {"5.2.2",
         "X-Postfix; maildir delivery failed: Sorry, the user's maildir has\n    overdrawn his "
         "diskspace quota, please try again later.",
         "", "mailbox_full"},
        {"5.1.3", "X-Postfix; bad address syntax", "", "no_such_mailbox"},
        {"5.3.0",
         "X-Postfix; Command died with status 127: \"/usr/bin/vacation\".\n    Command output: "
         "/usr/bin/vacation: not found",
         "", "server_error"},
        {"5.2.2", "smtp; 552 5.2.2 <full@example.org> Quota exceeded (mailbox for user is full)",
         "", "mailbox_full"},
        {"4.4.2",
         "X-Postfix; lost connection with mx.slow.example[198.18.0.5] while\n    receiving the "
         "initial server greeting",
         "", "connect_failed"},
        {"4.7.5", "X-Postfix; Server certificate not trusted", "", "blocked"},
        {"4.7.4",
         "X-Postfix; TLS is required, but was not offered by host\n    mx.example.org[198.18.0.5]",
         "", "tls_required"},
        {"5.1.2",
         "X-Notes; No route found to domain NOWHERE.EXAMPLE from server\n MX/Sender.  Check "
         "Server, Connection and Domain documents in Domino Directory.",
         "", "no_such_domain"},
        {"5.1.4",
         "X-Notes; User twin (twin@example.org) not unique. Several matches\n found in Domino "
         "Directory.",
         "", "server_error"},
        {"5.2.2", "X-Notes; Unable to deliver because the user's mail file has exceeded its quota",
         "", "mailbox_full"},
        {"5.4.6", "X-Notes; Maximum hop count exceeded.  Message probably in a routing loop.", "",
         "server_error"},
        {"5.7.1", "X-Notes; Message was rejected by the recipient's mail rule", "", "blocked"},
        {"5.1.1", "", "", "no_such_mailbox"},
        {"5.2.1", "", "", "mailbox_disabled"},
        {"5.2.2", "", "", "mailbox_full"},
        {"5.7.1", "", "", "blocked"},
        {"5.0.0", "", "", "server_error"},
        {"4.4.7", "", "", "timeout"},
        {"5.1.2", "", "", "no_such_domain"},
        {"5.4.4", "", "", "no_such_domain"},
        {"5.1.1", "smtp;550 5.1.1 unknown or illegal alias: gone@example.org", "",
         "no_such_mailbox"},
        {"5.1.1", "smtp;550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", "", "no_such_mailbox"},
        {"5.2.2",
         "smtp;554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException; Failed to "
         "process message due to a permanent exception with message Cannot open mailbox",
         "", "mailbox_full"},
        {"5.4.6", "smtp;554 5.4.6 Hop count exceeded - possible mail loop", "", "server_error"},
        {"5.7.1", "smtp;550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized", "", "blocked"},
        {"5.7.1",
         "smtp;550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization "
         "policy",
         "", "blocked"},
        {"5.2.14", "smtp;550 5.2.14 RESOLVER.FWD.LoopingTarget; misconfigured forwarding address",
         "", "server_error"},
        {"5.1.1", "X-Microsoft;MSEXCH:IMS:Example:SITE:SERVER 0 (000C05A6) Unknown Recipient", "",
         "no_such_mailbox"},
        {"5.2.3", "X-Microsoft; The message size exceeds the limit set for the recipient", "",
         "blocked"},
        {"5.0.0", "smtp; 550 User not found in directory", "", "no_such_mailbox"},
        {"5.0.0", "smtp; 554 rejected due to spam URL in content", "", "blocked"},
        {"5.1.1", "smtp; 550 5.7.1 Message rejected as spam", "", "blocked"},
        {"5.1.1", "smtp; 554 Message refused: sender 198.18.0.1 listed by zen.spamhaus.org", "",
         "blocked"},
        {"5.1.0", "smtp; 550 5.1.0 <news@sender.example> sender rejected", "", "blocked"},
        {"4.4.7", "smtp; 4.4.7 Message delayed - time exceeded in queue", "", "timeout"},
        {"5.1.1 (bad destination mailbox address)",
         "smtp;550 5.1.1 No such user\nX-PowerMTA-BounceCategory: bad-mailbox", "",
         "no_such_mailbox"},
        {"5.0.0", "X-PowerMTA;\nX-PowerMTA-BounceCategory: other", "", "server_error"},
        {"5.1.1",
         "SMTP; 550 5.1.1 <gone@aol.example>: Recipient address rejected: aol.example\nRemote-MTA: "
         "DNS; core.mx.aol.example",
         "", "no_such_mailbox"},
        {"5.1.1",
         "smtp; 550-The account gone@example.org\n 550-has been closed, or never existed.\n 550 "
         "Sorry.",
         "", "no_such_mailbox"},
        {"5.7.1", "smtp; 550 5.7.1 Unable to relay for user@example.org", "", "domain_not_served"},
        {"5.7.1",
         "smtp; 550 5.7.1 Our system has detected that this message does not meet IPv6 sending "
         "guidelines",
         "", "blocked"},
        {"5.1.1", "X-Qmail; Sorry, no mailbox here by that name. (#5.1.1)", "", "no_such_mailbox"},
        {"5.2.2", "smtp; 552 sorry, mailbox full or user over quota (#5.2.2)", "", "mailbox_full"},
        {"5.1.6", "smtp; 551 5.1.6 User has moved; please try <new@example.com>", "",
         "mailbox_disabled"},
        {"5.7.8", "smtp; 535 5.7.8 Authentication credentials invalid", "", "blocked"},
        {"5.7.1", "smtp; 554 5.7.1 virus Eicar-Test-Signature detected by ClamAV", "", "blocked"},
        {"4.7.1", "smtp; 450 4.7.1 Error: too many messages from 198.18.0.1 in 60 seconds", "",
         "blocked"},
        {"4.3.1", "smtp; 452 4.3.1 Insufficient system storage", "", "server_error"},
        {"5.3.2", "smtp; 521 5.3.2 This host does not accept mail", "", "domain_not_served"},
        {"5.0.0", "smtp; 550 Delivery failed", "", "blocked"},
        {"5.1.1", "smtp; 550 5.1.1 gone is no longer with this company", "", "mailbox_disabled"},
    };
    struct mc_text message = {0}, text = {0}, wanted = {0};
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        message.len = wanted.len = 0;
        mc_text_printf(
            &message,
            "From: MAILER-DAEMON@mx.example\nTo: n@sender.example\nSubject: Returned mail\n"
            "Content-Type: multipart/report; boundary=b\n\n--b\n\n%s\n\n--b\n"
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            "Final-Recipient: rfc822; user@example.org\nAction: failed\nStatus: %s\n"
            "%s%s\n--b--\n",
            cases[i].prose, cases[i].status, cases[i].diagnostic[0] ? "Diagnostic-Code: " : "",
            cases[i].diagnostic);
        mc_text_printf(&wanted, "user@example.org %s", cases[i].wanted);
        const char *got = read_bytes(mc_text_span(&message), NULL, &text);
        if (strcmp(got, mc_text_z(&wanted)) != 0)
            fail_msg("%s %s: %s, not %s", cases[i].status, cases[i].diagnostic, got,
                     mc_text_z(&wanted));
    }
    mc_text_free(&message);
    mc_text_free(&text);
    mc_text_free(&wanted);
}

static void note_cause(void *arg, const struct mc_bounce *bounce)
{
    *(const char **)arg = mc_cause_name(mc_cause_of(bounce->rule, bounce->smtp));
}

/* Who was refused is told what to mend. */
static void causes(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wanted;
    } cases[] = {
        {"550 5.7.1 Client host [198.18.0.1] blocked using zen.spamhaus.org", "reputation"},
        {"550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
         "authentication"},
        {"550 5.7.1 SPF check failed", "authentication"},
        {"450 4.7.25 Client host rejected: cannot find your reverse hostname", "dns"},
        {"550 5.1.8 <n@s.example>: Sender address rejected: Domain not found", "sender"},
        {"421 4.7.0 Too many messages from your IP, slow down", "rate"},
        {"552 5.3.4 Message size exceeds fixed limit", "content"},
        {"550 5.7.1 Message rejected as spam", "content"},
        {"530 5.7.0 Authentication required", "login"},
        {"550 5.7.1 blocked by the recipient's preferences: recipient preferences", "owner"},
        {"550 5.7.1 no", "policy"},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++) {
        const char *cause = "nobody";
        char line[300];
        struct mc_bounce_sink sink = {.found = note_cause, .arg = &cause};
        struct mc_bounce_counts counts = {0};
        snprintf(line, sizeof line, "a@example.org: %s", cases[i].line);
        mc_mailbox_read_bytes(mc_span_of(line), "test", &sink, &counts);
        assert_string_equal(cause, cases[i].wanted);
    }
    for (int i = 0; i < MC_CAUSES; i++)
        assert_true(strlen(mc_cause_advice((enum mc_cause)i)) > 10);
}

#define NOW INT64_C(1793700000) /* 2026-11-03 */

struct stamp {
    int64_t at;
    uint64_t report;
};

static void note_stamp(void *arg, const struct mc_bounce *bounce)
{
    *(struct stamp *)arg = (struct stamp){bounce->at, bounce->report};
}

static struct stamp stamp_of(const char *bytes)
{
    struct stamp stamp = {-1, 0};
    struct mc_bounce_sink sink = {.found = note_stamp, .arg = &stamp, .now = NOW};
    struct mc_bounce_counts counts = {0};
    mc_mailbox_read_bytes(mc_span_of(bytes), "test", &sink, &counts);
    assert_true(stamp.at >= 0); /* somebody was found */
    return stamp;
}

#define REPORT(date)                                                                               \
    "From: <>\nTo: n@sender.example\n" date "Message-ID: <1@mx.example>\n"                         \
    "Subject: failure notice\n\n<a@example.org>: 550 5.1.1 no such user\n"

/* Evidence has a time wherever it is written, and never one to come; a report that is read again
 * is told from a second one. */
static void stamps(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int64_t at;
    } cases[] = {
        {REPORT("Date: Mon, 2 Nov 2026 10:00:00 +0100\n"), 1793610000},
        {REPORT("Date: 2 Nov 2026 09:00 GMT\n"), 1793610000},
        {REPORT("Date: Mon Nov  2 09:00:00 2026\n"), 1793610000},
        {REPORT("Date: Mar, 03 Nov 26 04:00:00 EST\n"), 1793696400},
        {REPORT("Received: by mx.example; Mon, 2 Nov 2026 09:00:00 -0000\n"), 1793610000},
        {REPORT("Date: Mon, 2 Nov 2037 10:00:00 +0100\n"), 0},
        {REPORT(""), 0},
        {"Nov  2 09:00:00 h postfix/smtp[1]: 4A: to=<a@b.example>, relay=x, dsn=5.1.1, "
         "status=bounced (host x said: 550 5.1.1 no)",
         1793610000},
        {"Dec 31 23:00:00 h postfix/smtp[1]: 4A: to=<a@b.example>, relay=x, dsn=5.1.1, "
         "status=bounced (host x said: 550 5.1.1 no)",
         1767222000},
        {"2026-11-02T10:00:00.5+01:00 h postfix/smtp[1]: 4A: to=<a@b.example>, relay=x, "
         "dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no)",
         1793610000},
        {"2026-11-02 09:00:00 1abcde-000000-00 ** b@example.org R=dns T=smtp: retry timeout "
         "exceeded",
         1793610000},
        {"{\"event\":\"spamreport\",\"email\":\"h@example.org\",\"timestamp\":1793610000}",
         1793610000},
        {"{\"eventType\":\"Bounce\",\"bounce\":{\"timestamp\":\"2026-11-02T09:00:00.000Z\","
         "\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":"
         "\"g@example.org\"}]}}",
         1793610000},
        {"550 5.1.1 <e@example.org>: User unknown", 0},
    };
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < MC_ARRAY_LEN(cases); i++)
        assert_int_equal(stamp_of(cases[i].bytes).at, cases[i].at);
    struct stamp first = stamp_of(REPORT("")), again = stamp_of("X-Spam: no\n" REPORT(""));
    assert_int_equal(first.report, again.report);
    assert_int_not_equal(first.report, stamp_of("550 5.1.1 <e@example.org>: no").report);
    assert_int_not_equal(first.report, 0);
}

/* Two in an mbox; a line of the first looks like a From_ line but tells no time. */
static void mbox(void **state)
{
    (void)state;
    static const char box[] =
        "From MAILER-DAEMON Mon Nov  2 10:00:00 2026\nFrom: <>\nTo: n@sender.example\n"
        "Subject: failure notice\n\nFrom here it could not be delivered:\n<a@example.org>: "
        "550 5.1.1 no such user\n\n"
        "From MAILER-DAEMON Mon Nov  2 10:00:00 2026\nFrom: <>\nTo: b+c=example.org@s.example\n"
        "Subject: failure notice\n\nIt could not be delivered: 552 5.2.2 mailbox full\n";
    struct mc_text text = {0};
    assert_string_equal(read_bytes(mc_span_of(box), "b+{local}={domain}@s.example", &text),
                        "a@example.org no_such_mailbox c@example.org mailbox_full");
    mc_text_free(&text);
}

static void return_paths(void **state)
{
    (void)state;
    char out[300];
    size_t len = mc_verp_read("b-*+{local}={domain}@s.example",
                              mc_span_of("b-17+x=y=example.org@s.example"), out, sizeof out);
    assert_memory_equal(out, "x=y@example.org", len);
    assert_int_equal(len, strlen("x=y@example.org"));
    assert_int_equal(mc_verp_read("b+{local}={domain}@s", mc_span_of("c@s"), out, sizeof out), 0);
    assert_false(mc_verp_valid("{local}{domain}@s.example"));
    assert_false(mc_verp_valid("b@s.example"));
}

/* Bombs and rubble: whatever comes out, it comes back. */
static void hostile(void **state)
{
    (void)state;
    struct mc_text bomb = {0}, text = {0};
    mc_text_add_z(&bomb, "From: <>\nSubject: undelivered\n");
    for (int i = 0; i < 20000; i++)
        mc_text_printf(&bomb, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    read_bytes(mc_text_span(&bomb), NULL, &text);
    bomb.len = 0;
    mc_text_add_z(&bomb, "From: <>\nSubject: undelivered\n\n");
    for (int i = 0; i < 200000; i++)
        mc_text_add(&bomb, "@\0<a@b.example>\xff\n", 16);
    read_bytes(mc_text_span(&bomb), NULL, &text);
    mc_text_free(&bomb);
    mc_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),     cmocka_unit_test(lines),   cmocka_unit_test(mbox),
        cmocka_unit_test(return_paths), cmocka_unit_test(hostile), cmocka_unit_test(stamps),
        cmocka_unit_test(statuses),     cmocka_unit_test(causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
