/* mailcheck classify: what does this SMTP reply mean? One line in, one line out; no network, no
 * store, no memory of the line before. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "verdict/classify.h"

static const char *const blames[] = {"nobody", "mailbox", "domain", "server", "us"};

/* As if given at RCPT TO and with nothing else known: an ambiguous refusal proves nothing. */
static enum mc_reason alone(const struct mc_ruling *ruling)
{
    return ruling->surety == MC_AMBIGUOUS ? MC_REASON_BLOCKED : ruling->reason;
}

static void classify(struct mc_span given, bool verbose, struct mc_text *out)
{
    struct mc_reply reply;
    mc_reply_from_text(given, &reply);
    struct mc_ruling ruling = mc_classify(MC_STAGE_NONE, &reply, mc_span("", 0), NULL);
    mc_text_add_z(out, mc_reason_name(alone(&ruling)));
    mc_text_add_char(out, '\t');
    for (size_t i = 0; i < given.len; i++) { /* an operand may hold line breaks */
        if (given.at[i] == '\n')
            mc_text_add_z(out, "\\n");
        else if (given.at[i] != '\r' || i + 1 < given.len)
            mc_text_add_char(out, given.at[i]);
    }
    if (verbose)
        mc_text_printf(out, "\t%s\t%s\t%s", ruling.rule, blames[ruling.blame],
                       ruling.surety == MC_AMBIGUOUS ? "ambiguous" : "sure");
    mc_text_add_char(out, '\n');
}

static int complain(const char *which, const char *what)
{
    mc_log(MC_LOG_ERROR, "standard %s cannot be %s: %m", which, what);
    return MC_EXIT_FAILED;
}

static bool write_out(struct mc_text *out)
{
    bool ok = fwrite(out->at, 1, out->len, stdout) == out->len;
    out->len = 0;
    return ok;
}

static int classify_stdin(bool verbose, struct mc_text *out)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    while (ok && (len = getline(&line, &room, stdin)) >= 0) {
        if (len && line[len - 1] == '\n')
            len--;
        classify(mc_span(line, (size_t)len), verbose, out);
        ok = write_out(out);
    }
    free(line);
    if (!ok)
        return complain("output", "written");
    return ferror(stdin) ? complain("input", "read") : MC_EXIT_OK;
}

static int classify_operand(const char *operand, bool verbose, struct mc_text *out)
{
    if (!strcmp(operand, "-"))
        return classify_stdin(verbose, out);
    classify(mc_span_of(operand), verbose, out);
    return write_out(out) ? MC_EXIT_OK : complain("output", "written");
}

int mc_cmd_classify(const struct mc_settings *settings)
{
    bool verbose = settings->verbose > 0;
    struct mc_text out = {0};
    int status = MC_EXIT_OK;
    if (!settings->operand_count)
        status = classify_operand("-", verbose, &out);
    for (size_t i = 0; i < settings->operand_count && status == MC_EXIT_OK; i++)
        status = classify_operand(settings->operands[i], verbose, &out);
    mc_text_free(&out);
    if (status == MC_EXIT_OK && fflush(stdout) != 0)
        status = complain("output", "written");
    return status;
}
