/* The probe: which recipient next, when a control recipient is due, when to ask again, when what
 * waits for proof can be settled. */

#include "engine/state.h"
#include "smtp/probe_name.h"

#define QUIET_MS 1500 /* a pipe's domain is quiet when no row came for so long */

static uint32_t lane_of(uint32_t domain, size_t kind)
{
    return domain * MC_LANES + (uint32_t)kind;
}

static bool wants_control(const struct mc_domain *domain)
{
    const struct mc_proof *proof = &domain->proof;
    return !proof->control_done && !proof->control_out && !proof->by_best && !proof->by_backup &&
           !proof->catch_all && !proof->inconclusive;
}

static bool lanes_empty(const struct mc_domain *domain)
{
    return domain->waiting[MC_LANE_PLAIN].head == MC_NONE &&
           domain->waiting[MC_LANE_UTF8].head == MC_NONE;
}

/* More rows of the domain may be on their way: then a control would come before a real one. */
static bool may_control(const struct mc_engine *engine, const struct mc_domain *domain)
{
    return engine->input == MC_INPUT_LIVE ||
           (engine->input == MC_INPUT_PIPE &&
            mc_engine_elapsed_ms(engine) - domain->last_added_ms >= QUIET_MS);
}

enum mc_worth mc_probing_worth(const struct mc_engine *engine, const struct mc_domain *domain,
                               const struct mc_address_record *record)
{
    return mc_evidence_worth(&domain->proof,
                             mc_lists_provider_at(engine->lists, domain->provider)->rcpt,
                             record->backup);
}

/* The first held address that only a control can settle, or MC_NONE. */
static uint32_t held_for_control(const struct mc_engine *engine, const struct mc_domain *domain)
{
    const struct mc_address_record *records = engine->addresses.records;
    for (uint32_t i = domain->held.head; i != MC_NONE; i = records[i].next)
        if (records[i].state == MC_ADDRESS_HELD &&
            mc_probing_worth(engine, domain, &records[i]) == MC_WORTH_WAIT)
            return i;
    return MC_NONE;
}

size_t mc_probing_kind(const struct mc_address_record *record)
{
    return record->utf8 ? MC_LANE_UTF8 : MC_LANE_PLAIN;
}

static void offer_lane(struct mc_engine *engine, uint32_t index, size_t kind, uint32_t prefer)
{
    const struct mc_domain *domain = &engine->domains.domains[index];
    if (domain->set[kind] == MC_NONE)
        return;
    struct mc_mx_set *set = &engine->sets.sets[domain->set[kind]];
    if (set->route == MC_NONE)
        set->route = mc_prober_route(engine->prober, engine->sets.entries + set->first, set->count);
    mc_prober_offer(engine->prober, lane_of(index, kind), set->route, prefer);
}

void mc_probing_offer(struct mc_engine *engine, uint32_t index)
{
    for (size_t kind = 0; kind < MC_LANES; kind++)
        if (engine->domains.domains[index].waiting[kind].head != MC_NONE)
            offer_lane(engine, index, kind, MC_NONE);
}

/* ---- settling what is proved ---- */

enum mc_reason mc_probing_worth_reason(enum mc_worth worth)
{
    static const enum mc_reason reasons[] = {
        [MC_WORTH_ACCEPTED] = MC_REASON_ACCEPTED,
        [MC_WORTH_CATCH_ALL] = MC_REASON_CATCH_ALL,
        [MC_WORTH_UNPROVEN] = MC_REASON_UNPROVEN,
    };
    return reasons[worth];
}

void mc_probing_requeue(struct mc_engine *engine, uint32_t address)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    size_t kind = mc_probing_kind(record);
    domain->under_way--;
    record->state = MC_ADDRESS_QUEUED;
    if (domain->ended[kind]) {
        mc_probing_settle_ended(engine, address);
        return;
    }
    mc_address_queue_push(&engine->addresses, &domain->waiting[kind], address);
    offer_lane(engine, record->domain, kind, record->peer);
}

