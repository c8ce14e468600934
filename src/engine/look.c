/* Looking before probing: who would be asked (--plan), and a random few of them (--sample). */
#include "base/hash.h"
#include "engine/state.h"

/* The hash's key is drawn anew each run. */
static uint64_t random_below(uint64_t bound, uint64_t *draws)
{
    ++*draws;
    return mc_hash(mc_span((const char *)draws, sizeof *draws)) % bound;
}

/* Those who wait for a probe, one stratum a provider; the hosts of none are one together. */
struct stratum {
    uint64_t left, wanted; /* still to come, of them still to be drawn */
};

static size_t stratum_of(const struct mc_engine *engine, size_t domain)
{
    return engine->domains.domains[domain].provider;
}

/* Each its share of `count`; what rounding leaves goes to the greatest remainders. */
static void share_out(struct stratum *strata, size_t strata_count, uint64_t count, uint64_t waiting)
{
    uint64_t given = 0;
    if (count > waiting)
        count = waiting;
    for (size_t i = 0; i < strata_count; i++) {
        double share = (double)count * (double)strata[i].left / (double)(waiting ? waiting : 1);
        strata[i].wanted = (uint64_t)share;
        given += strata[i].wanted;
    }
    for (; given < count; given++) {
        size_t best = strata_count;
        double most = -1;
        for (size_t i = 0; i < strata_count; i++) {
            double share = (double)count * (double)strata[i].left / (double)waiting;
            if (strata[i].wanted < strata[i].left && share - (double)strata[i].wanted > most) {
                most = share - (double)strata[i].wanted;
                best = i;
            }
        }
        if (best == strata_count)
            return;
        strata[best].wanted++;
    }
}

uint64_t mc_engine_sample(struct mc_engine *engine, uint64_t count)
{
    size_t strata_count = mc_lists_provider_count(engine->lists) + 1;
    struct stratum *strata = mc_calloc(strata_count, sizeof *strata);
    uint64_t waiting = 0, draws = 0;
    for (size_t i = 0; i < engine->addresses.count; i++)
        if (engine->addresses.records[i].state == MC_ADDRESS_QUEUED) {
            strata[stratum_of(engine, engine->addresses.records[i].domain)].left++;
            waiting++;
        }
    share_out(strata, strata_count, count, waiting);
    for (uint32_t i = 0; i < engine->domains.count; i++)
        for (size_t kind = 0; kind < MC_LANES; kind++) {
            struct mc_address_queue all = engine->domains.domains[i].waiting[kind];
            struct mc_address_queue drawn = MC_ADDRESS_QUEUE_EMPTY;
            struct stratum *stratum = &strata[stratum_of(engine, i)];
            for (;;) {
                uint32_t address = mc_address_queue_pop(&engine->addresses, &all);
                if (address == MC_NONE)
                    break;
                /* each is drawn with the chance (still wanted) / (still to come) */
                if (stratum->wanted && random_below(stratum->left, &draws) < stratum->wanted) {
                    mc_address_queue_push(&engine->addresses, &drawn, address);
                    stratum->wanted--;
                } else {
                    mc_engine_settle(engine, address, MC_REASON_NOT_PROBED, MC_SOURCE_DNS);
                }
                stratum->left--;
            }
            engine->domains.domains[i].waiting[kind] = drawn;
        }
    free(strata);
    return waiting;
}

void mc_engine_plan(struct mc_engine *engine,
                    void (*each)(void *arg, const struct mc_plan_line *line), void *arg)
{
    size_t count = mc_lists_provider_count(engine->lists);
    struct mc_plan_line *lines = mc_calloc(count + 1, sizeof *lines);
    uint64_t *per_domain = mc_calloc(engine->domains.count + 1, sizeof *per_domain);
    for (size_t i = 0; i < engine->addresses.count; i++)
        per_domain[engine->addresses.records[i].domain] +=
            engine->addresses.records[i].state == MC_ADDRESS_QUEUED;
    for (size_t i = 0; i < engine->domains.count; i++) {
        const struct mc_provider *provider =
            mc_lists_provider_at(engine->lists, engine->domains.domains[i].provider);
        if (!per_domain[i])
            continue;
        MC_ASSERT(provider->index <= count);
        struct mc_plan_line *line = &lines[provider->index];
        line->provider = provider;
        line->addresses += per_domain[i];
        line->domains++;
        if (per_domain[i] > line->most)
            line->most = per_domain[i];
    }
    for (size_t i = 0; i <= count; i++)
        if (lines[i].addresses)
            each(arg, &lines[i]);
    free(per_domain);
    free(lines);
}
