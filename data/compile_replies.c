/* Compiles data/replies into the tables that src/verdict reads: FILE... >reply_tables.inc
 *
 * Two kinds of line, told apart by their first byte. A class gives words a name:
 *
 *     @mailbox<tab>user account mailbox*
 *
 * A rule says what a wording means (the first rule that holds decides, files in the order given):
 *
 *     name<tab>when<tab>wording<tab>reason<tab>blame<tab>how<tab>seen on
 *
 * when     "-", or conditions that must all hold: a code (550, 5xx, 2-5), an enhanced code (x.1.1,
 *          5.7.x), a provider (=google), stages (rcpt, mail, greeting, ...; several: any of them);
 *          "text" where neither code is known
 * wording  "-", or words in this order, fillers between them ignored:
 *            a|b        either; a* any word that begins so; @class any of its words; "not" is
 *                       also its contractions
 *            ~ ~3       up to six (three) words between
 *            a & b      a ~ b or b ~ a
 *            a + b      both, anywhere in the reply; a - b  a, but b nowhere
 *            ^ $        at the start, at the end of the reply
 *            <rcpt> <us> <address> <host> <ip> <url> <number> : .   what stands for blanked text;
 *            <rejected> "Recipient address rejected:", where a reason follows
 *            .name      a host name that has this label
 * how      "sure", or "maybe": counts only beside an acceptance; "again": ask in a new transaction;
 *          "bye": the server hangs up
 * seen on  the servers that said so: never empty
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATOMS_MAX    4096
#define CLASSES_MAX  128
#define ELEMENTS_MAX 2048
#define RULES_MAX    2048
#define STEPS_MAX    16384
#define FIELDS       7

/* The words that stand for what is not a word; the order is that of enum word in reply_words.c. */
static const char *const specials[] = {
    "<other>", ".",    ":",     "<rcpt>",   "<us>",   "<address>",
    "<host>",  "<ip>", "<url>", "<number>", "<code>", "<rejected>",
};
#define SPECIALS (sizeof specials / sizeof specials[0])

struct set {
    uint64_t bits[ATOMS_MAX / 64];
};

static char *atoms[ATOMS_MAX]; /* words, stems ("black*"), specials */
static size_t atom_count;
static struct {
    char *name;
    struct set atoms;
} classes[CLASSES_MAX];
static size_t class_count;
static struct {
    char *text;
    struct set atoms;
} elements[ELEMENTS_MAX];
static size_t element_count;

struct step {
    unsigned element, gap;
    bool strict, first, absent, at_start, at_end;
};
static struct step steps[STEPS_MAX];
static size_t step_count;

struct rule {
    char *fields[FIELDS];
    size_t first_step, steps;
};
static struct rule rules[RULES_MAX];
static size_t rule_count;

static const char *file_name;
static unsigned line_number;

static void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", file_name, line_number);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        fail("out of memory");
    return made;
}

