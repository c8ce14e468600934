/* mailcheck check: addresses from the command line, or one a line from standard input, through the
 * library as any other program would use it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"

#define TURN_MS        100   /* between two looks whether a signal came */
#define STREAM_TURN_MS 10    /* between two looks at standard input while probes are under way */
#define LINE_MAX_BYTES 65536 /* a longer line is no address */

/* Answers in the order of the questions, printed as soon as it is their turn. */
struct answers {
    const struct mc_settings *settings;
    struct answer {
        char *line; /* NULL: not yet */
        size_t len;
    } * answer;
    size_t count, room, printed;
    bool readable; /* a block a person can read, not a line a script can */
    bool failed;   /* standard output does not take more */
    bool seen[MC_STATUS_COUNT];
};

struct question {
    struct answers *answers;
    size_t number;
    char *text; /* as it was asked */
};

static void print_ready(struct answers *answers)
{
    while (answers->printed < answers->count && answers->answer[answers->printed].line) {
        struct answer *answer = &answers->answer[answers->printed++];
        if (fwrite(answer->line, 1, answer->len, stdout) != answer->len)
            answers->failed = true;
        free(answer->line);
        answer->line = NULL;
    }
    if (fflush(stdout) != 0)
        answers->failed = true;
}

static void to_result(const struct mailcheck_result *in, struct mc_result *out)
{
    *out = (struct mc_result){
        .reason = (enum mc_reason)in->reason,
        .status = (enum mc_status)in->status,
        .source = (enum mc_source)in->source,
        .role = (enum mc_flag)in->role,
        .disposable = (enum mc_flag)in->disposable,
        .free = (enum mc_flag)in->free,
        .catch_all = (enum mc_flag)in->catch_all,
        .email = mc_span_of(in->email),
        .suggestion = mc_span_of(in->suggestion),
        .provider = mc_span_of(in->provider),
        .mx = mc_span_of(in->mx),
        .smtp = mc_span_of(in->smtp),
        .checked_at = in->checked_at,
    };
}

static void add_field(struct mc_text *text, const char *name, const char *value)
{
    if (*value) {
        mc_text_printf(text, "  %-12s", name);
        mc_text_add_printable(text, mc_span_of(value), 600);
        mc_text_add_char(text, '\n');
    }
}

static void add_block(struct mc_text *text, const char *asked,
                      const struct mailcheck_result *result)
{
    static const struct {
        size_t place;
        const char *name;
    } flags[] = {{offsetof(struct mailcheck_result, role), "role"},
                 {offsetof(struct mailcheck_result, disposable), "disposable"},
                 {offsetof(struct mailcheck_result, free), "free provider"},
                 {offsetof(struct mailcheck_result, catch_all), "catch-all"}};
    struct mc_text found = {0};
    mc_text_add_printable(text, mc_span_of(asked), LINE_MAX_BYTES);
    mc_text_printf(text, "\n  %-12s%s (%s), score %d\n", "verdict",
                   mailcheck_status_name(result->status), mailcheck_reason_name(result->reason),
                   result->score);
    if (strcmp(result->email, asked) != 0)
        add_field(text, "read as", result->email);
    add_field(text, "did you mean", result->suggestion);
    for (size_t i = 0; i < MC_ARRAY_LEN(flags); i++) {
        enum mailcheck_flag flag;
        memcpy(&flag, (const char *)result + flags[i].place, sizeof flag);
        if (flag == MAILCHECK_YES)
            mc_text_printf(&found, "%s%s", found.len ? ", " : "", flags[i].name);
    }
    add_field(text, "flags", found.len ? mc_text_z(&found) : "");
    add_field(text, "provider", result->provider);
    add_field(text, "mail server", result->mx);
    add_field(text, "answer", result->smtp);
    add_field(text, "known by", mailcheck_source_name(result->source));
    mc_text_free(&found);
}

static void answered(void *arg, uint64_t id, const struct mailcheck_result *result)
{
    struct question *question = arg;
    struct answers *answers = question->answers;
    struct mc_text text = {0};
    (void)id;
    answers->seen[result->status] = true;
    if (answers->settings->format_given && answers->settings->format == MC_FORMAT_JSONL) {
        struct mc_result row;
        to_result(result, &row);
        mc_json_result(&text, &answers->settings->columns, &row);
    } else if (answers->readable) {
        add_block(&text, question->text, result);
    } else {
        mc_text_add_printable(&text, mc_span_of(question->text), LINE_MAX_BYTES);
        mc_text_printf(&text, "\t%s\t%s\n", mailcheck_status_name(result->status),
                       mailcheck_reason_name(result->reason));
    }
    answers->answer[question->number].line = text.at;
    answers->answer[question->number].len = text.len;
    free(question->text);
    free(question);
}

