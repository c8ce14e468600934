/* The tables that data/compile_lists.c makes out of data/lists at build time. */
#ifndef MC_LISTS_LISTS_DATA_H
#define MC_LISTS_LISTS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lists/provider.h"
#include "lists/wordset.h"

/* A name of targets.txt, cut after its first label. */
struct mc_target {
    const char *label;
    const char *ending;
    char start[2]; /* of the label */
    uint8_t label_len;
    bool exact;       /* only its ending is repaired */
    uint32_t letters; /* mc_letters_of(label) */
};

/* Which letters a label has. A slip changes at most two of them, so most labels need no closer
 * look. */
static inline uint32_t mc_letters_of(struct mc_span label)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < label.len; i++)
        letters |= label.at[i] >= 'a' && label.at[i] <= 'z' ? 1u << (label.at[i] - 'a')
                                                            : 1u << (26 + (label.at[i] & 3));
    return letters;
}

struct mc_list_info {
    const char *name, *date, *source;
    uint32_t count;
};

extern const struct mc_wordset mc_lists_names;
extern const struct mc_wordset mc_lists_role_words;
extern const struct mc_wordset mc_lists_hosts;
/* Grouped by ending, so that MC_NAME_TARGETS can name a range. */
extern const struct mc_target mc_lists_targets[];
extern const size_t mc_lists_targets_count;
extern const struct mc_provider mc_lists_providers[]; /* [0] is the default */
extern const size_t mc_lists_providers_count;
extern const struct mc_list_info mc_lists_infos[];
extern const size_t mc_lists_infos_count;

#endif
