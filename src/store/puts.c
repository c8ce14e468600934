/* What is put into the store: kept until the next commit, then written in one transaction. */
#include <string.h>

#include "store/codes.h"
#include "store/private.h"

#define LAST_TRIES      600 /* of the busy time-out: how long the last commit waits */
#define MARK_TRIES      20
#define HOST_NAME_BYTES 255

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
    mc_store_bind_text(put, 1, name);
    int result = sqlite3_step(put);
    if (result == SQLITE_ROW) {
        *number = (uint32_t)sqlite3_column_int64(put, 0);
        result = sqlite3_step(put);
    }
    sqlite3_reset(put);
    if (*number) { /* only who is written is sought by name */
        mc_store_know_host(store, *number, name);
        mc_index_add(&store->hosts.index, mc_hash(name), *number);
    }
    return result;
}

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

/* FNV-1a */
uint64_t mc_store_hash(struct mc_span text, uint64_t seed)
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
    put->report = mc_store_hash(mc_arena_get(&store->texts, put->key), report);
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

void mc_store_put_peer(struct mc_store *store, struct mc_span name, uint32_t origin,
                       const struct mc_store_peer *peer)
{
    if (store->error)
        return;
    struct mc_pending *put = pend(store);
    put->kind = MC_PENDING_PEER;
    put->key = mc_arena_add(&store->texts, name);
    put->text = store->keys ? mc_store_shorten(store, peer->out_line, mc_span("", 0), name)
                            : mc_arena_add(&store->texts, peer->out_line);
    put->host = mc_arena_add(&store->texts, peer->habits);
    put->report = origin;
    put->peer = *peer;
}

size_t mc_store_pending(const struct mc_store *store)
{
    return store->error ? 0 : store->put_count;
}

#define PLACE(column) (MC_AT_##column + 2) /* in MC_SQL_PUT, behind the key */

/* `known` as the row of this key. */
static int replace_row(struct mc_store *store, struct mc_span key, const struct mc_known *known,
                       uint32_t host)
{
    sqlite3_stmt *put = store->statements[MC_SQL_PUT];
    unsigned char past[MC_PAST_MAX * 5], soft[MC_SOFT_MAX * 3], usual[MC_USUAL_MAX];
    size_t usual_len = mc_store_pack_usual(known, host, usual);
    mc_store_bind_key(put, 1, key);
    sqlite3_bind_int(put, PLACE(REASON), known->checked_at ? mc_code_of_reason(known->reason) : 0);
    sqlite3_bind_int(put, PLACE(SOURCE), known->checked_at ? mc_code_of_source(known->source) : 0);
    sqlite3_bind_int64(put, PLACE(CHECKED_AT), known->checked_at);
    if (known->tried_at)
        sqlite3_bind_int(put, PLACE(TRIED), mc_code_of_reason(known->tried));
    const struct {
        int at;
        int64_t value;
    } optional[] = {
        {PLACE(TRIED_AT), known->tried_at},
        {PLACE(UNKNOWN_SINCE), known->unknown_since},
        {PLACE(GOOD_AT), known->good_at},
        {PLACE(BAD_AT), known->bad_at},
        {PLACE(MX), host},
        {PLACE(COMPLAINED_AT), known->complained_at},
        {PLACE(ORIGIN), known->tried_at ? known->origin : 0},
        {PLACE(WAITS), known->tried_at && known->waits},
        {MC_ADDRESS_COUNT + 2,
         known->soft_count ? (int64_t)known->soft[0].day * MC_DAY_SECONDS : 0},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(optional); i++)
        if (optional[i].value)
            sqlite3_bind_int64(put, optional[i].at, optional[i].value);
    if (known->smtp.len)
        mc_store_bind_text(put, PLACE(SMTP), known->smtp);
    sqlite3_bind_blob(put, PLACE(PAST), past, (int)mc_store_pack_past(known, past), SQLITE_STATIC);
    if (known->soft_count)
        sqlite3_bind_blob(put, PLACE(SOFT), soft, (int)mc_store_pack_soft(known, soft),
                          SQLITE_STATIC);
    if (usual_len)
        sqlite3_bind_blob(put, MC_ADDRESS_COUNT + 3, usual, (int)usual_len, SQLITE_STATIC);
    int result = mc_store_run(store, MC_SQL_PUT);
    sqlite3_clear_bindings(put);
    return result;
}

static void count_rule(struct mc_store_feedback *feedback, const char *rule)
{
    size_t i = 0;
    while (i < MC_STORE_RULES && feedback->by_rule[i].rule &&
           strcmp(feedback->by_rule[i].rule, rule) != 0)
        i++;
    if (i == MC_STORE_RULES)
        return;
    feedback->by_rule[i].rule = rule;
    feedback->by_rule[i].count++;
}

/* A report is taken in once, however often it is read; one that proves a `deliverable` wrong is
 * counted against the host that gave it. */
