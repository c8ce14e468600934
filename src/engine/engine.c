#include "engine/engine.h"

#include <stdio.h>

#include "base/log.h"
#include "engine/state.h"

#define TICK_MS        100
#define GATHER_PIPE_MS 600  /* ... from a pipe, whose writer may be waiting for us */
#define GATHER_MS      1200 /* rows of a new domain are gathered so long before it is asked */

uint32_t mc_engine_elapsed_ms(const struct mc_engine *engine)
{
    return (uint32_t)(mc_loop_now_ms(engine->loop) - engine->start_ms);
}

int64_t mc_engine_wall_clock(const struct mc_engine *engine)
{
    return engine->start_unix + (mc_loop_now_ms(engine->loop) - engine->start_ms) / 1000;
}

void mc_engine_settle(struct mc_engine *engine, uint32_t address, enum mc_reason reason,
                      enum mc_source source)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    MC_ASSERT(record->state != MC_ADDRESS_SETTLED);
    if (reason == MC_REASON_NOT_PROBED && source == MC_SOURCE_PROBE)
        source = MC_SOURCE_DNS; /* that far we came */
    record->state = MC_ADDRESS_SETTLED;
    record->reason = (uint8_t)reason;
    record->source = source;
    record->checked_at = (uint32_t)mc_engine_wall_clock(engine);
    if (engine->store)
        mc_recall_note(engine, address);
    if (record->reason == MC_REASON_ACCEPTED && record->role && !engine->allow_role)
        record->reason = MC_REASON_ROLE;
    engine->unsettled--;
    if (engine->hooks.settled)
        mc_address_queue_push(&engine->addresses, &engine->settled, address);
}

/* ---- DNS ---- */

static void settle_lanes(struct mc_engine *engine, uint32_t index, enum mc_reason reason,
                         enum mc_source source)
{
    for (size_t kind = 0; kind < MC_LANES; kind++)
        for (;;) {
            struct mc_domain *domain = &engine->domains.domains[index];
            uint32_t address = mc_address_queue_pop(&engine->addresses, &domain->waiting[kind]);
            if (address == MC_NONE)
                break;
            mc_engine_settle(engine, address, reason, source);
        }
}

/* What DNS and lists decide without a probe; true where they do. */
static bool decided_without_probe(const struct mc_engine *engine, const struct mc_domain *domain,
                                  enum mc_reason *reason, enum mc_source *source)
{
    *source = domain->recalled_at ? MC_SOURCE_STORE : MC_SOURCE_DNS;
    if (domain->reason != MC_REASON_ACCEPTED) {
        *reason = (enum mc_reason)domain->reason;
        return true;
    }
    if (domain->disposable) {
        *reason = MC_REASON_DISPOSABLE;
        *source = MC_SOURCE_LIST;
        return true;
    }
    *reason = MC_REASON_NOT_PROBED;
    return !engine->prober || engine->stopping || engine->port == MC_PORT_CLOSED;
}

static void domain_known(struct mc_engine *engine, uint32_t index)
{
    enum mc_reason reason;
    enum mc_source source;
    engine->domains.domains[index].state = MC_DOMAIN_KNOWN;
    if (decided_without_probe(engine, &engine->domains.domains[index], &reason, &source))
        settle_lanes(engine, index, reason, source);
    else if (index < engine->next_to_release)
        mc_probing_offer(engine, index);
}

void mc_engine_note_best_host(struct mc_engine *engine, struct mc_domain *domain,
                              struct mc_span best_host, struct mc_host_facts *kept)
{
    struct mc_host_facts facts = kept ? *kept : (struct mc_host_facts){0};
    if (!facts.known) {
        const struct mc_provider *provider = mc_lists_provider(engine->lists, best_host);
        facts.provider = provider ? (uint16_t)provider->index : 0;
        facts.disposable = mc_lists_is_disposable_mx(engine->lists, best_host);
        facts.known = true;
    }
    if (kept)
        *kept = facts;
    domain->provider = facts.provider;
    domain->disposable = domain->disposable || facts.disposable;
}

