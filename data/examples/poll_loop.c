/* Checks addresses from standard input in an event loop of its own: poll(2) waits for the input and
 * for the library at once, neither blocks the other, and each answer is printed when it is there.
 *
 *     cc -o poll_loop poll_loop.c $(pkg-config --cflags --libs libmailcheck)
 *     ./poll_loop [--offline] < addresses.txt
 *
 * With epoll, kqueue or a toolkit's loop it is the same: one descriptor to watch for reading, one
 * time to wake up at, mailcheck_run(context, 0) when either comes.
 */
#include <errno.h>
#include <mailcheck.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Called once for each address; `result` is only lent. */
static void answer(void *arg, uint64_t id, const struct mailcheck_result *result)
{
    (void)arg, (void)id;
    printf("%s\t%s\t%s\n", result->email, mailcheck_status_name(result->status),
           mailcheck_reason_name(result->reason));
    fflush(stdout);
}

/* Submits the whole lines of `text` and returns how many bytes are left of an unfinished one. */
static size_t submit_lines(struct mailcheck *context, char *text, size_t len, int ended)
{
    char *line = text, *end = text + len;
    while (line < end) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline && !ended)
            break;
        size_t size = (size_t)((newline ? newline : end) - line);
        mailcheck_submit(context, line, size, answer, NULL);
        line = newline ? newline + 1 : end;
    }
    memmove(text, line, (size_t)(end - line));
    return (size_t)(end - line);
}

int main(int argc, char **argv)
{
    struct mailcheck_options options;
    char error[256], text[4096];
    size_t len = 0;
    int ended = 0;

    signal(SIGPIPE, SIG_IGN);
    mailcheck_options_init(&options, sizeof options);
    if (argc > 1 && strcmp(argv[1], "--offline") == 0)
        options.depth = MAILCHECK_DEPTH_SYNTAX;
    struct mailcheck *context = mailcheck_new(&options, error, sizeof error);
    if (!context) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    while (!ended || !mailcheck_idle(context)) {
        struct pollfd fds[] = {
            {.fd = mailcheck_fd(context), .events = POLLIN},
            {.fd = ended ? -1 : STDIN_FILENO, .events = POLLIN},
        };
        if (poll(fds, 2, mailcheck_timeout_ms(context)) < 0 && errno != EINTR)
            break;
        if (fds[1].revents) {
            ssize_t got = read(STDIN_FILENO, text + len, sizeof text - len);
            ended = got <= 0;
            len += got > 0 ? (size_t)got : 0;
            len = submit_lines(context, text, len, ended || len == sizeof text);
        }
        mailcheck_run(context, 0);
    }
    mailcheck_free(context);
    return 0;
}
