/* Where each option's value came from, for --print-config. */
#ifndef MC_CLI_GIVEN_H
#define MC_CLI_GIVEN_H

#include <stdio.h>

#include "cli/command.h"
#include "cli/option_table.h"

/* Keeps `text`, which it takes over, as long as the program lives. */
char *mc_given_keep(char *text);

/* `text` (NULL for a switch) and `file` (NULL: the command line) live as long as the program. */
void mc_given_note(const struct mc_option *option, const char *text, const char *file, int line);

/* Every option of the command as a config file that would give the same: what holds, and a comment
 * that says where it came from. Options that hold nothing are comments. */
void mc_given_print(const struct mc_command *command, const struct mc_settings *settings,
                    FILE *out);

#endif
