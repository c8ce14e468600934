/* What is remembered between runs: which of it answers for an address at once, what of a verdict
 * is put away, who is asked later. The rules themselves are store/rules.h. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/state.h"

#define RESUME_SECONDS (12 * 3600) /* a run that was cut short longer ago is another night's */
#define COMMIT_EVERY   500         /* verdicts, or ... */
#define COMMIT_MS      20  /* ... so often: what a kill costs; a commit costs as ten verdicts do */
#define BUSY_MS        500 /* after another process kept the file busy */
/* In a list of customers; of consumers there are more, and then room is left untouched. */
#define ADDRESSES_A_DOMAIN 8
#define SILENT_TRIES       10 /* each of a tenth of a second, before that is said */

static struct mc_span local_of(const struct mc_engine *engine, uint32_t address)
{
    return mc_address_table_local(&engine->addresses, address);
}

static struct mc_span domain_of(const struct mc_engine *engine, uint32_t address)
{
    return mc_domain_table_name(&engine->domains, engine->addresses.records[address].domain);
}

static bool is_dead(enum mc_reason reason)
{
    return mc_reason_status(reason) == MC_UNDELIVERABLE;
}

/* ---- finding ---- */

/* Learned by the run that this one goes on with: `--max-age` had it asked for then. */
static bool is_of_this_run(const struct mc_engine *engine, int64_t at)
{
    return engine->resumed_unix && at >= engine->resumed_unix;
}

bool mc_recall_is_fresh(const struct mc_engine *engine, int64_t at, int64_t limit)
{
    int64_t now = mc_engine_wall_clock(engine);
    return mc_rules_fresh(at, now, limit) &&
           (is_of_this_run(engine, at) || mc_rules_fresh(at, now, engine->store_max_age));
}

void mc_recall_take_domain(struct mc_engine *engine, uint32_t index,
                           const struct mc_store_domain *found)
{
    const struct mc_store_domain known = *found;
    struct mc_domain *domain = &engine->domains.domains[index];
    struct mc_arena *names = &engine->domains.names;
    if (known.outcome_at) {
        domain->recalled = true;
        domain->best_host = mc_arena_add(names, known.best_host);
        mc_engine_note_best_host(engine, domain, known.best_host, NULL);
    }
    if (mc_recall_is_fresh(engine, known.proof_at, MC_RULES_PROOF_SECONDS)) {
        domain->proof.by_best = known.proof & MC_STORE_PROOF_BEST;
        domain->proof.by_backup = known.proof & MC_STORE_PROOF_BACKUP;
        domain->proof.catch_all = known.proof & MC_STORE_PROOF_CATCH_ALL;
        domain->stored_proof = (uint8_t)known.proof;
        domain->served_before = known.proof != 0;
    }
    /* only what speaks against a domain saves the question: who is to be asked needs its hosts */
    if (is_dead(known.outcome) && !domain->disposable &&
        mc_recall_is_fresh(engine, known.outcome_at, mc_rules_domain_limit(known.outcome))) {
        domain->state = MC_DOMAIN_KNOWN;
        domain->reason = (uint8_t)known.outcome;
        domain->recalled_at = (uint32_t)known.outcome_at;
        domain->detail = mc_arena_add(names, known.detail);
    }
}

void mc_recall_domain(struct mc_engine *engine, uint32_t index)
{
    struct mc_store_domain known;
    if (mc_store_get_domain(engine->store, mc_domain_table_name(&engine->domains, index), &known))
        mc_recall_take_domain(engine, index, &known);
}

/* Could only a server say this that serves the domain? */
static bool speaks_of_mailbox(const struct mc_known *known)
{
    return known->source == MC_SOURCE_PROBE && known->reason != MC_REASON_DOMAIN_NOT_SERVED &&
           known->reason != MC_REASON_NO_SMTPUTF8;
}

static void serve(struct mc_engine *engine, uint32_t address, const struct mc_known *known,
                  enum mc_reason reason, enum mc_source source)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    struct mc_arena *names = &engine->domains.names;
    if (speaks_of_mailbox(known))
        domain->served_before = true;
    if (reason == MC_REASON_ACCEPTED && known->source == MC_SOURCE_PROBE)
        domain->known_good = address + 1;
    if (!mc_store_is_loaded(engine->store)) /* else it is found there again */
        mc_address_set_reply(record, mc_reply_log_add(engine->replies, known->smtp));
    record->recalled = true;
    engine->served++;
    record->host = domain->best_host;
    bool is_best = known->mx.at == mc_arena_text(names, domain->best_host); /* as recall_list.c */
    if (!is_best && known->mx.len &&
        !mc_span_equal(known->mx, mc_arena_get(names, domain->best_host)))
        record->host = mc_arena_add(names, known->mx);
    mc_engine_settle(engine, address, reason, source);
    record->checked_at = (uint32_t)known->checked_at;
}

