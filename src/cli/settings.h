/* What the user asked for, after defaults, config files and command line, in that order. Made by
 * cli/options.c from cli/option_table.c; const for everybody else. Plain data. */
#ifndef MC_CLI_SETTINGS_H
#define MC_CLI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv/writer.h"
#include "mailcheck.h"
#include "report/words.h"
#include "verdict/columns.h"

#define MC_GREYLIST_WAITS_MAX 8

enum mc_progress_mode { MC_PROGRESS_AUTO, MC_PROGRESS_ALWAYS, MC_PROGRESS_NEVER };

struct mc_settings {
    /* input */
    const char *column; /* NULL: detect */
    bool no_header;
    char delimiter; /* 0: detect */

    /* how far, and how */
    bool offline, no_smtp;
    const char *dns, *helo, *mail_from, *source_ip, *proxy, *lists;
    uint16_t smtp_port;
    bool allow_private_mx, allow_role;
    uint32_t dns_timeout_ms, connect_timeout_ms, reply_timeout_ms;
    uint32_t greylist_wait_ms[MC_GREYLIST_WAITS_MAX];
    size_t greylist_waits;
    uint32_t concurrency, per_mx, per_provider;
    enum mailcheck_pace pace;
    const char *store;       /* the memory between runs; NULL: no place for it is known */
    const char *usual_store; /* `store` where nobody named another: mc_state_place() */
    bool no_store, store_hashed;
    uint64_t max_age_ms;
    uint64_t until_ms; /* from the start of the run; 0: no limit */
    uint64_t sample;   /* probe so many at random; 0: all */
    bool plan;

    /* output */
    const char *output; /* NULL: standard output */
    const char *split;  /* a folder, or NULL */
    const char *report;
    enum mc_language language; /* of the .html report */
    enum mc_format format;
    bool format_given;
    struct mc_columns columns;
    uint32_t keep;       /* bit of each enum mc_status to keep; all where not given */
    const char *fail_if; /* checked by cli/fail_if.c before the run starts */
    bool unordered;      /* check: answers as they come */
    bool quiet;
    unsigned verbose; /* how many -v */
    enum mc_progress_mode progress;

    bool follow;      /* bounces: go on reading what comes */
    const char *verp; /* bounces: the pattern of our return paths, or NULL */

    /* serve */
    const char *listen; /* "ADDR:PORT,...", or NULL */
    const char *keys, *make_key, *cors, *trusted_proxy;
    uint32_t rate, connections;
    bool log_addresses;

    const char *config; /* a config file instead of the usual ones */

    /* operands, borrowed from argv */
    size_t operand_count;
    char **operands;
};

/* The library's options out of them. `waits` and strings are borrowed from `settings`. */
void mc_settings_engine(const struct mc_settings *settings, struct mailcheck_options *options);

#endif
