#include "mx/mx_lookup.h"

#include "address/idna.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
    ADDRESSES_MAX = 16, /* kept of each family of a host */
    CHUNK_ADDRESSES = 4096,
};

/* A host name and what is known of it; 20 bytes, since there may be as many as domains. */
struct host {
    uint32_t name;      /* in `names` */
    uint32_t waiters;   /* while it is being asked about: first of `waiters`, or MC_NONE */
    uint32_t addresses; /* chunk and place of the usable ones; behind them an unusable one */
    uint8_t state, kind;
    uint8_t usable, has_unusable;
    uint8_t failed_type, failure; /* MC_DNS_OK: nothing failed */
};

enum host_state { HOST_NEW, HOST_ASKING, HOST_KNOWN };

/* What is under way, so that it can be freed when the run is cut short. */
struct pending {
    struct pending *previous, *next;
    struct mc_mx *mx;
    struct mc_pool *pool; /* that it came from */
};

/* A host while its questions are under way. */
struct asking {
    struct pending pending; /* first */
    uint32_t host;
    unsigned open;          /* questions not answered yet */
    bool is_known;          /* nobody waits for them any more */
    bool asks_both;         /* for both families at once */
    struct mc_timer enough; /* time to go on without AAAA */
    struct family {
        size_t count;
        struct mc_ip ips[ADDRESSES_MAX];
    } families[2]; /* IPv4, IPv6 */
    bool has_unusable;
    struct mc_ip unusable;
    enum mc_dns_type failed_type;
    enum mc_dns_status failure;
};

/* A domain while its questions are under way. */
struct lookup {
    struct pending pending; /* first */
    void (*answered)(void *arg, const struct mc_mx_answer *answer);
    void *arg;
    bool implicit;
    size_t count, next; /* hosts, and the next one to ask about */
    size_t open;        /* hosts waited for */
    struct mc_mx_entry hosts[MC_MX_MAX];
    char domain[MC_DOMAIN_MAX + 1];
};

struct waiter {
    struct lookup *lookup;
    uint32_t next;
};

struct mc_mx {
    struct mc_dns *dns;
    struct mc_mx_options options;
    struct mc_arena names;
    struct mc_index by_name;
    struct host *hosts;
    size_t host_count, host_room;
    struct mc_ip **chunks; /* addresses never move */
    size_t chunk_count, chunk_room, chunk_used;
    struct pending *pending;
    struct mc_pool lookups, askings;
    struct waiter *waiters;
    size_t waiter_count, waiter_room;
    uint32_t free_waiter;
    struct mc_text detail;
};

/* Out of `pool`; what follows `pending` is undefined. */
static void *begin(struct mc_mx *mx, struct mc_pool *pool)
{
    struct pending *pending = mc_pool_get(pool);
    *pending = (struct pending){NULL, mx->pending, mx, pool};
    if (mx->pending)
        mx->pending->previous = pending;
    mx->pending = pending;
    return pending;
}

static void end(struct pending *pending)
{
    *(pending->previous ? &pending->previous->next : &pending->mx->pending) = pending->next;
    if (pending->next)
        pending->next->previous = pending->previous;
    mc_pool_put(pending->pool, pending);
}

/* The table of hosts */

static uint32_t host_of(struct mc_mx *mx, struct mc_span name)
{
    struct mc_index_cursor cursor;
    uint64_t hash = mc_hash(name);
    uint32_t at = mc_index_first(&mx->by_name, hash, &cursor);
    for (; at != MC_NONE; at = mc_index_next(&mx->by_name, &cursor))
        if (mc_span_equal(mc_arena_get(&mx->names, mx->hosts[at].name), name))
            return at;
    at = (uint32_t)mx->host_count;
    MC_ASSERT(at != MC_NONE);
    mx->hosts = mc_grow(mx->hosts, mx->host_count, &mx->host_room, sizeof *mx->hosts);
    struct host *host = &mx->hosts[mx->host_count++];
    *host = (struct host){.name = mc_arena_add(&mx->names, name),
                          .waiters = MC_NONE,
                          .kind = (uint8_t)mc_mx_name_kind(name)};
    bool is_asked = host->kind == MC_MX_NAME_HOST ||
                    (host->kind == MC_MX_NAME_LOCALHOST && mx->options.allow_private);
    host->state = is_asked ? HOST_NEW : HOST_KNOWN;
    mc_index_add(&mx->by_name, hash, at);
    return at;
}

