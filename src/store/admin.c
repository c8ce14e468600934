/* What people ask of a store: `mailcheck store`. */
#include <sys/stat.h>

#include "store/codes.h"
#include "store/private.h"
#include "store/schema.h"

#define PATIENCE_MS 60000

static bool number(struct mc_store *store, const char *query, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(store->db, query, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok)
        *out = sqlite3_column_int64(statement, 0);
    ok = sqlite3_finalize(statement) == SQLITE_OK && ok;
    return ok || mc_store_fail(store, "read");
}

bool mc_store_stats(struct mc_store *store, struct mc_store_stats *stats)
{
    static const char by_reason[] = "SELECT reason, count(*) FROM address GROUP BY reason";
    int64_t domains = 0, hosts = 0, complained = 0, reports = 0, pages = 0, page = 0;
    sqlite3_stmt *rows = NULL;
    int result = sqlite3_prepare_v2(store->db, by_reason, -1, &rows, NULL);
    *stats = (struct mc_store_stats){.hashed = store->keys != NULL, .schema = MC_STORE_SCHEMA};
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        enum mc_reason reason;
        result = sqlite3_step(rows);
        if (result != SQLITE_ROW)
            break;
        uint64_t count = (uint64_t)sqlite3_column_int64(rows, 1);
        stats->addresses += count;
        if (mc_reason_of_code(sqlite3_column_int(rows, 0), &reason))
            stats->by_reason[reason] = count;
        else
            stats->undecided += count;
    }
    sqlite3_finalize(rows);
    if (result != SQLITE_DONE)
        return mc_store_fail(store, "read");
    bool ok =
        number(store, "SELECT count(*) FROM domain", &domains) &&
        number(store, "SELECT count(*) FROM host", &hosts) &&
        number(store, "SELECT count(*) FROM address WHERE complained_at", &complained) &&
        number(store, "SELECT count(*) FROM report", &reports) &&
        number(store, "PRAGMA page_count", &pages) && number(store, "PRAGMA page_size", &page) &&
        number(store, "SELECT min(checked_at) FROM address WHERE checked_at", &stats->oldest) &&
        number(store, "SELECT max(checked_at) FROM address", &stats->newest);
    stats->domains = (uint64_t)domains;
    stats->hosts = (uint64_t)hosts;
    stats->complained = (uint64_t)complained;
    stats->reports = (uint64_t)reports;
    stats->bytes = (uint64_t)(pages * page);
    return ok;
}

/* Runs one statement with up to two bound values; how many rows it changed is added to `gone`. */
static bool change(struct mc_store *store, const char *query, struct mc_span low,
                   struct mc_span high, uint64_t *gone)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(store->db, query, -1, &statement, NULL) == SQLITE_OK;
    if (ok && low.at)
        sqlite3_bind_blob(statement, 1, low.at, (int)low.len, SQLITE_STATIC);
    if (ok && high.at)
        sqlite3_bind_blob(statement, 2, high.at, (int)high.len, SQLITE_STATIC);
    ok = ok && sqlite3_step(statement) == SQLITE_DONE;
    if (ok && gone)
        *gone += (uint64_t)sqlite3_changes(store->db);
    ok = sqlite3_finalize(statement) == SQLITE_OK && ok;
    return ok || mc_store_fail(store, "write to");
}

/* Everything between a domain's key with '@' behind it and the next possible one; of a hashed
 * domain, everything that starts with its half. */
static bool forget_domain(struct mc_store *store, struct mc_span domain, uint64_t *gone)
{
    char low[MC_KEY_MAX], high[MC_KEY_MAX];
    struct mc_span key = mc_keys_domain(store->keys, domain, low);
    if (!change(store, "DELETE FROM domain WHERE key = ?1", key, (struct mc_span){0}, NULL))
        return false;
    memcpy(high, low, key.len);
    size_t low_len = key.len, high_len = key.len;
    if (!store->keys) {
        low[low_len++] = '@';
        high[high_len++] = '@' + 1;
    } else {
        memset(high + high_len, 0xff, MC_KEY_HALF + 1);
        high_len += MC_KEY_HALF + 1;
    }
    return change(store, "DELETE FROM address WHERE key >= ?1 AND key < ?2", mc_span(low, low_len),
                  mc_span(high, high_len), gone);
}

/* Others write to it as well; people can wait for them. */
static void be_patient(struct mc_store *store)
{
    (void)sqlite3_busy_timeout(store->db, PATIENCE_MS);
}

/* What was deleted must not be readable in the file afterwards: pages that were split keep copies
 * in their free space, so the file is written anew; and its log is emptied, once nobody reads what
 * was before. */
bool mc_store_scrub(struct mc_store *store)
{
    static const char idle_hosts[] =
        "DELETE FROM host WHERE id NOT IN (SELECT mx FROM address WHERE mx IS NOT NULL)"
        " AND id NOT IN (SELECT best_host FROM domain)"
        " AND id NOT IN (SELECT host FROM misjudged)";
    int64_t busy = 0;
    be_patient(store);
    if (!change(store, idle_hosts, (struct mc_span){0}, (struct mc_span){0}, NULL))
        return false;
    if (sqlite3_exec(store->db, "VACUUM", NULL, NULL, NULL) != SQLITE_OK)
        return mc_store_fail(store, "write to");
    if (!number(store, "PRAGMA wal_checkpoint(TRUNCATE)", &busy))
        return false;
    if (busy)
        store->error = mc_strdup("it is forgotten, but traces stay in the file: another process "
                                 "reads what was before; run again when it is done");
    return !busy;
}

