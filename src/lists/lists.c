#include "lists/lists.h"

#include "lists/lists_private.h"

#define SYSTEM_LISTS "/etc/mailcheck/lists"

struct mc_lists *mc_lists_new(const char *dir, char *error, size_t error_size)
{
    struct mc_lists *lists = mc_calloc(1, sizeof *lists);
    if (mc_user_lists_read(&lists->user, SYSTEM_LISTS, false, error, error_size) &&
        (dir == NULL || mc_user_lists_read(&lists->user, dir, true, error, error_size))) {
        mc_lists_fill_role_filter(lists);
        mc_lists_measure_targets(lists);
        return lists;
    }
    mc_lists_free(lists);
    return NULL;
}

void mc_lists_free(struct mc_lists *lists)
{
    if (lists == NULL)
        return;
    mc_user_lists_free(&lists->user);
    free(lists);
}

/* The domain, then each name above it. No bundled entry is a public suffix or stands above one
 * (data/update sees to that), so the walk needs no list of those to know where to stop. */
bool mc_lists_is_disposable(const struct mc_lists *lists, struct mc_span domain)
{
    struct mc_word word;
    for (struct mc_span name = domain; name.len > 0; name = mc_name_above(name)) {
        if (!mc_lists_find_name(lists, name, &word))
            continue;
        if (word.flags & MC_NAME_ALLOWED)
            return false;
        if (word.flags & MC_NAME_DISPOSABLE)
            return true;
    }
    return false;
}

bool mc_lists_is_free(const struct mc_lists *lists, struct mc_span domain)
{
    struct mc_word word;
    if (mc_lists_find_name(lists, domain, &word) && (word.flags & MC_NAME_FREE))
        return true;
    return mc_lists_find_name(lists, mc_name_above(domain), &word) &&
           (word.flags & MC_NAME_FREE_BELOW);
}

bool mc_lists_has_suppressed(const struct mc_lists *lists)
{
    return lists->user.suppressed.count > 0;
}

bool mc_lists_is_suppressed(const struct mc_lists *lists, struct mc_span local,
                            struct mc_span domain)
{
    const struct mc_overlay *suppressed = &lists->user.suppressed;
    char key[MC_LOCAL_KEY_SIZE + 256];
    const struct mc_overlay_entry *entry;
    if (suppressed->count == 0)
        return false;
    for (struct mc_span name = domain; name.len > 0; name = mc_name_above(name)) {
        entry = mc_overlay_find(&lists->user, suppressed, name);
        if (entry != NULL && entry->set)
            return true;
    }
    size_t len = mc_list_local_key(local, key);
    if (len == 0 || domain.len > 255)
        return false;
    key[len++] = '@';
    memcpy(key + len, domain.at, domain.len);
    entry = mc_overlay_find(&lists->user, suppressed, mc_span(key, len + domain.len));
    return entry != NULL && entry->set;
}

/* What the hosts table says of `host`: its own name, its name with the digits at the end of the
 * first label left open, then each name above it. */
static bool find_host(const struct mc_lists *lists, struct mc_span host, unsigned flag,
                      struct mc_word *word)
{
    char pattern[256];
    size_t label = 0, digits;
    if (host.len == 0 || host.len >= sizeof pattern)
        return false;
    if (mc_user_lists_find(&lists->user, &mc_lists_hosts, &lists->user.hosts, host, word) &&
        (word->flags & flag))
        return true;
    while (label < host.len && host.at[label] != '.')
        label++;
    for (digits = label; digits > 0 && mc_is_digit(host.at[digits - 1]); digits--)
        ;
    memcpy(pattern, host.at, digits);
    pattern[digits] = '#';
    memcpy(pattern + digits + 1, host.at + label, host.len - label);
    if (digits > 0 && digits + 1 + host.len - label < sizeof pattern &&
        mc_user_lists_find(&lists->user, &mc_lists_hosts, &lists->user.hosts,
                           mc_span(pattern, digits + 1 + host.len - label), word) &&
        (word->flags & flag))
        return true;
    for (struct mc_span name = mc_name_above(host); name.len > 0; name = mc_name_above(name))
        if (mc_user_lists_find(&lists->user, &mc_lists_hosts, &lists->user.hosts, name, word) &&
            (word->flags & flag))
            return true;
    return false;
}

bool mc_lists_is_disposable_mx(const struct mc_lists *lists, struct mc_span mx_host)
{
    struct mc_word word;
    return find_host(lists, mx_host, MC_HOST_DISPOSABLE, &word);
}

const struct mc_provider *mc_lists_provider_at(const struct mc_lists *lists, size_t index)
{
    return lists->user.providers != NULL ? &lists->user.providers[index]
                                         : &mc_lists_providers[index];
}

const struct mc_provider *mc_lists_provider(const struct mc_lists *lists, struct mc_span mx_host)
{
    struct mc_word word;
    if (!find_host(lists, mx_host, MC_HOST_PROVIDER, &word))
        return NULL;
    size_t index = (unsigned char)word.value.at[0] | (size_t)(unsigned char)word.value.at[1] << 8;
    /* hosts in the default row are nobody's: a hosting firm's machines below its own mail hosts */
    return index == 0 ? NULL : mc_lists_provider_at(lists, index);
}

const struct mc_provider *mc_lists_default_provider(const struct mc_lists *lists)
{
    return mc_lists_provider_at(lists, 0);
}

size_t mc_lists_provider_count(const struct mc_lists *lists)
{
    return lists->user.providers != NULL ? lists->user.provider_count : mc_lists_providers_count;
}

void mc_lists_describe(const struct mc_lists *lists, FILE *out)
{
    for (size_t i = 0; i < mc_lists_infos_count; i++) {
        const struct mc_list_info *info = &mc_lists_infos[i];
        fprintf(out, "%s %s %u %s\n", info->name, info->date, (unsigned)info->count, info->source);
    }
    for (size_t i = 0; i < lists->user.file_count; i++) {
        const struct mc_user_file *file = &lists->user.files[i];
        const char *slash = strrchr(file->path, '/');
        const char *name = slash != NULL ? slash + 1 : file->path;
        fprintf(out, "%.*s %s %ld %s\n", (int)strcspn(name, "."), name, file->date, file->count,
                file->path);
    }
}
