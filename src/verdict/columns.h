/* The columns we append, once: name, type, how a result fills them. Writers (CSV, JSONL, check)
 * and the --columns option all ask here. */
#ifndef MC_VERDICT_COLUMNS_H
#define MC_VERDICT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "verdict/verdict.h"

enum mc_column {
    MC_COLUMN_STATUS,
    MC_COLUMN_REASON,
    MC_COLUMN_SCORE,
    MC_COLUMN_EMAIL,
    MC_COLUMN_SUGGESTION,
    MC_COLUMN_ROLE,
    MC_COLUMN_DISPOSABLE,
    MC_COLUMN_FREE,
    MC_COLUMN_CATCH_ALL,
    MC_COLUMN_PROVIDER,
    MC_COLUMN_MX,
    MC_COLUMN_SMTP,
    MC_COLUMN_DUPLICATE_OF,
    MC_COLUMN_SOURCE,
    MC_COLUMN_CHECKED_AT,
    MC_COLUMN_COUNT
};

enum mc_column_type { MC_COLUMN_TEXT, MC_COLUMN_BOOL, MC_COLUMN_NUMBER };

/* "mc_status", ... and its type. */
struct mc_span mc_column_name(enum mc_column column);
enum mc_column_type mc_column_type(enum mc_column column);
/* With or without the prefix, as --columns and a header name it. */
bool mc_column_by_name(struct mc_span name, enum mc_column *column);

/* The value as text, unescaped; empty where it is not known. Points into the result, into a
 * static string or into `scratch` (32 bytes). */
struct mc_span mc_column_value(enum mc_column column, const struct mc_result *result,
                               char *scratch);

/* A choice and order of columns. */
struct mc_columns {
    size_t count;
    enum mc_column column[MC_COLUMN_COUNT];
};
void mc_columns_all(struct mc_columns *columns);
/* "status,reason,..."; false at an unknown or repeated name, which `bad` then shows. */
bool mc_columns_parse(struct mc_span list, struct mc_columns *columns, struct mc_span *bad);

#endif
