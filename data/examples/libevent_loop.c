/* Checks addresses in a program that runs on libevent: the library is a guest on its base, beside
 * everything else the program does there (here: a clock that ticks).
 *
 *     cc -o libevent_loop libevent_loop.c $(pkg-config --cflags --libs libmailcheck libevent_core)
 *     ./libevent_loop [--offline] ADDRESS...
 */
#include <event2/event.h>
#include <mailcheck_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct program {
    struct event_base *base;
    struct mailcheck *context;
    unsigned ticks;
};

static void answer(void *arg, uint64_t id, const struct mailcheck_result *result)
{
    struct program *program = arg;
    (void)id;
    printf("%s\t%s\t%s\n", result->email, mailcheck_status_name(result->status),
           mailcheck_reason_name(result->reason));
    /* free the context after the loop, not here: this is its own callback */
    if (mailcheck_idle(program->context))
        event_base_loopbreak(program->base);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct program *program = arg;
    (void)fd, (void)what;
    program->ticks++;
}

int main(int argc, char **argv)
{
    struct program program = {.base = event_base_new()};
    struct mailcheck_options options;
    struct timeval second = {1, 0};
    char error[256];
    int first = 1;

    signal(SIGPIPE, SIG_IGN);
    mailcheck_options_init(&options, sizeof options);
    if (argc > 1 && strcmp(argv[1], "--offline") == 0) {
        options.depth = MAILCHECK_DEPTH_SYNTAX;
        first = 2;
    }
    program.context = mailcheck_new_on_base(program.base, &options, error, sizeof error);
    if (!program.context) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    struct event *clock = event_new(program.base, -1, EV_PERSIST, tick, &program);
    event_add(clock, &second);
    for (int i = first; i < argc; i++)
        mailcheck_submit(program.context, argv[i], strlen(argv[i]), answer, &program);
    if (!mailcheck_idle(program.context))
        event_base_dispatch(program.base);
    mailcheck_free(program.context);
    event_free(clock);
    event_base_free(program.base);
    return 0;
}