static struct mc_ip *addresses_at(const struct mc_mx *mx, uint32_t place)
{
    return mx->chunks[place / CHUNK_ADDRESSES] + place % CHUNK_ADDRESSES;
}

/* Room for `count` addresses side by side. */
static uint32_t new_addresses(struct mc_mx *mx, size_t count)
{
    if (!mx->chunk_count || mx->chunk_used + count > CHUNK_ADDRESSES) {
        mx->chunks = mc_grow(mx->chunks, mx->chunk_count, &mx->chunk_room, sizeof(struct mc_ip *));
        mx->chunks[mx->chunk_count++] = mc_malloc(CHUNK_ADDRESSES * sizeof(struct mc_ip));
        mx->chunk_used = 0;
    }
    size_t place = (mx->chunk_count - 1) * CHUNK_ADDRESSES + mx->chunk_used;
    MC_ASSERT(place < UINT32_MAX);
    mx->chunk_used += count;
    return (uint32_t)place;
}

struct mc_span mc_mx_host_name(const struct mc_mx *mx, uint32_t host)
{
    return mc_arena_get(&mx->names, mx->hosts[host].name);
}

size_t mc_mx_host_addresses(const struct mc_mx *mx, uint32_t host, const struct mc_ip **addresses)
{
    const struct host *known = &mx->hosts[host];
    *addresses = known->usable ? addresses_at(mx, known->addresses) : NULL;
    return known->usable;
}

/* Domains */

static struct mc_mx_finding finding_of(const struct mc_mx *mx, const struct host *host)
{
    struct mc_mx_finding finding = {
        .name = mc_arena_get(&mx->names, host->name),
        .kind = host->kind,
        .usable = host->usable,
        .has_unusable = host->has_unusable,
        .failed = host->failure != MC_DNS_OK,
        .failed_type = host->failed_type,
        .failure = host->failure,
    };
    if (host->has_unusable)
        finding.unusable = addresses_at(mx, host->addresses)[host->usable];
    return finding;
}

static void answer(struct lookup *lookup, const struct mc_mx_answer *is)
{
    void (*answered)(void *, const struct mc_mx_answer *) = lookup->answered;
    void *arg = lookup->arg;
    end(&lookup->pending);
    answered(arg, is);
}

/* All that is needed about the hosts is known. */
static void finish(struct lookup *lookup)
{
    struct mc_mx *mx = lookup->pending.mx;
    struct mc_mx_finding findings[MC_MX_MAX];
    struct mc_mx_entry usable[MC_MX_MAX];
    struct mc_mx_answer is = {.entries = usable};
    /* one by one: the last one asked about is the last that counts */
    size_t count =
        mx->options.want_all || lookup->next >= lookup->count ? lookup->count : lookup->next + 1;
    for (size_t i = 0; i < count; i++) {
        findings[i] = finding_of(mx, &mx->hosts[lookup->hosts[i].host]);
        if (findings[i].usable)
            usable[is.count++] = lookup->hosts[i];
    }
    mx->detail.len = 0;
    is.reason = mc_mx_judge(findings, count, lookup->implicit, &mx->detail);
    is.detail = mc_text_z(&mx->detail);
    is.best_host = mc_mx_host_name(mx, is.count ? usable[0].host : lookup->hosts[0].host);
    if (lookup->implicit && is.reason == MC_REASON_NO_MAIL_SERVER)
        is.best_host = mc_span("", 0);
    answer(lookup, &is);
}

static void ask_host(struct mc_mx *mx, uint32_t at);

static void wait_for(struct lookup *lookup, uint32_t at)
{
    struct mc_mx *mx = lookup->pending.mx;
    uint32_t place = mx->free_waiter;
    if (place == MC_NONE) {
        mx->waiters = mc_grow(mx->waiters, mx->waiter_count, &mx->waiter_room, sizeof *mx->waiters);
        place = (uint32_t)mx->waiter_count++;
    } else {
        mx->free_waiter = mx->waiters[place].next;
    }
    mx->waiters[place] = (struct waiter){lookup, mx->hosts[at].waiters};
    mx->hosts[at].waiters = place;
    lookup->open++;
    if (mx->hosts[at].state == HOST_NEW)
        ask_host(mx, at);
}

