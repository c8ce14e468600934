#include "cli/interrupt.h"

#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static volatile sig_atomic_t asked;

static void on_question(int number)
{
    (void)number;
    asked = 1;
}

static void on_signal(int number)
{
    if (caught)
        _exit(128 + number);
    caught = number;
}

void mc_interrupt_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    action.sa_handler = on_question;
    sigaction(SIGUSR1, &action, NULL);
}

const volatile sig_atomic_t *mc_interrupt_flag(void)
{
    return &caught;
}

bool mc_interrupt_asked(void)
{
    bool was = asked;
    asked = 0;
    return was;
}
