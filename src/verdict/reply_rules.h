/* The rules of data/replies, compiled in: what each word is called, and which rule a row of words
 * fits. Private to this room; classify.c decides what a rule may say where. */
#ifndef MC_VERDICT_REPLY_RULES_H
#define MC_VERDICT_REPLY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "verdict/classify.h"

/* What stands in a row for what is no word. The order is that of data/compile_replies.c. */
enum mc_reply_special {
    MC_WORD_OTHER,    /* a word no rule asks for */
    MC_WORD_SENTENCE, /* the end of a sentence */
    MC_WORD_COLON,    /* a colon, a dash: a weaker border */
    MC_WORD_RECIPIENT,
    MC_WORD_US,      /* our sender, HELO or IP */
    MC_WORD_ADDRESS, /* some address, and anything in <...> */
    MC_WORD_HOST,
    MC_WORD_IP,
    MC_WORD_URL,
    MC_WORD_NUMBER,
    MC_WORD_CODE,     /* a code or an enhanced code within the text */
    MC_WORD_REJECTED, /* Postfix's "Recipient address rejected:" before the reason */
    MC_WORD_FIRST     /* the first that is a word */
};

#define MC_REPLY_WORDS_MAX 640

struct mc_reply_words {
    uint16_t count;
    uint16_t at[MC_REPLY_WORDS_MAX];
    /* the first enhanced code within the text, class 0 where there is none */
    uint8_t class;
    uint16_t subject, detail;
};

/* What a character beyond ASCII does to the word it stands in. */
enum mc_reply_letter {
    MC_LETTER_PART,   /* belongs to it, as `out` */
    MC_LETTER_SILENT, /* an accent or a vowel sign: as if it were not there */
    MC_LETTER_WORD,   /* of a script without blanks: a word by itself */
    MC_LETTER_NONE    /* ends it */
};

/* A character as the words of data/replies have it: small, no accent; UTF-8 of `len` bytes. */
enum mc_reply_letter mc_reply_letter_read(uint32_t c, char out[4], size_t *len);

/* The number of a word, MC_WORD_OTHER where no rule asks for it. */
uint16_t mc_reply_word(struct mc_span word);
/* One of those that may be the first half of a word: "black list". */
bool mc_reply_word_joins(uint16_t word);

/* Splits a text into words: lower case, accents dropped, what is ours and all addresses, hosts
 * and numbers blanked. */
void mc_reply_words_read(struct mc_span text, const struct mc_ours *ours,
                         struct mc_reply_words *words);

/* All that a rule may ask for beside the words. */
struct mc_reply_context {
    enum mc_stage stage;
    unsigned code; /* 0: not known */
    unsigned class, subject, detail;
    struct mc_span provider;
    uint32_t reasons; /* bit of each enum mc_reason that may come out */
};

/* The first rule that holds; false where none does. `goodbye`: some wording announces that the
 * server hangs up, whichever rule decides the reason. */
bool mc_reply_rules_find(const struct mc_reply_words *words, const struct mc_reply_context *context,
                         struct mc_ruling *ruling, bool *goodbye);

#endif
