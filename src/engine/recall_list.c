/* A whole list at once: where that costs less than to ask the store address by address, it is read
 * in its own order, and who is on the list takes what there is of it. */
#include <stdlib.h>

#include "engine/state.h"

#define BATCH      32
#define TEXT_BYTES 256

/* A row of the store that waits for memory. */
struct waiting_row {
    struct mc_known known;
    struct mc_span local;
    struct mc_hash128 hash; /* of the domain, then of the address */
    uint32_t domain, address, host;
    bool is_first;         /* of its domain, as far as the rows before it tell */
    char text[TEXT_BYTES]; /* local part and line */
};

struct waiting_domain {
    struct mc_store_domain known;
    struct mc_hash128 hash;
    uint32_t domain, host;
    char detail[TEXT_BYTES];
};

/* Of a domain of the list: the mail server that the store has as its best one. Rows name servers by
 * number, so that it is known again without a look at its name. */
struct best_host {
    uint32_t number; /* 0: none */
    uint32_t len;    /* of the name, which is the domain's best_host */
};

struct gathered {
    struct mc_engine *engine;
    struct mc_store_scan scan;
    struct waiting_row *rows; /* BATCH of them */
    size_t count;
    struct waiting_domain *domains; /* BATCH of them too */
    size_t domain_count;
    struct best_host *best_hosts; /* by domain */
    bool met_domain;              /* and no row of it was taken */
    uint32_t domain;              /* of the last row taken */
    uint32_t *asked;              /* known, and to be asked all the same */
    size_t asked_count, asked_room;
};

static void take_domains(struct gathered *gathered)
{
    struct mc_engine *engine = gathered->engine;
    struct waiting_domain *waiting = gathered->domains;
    for (size_t i = 0; i < gathered->domain_count; i++) {
        waiting[i].domain = mc_domain_table_find(&engine->domains, waiting[i].hash);
        if (waiting[i].domain == MC_NONE)
            continue;
        mc_fetch(&engine->domains.domains[waiting[i].domain], sizeof(struct mc_domain));
        mc_store_fetch_host_name(engine->store, waiting[i].host);
    }
    for (size_t i = 0; i < gathered->domain_count; i++) {
        uint32_t domain = waiting[i].domain;
        if (domain == MC_NONE)
            continue;
        struct mc_span host = mc_store_host_name(engine->store, waiting[i].host);
        waiting[i].known.best_host = host;
        mc_recall_take_domain(engine, domain, &waiting[i].known);
        if (engine->domains.domains[domain].recalled)
            gathered->best_hosts[domain] = (struct best_host){waiting[i].host, (uint32_t)host.len};
    }
    gathered->domain_count = 0;
}

static void scan_domain(void *arg, struct mc_span name, const struct mc_store_domain *known,
                        uint32_t best_host)
{
    struct gathered *gathered = arg;
    if (known->detail.len > TEXT_BYTES)
        return;
    struct waiting_domain *waiting = &gathered->domains[gathered->domain_count++];
    waiting->known = *known;
    waiting->hash = mc_domain_table_hash(&gathered->engine->domains, name);
    memcpy(waiting->detail, known->detail.at, known->detail.len);
    waiting->known.detail = mc_span(waiting->detail, known->detail.len);
    waiting->host = best_host;
    mc_store_fetch_host(gathered->engine->store, best_host);
    if (gathered->domain_count == BATCH)
        take_domains(gathered);
}

/* The mail server of a row; that of its domain where the domain has it. */
static struct mc_span host_of(const struct gathered *gathered, const struct waiting_row *row)
{
    const struct mc_engine *engine = gathered->engine;
    const struct best_host *best = &gathered->best_hosts[row->domain];
    if (row->host != best->number || row->host == 0)
        return mc_store_host_name(engine->store, row->host);
    uint32_t name = engine->domains.domains[row->domain].best_host;
    return mc_span(mc_arena_text(&engine->domains.names, name), best->len);
}

