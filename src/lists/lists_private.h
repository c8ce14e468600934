/* What the files of this room share. */
#ifndef MC_LISTS_LISTS_PRIVATE_H
#define MC_LISTS_LISTS_PRIVATE_H

#include "lists/lists.h"
#include "lists/role_filter.h"
#include "lists/user_lists.h"

struct mc_lists {
    struct mc_user_lists user;
    struct mc_role_filter role_filter;
    size_t longest_bundled_label, longest_bundled_name; /* of a target */
    size_t longest_target; /* bytes of its label: what is far longer is no slip of any */
};

/* From the role words of `lists`, bundled and the user's. */
void mc_lists_fill_role_filter(struct mc_lists *lists);
void mc_lists_measure_targets(struct mc_lists *lists);
/* The same as mc_lists_is_role without the filter: for the test that both agree. */
bool mc_lists_is_role_slowly(const struct mc_lists *lists, struct mc_span local);

static inline bool mc_lists_find_name(const struct mc_lists *lists, struct mc_span name,
                                      struct mc_word *word)
{
    return mc_user_lists_find(&lists->user, &mc_lists_names, &lists->user.names, name, word);
}

/* The name above, without its first label; empty above a top-level domain. */
static inline struct mc_span mc_name_above(struct mc_span name)
{
    const char *dot = name.len > 0 ? memchr(name.at, '.', name.len) : NULL;
    size_t skip = dot != NULL ? (size_t)(dot - name.at) + 1 : name.len;
    return mc_span(name.at + skip, name.len - skip);
}

#endif