/* Refused in ambiguous words, and nobody was accepted after it in that session. By now the server
 * has accepted somebody: asked again, with that one behind it, the refusal may prove itself. */
static bool may_ask_doubted(const struct mc_engine *engine, const struct mc_domain *domain,
                            const struct mc_address_record *record)
{
    if (engine->stopping || record->losses >= MC_LOSSES_MAX ||
        domain->set[mc_probing_kind(record)] == MC_NONE)
        return false;
    /* who was accepted in a run before may be asked for, if need be: the answer counts, not that */
    if (domain->known_good)
        mc_prober_offer_witness(engine->prober, record->peer,
                                lane_of(record->domain, MC_LANE_PLAIN),
                                mc_address_table_local(&engine->addresses, domain->known_good - 1),
                                mc_arena_get(&engine->domains.names, domain->name));
    return mc_prober_peer_accepted(engine->prober, record->peer);
}

/* Goes through those that wait for proof; what is still open stays. `last`: nothing more can be
 * learned of this domain. */
void mc_probing_settle_held(struct mc_engine *engine, uint32_t index, bool last, bool end_of_run)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    struct mc_address_queue held = domain->held, left = MC_ADDRESS_QUEUE_EMPTY;
    for (;;) {
        uint32_t address = mc_address_queue_pop(&engine->addresses, &held);
        if (address == MC_NONE)
            break;
        struct mc_address_record *record = &engine->addresses.records[address];
        if (record->state == MC_ADDRESS_HELD) {
            enum mc_worth w = mc_probing_worth(engine, domain, record);
            if (w != MC_WORTH_WAIT)
                mc_engine_settle(engine, address, mc_probing_worth_reason(w), MC_SOURCE_PROBE);
            else if (last && domain->proof.control_done)
                mc_engine_settle(engine, address, MC_REASON_UNPROVEN, MC_SOURCE_PROBE);
            else
                mc_address_queue_push(&engine->addresses, &left, address);
        } else if (record->state == MC_ADDRESS_DENIED) {
            mc_address_queue_push(&engine->addresses, &left, address);
        } else if (last && may_ask_doubted(engine, domain, record)) {
            record->losses = MC_LOSSES_MAX; /* once: a server that has turned is to be spared */
            domain->under_way++;
            mc_probing_requeue(engine, address);
        } else if (end_of_run) {
            mc_engine_settle(engine, address, MC_REASON_BLOCKED, MC_SOURCE_PROBE);
        } else {
            mc_address_queue_push(&engine->addresses, &left, address);
        }
    }
    domain->held = left;
}

static void remember(uint32_t **list, size_t *count, size_t *room, uint32_t domain)
{
    *list = mc_grow(*list, *count, room, sizeof **list);
    (*list)[(*count)++] = domain;
}

static void wait_for_quiet(struct mc_engine *engine, uint32_t index)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    if (domain->control_timed)
        return;
    domain->control_timed = true;
    remember(&engine->quiet, &engine->quiet_count, &engine->quiet_room, index);
}

void mc_probing_step(struct mc_engine *engine, uint32_t index)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    if (domain->under_way || !lanes_empty(domain) || domain->held.head == MC_NONE)
        return;
    if (domain->denials) {
        domain->denials = 0;
        mc_probing_release_denied(engine, index);
        if (domain->under_way || !lanes_empty(domain) || domain->held.head == MC_NONE)
            return;
    }
    uint32_t held = held_for_control(engine, domain);
    if (held != MC_NONE && wants_control(domain) && !engine->stopping) {
        const struct mc_address_record *record = &engine->addresses.records[held];
        size_t kind = mc_probing_kind(record);
        if (domain->set[kind] != MC_NONE) {
            if (may_control(engine, domain))
                offer_lane(engine, index, kind, record->peer);
            else
                wait_for_quiet(engine, index);
            return;
        }
        domain->proof.inconclusive = domain->proof.control_done = true; /* nobody to ask */
    }
    if (domain->proof.control_out)
        return;
    mc_probing_settle_held(engine, index, true, false);
    if (domain->held.head != MC_NONE && !domain->doubtful) {
        domain->doubtful = true;
        remember(&engine->doubtful, &engine->doubtful_count, &engine->doubtful_room, index);
    }
}

