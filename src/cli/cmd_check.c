/* mailcheck check: addresses from the command line, or one a line from standard input, through the
 * library as any other program would use it: standard input, standard output and the library are
 * three descriptors of one poll(2), so that none of them waits for another. (poll and not epoll:
 * standard input may be a file.) */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/outlet.h"
#include "cli/show_answer.h"

/* What may be under way at once. Input is read no further while so many questions have no printed
 * answer, or so many bytes wait for a slow reader: memory stays bounded. */
enum { WINDOW = 65536, BACKLOG_BYTES = 1 << 20, READ_BYTES = 65536 };

struct question {
    struct check *check;
    uint64_t number;
    size_t len;
    char text[]; /* as it was asked */
};

struct check {
    const struct mc_settings *settings;
    struct mailcheck *context;
    struct mc_line_reader lines;
    struct mc_outlet out;
    /* Answers that wait for their turn: that of question n at n % WINDOW. Not with --unordered. */
    struct answer {
        char *text; /* NULL: not known yet */
        size_t len;
    } * answers;
    uint64_t asked, answered, printed;
    size_t operand; /* the next one */
    bool reads;     /* "-" was among them */
    bool ended;     /* nothing more comes from standard input */
    bool readable;  /* a block a person can read, not a line a script can */
    bool failed;    /* standard input cannot be read */
    bool stopped;
    bool seen[MC_STATUS_COUNT];
};

static void print_ready(struct check *check)
{
    if (!check->answers)
        return;
    while (check->printed < check->asked && mc_outlet_waiting(&check->out) < BACKLOG_BYTES) {
        struct answer *answer = &check->answers[check->printed % WINDOW];
        if (!answer->text)
            return;
        mc_text_add(mc_outlet_text(&check->out), answer->text, answer->len);
        free(answer->text);
        answer->text = NULL;
        check->printed++;
    }
}

static void show(const struct check *check, struct mc_text *out, struct mc_span asked,
                 const struct mailcheck_result *result)
{
    if (check->settings->format_given && check->settings->format == MC_FORMAT_JSONL)
        mc_show_json(out, asked, &check->settings->columns, result);
    else if (check->readable)
        mc_show_block(out, asked, result);
    else
        mc_show_line(out, asked, result);
}

static void take_answer(struct check *check, uint64_t number, struct mc_span asked,
                        const struct mailcheck_result *result)
{
    struct mc_text text = {0};
    check->answered++;
    check->seen[result->status] = true;
    if (check->settings->unordered) {
        show(check, mc_outlet_text(&check->out), asked, result);
        check->printed++;
        return;
    }
    show(check, &text, asked, result);
    check->answers[number % WINDOW] = (struct answer){text.at, text.len};
}

static void answered(void *arg, uint64_t id, const struct mailcheck_result *result)
{
    struct question *question = arg;
    (void)id;
    take_answer(question->check, question->number, mc_span(question->text, question->len), result);
    free(question);
}

static void ask(struct check *check, struct mc_span address)
{
    struct question *question = mc_malloc(sizeof *question + address.len);
    question->check = check;
    question->number = check->asked++;
    question->len = address.len;
    memcpy(question->text, address.at, address.len);
    mailcheck_submit(check->context, address.at, address.len, answered, question);
}

/* The line is longer than what was kept of it, whose beginning might look like an address. */
static void refuse(struct check *check, struct mc_span line)
{
    struct mc_text shown = {0};
    mc_text_add_printable(&shown, line, line.len);
    const struct mailcheck_result result = {
        .status = MAILCHECK_UNDELIVERABLE,
        .reason = MAILCHECK_REASON_INVALID_SYNTAX,
        .source = MAILCHECK_SOURCE_SYNTAX,
        .role = MAILCHECK_NOT_KNOWN,
        .disposable = MAILCHECK_NOT_KNOWN,
        .free = MAILCHECK_NOT_KNOWN,
        .catch_all = MAILCHECK_NOT_KNOWN,
        .email = mc_text_z(&shown),
        .suggestion = "",
        .provider = "",
        .mx = "",
        .smtp = "",
        .checked_at = time(NULL),
    };
    take_answer(check, check->asked++, line, &result);
    mc_text_free(&shown);
}

static bool has_room(const struct check *check)
{
    return check->asked - check->printed < WINDOW && mc_outlet_waiting(&check->out) < BACKLOG_BYTES;
}

/* Asks what there is, as far as there is room. */
static void ask_more(struct check *check)
{
    const struct mc_settings *settings = check->settings;
    struct mc_span line;
    bool cut;
    for (; check->operand < settings->operand_count && has_room(check); check->operand++)
        if (strcmp(settings->operands[check->operand], "-") != 0)
            ask(check, mc_span_of(settings->operands[check->operand]));
    while (check->operand == settings->operand_count && has_room(check) &&
           mc_line_reader_next(&check->lines, check->ended, &line, &cut))
        if (cut)
            refuse(check, line);
        else
            ask(check, line);
}

