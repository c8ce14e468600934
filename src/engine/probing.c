/* The probe and what follows from it: which recipient next, what an answer means for it and for
 * its neighbours, when a control recipient is due, when to ask again. */

#include "engine/state.h"
#include "smtp/probe_name.h"

#define CONTROL_ID     (MC_NONE - 1) /* the control's recipient number */
#define LOSSES_MAX     3             /* sessions lost under one recipient before it is given up */
#define DENIALS_ENOUGH 2             /* recipients of a domain who heard that it is not served */
#define QUIET_MS       1500          /* a pipe's domain is quiet when no row came for so long */

static uint32_t lane_of(uint32_t domain, size_t kind)
{
    return domain * MC_LANES + (uint32_t)kind;
}

static const struct mc_provider *provider_of(const struct mc_engine *engine,
                                             const struct mc_domain *domain)
{
    return domain->provider ? domain->provider : mc_lists_default_provider(engine->lists);
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

static enum mc_worth worth(const struct mc_engine *engine, const struct mc_domain *domain,
                           const struct mc_address_record *record)
{
    return mc_evidence_worth(&domain->proof, provider_of(engine, domain)->rcpt, record->backup);
}

/* The first held address that only a control can settle, or MC_NONE. */
static uint32_t held_for_control(const struct mc_engine *engine, const struct mc_domain *domain)
{
    const struct mc_address_record *records = engine->addresses.records;
    for (uint32_t i = domain->held.head; i != MC_NONE; i = records[i].next)
        if (records[i].state == MC_ADDRESS_HELD &&
            worth(engine, domain, &records[i]) == MC_WORTH_WAIT)
            return i;
    return MC_NONE;
}

static size_t kind_of(const struct mc_address_record *record)
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

static void release_denied(struct mc_engine *engine, uint32_t index);

/* ---- settling what is proved ---- */

static const enum mc_reason worth_reason[] = {
    [MC_WORTH_ACCEPTED] = MC_REASON_ACCEPTED,
    [MC_WORTH_CATCH_ALL] = MC_REASON_CATCH_ALL,
    [MC_WORTH_UNPROVEN] = MC_REASON_UNPROVEN,
};

static void requeue(struct mc_engine *engine, uint32_t address)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    size_t kind = kind_of(record);
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
    if (engine->stopping || record->losses >= LOSSES_MAX || domain->set[kind_of(record)] == MC_NONE)
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
static void settle_held(struct mc_engine *engine, uint32_t index, bool last, bool end_of_run)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    struct mc_address_queue held = domain->held, left = MC_ADDRESS_QUEUE_EMPTY;
    for (;;) {
        uint32_t address = mc_address_queue_pop(&engine->addresses, &held);
        if (address == MC_NONE)
            break;
        struct mc_address_record *record = &engine->addresses.records[address];
        if (record->state == MC_ADDRESS_HELD) {
            enum mc_worth w = worth(engine, domain, record);
            if (w != MC_WORTH_WAIT)
                mc_engine_settle(engine, address, worth_reason[w], MC_SOURCE_PROBE);
            else if (last && domain->proof.control_done)
                mc_engine_settle(engine, address, MC_REASON_UNPROVEN, MC_SOURCE_PROBE);
            else
                mc_address_queue_push(&engine->addresses, &left, address);
        } else if (record->state == MC_ADDRESS_DENIED) {
            mc_address_queue_push(&engine->addresses, &left, address);
        } else if (last && may_ask_doubted(engine, domain, record)) {
            record->losses = LOSSES_MAX; /* once: a server that has turned is to be spared */
            domain->under_way++;
            requeue(engine, address);
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
        release_denied(engine, index);
        if (domain->under_way || !lanes_empty(domain) || domain->held.head == MC_NONE)
            return;
    }
    uint32_t held = held_for_control(engine, domain);
    if (held != MC_NONE && wants_control(domain) && !engine->stopping) {
        const struct mc_address_record *record = &engine->addresses.records[held];
        size_t kind = kind_of(record);
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
    settle_held(engine, index, true, false);
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
        settle_held(engine, engine->doubtful[i], true, true);
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
    recipient->id = CONTROL_ID;
    recipient->local =
        mc_span(engine->control_name, mc_probe_name(recipient->domain, engine->control_name));
    recipient->needs_smtputf8 = false;
    recipient->is_control = true;
    return true;
}

/* ---- the prober answers ---- */

static void note_reply(struct mc_engine *engine, uint32_t address, const struct mc_answer *answer)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    uint64_t reply = mc_reply_log_known(engine->replies, answer);
    if (!reply)
        reply = mc_reply_log_add_answer(engine->replies, answer, mc_engine_email(engine, address));
    mc_address_set_reply(record, reply);
    if (answer->host != MC_NONE)
        record->host = answer->host;
    if (answer->peer != MC_NONE)
        record->peer = answer->peer;
    record->backup = answer->backup;
    record->reason = (uint8_t)answer->ruling.reason;
}

static void wait_and_retry(struct mc_engine *engine, uint32_t id, bool control, uint8_t *waits)
{
    size_t delay = (*waits)++;
    mc_retry_add(&engine->retries, delay,
                 (struct mc_retry){id, control,
                                   mc_loop_now_ms(engine->loop) + engine->greylist_wait_ms[delay]});
    mc_timer_set(&engine->retry_timer, mc_retry_next_ms(&engine->retries));
}

/* A 4xx, or no session for a passing reason: another try after a wait may do better. */
static bool passing(const struct mc_answer *answer)
{
    if (answer->ruling.reason == MC_REASON_MAILBOX_FULL)
        return false;
    return answer->reply && answer->reply->code / 100 == 4;
}

static void settle_asked(struct mc_engine *engine, uint32_t address, enum mc_reason reason)
{
    engine->domains.domains[engine->addresses.records[address].domain].under_way--;
    mc_engine_settle(engine, address, reason, MC_SOURCE_PROBE);
}

/* Accepted, or refused in ambiguous words: what it is worth may already be known, else it waits. */
static void hold(struct mc_engine *engine, uint32_t address, enum mc_address_state state)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    enum mc_worth known = state == MC_ADDRESS_HELD ? worth(engine, domain, record) : MC_WORTH_WAIT;
    if (known != MC_WORTH_WAIT) {
        settle_asked(engine, address, worth_reason[known]);
        return;
    }
    record->state = state;
    domain->under_way--;
    mc_address_queue_push(&engine->addresses, &domain->held, address);
}

