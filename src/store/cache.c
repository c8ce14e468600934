/* The whole file read once, in order, where that costs less than to look up one by one: for whoever
 * can wait for it, or else into memory. */
#include <string.h>

#include "store/private.h"
#include "store/schema.h"

#define BIG_ROWS 50000 /* from here on it pays to make room at once */

/* A row in memory: this, then key, line and past. */
struct cached {
    uint32_t checked_at, tried_at, unknown_since, good_at, bad_at, complained_at, origin, host;
    uint16_t key_len, line_len;
    uint8_t reason, source, tried, past_len, soft_len, waits;
};

static void cache(struct mc_store *store, struct mc_index *index, struct cached *record,
                  struct mc_span key, struct mc_span line, struct mc_span past, struct mc_span soft)
{
    char row[sizeof *record + 2048];
    if (key.len + line.len + past.len + soft.len > sizeof row - sizeof *record ||
        past.len > UINT8_MAX || soft.len > UINT8_MAX)
        return;
    record->key_len = (uint16_t)key.len;
    record->line_len = (uint16_t)line.len;
    record->past_len = (uint8_t)past.len;
    record->soft_len = (uint8_t)soft.len;
    char *end = mempcpy(row, record, sizeof *record);
    end = mempcpy(end, key.at, key.len);
    end = mempcpy(end, line.at, line.len);
    end = mempcpy(end, past.at, past.len);
    end = mempcpy(end, soft.at, soft.len);
    mc_index_add(index, mc_hash(key),
                 mc_arena_add(&store->cache.rows, mc_span(row, (size_t)(end - row))));
}

/* Finds the row of this key; `rest` is what follows the key. */
static bool cached_row(const struct mc_store *store, const struct mc_index *index,
                       struct mc_span key, struct cached *record, const char **rest)
{
    struct mc_index_cursor cursor;
    uint32_t found = mc_index_first(index, mc_hash(key), &cursor);
    for (; found != MC_NONE; found = mc_index_next(index, &cursor)) {
        struct mc_span row = mc_arena_get(&store->cache.rows, found);
        memcpy(record, row.at, sizeof *record);
        if (mc_span_equal(key, mc_span(row.at + sizeof *record, record->key_len))) {
            *rest = row.at + sizeof *record + key.len;
            return true;
        }
    }
    return false;
}

/* A row as the query of all of them gives it: key, line and what is usual, or key and all of its
 * columns. */
struct whole_row {
    struct mc_known *known;
    uint32_t host;
    struct mc_span past, soft; /* packed */
};
#define USUAL_COUNT 3

static bool read_whole_row(sqlite3_value **row, size_t count, struct whole_row *whole)
{
    sqlite3_value **columns = row + 1;
    if (count == USUAL_COUNT) {
        if (!mc_store_read_usual(mc_store_text_of(row[2]), whole->known, &whole->host,
                                 &whole->past))
            return false;
        whole->known->smtp = mc_store_text_of(row[1]);
        whole->soft = mc_span("", 0);
        return true;
    }
    whole->host = (uint32_t)sqlite3_value_int64(columns[MC_AT_MX]);
    whole->past = mc_store_text_of(columns[MC_AT_PAST]);
    whole->soft = mc_store_text_of(columns[MC_AT_SOFT]);
    return mc_store_read_address(columns, whole->known);
}

static void cache_address(struct mc_store *store, void *arg, sqlite3_value **row, size_t count)
{
    (void)arg;
    struct mc_known known;
    struct whole_row whole = {.known = &known};
    if (!read_whole_row(row, count, &whole))
        return;
    struct cached record = {
        .checked_at = (uint32_t)known.checked_at,
        .tried_at = (uint32_t)known.tried_at,
        .unknown_since = (uint32_t)known.unknown_since,
        .good_at = (uint32_t)known.good_at,
        .bad_at = (uint32_t)known.bad_at,
        .complained_at = (uint32_t)known.complained_at,
        .origin = known.origin,
        .waits = known.waits,
        .host = whole.host,
        .reason = (uint8_t)known.reason,
        .source = (uint8_t)known.source,
        .tried = (uint8_t)known.tried,
    };
    cache(store, &store->cache.addresses, &record, mc_store_text_of(row[0]), known.smtp, whole.past,
          whole.soft);
}

