#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/codes.h"
#include "store/private.h"
#include "store/schema.h"

#define LOOKUP_COST     8 /* of one lookup, in rows read in order */
#define LAST_TRIES      6 /* of the busy time-out: how long the last commit waits */
#define HOST_NAME_BYTES 255

static const char *const sql[MC_SQL_COUNT] = {
    [MC_SQL_GET] = "SELECT " MC_ADDRESS_COLUMNS " FROM address WHERE key = ?1",
    [MC_SQL_PUT] = "INSERT OR REPLACE INTO address(key, " MC_ADDRESS_COLUMNS ", soft_at)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    [MC_SQL_GET_DOMAIN] = "SELECT outcome, outcome_at, best_host, proof, proof_at, detail"
                          " FROM domain WHERE key = ?1",
    [MC_SQL_PUT_DOMAIN] =
        "INSERT INTO domain(key, outcome, outcome_at, best_host, proof, proof_at, detail)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(key) DO UPDATE SET"
        " outcome = iif(?3, ?2, outcome), best_host = iif(?3, ?4, best_host),"
        " detail = iif(?3, ?7, detail), outcome_at = iif(?3, ?3, outcome_at),"
        " proof = iif(?6, ?5, proof), proof_at = iif(?6, ?6, proof_at)",
    [MC_SQL_GET_HOST] = "SELECT name FROM host WHERE id = ?1",
    [MC_SQL_PUT_HOST] = "INSERT INTO host(name) VALUES(?1)"
                        " ON CONFLICT(name) DO UPDATE SET name = name RETURNING id",
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
    mc_text_printf(&text,
                   "cannot %s the store %s: %s (mend it, name another with --store FILE, or go "
                   "without it with --no-store)",
                   doing, store->path, sqlite3_errmsg(store->db));
    store->error = mc_strdup(mc_text_z(&text));
    mc_text_free(&text);
    return false;
}

