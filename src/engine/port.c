/* Do connections to port 25 leave this host at all? Until that is known nobody is called out of
 * reach. */
#include <stdio.h>

#include "engine/state.h"

#define PORT_VERDICT_MS 15000 /* a handshake that takes longer counts as failed */
#define PORT_PROVIDERS  3     /* so many providers out of reach: the port is closed */

static void settle_unsure(struct mc_engine *engine, bool as_not_probed)
{
    for (;;) {
        uint32_t address = mc_address_queue_pop(&engine->addresses, &engine->unsure);
        if (address == MC_NONE)
            break;
        struct mc_address_record *record = &engine->addresses.records[address];
        uint32_t domain = record->domain;
        if (as_not_probed)
            record->reply = 0;
        mc_engine_settle(engine, address,
                         as_not_probed ? MC_REASON_NOT_PROBED : (enum mc_reason)record->reason,
                         as_not_probed ? MC_SOURCE_DNS : MC_SOURCE_PROBE);
        mc_probing_step(engine, domain);
    }
    engine->unsure_count = 0;
}

static void close_port(struct mc_engine *engine)
{
    static const char proxied[] =
        "no connection to port 25 comes about through the proxy: mail servers of several large "
        "providers were tried and none answered within 15 s. See that the proxy runs and lets "
        "port 25 through";
    static const char direct[] =
        "no connection to port 25 leaves this host: mail servers of several large providers were "
        "tried and none answered within 15 s. Most networks and clouds close it: ask yours to "
        "open it, or probe from elsewhere with --proxy socks5://HOST:PORT";
    const char *why = engine->proxied ? proxied : direct;
    engine->port = MC_PORT_CLOSED;
    engine->probe_impossible = mc_strdup(why);
    if (engine->notice)
        engine->notice(engine->notice_arg, why);
    settle_unsure(engine, true);
    mc_prober_stop(engine->prober);
    for (uint32_t i = 0; i < engine->addresses.count; i++)
        if (engine->addresses.records[i].state == MC_ADDRESS_QUEUED &&
            engine->domains.domains[engine->addresses.records[i].domain].state == MC_DOMAIN_KNOWN)
            mc_engine_settle(engine, i, MC_REASON_NOT_PROBED, MC_SOURCE_DNS);
    for (size_t i = 0; i < engine->domains.count; i++)
        if (engine->domains.domains[i].state == MC_DOMAIN_KNOWN)
            for (size_t kind = 0; kind < MC_LANES; kind++)
                engine->domains.domains[i].waiting[kind] = MC_ADDRESS_QUEUE_EMPTY;
}

void mc_probing_judge_port(struct mc_engine *engine, bool drained)
{
    if (!engine->prober || engine->port != MC_PORT_UNTRIED || engine->stopping)
        return;
    struct mc_prober_reach reach = mc_prober_reach(engine->prober, PORT_VERDICT_MS);
    if (reach.any_connected) {
        engine->port = MC_PORT_OPEN;
        settle_unsure(engine, false);
    } else if (reach.providers_failed >= PORT_PROVIDERS) {
        close_port(engine);
    } else if (drained) {
        settle_unsure(engine, false);
    }
}
