/* mailcheck clean: a list in, the same list with verdicts out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "clean/clean.h"
#include "cli/command.h"
#include "cli/fail_if.h"
#include "cli/interrupt.h"
#include "cli/outputs.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "cli/run_log.h"
#include "report/report.h"

struct hooks {
    bool tell; /* what was detected goes to stderr */
    struct mc_plan plan;
};

static void opened(void *arg, const char *description)
{
    const struct hooks *hooks = arg;
    if (hooks->tell)
        fprintf(stderr, "mailcheck: %s\n", description);
}

static void stage(void *arg, const char *name, const struct mc_clean_progress *progress)
{
    (void)arg;
    mc_run_log_stage(name, progress);
}

static void notice(void *arg, const char *line)
{
    (void)arg;
    mc_log(MC_LOG_WARNING, "%s", line);
}

static void trace(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void planned(void *arg, const struct mc_plan_line *line)
{
    struct hooks *hooks = arg;
    mc_plan_add(&hooks->plan, line);
}

static void looked(void *arg, uint64_t rows, const struct mc_engine_counts *counts)
{
    struct hooks *hooks = arg;
    hooks->plan.rows = rows;
    hooks->plan.counts = *counts;
}

static void warn_of_oddities(const struct mc_rows_oddities *odd)
{
    if (odd->short_rows)
        mc_log(MC_LOG_WARNING,
               "%" PRIu64 " rows are shorter than the header (the first at line %" PRIu64
               "); they were padded",
               odd->short_rows, odd->first_short_line);
    if (odd->long_rows)
        mc_log(MC_LOG_WARNING,
               "%" PRIu64 " rows are longer than the header (the first at line %" PRIu64 ")",
               odd->long_rows, odd->first_long_line);
    if (odd->malformed_rows)
        mc_log(MC_LOG_WARNING,
               "%" PRIu64 " rows have a quote that does not end where a cell ends (the first at "
               "line %" PRIu64 "); each was taken to end at its line",
               odd->malformed_rows, odd->first_malformed_line);
}

/* Where to look now. */
static void name_files(const struct mc_settings *settings)
{
    if (!settings->output && !settings->split && !settings->report)
        return;
    fputs("\nWritten\n", stderr);
    if (settings->report)
        fprintf(stderr, "  %s: what to decide by\n", settings->report);
    if (settings->output)
        fprintf(stderr, "  %s: every row with its verdict\n", settings->output);
    if (settings->split)
        fprintf(stderr, "  %s/send.csv, review.csv, drop.csv: your own columns only\n",
                settings->split);
}

static bool write_report(const struct mc_settings *settings, const struct mc_tally *tally,
                         bool show)
{
    char error[512];
    if (show && !settings->quiet) {
        struct mc_text text = {0};
        mc_report_text(tally, &text);
        fwrite(text.at, 1, text.len, stderr);
        mc_text_free(&text);
    }
    if (settings->report &&
        !mc_report_write(tally, settings->report, settings->language, error, sizeof error)) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return false;
    }
    if (show && !settings->quiet)
        name_files(settings);
    return true;
}

/* What was asked for must make sense before the first packet leaves. */
static int check_settings(const struct mc_settings *settings)
{
    enum mc_report_kind kind;
    if (settings->operand_count > 1) {
        mc_log(MC_LOG_ERROR, "one list at a time: \"%s\" is one too many", settings->operands[1]);
        return MC_EXIT_USAGE;
    }
    if (settings->report && !mc_report_kind_of(settings->report, &kind)) {
        mc_log(MC_LOG_ERROR, "--report takes a name that ends in .html, .txt or .json, not \"%s\"",
               settings->report);
        return MC_EXIT_USAGE;
    }
    if (settings->plan && (settings->offline || settings->no_smtp)) {
        mc_log(MC_LOG_ERROR, "--plan says what probing would cost, so it goes neither with "
                             "--offline nor with --no-smtp");
        return MC_EXIT_USAGE;
    }
    if (settings->fail_if) {
        const struct mc_tally none = {0};
        bool holds;
        char which[128], error[256];
        if (!mc_fail_if(settings->fail_if, &none, &holds, which, sizeof which, error,
                        sizeof error)) {
            mc_log(MC_LOG_ERROR, "%s", error);
            return MC_EXIT_USAGE;
        }
    }
    char error[1024];
    int status = mc_outputs_check(settings, settings->operand_count ? settings->operands[0] : NULL,
                                  error, sizeof error);
    if (status != MC_EXIT_OK)
        mc_log(MC_LOG_ERROR, "%s", error);
    return status;
}