static void bind_text(sqlite3_stmt *statement, int at, struct mc_span text)
{
    sqlite3_bind_text(statement, at, text.at, (int)text.len, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *statement, int at, struct mc_span key)
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
static int run(struct mc_store *store, enum mc_statement which)
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
        snprintf(error, error_size, "the key beside the store %s is not the one it was made with",
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
    /* one that cannot be written must be found out before the first packet leaves */
    if (!store->error &&
        (run(store, MC_SQL_BEGIN) != SQLITE_DONE || run(store, MC_SQL_COMMIT) != SQLITE_DONE))
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
    if (hosts->names[number])
        return;
    hosts->names[number] = mc_arena_add(&hosts->arena, name);
    mc_index_add(&hosts->index, mc_hash(name), number);
}

struct mc_span mc_store_host_name(const struct mc_store *store, uint32_t number)
{
    if (number >= store->hosts.room || !store->hosts.names[number])
        return mc_span("", 0);
    return mc_arena_get(&store->hosts.arena, store->hosts.names[number]);
}

/* The number of a name, made where it has none; inside a transaction. */
static int host_number(struct mc_store *store, struct mc_span name, uint32_t *number)
{
    struct mc_index_cursor cursor;
    *number = 0;
    if (!name.len || name.len > HOST_NAME_BYTES)
        return SQLITE_DONE;
    uint32_t found = mc_index_first(&store->hosts.index, mc_hash(name), &cursor);
    for (; found != MC_NONE; found = mc_index_next(&store->hosts.index, &cursor))
        if (mc_span_equal(name, mc_store_host_name(store, found))) {
            *number = found;
            return SQLITE_DONE;
        }
    sqlite3_stmt *put = store->statements[MC_SQL_PUT_HOST];
    bind_text(put, 1, name);
    int result = sqlite3_step(put);
    if (result == SQLITE_ROW) {
        *number = (uint32_t)sqlite3_column_int64(put, 0);
        result = sqlite3_step(put);
    }
    sqlite3_reset(put);
    if (*number)
        mc_store_know_host(store, *number, name);
    return result;
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
        store->lookups * LOOKUP_COST > store->size_rows + 1000)
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

static bool get_uncached(struct mc_store *store, struct mc_span key, struct mc_known *known)
{
    sqlite3_stmt *get = store->statements[MC_SQL_GET];
    bind_key(get, 1, key);
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
    if (!get_uncached(store, key, known))
        return false;
    known->smtp = mc_store_restore(store, known->smtp, local, domain);
    uint32_t host = (uint32_t)sqlite3_column_int64(get, 8);
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
    bind_key(get, 1, key);
    int result = step_once(store, MC_SQL_GET_DOMAIN);
    if (result == SQLITE_ROW) {
        bool ok = mc_store_read_domain(get, 0, domain);
        domain->detail = mc_store_restore(store, domain->detail, mc_span("", 0), name);
        uint32_t host = (uint32_t)sqlite3_column_int64(get, 2);
        sqlite3_reset(get);
        domain->best_host = need_host(store, host);
        return ok;
    }
    if (result != SQLITE_DONE)
        mc_store_fail(store, "read");
    return false;
}

/* ---- putting ---- */

static struct mc_pending *pend(struct mc_store *store)
{
    store->puts = mc_grow(store->puts, store->put_count, &store->put_room, sizeof *store->puts);
    return &store->puts[store->put_count++];
}

void mc_store_put(struct mc_store *store, struct mc_span local, struct mc_span domain,
                  const struct mc_news *news)
{
    char out[MC_KEY_MAX];
    if (store->error)
        return;
    struct mc_pending *put = pend(store);
    put->kind = MC_PENDING_ADDRESS;
    put->key = mc_arena_add(&store->texts, mc_keys_address(store->keys, local, domain, out));
    put->text = mc_store_shorten(store, news->smtp, local, domain);
    put->host = mc_arena_add(&store->texts, news->mx);
    put->news = *news;
}

/* FNV-1a: the same in every process. */
static uint64_t stable_hash(struct mc_span text, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325 ^ seed;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3;
    return hash;
}

void mc_store_put_bounce(struct mc_store *store, struct mc_span local, struct mc_span domain,
                         const struct mc_news *news, uint64_t report)
{
    MC_ASSERT(news->source == MC_SOURCE_BOUNCE);
    if (store->error)
        return;
    mc_store_put(store, local, domain, news);
    struct mc_pending *put = &store->puts[store->put_count - 1];
    put->report = stable_hash(mc_arena_get(&store->texts, put->key), report);
}

struct mc_store_feedback mc_store_feedback(const struct mc_store *store)
{
    return store->feedback;
}

void mc_store_put_domain(struct mc_store *store, struct mc_span name,
                         const struct mc_store_domain *domain)
{
    char out[MC_KEY_MAX];
    if (store->error)
        return;
    struct mc_pending *put = pend(store);
    put->kind = MC_PENDING_DOMAIN;
    put->key = mc_arena_add(&store->texts, mc_keys_domain(store->keys, name, out));
    put->text = mc_store_shorten(store, domain->detail, mc_span("", 0), name);
    put->host = mc_arena_add(&store->texts, domain->best_host);
    put->domain = *domain;
}

size_t mc_store_pending(const struct mc_store *store)
{
    return store->error ? 0 : store->put_count;
}

/* `known` as the row of this key. */
static int replace_row(struct mc_store *store, struct mc_span key, const struct mc_known *known,
                       uint32_t host)
{
    sqlite3_stmt *put = store->statements[MC_SQL_PUT];
    unsigned char past[MC_PAST_MAX * 5], soft[MC_SOFT_MAX * 3];
    bind_key(put, 1, key);
    sqlite3_bind_int(put, 2, known->checked_at ? mc_code_of_reason(known->reason) : 0);
    sqlite3_bind_int(put, 3, known->checked_at ? mc_code_of_source(known->source) : 0);
    sqlite3_bind_int64(put, 4, known->checked_at);
    if (known->tried_at)
        sqlite3_bind_int(put, 5, mc_code_of_reason(known->tried));
    const struct {
        int at;
        int64_t value;
    } optional[] = {{6, known->tried_at},
                    {7, known->unknown_since},
                    {8, known->good_at},
                    {9, known->bad_at},
                    {10, host},
                    {14, known->complained_at},
                    {15, known->soft_count ? (int64_t)known->soft[0].day * MC_DAY_SECONDS : 0}};
    for (size_t i = 0; i < MC_ARRAY_LEN(optional); i++)
        if (optional[i].value)
            sqlite3_bind_int64(put, optional[i].at, optional[i].value);
    if (known->smtp.len)
        bind_text(put, 11, known->smtp);
    sqlite3_bind_blob(put, 12, past, (int)mc_store_pack_past(known, past), SQLITE_STATIC);
    if (known->soft_count)
        sqlite3_bind_blob(put, 13, soft, (int)mc_store_pack_soft(known, soft), SQLITE_STATIC);
    int result = run(store, MC_SQL_PUT);
    sqlite3_clear_bindings(put);
    return result;
}

/* A report is taken in once, however often it is read; one that proves a `deliverable` wrong is
 * counted against the host that gave it. */
static int take_report(struct mc_store *store, const struct mc_pending *item,
                       const struct mc_known *known, uint32_t host, bool *is_new)
{
    sqlite3_stmt *report = store->statements[MC_SQL_PUT_REPORT];
    sqlite3_bind_int64(report, 1, (sqlite3_int64)item->report);
    sqlite3_bind_int64(report, 2, item->news.at);
    int result = run(store, MC_SQL_PUT_REPORT);
    *is_new = result == SQLITE_DONE && sqlite3_changes(store->db) > 0;
    if (!*is_new)
        return result;
    store->feedback.taken++;
    if (!mc_rules_misjudged(known, &item->news))
        return result;
    store->feedback.misjudged++;
    sqlite3_stmt *count = store->statements[MC_SQL_COUNT_MISJUDGED];
    sqlite3_bind_int64(count, 1, host);
    sqlite3_bind_int(count, 2, mc_code_of_reason(item->news.reason));
    return run(store, MC_SQL_COUNT_MISJUDGED);
}

static int write_address(struct mc_store *store, const struct mc_pending *item)
{
    struct mc_span key = mc_arena_get(&store->texts, item->key);
    sqlite3_stmt *get = store->statements[MC_SQL_GET];
    struct mc_known known = {0};
    struct mc_news own = item->news;
    bool is_new = true;
    uint32_t host;
    own.smtp = mc_arena_get(&store->texts, item->text);
    own.mx = mc_arena_get(&store->texts, item->host);
    if (!get_uncached(store, key, &known))
        known = (struct mc_known){0};
    if (store->error)
        return SQLITE_ERROR;
    uint32_t old_host = (uint32_t)sqlite3_column_int64(get, 8);
    int result = SQLITE_DONE;
    if (own.source == MC_SOURCE_BOUNCE)
        result = take_report(store, item, &known, old_host, &is_new);
    if (result == SQLITE_DONE && is_new) {
        mc_rules_learn(&known, &own);
        result = host_number(store, known.mx, &host);
        /* what decided nothing leaves the answer before it, and its host, as they were */
        if (!known.mx.len || known.checked_at != own.at)
            host = old_host;
        if (result == SQLITE_DONE)
            result = replace_row(store, key, &known, host);
    }
    sqlite3_reset(get);
    return result;
}

static int write_one(struct mc_store *store, const struct mc_pending *put)
{
    struct mc_span key = mc_arena_get(&store->texts, put->key);
    struct mc_span text = mc_arena_get(&store->texts, put->text);
    sqlite3_stmt *statement;
    uint32_t host;
    switch (put->kind) {
    case MC_PENDING_ADDRESS:
        return write_address(store, put);
    case MC_PENDING_DOMAIN:
        if (host_number(store, mc_arena_get(&store->texts, put->host), &host) != SQLITE_DONE)
            return SQLITE_ERROR;
        statement = store->statements[MC_SQL_PUT_DOMAIN];
        bind_key(statement, 1, key);
        sqlite3_bind_int(statement, 2, mc_code_of_reason(put->domain.outcome));
        sqlite3_bind_int64(statement, 3, put->domain.outcome_at);
        sqlite3_bind_int64(statement, 4, host);
        sqlite3_bind_int64(statement, 5, put->domain.proof);
        sqlite3_bind_int64(statement, 6, put->domain.proof_at);
        bind_text(statement, 7, text);
        return run(store, MC_SQL_PUT_DOMAIN);
    }
    return SQLITE_ERROR;
}

bool mc_store_commit(struct mc_store *store, bool last)
{
    if (store->error)
        return false;
    if (!store->put_count)
        return true;
    int result = run(store, MC_SQL_BEGIN);
    for (int i = 0; last && result == SQLITE_BUSY && i < LAST_TRIES; i++)
        result = run(store, MC_SQL_BEGIN);
    if (result == SQLITE_BUSY && !last)
        return true;
    for (size_t i = 0; i < store->put_count && result == SQLITE_DONE; i++)
        result = write_one(store, &store->puts[i]);
    if (result == SQLITE_DONE)
        result = run(store, MC_SQL_COMMIT);
    if (result != SQLITE_DONE) {
        mc_store_fail(store, "write to");
        (void)run(store, MC_SQL_ROLLBACK);
        return false;
    }
    store->put_count = 0;
    store->texts.len = 0;
    return true;
}