static unsigned atom_of(const char *text)
{
    for (size_t i = 0; i < atom_count; i++)
        if (!strcmp(atoms[i], text))
            return (unsigned)i;
    if (atom_count == ATOMS_MAX)
        fail("more than %d words", ATOMS_MAX);
    for (const char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            fail("capital letter in \"%s\"", text);
    atoms[atom_count] = copy(text);
    return (unsigned)atom_count++;
}

static void set_add(struct set *set, unsigned atom)
{
    set->bits[atom / 64] |= UINT64_C(1) << atom % 64;
}

static bool set_has(const struct set *set, unsigned atom)
{
    return set->bits[atom / 64] >> atom % 64 & 1;
}

static size_t class_of(const char *name, bool make)
{
    for (size_t i = 0; i < class_count; i++)
        if (!strcmp(classes[i].name, name))
            return i;
    if (!make || class_count == CLASSES_MAX)
        fail("unknown class %s", name);
    classes[class_count].name = copy(name);
    return class_count++;
}

static void add_atom(struct set *set, const char *text)
{
    static const char *const contractions[] = {"isnt",   "arent", "wasnt",   "doesnt", "dont",
                                               "didnt",  "wont",  "hasnt",   "havent", "couldnt",
                                               "cannot", "cant",  "nolonger"};
    if (*text != '@') {
        set_add(set, atom_of(text));
        for (size_t i = 0; !strcmp(text, "not") && i < sizeof contractions / sizeof *contractions;
             i++)
            set_add(set, atom_of(contractions[i]));
        return;
    }
    const struct set *from = &classes[class_of(text, false)].atoms;
    for (size_t i = 0; i < ATOMS_MAX / 64; i++)
        set->bits[i] |= from->bits[i];
}

static unsigned element_of(const char *text)
{
    for (size_t i = 0; i < element_count; i++)
        if (!strcmp(elements[i].text, text))
            return (unsigned)i;
    if (element_count == ELEMENTS_MAX)
        fail("more than %d elements", ELEMENTS_MAX);
    elements[element_count].text = copy(text);
    char *list = copy(text), *rest = list, *atom;
    while ((atom = strsep(&rest, "|")))
        add_atom(&elements[element_count].atoms, atom);
    free(list);
    return (unsigned)element_count++;
}

static void read_class(char *line)
{
    char *rest = line, *word;
    char *name = strsep(&rest, "\t");
    if (!rest || !*rest)
        fail("a class without words");
    size_t class = class_of(name, true);
    while ((word = strsep(&rest, " ")))
        if (*word)
            add_atom(&classes[class].atoms, word);
}

static void add_step(struct step step)
{
    if (step_count == STEPS_MAX)
        fail("more than %d steps", STEPS_MAX);
    steps[step_count++] = step;
}

/* Scripts written without blanks: every character is a word, and they must touch. */
static bool is_ideographic(const char *text)
{
    return (unsigned char)*text >= 0xe1;
}

static void add_ideographs(const char *text, struct step step)
{
    while (*text) {
        char one[4] = {text[0], text[1], text[2], '\0'};
        if (!is_ideographic(text) || strlen(one) != 3)
            fail("mixed scripts in one word");
        step.element = element_of(one);
        add_step(step);
        step = (struct step){.strict = true};
        text += 3;
    }
}

static unsigned gap_of(const char *word)
{
    if (!strcmp(word, "~"))
        return 6;
    if (word[1] < '1' || word[1] > '9' || word[2])
        fail("bad gap %s", word);
    return (unsigned)(word[1] - '0');
}

/* One wording without "&". */
static void compile_steps(char *wording)
{
    char *rest = wording, *word;
    struct step next = {.first = true};
    while ((word = strsep(&rest, " "))) {
        if (!strcmp(word, "+") || !strcmp(word, "-")) {
            next = (struct step){.first = true, .absent = *word == '-'};
        } else if (!strcmp(word, "^")) {
            next.at_start = true;
        } else if (!strcmp(word, "$")) {
            steps[step_count - 1].at_end = true;
        } else if (*word == '~') {
            next.gap = gap_of(word);
        } else if (is_ideographic(word) && !strchr(word, '|')) {
            add_ideographs(word, next);
            next = (struct step){0};
        } else if (*word) {
            next.element = element_of(word);
            add_step(next);
            next = (struct step){0};
        } else {
            fail("two blanks in a row");
        }
    }
}

static void add_rule(char *const *fields, char *wording)
{
    if (rule_count == RULES_MAX)
        fail("more than %d rules", RULES_MAX);
    struct rule *rule = &rules[rule_count++];
    for (size_t i = 0; i < FIELDS; i++)
        rule->fields[i] = copy(fields[i]);
    rule->first_step = step_count;
    if (strcmp(wording, "-"))
        compile_steps(wording);
    rule->steps = step_count - rule->first_step;
}

/* The "&" of a wording becomes two rules: left ~ right, right ~ left. Each may have one. */
static void read_wording(char *const *fields)
{
    char *wording = fields[2], *and = strstr(wording, " & ");
    if (!and) {
        add_rule(fields, wording);
        return;
    }
    /* the part between the conjuncts before and after */
    char *start = wording, *end = wording + strlen(wording);
    for (char *at = wording; at < and; at++)
        if (!strncmp(at, " + ", 3) || !strncmp(at, " - ", 3))
            start = at + 3;
    for (char *at = end - 1; at > and; at--)
        if (!strncmp(at, " + ", 3) || !strncmp(at, " - ", 3))
            end = at;
    char both[2][1024];
    int before = (int)(start - wording), left = (int)(and-start), right = (int)(end - and-3);
    snprintf(both[0], sizeof both[0], "%.*s%.*s ~ %.*s%s", before, wording, left, start, right,
             and+3, end);
    snprintf(both[1], sizeof both[1], "%.*s%.*s ~ %.*s%s", before, wording, right, and+3, left,
             start, end);
    char *again[FIELDS];
    memcpy(again, fields, sizeof again);
    for (size_t i = 0; i < 2; i++) {
        again[2] = both[i];
        read_wording(again);
    }
}

static unsigned index_of(const char *word, size_t len, const char *const *names, size_t count,
                         const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && !strncmp(names[i], word, len))
            return (unsigned)i;
    fail("unknown %s \"%.*s\"", what, (int)len, word);
    return 0;
}

