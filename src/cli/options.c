#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/distance.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/given.h"
#include "cli/option_table.h"
#include "cli/state_place.h"

#define OPTIONS_MAX      128
#define DESCRIPTORS_KEPT 64   /* for the list, the output, DNS, a spool */
#define LONG_CONFIG      999  /* getopt's number for --print-config */
#define LONG_VALUE       1000 /* for --help; those of the table follow */

static void defaults(const struct mc_command *command, struct mc_settings *settings)
{
    static const uint32_t clean_waits_ms[] = {300000, 900000, 1800000};
    struct mailcheck_options library;
    mailcheck_options_init(&library, sizeof library);
    *settings = (struct mc_settings){
        .smtp_port = library.smtp_port,
        .dns_timeout_ms = library.dns_timeout_ms,
        .connect_timeout_ms = library.connect_timeout_ms,
        .reply_timeout_ms = library.reply_timeout_ms,
        .concurrency = library.concurrency,
        .per_mx = library.per_mx,
        .per_provider = library.per_provider,
        .pace = library.pace,
        .max_age_ms = library.store_max_age_ms,
        .keep = (1u << MC_STATUS_COUNT) - 1,
        .rate = 60,
        .connections = 10000,
    };
    settings->store = settings->usual_store = mc_state_place();
    mc_columns_all(&settings->columns);
    if (command->bit == MC_CLEAN) {
        settings->greylist_waits = MC_ARRAY_LEN(clean_waits_ms);
        memcpy(settings->greylist_wait_ms, clean_waits_ms, sizeof clean_waits_ms);
    }
}

/* Each connection needs a descriptor, and half as many may be taking leave; where they do not
 * suffice, fewer connections do. */
static uint32_t affordable(uint32_t concurrency)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return concurrency;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= (rlim_t)concurrency + concurrency / 2 + DESCRIPTORS_KEPT)
        return concurrency;
    uint32_t fewer = limit.rlim_cur > DESCRIPTORS_KEPT * 2
                         ? (uint32_t)(limit.rlim_cur - DESCRIPTORS_KEPT) / 3 * 2
                         : (uint32_t)(limit.rlim_cur / 3);
    mc_log(MC_LOG_INFO,
           "only %llu open files are allowed here, so --concurrency is %u instead of %u "
           "(see ulimit -n)",
           (unsigned long long)limit.rlim_cur, fewer, concurrency);
    return fewer ? fewer : 1;
}

void mc_settings_engine(const struct mc_settings *settings, struct mailcheck_options *options)
{
    mailcheck_options_init(options, sizeof *options);
    options->depth = settings->offline   ? MAILCHECK_DEPTH_SYNTAX
                     : settings->no_smtp ? MAILCHECK_DEPTH_DNS
                                         : MAILCHECK_DEPTH_SMTP;
    options->dns_servers = settings->dns;
    options->helo = settings->helo;
    options->mail_from = settings->mail_from;
    options->source_ip = settings->source_ip;
    options->proxy = settings->proxy;
    options->smtp_port = settings->smtp_port;
    options->allow_private_mx = settings->allow_private_mx;
    options->allow_role = settings->allow_role;
    options->dns_timeout_ms = settings->dns_timeout_ms;
    options->connect_timeout_ms = settings->connect_timeout_ms;
    options->reply_timeout_ms = settings->reply_timeout_ms;
    options->greylist_wait_ms = settings->greylist_wait_ms;
    options->greylist_waits = settings->greylist_waits;
    options->concurrency = affordable(settings->concurrency);
    options->per_mx = settings->per_mx;
    options->per_provider = settings->per_provider;
    options->pace = settings->pace;
    options->lists_dir = settings->lists;
    /* without a probe there is nothing to remember; a sample is to be drawn from all alike */
    if (options->depth == MAILCHECK_DEPTH_SMTP && !settings->sample)
        options->store = mc_state_store(settings, !settings->plan);
    options->store_hashed = settings->store_hashed;
    options->store_max_age_ms = settings->max_age_ms;
    options->oldest_first = settings->until_ms != 0;
}

/* ---- config files ---- */

static struct mc_span trim(struct mc_span text)
{
    while (text.len && strchr(" \t\r", text.at[0]))
        text = mc_span(text.at + 1, text.len - 1);
    while (text.len && strchr(" \t\r", text.at[text.len - 1]))
        text.len--;
    return text;
}

static const struct mc_option *option_by_name(struct mc_span name)
{
    for (size_t i = 0; i < mc_option_count; i++)
        if (mc_span_equal(name, mc_span_of(mc_options[i].name)))
            return &mc_options[i];
    return NULL;
}