static void read_more(struct check *check)
{
    char bytes[READ_BYTES];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got > 0) {
        mc_line_reader_feed(&check->lines, bytes, (size_t)got);
    } else if (got == 0) {
        check->ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        mc_log(MC_LOG_ERROR, "cannot read standard input: %s", strerror(errno));
        check->ended = check->failed = true;
    }
}

/* No more questions; those under way get what is known by now. */
static void stop(struct check *check)
{
    if (check->stopped)
        return;
    check->stopped = check->ended = true;
    check->operand = check->settings->operand_count;
    mc_line_reader_free(&check->lines);
    check->lines = (struct mc_line_reader){0};
    mailcheck_stop(check->context);
}

static bool is_done(const struct check *check)
{
    return check->operand == check->settings->operand_count && check->ended &&
           mailcheck_idle(check->context) && check->answered == check->asked &&
           (check->out.failed ||
            (check->printed == check->asked && !mc_outlet_waiting(&check->out)));
}

/* What was just written has made room for answers that wait, or for what is read already. */
static bool can_go_on(const struct check *check)
{
    if (check->answers && check->printed < check->asked &&
        check->answers[check->printed % WINDOW].text)
        return mc_outlet_waiting(&check->out) < BACKLOG_BYTES;
    return has_room(check) && (check->operand < check->settings->operand_count ||
                               !mc_line_reader_is_empty(&check->lines));
}

static void run(struct check *check, const sigset_t *unblocked)
{
    enum { IN, LIBRARY, OUT, COUNT };
    for (;;) {
        ask_more(check);
        print_ready(check);
        mc_outlet_push(&check->out);
        if (*mc_interrupt_flag() || check->out.failed)
            stop(check);
        if (is_done(check))
            return;
        bool wants_input = check->reads && !check->ended && has_room(check) &&
                           mc_line_reader_is_empty(&check->lines);
        struct pollfd fds[COUNT] = {
            [IN] = {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
            [LIBRARY] = {.fd = mailcheck_fd(check->context), .events = POLLIN},
            [OUT] = mc_outlet_poll(&check->out),
        };
        int wait_ms = can_go_on(check) ? 0 : mailcheck_timeout_ms(check->context);
        struct timespec limit = {wait_ms / 1000, wait_ms % 1000 * 1000000L};
        if (ppoll(fds, COUNT, wait_ms < 0 ? NULL : &limit, unblocked) < 0)
            continue; /* a signal: the flag says which */
        if (fds[IN].revents)
            read_more(check);
        if (fds[OUT].revents)
            mc_outlet_ready(&check->out, fds[OUT].revents);
        mailcheck_run(check->context, 0);
    }
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

static int exit_status(const struct check *check)
{
    if (*mc_interrupt_flag())
        return 128 + (int)*mc_interrupt_flag();
    if (check->out.failed && check->out.error != EPIPE)
        mc_log(MC_LOG_ERROR, "cannot write standard output: %s", strerror(check->out.error));
    if (check->out.failed || check->failed)
        return MC_EXIT_FAILED;
    if (check->seen[MC_UNDELIVERABLE])
        return MC_EXIT_UNDELIVERABLE;
    if (check->seen[MC_UNKNOWN])
        return mailcheck_probe_impossible(check->context) ? MC_EXIT_NO_PROBE : MC_EXIT_UNKNOWN;
    return check->seen[MC_RISKY] ? MC_EXIT_RISKY : MC_EXIT_OK;
}

static void clean_up(struct check *check)
{
    mailcheck_free(check->context);
    mc_line_reader_free(&check->lines);
    mc_outlet_close(&check->out);
    for (uint64_t i = check->printed; check->answers && i < check->asked; i++)
        free(check->answers[i % WINDOW].text);
    free(check->answers);
}

/* Signals are let in only while we wait, so that none is missed in between. */
static void block_signals(sigset_t *before)
{
    sigset_t ours;
    mc_interrupt_catch();
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, before);
}

int mc_cmd_check(const struct mc_settings *settings)
{
    struct mailcheck_options options;
    char error[1024];
    sigset_t before;
    struct check check = {
        .settings = settings,
        .readable = isatty(STDOUT_FILENO) && !settings->format_given,
    };
    if (!settings->operand_count) {
        mc_log(MC_LOG_ERROR, "check what? Give addresses, or \"-\" to read one a line");
        return MC_EXIT_USAGE;
    }
    for (size_t i = 0; i < settings->operand_count; i++)
        check.reads |= strcmp(settings->operands[i], "-") == 0;
    check.ended = !check.reads;
    mc_settings_engine(settings, &options);
    options.notice = notice;
    if (settings->verbose)
        options.trace = trace;
    check.context = mailcheck_new(&options, error, sizeof error);
    if (!check.context) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    mc_outlet_open(&check.out, STDOUT_FILENO);
    if (!settings->unordered)
        check.answers = mc_calloc(WINDOW, sizeof *check.answers);
    block_signals(&before);
    run(&check, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    int status = exit_status(&check);
    clean_up(&check);
    return status;
}