void mc_probing_settle_ended(struct mc_engine *engine, uint32_t address)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    const struct mc_domain *domain = &engine->domains.domains[record->domain];
    MC_ASSERT(domain->ended[kind_of(record)]);
    if (domain->ended_at != MC_NONE && domain->ended_at != address) { /* as that one heard it */
        const struct mc_address_record *other = &engine->addresses.records[domain->ended_at];
        struct mc_span email = mc_engine_email(engine, domain->ended_at);
        struct mc_span line = mc_reply_log_get(engine->replies, other->reply, email);
        mc_address_set_reply(record, mc_reply_log_add(engine->replies, line));
        record->host = other->host;
    }
    mc_engine_settle(engine, address, (enum mc_reason)domain->ended[kind_of(record)],
                     MC_SOURCE_PROBE);
}

/* This MX is of no use to the domain (or to those of its addresses that need SMTPUTF8). Where none
 * is left, `reason` holds for the whole lane; `address` is the one that heard it. */
static void drop_host(struct mc_engine *engine, uint32_t address, uint32_t host,
                      enum mc_reason reason)
{
    uint32_t index = engine->addresses.records[address].domain;
    struct mc_domain *domain = &engine->domains.domains[index];
    /* what the store answered for is not asked again, so nobody may be left here to contradict */
    enum mc_reason end =
        reason == MC_REASON_DOMAIN_NOT_SERVED && domain->served_before ? MC_REASON_BLOCKED : reason;
    for (size_t kind = reason == MC_REASON_NO_SMTPUTF8 ? MC_LANE_UTF8 : 0; kind < MC_LANES;
         kind++) {
        if (domain->set[kind] == MC_NONE)
            continue;
        domain->set[kind] = mc_mx_sets_without(&engine->sets, domain->set[kind], host);
        if (domain->set[kind] != MC_NONE)
            continue;
        domain->ended[kind] = (uint8_t)end;
        domain->ended_at = address;
        for (;;) {
            uint32_t other = mc_address_queue_pop(&engine->addresses, &domain->waiting[kind]);
            if (other == MC_NONE)
                break;
            mc_probing_settle_ended(engine, other);
        }
    }
}

/* A relay by way of another host (RFC 5321 appendix C and its kin) is refused by servers that do
 * serve the domain. */
