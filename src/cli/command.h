/* The commands: one file and one line of this table each. */
#ifndef MC_CLI_COMMAND_H
#define MC_CLI_COMMAND_H

#include <stddef.h>

#include "cli/settings.h"

/* The table of CONTRACT: what the program says to the shell. */
enum mc_exit {
    MC_EXIT_OK = 0,
    MC_EXIT_FAILED = 1,
    MC_EXIT_USAGE = 2,
    MC_EXIT_NO_PROBE = 3,
    MC_EXIT_FAIL_IF = 4,
    MC_EXIT_UNDELIVERABLE = 10, /* `check` of one address, or the worst of several */
    MC_EXIT_RISKY = 11,
    MC_EXIT_UNKNOWN = 12,
    MC_EXIT_SIGINT = 130,
    MC_EXIT_SIGTERM = 143,
};

/* Which commands an option belongs to (bits of option_table.c). */
enum mc_command_bit {
    MC_CLEAN = 1,
    MC_CHECK = 2,
    MC_CLASSIFY = 4,
    MC_BOUNCES = 8,
    MC_STORE = 16,
    MC_SERVE = 64,
    MC_DOCTOR = 128
};

struct mc_command {
    const char *name;
    enum mc_command_bit bit;
    const char *summary;  /* one line for --help */
    const char *operands; /* "[FILE]", "ADDRESS..." */
    const char *example;  /* one line for --help */
    /* Returns an exit status. Data to stdout, everything else to stderr. */
    int (*run)(const struct mc_settings *settings);
};

extern const struct mc_command mc_commands[];
extern const size_t mc_command_count;

int mc_cmd_clean(const struct mc_settings *settings);
int mc_cmd_check(const struct mc_settings *settings);
int mc_cmd_bounces(const struct mc_settings *settings);
int mc_cmd_classify(const struct mc_settings *settings);
int mc_cmd_store(const struct mc_settings *settings);
int mc_cmd_serve(const struct mc_settings *settings);
int mc_cmd_doctor(const struct mc_settings *settings);

#endif
