/* "Did you mean": a likely intended domain, only where a person looking at it would agree.
 *
 * The order is the rule: a name on the table of slips; never a name that is known to be real; a
 * wrong ending repaired; one letter's difference from a large provider. What stands in the way of
 * insulting the owners of honest domains: the first letter must be right (Xmail.com is a family of
 * real providers), short names are left alone, and two candidates mean none. */
#include "lists/lists_private.h"

enum { DOMAIN_MAX = 255, LABEL_MAX = 24, SHORTEST_FUZZY = 5, SHORTEST_TWO_SLIPS = 8 };

/* Optimal string alignment: insertions, deletions, substitutions, neighbours swapped. Returns
 * more than `limit` as soon as that is sure. Both are at most LABEL_MAX long. */
static unsigned distance(struct mc_span a, struct mc_span b, unsigned limit)
{
    unsigned rows[3][LABEL_MAX + 1];
    size_t difference = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (difference > limit)
        return limit + 1;
    for (unsigned k = 0; k <= b.len; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *twice_above = rows[(i + 1) % 3];
        unsigned least = row[0] = i;
        for (unsigned k = 1; k <= b.len; k++) {
            unsigned best = above[k - 1] + (a.at[i - 1] != b.at[k - 1]);
            best = above[k] + 1 < best ? above[k] + 1 : best;
            best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
            if (i > 1 && k > 1 && a.at[i - 1] == b.at[k - 2] && a.at[i - 2] == b.at[k - 1] &&
                twice_above[k - 2] + 1 < best)
                best = twice_above[k - 2] + 1;
            row[k] = best;
            least = best < least ? best : least;
        }
        if (least > limit)
            return limit + 1;
    }
    return rows[a.len % 3][b.len];
}

struct nearest {
    const struct mc_target *target;
    unsigned distance;
    bool unique;
};

static void consider(struct nearest *nearest, const struct mc_target *target, struct mc_span label)
{
    struct mc_span wanted = mc_span(target->label, target->label_len);
    if (wanted.len < SHORTEST_FUZZY || wanted.len > LABEL_MAX || wanted.at[0] != label.at[0])
        return;
    unsigned limit = wanted.len >= SHORTEST_TWO_SLIPS ? 2 : 1;
    unsigned found = distance(label, wanted, limit);
    if (found > limit || found > nearest->distance)
        return;
    nearest->unique = found < nearest->distance;
    nearest->distance = found;
    nearest->target = target;
}

static size_t write_name(char *out, struct mc_span label, struct mc_span ending)
{
    memcpy(out, label.at, label.len);
    out[label.len] = '.';
    memcpy(out + label.len + 1, ending.at, ending.len);
    return label.len + 1 + ending.len;
}

static size_t write_span(char *out, struct mc_span text)
{
    memcpy(out, text.at, text.len);
    return text.len;
}

/* One letter's difference from the label of a target with the same ending. */
static size_t repair_label(const struct mc_lists *lists, struct mc_span domain, char *out)
{
    struct mc_span ending = mc_name_above(domain);
    struct mc_span label = mc_span(domain.at, domain.len - ending.len - 1);
    struct nearest nearest = {.distance = UINT32_MAX};
    struct mc_word word;
    if (label.len < SHORTEST_FUZZY - 1 || label.len > LABEL_MAX)
        return 0;
    if (mc_wordset_find(&mc_lists_names, ending, &word) && (word.flags & MC_NAME_TARGETS)) {
        const unsigned char *value = (const unsigned char *)word.value.at;
        const struct mc_target *first = &mc_lists_targets[value[0] | value[1] << 8];
        for (unsigned i = 0; i < (unsigned)(value[2] | value[3] << 8); i++)
            consider(&nearest, &first[i], label);
    }
    for (size_t i = 0; i < lists->user.target_count; i++)
        if (mc_span_equal(mc_span_of(lists->user.targets[i].ending), ending))
            consider(&nearest, &lists->user.targets[i], label);
    if (nearest.target == NULL || !nearest.unique)
        return 0;
    return write_name(out, mc_span(nearest.target->label, nearest.target->label_len), ending);
}

/* The table of slips, or a known name, or one letter's difference. `known` says that nothing is
 * to be done. */
