/* What is known of an address, as writers and reports see it; what is under way, as counts. Changes
 * nothing. */
#include <stdio.h>

#include "engine/state.h"

static enum mc_flag catch_all_flag(const struct mc_proof *proof)
{
    if (proof->by_best || proof->by_backup)
        return MC_NO;
    return proof->catch_all ? MC_YES : MC_NOT_KNOWN;
}

/* local@domain into the scratch from `at` on. */
static struct mc_span join(char *at, struct mc_span local, struct mc_span domain)
{
    memcpy(at, local.at, local.len);
    at[local.len] = '@';
    memcpy(at + local.len + 1, domain.at, domain.len);
    at[local.len + 1 + domain.len] = '\0';
    return mc_span(at, local.len + 1 + domain.len);
}

struct mc_span mc_engine_email(struct mc_engine *engine, uint32_t address)
{
    return join(engine->email, mc_address_table_local(&engine->addresses, address),
                mc_domain_table_name(&engine->domains, engine->addresses.records[address].domain));
}

struct mc_span mc_engine_deciding_line(struct mc_engine *engine, uint32_t address)
{
    const struct mc_address_record *record = &engine->addresses.records[address];
    const struct mc_domain *domain = &engine->domains.domains[record->domain];
    if (record->reply) {
        bool has_marks = mc_reply_log_has_marks(record->reply);
        return mc_reply_log_get(engine->replies, record->reply,
                                has_marks ? mc_engine_email(engine, address) : mc_span("", 0));
    }
    if (record->recalled)
        return mc_recall_line(engine, address);
    if ((record->source != MC_SOURCE_DNS && !domain->recalled_at) || !domain->detail)
        return mc_span("", 0);
    struct mc_span detail = mc_arena_get(&engine->domains.names, domain->detail);
    int len = snprintf(engine->line, sizeof engine->line, "DNS %.*s", (int)detail.len, detail.at);
    return mc_span(engine->line,
                   (size_t)len < sizeof engine->line ? (size_t)len : sizeof engine->line - 1);
}

/* The host that was asked, or would have been. */
static struct mc_span mx_shown(const struct mc_engine *engine,
                               const struct mc_address_record *record,
                               const struct mc_domain *domain)
{
    if (record->recalled)
        return mc_arena_get(&engine->domains.names, record->host);
    if (record->host != MC_NONE)
        return mc_mx_host_name(engine->mx, record->host);
    uint32_t set = domain->set[MC_LANE_PLAIN];
    if (set != MC_NONE)
        return mc_mx_host_name(engine->mx, engine->sets.entries[engine->sets.sets[set].first].host);
    return mc_arena_get(&engine->domains.names, domain->best_host);
}

#define FETCHED_AHEAD 12 /* so many results take as long as memory does */
#define NAME_BYTES    32 /* most names are no longer */

/* First the domains, and when those have come what they name. */
void mc_engine_fetch_results(const struct mc_engine *engine, uint32_t address)
{
    const struct mc_address_table *table = &engine->addresses;
    const struct mc_domain_table *domains = &engine->domains;
    size_t near = (size_t)address + FETCHED_AHEAD, far = near + FETCHED_AHEAD;
    if (far < table->count)
        mc_fetch(&domains->domains[table->records[far].domain], sizeof *domains->domains);
    if (near >= table->count)
        return;
    const struct mc_address_record *record = &table->records[near];
    if (record->recalled)
        mc_fetch(domains->names.at + record->host, NAME_BYTES);
}

/* Field by field: to clear the whole of it first takes longer than all of this. */
void mc_engine_result_of(struct mc_engine *engine, uint32_t address, struct mc_span email,
                         struct mc_result *result)
{
    const struct mc_address_record *record = &engine->addresses.records[address];
    const struct mc_domain *domain = &engine->domains.domains[record->domain];
    bool settled = record->state == MC_ADDRESS_SETTLED;
    result->smtp = settled ? mc_engine_deciding_line(engine, address) : mc_span("", 0);
    result->reason = settled ? (enum mc_reason)record->reason : MC_REASON_NOT_PROBED;
    result->status = mc_reason_status(result->reason);
    result->source = settled ? (enum mc_source)record->source : MC_SOURCE_SYNTAX;
    result->role = record->role ? MC_YES : MC_NO;
    result->disposable = domain->disposable ? MC_YES : MC_NO;
    result->free = domain->free ? MC_YES : MC_NO;
    result->catch_all = catch_all_flag(&domain->proof);
    result->email = email.len ? email : mc_engine_email(engine, address);
    result->suggestion = mc_span("", 0);
    if (domain->suggestion)
        result->suggestion = join(engine->email + result->email.len + 1,
                                  mc_address_table_local(&engine->addresses, address),
                                  mc_arena_get(&engine->domains.names, domain->suggestion));
    result->provider = domain->provider
                           ? mc_span_of(mc_lists_provider_at(engine->lists, domain->provider)->id)
                           : mc_span("", 0);
    result->mx = mx_shown(engine, record, domain);
    result->duplicate_of = 0;
    result->checked_at = settled ? record->checked_at : 0;
    result->change = (enum mc_change)record->change;
    result->nights_unknown = record->nights;
}

void mc_engine_result(struct mc_engine *engine, uint32_t address, struct mc_result *result)
{
    mc_engine_result_of(engine, address, mc_span("", 0), result);
}

void mc_engine_count(const struct mc_engine *engine, struct mc_engine_counts *counts)
{
    *counts = (struct mc_engine_counts){
        .addresses = engine->addresses.count,
        .domains = engine->domains.count,
        .settled = engine->addresses.count - engine->unsettled,
        .dns_questions = engine->dns ? mc_dns_questions(engine->dns) : 0,
        .controls = engine->controls,
        .in_dns = engine->to_ask_count - engine->next_to_ask + engine->lookups,
        .in_greylist = mc_retry_count(&engine->retries) + mc_retry_count(&engine->recalled),
        .next_retry_ms = -1,
        .last_retry_ms = -1,
    };
    counts->in_probe =
        engine->unsettled > counts->in_greylist ? engine->unsettled - counts->in_greylist : 0;
    int64_t next = mc_retry_next_ms(&engine->retries);
    if (mc_retry_next_ms(&engine->recalled) < next)
        next = mc_retry_next_ms(&engine->recalled);
    int64_t last = mc_retry_last_ms(&engine->retries);
    if (mc_retry_last_ms(&engine->recalled) > last)
        last = mc_retry_last_ms(&engine->recalled);
    if (next != INT64_MAX) {
        int64_t now = mc_loop_now_ms(engine->loop);
        counts->next_retry_ms = next > now ? next - now : 0;
        counts->last_retry_ms = last > now ? last - now : 0;
    }
    if (engine->prober) {
        struct mc_prober_counts probing;
        mc_prober_count(engine->prober, &probing);
        counts->sessions = probing.sessions;
        counts->recipients = probing.recipients;
        counts->open_connections = probing.open;
    }
}
