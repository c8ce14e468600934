/* SIGINT and SIGTERM: the first asks the run to end in good order, a second ends it at once.
 * SIGUSR1 asks how far it is. */
#ifndef MC_CLI_INTERRUPT_H
#define MC_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* Installs the handlers; one that was ignored at the start (nohup, a background job) stays so. */
void mc_interrupt_catch(void);
/* The number of the signal that came, 0: none. Lives for ever. */
const volatile sig_atomic_t *mc_interrupt_flag(void);
/* SIGUSR1 came since the last call. */
bool mc_interrupt_asked(void);

#endif
