/* Reads one list file, the user's at run time or a bundled one at build time, and hands over its
 * entries one by one: names in lower case and A-labels, role words in lower case.
 *
 * Owns the text formats; knows nothing of tables. A wrong line ends the reading with a sentence
 * that names file and line. */
#ifndef MC_LISTS_LIST_FILE_H
#define MC_LISTS_LIST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "lists/provider.h"

enum mc_list_set {
    MC_SET_NAMES,     /* flags: enum mc_name_flag */
    MC_SET_ROLES,     /* flags: enum mc_role_flag */
    MC_SET_HOSTS,     /* flags: enum mc_host_flag; names of MX hosts */
    MC_SET_PROVIDERS, /* a row of providers.tsv */
    MC_SET_SUPPRESS,  /* key: local@domain or domain */
    MC_SET_NOTHING,   /* a file that is for data/update alone */
};

struct mc_list_kind {
    const char *file;
    enum mc_list_set set;
    unsigned flags;
};

/* In the order in which they are to be read: a later list overrules an earlier one. */
extern const struct mc_list_kind mc_list_kinds[];
extern const size_t mc_list_kinds_count;

/* A row of providers.tsv; what it leaves as "-" is absent from `given`. */
struct mc_provider_row {
    struct mc_span id;
    struct mc_span suffixes; /* separated by blanks */
    bool rcpt_given;
    enum mc_rcpt_policy rcpt;
    uint32_t given; /* bit n: number n of mc_provider_number() was given */
    uint32_t numbers[9];
};

/* The n-th number of a provider, in the order of the columns. */
uint32_t *mc_provider_number(struct mc_provider *provider, unsigned n);

struct mc_list_entry {
    const struct mc_list_kind *kind;
    bool removed; /* the line was "-entry": take it out of the list */
    unsigned flags;
    struct mc_span key;
    struct mc_span value; /* of typos and endings: what was meant; of a provider's host: its id */
    const struct mc_provider_row *provider; /* NULL but for the row itself */
};

/* What stands in the comment lines "# date: ..." and so on at the head; empty where nothing. */
struct mc_list_header {
    char name[32], date[32], source[512];
};

/* A local part as suppress.txt is searched for it: ASCII in lower case, needless quotes off.
 * Returns its length, 0 where it is empty or too long. */
enum { MC_LOCAL_KEY_SIZE = 320 };
size_t mc_list_local_key(struct mc_span local, char out[MC_LOCAL_KEY_SIZE]);

/* Borrows the entry's texts for the call. */
typedef void (*mc_list_sink)(void *arg, const struct mc_list_entry *entry);

/* The number of entries, or -1 with a sentence in `error`. `header` may be NULL. */
long mc_list_file_read(const char *path, const struct mc_list_kind *kind, mc_list_sink sink,
                       void *arg, struct mc_list_header *header, char *error, size_t error_size)
    __attribute__((warn_unused_result));

#endif