struct condition {
    unsigned code_from, code_to, class, subject, detail, stages;
    const char *provider;
    bool text_only;
};

#define ANY 65535u

static bool read_enhanced(const char *word, struct condition *condition)
{
    if (strchr("x245", word[0]) == NULL || word[1] != '.')
        return false;
    const char *dot = strchr(word + 2, '.');
    if (!dot)
        return false;
    condition->class = word[0] == 'x' ? ANY : (unsigned)(word[0] - '0');
    condition->subject = word[2] == 'x' ? ANY : (unsigned)strtoul(word + 2, NULL, 10);
    condition->detail = dot[1] == 'x' ? ANY : (unsigned)strtoul(dot + 1, NULL, 10);
    return true;
}

static bool read_code(const char *word, struct condition *condition)
{
    if (*word < '2' || *word > '5' || strlen(word) != 3)
        return false;
    if (!strcmp(word + 1, "xx")) {
        condition->code_from = (unsigned)(*word - '0') * 100;
        condition->code_to = condition->code_from + 99;
    } else {
        condition->code_from = condition->code_to = (unsigned)strtoul(word, NULL, 10);
    }
    return true;
}

static struct condition read_when(const char *when)
{
    static const char *const stages[] = {"none", "connect", "proxy", "greeting", "ehlo",
                                         "tls",  "mail",    "rcpt",  "data"};
    struct condition condition = {.code_to = 999, .class = ANY, .subject = ANY, .detail = ANY};
    char *list = copy(when), *rest = list, *word;
    while ((word = strsep(&rest, " "))) {
        if (!strcmp(word, "-") || read_enhanced(word, &condition) || read_code(word, &condition))
            continue;
        if (*word == '=')
            condition.provider = copy(word + 1);
        else if (!strcmp(word, "text"))
            condition.text_only = true;
        else
            condition.stages |=
                1u << index_of(word, strlen(word), stages, sizeof stages / sizeof *stages, "stage");
    }
    free(list);
    return condition;
}

static unsigned read_how(const char *how)
{
    static const char *const flags[] = {"sure", "maybe", "again", "bye"};
    unsigned bits = 0;
    for (const char *at = how; *at;) {
        size_t len = strcspn(at, " ");
        bits |= 1u << index_of(at, len, flags, sizeof flags / sizeof *flags, "flag");
        at += len + (at[len] == ' ');
    }
    if ((bits & 3) != 1 && (bits & 3) != 2)
        fail("neither sure nor maybe");
    return bits;
}

static void read_rule(char *line)
{
    char *fields[FIELDS], *rest = line;
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&rest, "\t");
        if (!fields[i] || !*fields[i])
            fail("a rule has %d fields", FIELDS);
    }
    if (rest)
        fail("more than %d fields", FIELDS);
    read_when(fields[1]);
    read_how(fields[5]);
    read_wording(fields);
}

