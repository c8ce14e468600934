#include "smtp/peer_memory.h"

#include <arpa/inet.h>

#include "base/memory.h"

#define LINE_MAX_BYTES 200

struct mc_span mc_peer_name(const struct mc_peers *peers, uint32_t peer, char *out)
{
    const struct mc_ip *ip = &peers->peers[peer].ip;
    const char *text =
        inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->octets, out, MC_PEER_NAME_MAX);
    MC_ASSERT(text);
    return mc_span_of(text);
}

static void keep_failure(const struct mc_failure *failure, struct mc_text *scratch,
                         struct mc_peer_memory *memory)
{
    memory->out = true;
    memory->reason = failure->ruling.reason;
    scratch->len = 0;
    if (failure->code)
        mc_text_printf(scratch, "%u ", failure->code);
    mc_text_add_printable(scratch, mc_span(failure->text, failure->text_len), LINE_MAX_BYTES);
    memory->line = mc_text_span(scratch);
}

void mc_house_memory_of(const struct mc_house *house, struct mc_text *scratch,
                        struct mc_peer_memory *memory)
{
    *memory = (struct mc_peer_memory){.line = mc_span("", 0)};
    if (house->limits->rcpt_per_day) {
        memory->day_ms = house->day_ms;
        memory->asked = house->asked_today;
    }
    /* a day's budget that is spent shows by its number */
    if (house->resting && house->blame->ruling.reason == MC_REASON_BLOCKED) {
        keep_failure(house->blame, scratch, memory);
        memory->refuses_us = true;
    }
}

void mc_peer_memory_of(const struct mc_peers *peers, uint32_t number, struct mc_text *scratch,
                       struct mc_peer_memory *memory)
{
    const struct mc_peer *peer = &peers->peers[number];
    const struct mc_house *house = &peers->houses[peer->house];
    if (house->listed)
        *memory = (struct mc_peer_memory){.line = mc_span("", 0)};
    else
        mc_house_memory_of(house, scratch, memory);
    memory->habits = peer->habits;
    memory->habits.no_smtputf8 = false; /* that would bury mailboxes */
    memory->cap = peer->cap;
    if (memory->out || !peer->dead || !peer->failure)
        return;
    enum mc_reason reason = peer->failure->ruling.reason;
    if (reason == MC_REASON_CONNECT_FAILED || reason == MC_REASON_TIMEOUT ||
        reason == MC_REASON_BLOCKED)
        keep_failure(peer->failure, scratch, memory);
    memory->refuses_us = reason == MC_REASON_BLOCKED;
}

uint64_t mc_peer_memory_hash(const struct mc_peer_memory *memory)
{
    const struct mc_habits *habits = &memory->habits;
    uint64_t flags = (habits->helo_only ? 1u : 0u) | (habits->lock_step ? 2u : 0u) |
                     (habits->wants_tls ? 4u : 0u) | (habits->tls_broken ? 8u : 0u) |
                     (memory->out ? 16u : 0u) | (memory->refuses_us ? 32u : 0u);
    const uint64_t numbers[] = {
        flags,
        (uint64_t)habits->transaction_rcpts << 48 | (uint64_t)habits->session_rcpts << 32 |
            (uint64_t)habits->session_refusals << 16 | habits->session_transactions,
        memory->cap,
        memory->asked,
    };
    uint64_t any = 0;
    for (size_t i = 0; i < MC_ARRAY_LEN(numbers); i++)
        any |= numbers[i];
    return any ? mc_hash(mc_span((const char *)numbers, sizeof numbers)) | 1 : 0;
}

static struct mc_failure *said_before(const struct mc_peer_memory *memory)
{
    struct mc_text line = {0};
    mc_text_add_z(&line, "not asked again so soon after: ");
    mc_text_add_printable(&line, memory->line, LINE_MAX_BYTES);
    struct mc_failure *failure = mc_failure_of_event(
        memory->refuses_us ? MC_STAGE_NONE : MC_STAGE_CONNECT, memory->reason, mc_text_z(&line));
    mc_text_free(&line);
    return failure;
}

void mc_house_remember(const struct mc_peers *peers, struct mc_house *house,
                       const struct mc_peer_memory *memory)
{
    uint32_t budget = peers->pace.off ? 0 : house->limits->rcpt_per_day;
    house->day_ms = memory->day_ms;
    house->asked_today = budget && memory->asked > budget ? budget : memory->asked;
    if (memory->out && memory->refuses_us) {
        house->resting = true;
        house->blame = said_before(memory);
    } else if (budget && house->asked_today == budget) {
        house->resting = true;
        house->blame = mc_failure_of_event(MC_STAGE_NONE, MC_REASON_NOT_PROBED,
                                           "the day's budget was spent by the run before");
    }
}

void mc_peer_remember(struct mc_peers *peers, uint32_t number, const struct mc_peer_memory *memory)
{
    struct mc_peer *peer = &peers->peers[number];
    struct mc_house *house = &peers->houses[peer->house];
    peer->habits = memory->habits;
    peer->cap = memory->cap;
    if (!house->listed)
        mc_house_remember(peers, house, memory);
    if (!memory->out)
        return;
    peer->dead = true;
    peer->failure = said_before(memory);
}
