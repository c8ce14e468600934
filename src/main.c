/* mailcheck: picks the command from the table and runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/options.h"
#include "lists/lists.h"

const struct mc_command mc_commands[] = {
    {"clean", MC_CLEAN, "Clean a CSV list: the same rows with a verdict each.", "[FILE]",
     "mailcheck clean --report report.html -o clean.csv list.csv", mc_cmd_clean},
    {"check", MC_CHECK, "Check addresses; \"-\" reads one a line and streams.", "ADDRESS...",
     "mailcheck check ann@example.com", mc_cmd_check},
    {"serve", MC_SERVE, "The same verdicts over HTTP, for sign-up forms.", "",
     "mailcheck serve --listen 127.0.0.1:8025", mc_cmd_serve},
    {"bounces", MC_BOUNCES, "Read delivery reports: who failed for good, who may yet be reached.",
     "[PATH...]", "mailcheck bounces ~/Maildir/.Bounces > bounces.csv", mc_cmd_bounces},
    {"classify", MC_CLASSIFY, "Say what SMTP replies mean (else one a line from stdin).",
     "[REPLY...]", "mailcheck classify '550 5.1.1 User unknown'", mc_cmd_classify},
    {"doctor", MC_DOCTOR, "Say whether this host is fit to probe and to send.", "",
     "mailcheck doctor --helo mail.acme.com --mail-from postmaster@acme.com", mc_cmd_doctor},
    {"store", MC_STORE, "Look into the memory between runs, or make it forget.",
     "stats|get ADDRESS|forget ADDRESS|@DOMAIN|prune|export", "mailcheck store get ann@example.com",
     mc_cmd_store},
};
const size_t mc_command_count = sizeof mc_commands / sizeof mc_commands[0];

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: mailcheck COMMAND [OPTIONS] ...\n\ncommands:\n");
    for (size_t i = 0; i < mc_command_count; i++)
        fprintf(out, "  %-10s %s\n", mc_commands[i].name, mc_commands[i].summary);
    fprintf(out, "\nmailcheck COMMAND --help shows its options; mailcheck --version [-v] the "
                 "version\n(and that of each list); mailcheck [COMMAND] --print-config what the "
                 "config files say;\n"
                 "mailcheck --print-completion bash|zsh|fish what a shell needs. The manual is "
                 "mailcheck(1).\n");
    return status;
}

static int version(bool verbose)
{
    char error[512];
    printf("mailcheck %s\n", mailcheck_version());
    if (!verbose)
        return MC_EXIT_OK;
    struct mc_lists *lists = mc_lists_new(NULL, error, sizeof error);
    if (!lists) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    mc_lists_describe(lists, stdout);
    mc_lists_free(lists);
    return MC_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct mc_settings settings;
    /* a closed standard descriptor must not become a file of ours */
    for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR))
        if (fd > STDERR_FILENO) {
            close(fd);
            break;
        }
    /* a reader that goes away is an error of write(2), not a death */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return usage(stderr, MC_EXIT_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, MC_EXIT_OK);
    if (strcmp(argv[1], "--version") == 0)
        return version(argc > 2 && strcmp(argv[2], "-v") == 0);
    if (strcmp(argv[1], "--print-completion") == 0) {
        if (argc == 3 && mc_completion_print(argv[2], mc_commands, mc_command_count, stdout))
            return MC_EXIT_OK;
        mc_log(MC_LOG_ERROR, "--print-completion takes bash, zsh or fish");
        return MC_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--print-config") == 0) {
        int status = mc_options_parse(&mc_commands[0], argc, argv, &settings);
        return status < 0 ? MC_EXIT_OK : status;
    }
    for (size_t i = 0; i < mc_command_count; i++) {
        const struct mc_command *command = &mc_commands[i];
        if (strcmp(argv[1], command->name) != 0)
            continue;
        argv[1] = "mailcheck"; /* however it was found, its messages begin alike */
        int status = mc_options_parse(command, argc - 1, argv + 1, &settings);
        if (status)
            return status < 0 ? MC_EXIT_OK : status;
        if (settings.quiet)
            mc_log_set_level(MC_LOG_ERROR);
        else if (settings.verbose)
            mc_log_set_level(MC_LOG_INFO);
        return command->run(&settings);
    }
    mc_log(MC_LOG_ERROR, "there is no command \"%s\"", argv[1]);
    if (access(argv[1], F_OK) == 0)
        fprintf(stderr, "mailcheck: to clean that list: mailcheck clean %s\n", argv[1]);
    else if (strchr(argv[1], '@'))
        fprintf(stderr, "mailcheck: to check that address: mailcheck check %s\n", argv[1]);
    else
        usage(stderr, MC_EXIT_USAGE);
    return MC_EXIT_USAGE;
}