static void ask_more(struct mc_engine *engine);

static void mx_answered(void *arg, const struct mc_mx_answer *answer)
{
    struct mc_engine_lookup *lookup = arg;
    struct mc_engine *engine = lookup->engine;
    struct mc_domain *domain = &engine->domains.domains[lookup->domain];
    struct mc_arena *names = &engine->domains.names;
    engine->lookups--;
    domain->recalled = false;
    domain->recalled_at = domain->best_host = domain->detail = 0;
    domain->reason = (uint8_t)answer->reason;
    if (!answer->count)
        domain->best_host = mc_arena_add(names, answer->best_host);
    if (answer->reason != MC_REASON_ACCEPTED)
        domain->detail = mc_arena_add(names, mc_span_of(answer->detail));
    uint32_t set = mc_mx_sets_add(&engine->sets, answer->entries, answer->count);
    mc_engine_note_best_host(engine, domain, answer->best_host,
                             set == MC_NONE ? NULL : &engine->sets.sets[set].facts);
    for (size_t kind = 0; kind < MC_LANES; kind++)
        domain->set[kind] = set;
    lookup->next_free = engine->free_lookups;
    engine->free_lookups = lookup;
    domain_known(engine, lookup->domain);
    ask_more(engine);
}

/* Each answer calls this again, so at least one lookup is always under way: what crowds DNS may be
 * questions that no lookup waits for. */
static void ask_more(struct mc_engine *engine)
{
    while (engine->lookups < MC_LOOKUPS_MAX && engine->next_to_ask < engine->to_ask_count &&
           !engine->stopping && (!engine->lookups || mc_dns_has_room(engine->dns))) {
        uint32_t index = engine->to_ask[engine->next_to_ask++];
        struct mc_engine_lookup *lookup = engine->free_lookups;
        engine->free_lookups = lookup->next_free;
        *lookup = (struct mc_engine_lookup){engine, NULL, index};
        engine->domains.domains[index].state = MC_DOMAIN_ASKING;
        engine->lookups++;
        mc_mx_lookup(engine->mx, mc_domain_table_name(&engine->domains, index), mx_answered,
                     lookup);
    }
}

void mc_engine_want_domain(struct mc_engine *engine, uint32_t index)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    if (domain->asked || domain->state != MC_DOMAIN_NEW)
        return;
    domain->asked = true;
    engine->to_ask =
        mc_grow(engine->to_ask, engine->to_ask_count, &engine->to_ask_room, sizeof *engine->to_ask);
    engine->to_ask[engine->to_ask_count++] = index;
    ask_more(engine);
}

/* ---- the input, and what it lets through ---- */

/* Lets domains through to the prober: all of them, or those whose rows were gathered. */
static void release(struct mc_engine *engine, bool all)
{
    uint32_t now = mc_engine_elapsed_ms(engine);
    uint32_t gather_ms = engine->input == MC_INPUT_PIPE ? GATHER_PIPE_MS : GATHER_MS;
    while (engine->next_to_release < engine->domains.count) {
        const struct mc_domain *domain = &engine->domains.domains[engine->next_to_release];
        if (!all && now - domain->created_ms < gather_ms)
            return;
        uint32_t index = engine->next_to_release++;
        if (domain->state == MC_DOMAIN_KNOWN && domain->reason == MC_REASON_ACCEPTED)
            mc_probing_offer(engine, index);
    }
}

/* Only while there is something to do: who has nothing to ask is not to be woken. */
static void start_ticking(struct mc_engine *engine)
{
    if (engine->ticking || (!engine->prober && !engine->store))
        return;
    engine->ticking = true;
    mc_timer_set(&engine->tick, mc_loop_now_ms(engine->loop) + TICK_MS);
}

