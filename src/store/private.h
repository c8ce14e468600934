/* The store's insides, shared by store.c (what a run does), cache.c (the file in memory) and
 * admin.c (what people do). */
#ifndef MC_STORE_PRIVATE_H
#define MC_STORE_PRIVATE_H

#include <sqlite3.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/keys.h"
#include "store/store.h"

#define MC_STORE_LINE_MAX    96  /* bytes of a deciding line that are kept */
#define MC_STORE_LOOKUP_COST 8   /* of one lookup, in rows read in order */
#define MC_STORE_ROW_BYTES   140 /* of the file a row takes, about: to guess how many there are */

enum mc_statement {
    MC_SQL_GET,
    MC_SQL_PUT,
    MC_SQL_GET_DOMAIN,
    MC_SQL_PUT_DOMAIN,
    MC_SQL_GET_HOST,
    MC_SQL_PUT_HOST,
    MC_SQL_GET_PEER,
    MC_SQL_PUT_PEER,
    MC_SQL_GET_MARK,
    MC_SQL_PUT_MARK,
    MC_SQL_DROP_MARK,
    MC_SQL_PUT_REPORT,
    MC_SQL_COUNT_MISJUDGED,
    MC_SQL_BEGIN,
    MC_SQL_COMMIT,
    MC_SQL_ROLLBACK,
    MC_SQL_COUNT
};

/* What waits for the next commit. Texts are in the arena `pending`. */
struct mc_pending {
    enum { MC_PENDING_ADDRESS, MC_PENDING_DOMAIN, MC_PENDING_PEER } kind;
    uint32_t key, text, host; /* `text`: deciding line, detail */
    uint64_t report;          /* of a bounce: which one; of a peer: the origin */
    union {
        struct mc_news news;
        struct mc_store_domain domain;
        struct mc_store_peer peer; /* `host`: its habits */
    };
};

/* The whole file in memory: records of `rows`, found by the hash of their key. */
struct mc_store_cache {
    bool loaded;
    struct mc_arena rows;
    struct mc_index addresses, domains;
};

/* Who takes the rows of a table that is being read as a whole. */
struct mc_store_reading {
    void (*each)(struct mc_store *store, void *arg, sqlite3_value **columns, size_t count);
    void *arg;
};

struct mc_store {
    sqlite3 *db;
    sqlite3_stmt *statements[MC_SQL_COUNT];
    char *path;
    char *error;
    struct mc_keys *keys;
    struct mc_text line; /* of what was found last */
    struct mc_store_cache cache;
    struct mc_store_reading reading;
    struct mc_store_feedback feedback;
    uint64_t lookups, size_rows; /* asked one by one, or announced; in the file, about */
    struct mc_pending *puts;
    size_t put_count, put_room;
    struct mc_arena texts;
    struct mc_store_hosts {
        struct mc_store_host {
            uint32_t text, len; /* in the arena; the length here, so that it is read if need be */
        } * names;              /* by number; {0}: no such number, or not read yet */
        size_t room;
        struct mc_arena arena;
        struct mc_index index; /* name -> number, of those that were written */
    } hosts;
};

/* Notes the connection's failure as the store's, once. Always false. */
bool mc_store_fail(struct mc_store *store, const char *doing);
void mc_store_bind_text(sqlite3_stmt *statement, int at, struct mc_span text);
void mc_store_bind_key(sqlite3_stmt *statement, int at, struct mc_span key);
/* Of a statement that gives no row: SQLITE_DONE or an error. */
int mc_store_run(struct mc_store *store, enum mc_statement which);
/* `known` borrows from the statement MC_SQL_GET, which the caller resets. */
bool mc_store_get_uncached(struct mc_store *store, struct mc_span key, struct mc_known *known);

/* The columns of `address` behind its key, in the order in which they are read and written. */
#define MC_ADDRESS_COLUMNS                                                                         \
    "reason, source, checked_at, good_at, mx, smtp, past, tried, tried_at, unknown_since, bad_at," \
    " soft, complained_at, origin, waits"
enum mc_address_column {
    MC_AT_REASON,
    MC_AT_SOURCE,
    MC_AT_CHECKED_AT,
    MC_AT_GOOD_AT,
    MC_AT_MX,
    MC_AT_SMTP,
    MC_AT_PAST,
    MC_AT_TRIED,
    MC_AT_TRIED_AT,
    MC_AT_UNKNOWN_SINCE,
    MC_AT_BAD_AT,
    MC_AT_SOFT,
    MC_AT_COMPLAINED_AT,
    MC_AT_ORIGIN,
    MC_AT_WAITS,
    MC_ADDRESS_COUNT
};

/* Reads a row of `address`; the name of the host is left out. Of the pasts nothing is touched but
 * what there is: with so many rows that counts. */
bool mc_store_read_address(sqlite3_value **columns, struct mc_known *known);
/* The same of a statement that gives them, from its column `first` on. */
bool mc_store_row(sqlite3_stmt *row, int first, struct mc_known *known);

/* What most rows have and no more, all but `smtp`, once more in one piece, `usual`: SQLite takes as
 * long for each column as for finding the row, which counts where the whole table is read. NULL in
 * a row that has anything else, and in one written before schema 3. */
#define MC_USUAL_MAX (14 + MC_PAST_MAX * 5)
size_t mc_store_pack_usual(const struct mc_known *known, uint32_t host, unsigned char *out);
/* False where it is not whole. `past` as the column of that name. */
bool mc_store_read_usual(struct mc_span usual, struct mc_known *known, uint32_t *host,
                         struct mc_span *past);

#define MC_DOMAIN_COLUMNS "outcome, outcome_at, best_host, proof, proof_at, detail"
enum { MC_AT_BEST_HOST = 2, MC_DOMAIN_COUNT = 6 };
bool mc_store_read_domain(sqlite3_value **columns, struct mc_store_domain *domain);
bool mc_store_domain_row(sqlite3_stmt *row, struct mc_store_domain *domain);
struct mc_span mc_store_text_of(sqlite3_value *value);
struct mc_span mc_store_column_text(sqlite3_stmt *row, int column);
size_t mc_store_pack_past(const struct mc_known *known, unsigned char *out);
void mc_store_unpack_past(struct mc_span bytes, struct mc_known *known);
size_t mc_store_pack_soft(const struct mc_known *known, unsigned char *out);
void mc_store_unpack_soft(struct mc_span bytes, struct mc_known *known);
/* As much of a deciding line as is kept: text number in `texts`; and the line as it was. */
uint32_t mc_store_shorten(struct mc_store *store, struct mc_span line, struct mc_span local,
                          struct mc_span domain);
struct mc_span mc_store_restore(struct mc_store *store, struct mc_span line, struct mc_span local,
                                struct mc_span domain);

/* The name of a host; mc_store_host_name gives it. */
void mc_store_know_host(struct mc_store *store, uint32_t number, struct mc_span name);

/* cache.c */
bool mc_cache_open(struct mc_store *store);
void mc_cache_load(struct mc_store *store);
bool mc_cache_get(const struct mc_store *store, struct mc_span key, struct mc_known *known);
bool mc_cache_get_domain(const struct mc_store *store, struct mc_span key,
                         struct mc_store_domain *domain);

#endif