/* A server may name anybody in what it says of others. A hashed store keeps no such text. */
static bool forget_mentions(struct mc_store *store, struct mc_span local, struct mc_span domain)
{
    static const char *const texts[] = {
        "UPDATE address SET smtp = NULL WHERE instr(lower(CAST(smtp AS TEXT)), CAST(?1 AS TEXT))",
        "UPDATE peer SET out_line = NULL"
        " WHERE instr(lower(CAST(out_line AS TEXT)), CAST(?1 AS TEXT))",
    };
    char email[MC_KEY_MAX];
    size_t len = 0;
    bool ok = true;
    for (; len < local.len; len++)
        email[len] = mc_ascii_lower(local.at[len]);
    email[len++] = '@';
    memcpy(email + len, domain.at, domain.len);
    for (size_t i = 0; i < MC_ARRAY_LEN(texts) && ok && !store->keys; i++)
        ok = change(store, texts[i], mc_span(email, len + domain.len), (struct mc_span){0}, NULL);
    return ok;
}

bool mc_store_forget(struct mc_store *store, struct mc_span local, struct mc_span domain,
                     uint64_t *gone)
{
    char out[MC_KEY_MAX];
    *gone = 0;
    be_patient(store);
    bool ok = local.len ? change(store, "DELETE FROM address WHERE key = ?1",
                                 mc_keys_address(store->keys, local, domain, out),
                                 (struct mc_span){0}, gone)
                        : forget_domain(store, domain, gone);
    return ok && forget_mentions(store, local, domain);
}

bool mc_store_prune(struct mc_store *store, int64_t before, uint64_t *gone)
{
    static const char *const others[] = {
        "DELETE FROM domain WHERE max(outcome_at, proof_at) < %lld",
        "DELETE FROM report WHERE at < %lld", "DELETE FROM peer WHERE learned_at < %lld",
        "DELETE FROM meta WHERE name GLOB 'run-*' AND value < %lld", /* runs never gone on with */
    };
    const struct mc_span none = {0};
    char query[400];
    *gone = 0;
    be_patient(store);
    /* an address that was deliverable is remembered by when it was, for what a refusal is worth;
     * who complained must not be asked for leave again, so that goes by `forget` alone */
    snprintf(query, sizeof query,
             "DELETE FROM address WHERE complained_at IS NULL AND max(checked_at,"
             " coalesce(tried_at, 0), coalesce(good_at, 0), coalesce(soft_at, 0)) < %lld",
             (long long)before);
    if (!change(store, query, none, none, gone))
        return false;
    for (size_t i = 0; i < MC_ARRAY_LEN(others); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(query, sizeof query, others[i], (long long)before);
#pragma GCC diagnostic pop
        if (!change(store, query, none, none, NULL))
            return false;
    }
    return mc_store_scrub(store);
}

bool mc_store_precision(struct mc_store *store,
                        void (*each)(void *arg, struct mc_span host, enum mc_reason reason,
                                     uint64_t count),
                        void *arg)
{
    static const char query[] =
        "SELECT coalesce((SELECT name FROM host WHERE id = mx), ''), 0, n FROM"
        " (SELECT mx, count(*) AS n FROM address WHERE good_at GROUP BY mx)"
        " UNION ALL SELECT coalesce((SELECT name FROM host WHERE id = host), ''), reason, count"
        " FROM misjudged";
    sqlite3_stmt *rows = NULL;
    int result = sqlite3_prepare_v2(store->db, query, -1, &rows, NULL);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        enum mc_reason reason = MC_REASON_ACCEPTED;
        result = sqlite3_step(rows);
        if (result != SQLITE_ROW)
            break;
        if (sqlite3_column_int(rows, 1) && !mc_reason_of_code(sqlite3_column_int(rows, 1), &reason))
            continue;
        each(arg, mc_store_column_text(rows, 0), reason, (uint64_t)sqlite3_column_int64(rows, 2));
    }
    sqlite3_finalize(rows);
    return result == SQLITE_DONE || mc_store_fail(store, "read");
}

/* "domain@local" as people write it, a hash in hexadecimal. */
static void readable(const struct mc_store *store, struct mc_span key, struct mc_text *out)
{
    const char *sign = memchr(key.at, '@', key.len);
    out->len = 0;
    if (store->keys || !sign) {
        for (size_t i = 0; i < key.len; i++)
            mc_text_printf(out, "%02x", (unsigned char)key.at[i]);
        return;
    }
    size_t domain = (size_t)(sign - key.at);
    mc_text_add(out, sign + 1, key.len - domain - 1);
    mc_text_add_char(out, '@');
    mc_text_add(out, key.at, domain);
}

bool mc_store_each(struct mc_store *store,
                   bool (*each)(void *arg, struct mc_span key, const struct mc_known *known),
                   void *arg)
{
    sqlite3_stmt *rows = NULL;
    struct mc_text key = {0};
    bool going = true;
    int result = sqlite3_prepare_v2(
        store->db, "SELECT key, " MC_ADDRESS_COLUMNS " FROM address ORDER BY key", -1, &rows, NULL);
    while (going && (result == SQLITE_OK || result == SQLITE_ROW)) {
        struct mc_known known;
        result = sqlite3_step(rows);
        if (result != SQLITE_ROW)
            break;
        const char *at = sqlite3_column_blob(rows, 0);
        readable(store, mc_span(at, (size_t)sqlite3_column_bytes(rows, 0)), &key);
        if (mc_store_row(rows, 1, &known))
            going = each(arg, mc_text_span(&key), &known);
    }
    sqlite3_finalize(rows);
    mc_text_free(&key);
    if (going && result != SQLITE_DONE)
        return mc_store_fail(store, "read");
    return going;
}