void mc_engine_tick(void *arg)
{
    struct mc_engine *engine = arg;
    if (engine->input == MC_INPUT_FILE || engine->input == MC_INPUT_PIPE)
        release(engine, false);
    if (engine->store)
        mc_recall_tick(engine);
    mc_probing_quiet(engine, engine->input == MC_INPUT_LIVE);
    mc_probing_judge_port(engine, engine->hooks.is_endless);
    if (engine->hooks.is_endless)
        mc_probing_resolve_doubtful(engine);
    engine->ticking = false;
    if (!mc_engine_idle(engine) || (engine->store && mc_store_pending(engine->store)))
        start_ticking(engine);
}

void mc_engine_set_input(struct mc_engine *engine, enum mc_input input)
{
    if (input == MC_INPUT_LIVE && engine->gathering)
        mc_recall_gathered(engine);
    engine->input = input;
    if (input == MC_INPUT_LIVE) {
        release(engine, true);
        mc_recall_input_ended(engine);
        mc_probing_quiet(engine, true);
    }
}

/* What the lists say of a new domain, once. */
static void describe_domain(struct mc_engine *engine, uint32_t index)
{
    char suggestion[256];
    struct mc_domain *domain = &engine->domains.domains[index];
    struct mc_span name = mc_domain_table_name(&engine->domains, index);
    domain->created_ms = mc_engine_elapsed_ms(engine);
    struct mc_domain_facts facts = mc_lists_domain_facts(engine->lists, name);
    domain->disposable = facts.is_disposable;
    domain->free = facts.is_free;
    if (facts.is_slip) {
        size_t len = mc_lists_suggest(engine->lists, name, suggestion);
        domain->suggestion = mc_arena_add(&engine->domains.names, mc_span(suggestion, len));
    }
    if (engine->store && !engine->gathering)
        mc_recall_domain(engine, index);
}

void mc_engine_join(struct mc_engine *engine, uint32_t address)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    uint32_t index = record->domain;
    struct mc_domain *domain = &engine->domains.domains[index];
    enum mc_reason reason;
    enum mc_source source;
    if (engine->stopping) {
        mc_engine_settle(engine, address, MC_REASON_NOT_PROBED, MC_SOURCE_SYNTAX);
    } else if (domain->state == MC_DOMAIN_KNOWN &&
               decided_without_probe(engine, domain, &reason, &source)) {
        mc_engine_settle(engine, address, reason, source);
        if (source == MC_SOURCE_STORE)
            record->checked_at = domain->recalled_at;
    } else if (domain->ended[record->utf8 ? MC_LANE_UTF8 : MC_LANE_PLAIN]) {
        mc_probing_settle_ended(engine, address);
    } else {
        record->state = MC_ADDRESS_QUEUED;
        mc_address_queue_push(&engine->addresses,
                              &domain->waiting[record->utf8 ? MC_LANE_UTF8 : MC_LANE_PLAIN],
                              address);
        if (domain->state == MC_DOMAIN_KNOWN && index < engine->next_to_release)
            mc_probing_offer(engine, index);
    }
}

/* A new address of a domain: what can be said at once is said, else it joins its lane. Returns
 * whether DNS is to be asked about the domain. */
static bool admit(struct mc_engine *engine, uint32_t address, bool suppressed)
{
    const struct mc_domain *domain =
        &engine->domains.domains[engine->addresses.records[address].domain];
    enum mc_recall recall = MC_RECALL_NOTHING;
    if (suppressed) {
        mc_engine_settle(engine, address, MC_REASON_SUPPRESSED, MC_SOURCE_LIST);
        return !domain->recalled;
    }
    if (engine->depth == MAILCHECK_DEPTH_SYNTAX) {
        mc_engine_settle(engine, address,
                         domain->disposable ? MC_REASON_DISPOSABLE : MC_REASON_NOT_PROBED,
                         domain->disposable ? MC_SOURCE_LIST : MC_SOURCE_SYNTAX);
        return false;
    }
    if (engine->gathering)
        return false;
    if (engine->store)
        recall = mc_recall_address(engine, address);
    if (recall == MC_RECALL_NOTHING)
        mc_engine_join(engine, address);
    return recall != MC_RECALL_SERVED;
}

