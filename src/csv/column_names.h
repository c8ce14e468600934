/* What people call a column of addresses, in many languages. Pure. */
#ifndef MC_CSV_COLUMN_NAMES_H
#define MC_CSV_COLUMN_NAMES_H

#include "base/span.h"

enum mc_name_rank {
    MC_NAME_OTHER,
    MC_NAME_WEAK,      /* "Contact", "To": may be one */
    MC_NAME_SECONDARY, /* "Owner's e-mail", "email 2" */
    MC_NAME_CONTAINS,  /* "Work email" */
    MC_NAME_EXACT,     /* "E-Mail-Adresse" */
};

enum mc_name_rank mc_column_name_rank(struct mc_span name);

#endif