static bool looks_routed(struct mc_span local)
{
    for (size_t i = 0; i < local.len; i++)
        if (local.at[i] == '%' || local.at[i] == '!' || local.at[i] == '@')
            return true;
    return false;
}

/* Those that were denied go to the other servers of the domain, or get their verdict. */
static void release_denied(struct mc_engine *engine, uint32_t index)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    struct mc_address_queue held = domain->held, left = MC_ADDRESS_QUEUE_EMPTY;
    domain->held = MC_ADDRESS_QUEUE_EMPTY;
    for (;;) {
        uint32_t address = mc_address_queue_pop(&engine->addresses, &held);
        if (address == MC_NONE)
            break;
        struct mc_address_record *record = &engine->addresses.records[address];
        if (record->state != MC_ADDRESS_DENIED) {
            mc_address_queue_push(&engine->addresses, &left, address);
        } else if (record->host == domain->served_by) {
            mc_engine_settle(engine, address, MC_REASON_BLOCKED, MC_SOURCE_PROBE);
        } else {
            drop_host(engine, address, record->host, MC_REASON_DOMAIN_NOT_SERVED);
            domain->under_way++; /* requeue takes it off again */
            requeue(engine, address);
        }
    }
    domain->held = left;
}

/* "We do not serve that domain." One voice is not enough while more of the domain can be asked: the
 * words are used for odd recipients too. */
static void denied(struct mc_engine *engine, uint32_t address, const struct mc_answer *answer)
{
    const struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    if (answer->host == MC_NONE) { /* dropped while the reply was on its way */
        requeue(engine, address);
        return;
    }
    if (looks_routed(mc_address_table_local(&engine->addresses, address)) ||
        answer->host == domain->served_by) {
        settle_asked(engine, address, MC_REASON_BLOCKED);
        return;
    }
    if (domain->denied_by != answer->host)
        domain->denials = 0;
    domain->denied_by = answer->host;
    hold(engine, address, MC_ADDRESS_DENIED);
    if (++domain->denials >= DENIALS_ENOUGH)
        release_denied(engine, record->domain);
}

/* This MX does not offer what the address needs. One that needs nothing was refused for a reason of
 * the server's own. */
static void without_smtputf8(struct mc_engine *engine, uint32_t address,
                             const struct mc_answer *answer)
{
    if (!engine->addresses.records[address].utf8) {
        settle_asked(engine, address, MC_REASON_BLOCKED);
        return;
    }
    if (answer->host != MC_NONE)
        drop_host(engine, address, answer->host, MC_REASON_NO_SMTPUTF8);
    if (answer->host == MC_NONE && answer->kind == MC_ANSWER_HOPELESS)
        settle_asked(engine, address, MC_REASON_NO_SMTPUTF8);
    else
        requeue(engine, address);
}

static void replied(struct mc_engine *engine, uint32_t address, const struct mc_answer *answer)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    struct mc_ruling weighed = answer->ruling;
    const struct mc_ruling *ruling = &weighed;
    if (answer->proved && weighed.blame == MC_BLAME_MAILBOX)
        weighed.surety = MC_SURE;
    if (mc_evidence_add(&domain->proof, ruling, answer->backup))
        settle_held(engine, record->domain, false, false);
    if (ruling->reason == MC_REASON_ACCEPTED ||
        (ruling->blame == MC_BLAME_MAILBOX && ruling->surety == MC_SURE))
        domain->served_by = answer->host;
    if (passing(answer) && record->waits < engine->greylist_waits) {
        record->state = MC_ADDRESS_WAITING;
        mc_recall_note_waiting(engine, address);
        wait_and_retry(engine, address, false, &record->waits);
    } else if (ruling->reason == MC_REASON_DOMAIN_NOT_SERVED && ruling->surety == MC_SURE) {
        denied(engine, address, answer);
    } else if (ruling->reason == MC_REASON_NO_SMTPUTF8) {
        without_smtputf8(engine, address, answer);
    } else if (ruling->reason == MC_REASON_ACCEPTED) {
        hold(engine, address, MC_ADDRESS_HELD);
    } else if (ruling->surety == MC_AMBIGUOUS && !answer->proved) {
        hold(engine, address, MC_ADDRESS_DOUBTED);
    } else {
        settle_asked(engine, address, ruling->reason);
    }
}