void mc_engine_seek_domain(struct mc_engine *engine, const struct mc_address *address,
                           const struct mc_plain *plain, struct mc_sought *sought)
{
    *sought = (struct mc_sought){
        .domain_hash = mc_domain_table_hash(&engine->domains, address->domain),
        .is_plain = plain != NULL,
    };
    if (plain)
        sought->plain = *plain;
}

void mc_engine_seek_address(struct mc_engine *engine, const struct mc_address *address,
                            struct mc_sought *sought)
{
    sought->domain = mc_domain_table_add(&engine->domains, sought->domain_hash, address->domain,
                                         &sought->is_new_domain);
    __builtin_prefetch(&engine->domains.domains[sought->domain].last_added_ms, 1);
    sought->hash = mc_address_table_hash(&engine->addresses, address->local, sought->domain);
}

uint32_t mc_engine_add(struct mc_engine *engine, const struct mc_address *parsed, bool *is_new)
{
    struct mc_sought sought;
    mc_engine_seek_domain(engine, parsed, NULL, &sought);
    mc_engine_seek_address(engine, parsed, &sought);
    return mc_engine_add_sought(engine, parsed, &sought, is_new);
}

uint32_t mc_engine_add_sought(struct mc_engine *engine, const struct mc_address *parsed,
                              const struct mc_sought *sought, bool *is_new)
{
    uint32_t index = sought->domain;
    if (sought->is_new_domain)
        describe_domain(engine, index);
    engine->domains.domains[index].last_added_ms = mc_engine_elapsed_ms(engine);
    uint32_t address =
        mc_address_table_add(&engine->addresses, sought->hash, parsed->local, index, is_new);
    if (!*is_new)
        return address;
    struct mc_address_record *record = &engine->addresses.records[address];
    record->role = sought->is_plain
                       ? mc_lists_is_role_looked(engine->lists, parsed->local, sought->plain.digits,
                                                 sought->plain.separators)
                       : mc_lists_is_role(engine->lists, parsed->local);
    record->utf8 = parsed->needs_smtputf8;
    engine->unsettled++;
    start_ticking(engine);
    bool suppressed = !engine->hooks.hides_suppressed &&
                      mc_lists_is_suppressed(engine->lists, parsed->local, parsed->domain);
    bool wanted = admit(engine, address, suppressed);
    if (engine->depth != MAILCHECK_DEPTH_SYNTAX) {
        if (sought->is_new_domain && engine->input == MC_INPUT_LIVE)
            release(engine, true);
        if (wanted)
            mc_engine_want_domain(engine, index);
    }
    return address;
}

/* ---- running ---- */

bool mc_engine_idle(const struct mc_engine *engine)
{
    return !engine->unsettled && engine->settled.head == MC_NONE;
}

static void deliver(struct mc_engine *engine)
{
    for (;;) {
        uint32_t address = mc_address_queue_pop(&engine->addresses, &engine->settled);
        if (address == MC_NONE)
            return;
        engine->hooks.settled(engine->hooks.arg, address);
    }
}

/* Nothing is under way any more but what waits for the end of the run. */
static bool drained(const struct mc_engine *engine)
{
    return engine->unsettled && engine->input == MC_INPUT_LIVE && !engine->lookups &&
           (engine->stopping || engine->next_to_ask == engine->to_ask_count) &&
           !mc_retry_count(&engine->retries) && !mc_retry_count(&engine->recalled) &&
           (!engine->prober || mc_prober_idle(engine->prober));
}

static void settle_all(struct mc_engine *engine);

/* The end of a run, in the order in which what is left can still be decided. */
static void settle_the_rest(struct mc_engine *engine)
{
    mc_probing_judge_port(engine, true);
    if (drained(engine))
        mc_probing_resolve_doubtful(engine);
    if (drained(engine) && !engine->stopping) {
        /* a run that ends with an honest unknown beats one that never ends */
        mc_log(MC_LOG_ERROR, "%llu addresses were left without an answer; please report this",
               (unsigned long long)engine->unsettled);
        settle_all(engine);
    }
}