/* What delivery reports decided says so; what the probe has said of it is no reason then. */
static void serve_bounce(struct mc_engine *engine, uint32_t address, const struct mc_known *known,
                         enum mc_reason reason, int64_t at)
{
    struct mc_known shown = *known;
    shown.checked_at = at;
    shown.smtp = mc_span("", 0);
    serve(engine, address, &shown, reason, MC_SOURCE_BOUNCE);
}

static int64_t last_soft(const struct mc_known *known)
{
    return (int64_t)known->soft[0].day * MC_DAY_SECONDS;
}

/* ---- going on where a run was cut short ---- */

void mc_engine_begin_list(struct mc_engine *engine, const char *list)
{
    struct mc_text name = {0};
    int64_t now = mc_engine_wall_clock(engine);
    if (!engine->store)
        return;
    /* with another --max-age it would be another run */
    uint64_t hash = mc_store_hash(mc_span_of(list), (uint64_t)engine->store_max_age);
    mc_text_printf(&name, "run-%016llx-%08x", (unsigned long long)hash, engine->origin);
    engine->list_mark = mc_strdup(mc_text_z(&name));
    mc_text_free(&name);
    int64_t began = mc_store_mark(engine->store, engine->list_mark);
    if (mc_rules_fresh(began, now, RESUME_SECONDS))
        engine->resumed_unix = began;
    else
        (void)mc_store_set_mark(engine->store, engine->list_mark, now);
}

void mc_engine_end_list(struct mc_engine *engine)
{
    if (engine->list_mark)
        (void)mc_store_set_mark(engine->store, engine->list_mark, 0);
}

uint64_t mc_engine_recalled(const struct mc_engine *engine)
{
    return engine->served;
}

/* The run that this one goes on with has tried it, and came to an end with it. That is no answer
 * from the store but the one this run would give. */
static bool undecided_by_this_run(const struct mc_engine *engine, const struct mc_known *known)
{
    return engine->resumed_unix && known->tried_at >= engine->resumed_unix && !known->waits &&
           known->origin == engine->origin &&
           mc_rules_fresh(known->tried_at, mc_engine_wall_clock(engine), RESUME_SECONDS);
}

static void serve_undecided(struct mc_engine *engine, uint32_t address,
                            const struct mc_known *known)
{
    struct mc_known shown = *known;
    if (known->checked_at) /* that was another answer */
        shown.smtp = mc_span("", 0);
    serve(engine, address, &shown, known->tried, MC_SOURCE_STORE);
    unsigned nights = mc_rules_nights(known, known->tried_at);
    struct mc_address_record *record = &engine->addresses.records[address];
    record->nights = (uint8_t)(nights < UINT8_MAX ? nights : UINT8_MAX);
    record->checked_at = (uint32_t)known->tried_at;
}

/* Told to come back not long ago: asked no sooner than is useful. */
static bool comes_later(struct mc_engine *engine, uint32_t address, const struct mc_known *known)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    int64_t now = mc_engine_wall_clock(engine), wait = 0;
    if (engine->greylist_waits)
        wait = engine->greylist_wait_ms[0] / 1000;
    if (!engine->prober || engine->input == MC_INPUT_HELD || known->tried != MC_REASON_GREYLISTED ||
        known->origin != engine->origin || !mc_rules_fresh(known->tried_at, now, wait))
        return false; /* whoever has another address or sender is a stranger there all the same */
    int64_t due = mc_loop_now_ms(engine->loop) + (known->tried_at + wait - now) * 1000;
    if (due < engine->recalled_due_ms)
        due = engine->recalled_due_ms;
    engine->recalled_due_ms = due;
    record->state = MC_ADDRESS_WAITING;
    record->reason = MC_REASON_GREYLISTED;
    record->waits = 1;
    engine->domains.domains[record->domain].under_way++;
    mc_retry_add(&engine->recalled, 0, (struct mc_retry){address, false, due});
    return true;
}

