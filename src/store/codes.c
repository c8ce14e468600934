#include "store/codes.h"

#include "base/memory.h"

/* A number is given once and for all. */
static const int reasons[MC_REASON_COUNT] = {
    [MC_REASON_ACCEPTED] = 1,
    [MC_REASON_SUPPRESSED] = 2,
    [MC_REASON_CATCH_ALL] = 3,
    [MC_REASON_UNPROVEN] = 4,
    [MC_REASON_ROLE] = 5,
    [MC_REASON_DISPOSABLE] = 6,
    [MC_REASON_MAILBOX_FULL] = 7,
    [MC_REASON_INVALID_SYNTAX] = 8,
    [MC_REASON_NO_SUCH_DOMAIN] = 9,
    [MC_REASON_NO_MAIL_SERVER] = 10,
    [MC_REASON_NULL_MX] = 11,
    [MC_REASON_UNROUTABLE_MX] = 12,
    [MC_REASON_NO_SUCH_MAILBOX] = 13,
    [MC_REASON_MAILBOX_DISABLED] = 14,
    [MC_REASON_DOMAIN_NOT_SERVED] = 15,
    [MC_REASON_NO_SMTPUTF8] = 16,
    [MC_REASON_DNS_FAILED] = 17,
    [MC_REASON_CONNECT_FAILED] = 18,
    [MC_REASON_TIMEOUT] = 19,
    [MC_REASON_GREYLISTED] = 20,
    [MC_REASON_BLOCKED] = 21,
    [MC_REASON_TLS_REQUIRED] = 22,
    [MC_REASON_SERVER_ERROR] = 23,
    [MC_REASON_NOT_PROBED] = 24,
};

static const int sources[MC_SOURCE_COUNT] = {
    [MC_SOURCE_PROBE] = 1, [MC_SOURCE_STORE] = 2, [MC_SOURCE_BOUNCE] = 3,
    [MC_SOURCE_DNS] = 4,   [MC_SOURCE_LIST] = 5,  [MC_SOURCE_SYNTAX] = 6,
};

int mc_code_of_reason(enum mc_reason reason)
{
    MC_ASSERT(reason < MC_REASON_COUNT && reasons[reason]);
    return reasons[reason];
}

/* Those that were there from the first have their place in the list as their number. */
bool mc_reason_of_code(int code, enum mc_reason *reason)
{
    if (code > 0 && code <= MC_REASON_COUNT && reasons[code - 1] == code) {
        *reason = (enum mc_reason)(code - 1);
        return true;
    }
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (reasons[i] == code) {
            *reason = (enum mc_reason)i;
            return true;
        }
    return false;
}

int mc_code_of_source(enum mc_source source)
{
    MC_ASSERT(source < MC_SOURCE_COUNT && sources[source]);
    return sources[source];
}

bool mc_source_of_code(int code, enum mc_source *source)
{
    if (code > 0 && code <= MC_SOURCE_COUNT && sources[code - 1] == code) {
        *source = (enum mc_source)(code - 1);
        return true;
    }
    for (size_t i = 0; i < MC_SOURCE_COUNT; i++)
        if (sources[i] == code) {
            *source = (enum mc_source)i;
            return true;
        }
    return false;
}