static struct mc_known uncache_address(const struct mc_store *store, const struct cached *record,
                                       const char *rest)
{
    struct mc_known known = {
        .checked_at = record->checked_at,
        .tried_at = record->tried_at,
        .unknown_since = record->unknown_since,
        .good_at = record->good_at,
        .bad_at = record->bad_at,
        .complained_at = record->complained_at,
        .origin = record->origin,
        .waits = record->waits,
        .reason = (enum mc_reason)record->reason,
        .source = (enum mc_source)record->source,
        .tried = (enum mc_reason)record->tried,
        .mx = mc_store_host_name(store, record->host),
        .smtp = mc_span(rest, record->line_len),
    };
    const char *histories = rest + record->line_len;
    mc_store_unpack_past(mc_span(histories, record->past_len), &known);
    mc_store_unpack_soft(mc_span(histories + record->past_len, record->soft_len), &known);
    return known;
}

static void cache_domain(struct mc_store *store, void *arg, sqlite3_value **row, size_t count)
{
    (void)arg;
    (void)count;
    struct mc_store_domain domain;
    if (!mc_store_read_domain(row + 1, &domain))
        return;
    struct cached record = {
        .checked_at = (uint32_t)domain.outcome_at,
        .tried_at = (uint32_t)domain.proof_at,
        .host = (uint32_t)sqlite3_value_int64(row[1 + MC_AT_BEST_HOST]),
        .reason = (uint8_t)domain.outcome,
        .source = (uint8_t)domain.proof,
    };
    cache(store, &store->cache.domains, &record, mc_store_text_of(row[0]), domain.detail,
          mc_span("", 0), mc_span("", 0));
}

static struct mc_store_domain uncache_domain(const struct mc_store *store,
                                             const struct cached *record, const char *rest)
{
    return (struct mc_store_domain){
        .outcome = (enum mc_reason)record->reason,
        .outcome_at = record->checked_at,
        .proof = record->source,
        .proof_at = record->tried_at,
        .best_host = mc_store_host_name(store, record->host),
        .detail = mc_span(rest, record->line_len),
    };
}

static void cache_host(struct mc_store *store, void *arg, sqlite3_value **row, size_t count)
{
    (void)arg;
    (void)count;
    mc_store_know_host(store, (uint32_t)sqlite3_value_int64(row[0]), mc_store_text_of(row[1]));
}

/* Each page is met once and never again: to keep more of them than lie in the processor's cache
 * costs time and memory for nothing. */
static void keep_pages(struct mc_store *store, bool reads_all)
{
    const char *const setting = reads_all ? "PRAGMA cache_size = -512" : MC_STORE_KEEP_PAGES;
    (void)sqlite3_exec(store->db, setting, NULL, NULL, NULL); /* advice */
}

/* The rows go to a function of ours that stands where the query's condition would, and is never
 * true: so SQLite runs through the table in one step and hands over the columns as they lie there.
 * Row by row, and column by column, this took twice as long. */
static void hand_over(sqlite3_context *context, int count, sqlite3_value **columns)
{
    struct mc_store *store = sqlite3_user_data(context);
    store->reading.each(store, store->reading.arg, columns, (size_t)count);
}

bool mc_cache_open(struct mc_store *store)
{
    return sqlite3_create_function_v2(store->db, "hand_over", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                      store, hand_over, NULL, NULL, NULL) == SQLITE_OK;
}

static bool read_all(struct mc_store *store, const char *query, struct mc_store_reading reading)
{
    sqlite3_stmt *rows = NULL;
    struct mc_store_reading outer = store->reading;
    store->reading = reading;
    int result = sqlite3_prepare_v2(store->db, query, -1, &rows, NULL);
    while (result == SQLITE_OK || result == SQLITE_ROW)
        result = sqlite3_step(rows);
    if (result != SQLITE_DONE)
        mc_store_fail(store, "read");
    sqlite3_finalize(rows);
    store->reading = outer;
    return result == SQLITE_DONE;
}

static const char all_hosts[] = "SELECT 1 FROM host WHERE hand_over(id, name)";
static const char all_domains[] =
    "SELECT 1 FROM domain WHERE hand_over(key, " MC_DOMAIN_COLUMNS ") ORDER BY key";
