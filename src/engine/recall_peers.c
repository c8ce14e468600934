/* What is remembered of mail servers between runs: how they want to be spoken to, whom to leave
 * alone for a while. */
#include "engine/state.h"
#include "smtp/peer_memory.h"

#define HOUR           3600
#define HABITS_SECONDS ((int64_t)7 * MC_DAY_SECONDS)
#define BLOCK_SECONDS  HOUR /* whoever refuses us is not asked again for so long */
#define DEAD_SECONDS   600  /* whoever does not answer */
#define HABITS_LEN     11

/* Flags, then counts of two bytes each. */
static struct mc_span pack(const struct mc_peer_memory *memory, unsigned char *out)
{
    const struct mc_habits *habits = &memory->habits;
    const uint16_t counts[] = {habits->transaction_rcpts, habits->session_rcpts,
                               habits->session_refusals, habits->session_transactions, memory->cap};
    _Static_assert(sizeof counts + 1 == HABITS_LEN, "all of it");
    out[0] = (unsigned char)((habits->helo_only ? 1 : 0) | (habits->lock_step ? 2 : 0) |
                             (habits->wants_tls ? 4 : 0) | (habits->tls_broken ? 8 : 0));
    memcpy(out + 1, counts, sizeof counts);
    return mc_span((const char *)out, HABITS_LEN);
}

static void unpack(struct mc_span bytes, struct mc_peer_memory *memory)
{
    uint16_t counts[5];
    if (bytes.len != HABITS_LEN)
        return;
    unsigned flags = (unsigned char)bytes.at[0];
    memcpy(counts, bytes.at + 1, sizeof counts);
    memory->habits = (struct mc_habits){
        .helo_only = flags & 1,
        .lock_step = flags & 2,
        .wants_tls = flags & 4,
        .tls_broken = flags & 8,
        .transaction_rcpts = counts[0],
        .session_rcpts = counts[1],
        .session_refusals = counts[2],
        .session_transactions = counts[3],
    };
    memory->cap = counts[4];
}

uint32_t mc_recall_origin(const struct mailcheck_options *options, const char *helo,
                          const char *mail_from)
{
    const char *const parts[] = {options->source_ip, options->proxy, helo, mail_from};
    uint64_t hash = 0;
    for (size_t i = 0; i < MC_ARRAY_LEN(parts); i++)
        hash = mc_store_hash(mc_span_of(parts[i] ? parts[i] : ""), hash) + i;
    return (uint32_t)(hash ^ hash >> 32) | 1;
}

static void tell(struct mc_engine *engine, struct mc_span name, const struct mc_peer_memory *memory,
                 int64_t seconds)
{
    char line[600];
    if (!engine->notice || !memory->refuses_us)
        return;
    snprintf(line, sizeof line, "%.*s blocked us (%.*s) and is left alone for %lld minutes more%s",
             (int)name.len, name.at, (int)memory->line.len, memory->line.at,
             (long long)(seconds + 59) / 60,
             engine->told_of_rest ? "" : "; --max-age 0 asks all the same");
    engine->told_of_rest = true;
    engine->notice(engine->notice_arg, line);
}

bool mc_recall_peer(void *arg, struct mc_span name, struct mc_peer_memory *memory)
{
    struct mc_engine *engine = arg;
    struct mc_store_peer known;
    int64_t now = mc_engine_wall_clock(engine);
    *memory = (struct mc_peer_memory){.line = mc_span("", 0)};
    if (!mc_store_get_peer(engine->store, name, engine->origin, &known) ||
        !mc_recall_is_fresh(engine, known.learned_at, MC_STORE_AGE_FREE))
        return false;
    if (mc_rules_fresh(known.learned_at, now, HABITS_SECONDS))
        unpack(known.habits, memory);
    int64_t left = known.out_until - now;
    if (left > 0 && left <= BLOCK_SECONDS) { /* more: the clock was set back */
        memory->out = true;
        memory->refuses_us = known.out_reason == MC_REASON_BLOCKED;
        memory->reason = known.out_reason;
        memory->line = known.out_line;
        tell(engine, name, memory, left);
    }
    if (mc_rules_fresh(known.day_at, now, MC_DAY_SECONDS)) {
        memory->day_ms = mc_loop_now_ms(engine->loop) - (now - known.day_at) * 1000;
        memory->asked = known.asked;
    }
    return true;
}

void mc_recall_note_peer(void *arg, struct mc_span name, const struct mc_peer_memory *memory)
{
    struct mc_engine *engine = arg;
    unsigned char habits[HABITS_LEN];
    int64_t now = mc_engine_wall_clock(engine);
    /* while nobody has answered, the fault may be ours */
    bool out = memory->out && (memory->refuses_us || engine->port == MC_PORT_OPEN);
    struct mc_store_peer known = {
        .learned_at = now,
        .habits = pack(memory, habits),
        .out_until = !out ? 0 : now + (memory->refuses_us ? BLOCK_SECONDS : DEAD_SECONDS),
        .out_reason = memory->reason,
        .out_line = memory->line,
        .day_at = memory->asked ? now - (mc_loop_now_ms(engine->loop) - memory->day_ms) / 1000 : 0,
        .asked = memory->asked,
    };
    mc_store_put_peer(engine->store, name, engine->origin, &known);
}

void mc_engine_inherit(struct mc_engine *engine, const struct mc_engine *old)
{
    if (engine->prober && old->prober)
        mc_prober_inherit(engine->prober, old->prober);
}