/* It may be served, as `reason`. */
static bool may_serve(const struct mc_engine *engine, const struct mc_known *known,
                      enum mc_reason *reason)
{
    return mc_rules_serve(known, mc_engine_wall_clock(engine),
                          is_of_this_run(engine, known->checked_at) ? MC_STORE_AGE_FREE
                                                                    : engine->store_max_age,
                          reason);
}

/* What is new, compared with what was known. */
static enum mc_change change_of(const struct mc_known *old, enum mc_reason verdict)
{
    bool was_dead = old->checked_at && is_dead(old->reason) && !old->good_at;
    if (!old->checked_at || mc_reason_status(verdict) == MC_UNKNOWN)
        return MC_CHANGE_NONE;
    if (verdict == MC_REASON_DISPOSABLE)
        return old->reason == MC_REASON_DISPOSABLE ? MC_CHANGE_NONE : MC_CHANGE_DISPOSABLE;
    if (is_dead(verdict))
        return was_dead ? MC_CHANGE_NONE : MC_CHANGE_DEAD;
    return was_dead ? MC_CHANGE_RECOVERED : MC_CHANGE_NONE;
}

/* The run that was cut short found it out, but gave no report of what changed. */
static void tell_change(struct mc_engine *engine, uint32_t address, const struct mc_known *known,
                        enum mc_reason reason)
{
    struct mc_known old;
    if (!is_of_this_run(engine, known->checked_at))
        return;
    mc_rules_before(known, engine->resumed_unix, &old);
    engine->addresses.records[address].change = change_of(&old, reason);
}

enum mc_recall mc_recall_take_address(struct mc_engine *engine, uint32_t address,
                                      const struct mc_known *known)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    const struct mc_domain *domain = &engine->domains.domains[record->domain];
    enum mc_reason reason;
    record->known = true;
    if (known->complained_at) { /* however old: no probe takes that back */
        serve_bounce(engine, address, known, MC_REASON_SUPPRESSED, known->complained_at);
        return MC_RECALL_SERVED;
    }
    /* lists are asked anew: what they say today counts, and beats all but a dead domain */
    bool lists_agree = (known->reason == MC_REASON_DISPOSABLE) == domain->disposable ||
                       (is_dead(known->reason) && domain->disposable);
    if (known->checked_at && lists_agree && may_serve(engine, known, &reason)) {
        tell_change(engine, address, known, reason);
        if (known->soft_count && !known->bad_at &&
            mc_rules_soften(known, known->reason, mc_engine_wall_clock(engine)) != known->reason)
            serve_bounce(engine, address, known, reason, last_soft(known));
        else
            serve(engine, address, known, reason,
                  known->source == MC_SOURCE_BOUNCE ? MC_SOURCE_BOUNCE : MC_SOURCE_STORE);
        return MC_RECALL_SERVED;
    }
    if (engine->stopping)
        return MC_RECALL_NOTHING;
    if (undecided_by_this_run(engine, known)) {
        serve_undecided(engine, address, known);
        return MC_RECALL_SERVED;
    }
    if (comes_later(engine, address, known))
        return MC_RECALL_LATER;
    if (!engine->oldest_first || engine->input != MC_INPUT_FILE)
        return MC_RECALL_NOTHING;
    engine->stale =
        mc_grow(engine->stale, engine->stale_count, &engine->stale_room, sizeof *engine->stale);
    engine->stale[engine->stale_count++] = (struct mc_stale){
        known->tried_at > known->checked_at ? known->tried_at : known->checked_at, address};
    return MC_RECALL_LATER;
}

enum mc_recall mc_recall_address(struct mc_engine *engine, uint32_t address)
{
    struct mc_known known;
    if (!mc_store_get(engine->store, local_of(engine, address), domain_of(engine, address), &known))
        return MC_RECALL_NOTHING;
    return mc_recall_take_address(engine, address, &known);
}

struct mc_span mc_recall_line(struct mc_engine *engine, uint32_t address)
{
    struct mc_known known;
    const struct mc_address_record *record = &engine->addresses.records[address];
    enum mc_status status = mc_reason_status((enum mc_reason)record->reason);
    if ((record->source == MC_SOURCE_BOUNCE && status == MC_RISKY) ||
        !mc_store_is_loaded(engine->store) ||
        !mc_store_get(engine->store, local_of(engine, address), domain_of(engine, address), &known))
        return mc_span("", 0);
    return status == MC_UNKNOWN && known.checked_at ? mc_span("", 0) : known.smtp;
}

