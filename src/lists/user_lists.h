/* The user's own lists, read at start and laid over the bundled ones.
 *
 * Owns what the files of --lists DIR and /etc/mailcheck/lists say; empty for most runs, and then
 * costs the look-ups one comparison. */
#ifndef MC_LISTS_USER_LISTS_H
#define MC_LISTS_USER_LISTS_H

#include "base/hash.h"
#include "base/memory.h"
#include "lists/list_file.h"
#include "lists/lists_data.h"

/* Flags by key; a bundled entry of the same key loses `cleared` and gains `set`. */
struct mc_overlay {
    struct mc_index index;
    struct mc_overlay_entry {
        uint32_t key, value; /* in the arena */
        uint16_t set, cleared;
    } * entries;
    size_t count, room;
};

struct mc_user_lists {
    struct mc_arena text;
    struct mc_overlay names, roles, hosts, suppressed;
    struct mc_target *targets;
    size_t target_count, target_room;
    struct mc_provider *providers; /* bundled and own ones, or NULL: the bundled ones alone */
    size_t provider_count, provider_room;
    struct mc_user_file {
        char *path;
        char date[16];
        long count;
    } * files;
    size_t file_count, file_room;
};

/* Reads every list in `dir` over what `lists` holds; a directory that is not there is an error
 * only where it is `required`. False with a sentence in `error`. `lists` starts as {0}. */
bool mc_user_lists_read(struct mc_user_lists *lists, const char *dir, bool required, char *error,
                        size_t error_size) __attribute__((warn_unused_result));
void mc_user_lists_free(struct mc_user_lists *lists);

const struct mc_overlay_entry *mc_overlay_find(const struct mc_user_lists *lists,
                                               const struct mc_overlay *overlay,
                                               struct mc_span key);

/* What `set` says of `key`, and the user above it; false where neither knows it. */
static inline bool mc_user_lists_find(const struct mc_user_lists *lists,
                                      const struct mc_wordset *set,
                                      const struct mc_overlay *overlay, struct mc_span key,
                                      struct mc_word *word)
{
    bool found = mc_wordset_find(set, key, word);
    if (overlay->count == 0)
        return found;
    const struct mc_overlay_entry *entry = mc_overlay_find(lists, overlay, key);
    if (entry == NULL)
        return found;
    word->flags = ((found ? word->flags : 0) & ~(unsigned)entry->cleared) | entry->set;
    if (!found || entry->value != 0)
        word->value = mc_arena_get(&lists->text, entry->value);
    return word->flags != 0;
}

#endif
