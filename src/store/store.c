#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/codes.h"
#include "store/private.h"
#include "store/schema.h"

static const char *const sql[MC_SQL_COUNT] = {
    [MC_SQL_GET] = "SELECT " MC_ADDRESS_COLUMNS " FROM address WHERE key = ?1",
    [MC_SQL_PUT] =
        "INSERT OR REPLACE INTO address(key, " MC_ADDRESS_COLUMNS ", soft_at, usual)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    [MC_SQL_GET_DOMAIN] = "SELECT " MC_DOMAIN_COLUMNS " FROM domain WHERE key = ?1",
    [MC_SQL_PUT_DOMAIN] = "INSERT INTO domain(key, " MC_DOMAIN_COLUMNS ")"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(key) DO UPDATE SET"
                          " outcome = iif(?3, ?2, outcome), best_host = iif(?3, ?4, best_host),"
                          " detail = iif(?3, ?7, detail), outcome_at = iif(?3, ?3, outcome_at),"
                          " proof = iif(?6, ?5, proof), proof_at = iif(?6, ?6, proof_at)",
    [MC_SQL_GET_HOST] = "SELECT name FROM host WHERE id = ?1",
    [MC_SQL_PUT_HOST] = "INSERT INTO host(name) VALUES(?1)"
                        " ON CONFLICT(name) DO UPDATE SET name = name RETURNING id",
    [MC_SQL_GET_MARK] = "SELECT value FROM meta WHERE name = ?1",
    [MC_SQL_PUT_MARK] = "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)",
    [MC_SQL_DROP_MARK] = "DELETE FROM meta WHERE name = ?1",
    [MC_SQL_GET_PEER] = "SELECT learned_at, habits, out_until, out_reason, out_line, day_at, asked"
                        " FROM peer WHERE name = ?1 AND origin = ?2",
    [MC_SQL_PUT_PEER] =
        "INSERT OR REPLACE INTO peer(name, origin, learned_at, habits, out_until, out_reason,"
        " out_line, day_at, asked) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [MC_SQL_PUT_REPORT] = "INSERT OR IGNORE INTO report(id, at) VALUES(?1, ?2)",
    [MC_SQL_COUNT_MISJUDGED] = "INSERT INTO misjudged(host, reason, count) VALUES(?1, ?2, 1)"
                               " ON CONFLICT(host, reason) DO UPDATE SET count = count + 1",
    [MC_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [MC_SQL_COMMIT] = "COMMIT",
    [MC_SQL_ROLLBACK] = "ROLLBACK",
};

/* ---- SQLite ---- */

bool mc_store_fail(struct mc_store *store, const char *doing)
{
    struct mc_text text = {0};
    if (store->error)
        return false;
    mc_text_printf(&text, "cannot %s the store %s: %s (%s)", doing, store->path,
                   sqlite3_errmsg(store->db), mc_schema_remedy(sqlite3_errcode(store->db)));
    store->error = mc_strdup(mc_text_z(&text));
    mc_text_free(&text);
    return false;
}

void mc_store_bind_text(sqlite3_stmt *statement, int at, struct mc_span text)
{
    sqlite3_bind_text(statement, at, text.at, (int)text.len, SQLITE_STATIC);
}

void mc_store_bind_key(sqlite3_stmt *statement, int at, struct mc_span key)
{
    sqlite3_bind_blob(statement, at, key.at, (int)key.len, SQLITE_STATIC);
}

/* A statement whose answer is one row or none: SQLITE_ROW, SQLITE_DONE or an error. */
static int step_once(struct mc_store *store, enum mc_statement which)
{
    int result = sqlite3_step(store->statements[which]);
    if (result != SQLITE_ROW)
        sqlite3_reset(store->statements[which]);
    return result;
}

/* Nothing comes back. */
int mc_store_run(struct mc_store *store, enum mc_statement which)
{
    int result = sqlite3_step(store->statements[which]);
    sqlite3_reset(store->statements[which]);
    return result == SQLITE_ROW ? SQLITE_DONE : result;
}

/* ---- opening and closing ---- */

static bool meta(struct mc_store *store, const char *query, const char *value, char *out,
                 size_t out_size)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    out[0] = '\0';
    if (sqlite3_prepare_v2(store->db, query, -1, &statement, NULL) == SQLITE_OK) {
        if (value)
            sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW) {
            snprintf(out, out_size, "%s", (const char *)sqlite3_column_text(statement, 0));
            found = true;
        }
    }
    sqlite3_finalize(statement);
    return found;
}

/* What a store is, plain or hashed, it stays; a hashed one knows its key by a hash of no address.
 */
