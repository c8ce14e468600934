/* "Did you mean": a likely intended domain, only where a person looking at it would agree.
 *
 * The order is the rule: a name on the table of slips; never a name that is known to be real; one
 * letter's difference from a large provider, or a dot in the wrong place; a wrong ending repaired.
 * What stands in the way of insulting the owners of honest domains: the first letter must be right
 * (Xmail.com is a family of real providers), short names are left alone, and two candidates mean
 * none. */
#include "base/distance.h"
#include "lists/lists_private.h"

enum {
    DOMAIN_MAX = 255,
    LABEL_MAX = MC_DISTANCE_MAX,
    SHORTEST_FUZZY = 5,
    SHORTEST_TWO_SLIPS = 8,
    MOST_SLIPS = 2
};

struct nearest {
    const struct mc_target *target;
    unsigned distance;
    bool unique;
};

/* What tells one "...mail" from another is only what stands before it. */
static bool allows_two_slips(struct mc_span label)
{
    size_t len = label.len;
    if (mc_span_ends_with(label, mc_span_of("mail")))
        len = len - 4 >= SHORTEST_TWO_SLIPS - 2 ? SHORTEST_TWO_SLIPS : 0;
    return len >= SHORTEST_TWO_SLIPS;
}

static void consider(struct nearest *nearest, const struct mc_target *target, struct mc_span label,
                     uint32_t letters)
{
    bool first_right = target->start[0] == label.at[0];
    bool swapped = target->start[0] == label.at[1] && target->start[1] == label.at[0];
    if (!(first_right || swapped) || target->exact || target->label_len < SHORTEST_FUZZY ||
        target->label_len > LABEL_MAX)
        return;
    struct mc_span wanted = mc_span(target->label, target->label_len);
    unsigned limit = allows_two_slips(wanted) ? MOST_SLIPS : 1;
    if ((unsigned)__builtin_popcount(letters ^ target->letters) > 2 * limit)
        return;
    unsigned found = mc_distance(label, wanted, limit);
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

void mc_lists_measure_targets(struct mc_lists *lists)
{
    size_t longest = 0;
    for (size_t i = 0; i < mc_lists_targets_count; i++) {
        const struct mc_target *target = &mc_lists_targets[i];
        size_t name_len = target->label_len + 1 + strlen(target->ending);
        longest = target->label_len > longest ? target->label_len : longest;
        if (name_len > lists->longest_bundled_name)
            lists->longest_bundled_name = name_len;
    }
    lists->longest_bundled_label = longest;
    for (size_t i = 0; i < lists->user.target_count; i++)
        longest =
            lists->user.targets[i].label_len > longest ? lists->user.targets[i].label_len : longest;
    lists->longest_target = longest < LABEL_MAX - MOST_SLIPS ? longest : LABEL_MAX - MOST_SLIPS;
}

/* What the tables know of a domain, gathered in one walk upwards. */
struct reading {
    struct mc_span domain, label, ending; /* `ending` is all behind the first label */
    bool known;                           /* a real name: nothing is to be done */
    bool below_known;                     /* g.mail.com */
    bool real_tld;
    bool disposable, free;  /* as mc_lists_is_disposable, mc_lists_is_free */
    bool wrong_ending;      /* endings.tsv has one of its endings */
    struct mc_span typo;    /* what was meant, where the domain is on the table of slips */
    struct mc_span targets; /* value of MC_NAME_TARGETS of the ending */
};

static struct reading read_domain(const struct mc_lists *lists, struct mc_span domain)
{
    struct reading reading = {.domain = domain, .ending = mc_name_above(domain)};
    struct mc_word word;
    bool decided = false;
    unsigned level = 0;
    reading.label = mc_span(domain.at, domain.len - reading.ending.len - 1);
    for (struct mc_span name = domain; name.len > 0; name = mc_name_above(name), level++) {
        if (!mc_lists_find_name(lists, name, &word))
            continue;
        if (level == 0 && (word.flags & MC_NAME_TYPO) && !(word.flags & MC_NAME_ALLOWED))
            reading.typo = word.value;
        if ((level == 0 && (word.flags & MC_NAME_FREE)) ||
            (level == 1 && (word.flags & MC_NAME_FREE_BELOW)))
            reading.free = true;
        if (!decided && (word.flags & (MC_NAME_DISPOSABLE | MC_NAME_ALLOWED)) == MC_NAME_DISPOSABLE)
            reading.disposable = true;
        if (level == 0 && (word.flags & (MC_NAME_ALLOWED | MC_NAME_KNOWN)))
            reading.known = true;
        decided = decided || (word.flags & (MC_NAME_DISPOSABLE | MC_NAME_ALLOWED));
        if (level > 0) {
            reading.below_known = reading.below_known || (word.flags & MC_NAME_KNOWN);
            reading.wrong_ending = reading.wrong_ending || (word.flags & MC_NAME_ENDING);
        }
        if (level == 1 && (word.flags & MC_NAME_TARGETS))
            reading.targets = word.value;
        reading.real_tld = (word.flags & MC_NAME_TLD) && mc_name_above(name).len == 0;
    }
    reading.known = reading.known || reading.free || reading.disposable;
    return reading;
}

/* One letter's difference from the label of a target with the same ending. */
static size_t repair_label(const struct mc_lists *lists, const struct reading *reading, char *out)
{
    struct nearest nearest = {.distance = UINT32_MAX};
    if (reading->label.len < SHORTEST_FUZZY - 1 ||
        reading->label.len > lists->longest_target + MOST_SLIPS)
        return 0;
    uint32_t letters = mc_letters_of(reading->label);
    if (reading->targets.len > 0) {
        const unsigned char *value = (const unsigned char *)reading->targets.at;
        const struct mc_target *first = &mc_lists_targets[value[0] | value[1] << 8];
        for (unsigned i = 0; i < (unsigned)(value[2] | value[3] << 8); i++)
            consider(&nearest, &first[i], reading->label, letters);
    }
    for (size_t i = 0; i < lists->user.target_count; i++)
        if (mc_span_equal(mc_span_of(lists->user.targets[i].ending), reading->ending))
            consider(&nearest, &lists->user.targets[i], reading->label, letters);
    if (nearest.target == NULL || !nearest.unique)
        return 0;
    return write_name(out, mc_span(nearest.target->label, nearest.target->label_len),
                      reading->ending);
}

static bool is_target(const struct mc_lists *lists, struct mc_span name)
{
    struct mc_word word;
    return mc_lists_find_name(lists, name, &word) && (word.flags & MC_NAME_TARGET);
}

/* acme.con to acme.com, and gmial.con to gmail.com. Behind a real top-level domain (company.co)
 * only where that gives a large provider. */
static size_t repair_ending(const struct mc_lists *lists, const struct reading *reading, char *out)
{
    struct mc_word word;
    char repaired[DOMAIN_MAX * 2], better[DOMAIN_MAX * 2];
    for (struct mc_span ending = reading->ending; reading->wrong_ending && ending.len > 0;
         ending = mc_name_above(ending)) {
        if (!mc_lists_find_name(lists, ending, &word) || !(word.flags & MC_NAME_ENDING))
            continue;
        struct mc_span before = mc_span(reading->domain.at, reading->domain.len - ending.len - 1);
        struct mc_span name = mc_span(repaired, write_name(repaired, before, word.value));
        struct reading again = read_domain(lists, name);
        if (again.typo.len > 0) {
            name = again.typo;
        } else if (!again.known) {
            size_t len = repair_label(lists, &again, better);
            name = len > 0 ? mc_span(better, len) : name;
        }
        if (name.len <= DOMAIN_MAX && (!reading->real_tld || is_target(lists, name)))
            return write_span(out, name);
    }
    return 0;
}

/* hotmail.frr, yahoo.ci.uk: a target's label, and an ending one letter away from the target's own.
 * An ending that is a real top-level domain (hotmail.ve) is somebody else's. */
static size_t repair_unknown_ending(const struct mc_lists *lists, const struct reading *reading,
                                    char *out)
{
    const struct mc_target *found = NULL;
    struct mc_word word;
    bool dotted = memchr(reading->ending.at, '.', reading->ending.len) != NULL;
    if (reading->ending.len > LABEL_MAX || reading->label.len > lists->longest_bundled_label ||
        (reading->real_tld && (!dotted || reading->label.len < SHORTEST_FUZZY)) ||
        !mc_wordset_find(&mc_lists_names, reading->label, &word) || !(word.flags & MC_NAME_BARE))
        return 0;
    for (size_t i = 0; i < mc_lists_targets_count; i++) {
        const struct mc_target *target = &mc_lists_targets[i];
        if (!mc_span_equal(mc_span(target->label, target->label_len), reading->label))
            continue;
        struct mc_span wanted = mc_span_of(target->ending);
        if ((reading->real_tld && memchr(wanted.at, '.', wanted.len) == NULL) ||
            mc_distance(reading->ending, wanted, 1) > 1)
            continue;
        if (found != NULL)
            return 0;
        found = target;
    }
    return found != NULL ? write_name(out, reading->label, mc_span_of(found->ending)) : 0;
}

/* hotmai.lcom, yahooco.uk: a target but for the place of its dots. */
static size_t repair_dots(const struct mc_lists *lists, const struct reading *reading, char *out)
{
    char joined[DOMAIN_MAX];
    size_t len = 0, dots = 0;
    struct mc_word word;
    if (reading->below_known)
        return 0;
    for (struct mc_span rest = reading->domain, above; rest.len > 0; rest = above) {
        above = mc_name_above(rest);
        size_t label = rest.len - above.len;
        label -= rest.at[label - 1] == '.';
        if (len + label > lists->longest_bundled_name)
            return 0;
        memcpy(joined + len, rest.at, label);
        len += label;
    }
    if (!mc_lists_find_name(lists, mc_span(joined, len), &word) || !(word.flags & MC_NAME_BARE))
        return 0;
    size_t label = word.value.len - mc_name_above(word.value).len - 1;
    for (size_t i = 0; i < word.value.len; i++)
        dots += word.value.at[i] == '.';
    if (len + dots != word.value.len || (reading->real_tld && label < SHORTEST_FUZZY))
        return 0;
    return write_span(out, word.value);
}

/* "gmail" or "gmailcom", for whoever typed no dot at all. */
static size_t complete(const struct mc_lists *lists, struct mc_span domain, char *out)
{
    struct mc_word word;
    if (!mc_lists_find_name(lists, domain, &word) || !(word.flags & MC_NAME_BARE))
        return 0;
    return write_span(out, word.value);
}

static size_t suggest(const struct mc_lists *lists, const struct reading *reading, char *out)
{
    if (reading->typo.len > 0)
        return write_span(out, reading->typo);
    if (reading->known)
        return 0;
    size_t len = repair_label(lists, reading, out);
    if (len == 0)
        len = repair_dots(lists, reading, out);
    if (len == 0)
        len = repair_unknown_ending(lists, reading, out);
    if (len == 0)
        len = repair_ending(lists, reading, out);
    return mc_span_equal(mc_span(out, len), reading->domain) ? 0 : len;
}

static bool is_readable(struct mc_span domain)
{
    return domain.len > 0 && domain.len <= DOMAIN_MAX && memchr(domain.at, '.', domain.len) != NULL;
}

size_t mc_lists_suggest(const struct mc_lists *lists, struct mc_span domain, char *out)
{
    if (is_readable(domain)) {
        struct reading reading = read_domain(lists, domain);
        return suggest(lists, &reading, out);
    }
    return domain.len == 0 || domain.len > DOMAIN_MAX ? 0 : complete(lists, domain, out);
}

struct mc_domain_facts mc_lists_domain_facts(const struct mc_lists *lists, struct mc_span domain)
{
    char suggestion[DOMAIN_MAX + 1];
    if (!is_readable(domain))
        return (struct mc_domain_facts){mc_lists_is_disposable(lists, domain),
                                        mc_lists_is_free(lists, domain),
                                        mc_lists_suggest(lists, domain, suggestion) > 0};
    struct reading reading = read_domain(lists, domain);
    return (struct mc_domain_facts){reading.disposable, reading.free,
                                    suggest(lists, &reading, suggestion) > 0};
}