static int finish(const struct mc_settings *settings, const struct mc_tally *tally, bool watched)
{
    char which[128], error[256];
    bool holds = false;
    if (!settings->plan && !write_report(settings, tally, watched || settings->verbose))
        return MC_EXIT_FAILED;
    if (*mc_interrupt_flag())
        return 128 + (int)*mc_interrupt_flag();
    if (settings->fail_if &&
        mc_fail_if(settings->fail_if, tally, &holds, which, sizeof which, error, sizeof error) &&
        holds) {
        mc_log(MC_LOG_WARNING, "--fail-if holds: %s", which);
        return MC_EXIT_FAIL_IF;
    }
    return tally->probe_notice ? MC_EXIT_NO_PROBE : MC_EXIT_OK;
}

int mc_cmd_clean(const struct mc_settings *settings)
{
    bool watched = isatty(STDERR_FILENO) && !settings->quiet;
    /* rows that run over the screen say themselves how far it is */
    bool rows_shown = !settings->output && !settings->plan && isatty(STDOUT_FILENO);
    int status = check_settings(settings);
    if (status != MC_EXIT_OK)
        return status;
    struct hooks hooks = {.tell = !settings->quiet && (watched || settings->verbose),
                          .plan = {.settings = settings}};
    const char *path = settings->operand_count ? settings->operands[0] : NULL;
    struct mc_clean_options options = {
        .rows = {.path = path,
                 .delimiter = settings->delimiter,
                 .no_header = settings->no_header,
                 .column = settings->column,
                 .single_pass = settings->offline && !settings->plan},
        .writer = {.path = settings->output,
                   .format = settings->format,
                   .columns = settings->columns},
        .split_dir = settings->split,
        .keep = settings->keep,
        .until_ms = settings->until_ms,
        .sample = settings->sample,
        .plan = settings->plan,
        .arg = &hooks,
        .interrupted = mc_interrupt_flag(),
        .opened = opened,
        .progress = mc_progress_show,
        .planned = planned,
        .stage = settings->verbose && !settings->plan ? stage : NULL,
        .looked = looked,
    };
    struct mc_tally tally = {.list_name = path && strcmp(path, "-") != 0 ? path : "standard input"};
    struct mc_rows_oddities oddities = {0};
    if (settings->report)
        tally.findings = mc_findings_new();
    char error[1024];
    mc_settings_engine(settings, &options.engine);
    options.engine.notice = notice;
    if (settings->plan && !options.engine.helo)
        options.engine.helo = "nobody"; /* who will not be greeted */
    if (settings->verbose > 1)
        options.engine.trace = trace;
    mc_interrupt_catch();
    mc_progress_start(!settings->quiet &&
                      (settings->progress == MC_PROGRESS_ALWAYS ||
                       (settings->progress == MC_PROGRESS_AUTO && watched && !rows_shown)));
    if (settings->verbose && !settings->plan)
        mc_run_log_start(tally.list_name, &options);
    enum mc_clean_end end = mc_clean(&options, &tally, &oddities, error, sizeof error);
    mc_progress_end();
    warn_of_oddities(&oddities);
    if (end == MC_CLEAN_DONE) {
        if (settings->plan)
            mc_plan_print(&hooks.plan, &tally, stdout);
        status = finish(settings, &tally, watched);
        if (settings->verbose && !settings->plan)
            mc_run_log_end(&tally, status, NULL);
    } else if (*mc_interrupt_flag() && !tally.rows) {
        status = 128 + (int)*mc_interrupt_flag(); /* before there was anything to write */
    } else {
        if (end == MC_CLEAN_FAILED)
            mc_log(MC_LOG_ERROR, "%s", error);
        status = MC_EXIT_FAILED;
        if (settings->verbose && !settings->plan)
            mc_run_log_end(&tally, status, error);
    }
    free((char *)tally.probe_notice);
    mc_tally_free(&tally);
    return status;
}
