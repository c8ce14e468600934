/* Makes the tables of src/lists out of data/lists at build time.
 *
 * usage: compile_lists FILE... >lists_tables.h
 *
 * Reads the files with the same code that reads a user's lists at run time, so that there is one
 * format and one parser. Prints C: one open-addressing table each for names, role words and MX
 * hosts (layout: lists/wordset.h), the providers, and what each list is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "lists/list_file.h"
#include "lists/lists_data.h"

struct entry {
    struct mc_span key;
    struct mc_span value;
    unsigned flags;
};

struct table {
    struct entry *entries;
    size_t count, room;
    uint32_t *found; /* index of an entry + 1, by hash: to find an equal key */
    size_t found_size;
};

static struct table names, roles, hosts;
static struct mc_provider *providers;
static size_t provider_count, provider_room;
static struct mc_target *targets; /* `label` holds the whole name until they are printed */
static size_t target_count, target_room;

static _Noreturn void stop(const char *what, struct mc_span key)
{
    fprintf(stderr, "compile_lists: %s: %.*s\n", what, (int)key.len, key.at);
    exit(1);
}

static struct mc_span keep(struct mc_span text)
{
    return mc_span(mc_span_dup(text), text.len);
}

static void grow_found(struct table *table)
{
    table->found_size = table->found_size == 0 ? 1024 : table->found_size * 2;
    free(table->found);
    table->found = mc_calloc(table->found_size, sizeof *table->found);
    for (size_t i = 0; i < table->count; i++) {
        size_t at = mc_wordset_hash(table->entries[i].key) % table->found_size;
        while (table->found[at] != 0)
            at = (at + 1) % table->found_size;
        table->found[at] = (uint32_t)i + 1;
    }
}

/* The entry of `key`, made where there is none. */
static struct entry *entry_of(struct table *table, struct mc_span key)
{
    if (table->count * 2 >= table->found_size)
        grow_found(table);
    size_t at = mc_wordset_hash(key) % table->found_size;
    for (; table->found[at] != 0; at = (at + 1) % table->found_size)
        if (mc_span_equal(table->entries[table->found[at] - 1].key, key))
            return &table->entries[table->found[at] - 1];
    table->entries = mc_grow(table->entries, table->count, &table->room, sizeof *table->entries);
    table->entries[table->count] = (struct entry){.key = keep(key)};
    table->found[at] = (uint32_t)++table->count;
    return &table->entries[table->count - 1];
}

static void add(struct table *table, struct mc_span key, unsigned flags, struct mc_span value)
{
    struct entry *entry = entry_of(table, key);
    if (value.len > 0 && entry->value.len > 0 && !mc_span_equal(entry->value, value))
        stop("has two values", key);
    if (value.len > 0)
        entry->value = keep(value);
    entry->flags |= flags;
}

static void add_target(struct mc_span name, bool exact)
{
    const char *dot = memchr(name.at, '.', name.len);
    targets = mc_grow(targets, target_count, &target_room, sizeof *targets);
    char *whole = mc_span_dup(name);
    targets[target_count++] = (struct mc_target){.label = whole,
                                                 .ending = whole + (dot - name.at) + 1,
                                                 .label_len = (uint8_t)(dot - name.at),
                                                 .exact = exact};
    add(&names, name, MC_NAME_TARGET | MC_NAME_KNOWN, mc_span("", 0));
}

static void add_bare(struct mc_span bare, const char *target)
{
    /* "me" is an ending of targets (proton.me); such a key has its value for that */
    for (size_t i = 0; i < target_count; i++)
        if (mc_span_equal(mc_span_of(targets[i].ending), bare))
            return;
    if (entry_of(&names, bare)->value.len == 0)
        add(&names, bare, MC_NAME_BARE, mc_span_of(target));
}

/* "yahoo" and "yahoocouk": the first target with that label, and each without its dots. */
static void add_bare_targets(void)
{
    for (size_t i = 0; i < target_count; i++) {
        char joined[256];
        size_t len = 0;
        const char *whole = targets[i].label;
        add_bare(mc_span(whole, targets[i].label_len), whole);
        for (const char *c = whole; *c != '\0'; c++)
            if (*c != '.')
                joined[len++] = *c;
        add_bare(mc_span(joined, len), whole);
    }
}

static int compare_targets(const void *a, const void *b)
{
    const struct mc_target *one = a, *other = b;
    int order = strcmp(one->ending, other->ending);
    return order != 0 ? order : strcmp(one->label, other->label);
}