static void read_file(const char *name)
{
    char line[8192];
    FILE *file = fopen(name, "r");
    file_name = name;
    line_number = 0;
    if (!file) {
        perror(name);
        exit(1);
    }
    while (fgets(line, sizeof line, file)) {
        line_number++;
        line[strcspn(line, "\n")] = '\0';
        if (*line == '@')
            read_class(line);
        else if (*line && *line != '#')
            read_rule(line);
    }
    fclose(file);
}

static bool is_stem(const char *atom)
{
    size_t len = strlen(atom);
    return len > 1 && atom[len - 1] == '*';
}

/* The stem's own text is the start of `atom`. */
static bool stem_covers(const char *stem, const char *atom)
{
    return is_stem(stem) && !strncmp(stem, atom, strlen(stem) - 1);
}

static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* Open addressing from text to atom; `stems` chooses which kind the table holds. */
static void print_table(const char *name, bool stems)
{
    static unsigned slots[ATOMS_MAX * 4];
    size_t count = 0, size = 64;
    for (size_t i = SPECIALS; i < atom_count; i++)
        count += is_stem(atoms[i]) == stems;
    while (size < count * 3)
        size *= 2;
    memset(slots, 0, sizeof slots);
    for (size_t i = SPECIALS; i < atom_count; i++) {
        if (is_stem(atoms[i]) != stems)
            continue;
        size_t at = hash_of(atoms[i], strlen(atoms[i]) - stems) & (size - 1);
        while (slots[at])
            at = (at + 1) & (size - 1);
        slots[at] = (unsigned)i;
    }
    printf("static const uint16_t %s[%zu] = {", name, size);
    for (size_t i = 0; i < size; i++)
        printf("%s%u,", i % 20 ? "" : "\n    ", slots[i]);
    printf("\n};\n");
}

/* Which elements each atom belongs to: those that name it, and those that name a stem of it. */
static bool belongs[ATOMS_MAX][ELEMENTS_MAX];

static void print_membership(void)
{
    size_t width = (element_count + 63) / 64;
    printf("#define ELEMENT_WORDS %zu\n", width);
    printf("static const uint64_t membership[][ELEMENT_WORDS] = {\n");
    for (size_t i = 0; i < atom_count; i++) {
        uint64_t row[ELEMENTS_MAX / 64] = {0};
        for (size_t j = 0; j < atom_count; j++) {
            bool host = i >= SPECIALS && *atoms[i] == '.' && !strcmp(atoms[j], "<host>");
            bool number =
                strspn(atoms[i], "0123456789") == strlen(atoms[i]) && !strcmp(atoms[j], "<number>");
            if (j != i && !host && !number && !(i >= SPECIALS && stem_covers(atoms[j], atoms[i])))
                continue;
            for (size_t e = 0; e < element_count; e++)
                if (set_has(&elements[e].atoms, (unsigned)j)) {
                    row[e / 64] |= UINT64_C(1) << e % 64;
                    belongs[i][e] = true;
                }
        }
        printf("    {");
        for (size_t w = 0; w < width; w++)
            printf("0x%llx,", (unsigned long long)row[w]);
        printf("}, /* %s */\n", atoms[i]);
    }
    printf("};\n");
}

/* Where a rule is looked at: only where one of its words is there, the one that the fewest rules
 * ask for. */
static size_t key_of(const struct rule *rule, const size_t *users)
{
    size_t key = element_count; /* asks for no word */
    bool absent = false;
    for (size_t i = rule->first_step; i < rule->first_step + rule->steps; i++) {
        unsigned element = steps[i].element;
        absent = steps[i].first ? steps[i].absent : absent;
        if (!absent && (key == element_count || users[element] < users[key]))
            key = element;
    }
    return key;
}

