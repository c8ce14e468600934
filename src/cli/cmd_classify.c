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

static bool write_out(struct mc_text *out)
{
    bool ok = fwrite(out->at, 1, out->len, stdout) == out->len;
    out->len = 0;
    return ok;
}

/* Each line is answered before the next is awaited when somebody types or a pipe is slow. */
static bool classify_stdin(bool verbose, struct mc_text *out)
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
    if (ferror(stdin)) {
        mc_log(MC_LOG_ERROR, "standard input: cannot be read: %m");
        return false;
    }
    return ok;
}

int mc_cmd_classify(const struct mc_settings *settings)
{
    static char dash[] = "-";
    static char *const standard_input[] = {dash};
    char *const *operands = settings->operand_count ? settings->operands : standard_input;
    size_t count = settings->operand_count ? settings->operand_count : 1;
    struct mc_text out = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (!strcmp(operands[i], "-")) {
            ok = classify_stdin(settings->verbose > 0, &out);
        } else {
            classify(mc_span_of(operands[i]), settings->verbose > 0, &out);
            ok = write_out(&out);
        }
    }
    mc_text_free(&out);
    if (ok && fflush(stdout) == 0)
        return MC_EXIT_OK;
    mc_log(MC_LOG_ERROR, "standard output: cannot be written: %m");
    return MC_EXIT_FAILED;
}