/* Asks about the hosts that still matter; when none is left, answers. */
static void proceed(struct lookup *lookup)
{
    struct mc_mx *mx = lookup->pending.mx;
    for (; lookup->next < lookup->count; lookup->next++) {
        uint32_t at = lookup->hosts[lookup->next].host;
        if (mx->hosts[at].state != HOST_KNOWN)
            wait_for(lookup, at);
        if (!mx->options.want_all && (lookup->open || mx->hosts[at].usable))
            break;
    }
    if (!lookup->open)
        finish(lookup);
}

static void host_is_known(struct mc_mx *mx, uint32_t at)
{
    mx->hosts[at].state = HOST_KNOWN;
    while (mx->hosts[at].waiters != MC_NONE) {
        uint32_t place = mx->hosts[at].waiters;
        struct lookup *lookup = mx->waiters[place].lookup;
        mx->hosts[at].waiters = mx->waiters[place].next;
        mx->waiters[place].next = mx->free_waiter;
        mx->free_waiter = place;
        lookup->open--;
        proceed(lookup);
    }
}

/* Hosts */

static void go_on(struct asking *asking)
{
    struct mc_mx *mx = asking->pending.mx;
    struct host *host = &mx->hosts[asking->host];
    size_t count4 = asking->families[0].count, count6 = asking->families[1].count;
    size_t count = count4 + count6 + asking->has_unusable;
    if (count) {
        host->addresses = new_addresses(mx, count);
        struct mc_ip *to = addresses_at(mx, host->addresses);
        memcpy(to, asking->families[0].ips, count4 * sizeof *to);
        memcpy(to + count4, asking->families[1].ips, count6 * sizeof *to);
        if (asking->has_unusable)
            to[count - 1] = asking->unusable;
    }
    host->usable = (uint8_t)(count4 + count6);
    host->has_unusable = asking->has_unusable;
    host->failed_type = (uint8_t)asking->failed_type;
    host->failure = (uint8_t)asking->failure;
    asking->is_known = true;
    host_is_known(mx, asking->host);
}

/* All questions are answered. */
static void settle_host(struct asking *asking)
{
    mc_timer_cancel(&asking->enough);
    if (!asking->is_known)
        go_on(asking);
    end(&asking->pending);
}

static void on_enough(void *arg)
{
    go_on(arg);
}

static void add_address(struct asking *asking, const struct mc_ip *ip)
{
    struct family *family = &asking->families[ip->family == 6];
    if (!mc_ip_usable(ip, asking->pending.mx->options.allow_private)) {
        asking->has_unusable = true;
        asking->unusable = *ip;
    } else if (family->count < ADDRESSES_MAX) {
        family->ips[family->count++] = *ip;
    }
}

static void add_answer(struct asking *asking, enum mc_dns_type type, const struct mc_dns_answer *is)
{
    for (size_t i = 0; i < is->count; i++) {
        struct mc_ip ip = {.family = type == MC_DNS_A ? 4 : 6};
        if (type == MC_DNS_A)
            memcpy(ip.octets, &is->a[i], sizeof is->a[i]);
        else
            memcpy(ip.octets, &is->aaaa[i], sizeof is->aaaa[i]);
        add_address(asking, &ip);
    }
    bool failed =
        is->status != MC_DNS_OK && is->status != MC_DNS_NO_DATA && is->status != MC_DNS_NOT_FOUND;
    if (failed && asking->failure == MC_DNS_OK) {
        asking->failed_type = type;
        asking->failure = is->status;
    }
    asking->open--;
}

static void on_aaaa(void *arg, const struct mc_dns_answer *is)
{
    struct asking *asking = arg;
    add_answer(asking, MC_DNS_AAAA, is);
    if (!asking->open)
        settle_host(asking);
}

static void ask_aaaa(struct asking *asking)
{
    struct mc_mx *mx = asking->pending.mx;
    asking->open++;
    mc_dns_ask(mx->dns, MC_DNS_AAAA, mc_mx_host_name(mx, asking->host).at, on_aaaa, asking);
}

