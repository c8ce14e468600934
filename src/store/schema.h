/* The file itself: made, opened, checked, brought up to date. Private to this room. */
#ifndef MC_STORE_SCHEMA_H
#define MC_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#define MC_STORE_SCHEMA 3

/* KiB of the file that are kept in memory, as long as there are lookups. */
#define MC_STORE_KEEP_PAGES "PRAGMA cache_size = -32768"

/* An open connection whose file has this program's schema; NULL and a sentence in `error`. */
sqlite3 *mc_schema_open(const char *path, bool must_exist, char *error, size_t error_size);

/* What people can do where SQLite failed in this way. */
const char *mc_schema_remedy(int code);

#endif
