/* Is this local part a function's rather than a person's? By whole words only: nothing is ever
 * found inside a longer word, so that marketa, satish and adminah stay people. */
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#include "lists/lists_private.h"

enum { LOCAL_MAX = 320, TOKENS_MAX = 12, PHRASE_MAX = 4 };

/* owner-announce: whoever runs a mailing list */
static const char list_owner[] = "owner";

static bool find_role(const struct mc_lists *lists, struct mc_span text, struct mc_word *word)
{
    return mc_user_lists_find(&lists->user, &mc_lists_role_words, &lists->user.roles, text, word);
}

static bool has_flag(const struct mc_lists *lists, struct mc_span text, unsigned flags)
{
    struct mc_word word;
    return text.len > 0 && find_role(lists, text, &word) && (word.flags & flags) != 0;
}

static struct mc_span without_digits(struct mc_span text)
{
    while (text.len > 0 && mc_is_digit(text.at[text.len - 1]))
        text.len--;
    return text;
}

static size_t split(struct mc_span text, struct mc_span tokens[TOKENS_MAX])
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != '.' && text.at[i] != '_' && text.at[i] != '-')
            continue;
        if (i > start) {
            if (count == TOKENS_MAX)
                return 0;
            tokens[count++] = mc_span(text.at + start, i - start);
        }
        start = i + 1;
    }
    return count;
}

/* Tokens `first` to `last` without what stood between them. */
static struct mc_span join(const struct mc_span *tokens, size_t first, size_t last,
                           char out[LOCAL_MAX])
{
    size_t len = 0;
    for (size_t i = first; i <= last; i++) {
        memcpy(out + len, tokens[i].at, tokens[i].len);
        len += tokens[i].len;
    }
    return mc_span(out, len);
}

/* no-reply, do.not.reply, ne_pas_repondre anywhere between separators. */
static bool has_machine_phrase(const struct mc_lists *lists, const struct mc_span *tokens,
                               size_t count)
{
    char joined[LOCAL_MAX];
    for (size_t i = 0; i < count; i++) {
        if (has_flag(lists, without_digits(tokens[i]), MC_ROLE_MACHINE))
            return true;
        if (!has_flag(lists, tokens[i], MC_ROLE_OPENER))
            continue;
        for (size_t k = i + 1; k < count && k < i + PHRASE_MAX; k++)
            if (has_flag(lists, without_digits(join(tokens, i, k, joined)), MC_ROLE_MACHINE))
                return true;
    }
    return false;
}

/* Every token is a word or a modifier, and one is a word. A number (office.12) says nothing, but
 * wants a word of some length beside it. */
static bool are_role_tokens(const struct mc_lists *lists, const struct mc_span *tokens,
                            size_t count)
{
    struct mc_word word;
    bool number = false, any_word = false, long_word = false;
    for (size_t i = 0; i < count; i++) {
        struct mc_span token = without_digits(tokens[i]);
        if (token.len == 0) {
            number = true;
            continue;
        }
        if (token.len < 2 || !find_role(lists, token, &word) ||
            !(word.flags & (MC_ROLE_WORD | MC_ROLE_MODIFIER)))
            return false;
        any_word = any_word || (word.flags & MC_ROLE_WORD);
        long_word = long_word || ((word.flags & MC_ROLE_WORD) && token.len >= 4);
    }
    return number ? long_word : any_word;
}

/* Tokens that give a word without what stands between them (post-master). People write their names
 * with dots, and short ones may meet in a word (van.phong, bill.ing): those want longer tokens. */
static bool is_cut_word(const struct mc_lists *lists, struct mc_span local,
                        const struct mc_span *tokens, size_t count)
{
    char joined[LOCAL_MAX];
    bool hyphens =
        memchr(local.at, '.', local.len) == NULL && memchr(local.at, '_', local.len) == NULL;
    for (size_t i = 0; i < count; i++)
        if (without_digits(tokens[i]).len < (hyphens ? 2u : 4u))
            return false;
    return has_flag(lists, without_digits(join(tokens, 0, count - 1, joined)),
                    MC_ROLE_WORD | MC_ROLE_GLUED | MC_ROLE_MACHINE);
}

/* `local` in lower case, tag and quotes off. */
static bool is_role(const struct mc_lists *lists, struct mc_span local)
{
    struct mc_span tokens[TOKENS_MAX];
    const unsigned word = MC_ROLE_WORD | MC_ROLE_GLUED | MC_ROLE_MACHINE;
    if (has_flag(lists, local, word))
        return true;
    struct mc_span stem = without_digits(local);
    if (stem.len < local.len && stem.len >= 4 && has_flag(lists, stem, word))
        return true;
    size_t count = split(local, tokens);
    if (count < 2)
        return false;
    if (are_role_tokens(lists, tokens, count) || has_machine_phrase(lists, tokens, count))
        return true;
    if (mc_span_equal(tokens[0], mc_span_of(list_owner)) && tokens[0].at[tokens[0].len] == '-')
        return true;
    struct mc_span last = tokens[count - 1];
    if (last.at[-1] == '-' && has_flag(lists, last, MC_ROLE_LIST_END))
        return true;
    return is_cut_word(lists, local, tokens, count);
}

