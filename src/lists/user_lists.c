#include "lists/user_lists.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"

const struct mc_overlay_entry *mc_overlay_find(const struct mc_user_lists *lists,
                                               const struct mc_overlay *overlay, struct mc_span key)
{
    struct mc_index_cursor cursor;
    if (overlay->count == 0)
        return NULL;
    for (uint32_t at = mc_index_first(&overlay->index, mc_hash(key), &cursor); at != MC_NONE;
         at = mc_index_next(&overlay->index, &cursor))
        if (mc_span_equal(mc_arena_get(&lists->text, overlay->entries[at].key), key))
            return &overlay->entries[at];
    return NULL;
}

static struct mc_overlay_entry *entry_of(struct mc_user_lists *lists, struct mc_overlay *overlay,
                                         struct mc_span key)
{
    const struct mc_overlay_entry *known = mc_overlay_find(lists, overlay, key);
    if (known != NULL)
        return &overlay->entries[known - overlay->entries];
    overlay->entries =
        mc_grow(overlay->entries, overlay->count, &overlay->room, sizeof *overlay->entries);
    mc_index_add(&overlay->index, mc_hash(key), (uint32_t)overlay->count);
    overlay->entries[overlay->count] =
        (struct mc_overlay_entry){.key = mc_arena_add(&lists->text, key)};
    return &overlay->entries[overlay->count++];
}

static void put(struct mc_user_lists *lists, struct mc_overlay *overlay,
                const struct mc_list_entry *from, unsigned flags, struct mc_span value)
{
    struct mc_overlay_entry *entry = entry_of(lists, overlay, from->key);
    unsigned set = flags, cleared = 0;
    if (from->removed) {
        set = 0;
        cleared = flags;
    }
    /* What a later list says replaces what an earlier one said of the same name: files of one
     * directory are read in the order of mc_list_kinds, so that allow.txt has the last word. */
    if (overlay == &lists->names && !from->removed) {
        if (flags & MC_NAME_DISPOSABLE)
            cleared |= MC_NAME_ALLOWED;
        if (flags & (MC_NAME_FREE | MC_NAME_KNOWN | MC_NAME_ALLOWED))
            cleared |= MC_NAME_TYPO;
        if (flags & MC_NAME_TYPO)
            cleared |= MC_NAME_ALLOWED | MC_NAME_KNOWN;
    }
    entry->set = (uint16_t)((entry->set & ~cleared) | set);
    entry->cleared = (uint16_t)((entry->cleared & ~set) | cleared);
    if (value.len > 0)
        entry->value = mc_arena_add(&lists->text, value);
}

static void add_target(struct mc_user_lists *lists, struct mc_span name, bool exact)
{
    const char *dot = memchr(name.at, '.', name.len);
    lists->targets =
        mc_grow(lists->targets, lists->target_count, &lists->target_room, sizeof *lists->targets);
    char *whole = mc_span_dup(name);
    size_t label_len = (size_t)(dot - name.at);
    lists->targets[lists->target_count++] =
        (struct mc_target){.label = whole,
                           .ending = whole + label_len + 1,
                           .start = {whole[0], whole[1]},
                           .label_len = (uint8_t)label_len,
                           .exact = exact,
                           .letters = mc_letters_of(mc_span(whole, label_len))};
}

/* The provider of that id, made out of the default one where there is none. */
static struct mc_provider *provider_of(struct mc_user_lists *lists, struct mc_span id)
{
    if (lists->providers == NULL) {
        lists->provider_count = mc_lists_providers_count;
        lists->provider_room = lists->provider_count + 16;
        lists->providers = mc_calloc(lists->provider_room, sizeof *lists->providers);
        memcpy(lists->providers, mc_lists_providers,
               lists->provider_count * sizeof *lists->providers);
        for (size_t i = 0; i < lists->provider_count; i++)
            lists->providers[i].id = mc_strdup(lists->providers[i].id);
    }
    if (mc_span_equal(id, mc_span_of("default")))
        return &lists->providers[0];
    for (size_t i = 1; i < lists->provider_count; i++)
        if (mc_span_equal(mc_span_of(lists->providers[i].id), id))
            return &lists->providers[i];
    lists->providers = mc_grow(lists->providers, lists->provider_count, &lists->provider_room,
                               sizeof *lists->providers);
    struct mc_provider *provider = &lists->providers[lists->provider_count];
    *provider = lists->providers[0];
    provider->index = (uint32_t)lists->provider_count++;
    provider->id = mc_span_dup(id);
    return provider;
}

static void put_provider(struct mc_user_lists *lists, const struct mc_provider_row *row)
{
    struct mc_provider *provider = provider_of(lists, row->id);
    if (row->rcpt_given)
        provider->rcpt = row->rcpt;
    for (unsigned n = 0; row->given >> n != 0; n++)
        if (row->given & 1u << n)
            *mc_provider_number(provider, n) = row->numbers[n];
}

