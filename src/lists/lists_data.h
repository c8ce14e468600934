/* The tables that data/compile_lists.c makes out of data/lists at build time. */
#ifndef MC_LISTS_LISTS_DATA_H
#define MC_LISTS_LISTS_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "lists/provider.h"
#include "lists/wordset.h"

/* A name of targets.txt, cut after its first label. */
struct mc_target {
    const char *label;
    const char *ending;
    uint8_t label_len;
};

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
