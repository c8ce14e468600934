/* argv and config files -> struct mc_settings, by the option table. */
#ifndef MC_CLI_OPTIONS_H
#define MC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* Fills `settings`: defaults of the command, config files, then argv[1...]. What it keeps of config
 * files lives as long as the program. Returns 0, MC_EXIT_USAGE or MC_EXIT_FAILED with the sentence
 * already on stderr, or -1 where --help or --print-config was asked for and given. */
int mc_options_parse(const struct mc_command *command, int argc, char **argv,
                     struct mc_settings *settings);

void mc_options_help(const struct mc_command *command, FILE *out);

#endif