/* "name = value", or "name" for a switch. An option of another command is checked and dropped:
 * one file serves them all. */
static bool config_line(struct mc_span line, const char *path, int number,
                        const struct mc_command *command, struct mc_settings *settings, char *error,
                        size_t error_size)
{
    line = trim(line);
    if (!line.len || line.at[0] == '#')
        return true;
    const char *equals = memchr(line.at, '=', line.len);
    struct mc_span name = trim(mc_span(line.at, equals ? (size_t)(equals - line.at) : line.len));
    const struct mc_option *option = option_by_name(name);
    struct mc_settings unused;
    if (!option || strcmp(option->name, "config") == 0) {
        snprintf(error, error_size, "no option is called \"%.*s\"", (int)name.len, name.at);
        return false;
    }
    if (!equals && option->value) {
        snprintf(error, error_size, "%s wants a value: %s = %s", option->name, option->name,
                 option->value);
        return false;
    }
    char *value = NULL; /* kept: settings borrow it for the life of the program */
    if (equals)
        value = mc_given_keep(
            mc_span_dup(trim(mc_span(equals + 1, line.len - (size_t)(equals + 1 - line.at)))));
    if (!(option->commands & command->bit))
        defaults(command, &unused);
    char why[300];
    if (option->store(option, value, option->commands & command->bit ? settings : &unused, why,
                      sizeof why)) {
        mc_given_note(option, value, path, number);
        return true;
    }
    snprintf(error, error_size, "%s %s", option->name, why);
    return false;
}

static int read_config(const char *path, bool must_exist, const struct mc_command *command,
                       struct mc_settings *settings)
{
    char *line = NULL, error[400];
    size_t size = 0;
    ssize_t len;
    int number = 0, status = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        if (!must_exist && (errno == ENOENT || errno == ENOTDIR))
            return 0;
        if (!must_exist && errno == EACCES) { /* it may hold a password that is not for everybody */
            mc_log(MC_LOG_WARNING,
                   "cannot read the config file %s: %s; what it says is not in force", path,
                   strerror(errno));
            return 0;
        }
        mc_log(MC_LOG_ERROR, "cannot read the config file %s: %s", path, strerror(errno));
        return MC_EXIT_FAILED;
    }
    path = mc_given_keep(mc_strdup(path)); /* to be named by --print-config */
    while (!status && (len = getline(&line, &size, file)) >= 0) {
        number++;
        if (len && line[len - 1] == '\n')
            len--;
        if (!config_line(mc_span(line, (size_t)len), path, number, command, settings, error,
                         sizeof error)) {
            mc_log(MC_LOG_ERROR, "%s:%d: %s", path, number, error);
            status = MC_EXIT_USAGE;
        }
    }
    if (!status && ferror(file)) {
        mc_log(MC_LOG_ERROR, "cannot read the config file %s: %s", path, strerror(errno));
        status = MC_EXIT_FAILED;
    }
    free(line);
    fclose(file);
    return status;
}

static int usual_configs(const struct mc_command *command, struct mc_settings *settings)
{
    char path[4096];
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int status = read_config("/etc/mailcheck/mailcheck.conf", false, command, settings);
    if (status)
        return status;
    if (base && base[0] == '/')
        snprintf(path, sizeof path, "%s/mailcheck/mailcheck.conf", base);
    else if (home && home[0] == '/')
        snprintf(path, sizeof path, "%s/.config/mailcheck/mailcheck.conf", home);
    else
        return 0;
    return read_config(path, false, command, settings);
}

/* ---- the command line ---- */

static size_t make_getopt(const struct mc_command *command, struct option *longs, char *shorts)
{
    size_t count = 0, letters = 0;
    for (size_t i = 0; i < mc_option_count; i++) {
        const struct mc_option *option = &mc_options[i];
        if (!(option->commands & command->bit))
            continue;
        MC_ASSERT(count < OPTIONS_MAX);
        longs[count++] =
            (struct option){option->name, option->value ? required_argument : no_argument, NULL,
                            LONG_VALUE + 1 + (int)i};
        if (option->letter) {
            shorts[letters++] = option->letter;
            if (option->value)
                shorts[letters++] = ':';
        }
    }
    longs[count++] = (struct option){"help", no_argument, NULL, LONG_VALUE};
    longs[count++] = (struct option){"print-config", no_argument, NULL, LONG_CONFIG};
    shorts[letters++] = 'h';
    shorts[letters] = '\0';
    longs[count] = (struct option){0};
    return count;
}

