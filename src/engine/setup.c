/* An engine is made of its options, and taken apart. */
#include <time.h>

#include "engine/state.h"

#define DNS_OUTSTANDING 4000
#define EMAIL_SCRATCH   ((MC_ADDRESS_MAX + 2) * 2 + 64)

static bool make_prober(struct mc_engine *engine, const struct mailcheck_options *options,
                        char *error, size_t error_size)
{
    struct mc_identity identity;
    struct mc_net_options net = {options->source_ip, options->proxy, options->connect,
                                 options->connect_arg};
    char why[512];
    engine->net = mc_net_new(engine->loop, &net, error, error_size);
    if (!engine->net)
        return false;
    if (!mc_identity_make(options->helo, options->mail_from, &identity, why, sizeof why)) {
        engine->probe_impossible = mc_strdup(why);
        if (engine->notice)
            engine->notice(engine->notice_arg, why);
        return true;
    }
    engine->proxied = options->proxy != NULL;
    struct mc_prober_options probing = {
        .helo = identity.helo,
        .mail_from = identity.mail_from,
        .port = options->smtp_port,
        .connect_timeout_ms = options->connect_timeout_ms,
        .reply_timeout_ms = options->reply_timeout_ms,
        .concurrency = options->concurrency,
        .per_mx = options->per_mx,
        .per_provider = options->per_provider,
        .no_pace = options->pace == MAILCHECK_PACE_OFF,
        .gentle_pace = options->pace == MAILCHECK_PACE_GENTLE,
    };
    engine->origin = mc_recall_origin(options, identity.helo, identity.mail_from);
    struct mc_prober_owner owner = mc_probing_owner(engine);
    engine->prober =
        mc_prober_new(engine->loop, engine->net, engine->mx, engine->lists, &probing, &owner);
    return true;
}

static bool has_ipv6(void *arg)
{
    const struct mc_engine *engine = arg;
    return !engine->net || mc_net_can_reach(engine->net, AF_INET6);
}

static bool make_network(struct mc_engine *engine, const struct mailcheck_options *options,
                         char *error, size_t error_size)
{
    struct mc_dns_options dns = {
        .servers = options->dns_servers,
        .timeout_ms = options->dns_timeout_ms,
        .outstanding = DNS_OUTSTANDING,
        .tcp = options->proxy != NULL,
        .proxy = options->proxy,
    };
    struct mc_mx_options mx = {
        .allow_private = options->allow_private_mx,
        .want_all = options->depth == MAILCHECK_DEPTH_SMTP,
        .has_ipv6 = has_ipv6,
        .has_ipv6_arg = engine,
        .aaaa_wait_ms = options->dns_timeout_ms / 5, /* two tries of a single server */
        .loop = engine->loop,
    };
    engine->dns = mc_dns_new(engine->loop, &dns, error, error_size);
    if (!engine->dns)
        return false;
    engine->mx = mc_mx_new(engine->dns, &mx);
    engine->lookup_pool = mc_calloc(MC_LOOKUPS_MAX, sizeof *engine->lookup_pool);
    for (size_t i = 0; i < MC_LOOKUPS_MAX; i++) {
        engine->lookup_pool[i].next_free = engine->free_lookups;
        engine->free_lookups = &engine->lookup_pool[i];
    }
    return options->depth != MAILCHECK_DEPTH_SMTP ||
           make_prober(engine, options, error, error_size);
}

/* Without a probe there is nothing to remember: what DNS says it says again at once. */
static bool make_store(struct mc_engine *engine, const struct mailcheck_options *options,
                       char *error, size_t error_size)
{
    const struct mc_store_options store = {.path = options->store, .hashed = options->store_hashed};
    if (!options->store || options->depth != MAILCHECK_DEPTH_SMTP)
        return true;
    engine->oldest_first = options->oldest_first;
    engine->store_max_age = options->store_max_age_ms / 1000 > INT32_MAX
                                ? INT32_MAX
                                : (int64_t)(options->store_max_age_ms / 1000);
    engine->store = mc_store_open(&store, error, error_size);
    return engine->store != NULL;
}

struct mc_engine *mc_engine_new(const struct mailcheck_options *options,
                                const struct mc_engine_hooks *hooks, char *error, size_t error_size)
{
    struct mc_engine *engine = mc_calloc(1, sizeof *engine);
    engine->hooks = *hooks;
    engine->depth = options->depth;
    engine->allow_role = options->allow_role;
    engine->notice = options->notice;
    engine->notice_arg = options->notice_arg;
    engine->trace = options->trace;
    engine->trace_arg = options->trace_arg;
    engine->settled = engine->unsure = MC_ADDRESS_QUEUE_EMPTY;
    engine->email = mc_malloc(EMAIL_SCRATCH);
    for (size_t i = 0; i < options->greylist_waits && i < MC_RETRY_DELAYS; i++)
        if (options->greylist_wait_ms[i])
            engine->greylist_wait_ms[engine->greylist_waits++] = options->greylist_wait_ms[i];
    engine->loop = hooks->loop ? hooks->loop : mc_loop_new();
    engine->start_ms = mc_loop_now_ms(engine->loop);
    engine->start_unix = time(NULL);
    engine->replies = mc_reply_log_new();
    mc_timer_init(&engine->tick, engine->loop, mc_engine_tick, engine);
    mc_timer_init(&engine->retry_timer, engine->loop, mc_probing_retry_due, engine);
    engine->lists =
        hooks->lists ? hooks->lists : mc_lists_new(options->lists_dir, error, error_size);
    if (!engine->lists || !make_store(engine, options, error, error_size) ||
        (options->depth != MAILCHECK_DEPTH_SYNTAX &&
         !make_network(engine, options, error, error_size))) {
        mc_engine_free(engine);
        return NULL;
    }
    return engine;
}

void mc_engine_free(struct mc_engine *engine)
{
    if (!engine)
        return;
    mc_timer_cancel(&engine->tick);
    mc_timer_cancel(&engine->retry_timer);
    if (engine->prober)
        mc_prober_free(engine->prober);
    if (engine->dns) /* first, so that it calls nobody back */
        mc_dns_free(engine->dns);
    if (engine->mx)
        mc_mx_free(engine->mx);
    if (engine->net)
        mc_net_free(engine->net);
    mc_store_close(engine->store);
    if (!engine->hooks.lists)
        mc_lists_free(engine->lists);
    if (!engine->hooks.loop)
        mc_loop_free(engine->loop);
    mc_address_table_free(&engine->addresses);
    mc_domain_table_free(&engine->domains);
    mc_mx_sets_free(&engine->sets);
    mc_reply_log_free(engine->replies);
    mc_retry_free(&engine->retries);
    mc_retry_free(&engine->recalled);
    free(engine->stale);
    free(engine->list_mark);
    free(engine->to_ask);
    free(engine->lookup_pool);
    free(engine->doubtful);
    free(engine->quiet);
    free(engine->probe_impossible);
    free(engine->email);
    free(engine);
}
