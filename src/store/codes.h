/* Reasons and sources as numbers that never change their meaning, whatever becomes of the enums.
 * Private to this room. */
#ifndef MC_STORE_CODES_H
#define MC_STORE_CODES_H

#include <stdbool.h>

#include "verdict/verdict.h"

int mc_code_of_reason(enum mc_reason reason);
/* False where the code is none of ours. */
bool mc_reason_of_code(int code, enum mc_reason *reason);
int mc_code_of_source(enum mc_source source);
bool mc_source_of_code(int code, enum mc_source *source);

#endif