static const struct mc_option *option_by_getopt(int got)
{
    if (got > LONG_VALUE)
        return &mc_options[got - LONG_VALUE - 1];
    for (size_t i = 0; i < mc_option_count; i++)
        if (mc_options[i].letter == got)
            return &mc_options[i];
    return NULL;
}

/* The option that was probably meant, or NULL where none is near. */
static const char *nearest_option(const struct mc_command *command, const char *typed)
{
    const char *nearest = NULL;
    struct mc_span name = mc_span(typed, strcspn(typed, "="));
    unsigned least = name.len > 4 ? 3 : 2;
    for (size_t i = 0; i < mc_option_count && name.len <= MC_DISTANCE_MAX; i++) {
        const struct mc_option *option = &mc_options[i];
        if (!(option->commands & command->bit))
            continue;
        unsigned far = mc_distance(name, mc_span_of(option->name), least);
        if (far && far < least) {
            nearest = option->name;
            least = far;
        }
    }
    return nearest;
}

/* One pass over argv; `only_config` looks for --config alone, which must be read before the rest.
 */
static int read_argv(const struct mc_command *command, int argc, char **argv, bool only_config,
                     struct mc_settings *settings)
{
    struct option longs[OPTIONS_MAX + 3];
    char shorts[OPTIONS_MAX * 2 + 4], error[400];
    bool print_config = false;
    int got;
    make_getopt(command, longs, shorts);
    optind = 0; /* GNU: start anew, and let options follow operands */
    opterr = !only_config;
    while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (got == '?' && only_config)
            continue;
        if (got == '?') {
            const char *meant = strncmp(argv[optind - 1], "--", 2) == 0
                                    ? nearest_option(command, argv[optind - 1] + 2)
                                    : NULL;
            if (meant)
                fprintf(stderr, "mailcheck: did you mean --%s? ", meant);
            else
                fputs("mailcheck: ", stderr);
            fprintf(stderr, "See 'mailcheck %s --help'\n", command->name);
            return MC_EXIT_USAGE;
        }
        if (got == LONG_VALUE || got == 'h') {
            if (only_config)
                continue;
            mc_options_help(command, stdout);
            return -1;
        }
        if (got == LONG_CONFIG) {
            print_config = true;
            continue;
        }
        const struct mc_option *option = option_by_getopt(got);
        MC_ASSERT(option);
        if (only_config && strcmp(option->name, "quiet") == 0)
            mc_log_set_level(MC_LOG_ERROR); /* what the files give rise to, too */
        if (only_config && strcmp(option->name, "config") != 0)
            continue;
        if (!option->store(option, option->value ? optarg : NULL, settings, error, sizeof error)) {
            mc_log(MC_LOG_ERROR, "--%s %s", option->name, error);
            return MC_EXIT_USAGE;
        }
        mc_given_note(option, option->value ? optarg : NULL, NULL, 0);
    }
    if (print_config && !only_config) {
        mc_given_print(command, settings, stdout);
        return -1;
    }
    settings->operand_count = (size_t)(argc - optind);
    settings->operands = argv + optind;
    return 0;
}

int mc_options_parse(const struct mc_command *command, int argc, char **argv,
                     struct mc_settings *settings)
{
    defaults(command, settings);
    int status = read_argv(command, argc, argv, true, settings);
    if (!status)
        status = settings->config ? read_config(settings->config, true, command, settings)
                                  : usual_configs(command, settings);
    return status ? status : read_argv(command, argc, argv, false, settings);
}

void mc_options_help(const struct mc_command *command, FILE *out)
{
    fprintf(out, "usage: mailcheck %s [OPTIONS] %s\n%s\n\nfor example:\n  %s\n\noptions:\n",
            command->name, command->operands, command->summary, command->example);
    for (size_t i = 0; i < mc_option_count; i++) {
        const struct mc_option *option = &mc_options[i];
        char left[64];
        if (!(option->commands & command->bit))
            continue;
        snprintf(left, sizeof left, "%s%c%s--%s%s%s", option->letter ? "-" : " ",
                 option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
                 option->value ? " " : "", option->value ? option->value : "");
        if (strlen(left) > 30)
            fprintf(out, "  %s\n%33s%s\n", left, "", option->help);
        else
            fprintf(out, "  %-30s %s\n", left, option->help);
    }
    fprintf(out, "  -h, --help                     this text\n"
                 "      --print-config             what holds, and where it came from\n\n"
                 "Durations: 500ms, 10s, 5m, 72h, 30d. Every option also works as a line\n"
                 "\"name = value\" of the config file. See mailcheck(1).\n");
}