static void take_row(struct gathered *gathered, struct waiting_row *row)
{
    struct mc_engine *engine = gathered->engine;
    uint32_t address = row->address;
    if (address == MC_NONE || engine->addresses.records[address].state == MC_ADDRESS_SETTLED)
        return;
    row->known.mx = host_of(gathered, row);
    if (mc_recall_take_address(engine, address, &row->known) != MC_RECALL_NOTHING)
        return;
    gathered->asked = mc_grow(gathered->asked, gathered->asked_count, &gathered->asked_room,
                              sizeof *gathered->asked);
    gathered->asked[gathered->asked_count++] = address;
}

/* In three steps, each of which fetches what the next will look at. */
static void take_rows(struct gathered *gathered)
{
    struct mc_engine *engine = gathered->engine;
    struct mc_address_table *table = &engine->addresses;
    struct waiting_row *rows = gathered->rows;
    for (size_t i = 0; i < gathered->count; i++) {
        if (rows[i].is_first)
            gathered->domain = mc_domain_table_find(&engine->domains, rows[i].hash);
        rows[i].domain = gathered->domain;
        if (rows[i].is_first && rows[i].domain != MC_NONE)
            mc_fetch(&engine->domains.domains[rows[i].domain], sizeof(struct mc_domain));
        if (rows[i].domain != MC_NONE)
            rows[i].hash = mc_address_table_hash(table, rows[i].local, rows[i].domain);
    }
    for (size_t i = 0; i < gathered->count; i++) {
        rows[i].address =
            rows[i].domain == MC_NONE ? MC_NONE : mc_address_table_find(table, rows[i].hash);
        if (rows[i].address != MC_NONE)
            mc_fetch(&table->records[rows[i].address], sizeof *table->records);
    }
    for (size_t i = 0; i < gathered->count; i++)
        take_row(gathered, &rows[i]);
    gathered->count = 0;
}

static void scan_address(void *arg, struct mc_span local, struct mc_span domain, uint32_t host,
                         bool is_first)
{
    struct gathered *gathered = arg;
    struct mc_engine *engine = gathered->engine;
    struct waiting_row *row = &gathered->rows[gathered->count]; /* whose `known` was filled */
    struct mc_span line = row->known.smtp;
    if (gathered->domain_count)
        take_domains(gathered);
    gathered->met_domain |= is_first;
    if (local.len > MC_LOCAL_MAX || local.len + line.len > TEXT_BYTES)
        return;
    row->host = host;
    row->is_first = gathered->met_domain;
    gathered->met_domain = false;
    if (row->is_first)
        row->hash = mc_domain_table_hash(&engine->domains, domain);
    char *end = mempcpy(row->text, local.at, local.len);
    memcpy(end, line.at, line.len);
    row->local = mc_span(row->text, local.len);
    row->known.smtp = mc_span(end, line.len);
    if (++gathered->count == BATCH)
        take_rows(gathered);
    gathered->scan.known = &gathered->rows[gathered->count].known;
}

void mc_recall_gathered(struct mc_engine *engine)
{
    struct gathered gathered = {
        .engine = engine,
        .rows = mc_calloc(BATCH, sizeof *gathered.rows),
        .domains = mc_calloc(BATCH, sizeof *gathered.domains),
        .best_hosts = mc_calloc(engine->domains.count, sizeof *gathered.best_hosts),
        .domain = MC_NONE,
    };
    gathered.scan = (struct mc_store_scan){
        .arg = &gathered,
        .domain = scan_domain,
        .address = scan_address,
        .known = &gathered.rows[0].known,
    };
    engine->gathering = false;
    (void)mc_store_scan(engine->store, &gathered.scan);
    take_domains(&gathered);
    take_rows(&gathered);
    free(gathered.best_hosts);
    free(gathered.domains);
    free(gathered.rows);
    bool all_served = engine->served == engine->addresses.count;
    for (uint32_t i = 0; i < engine->addresses.count && !all_served; i++) {
        const struct mc_address_record *record = &engine->addresses.records[i];
        bool settled = record->state == MC_ADDRESS_SETTLED;
        if (settled && (record->recalled || engine->domains.domains[record->domain].recalled))
            continue;
        mc_engine_want_domain(engine, record->domain);
        if (!settled && !record->known)
            mc_engine_join(engine, i);
    }
    for (size_t i = 0; i < gathered.asked_count; i++)
        mc_engine_join(engine, gathered.asked[i]);
    free(gathered.asked);
}