static int take_report(struct mc_store *store, const struct mc_pending *item,
                       const struct mc_known *known, uint32_t host, bool *is_new)
{
    sqlite3_stmt *report = store->statements[MC_SQL_PUT_REPORT];
    sqlite3_bind_int64(report, 1, (sqlite3_int64)item->report);
    sqlite3_bind_int64(report, 2, item->news.at);
    int result = mc_store_run(store, MC_SQL_PUT_REPORT);
    *is_new = result == SQLITE_DONE && sqlite3_changes(store->db) > 0;
    if (!*is_new)
        return result;
    store->feedback.taken++;
    if (!mc_rules_misjudged(known, &item->news))
        return result;
    store->feedback.misjudged++;
    if (item->news.rule)
        count_rule(&store->feedback, item->news.rule);
    sqlite3_stmt *count = store->statements[MC_SQL_COUNT_MISJUDGED];
    sqlite3_bind_int64(count, 1, host);
    sqlite3_bind_int(count, 2, mc_code_of_reason(item->news.reason));
    return mc_store_run(store, MC_SQL_COUNT_MISJUDGED);
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
    if (!mc_store_get_uncached(store, key, &known))
        known = (struct mc_known){0};
    if (store->error)
        return SQLITE_ERROR;
    uint32_t old_host = (uint32_t)sqlite3_column_int64(get, MC_AT_MX);
    int result = SQLITE_DONE;
    if (own.source == MC_SOURCE_BOUNCE)
        result = take_report(store, item, &known, old_host, &is_new);
    if (result == SQLITE_DONE && is_new) {
        mc_rules_learn(&known, &own);
        result = host_number(store, known.mx, &host);
        /* what decided nothing leaves the answer before it, and its host, as they were */
        if (!own.mx.len || known.mx.at != own.mx.at)
            host = old_host;
        if (result == SQLITE_DONE)
            result = replace_row(store, key, &known, host);
    }
    sqlite3_reset(get);
    return result;
}

static int write_peer(struct mc_store *store, const struct mc_pending *item)
{
    sqlite3_stmt *put = store->statements[MC_SQL_PUT_PEER];
    const struct mc_store_peer *peer = &item->peer;
    struct mc_span habits = mc_arena_get(&store->texts, item->host);
    mc_store_bind_text(put, 1, mc_arena_get(&store->texts, item->key));
    sqlite3_bind_int64(put, 2, (sqlite3_int64)item->report);
    sqlite3_bind_int64(put, 3, peer->learned_at);
    sqlite3_bind_blob(put, 4, habits.at, (int)habits.len, SQLITE_STATIC);
    if (peer->out_until) {
        sqlite3_bind_int64(put, 5, peer->out_until);
        sqlite3_bind_int(put, 6, mc_code_of_reason(peer->out_reason));
        mc_store_bind_text(put, 7, mc_arena_get(&store->texts, item->text));
    }
    if (peer->asked) {
        sqlite3_bind_int64(put, 8, peer->day_at);
        sqlite3_bind_int64(put, 9, peer->asked);
    }
    int result = mc_store_run(store, MC_SQL_PUT_PEER);
    sqlite3_clear_bindings(put);
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
    case MC_PENDING_PEER:
        return write_peer(store, put);
    case MC_PENDING_DOMAIN:
        if (host_number(store, mc_arena_get(&store->texts, put->host), &host) != SQLITE_DONE)
            return SQLITE_ERROR;
        statement = store->statements[MC_SQL_PUT_DOMAIN];
        mc_store_bind_key(statement, 1, key);
        sqlite3_bind_int(statement, 2, mc_code_of_reason(put->domain.outcome));
        sqlite3_bind_int64(statement, 3, put->domain.outcome_at);
        sqlite3_bind_int64(statement, 4, host);
        sqlite3_bind_int64(statement, 5, put->domain.proof);
        sqlite3_bind_int64(statement, 6, put->domain.proof_at);
        mc_store_bind_text(statement, 7, text);
        return mc_store_run(store, MC_SQL_PUT_DOMAIN);
    }
    return SQLITE_ERROR;
}

bool mc_store_commit(struct mc_store *store, bool last)
{
    if (store->error)
        return false;
    if (!store->put_count)
        return true;
    int result = mc_store_run(store, MC_SQL_BEGIN);
    for (int i = 0; last && result == SQLITE_BUSY && i < LAST_TRIES; i++)
        result = mc_store_run(store, MC_SQL_BEGIN);
    if (result == SQLITE_BUSY && !last)
        return true;
    for (size_t i = 0; i < store->put_count && result == SQLITE_DONE; i++)
        result = write_one(store, &store->puts[i]);
    if (result == SQLITE_DONE)
        result = mc_store_run(store, MC_SQL_COMMIT);
    if (result != SQLITE_DONE) {
        mc_store_fail(store, "write to");
        (void)mc_store_run(store, MC_SQL_ROLLBACK);
        return false;
    }
    store->put_count = 0;
    store->texts.len = 0;
    return true;
}

int64_t mc_store_mark(struct mc_store *store, const char *name)
{
    sqlite3_stmt *get = store->statements[MC_SQL_GET_MARK];
    if (store->error)
        return 0;
    sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
    int64_t moment = sqlite3_step(get) == SQLITE_ROW ? sqlite3_column_int64(get, 0) : 0;
    sqlite3_reset(get);
    return moment;
}

bool mc_store_set_mark(struct mc_store *store, const char *name, int64_t moment)
{
    sqlite3_stmt *put = store->statements[MC_SQL_PUT_MARK];
    if (store->error)
        return false;
    sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(put, 2, moment);
    sqlite3_bind_text(store->statements[MC_SQL_DROP_MARK], 1, name, -1, SQLITE_STATIC);
    int result = SQLITE_BUSY;
    for (int i = 0; result == SQLITE_BUSY && i < MARK_TRIES; i++)
        result = mc_store_run(store, moment ? MC_SQL_PUT_MARK : MC_SQL_DROP_MARK);
    return result == SQLITE_DONE || result == SQLITE_BUSY || mc_store_fail(store, "write to");
}