static bool settle_keys(struct mc_store *store, bool hashed, char *error, size_t error_size)
{
    char kind[80], check[80], any[8], key[MC_KEY_MAX];
    static const char set[] = "INSERT INTO meta(name, value) VALUES('keys', ?1)"
                              " ON CONFLICT(name) DO UPDATE SET value = value RETURNING value";
    bool is_new =
        !meta(store, "SELECT value FROM meta WHERE name = 'keys'", NULL, kind, sizeof kind) &&
        !meta(store, "SELECT 1 FROM address", NULL, any, sizeof any);
    bool is_hashed = is_new ? hashed : kind[0] && strcmp(kind, "plain") != 0;
    snprintf(check, sizeof check, "plain");
    if (is_hashed) {
        store->keys = mc_keys_open(store->path, is_new, error, error_size);
        if (!store->keys)
            return false;
        struct mc_span half = mc_keys_domain(store->keys, mc_span("", 0), key);
        for (size_t i = 0; i < half.len; i++)
            snprintf(check + 2 * i, 3, "%02x", (unsigned char)half.at[i]);
    }
    if (hashed && !is_hashed) {
        snprintf(error, error_size,
                 "the store %s keeps addresses as they are: give --store-hashed another --store "
                 "FILE, or remove this one",
                 store->path);
        return false;
    }
    if (is_new && !meta(store, set, check, kind, sizeof kind)) {
        mc_store_fail(store, "write to");
        snprintf(error, error_size, "%s", store->error);
        return false;
    }
    if (kind[0] && strcmp(kind, check) != 0) {
        snprintf(error, error_size,
                 "the key beside the store %s is not the one it was made with (without that the "
                 "store is of no use: name another with --store FILE, or go without it with "
                 "--no-store)",
                 store->path);
        return false;
    }
    return true;
}

struct mc_store *mc_store_open(const struct mc_store_options *options, char *error,
                               size_t error_size)
{
    struct stat file;
    struct mc_store *store = mc_calloc(1, sizeof *store);
    store->path = mc_strdup(options->path);
    store->db = mc_schema_open(options->path, options->must_exist, error, error_size);
    if (!store->db) {
        mc_store_close(store);
        return NULL;
    }
    for (size_t i = 0; i < MC_SQL_COUNT; i++)
        if (sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK)
            mc_store_fail(store, "read");
    if (!mc_cache_open(store))
        mc_store_fail(store, "read");
    /* one that cannot be written must be found out before the first packet leaves; another process
     * may be at it */
    int begun = store->error ? SQLITE_BUSY : mc_store_run(store, MC_SQL_BEGIN);
    if (begun != SQLITE_BUSY &&
        (begun != SQLITE_DONE || mc_store_run(store, MC_SQL_COMMIT) != SQLITE_DONE))
        mc_store_fail(store, "write to");
    if (store->error)
        snprintf(error, error_size, "%s", store->error);
    if (store->error || !settle_keys(store, options->hashed, error, error_size)) {
        mc_store_close(store);
        return NULL;
    }
    if (stat(store->path, &file) == 0)
        store->size_rows = (uint64_t)file.st_size / MC_STORE_ROW_BYTES;
    return store;
}

