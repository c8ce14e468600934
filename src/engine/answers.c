/* What an answer of the prober's means: for its recipient, for its neighbours that wait for proof,
 * for the servers that the domain has left. */
#include "engine/state.h"

#define DENIALS_ENOUGH 2 /* recipients of a domain who heard that it is not served */

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
    enum mc_worth known =
        state == MC_ADDRESS_HELD ? mc_probing_worth(engine, domain, record) : MC_WORTH_WAIT;
    if (known != MC_WORTH_WAIT) {
        settle_asked(engine, address, mc_probing_worth_reason(known));
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
    MC_ASSERT(domain->ended[mc_probing_kind(record)]);
    if (domain->ended_at != MC_NONE && domain->ended_at != address) { /* as that one heard it */
        const struct mc_address_record *other = &engine->addresses.records[domain->ended_at];
        struct mc_span email = mc_engine_email(engine, domain->ended_at);
        struct mc_span line = mc_reply_log_get(engine->replies, other->reply, email);
        mc_address_set_reply(record, mc_reply_log_add(engine->replies, line));
        record->host = other->host;
    }
    mc_engine_settle(engine, address, (enum mc_reason)domain->ended[mc_probing_kind(record)],
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
void mc_probing_release_denied(struct mc_engine *engine, uint32_t index)
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
            mc_probing_requeue(engine, address);
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
        mc_probing_requeue(engine, address);
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
        mc_probing_release_denied(engine, record->domain);
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
        mc_probing_requeue(engine, address);
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
        mc_probing_settle_held(engine, record->domain, false, false);
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
    } else if (!hopeless && (!answer->asked || record->losses < MC_LOSSES_MAX)) {
        record->losses += answer->asked;
        mc_probing_requeue(engine, address);
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
        mc_probing_settle_held(engine, index, false, false);
    } else if (!passing(answer) && domain->control_losses < MC_LOSSES_MAX) {
        domain->control_losses++;
        engine->controls--; /* the same one again is not another one */
    } else if (passing(answer) && domain->control_waits < engine->greylist_waits) {
        domain->proof.control_out = true;
        engine->controls--;
        wait_and_retry(engine, index, true, &domain->control_waits);
    } else {
        domain->proof.inconclusive = domain->proof.control_done = true;
        mc_probing_settle_held(engine, index, false, false);
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
            enum mc_worth known = mc_probing_worth(engine, domain, record);
            reason = known == MC_WORTH_WAIT ? MC_REASON_UNPROVEN : mc_probing_worth_reason(known);
        } else if (ruling->surety == MC_AMBIGUOUS || reason == MC_REASON_DOMAIN_NOT_SERVED ||
                   reason == MC_REASON_NO_SMTPUTF8) {
            reason = MC_REASON_BLOCKED; /* others would have to be heard */
        }
    }
    settle_asked(engine, address, reason);
}

void mc_probing_answered(void *arg, uint32_t lane, uint32_t recipient,
                         const struct mc_answer *answer)
{
    struct mc_engine *engine = arg;
    uint32_t index = lane / MC_LANES;
    if (engine->stopping) {
        if (recipient != MC_CONTROL_ID)
            replied_late(engine, recipient, answer);
        return;
    }
    if (recipient == MC_CONTROL_ID) {
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