static void not_replied(struct mc_engine *engine, uint32_t address, const struct mc_answer *answer)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    const struct mc_ruling *ruling = &answer->ruling;
    bool hopeless = answer->kind == MC_ANSWER_HOPELESS;
    if (engine->port == MC_PORT_CLOSED) {
        record->reply = 0;
        settle_asked(engine, address, MC_REASON_NOT_PROBED);
    } else if (ruling->reason == MC_REASON_NO_SMTPUTF8) {
        without_smtputf8(engine, address, answer);
    } else if (!hopeless && (!answer->asked || record->losses < LOSSES_MAX)) {
        record->losses += answer->asked;
        requeue(engine, address);
    } else if (passing(answer) && ruling->blame != MC_BLAME_US &&
               record->waits < engine->greylist_waits) {
        record->state = MC_ADDRESS_WAITING;
        mc_recall_note_waiting(engine, address);
        wait_and_retry(engine, address, false, &record->waits);
    } else if (answer->stage == MC_STAGE_CONNECT && engine->port == MC_PORT_UNTRIED) {
        engine->domains.domains[record->domain].under_way--;
        record->state = MC_ADDRESS_UNSURE;
        mc_address_queue_push(&engine->addresses, &engine->unsure, address);
        engine->unsure_count++;
    } else {
        settle_asked(engine, address, ruling->reason);
    }
}

static void control_answered(struct mc_engine *engine, uint32_t index,
                             const struct mc_answer *answer)
{
    struct mc_domain *domain = &engine->domains.domains[index];
    domain->proof.control_out = false;
    if (mc_evidence_control(&domain->proof, answer)) {
        settle_held(engine, index, false, false);
    } else if (!passing(answer) && domain->control_losses < LOSSES_MAX) {
        domain->control_losses++;
        engine->controls--; /* the same one again is not another one */
    } else if (passing(answer) && domain->control_waits < engine->greylist_waits) {
        domain->proof.control_out = true;
        engine->controls--;
        wait_and_retry(engine, index, true, &domain->control_waits);
    } else {
        domain->proof.inconclusive = domain->proof.control_done = true;
        settle_held(engine, index, false, false);
    }
}

/* A reply that was on its way when everything stopped: counts for what it is worth by itself. */
static void replied_late(struct mc_engine *engine, uint32_t address, const struct mc_answer *answer)
{
    struct mc_address_record *record = &engine->addresses.records[address];
    struct mc_domain *domain = &engine->domains.domains[record->domain];
    const struct mc_ruling *ruling = &answer->ruling;
    enum mc_reason reason = record->waits ? (enum mc_reason)record->reason : MC_REASON_NOT_PROBED;
    if (answer->kind == MC_ANSWER_REPLY) {
        note_reply(engine, address, answer);
        mc_evidence_add(&domain->proof, ruling, answer->backup);
        reason = ruling->reason;
        if (reason == MC_REASON_ACCEPTED) {
            enum mc_worth known = worth(engine, domain, record);
            reason = known == MC_WORTH_WAIT ? MC_REASON_UNPROVEN : worth_reason[known];
        } else if (ruling->surety == MC_AMBIGUOUS || reason == MC_REASON_DOMAIN_NOT_SERVED ||
                   reason == MC_REASON_NO_SMTPUTF8) {
            reason = MC_REASON_BLOCKED; /* others would have to be heard */
        }
    }
    settle_asked(engine, address, reason);
}

static void answered(void *arg, uint32_t lane, uint32_t recipient, const struct mc_answer *answer)
{
    struct mc_engine *engine = arg;
    uint32_t index = lane / MC_LANES;
    if (engine->stopping) {
        if (recipient != CONTROL_ID)
            replied_late(engine, recipient, answer);
        return;
    }
    if (recipient == CONTROL_ID) {
        control_answered(engine, index, answer);
    } else {
        struct mc_address_record *record = &engine->addresses.records[recipient];
        if (answer->kind == MC_ANSWER_STOPPED) {
            settle_asked(engine, recipient,
                         record->waits ? MC_REASON_GREYLISTED : MC_REASON_NOT_PROBED);
        } else {
            note_reply(engine, recipient, answer);
            if (answer->kind == MC_ANSWER_REPLY)
                replied(engine, recipient, answer);
            else
                not_replied(engine, recipient, answer);
        }
    }
    mc_probing_step(engine, index);
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
            requeue(engine, retry.id);
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
        .answered = answered,
        .notice = notice,
        .trace = engine->trace ? trace : NULL,
        .remembered = engine->store ? mc_recall_peer : NULL,
        .learned = engine->store ? mc_recall_note_peer : NULL,
    };
}