static void group_targets(void)
{
    qsort(targets, target_count, sizeof *targets, compare_targets);
    for (size_t i = 0, end; i < target_count; i = end) {
        for (end = i + 1; end < target_count; end++)
            if (strcmp(targets[end].ending, targets[i].ending) != 0)
                break;
        const char value[] = {(char)(i & 0xff), (char)(i >> 8), (char)((end - i) & 0xff),
                              (char)((end - i) >> 8)};
        add(&names, mc_span_of(targets[i].ending), MC_NAME_TARGETS, mc_span(value, sizeof value));
    }
}

static void add_provider(const struct mc_provider_row *row)
{
    if (provider_count == 0 && (!mc_span_equal(row->id, mc_span_of("default")) ||
                                row->given != (1u << 9) - 1 || !row->rcpt_given))
        stop("the first provider must be \"default\" and complete, not", row->id);
    providers = mc_grow(providers, provider_count, &provider_room, sizeof *providers);
    struct mc_provider *provider = &providers[provider_count];
    if (provider_count == 0)
        *provider = (struct mc_provider){.id = ""};
    else
        *provider = providers[0];
    provider->index = (uint32_t)provider_count++;
    if (provider->index > 0)
        provider->id = mc_span_dup(row->id);
    if (row->rcpt_given)
        provider->rcpt = row->rcpt;
    for (unsigned n = 0; n < 9; n++)
        if (row->given & 1u << n)
            *mc_provider_number(provider, n) = row->numbers[n];
}

static void sink(void *arg, const struct mc_list_entry *entry)
{
    (void)arg;
    if (entry->removed)
        stop("nothing can be removed from a bundled list", entry->key);
    switch (entry->kind->set) {
    case MC_SET_NAMES:
        if (entry->flags & MC_NAME_TARGET)
            add_target(entry->key, entry->flags & MC_NAME_EXACT);
        else
            add(&names, entry->key, entry->flags, entry->value);
        return;
    case MC_SET_ROLES:
        add(&roles, entry->key, entry->flags, entry->value);
        return;
    case MC_SET_PROVIDERS:
        if (entry->provider != NULL) {
            add_provider(entry->provider);
        } else {
            const char index[] = {(char)((provider_count - 1) & 0xff),
                                  (char)((provider_count - 1) >> 8)};
            add(&hosts, entry->key, MC_HOST_PROVIDER, mc_span(index, sizeof index));
        }
        return;
    case MC_SET_HOSTS:
        add(&hosts, entry->key, entry->flags, entry->value);
        return;
    case MC_SET_SUPPRESS:
    case MC_SET_NOTHING:
        return;
    }
}

/* Every core with every affix before and behind it (salesuk, uksales). */
static void glue_roles(void)
{
    size_t count = roles.count;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            char word[130];
            struct mc_span core = roles.entries[i].key, affix = roles.entries[k].key;
            if (!(roles.entries[i].flags & MC_ROLE_CORE) ||
                !(roles.entries[k].flags & MC_ROLE_AFFIX) || mc_span_equal(core, affix))
                continue;
            int len = snprintf(word, sizeof word, "%.*s%.*s", (int)core.len, core.at,
                               (int)affix.len, affix.at);
            add(&roles, mc_span(word, (size_t)len), MC_ROLE_GLUED, mc_span("", 0));
            len = snprintf(word, sizeof word, "%.*s%.*s", (int)affix.len, affix.at, (int)core.len,
                           core.at);
            add(&roles, mc_span(word, (size_t)len), MC_ROLE_GLUED, mc_span("", 0));
        }
    }
}

static void print_bytes(struct mc_span bytes)
{
    /* octal, three digits: a following digit is never taken for part of the escape */
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '?')
            putchar(c);
        else
            printf("\\%03o", c);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    size_t len = one->key.len < other->key.len ? one->key.len : other->key.len;
    int order = memcmp(one->key.at, other->key.at, len);
    return order != 0 ? order : (one->key.len > other->key.len) - (one->key.len < other->key.len);
}