void mc_probing_quiet(struct mc_engine *engine, bool all)
{
    size_t left = 0;
    for (size_t i = 0; i < engine->quiet_count; i++) {
        uint32_t index = engine->quiet[i];
        if (all || may_control(engine, &engine->domains.domains[index])) {
            engine->domains.domains[index].control_timed = false;
            mc_probing_step(engine, index); /* control is allowed now, so it is not put back */
        } else {
            engine->quiet[left++] = index;
        }
    }
    engine->quiet_count = left;
}

void mc_probing_resolve_doubtful(struct mc_engine *engine)
{
    for (size_t i = 0; i < engine->doubtful_count; i++) {
        engine->domains.domains[engine->doubtful[i]].doubtful = false;
        mc_probing_settle_held(engine, engine->doubtful[i], true, true);
    }
    engine->doubtful_count = 0;
}

/* ---- the prober takes ---- */

static bool take(void *arg, uint32_t lane, struct mc_recipient *recipient)
{
    struct mc_engine *engine = arg;
    uint32_t index = lane / MC_LANES;
    size_t kind = lane % MC_LANES;
    struct mc_domain *domain = &engine->domains.domains[index];
    if (engine->stopping)
        return false;
    recipient->domain = mc_domain_table_name(&engine->domains, index);
    uint32_t address = mc_address_queue_pop(&engine->addresses, &domain->waiting[kind]);
    if (address != MC_NONE) {
        struct mc_address_record *record = &engine->addresses.records[address];
        record->state = MC_ADDRESS_ASKING;
        domain->under_way++;
        recipient->id = address;
        recipient->local = mc_address_table_local(&engine->addresses, address);
        recipient->needs_smtputf8 = record->utf8;
        return true;
    }
    if (domain->under_way || !lanes_empty(domain) || !wants_control(domain) ||
        held_for_control(engine, domain) == MC_NONE)
        return false;
    if (!may_control(engine, domain)) { /* a row came meanwhile */
        wait_for_quiet(engine, index);
        return false;
    }
    domain->proof.control_out = true;
    engine->controls++;
    recipient->id = MC_CONTROL_ID;
    recipient->local =
        mc_span(engine->control_name, mc_probe_name(recipient->domain, engine->control_name));
    recipient->needs_smtputf8 = false;
    recipient->is_control = true;
    return true;
}

/* ---- asking again ---- */

void mc_probing_retry_due(void *arg)
{
    struct mc_engine *engine = arg;
    struct mc_retry retry;
    while (mc_retry_take(&engine->retries, mc_loop_now_ms(engine->loop), &retry)) {
        if (retry.control) {
            engine->domains.domains[retry.id].proof.control_out = false;
            mc_probing_step(engine, retry.id);
        } else {
            mc_probing_requeue(engine, retry.id);
        }
    }
    int64_t next = mc_retry_next_ms(&engine->retries);
    if (next != INT64_MAX)
        mc_timer_set(&engine->retry_timer, next);
}

/* ---- news ---- */

static void notice(void *arg, const char *line)
{
    struct mc_engine *engine = arg;
    if (engine->notice)
        engine->notice(engine->notice_arg, line);
}

static void trace(void *arg, const char *line)
{
    struct mc_engine *engine = arg;
    engine->trace(engine->trace_arg, line);
}

struct mc_prober_owner mc_probing_owner(struct mc_engine *engine)
{
    return (struct mc_prober_owner){
        .arg = engine,
        .take = take,
        .answered = mc_probing_answered,
        .notice = notice,
        .trace = engine->trace ? trace : NULL,
        .remembered = engine->store ? mc_recall_peer : NULL,
        .learned = engine->store ? mc_recall_note_peer : NULL,
    };
}