static size_t repair_name(const struct mc_lists *lists, struct mc_span domain, char *out,
                          bool *known)
{
    struct mc_word word;
    *known = false;
    if (mc_lists_find_name(lists, domain, &word)) {
        *known = (word.flags & (MC_NAME_ALLOWED | MC_NAME_FREE | MC_NAME_KNOWN)) != 0;
        if ((word.flags & MC_NAME_TYPO) && !(word.flags & MC_NAME_ALLOWED)) {
            *known = false;
            return write_span(out, word.value);
        }
    }
    *known = *known || mc_lists_is_free(lists, domain) || mc_lists_is_disposable(lists, domain);
    return *known ? 0 : repair_label(lists, domain, out);
}

static bool is_tld(const struct mc_lists *lists, struct mc_span name)
{
    struct mc_word word;
    return mc_lists_find_name(lists, name, &word) && (word.flags & MC_NAME_TLD);
}

static bool is_target(const struct mc_lists *lists, struct mc_span name)
{
    struct mc_word word;
    return mc_lists_find_name(lists, name, &word) && (word.flags & MC_NAME_TARGET);
}

/* acme.con to acme.com, and gmial.con to gmail.com. Behind a real top-level domain (company.co)
 * only where that gives a large provider. */
static size_t repair_ending(const struct mc_lists *lists, struct mc_span domain, bool real_tld,
                            char *out)
{
    struct mc_word word;
    char repaired[DOMAIN_MAX * 2], better[DOMAIN_MAX * 2];
    for (struct mc_span ending = mc_name_above(domain); ending.len > 0;
         ending = mc_name_above(ending)) {
        if (!mc_lists_find_name(lists, ending, &word) || !(word.flags & MC_NAME_ENDING))
            continue;
        struct mc_span before = mc_span(domain.at, domain.len - ending.len - 1);
        struct mc_span name = mc_span(repaired, write_name(repaired, before, word.value));
        bool known;
        size_t len = repair_name(lists, name, better, &known);
        if (len > 0)
            name = mc_span(better, len);
        if (name.len <= DOMAIN_MAX && (!real_tld || is_target(lists, name)))
            return write_span(out, name);
    }
    return 0;
}

/* hotmail.frr: a target's label, and an ending one letter away from the target's own. */
static size_t repair_unknown_ending(struct mc_span domain, char *out)
{
    struct mc_span ending = mc_name_above(domain);
    struct mc_span label = mc_span(domain.at, domain.len - ending.len - 1);
    struct mc_word word;
    const struct mc_target *found = NULL;
    if (ending.len > LABEL_MAX || !mc_wordset_find(&mc_lists_names, label, &word) ||
        !(word.flags & MC_NAME_BARE))
        return 0;
    for (size_t i = 0; i < mc_lists_targets_count; i++) {
        const struct mc_target *target = &mc_lists_targets[i];
        if (!mc_span_equal(mc_span(target->label, target->label_len), label) ||
            distance(ending, mc_span_of(target->ending), 1) > 1)
            continue;
        if (found != NULL)
            return 0;
        found = target;
    }
    return found != NULL ? write_name(out, label, mc_span_of(found->ending)) : 0;
}

size_t mc_lists_suggest(const struct mc_lists *lists, struct mc_span domain, char *out)
{
    struct mc_word word;
    bool known;
    if (domain.len == 0 || domain.len > DOMAIN_MAX)
        return 0;
    if (memchr(domain.at, '.', domain.len) == NULL) {
        if (!mc_lists_find_name(lists, domain, &word) || !(word.flags & MC_NAME_BARE))
            return 0;
        return write_span(out, word.value);
    }
    struct mc_span last = domain;
    while (mc_name_above(last).len > 0)
        last = mc_name_above(last);
    bool real_tld = is_tld(lists, last);
    size_t len = repair_name(lists, domain, out, &known);
    if (len > 0 || known)
        return len;
    len = repair_ending(lists, domain, real_tld, out);
    if (len == 0 && !real_tld)
        len = repair_unknown_ending(domain, out);
    return len == domain.len && memcmp(out, domain.at, len) == 0 ? 0 : len;
}