static void ask(struct mailcheck *context, struct answers *answers, struct mc_span address)
{
    struct question *question = mc_malloc(sizeof *question);
    answers->answer =
        mc_grow(answers->answer, answers->count, &answers->room, sizeof *answers->answer);
    answers->answer[answers->count] = (struct answer){0};
    *question = (struct question){answers, answers->count++, mc_span_dup(address)};
    mailcheck_submit(context, address.at, address.len, answered, question);
}

/* Takes whole lines out of `input`; at the end of the input also a last one without a newline. */
static void ask_lines(struct mailcheck *context, struct answers *answers, struct mc_text *input,
                      bool ended)
{
    size_t start = 0;
    while (start < input->len) {
        const char *end = memchr(input->at + start, '\n', input->len - start);
        if (!end && !ended && input->len - start < LINE_MAX_BYTES)
            break;
        size_t stop = end ? (size_t)(end - input->at) : input->len;
        struct mc_span line = mc_span(input->at + start, stop - start);
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len)
            ask(context, answers, line);
        start = stop + (end != NULL);
    }
    if (start)
        memmove(input->at, input->at + start, input->len - start);
    input->len -= start;
}

/* Reads standard input and answers at the same time. False on a read error. */
static bool stream(struct mailcheck *context, struct answers *answers)
{
    struct mc_text input = {0};
    bool ended = false;
    while ((!ended || !mailcheck_idle(context)) && !answers->failed) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (!ended && poll(&in, 1, mailcheck_idle(context) ? TURN_MS : 0) > 0) {
            ssize_t got = read(STDIN_FILENO, mc_text_reserve(&input, 16384), 16384);
            if (got < 0 && errno != EINTR && errno != EAGAIN) {
                mc_log(MC_LOG_ERROR, "cannot read standard input: %s", strerror(errno));
                mc_text_free(&input);
                return false;
            }
            ended = got == 0;
            input.len += got > 0 ? (size_t)got : 0;
            ask_lines(context, answers, &input, ended);
        }
        if (*mc_interrupt_flag()) {
            mailcheck_stop(context);
            ended = true;
        }
        mailcheck_run(context, ended ? TURN_MS : STREAM_TURN_MS);
        print_ready(answers);
    }
    mc_text_free(&input);
    return true;
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

static int exit_status(const struct answers *answers, bool no_probe)
{
    if (answers->failed)
        return MC_EXIT_FAILED;
    if (answers->seen[MC_UNDELIVERABLE])
        return MC_EXIT_UNDELIVERABLE;
    if (answers->seen[MC_UNKNOWN])
        return no_probe ? MC_EXIT_NO_PROBE : MC_EXIT_UNKNOWN;
    return answers->seen[MC_RISKY] ? MC_EXIT_RISKY : MC_EXIT_OK;
}

int mc_cmd_check(const struct mc_settings *settings)
{
    struct mailcheck_options options;
    char error[1024];
    bool ok = true, streaming = false;
    struct answers answers = {
        .settings = settings,
        .readable = isatty(STDOUT_FILENO) && !settings->format_given,
    };
    if (!settings->operand_count) {
        mc_log(MC_LOG_ERROR, "check what? Give addresses, or \"-\" to read one a line");
        return MC_EXIT_USAGE;
    }
    mc_settings_engine(settings, &options);
    options.notice = notice;
    if (settings->verbose)
        options.trace = trace;
    mc_interrupt_catch();
    struct mailcheck *context = mailcheck_new(&options, error, sizeof error);
    if (!context) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    for (size_t i = 0; i < settings->operand_count; i++)
        if (strcmp(settings->operands[i], "-") == 0)
            streaming = true;
        else
            ask(context, &answers, mc_span_of(settings->operands[i]));
    if (streaming)
        ok = stream(context, &answers);
    while (!mailcheck_idle(context) && !answers.failed) {
        if (*mc_interrupt_flag())
            mailcheck_stop(context);
        mailcheck_run(context, TURN_MS);
        print_ready(&answers);
    }
    print_ready(&answers);
    int status = *mc_interrupt_flag() ? 128 + (int)*mc_interrupt_flag()
                 : ok                 ? exit_status(&answers, mailcheck_probe_impossible(context))
                                      : MC_EXIT_FAILED;
    mailcheck_free(context);
    for (size_t i = 0; i < answers.count; i++)
        free(answers.answer[i].line);
    free(answers.answer);
    return status;
}
