/* Checks the addresses given and prints a line for each, as soon as it is known.
 *
 *     cc -o check check.c $(pkg-config --cflags --libs libmailcheck)
 *     ./check [--offline] ADDRESS...
 */
#include <mailcheck.h>
#include <stdio.h>
#include <string.h>

/* Called once for each address; `result` is only lent. */
static void answer(void *arg, uint64_t id, const struct mailcheck_result *result)
{
    unsigned *deliverable = arg;
    (void)id;
    *deliverable += result->status == MAILCHECK_DELIVERABLE;
    printf("%s\t%s\t%s\t%s\n", result->email, mailcheck_status_name(result->status),
           mailcheck_reason_name(result->reason), result->suggestion);
}

int main(int argc, char **argv)
{
    struct mailcheck_options options;
    char error[256];
    unsigned deliverable = 0;
    int first = 1;

    mailcheck_options_init(&options, sizeof options);
    if (argc > 1 && strcmp(argv[1], "--offline") == 0) {
        options.depth = MAILCHECK_DEPTH_SYNTAX;
        first = 2;
    }
    struct mailcheck *context = mailcheck_new(&options, error, sizeof error);
    if (!context) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    for (int i = first; i < argc; i++)
        mailcheck_submit(context, argv[i], strlen(argv[i]), answer, &deliverable);
    while (!mailcheck_idle(context))
        mailcheck_run(context, -1);
    mailcheck_free(context);
    printf("%u of %d deliverable (mailcheck %s)\n", deliverable, argc - first, mailcheck_version());
    return 0;
}