static const char all_addresses[] =
    "SELECT 1 FROM address WHERE CASE WHEN usual IS NULL THEN hand_over(key, " MC_ADDRESS_COLUMNS
    ") ELSE hand_over(key, smtp, usual) END ORDER BY key";

static bool read_tables(struct mc_store *store, struct mc_store_reading domains,
                        struct mc_store_reading addresses)
{
    const struct mc_store_reading hosts = {cache_host, NULL};
    keep_pages(store, true);
    bool ok = !store->error && read_all(store, all_hosts, hosts) &&
              read_all(store, all_domains, domains) && read_all(store, all_addresses, addresses);
    keep_pages(store, false);
    return ok;
}

void mc_cache_load(struct mc_store *store)
{
    store->cache.loaded = true;
    if (store->size_rows > BIG_ROWS)
        mc_arena_expect(&store->cache.rows, store->size_rows * MC_STORE_ROW_BYTES);
    (void)read_tables(store, (struct mc_store_reading){cache_domain, NULL},
                      (struct mc_store_reading){cache_address, NULL});
}

static void scan_domain(struct mc_store *store, void *arg, sqlite3_value **row, size_t count)
{
    (void)store;
    (void)count;
    const struct mc_store_scan *scan = arg;
    struct mc_store_domain domain;
    if (!mc_store_read_domain(row + 1, &domain))
        return;
    scan->domain(scan->arg, mc_store_text_of(row[0]), &domain,
                 (uint32_t)sqlite3_value_int64(row[1 + MC_AT_BEST_HOST]));
}

struct scanning {
    struct mc_store_scan *scan;
    struct mc_text domain; /* of the last row, which is most often that of the next */
};

/* Where the '@' of a key is, after a domain without any; `is_first` unless the domain is the last
 * row's. */
static bool find_sign(struct scanning *scanning, struct mc_span key, size_t *sign, bool *is_first)
{
    struct mc_text *domain = &scanning->domain;
    *sign = domain->len;
    *is_first = domain->len == 0 || key.len <= domain->len || key.at[domain->len] != '@' ||
                memcmp(key.at, domain->at, domain->len) != 0;
    if (!*is_first)
        return true;
    const char *found = memchr(key.at, '@', key.len);
    if (!found)
        return false;
    *sign = (size_t)(found - key.at);
    domain->len = 0;
    mc_text_add(domain, key.at, *sign);
    return true;
}

static void scan_address(struct mc_store *store, void *arg, sqlite3_value **row, size_t count)
{
    struct scanning *scanning = arg;
    const struct mc_store_scan *scan = scanning->scan;
    struct whole_row whole = {.known = scan->known};
    struct mc_span key = mc_store_text_of(row[0]);
    size_t sign;
    bool is_first;
    (void)store;
    if (!read_whole_row(row, count, &whole) || !find_sign(scanning, key, &sign, &is_first))
        return;
    scan->address(scan->arg, mc_span(key.at + sign + 1, key.len - sign - 1), mc_span(key.at, sign),
                  whole.host, is_first);
}

bool mc_store_scan_pays(const struct mc_store *store, uint64_t lookups)
{
    return !store->keys && !store->error && !store->cache.loaded &&
           lookups * MC_STORE_LOOKUP_COST > store->size_rows + 1000;
}

bool mc_store_scan(struct mc_store *store, struct mc_store_scan *scan)
{
    struct scanning scanning = {.scan = scan};
    MC_ASSERT(!store->keys);
    bool ok = read_tables(store, (struct mc_store_reading){scan_domain, scan},
                          (struct mc_store_reading){scan_address, &scanning});
    mc_text_free(&scanning.domain);
    return ok;
}

bool mc_cache_get(const struct mc_store *store, struct mc_span key, struct mc_known *known)
{
    struct cached record;
    const char *rest;
    if (!cached_row(store, &store->cache.addresses, key, &record, &rest))
        return false;
    *known = uncache_address(store, &record, rest);
    return true;
}

bool mc_cache_get_domain(const struct mc_store *store, struct mc_span key,
                         struct mc_store_domain *domain)
{
    struct cached record;
    const char *rest;
    if (!cached_row(store, &store->cache.domains, key, &record, &rest))
        return false;
    *domain = uncache_domain(store, &record, rest);
    return true;
}
