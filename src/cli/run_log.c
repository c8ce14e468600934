#include "cli/run_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

/* `key="value"`, fit to be taken apart again. */
static void add_quoted(struct mc_text *line, const char *key, const char *value)
{
    struct mc_text quoted = {0};
    for (const char *at = value; *at; at++) {
        if (*at == '"' || *at == '\\')
            mc_text_add_char(&quoted, '\\');
        mc_text_add_char(&quoted, *at);
    }
    mc_text_printf(line, " %s=\"", key);
    mc_text_add_printable(line, mc_text_span(&quoted), SIZE_MAX);
    mc_text_add_char(line, '"');
    mc_text_free(&quoted);
}

static void print(struct mc_text *line)
{
    fprintf(stderr, "%s\n", mc_text_z(line));
    mc_text_free(line);
}

void mc_run_log_start(const char *list, const struct mc_clean_options *options)
{
    static const char *const depths[] = {[MAILCHECK_DEPTH_SYNTAX] = "syntax",
                                         [MAILCHECK_DEPTH_DNS] = "dns",
                                         [MAILCHECK_DEPTH_SMTP] = "smtp"};
    struct mc_text line = {0};
    mc_text_add_z(&line, "mailcheck: run=start");
    add_quoted(&line, "list", list);
    mc_text_printf(&line, " pid=%ld depth=%s", (long)getpid(), depths[options->engine.depth]);
    if (options->engine.store && options->engine.depth == MAILCHECK_DEPTH_SMTP)
        add_quoted(&line, "store", options->engine.store);
    if (options->until_ms)
        mc_text_printf(&line, " until_seconds=%" PRIu64, options->until_ms / 1000);
    print(&line);
}

void mc_run_log_stage(const char *stage, const struct mc_clean_progress *progress)
{
    const struct mc_engine_counts *engine = &progress->engine;
    struct mc_text line = {0};
    mc_text_printf(&line,
                   "mailcheck: stage=%s seconds=%.1f rows=%" PRIu64 " written=%" PRIu64
                   " addresses=%" PRIu64 " domains=%" PRIu64 " settled=%" PRIu64 " asked=%" PRIu64
                   " sessions=%" PRIu64 " dns_questions=%" PRIu64 " waiting_dns=%" PRIu64
                   " waiting_probe=%" PRIu64 " waiting_greylist=%" PRIu64,
                   stage, (double)progress->elapsed_ms / 1000, progress->rows_read,
                   progress->rows_written, engine->addresses, engine->domains, engine->settled,
                   engine->recipients, engine->sessions, engine->dns_questions, engine->in_dns,
                   engine->in_probe, engine->in_greylist);
    print(&line);
}

void mc_run_log_end(const struct mc_tally *tally, int status, const char *error)
{
    struct mc_text line = {0};
    mc_text_printf(&line, "mailcheck: run=%s", error ? "failed" : "done");
    add_quoted(&line, "list", tally->list_name);
    mc_text_printf(&line, " status=%d seconds=%.1f rows=%" PRIu64, status,
                   (double)tally->elapsed_ms / 1000, tally->rows);
    for (size_t i = 0; i < MC_STATUS_COUNT; i++)
        mc_text_printf(&line, " %s=%" PRIu64, mc_status_name((enum mc_status)i),
                       tally->by_status[i]);
    mc_text_printf(&line,
                   " from_store=%" PRIu64 " asked=%" PRIu64 " controls=%" PRIu64
                   " sessions=%" PRIu64 " dns_questions=%" PRIu64,
                   tally->from_store, tally->recipients_asked, tally->controls_asked,
                   tally->smtp_sessions, tally->dns_questions);
    if (tally->remembered)
        mc_text_printf(&line,
                       " newly_dead=%" PRIu64 " recovered=%" PRIu64 " newly_disposable=%" PRIu64
                       " unknown_again=%" PRIu64 " most_nights_unknown=%u",
                       tally->changes[MC_CHANGE_DEAD], tally->changes[MC_CHANGE_RECOVERED],
                       tally->changes[MC_CHANGE_DISPOSABLE], tally->unknown_again,
                       tally->most_nights);
    if (error)
        add_quoted(&line, "error", error);
    print(&line);
}
