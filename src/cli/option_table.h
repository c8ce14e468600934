/* Every option once: name, commands, type, place in struct mc_settings, default, help. Parsing,
 * --help, the manual's and the completions' tests all read this table. */
#ifndef MC_CLI_OPTION_TABLE_H
#define MC_CLI_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "cli/settings.h"

struct mc_option {
    const char *name;  /* without the dashes; also the key in a config file */
    char letter;       /* 0: none */
    unsigned commands; /* bits of enum mc_command_bit */
    const char *value; /* what --help calls it; NULL: a switch */
    /* Stores `text` (NULL for a switch), or writes what is wrong with it to `error`. */
    bool (*store)(const struct mc_option *option, const char *text, struct mc_settings *settings,
                  char *error, size_t error_size);
    size_t place;                 /* offset in struct mc_settings */
    unsigned long long low, high; /* of numbers; ms of durations */
    const char *help;
};

extern const struct mc_option mc_options[];
extern const size_t mc_option_count;

/* What holds, as a config file would say it; false where only the given text can tell. */
bool mc_option_show(const struct mc_option *option, const struct mc_settings *settings,
                    struct mc_text *out);

#endif
