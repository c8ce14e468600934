/* What a shell needs to complete our command line, made from the option table. */
#ifndef MC_CLI_COMPLETION_H
#define MC_CLI_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* "bash", "zsh" or "fish"; false for another shell. */
bool mc_completion_print(const char *shell, const struct mc_command *all, size_t count, FILE *out);

#endif