/* The rules to look at for each atom, and behind the last one's those that ask for no word. */
static void print_rules_of_atoms(void)
{
    static size_t users[ELEMENTS_MAX], keys[RULES_MAX], from[ATOMS_MAX + 2];
    size_t count = 0;
    for (size_t i = 0; i < step_count; i++)
        users[steps[i].element]++;
    for (size_t i = 0; i < rule_count; i++)
        keys[i] = key_of(&rules[i], users);
    printf("static const uint16_t atom_rules[] = {");
    for (size_t i = 0; i <= atom_count; i++) {
        from[i] = count;
        for (size_t rule = 0; rule < rule_count; rule++)
            if (i == atom_count ? keys[rule] == element_count
                                : keys[rule] < element_count && belongs[i][keys[rule]])
                printf("%s%zu,", count++ % 20 ? "" : "\n    ", rule);
    }
    from[atom_count + 1] = count;
    printf("\n};\nstatic const uint32_t atom_rules_from[] = {");
    for (size_t i = 0; i <= atom_count + 1; i++)
        printf("%s%zu,", i % 20 ? "" : "\n    ", from[i]);
    printf("\n};\n#define ATOMS %zu\n#define RULE_WORDS %zu\n", atom_count, (rule_count + 63) / 64);
}

static void print_upper(const char *prefix, const char *text)
{
    printf("%s", prefix);
    for (; *text; text++)
        putchar(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
}

static void print_rule(const struct rule *rule)
{
    struct condition when = read_when(rule->fields[1]);
    unsigned how = read_how(rule->fields[5]);
    printf("    {\"%s\", \"%s\", %zu, %zu, %u, %u, %u, %u, %u, %u, %s, ", rule->fields[0],
           when.provider ? when.provider : "", rule->first_step, rule->steps, when.code_from,
           when.code_to, when.class, when.subject, when.detail, when.stages,
           when.text_only ? "true" : "false");
    print_upper("MC_REASON_", rule->fields[3]);
    print_upper(", MC_BLAME_", rule->fields[4]);
    printf(", %s, %s, %s},\n", how & 2 ? "MC_AMBIGUOUS" : "MC_SURE", how & 4 ? "true" : "false",
           how & 8 ? "true" : "false");
}

static void print_all(void)
{
    printf("/* Made by data/compile_replies.c from data/replies. */\n");
    printf("static const char *const atoms[] = {\n");
    for (size_t i = 0; i < atom_count; i++)
        printf("    \"%.*s\",\n", (int)(strlen(atoms[i]) - is_stem(atoms[i])), atoms[i]);
    printf("};\n");
    print_table("word_table", false);
    print_table("stem_table", true);
    size_t longest = 0;
    for (size_t i = SPECIALS; i < atom_count; i++)
        if (is_stem(atoms[i]) && strlen(atoms[i]) > longest + 1)
            longest = strlen(atoms[i]) - 1;
    printf("#define STEM_MAX %zu\n", longest);
    print_membership();
    for (size_t i = 0; i < class_count; i++) {
        print_upper("#define CLASS_", classes[i].name + 1);
        printf(" %u\n", element_of(classes[i].name));
    }
    printf("static const struct step steps[] = {\n");
    for (size_t i = 0; i < step_count; i++)
        printf("    {%u, %u, %d, %d, %d, %d, %d},\n", steps[i].element, steps[i].gap,
               steps[i].strict, steps[i].first, steps[i].absent, steps[i].at_start,
               steps[i].at_end);
    printf("};\nstatic const struct rule rules[] = {\n");
    for (size_t i = 0; i < rule_count; i++)
        print_rule(&rules[i]);
    printf("};\n/* wordings after which the server hangs up */\n"
           "static const uint16_t farewells[] = {");
    for (size_t i = 0; i < rule_count; i++)
        if (read_how(rules[i].fields[5]) & 8 && rules[i].steps)
            printf("%zu,", i);
    printf("};\n");
    print_rules_of_atoms();
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < SPECIALS; i++)
        atoms[atom_count++] = copy(specials[i]);
    for (int i = 1; i < argc; i++)
        read_file(argv[i]);
    /* every class can be asked for by itself */
    for (size_t i = 0; i < class_count; i++)
        element_of(classes[i].name);
    print_all();
    return 0;
}