/* Lower case, tag and quotes off; returns the length. */
static size_t clean(struct mc_span local, char out[LOCAL_MAX], bool *ascii)
{
    size_t len = 0;
    *ascii = true;
    if (local.len >= 2 && local.at[0] == '"' && local.at[local.len - 1] == '"')
        local = mc_span(local.at + 1, local.len - 2);
    for (size_t i = 0; i < local.len && i < LOCAL_MAX; i++) {
        if (local.at[i] == '+' && i > 0)
            break;
        out[len++] = mc_ascii_lower(local.at[i]);
        *ascii = *ascii && (unsigned char)local.at[i] < 0x80;
    }
    return len;
}

static const struct {
    const char *from, *to;
} plain_letters[] = {
    {"ß", "ss"}, {"ø", "o"}, {"æ", "ae"}, {"œ", "oe"}, {"ł", "l"},
    {"đ", "d"},  {"ı", "i"}, {"ð", "d"},  {"þ", "th"},
};

/* Latin letters without their marks, as people write them in addresses: é to e, ł to l. */
static size_t fold_marks(const uint8_t *text, size_t len, char out[LOCAL_MAX])
{
    size_t decomposed_len = 0, out_len = 0;
    uint8_t *decomposed = u8_normalize(UNINORM_NFD, text, len, NULL, &decomposed_len);
    for (size_t i = 0; decomposed != NULL && i < decomposed_len && out_len + 2 < LOCAL_MAX; i++) {
        size_t k = 0;
        /* U+0300 to U+036F, combining marks */
        if ((decomposed[i] == 0xcc || decomposed[i] == 0xcd) && i + 1 < decomposed_len) {
            i++;
            continue;
        }
        for (; k < MC_ARRAY_LEN(plain_letters); k++)
            if (i + 1 < decomposed_len && memcmp(decomposed + i, plain_letters[k].from, 2) == 0)
                break;
        if (k < MC_ARRAY_LEN(plain_letters)) {
            for (const char *c = plain_letters[k].to; *c != '\0'; c++)
                out[out_len++] = *c;
            i++;
        } else {
            out[out_len++] = (char)decomposed[i];
        }
    }
    free(decomposed);
    return out_len;
}

/* The rare local part beyond ASCII: as it is, in lower case, and with its marks off. */
static bool is_role_unicode(const struct mc_lists *lists, struct mc_span local)
{
    char plain[LOCAL_MAX];
    size_t len = 0;
    uint8_t *lower =
        u8_tolower((const uint8_t *)local.at, local.len, NULL, UNINORM_NFC, NULL, &len);
    if (lower == NULL || len >= LOCAL_MAX) {
        free(lower);
        return false;
    }
    bool role = is_role(lists, mc_span((const char *)lower, len));
    if (!role) {
        size_t plain_len = fold_marks(lower, len, plain);
        role = is_role(lists, mc_span(plain, plain_len));
    }
    free(lower);
    return role;
}

bool mc_lists_is_role_slowly(const struct mc_lists *lists, struct mc_span local)
{
    char text[LOCAL_MAX];
    bool ascii;
    if (local.len == 0 || local.len > LOCAL_MAX)
        return false;
    size_t len = clean(local, text, &ascii);
    return ascii ? is_role(lists, mc_span(text, len)) : is_role_unicode(lists, mc_span(text, len));
}

bool mc_lists_is_role(const struct mc_lists *lists, struct mc_span local)
{
    return mc_role_filter_may_match(&lists->role_filter, local) &&
           mc_lists_is_role_slowly(lists, local);
}

bool mc_lists_is_role_looked(const struct mc_lists *lists, struct mc_span local, uint64_t digits,
                             uint64_t separators)
{
    return mc_role_filter_may_match_looked(&lists->role_filter, local, digits, separators) &&
           mc_lists_is_role_slowly(lists, local);
}

void mc_lists_fill_role_filter(struct mc_lists *lists)
{
    const struct mc_wordset *set = &mc_lists_role_words;
    struct mc_role_filter *filter = &lists->role_filter;
    for (uint32_t i = 0; i <= set->mask; i++)
        if (set->slots[i])
            mc_role_filter_add(filter, mc_wordset_key(set, set->slots[i]));
    for (size_t i = 0; i < lists->user.roles.count; i++)
        mc_role_filter_add(filter,
                           mc_arena_get(&lists->user.text, lists->user.roles.entries[i].key));
    mc_role_filter_add(filter, mc_span_of(list_owner));
}
