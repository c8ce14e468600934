/* The order of evidence: stage, then severity, then the innermost reply, then the rules of
 * data/replies over its words. */
#include "verdict/classify.h"

#include "base/memory.h"
#include "verdict/reply_rules.h"

static const char *const stage_names[] = {"REPLY",    "CONNECT", "PROXY", "BANNER", "EHLO",
                                          "STARTTLS", "MAIL",    "RCPT",  "DOT"};
_Static_assert(MC_ARRAY_LEN(stage_names) == MC_STAGE_COUNT, "one for each");

const char *mc_stage_name(enum mc_stage stage)
{
    MC_ASSERT(stage < MC_STAGE_COUNT);
    return stage_names[stage];
}

static struct mc_ruling ruling_of(enum mc_reason reason, enum mc_blame blame, const char *rule)
{
    return (struct mc_ruling){.reason = reason, .blame = blame, .surety = MC_SURE, .rule = rule};
}

/* 2xx: nothing but the code and the stage matter. */
static struct mc_ruling yes(enum mc_stage stage, unsigned code)
{
    if (code == 252 && stage == MC_STAGE_RCPT)
        return ruling_of(MC_REASON_UNPROVEN, MC_BLAME_NOBODY, "252");
    return ruling_of(MC_REASON_ACCEPTED, MC_BLAME_NOBODY, "2xx");
}

static bool starts(struct mc_span text, const char *what)
{
    size_t len = strlen(what);
    return text.len >= len && mc_span_equal_nocase(mc_span(text.at, len), mc_span(what, len));
}

static bool contains(struct mc_span text, const char *what)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.at[i] | 0x20) == (*what | 0x20) &&
            starts(mc_span(text.at + i, text.len - i), what))
            return true;
    return false;
}

/* Where nobody told the stage, Postfix may have: "(in reply to RCPT TO command)", or Exim:
 * "SMTP error from remote mail server after RCPT TO:<a@b.example>: ...". */
static enum mc_stage stated_stage(struct mc_span text)
{
    static const struct {
        const char *words;
        enum mc_stage stage;
    } stages[] = {
        {"in reply to RCPT TO", MC_STAGE_RCPT},
        {"in reply to end of ", MC_STAGE_END_OF_DATA},
        {"in reply to MAIL FROM", MC_STAGE_MAIL},
        {"in reply to HELO", MC_STAGE_EHLO},
        {"in reply to EHLO", MC_STAGE_EHLO},
        {"in reply to initial", MC_STAGE_BANNER},
        {"after RCPT TO:", MC_STAGE_RCPT},
        {"after end of data", MC_STAGE_END_OF_DATA},
        {"after MAIL FROM:", MC_STAGE_MAIL},
        {"after initial connection", MC_STAGE_BANNER},
        {"while receiving the initial server greeting", MC_STAGE_BANNER},
    };
    size_t best = MC_ARRAY_LEN(stages);
    for (size_t i = 0; i + 1 < text.len; i++) {
        char first = text.at[i] | 0x20, second = text.at[i + 1] | 0x20;
        if (!(first == 'i' && second == 'n') && !(first == 'a' && second == 'f') &&
            !(first == 'w' && second == 'h'))
            continue; /* none of them begins so */
        for (size_t j = 0; j < best; j++)
            if (starts(mc_span(text.at + i, text.len - i), stages[j].words))
                best = j;
    }
    return best < MC_ARRAY_LEN(stages) ? stages[best].stage : MC_STAGE_NONE;
}

/* Those words are no longer the server's: Postfix's stage, qmail's farewell, Exchange's mark. */
static struct mc_span without_tail(struct mc_span text)
{
    static const char *const tails[] = {"(in reply to ", "Giving up on ", "#SMTP#",
                                        "(delivery attempts"};
    for (size_t i = 0; i < MC_ARRAY_LEN(tails); i++) {
        const char *tail = memmem(text.at, text.len, tails[i], strlen(tails[i]));
        if (tail && tail != text.at)
            text.len = (size_t)(tail - text.at);
    }
    return text;
}

/* "limit: 500 messages", "(450 seconds)" count something; "450 mailbox ..." does not. */
static bool is_amount(struct mc_span text)
{
    static const char *const units[] = {
        "KB",       "MB",     "GB",     "kb",         "mb",          "gb",       "bytes",
        "messages", "mails",  "emails", "recipients", "connections", "sessions", "users",
        "senders",  "points", "days",   "hours",      "minutes",     "min",      "mins",
        "seconds",  "sec",    "secs",   "per",        "max",
    };
    size_t len = 0;
    while (len < text.len && (text.at[len] | 0x20) >= 'a' && (text.at[len] | 0x20) <= 'z')
        len++;
    for (size_t i = 0; i < MC_ARRAY_LEN(units); i++)
        if (mc_span_equal(mc_span(text.at, len), mc_span_of(units[i])))
            return true;
    return false;
}

/* The line that ends before `end` is one of a reply, "550-see:". */
static bool is_line_of_reply(struct mc_span text, size_t end)
{
    size_t start = end;
    while (start && text.at[start - 1] != '\n')
        start--;
    return end - start > 3 && mc_is_digit(text.at[start]) && mc_is_digit(text.at[start + 1]) &&
           mc_is_digit(text.at[start + 2]);
}

/* "host mx said: 550 5.1.1 ...", "-> 550 ...", "(x:550 ...)", "550-'5.7.1 ...": the last reply
 * within the text, NULL where there is none. It must follow a mark that quotes. `bare`:
 * the text began with no code itself, so that no line merely repeats one. */
