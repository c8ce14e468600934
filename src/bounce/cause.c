#include "bounce/cause.h"

#include "base/memory.h"
#include "bounce/wordings.h"

static const struct {
    const char *name, *advice;
} causes[] = {
    [MC_CAUSE_LISTED] = {"reputation", "see which blocklist names this host, end what put it "
                                       "there (old addresses, most often), ask to be taken off"},
    [MC_CAUSE_AUTHENTICATION] =
        {"authentication", "publish SPF, sign with DKIM, let DMARC pass for the From: domain"},
    [MC_CAUSE_DNS] = {"dns", "give the sending address a PTR whose name leads back to it, and say "
                             "that name in HELO"},
    [MC_CAUSE_SENDER] = {"sender", "send from an address that exists, in a domain with an MX"},
    [MC_CAUSE_RATE] = {"rate", "fewer connections and messages an hour; begin with those who read"},
    [MC_CAUSE_CONTENT] = {"content", "look at links, attachments and headers of this mailing"},
    [MC_CAUSE_LOGIN] = {"login", "log in to your relay, or deliver to the recipients' own MX"},
    [MC_CAUSE_OWNER] = {"owner", "the mailbox lives, but wants no mail from you: take it out"},
    [MC_CAUSE_OTHER] = {"policy", "read what was said: see the column smtp"},
};
_Static_assert(MC_ARRAY_LEN(causes) == MC_CAUSES, "one for each");

const char *mc_cause_name(enum mc_cause cause)
{
    MC_ASSERT(cause < MC_CAUSES);
    return causes[cause].name;
}

const char *mc_cause_advice(enum mc_cause cause)
{
    MC_ASSERT(cause < MC_CAUSES);
    return causes[cause].advice;
}

enum mc_cause mc_cause_of(const char *rule, struct mc_span said)
{
    static const char *const signs[] = {"spf", "dkim", "dmarc", "unauthenticated", "sender id"};
    static const char *const names[] = {"reverse", "ptr ", "rdns", "hostname", "helo", "ehlo"};
    static const struct {
        const char *rule;
        enum mc_cause cause;
    } rules[] = {
        {"blocklist", MC_CAUSE_LISTED},
        {"client", MC_CAUSE_LISTED},
        {"our-host", MC_CAUSE_LISTED},
        {"reverse-dns", MC_CAUSE_DNS},
        {"author", MC_CAUSE_SENDER},
        {"our-domain", MC_CAUSE_SENDER},
        {"rate", MC_CAUSE_RATE},
        {"sending-quota", MC_CAUSE_RATE},
        {"new-transaction", MC_CAUSE_RATE},
        {"google-receiving-rate", MC_CAUSE_RATE},
        {"recipient-rate", MC_CAUSE_RATE},
        {"yahoo-lettered", MC_CAUSE_LISTED},
        {"outlook-lettered", MC_CAUSE_LISTED},
        {"netease-lettered", MC_CAUSE_LISTED},
        {"t-online", MC_CAUSE_LISTED},
        {"content", MC_CAUSE_CONTENT},
        {"too-large", MC_CAUSE_CONTENT},
        {"trust", MC_CAUSE_CONTENT},
        {"authenticate", MC_CAUSE_LOGIN},
        {"login", MC_CAUSE_LOGIN},
        {"relay-us", MC_CAUSE_LOGIN},
        {"sending-off", MC_CAUSE_LOGIN},
        {"owner-choice", MC_CAUSE_OWNER},
        {"access", MC_CAUSE_OTHER},
    };
    if (mc_bounce_has_any(said, signs, MC_ARRAY_LEN(signs)))
        return MC_CAUSE_AUTHENTICATION;
    if (rule && (!strcmp(rule, "client") || !strcmp(rule, "blocklist")) &&
        mc_bounce_has_any(said, names, MC_ARRAY_LEN(names)))
        return MC_CAUSE_DNS;
    for (size_t i = 0; rule && i < MC_ARRAY_LEN(rules); i++)
        if (!strcmp(rule, rules[i].rule))
            return rules[i].cause;
    return MC_CAUSE_OTHER;
}