static void put_host(struct mc_user_lists *lists, const struct mc_list_entry *entry)
{
    uint32_t index = provider_of(lists, entry->value)->index;
    const char value[] = {(char)(index & 0xff), (char)(index >> 8)};
    put(lists, &lists->hosts, entry, MC_HOST_PROVIDER, mc_span(value, sizeof value));
}

static void sink(void *arg, const struct mc_list_entry *entry)
{
    struct mc_user_lists *lists = arg;
    const struct mc_span none = mc_span("", 0);
    switch (entry->kind->set) {
    case MC_SET_NAMES:
        if (entry->flags & MC_NAME_TARGET && !entry->removed)
            add_target(lists, entry->key, entry->flags & MC_NAME_EXACT);
        put(lists, &lists->names, entry,
            entry->flags & MC_NAME_TARGET ? MC_NAME_TARGET | MC_NAME_KNOWN : entry->flags,
            entry->value);
        return;
    case MC_SET_ROLES:
        put(lists, &lists->roles, entry, entry->flags, none);
        return;
    case MC_SET_HOSTS:
        put(lists, &lists->hosts, entry, entry->flags, none);
        return;
    case MC_SET_PROVIDERS:
        if (entry->provider != NULL)
            put_provider(lists, entry->provider);
        else
            put_host(lists, entry);
        return;
    case MC_SET_SUPPRESS:
        put(lists, &lists->suppressed, entry, 1, none);
        return;
    case MC_SET_NOTHING:
        return;
    }
}

static bool read_file(struct mc_user_lists *lists, const char *dir, const struct mc_list_kind *kind,
                      char *error, size_t error_size)
{
    struct mc_text path = {0};
    struct stat status;
    struct tm day;
    mc_text_printf(&path, "%s/%s", dir, kind->file);
    const char *name = mc_text_z(&path);
    if (stat(name, &status) != 0 && errno == ENOENT) {
        mc_text_free(&path);
        return true;
    }
    long count = mc_list_file_read(name, kind, sink, lists, NULL, error, error_size);
    if (count >= 0 && stat(name, &status) == 0 && gmtime_r(&status.st_mtime, &day) != NULL) {
        lists->files =
            mc_grow(lists->files, lists->file_count, &lists->file_room, sizeof *lists->files);
        struct mc_user_file *file = &lists->files[lists->file_count++];
        *file = (struct mc_user_file){.path = mc_strdup(name), .count = count};
        strftime(file->date, sizeof file->date, "%Y-%m-%d", &day);
    }
    mc_text_free(&path);
    return count >= 0;
}

/* A misspelled "supress.txt" must not pass for a list that was read. */
static bool refuse_strange_file(const char *dir, const char *name, char *error, size_t error_size)
{
    struct mc_span file = mc_span_of(name);
    if (!mc_span_ends_with(file, mc_span_of(".txt")) &&
        !mc_span_ends_with(file, mc_span_of(".tsv")))
        return true;
    for (size_t i = 0; i < mc_list_kinds_count; i++)
        if (mc_span_equal(file, mc_span_of(mc_list_kinds[i].file)))
            return true;
    struct mc_text known = {0};
    for (size_t i = 0; i < mc_list_kinds_count; i++)
        mc_text_printf(&known, "%s%s", i == 0 ? "" : " ", mc_list_kinds[i].file);
    snprintf(error, error_size, "%s/%s: no list has this name; known are %s", dir, name,
             mc_text_z(&known));
    mc_text_free(&known);
    return false;
}

bool mc_user_lists_read(struct mc_user_lists *lists, const char *dir, bool required, char *error,
                        size_t error_size)
{
    bool fine = true;
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        if (!required && errno == ENOENT)
            return true;
        snprintf(error, error_size, "%s: %s", dir, strerror(errno));
        return false;
    }
    for (struct dirent *file; fine && (file = readdir(folder)) != NULL;)
        fine = refuse_strange_file(dir, file->d_name, error, error_size);
    closedir(folder);
    for (size_t i = 0; fine && i < mc_list_kinds_count; i++)
        fine = read_file(lists, dir, &mc_list_kinds[i], error, error_size);
    return fine;
}

static void free_overlay(struct mc_overlay *overlay)
{
    mc_index_free(&overlay->index);
    free(overlay->entries);
}

void mc_user_lists_free(struct mc_user_lists *lists)
{
    mc_arena_free(&lists->text);
    free_overlay(&lists->names);
    free_overlay(&lists->roles);
    free_overlay(&lists->hosts);
    free_overlay(&lists->suppressed);
    /* ids and labels were copied in; the const is for the readers */
    for (size_t i = 0; i < lists->target_count; i++)
        free((char *)(uintptr_t)lists->targets[i].label);
    for (size_t i = 0; i < lists->provider_count; i++)
        free((char *)(uintptr_t)lists->providers[i].id);
    for (size_t i = 0; i < lists->file_count; i++)
        free(lists->files[i].path);
    free(lists->targets);
    free(lists->providers);
    free(lists->files);
}