static int by_age(const void *left, const void *right)
{
    const struct mc_stale *a = left, *b = right;
    if (a->checked_at != b->checked_at)
        return a->checked_at < b->checked_at ? -1 : 1;
    return a->address < b->address ? -1 : 1;
}

void mc_recall_input_ended(struct mc_engine *engine)
{
    size_t count = engine->stale_count;
    if (!count)
        return;
    qsort(engine->stale, count, sizeof *engine->stale, by_age);
    engine->stale_count = 0;
    for (size_t i = 0; i < count; i++)
        if (engine->addresses.records[engine->stale[i].address].state != MC_ADDRESS_SETTLED)
            mc_engine_join(engine, engine->stale[i].address);
}

/* ---- putting ---- */

static unsigned proof_bits(const struct mc_proof *proof)
{
    return (proof->by_best ? MC_STORE_PROOF_BEST : 0u) |
           (proof->by_backup ? MC_STORE_PROOF_BACKUP : 0u) |
           (proof->catch_all ? MC_STORE_PROOF_CATCH_ALL : 0u);
}

static struct mc_span best_host(const struct mc_engine *engine, const struct mc_domain *domain)
{
    uint32_t set = domain->set[MC_LANE_PLAIN];
    if (!domain->recalled && domain->state == MC_DOMAIN_KNOWN && set != MC_NONE)
        return mc_mx_host_name(engine->mx, engine->sets.entries[engine->sets.sets[set].first].host);
    return mc_arena_get(&engine->domains.names, domain->best_host);
}

static void note_domain(struct mc_engine *engine, uint32_t index)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    unsigned proof = proof_bits(&domain->proof);
    bool outcome = domain->state == MC_DOMAIN_KNOWN && !domain->recalled_at && !domain->noted &&
                   domain->reason != MC_REASON_DNS_FAILED;
    if (!outcome && proof == domain->stored_proof)
        return;
    int64_t now = mc_engine_wall_clock(engine);
    const struct mc_store_domain news = {
        .outcome = (enum mc_reason)domain->reason,
        .outcome_at = outcome ? now : 0,
        .proof = proof,
        .proof_at = proof != domain->stored_proof ? now : 0,
        .best_host = best_host(engine, domain),
        .detail = mc_arena_get(&engine->domains.names, domain->detail),
    };
    mc_store_put_domain(engine->store, mc_domain_table_name(&engine->domains, index), &news);
    domain->noted |= outcome;
    domain->stored_proof = (uint8_t)proof;
}

/* Is this verdict an answer, and one that interruption did not make? */
static bool worth_noting(const struct mc_engine *engine, const struct mc_address_record *record)
{
    enum mc_reason reason = (enum mc_reason)record->reason;
    bool weak = mc_reason_status(reason) == MC_UNKNOWN || reason == MC_REASON_UNPROVEN;
    switch ((enum mc_source)record->source) {
    case MC_SOURCE_PROBE:
    case MC_SOURCE_DNS:
        return reason != MC_REASON_NOT_PROBED && !(engine->stopping && weak);
    case MC_SOURCE_LIST:
        return reason == MC_REASON_DISPOSABLE;
    case MC_SOURCE_STORE:
    case MC_SOURCE_BOUNCE:
    case MC_SOURCE_SYNTAX:
    case MC_SOURCE_COUNT:
        break;
    }
    return false;
}

/* What was known makes the new answer weigh more or less. Returns when mail to it came back last,
 * where that is what decides; else 0. */
static int64_t compare(struct mc_engine *engine, uint32_t address, const struct mc_news *news)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_known old;
    if (!record->known ||
        !mc_store_get(engine->store, local_of(engine, address), domain_of(engine, address), &old))
        return 0;
    enum mc_reason verdict = mc_rules_verdict(&old, news);
    record->change = change_of(&old, verdict);
    mc_rules_learn(&old, news);
    unsigned nights = mc_rules_nights(&old, news->at);
    record->nights = (uint8_t)(nights < UINT8_MAX ? nights : UINT8_MAX);
    record->reason = (uint8_t)mc_rules_soften(&old, verdict, news->at);
    return record->reason != (uint8_t)verdict ? last_soft(&old) : 0;
}

