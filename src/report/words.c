#include "report/words.h"

#include "base/memory.h"

const char *const mc_language_tags[MC_LANGUAGE_COUNT] = {"en", "zh-Hant", "zh-Hans"};

static const char *const words[MC_WORD_COUNT][MC_LANGUAGE_COUNT] = {
#define X(name, english, traditional, simplified) {english, traditional, simplified},
#include "report/words.inc"
#undef X
};

const char *mc_word(enum mc_language language, enum mc_word word)
{
    MC_ASSERT(word < MC_WORD_COUNT && language < MC_LANGUAGE_COUNT);
    return words[word][language];
}

const char *mc_word_of_reason(enum mc_language language, enum mc_reason reason)
{
    static const enum mc_word of[MC_REASON_COUNT] = {
#define X(name, token, status, score) [MC_REASON_##name] = MC_WORD_##name,
        MC_REASON_TABLE(X)
#undef X
    };
    return mc_word(language, of[reason]);
}

const char *mc_word_of_status(enum mc_language language, enum mc_status status)
{
    static const enum mc_word of[MC_STATUS_COUNT] = {
        [MC_DELIVERABLE] = MC_WORD_DELIVERABLE,
        [MC_RISKY] = MC_WORD_RISKY,
        [MC_UNDELIVERABLE] = MC_WORD_UNDELIVERABLE,
        [MC_UNKNOWN] = MC_WORD_UNKNOWN,
    };
    return mc_word(language, of[status]);
}

const char *mc_word_of_action(enum mc_language language, enum mc_status status)
{
    static const enum mc_word of[MC_STATUS_COUNT] = {
        [MC_DELIVERABLE] = MC_WORD_DO_SEND,
        [MC_RISKY] = MC_WORD_DO_DECIDE,
        [MC_UNDELIVERABLE] = MC_WORD_DO_DROP,
        [MC_UNKNOWN] = MC_WORD_DO_RETRY,
    };
    return mc_word(language, of[status]);
}

const char *mc_word_of_obstacle(enum mc_language language, enum mc_obstacle obstacle)
{
    switch (obstacle) {
    case MC_OBSTACLE_NAME:
        return mc_word(language, MC_WORD_NO_NAME);
    case MC_OBSTACLE_PORT:
        return mc_word(language, MC_WORD_NO_PORT);
    case MC_OBSTACLE_PROXY:
        return mc_word(language, MC_WORD_NO_PROXY);
    case MC_OBSTACLE_NONE:
        break;
    }
    return "";
}