static void print_table(const char *name, struct table *table)
{
    uint32_t size = 16, offset = 1;
    qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
    while (size < table->count * 3 / 2)
        size *= 2;
    unsigned filter_shift = 64;
    for (uint32_t words = size / 16; words > 1; words /= 2)
        filter_shift--;
    filter_shift = filter_shift < 63 ? filter_shift : 63; /* two words at least */
    uint32_t *slots = mc_calloc(size, sizeof *slots);
    uint64_t *filter = mc_calloc(size, sizeof *filter);
    printf("static const unsigned char %s_blob[] = \"\\000\"\n", name);
    for (size_t i = 0; i < table->count; i++) {
        const struct entry *entry = &table->entries[i];
        uint64_t hash = mc_wordset_hash(entry->key);
        uint32_t at = (uint32_t)hash & (size - 1);
        while (slots[at] != 0)
            at = (at + 1) & (size - 1);
        filter[hash >> filter_shift] |= mc_wordset_filter_bit(hash);
        slots[at] = mc_wordset_tag(hash) << MC_WORDSET_OFFSET_BITS | offset;
        offset += (uint32_t)(MC_WORDSET_HEADER + entry->key.len + entry->value.len);
        const char head[MC_WORDSET_HEADER] = {(char)(entry->flags & 0xff),
                                              (char)(entry->flags >> 8), (char)entry->key.len,
                                              (char)entry->value.len};
        printf("\"");
        print_bytes(mc_span(head, sizeof head));
        print_bytes(entry->key);
        print_bytes(entry->value);
        printf("\"\n");
    }
    if (offset >> MC_WORDSET_OFFSET_BITS != 0)
        stop("too many bytes for the offsets of this table", mc_span_of(name));
    printf(";\nstatic const uint32_t %s_slots[] = {", name);
    for (uint32_t i = 0; i < size; i++)
        printf("%s%" PRIu32 ",", i % 12 == 0 ? "\n" : " ", slots[i]);
    printf("\n};\nstatic const uint64_t %s_filter[] = {", name);
    for (uint64_t i = 0; i < UINT64_C(1) << (64 - filter_shift); i++)
        printf("%sUINT64_C(%" PRIu64 "),", i % 4 == 0 ? "\n" : " ", filter[i]);
    printf("\n};\nconst struct mc_wordset mc_lists_%s = {%s_slots, %" PRIu32 ", %u, %s_filter, "
           "%s_blob};\n\n",
           name, name, size - 1, filter_shift, name, name);
    free(slots);
    free(filter);
}

static void print_providers(void)
{
    static const char *const policies[] = {
        [MC_RCPT_REFUSES] = "MC_RCPT_REFUSES",
        [MC_RCPT_ACCEPTS_ALL] = "MC_RCPT_ACCEPTS_ALL",
        [MC_RCPT_VARIES] = "MC_RCPT_VARIES",
    };
    printf("const struct mc_provider mc_lists_providers[] = {\n");
    for (size_t i = 0; i < provider_count; i++) {
        printf("{%zu, \"", i);
        print_bytes(mc_span_of(providers[i].id));
        printf("\", %s", policies[providers[i].rcpt]);
        for (unsigned n = 0; n < 9; n++)
            printf(", %" PRIu32, *mc_provider_number(&providers[i], n));
        printf("},\n");
    }
    printf("};\nconst size_t mc_lists_providers_count = %zu;\n\n", provider_count);
}

static void print_targets(void)
{
    printf("const struct mc_target mc_lists_targets[] = {\n");
    for (size_t i = 0; i < target_count; i++)
        printf("{\"%.*s\", \"%s\", {'%c', '%c'}, %u, %d, %" PRIu32 "},\n",
               (int)targets[i].label_len, targets[i].label, targets[i].ending, targets[i].label[0],
               targets[i].label[1], (unsigned)targets[i].label_len, targets[i].exact,
               mc_letters_of(mc_span(targets[i].label, targets[i].label_len)));
    printf("};\nconst size_t mc_lists_targets_count = %zu;\n\n", target_count);
}

static const struct mc_list_kind *kind_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; i < mc_list_kinds_count; i++)
        if (strcmp(file, mc_list_kinds[i].file) == 0)
            return &mc_list_kinds[i];
    stop("no such kind of list", mc_span_of(path));
}

int main(int argc, char **argv)
{
    struct mc_text infos = {0};
    char error[512];
    for (int i = 1; i < argc; i++) {
        struct mc_list_header header = {0};
        long count =
            mc_list_file_read(argv[i], kind_of(argv[i]), sink, NULL, &header, error, sizeof error);
        if (count < 0) {
            fprintf(stderr, "%s\n", error);
            return 1;
        }
        if (header.name[0] == '\0' || header.date[0] == '\0' || header.source[0] == '\0')
            stop("no \"# name:\", \"# date:\" and \"# source:\" at its head", mc_span_of(argv[i]));
        if (kind_of(argv[i])->set == MC_SET_NOTHING)
            continue;
        mc_text_printf(&infos, "{\"%s\", \"%s\", \"%s\", %ld},\n", header.name, header.date,
                       header.source, count);
    }
    add_bare_targets();
    group_targets();
    glue_roles();
    printf("/* Made by data/compile_lists.c out of data/lists. */\n");
    print_table("names", &names);
    print_table("role_words", &roles);
    print_table("hosts", &hosts);
    print_targets();
    print_providers();
    printf("const struct mc_list_info mc_lists_infos[] = {\n%s};\n", mc_text_z(&infos));
    printf("const size_t mc_lists_infos_count = "
           "sizeof mc_lists_infos / sizeof mc_lists_infos[0];\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