void mc_store_close(struct mc_store *store)
{
    if (!store)
        return;
    if (store->db && store->put_count)
        (void)mc_store_commit(store, true);
    for (size_t i = 0; i < MC_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    mc_keys_free(store->keys);
    mc_arena_free(&store->cache.rows);
    mc_index_free(&store->cache.addresses);
    mc_index_free(&store->cache.domains);
    mc_arena_free(&store->texts);
    mc_arena_free(&store->hosts.arena);
    mc_index_free(&store->hosts.index);
    mc_text_free(&store->line);
    free(store->hosts.names);
    free(store->puts);
    free(store->path);
    free(store->error);
    free(store);
}

const char *mc_store_error(const struct mc_store *store)
{
    return store->error;
}

/* ---- hosts ---- */

void mc_store_know_host(struct mc_store *store, uint32_t number, struct mc_span name)
{
    struct mc_store_hosts *hosts = &store->hosts;
    while (number >= hosts->room) {
        size_t old = hosts->room;
        hosts->names = mc_grow(hosts->names, number, &hosts->room, sizeof *hosts->names);
        memset(hosts->names + old, 0, (hosts->room - old) * sizeof *hosts->names);
    }
    if (hosts->names[number].text)
        return;
    hosts->names[number] =
        (struct mc_store_host){mc_arena_add(&hosts->arena, name), (uint32_t)name.len};
}

struct mc_span mc_store_host_name(const struct mc_store *store, uint32_t number)
{
    if (number >= store->hosts.room || !store->hosts.names[number].text)
        return mc_span("", 0);
    const struct mc_store_host *host = &store->hosts.names[number];
    return mc_span(mc_arena_text(&store->hosts.arena, host->text), host->len);
}

void mc_store_fetch_host(const struct mc_store *store, uint32_t number)
{
    if (number < store->hosts.room)
        mc_fetch(&store->hosts.names[number], 1);
}

void mc_store_fetch_host_name(const struct mc_store *store, uint32_t number)
{
    if (number < store->hosts.room && store->hosts.names[number].text)
        mc_fetch(mc_arena_text(&store->hosts.arena, store->hosts.names[number].text), 1);
}

/* The name of a host that a row gives by number; read where it is not known yet. */
static struct mc_span need_host(struct mc_store *store, uint32_t number)
{
    sqlite3_stmt *get = store->statements[MC_SQL_GET_HOST];
    if (number && !mc_store_host_name(store, number).len) {
        sqlite3_bind_int64(get, 1, number);
        if (step_once(store, MC_SQL_GET_HOST) == SQLITE_ROW) {
            mc_store_know_host(store, number, mc_store_column_text(get, 0));
            sqlite3_reset(get);
        }
    }
    return mc_store_host_name(store, number);
}

/* ---- finding ---- */

/* A lookup costs as much as several rows read in order: when the lookups come to more than the
 * file, it is read. */
static void account(struct mc_store *store, uint64_t lookups)
{
    store->lookups += lookups;
    if (!store->cache.loaded && !store->error &&
        store->lookups * MC_STORE_LOOKUP_COST > store->size_rows + 1000)
        mc_cache_load(store);
}

void mc_store_expect(struct mc_store *store, uint64_t lookups)
{
    account(store, lookups);
}

bool mc_store_is_loaded(const struct mc_store *store)
{
    return store->cache.loaded;
}

bool mc_store_get_uncached(struct mc_store *store, struct mc_span key, struct mc_known *known)
{
    sqlite3_stmt *get = store->statements[MC_SQL_GET];
    mc_store_bind_key(get, 1, key);
    int result = step_once(store, MC_SQL_GET);
    if (result == SQLITE_ROW)
        return mc_store_row(get, 0, known); /* `known` borrows from it: reset by the caller */
    if (result != SQLITE_DONE)
        mc_store_fail(store, "read");
    return false;
}

bool mc_store_get(struct mc_store *store, struct mc_span local, struct mc_span domain,
                  struct mc_known *known)
{
    char out[MC_KEY_MAX];
    if (store->error)
        return false;
    account(store, 1);
    struct mc_span key = mc_keys_address(store->keys, local, domain, out);
    if (store->cache.loaded) {
        if (!mc_cache_get(store, key, known))
            return false;
        known->smtp = mc_store_restore(store, known->smtp, local, domain);
        return true;
    }
    sqlite3_stmt *get = store->statements[MC_SQL_GET];
    if (!mc_store_get_uncached(store, key, known))
        return false;
    known->smtp = mc_store_restore(store, known->smtp, local, domain);
    uint32_t host = (uint32_t)sqlite3_column_int64(get, MC_AT_MX);
    sqlite3_reset(get);
    known->mx = need_host(store, host);
    return true;
}

bool mc_store_get_domain(struct mc_store *store, struct mc_span name,
                         struct mc_store_domain *domain)
{
    char out[MC_KEY_MAX];
    sqlite3_stmt *get = store->statements[MC_SQL_GET_DOMAIN];
    if (store->error)
        return false;
    struct mc_span key = mc_keys_domain(store->keys, name, out);
    if (store->cache.loaded) {
        if (!mc_cache_get_domain(store, key, domain))
            return false;
        domain->detail = mc_store_restore(store, domain->detail, mc_span("", 0), name);
        return true;
    }
    mc_store_bind_key(get, 1, key);
    int result = step_once(store, MC_SQL_GET_DOMAIN);
    if (result == SQLITE_ROW) {
        bool ok = mc_store_domain_row(get, domain);
        domain->detail = mc_store_restore(store, domain->detail, mc_span("", 0), name);
        uint32_t host = (uint32_t)sqlite3_column_int64(get, MC_AT_BEST_HOST);
        sqlite3_reset(get);
        domain->best_host = need_host(store, host);
        return ok;
    }
    if (result != SQLITE_DONE)
        mc_store_fail(store, "read");
    return false;
}

bool mc_store_get_peer(struct mc_store *store, struct mc_span name, uint32_t origin,
                       struct mc_store_peer *peer)
{
    sqlite3_stmt *get = store->statements[MC_SQL_GET_PEER];
    if (store->error)
        return false;
    mc_store_bind_text(get, 1, name);
    sqlite3_bind_int64(get, 2, origin);
    int result = step_once(store, MC_SQL_GET_PEER);
    if (result != SQLITE_ROW)
        return result == SQLITE_DONE ? false : mc_store_fail(store, "read");
    struct mc_span habits = mc_store_column_text(get, 1), line = mc_store_column_text(get, 4);
    store->line.len = 0;
    mc_text_add_span(&store->line, habits);
    mc_text_add_span(&store->line, line);
    *peer = (struct mc_store_peer){
        .learned_at = sqlite3_column_int64(get, 0),
        .habits = mc_span(store->line.at, habits.len),
        .out_until = sqlite3_column_int64(get, 2),
        .out_line = mc_span(store->line.at + habits.len, line.len),
        .day_at = sqlite3_column_int64(get, 5),
        .asked = (uint32_t)sqlite3_column_int64(get, 6),
    };
    bool ok = !peer->out_until || mc_reason_of_code(sqlite3_column_int(get, 3), &peer->out_reason);
    sqlite3_reset(get);
    return ok;
}
