#include "verdict/reply_rules.h"

#include "base/memory.h"

/* One word of a wording: which element, how many words may stand before it, and whether it begins
 * a sequence of its own (that must be absent). */
struct step {
    uint16_t element;
    uint8_t gap;
    bool strict, first, absent, at_start, at_end;
};

struct rule {
    const char *name, *provider;
    uint16_t first_step, steps;
    uint16_t code_from, code_to, class, subject, detail;
    uint16_t stages; /* bits; 0: any */
    bool text_only;
    uint8_t reason, blame, surety;
    bool new_transaction, refuses_session;
};

#include "reply_tables.inc"

#define ANY UINT16_MAX

static uint32_t hash_step(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 16777619u;
}

static uint16_t look_up(const uint16_t *table, size_t size, uint32_t hash, struct mc_span text)
{
    for (size_t at = hash & (size - 1); table[at]; at = (at + 1) & (size - 1)) {
        const char *atom = atoms[table[at]];
        if (!strncmp(atom, text.at, text.len) && !atom[text.len])
            return table[at];
    }
    return MC_WORD_OTHER;
}

/* A whole word comes before a stem, a longer stem before a shorter one. */
uint16_t mc_reply_word(struct mc_span word)
{
    uint32_t hashes[STEM_MAX], hash = 2166136261u;
    for (size_t i = 0; i < word.len; i++) {
        hash = hash_step(hash, word.at[i]);
        if (i < STEM_MAX)
            hashes[i] = hash;
    }
    uint16_t found = look_up(word_table, MC_ARRAY_LEN(word_table), hash, word);
    for (size_t len = word.len < STEM_MAX ? word.len : STEM_MAX; !found && len; len--)
        found =
            look_up(stem_table, MC_ARRAY_LEN(stem_table), hashes[len - 1], mc_span(word.at, len));
    return found;
}

static bool belongs(uint16_t word, unsigned element)
{
    return membership[word][element / 64] >> element % 64 & 1;
}

bool mc_reply_word_joins(uint16_t word)
{
    return belongs(word, CLASS_JOIN);
}

/* Only what carries no meaning stands there. */
static bool nothing_between(const struct mc_reply_words *words, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (words->at[i] != MC_WORD_SENTENCE && !belongs(words->at[i], CLASS_TRAIL))
            return false;
    return true;
}

/* The steps after `step`, whose word stands at `at`. */
static bool match_rest(const struct mc_reply_words *words, size_t at, const struct step *step,
                       const struct step *end)
{
    if (step->at_end && !nothing_between(words, at + 1, words->count))
        return false;
    const struct step *next = step + 1;
    if (next == end || next->first)
        return true;
    unsigned skipped = 0;
    for (size_t i = at + 1; i < words->count; i++) {
        uint16_t word = words->at[i];
        if (belongs(word, next->element) && match_rest(words, i, next, end))
            return true;
        if (next->strict || word == MC_WORD_SENTENCE)
            return false;
        if (!belongs(word, CLASS_FILLER) && skipped++ == next->gap)
            return false;
    }
    return false;
}

static bool match_sequence(const struct mc_reply_words *words, const struct step *step,
                           const struct step *end)
{
    for (size_t i = 0; i < words->count; i++) {
        if (step->at_start && !nothing_between(words, 0, i))
            return false;
        if (belongs(words->at[i], step->element) && match_rest(words, i, step, end))
            return true;
    }
    return false;
}

static bool words_fit(const struct mc_reply_words *words, const uint64_t *present,
                      const struct rule *rule)
{
    const struct step *first = steps + rule->first_step, *end = first + rule->steps;
    bool absent = false;
    for (const struct step *step = first; step < end; step++) {
        if (step->first)
            absent = step->absent;
        if (!absent && !(present[step->element / 64] >> step->element % 64 & 1))
            return false;
    }
    for (const struct step *step = first; step < end; step++)
        if (step->first && match_sequence(words, step, end) == step->absent)
            return false;
    return true;
}

static bool conditions_hold(const struct mc_reply_context *context, const struct rule *rule)
{
    if (!(context->reasons >> rule->reason & 1))
        return false;
    if (context->code < rule->code_from || context->code > rule->code_to)
        return false;
    if (rule->class != ANY && rule->class != context->class)
        return false;
    /* x.1.1 wants some enhanced code, whatever its class */
    if ((rule->subject != ANY && rule->subject != context->subject) ||
        (rule->detail != ANY && rule->detail != context->detail))
        return false;
    if ((rule->subject != ANY || rule->detail != ANY) && !context->class)
        return false;
    if (rule->stages && !(rule->stages >> context->stage & 1))
        return false;
    if (rule->text_only && (context->code || context->class))
        return false;
    return !*rule->provider || mc_span_equal(context->provider, mc_span_of(rule->provider));
}

/* What a row of words has, gathered in one pass over it. */
struct gathered {
    uint64_t present[ELEMENT_WORDS]; /* the elements that occur at all */
    uint64_t candidates[RULE_WORDS]; /* the rules one of whose words is there */
};

static void add_candidates(struct gathered *gathered, size_t atom)
{
    for (uint32_t i = atom_rules_from[atom]; i < atom_rules_from[atom + 1]; i++)
        gathered->candidates[atom_rules[i] / 64] |= UINT64_C(1) << atom_rules[i] % 64;
}

static void gather(const struct mc_reply_words *words, struct gathered *gathered)
{
    memset(gathered, 0, sizeof *gathered);
    add_candidates(gathered, ATOMS);
    for (size_t i = 0; i < words->count; i++) {
        uint16_t word = words->at[i];
        if (word == MC_WORD_OTHER)
            continue;
        for (size_t w = 0; w < ELEMENT_WORDS; w++)
            gathered->present[w] |= membership[word][w];
        add_candidates(gathered, word);
    }
}

/* The next rule at or behind `from` that may fit; the number of rules where there is none. */
static size_t next_candidate(const struct gathered *gathered, size_t from)
{
    size_t word = from / 64;
    if (from >= MC_ARRAY_LEN(rules))
        return MC_ARRAY_LEN(rules);
    uint64_t bits = gathered->candidates[word] >> from % 64 << from % 64;
    while (!bits && ++word < RULE_WORDS)
        bits = gathered->candidates[word];
    return bits ? word * 64 + (size_t)__builtin_ctzll(bits) : MC_ARRAY_LEN(rules);
}

static bool says_goodbye(const struct mc_reply_words *words, const struct gathered *gathered)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(farewells); i++)
        if ((gathered->candidates[farewells[i] / 64] >> farewells[i] % 64 & 1) &&
            words_fit(words, gathered->present, &rules[farewells[i]]))
            return true;
    return false;
}

bool mc_reply_rules_find(const struct mc_reply_words *words, const struct mc_reply_context *context,
                         struct mc_ruling *ruling, bool *goodbye)
{
    struct gathered gathered;
    gather(words, &gathered);
    *goodbye = says_goodbye(words, &gathered);
    for (size_t i = next_candidate(&gathered, 0); i < MC_ARRAY_LEN(rules);
         i = next_candidate(&gathered, i + 1)) {
        const struct rule *rule = &rules[i];
        if (!conditions_hold(context, rule) || !words_fit(words, gathered.present, rule))
            continue;
        *ruling = (struct mc_ruling){
            .reason = rule->reason,
            .blame = rule->blame,
            .surety = rule->surety,
            .new_transaction = rule->new_transaction,
            .refuses_session = rule->refuses_session,
            .rule = rule->name,
        };
        return true;
    }
    return false;
}
