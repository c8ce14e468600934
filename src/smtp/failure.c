#include "smtp/failure.h"

#include "base/memory.h"

#define TEXT_KEPT 600 /* mc_smtp shows 512 bytes */

static struct mc_failure *make(enum mc_stage stage, const char *text, size_t len)
{
    size_t kept = len < TEXT_KEPT ? len : TEXT_KEPT;
    struct mc_failure *failure = mc_calloc(1, sizeof *failure + kept + 1);
    failure->stage = stage;
    failure->text_len = (uint16_t)kept;
    if (kept)
        memcpy(failure->text, text, kept);
    return failure;
}

struct mc_failure *mc_failure_of_reply(enum mc_stage stage, const struct mc_reply *reply,
                                       const struct mc_ruling *ruling)
{
    struct mc_failure *failure = make(stage, reply->text, reply->text_len);
    failure->ruling = *ruling;
    failure->code = reply->code;
    failure->class = reply->class;
    failure->subject = reply->subject;
    failure->detail = reply->detail;
    return failure;
}

struct mc_failure *mc_failure_of_event(enum mc_stage stage, enum mc_reason reason,
                                       const char *sentence)
{
    struct mc_failure *failure = make(stage, sentence, strlen(sentence));
    failure->ruling = (struct mc_ruling){
        .reason = reason, .blame = MC_BLAME_PEER, .surety = MC_SURE, .rule = "no reply"};
    return failure;
}

void mc_failure_to_reply(const struct mc_failure *failure, struct mc_reply *reply)
{
    MC_ASSERT(failure->code);
    reply->code = failure->code;
    reply->class = failure->class;
    reply->subject = failure->subject;
    reply->detail = failure->detail;
    reply->text_len = failure->text_len;
    memcpy(reply->text, failure->text, failure->text_len);
}

int mc_failure_rank(const struct mc_failure *failure)
{
    static const enum mc_reason by_rank[] = {
        MC_REASON_NOT_PROBED,   MC_REASON_NO_SMTPUTF8,  MC_REASON_CONNECT_FAILED, MC_REASON_TIMEOUT,
        MC_REASON_SERVER_ERROR, MC_REASON_TLS_REQUIRED, MC_REASON_GREYLISTED,     MC_REASON_BLOCKED,
    };
    int count = (int)MC_ARRAY_LEN(by_rank);
    if (!failure)
        return 0;
    for (int rank = 0; rank < count; rank++)
        if (by_rank[rank] == failure->ruling.reason)
            return 1 + rank + (failure->code ? count : 0);
    return 1 + (failure->code ? count : 0);
}
