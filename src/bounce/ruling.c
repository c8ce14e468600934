#include "bounce/ruling.h"

#include "base/hash.h"
#include "base/memory.h"
#include "bounce/find_address.h"

#define REMEMBERED 8192
#define STAND_IN   "recipient7f3@recipient7f3.example" /* for whomever the reply was about */
#define OTHER      "other7f3@other7f3.example"         /* for any address, where he is not known */

/* All that a ruling depends on. The addresses in the text have given way to the two above, so that
 * it is the same for all to whom a server says the same. */
struct question {
    struct mc_bounce_said said;
    size_t len;
    char text[MC_REPLY_TEXT_MAX];
};

static bool add(struct question *question, struct mc_span piece)
{
    if (piece.len > sizeof question->text - question->len)
        return false;
    memcpy(question->text + question->len, piece.at, piece.len);
    question->len += piece.len;
    return true;
}

static struct mc_span behind(struct mc_span text, size_t at)
{
    return mc_span(text.at + at, text.len - at);
}

/* False where the name of the recipient or its domain stands somewhere else too. */
static bool replace_recipient(struct question *question, struct mc_span text, bool *named)
{
    char name[512];
    struct mc_span recipient = question->said.recipient;
    const char *sign = memrchr(recipient.at, '@', recipient.len);
    if (!sign || recipient.len >= sizeof name)
        return false;
    memcpy(name, recipient.at, recipient.len);
    name[recipient.len] = '\0';
    for (size_t at; (at = mc_bounce_find(text, name)) < text.len;) {
        if (!add(question, mc_span(text.at, at)) || !add(question, mc_span_of(STAND_IN)))
            return false;
        text = behind(text, at + recipient.len);
        *named = true;
    }
    if (!add(question, text))
        return false;
    struct mc_span whole = mc_span(question->text, question->len);
    name[sign - recipient.at] = '\0';
    return !mc_bounce_has(whole, name) && !mc_bounce_has(whole, name + (sign - recipient.at) + 1);
}

static bool replace_others(struct question *question, struct mc_span text)
{
    size_t from = 0, done = 0;
    struct mc_span address;
    while (mc_find_address(text, &from, &address)) {
        size_t at = (size_t)(address.at - text.at);
        if (!add(question, mc_span(text.at + done, at - done)) || !add(question, mc_span_of(OTHER)))
            return false;
        done = at + address.len;
    }
    return add(question, behind(text, done));
}

static void put(struct question *question, const struct mc_bounce_said *said)
{
    question->said = *said;
    question->len = 0;
    bool named = false;
    bool done = said->recipient.len ? replace_recipient(question, said->text, &named)
                                    : replace_others(question, said->text);
    if (done) { /* who is not named is of no account */
        question->said.text = mc_span(question->text, question->len);
        question->said.recipient = named ? mc_span_of(STAND_IN) : mc_span("", 0);
    }
    /* the return path of each message may be another: of account only where it is quoted */
    char sender[512];
    if (said->sender.len && said->sender.len < sizeof sender) {
        memcpy(sender, said->sender.at, said->sender.len);
        sender[said->sender.len] = '\0';
        if (!mc_bounce_has(question->said.text, sender))
            question->said.sender = mc_span("", 0);
    }
}

static struct mc_ruling answer(const struct mc_bounce_said *said, bool with_status)
{
    struct mc_reply reply;
    mc_reply_from_text(said->text, &reply);
    if (with_status && !reply.class && said->class) {
        reply.class = said->class;
        reply.subject = said->subject;
        reply.detail = said->detail;
    }
    struct mc_ours ours = {.recipient = said->recipient, .sender = said->sender};
    return mc_classify(said->stage, &reply, said->provider, &ours);
}

/* Mostly there is none. */
static uint64_t fact_of(struct mc_span text)
{
    return text.len ? mc_hash(text) : 0;
}

static struct mc_hash128 hash_of(const struct mc_bounce_said *said, bool with_status)
{
    uint64_t facts[5] = {(uint64_t)said->stage, 0, fact_of(said->provider), fact_of(said->sender),
                         fact_of(said->recipient)};
    if (with_status)
        facts[1] = 1 + ((uint64_t)said->class << 32 | (uint64_t)said->subject << 16 | said->detail);
    struct mc_hash128 hash = mc_hash128(said->text);
    struct mc_hash128 other = mc_hash128(mc_span((const char *)facts, sizeof facts));
    hash.low ^= other.low * 3;
    hash.high ^= other.high * 3;
    return hash;
}

struct mc_ruling mc_bounce_ruling(const struct mc_bounce_said *said, bool with_status)
{
    static struct {
        struct mc_hash128 of;
        struct mc_ruling ruling;
    } remembered[REMEMBERED];
    struct question question;
    put(&question, said);
    struct mc_hash128 hash = hash_of(&question.said, with_status);
    size_t at = hash.low % REMEMBERED;
    if (!remembered[at].ruling.rule || remembered[at].of.low != hash.low ||
        remembered[at].of.high != hash.high) {
        remembered[at].of = hash;
        remembered[at].ruling = answer(&question.said, with_status);
    }
    return remembered[at].ruling;
}