static void on_a(void *arg, const struct mc_dns_answer *is)
{
    struct asking *asking = arg;
    add_answer(asking, MC_DNS_A, is);
    if (!asking->asks_both && !asking->families[0].count && is->status != MC_DNS_NOT_FOUND)
        ask_aaaa(asking);
    const struct mc_mx_options *options = &asking->pending.mx->options;
    if (!asking->open)
        settle_host(asking);
    else if (asking->families[0].count && options->aaaa_wait_ms)
        mc_timer_set(&asking->enough, mc_loop_now_ms(options->loop) + options->aaaa_wait_ms);
}

static bool wants_both(const struct mc_mx_options *options)
{
    return options->want_all && (!options->has_ipv6 || options->has_ipv6(options->has_ipv6_arg));
}

static void ask_host(struct mc_mx *mx, uint32_t at)
{
    struct asking *asking = begin(mx, &mx->askings);
    asking->host = at;
    asking->open = 1;
    asking->families[0].count = asking->families[1].count = 0;
    asking->has_unusable = asking->is_known = false;
    asking->asks_both = wants_both(&mx->options);
    mc_timer_init(&asking->enough, mx->options.loop, on_enough, asking);
    asking->failed_type = MC_DNS_A;
    asking->failure = MC_DNS_OK;
    mx->hosts[at].state = HOST_ASKING;
    mc_dns_ask(mx->dns, MC_DNS_A, mc_mx_host_name(mx, at).at, on_a, asking);
    if (asking->asks_both)
        ask_aaaa(asking);
}

/* MX */

static void on_mx(void *arg, const struct mc_dns_answer *is)
{
    struct lookup *lookup = arg;
    struct mc_mx *mx = lookup->pending.mx;
    if (is->status == MC_DNS_OK) {
        struct mc_dns_mx best[MC_MX_MAX];
        lookup->count = mc_mx_pick(is->mx, is->count, best);
        for (size_t i = 0; i < lookup->count; i++)
            lookup->hosts[i] =
                (struct mc_mx_entry){best[i].preference, host_of(mx, mc_span_of(best[i].host))};
        proceed(lookup);
    } else if (is->status == MC_DNS_NO_DATA) {
        lookup->implicit = true;
        lookup->count = 1;
        lookup->hosts[0] = (struct mc_mx_entry){0, host_of(mx, mc_span_of(lookup->domain))};
        proceed(lookup);
    } else {
        mx->detail.len = 0;
        struct mc_mx_answer failure = {.reason = mc_mx_judge_failure(is->status, &mx->detail),
                                       .best_host = mc_span("", 0)};
        failure.detail = mc_text_z(&mx->detail);
        answer(lookup, &failure);
    }
}

void mc_mx_lookup(struct mc_mx *mx, struct mc_span domain,
                  void (*answered)(void *arg, const struct mc_mx_answer *answer), void *arg)
{
    struct lookup *lookup = begin(mx, &mx->lookups);
    lookup->answered = answered;
    lookup->arg = arg;
    lookup->implicit = false;
    lookup->count = lookup->next = lookup->open = 0;
    MC_ASSERT(domain.len < sizeof lookup->domain);
    memcpy(lookup->domain, domain.at, domain.len);
    lookup->domain[domain.len] = '\0';
    mc_dns_ask(mx->dns, MC_DNS_MX, lookup->domain, on_mx, lookup);
}

struct mc_mx *mc_mx_new(struct mc_dns *dns, const struct mc_mx_options *options)
{
    struct mc_mx *mx = mc_calloc(1, sizeof *mx);
    mx->dns = dns;
    mx->options = *options;
    mx->free_waiter = MC_NONE;
    mx->lookups.size = sizeof(struct lookup);
    mx->askings.size = sizeof(struct asking);
    return mx;
}

void mc_mx_free(struct mc_mx *mx)
{
    if (!mx)
        return;
    while (mx->pending) {
        if (mx->pending->pool == &mx->askings)
            mc_timer_cancel(&((struct asking *)mx->pending)->enough);
        end(mx->pending);
    }
    mc_pool_free(&mx->lookups);
    mc_pool_free(&mx->askings);
    for (size_t i = 0; i < mx->chunk_count; i++)
        free(mx->chunks[i]);
    free(mx->chunks);
    free(mx->hosts);
    free(mx->waiters);
    mc_arena_free(&mx->names);
    mc_index_free(&mx->by_name);
    mc_text_free(&mx->detail);
    free(mx);
}