void mc_engine_turn(struct mc_engine *engine)
{
    if (drained(engine))
        settle_the_rest(engine);
    if (engine->store)
        mc_recall_turn(engine);
    deliver(engine);
}

void mc_engine_run(struct mc_engine *engine, int timeout_ms)
{
    deliver(engine);
    mc_loop_run(engine->loop, timeout_ms);
    mc_engine_turn(engine);
}

/* Everybody who is not with the prober gets the verdict that is left. */
static void settle_all(struct mc_engine *engine)
{
    for (uint32_t i = 0; i < engine->addresses.count; i++) {
        const struct mc_address_record *record = &engine->addresses.records[i];
        switch ((enum mc_address_state)record->state) {
        case MC_ADDRESS_QUEUED: {
            const struct mc_domain *domain = &engine->domains.domains[record->domain];
            if (record->waits)
                mc_engine_settle(engine, i, MC_REASON_GREYLISTED, MC_SOURCE_PROBE);
            else
                mc_engine_settle(engine, i, MC_REASON_NOT_PROBED,
                                 domain->state == MC_DOMAIN_KNOWN ? MC_SOURCE_DNS
                                                                  : MC_SOURCE_SYNTAX);
            break;
        }
        case MC_ADDRESS_HELD:
            mc_engine_settle(engine, i, MC_REASON_UNPROVEN, MC_SOURCE_PROBE);
            break;
        case MC_ADDRESS_DOUBTED:
        case MC_ADDRESS_DENIED:
            mc_engine_settle(engine, i, MC_REASON_BLOCKED, MC_SOURCE_PROBE);
            break;
        case MC_ADDRESS_WAITING:
            mc_engine_settle(engine, i, MC_REASON_GREYLISTED, MC_SOURCE_PROBE);
            break;
        case MC_ADDRESS_UNSURE:
            mc_engine_settle(engine, i, (enum mc_reason)record->reason, MC_SOURCE_PROBE);
            break;
        case MC_ADDRESS_ASKING: /* the prober answers them as stopped */
        case MC_ADDRESS_SETTLED:
            break;
        }
    }
    for (size_t i = 0; i < engine->domains.count; i++) {
        struct mc_domain *domain = &engine->domains.domains[i];
        domain->held = MC_ADDRESS_QUEUE_EMPTY;
        for (size_t kind = 0; kind < MC_LANES; kind++)
            domain->waiting[kind] = MC_ADDRESS_QUEUE_EMPTY;
    }
    engine->unsure = MC_ADDRESS_QUEUE_EMPTY;
    engine->unsure_count = engine->doubtful_count = engine->quiet_count = 0;
    mc_retry_free(&engine->retries);
    mc_retry_free(&engine->recalled);
    engine->stale_count = 0;
}

void mc_engine_stop(struct mc_engine *engine)
{
    if (engine->stopping)
        return;
    engine->stopping = true;
    if (engine->prober)
        mc_prober_stop(engine->prober);
    settle_all(engine);
}

/* ---- what is known ---- */

struct mc_loop *mc_engine_loop(struct mc_engine *engine)
{
    return engine->loop;
}

const struct mc_lists *mc_engine_lists(const struct mc_engine *engine)
{
    return engine->lists;
}

bool mc_engine_is_settled(const struct mc_engine *engine, uint32_t address)
{
    return engine->addresses.records[address].state == MC_ADDRESS_SETTLED;
}

const char *mc_engine_probe_impossible(const struct mc_engine *engine)
{
    return engine->probe_impossible;
}

enum mc_obstacle mc_engine_obstacle(const struct mc_engine *engine)
{
    return !engine->probe_impossible ? MC_OBSTACLE_NONE
           : !engine->prober         ? MC_OBSTACLE_NAME
           : engine->proxied         ? MC_OBSTACLE_PROXY
                                     : MC_OBSTACLE_PORT;
}

bool mc_engine_dns_done(const struct mc_engine *engine)
{
    return !engine->lookups && engine->next_to_ask == engine->to_ask_count;
}
