/* The words of the report in each language it speaks. One table (words.inc): nothing can be missing
 * in one of them. */
#ifndef MC_REPORT_WORDS_H
#define MC_REPORT_WORDS_H

#include <stdbool.h>

#include "verdict/verdict.h"

enum mc_language { MC_ENGLISH, MC_CHINESE_TRADITIONAL, MC_CHINESE_SIMPLIFIED, MC_LANGUAGE_COUNT };

enum mc_word {
#define X(name, english, traditional, simplified) MC_WORD_##name,
#include "report/words.inc"
#undef X
    MC_WORD_COUNT
};

const char *mc_word(enum mc_language language, enum mc_word word);
/* What it means, to somebody who never read an SMTP reply. */
const char *mc_word_of_reason(enum mc_language language, enum mc_reason reason);
const char *mc_word_of_status(enum mc_language language, enum mc_status status);
/* What to do with such rows. */
const char *mc_word_of_action(enum mc_language language, enum mc_status status);

/* Why nobody was asked, in other languages than English; "" where nothing stood in the way. */
const char *mc_word_of_obstacle(enum mc_language language, enum mc_obstacle obstacle);

/* BCP 47: "en", "zh-Hant", "zh-Hans". */
extern const char *const mc_language_tags[MC_LANGUAGE_COUNT];

#endif
