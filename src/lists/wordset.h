/* A fixed set of short texts with flags and perhaps a value, as the build lays it out: an
 * open-addressing table of 32-bit slots over one blob of bytes. Nothing is built at start.
 *
 * Shared with data/compile_lists.c, which makes the tables: the hash and the layout stand here
 * once. A slot is 0 or (12 bits of the hash) << 20 | (offset in the blob, never 0); at the offset
 * stand flags (2 bytes, low first), key length, value length, key, value. */
#ifndef MC_LISTS_WORDSET_H
#define MC_LISTS_WORDSET_H

#include <stdbool.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/span.h"

#define MC_WORDSET_OFFSET_BITS 20
#define MC_WORDSET_HEADER      4

struct mc_wordset {
    const uint32_t *slots;
    uint32_t mask;         /* number of slots - 1 */
    unsigned filter_shift; /* of a hash: what is left is a word of the filter */
    /* One bit a key: an eighth of the slots, so that it stays in the cache where they do not. What
     * is in no list, as nearly all that is asked for, mostly ends here. */
    const uint64_t *filter;
    const unsigned char *blob;
};

struct mc_word {
    unsigned flags;
    struct mc_span value;
};

/* What the names table knows of a name. */
enum mc_name_flag {
    MC_NAME_DISPOSABLE = 1,
    MC_NAME_ALLOWED = 2,
    MC_NAME_FREE = 4,
    MC_NAME_FREE_BELOW = 8, /* the names directly below it are free providers' */
    MC_NAME_KNOWN = 16,     /* looks like a slip, is none */
    MC_NAME_TYPO = 32,      /* value: what was meant */
    MC_NAME_TLD = 64,
    MC_NAME_ENDING = 128,  /* a wrong ending; value: the right one */
    MC_NAME_TARGETS = 256, /* targets end in it; value: first and count, 2 bytes each, low first */
    MC_NAME_TARGET = 512,
    MC_NAME_EXACT = 2048, /* a target whose label is never matched at a distance */
    MC_NAME_BARE = 1024,  /* a target without its dots or its ending; value: the target */
};

/* What the role table knows of a word. */
enum mc_role_flag {
    MC_ROLE_WORD = 1,
    MC_ROLE_MODIFIER = 2,
    MC_ROLE_OPENER = 4,    /* may begin a no-reply phrase of several tokens */
    MC_ROLE_MACHINE = 8,   /* such a phrase, tokens joined */
    MC_ROLE_LIST_END = 16, /* after the last hyphen: a mailing list's own address */
    MC_ROLE_CORE = 32,     /* counts when an affix is glued to it */
    MC_ROLE_AFFIX = 64,
    MC_ROLE_GLUED = 128, /* a core and an affix: a word, but no token of a longer one */
};

/* What the hosts table knows of an MX host suffix. */
enum mc_host_flag {
    MC_HOST_PROVIDER = 1, /* value: index, 2 bytes, low first */
    MC_HOST_DISPOSABLE = 2,
};

/* Not keyed: the keys are fixed at build time, and whoever probes with chosen names meets clusters
 * that are short by construction. */
static inline uint64_t mc_wordset_hash(struct mc_span key)
{
    return XXH3_64bits(key.at, key.len);
}

static inline uint32_t mc_wordset_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 52);
}

static inline uint64_t mc_wordset_filter_bit(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 32 & 63);
}

static inline struct mc_span mc_wordset_key(const struct mc_wordset *set, uint32_t slot)
{
    const unsigned char *entry = set->blob + (slot & ((1u << MC_WORDSET_OFFSET_BITS) - 1));
    return mc_span((const char *)entry + MC_WORDSET_HEADER, entry[2]);
}

static inline bool mc_wordset_find(const struct mc_wordset *set, struct mc_span key,
                                   struct mc_word *word)
{
    uint64_t hash = mc_wordset_hash(key);
    uint32_t slot;
    if (!(set->filter[hash >> set->filter_shift] & mc_wordset_filter_bit(hash)))
        return false;
    for (uint32_t at = (uint32_t)hash & set->mask; (slot = set->slots[at]) != 0;
         at = (at + 1) & set->mask) {
        if (slot >> MC_WORDSET_OFFSET_BITS != mc_wordset_tag(hash))
            continue;
        const unsigned char *entry = set->blob + (slot & ((1u << MC_WORDSET_OFFSET_BITS) - 1));
        if (entry[2] == key.len && memcmp(entry + MC_WORDSET_HEADER, key.at, key.len) == 0) {
            word->flags = (unsigned)entry[0] | (unsigned)entry[1] << 8;
            word->value =
                mc_span((const char *)entry + MC_WORDSET_HEADER + entry[2], (size_t)entry[3]);
            return true;
        }
    }
    return false;
}

#endif
