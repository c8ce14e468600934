#include "verdict/verdict.h"

#include "base/memory.h"

static const struct reason {
    const char *token;
    enum mc_status status;
    int score;
} reasons[] = {
#define X(name, token, status, score) {token, MC_##status, score},
    MC_REASON_TABLE(X)
#undef X
};

static const char *const statuses[] = {"deliverable", "risky", "undeliverable", "unknown"};
static const char *const sources[] = {"probe", "store", "bounce", "dns", "list", "syntax"};

const char *mc_status_name(enum mc_status status)
{
    MC_ASSERT(status < MC_STATUS_COUNT);
    return statuses[status];
}

const char *mc_reason_name(enum mc_reason reason)
{
    MC_ASSERT(reason < MC_REASON_COUNT);
    return reasons[reason].token;
}

const char *mc_source_name(enum mc_source source)
{
    MC_ASSERT(source < MC_SOURCE_COUNT);
    return sources[source];
}

enum mc_status mc_reason_status(enum mc_reason reason)
{
    MC_ASSERT(reason < MC_REASON_COUNT);
    return reasons[reason].status;
}

int mc_reason_score(enum mc_reason reason)
{
    MC_ASSERT(reason < MC_REASON_COUNT);
    return reasons[reason].score;
}

bool mc_reason_by_name(struct mc_span token, enum mc_reason *reason)
{
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (mc_span_equal(token, mc_span_of(reasons[i].token))) {
            *reason = (enum mc_reason)i;
            return true;
        }
    return false;
}

bool mc_status_by_name(struct mc_span token, enum mc_status *status)
{
    for (size_t i = 0; i < MC_STATUS_COUNT; i++)
        if (mc_span_equal(token, mc_span_of(statuses[i]))) {
            *status = (enum mc_status)i;
            return true;
        }
    return false;
}

struct mc_result mc_result_of_no_address(struct mc_span email, int64_t checked_at)
{
    return (struct mc_result){
        .reason = MC_REASON_INVALID_SYNTAX,
        .status = MC_UNDELIVERABLE,
        .source = MC_SOURCE_SYNTAX,
        .role = MC_NOT_KNOWN,
        .disposable = MC_NOT_KNOWN,
        .free = MC_NOT_KNOWN,
        .catch_all = MC_NOT_KNOWN,
        .email = email,
        .checked_at = checked_at,
    };
}