static const char *inner_reply(struct mc_span text, bool bare)
{
    for (size_t i = text.len; i-- > 1;) {
        struct mc_span rest = mc_span(text.at + i, text.len - i);
        if ((rest.at[0] != '4' && rest.at[0] != '5') || rest.len < 6 || !mc_is_digit(rest.at[1]) ||
            !mc_is_digit(rest.at[2]) || (rest.at[3] != ' ' && rest.at[3] != '-') ||
            is_amount(mc_span(rest.at + 4, rest.len - 4)))
            continue;
        if (rest.at[3] == '-' && (rest.at[4] == '\'' || rest.at[4] == '"'))
            return rest.at; /* error 550-'5.7.1 ...' */
        size_t before = i;
        while (before && (text.at[before - 1] == ' ' || text.at[before - 1] == '\n'))
            before--;
        /* a line that merely repeats the code quotes nothing; "smtp;550" does, "; 550" ends a
         * sentence */
        bool repeats = text.at[before] == '\n' && !(bare && before && text.at[before - 1] == ':' &&
                                                    !is_line_of_reply(text, before));
        if (before && !repeats &&
            (strchr(":>('\"[", text.at[before - 1]) || (text.at[before - 1] == ';' && before == i)))
            return rest.at;
    }
    return NULL;
}

/* Exim and others quote what the server of *our* sender said; then the wrapper is the news. */
static bool is_about_sender(struct mc_span wrapper)
{
    static const char *const words[] = {"sender verif", "sender address", "callout",
                                        "verification", "MAIL FROM",      "return path",
                                        "return-path"};
    for (size_t i = 0; i < MC_ARRAY_LEN(words); i++)
        if (contains(wrapper, words[i]))
            return true;
    return false;
}

static uint32_t bit(enum mc_reason reason)
{
    return UINT32_C(1) << reason;
}

/* Before RCPT TO. */
static bool is_early(enum mc_stage stage)
{
    return stage != MC_STAGE_NONE && stage < MC_STAGE_RCPT;
}

/* What may come out: a 4xx is never death, and before RCPT nothing is about a mailbox. */
static uint32_t reasons_for(enum mc_stage stage, unsigned class)
{
    uint32_t soft = bit(MC_REASON_GREYLISTED) | bit(MC_REASON_BLOCKED) |
                    bit(MC_REASON_TLS_REQUIRED) | bit(MC_REASON_SERVER_ERROR);
    if (is_early(stage))
        return stage == MC_STAGE_MAIL ? soft | bit(MC_REASON_NO_SMTPUTF8) : soft;
    soft |= bit(MC_REASON_MAILBOX_FULL);
    if (class == 4)
        return soft;
    uint32_t hard = bit(MC_REASON_NO_SUCH_MAILBOX) | bit(MC_REASON_MAILBOX_DISABLED) |
                    bit(MC_REASON_DOMAIN_NOT_SERVED) | bit(MC_REASON_NO_SMTPUTF8);
    return soft | hard;
}

/* Narrows the context to a reply that this one only passes on. */
static struct mc_span innermost(struct mc_span text, struct mc_reply_context *context)
{
    const char *inner = inner_reply(text, !context->code);
    if (!inner || is_about_sender(mc_span(text.at, (size_t)(inner - text.at))))
        return text;
    struct mc_reply nested;
    mc_reply_from_text(mc_span(inner, text.len - (size_t)(inner - text.at)), &nested);
    if (!nested.code)
        return text;
    /* a wrapper that says "not now" keeps it so */
    if (context->code / 100 != 4 && context->class != 4) {
        context->code = nested.code;
        context->class = nested.class;
        context->subject = nested.subject;
        context->detail = nested.detail;
    }
    return mc_span(inner + 4, text.len - (size_t)(inner + 4 - text.at));
}

struct mc_ruling mc_classify(enum mc_stage stage, const struct mc_reply *reply,
                             struct mc_span provider, const struct mc_ours *ours)
{
    if (reply->code >= 200 && reply->code < 300)
        return yes(stage, reply->code);
    struct mc_span text = mc_span(reply->text, reply->text_len);
    if (stage == MC_STAGE_NONE)
        stage = stated_stage(text);
    text = without_tail(text);
    struct mc_reply_context context = {
        .stage = stage,
        .code = reply->code,
        .class = reply->class,
        .subject = reply->subject,
        .detail = reply->detail,
        .provider = provider,
    };
    text = innermost(text, &context);
    struct mc_reply_words words;
    mc_reply_words_read(text, ours, &words);
    unsigned severity = context.code ? context.code / 100 : context.class;
    if (!context.class && words.class && (!severity || severity == words.class)) {
        context.class = words.class;
        context.subject = words.subject;
        context.detail = words.detail;
        severity = severity ? severity : words.class;
    }
    context.reasons = reasons_for(stage, severity);
    struct mc_ruling ruling;
    /* 5.1.1 without a 550 is none the less a 5xx */
    if (!context.code && context.class)
        context.code = context.class * 100 + 99;
    bool goodbye;
    if (!mc_reply_rules_find(&words, &context, &ruling, &goodbye))
        ruling = ruling_of(MC_REASON_SERVER_ERROR, MC_BLAME_PEER, "nothing known");
    if (is_early(stage) && ruling.blame != MC_BLAME_PEER)
        ruling.blame = MC_BLAME_US;
    ruling.refuses_session = ruling.refuses_session || reply->code == 421 || goodbye;
    return ruling;
}
