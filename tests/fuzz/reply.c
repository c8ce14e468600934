/* Any bytes from a server: fed whole and byte by byte the parser says the same, and whatever came
 * out is ruled upon without breaking the order of evidence. The first byte chooses the stage. */
#include "verdict/reply.h"

#include "base/memory.h"
#include "verdict/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static enum mc_reply_state feed(struct mc_reply *reply, const char *bytes, size_t len, size_t step,
                                size_t *taken)
{
    struct mc_reply_parser parser;
    enum mc_reply_state state = MC_REPLY_MORE;
    mc_reply_start(&parser, reply);
    for (*taken = 0; *taken < len && state == MC_REPLY_MORE;) {
        size_t used = 0, piece = len - *taken < step ? len - *taken : step;
        state = mc_reply_feed(&parser, bytes + *taken, piece, &used);
        MC_ASSERT(used <= piece && (state != MC_REPLY_MORE || used == piece));
        *taken += used;
    }
    return state;
}

static void judge(const struct mc_reply *reply, enum mc_stage stage)
{
    static const struct mc_ours ours = {
        {"user@example.com", 16}, {"a@b.example", 11}, {"probe.example", 13}, {"192.0.2.1", 9}};
    struct mc_ruling ruling = mc_classify(stage, reply, mc_span("", 0), &ours);
    bool dead = ruling.reason == MC_REASON_NO_SUCH_MAILBOX ||
                ruling.reason == MC_REASON_MAILBOX_DISABLED ||
                ruling.reason == MC_REASON_DOMAIN_NOT_SERVED;
    MC_ASSERT(ruling.rule && *ruling.rule);
    MC_ASSERT(!dead || reply->code / 100 != 4);
    MC_ASSERT(!dead || stage == MC_STAGE_NONE || stage >= MC_STAGE_RCPT);
    MC_ASSERT(ruling.reason != MC_REASON_ACCEPTED || reply->code / 100 == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct mc_reply whole, single, pasted;
    if (!size)
        return 0;
    const char *text = (const char *)bytes + 1;
    size_t len = size - 1, taken_whole, taken_single;
    enum mc_stage stage = (enum mc_stage)(bytes[0] % MC_STAGE_COUNT);
    enum mc_reply_state state = feed(&whole, text, len, len + 1, &taken_whole);
    MC_ASSERT(state == feed(&single, text, len, 1, &taken_single));
    if (state == MC_REPLY_COMPLETE) {
        MC_ASSERT(taken_whole == taken_single && whole.code >= 200 && whole.code <= 599);
        MC_ASSERT(whole.code == single.code && whole.class == single.class);
        MC_ASSERT(mc_span_equal(mc_span(whole.text, whole.text_len),
                                mc_span(single.text, single.text_len)));
        judge(&whole, stage);
    }
    mc_reply_from_text(mc_span(text, len), &pasted);
    judge(&pasted, stage);
    return 0;
}