void mc_recall_note(struct mc_engine *engine, uint32_t address)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    bool of_neighbour = record->source == MC_SOURCE_STORE && !record->recalled;
    if (!of_neighbour && !worth_noting(engine, record))
        return;
    struct mc_news news = {
        .reason = (enum mc_reason)record->reason,
        .source = (enum mc_source)record->source,
        .at = record->checked_at,
        .origin = engine->origin,
    };
    if (of_neighbour) { /* a dead domain buries a good address no faster than DNS itself does */
        news.at = engine->domains.domains[record->domain].recalled_at;
        (void)compare(engine, address, &news);
        return;
    }
    int64_t softened_at = compare(engine, address, &news);
    news.mx = record->host != MC_NONE ? mc_mx_host_name(engine->mx, record->host)
                                      : best_host(engine, &engine->domains.domains[record->domain]);
    news.smtp = mc_engine_deciding_line(engine, address);
    mc_store_put(engine->store, local_of(engine, address), domain_of(engine, address), &news);
    note_domain(engine, record->domain);
    if (softened_at) {
        record->source = MC_SOURCE_BOUNCE;
        record->checked_at = (uint32_t)softened_at;
        record->reply = 0;
    }
    if (mc_store_pending(engine->store) % COMMIT_EVERY == 0)
        (void)mc_store_commit(engine->store, false);
}

void mc_recall_note_waiting(struct mc_engine *engine, uint32_t address)
{
    const struct mc_address_record *record = &engine->addresses.records[address];
    if (!engine->store)
        return;
    const struct mc_news news = {
        .reason = (enum mc_reason)record->reason,
        .source = MC_SOURCE_PROBE,
        .at = mc_engine_wall_clock(engine),
        .origin = engine->origin,
        .waits = true,
    };
    mc_store_put(engine->store, local_of(engine, address), domain_of(engine, address), &news);
}

void mc_recall_turn(struct mc_engine *engine)
{
    int64_t now = mc_loop_now_ms(engine->loop);
    if (now - engine->committed_ms < COMMIT_MS || !mc_store_pending(engine->store))
        return;
    (void)mc_store_commit(engine->store, false);
    /* another process is at it: the network does not wait for that */
    engine->committed_ms = now + (mc_store_pending(engine->store) ? BUSY_MS : 0);
}

void mc_recall_tick(struct mc_engine *engine)
{
    struct mc_retry retry;
    mc_recall_turn(engine);
    if (mc_store_error(engine->store) && !engine->store_warned) {
        engine->store_warned = true;
        if (engine->notice)
            engine->notice(engine->notice_arg, mc_store_error(engine->store));
    }
    while (mc_retry_take(&engine->recalled, mc_loop_now_ms(engine->loop), &retry)) {
        uint32_t index = engine->addresses.records[retry.id].domain;
        engine->domains.domains[index].under_way--;
        mc_engine_join(engine, retry.id);
        mc_probing_step(engine, index);
    }
}

/* ---- for the engine's owner ---- */

void mc_engine_expect(struct mc_engine *engine, uint64_t addresses)
{
    if (!engine->store)
        return;
    engine->gathering =
        engine->input == MC_INPUT_FILE && mc_store_scan_pays(engine->store, addresses);
    if (engine->gathering) {
        mc_address_table_expect(&engine->addresses, addresses);
        mc_domain_table_expect(&engine->domains, addresses / ADDRESSES_A_DOMAIN);
    } else {
        mc_store_expect(engine->store, addresses);
    }
}

bool mc_engine_keep(struct mc_engine *engine, char *error, size_t error_size)
{
    bool kept = false;
    for (int i = 0; i < SILENT_TRIES && !kept; i++)
        kept = mc_engine_try_keep(engine);
    if (!kept && engine->notice)
        engine->notice(engine->notice_arg, "another process keeps the store busy: waiting for it");
    if (!engine->store || mc_store_commit(engine->store, true))
        return true;
    snprintf(error, error_size, "%s", mc_store_error(engine->store));
    return false;
}

bool mc_engine_store_failed(const struct mc_engine *engine)
{
    return engine->store && mc_store_error(engine->store);
}

bool mc_engine_try_keep(struct mc_engine *engine)
{
    if (!engine->store || !mc_store_pending(engine->store))
        return true;
    return !mc_store_commit(engine->store, false) || !mc_store_pending(engine->store);
}
