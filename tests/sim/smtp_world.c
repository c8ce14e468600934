#include "smtp_world.h"

#include <stdio.h>

#include "base/hash.h"
#include "fake_dns.h"
#include "fake_loop.h"
#include "mx/mx_lookup.h"

struct sim_retry {
    struct sim_retry *next;
    struct sim_world *world;
    struct mc_timer timer;
    uint32_t recipient;
};

static void offer(struct sim_world *world, uint32_t lane, uint32_t prefer)
{
    if (world->lanes[lane].known && !world->stopped)
        mc_prober_offer(world->prober, lane, world->lanes[lane].route, prefer);
}

static void enqueue(struct sim_world *world, uint32_t number)
{
    struct sim_lane *lane = &world->lanes[world->recipients[number].lane];
    lane->recipients = mc_grow(lane->recipients, lane->count, &lane->room, sizeof(uint32_t));
    lane->recipients[lane->count++] = number;
    lane->waiting++;
}

static uint32_t add(struct sim_world *world, const char *local, uint32_t lane, bool smtputf8)
{
    world->recipients =
        mc_grow(world->recipients, world->count, &world->room, sizeof *world->recipients);
    world->recipients[world->count] = (struct sim_recipient){
        .local = mc_strdup(local), .lane = lane, .smtputf8 = smtputf8, .peer = MC_NONE};
    enqueue(world, (uint32_t)world->count);
    return (uint32_t)world->count++;
}

/* The owner's side */

static bool all_answered(const struct sim_world *world, uint32_t lane)
{
    for (size_t i = 0; i < world->count; i++)
        if (world->recipients[i].lane == lane && !world->recipients[i].done)
            return false;
    return true;
}

static bool take(void *arg, uint32_t lane, struct mc_recipient *recipient)
{
    struct sim_world *world = arg;
    struct sim_lane *record = &world->lanes[lane];
    if (record->next == record->count && record->wants_control && !record->has_control &&
        all_answered(world, lane)) {
        record->has_control = true;
        uint32_t control = add(world, "control7k2", lane, false);
        world->recipients[control].control = true;
    }
    if (record->next == record->count)
        return false;
    uint32_t number = record->recipients[record->next++];
    struct sim_recipient *taken = &world->recipients[number];
    MC_ASSERT(!taken->under_way && !taken->done);
    taken->under_way = true;
    record->waiting--;
    record->under_way++;
    *recipient = (struct mc_recipient){.id = number,
                                       .local = mc_span_of(taken->local),
                                       .domain = mc_span_of(record->domain),
                                       .needs_smtputf8 = taken->smtputf8,
                                       .is_control = taken->control};
    return true;
}

static void retry(void *arg)
{
    struct sim_retry *due = arg;
    struct sim_recipient *recipient = &due->world->recipients[due->recipient];
    enqueue(due->world, due->recipient);
    offer(due->world, recipient->lane, recipient->peer);
}

static void wait_out(struct sim_world *world, uint32_t number)
{
    struct sim_retry *due = mc_calloc(1, sizeof *due);
    due->world = world;
    due->recipient = number;
    due->next = world->retries;
    world->retries = due;
    mc_timer_init(&due->timer, world->loop, retry, due);
    mc_timer_set(&due->timer, mc_loop_now_ms(world->loop) + world->greylist_wait_ms);
}

static void keep(struct sim_world *world, struct sim_recipient *recipient,
                 const struct mc_answer *answer)
{
    struct mc_span host = mc_span("", 0);
    recipient->kind = answer->kind;
    recipient->stage = answer->stage;
    recipient->reason = answer->ruling.reason;
    recipient->code = answer->reply ? answer->reply->code : 0;
    recipient->peer = answer->peer;
    recipient->backup = answer->backup;
    recipient->asked = answer->asked;
    recipient->answered_ms = mc_loop_now_ms(world->loop);
    if (answer->host != MC_NONE)
        host = mc_mx_host_name(world->mx, answer->host);
    snprintf(recipient->host, sizeof recipient->host, "%.*s", (int)host.len, host.at);
    snprintf(recipient->detail, sizeof recipient->detail, "%s", answer->detail);
}

static void answered(void *arg, uint32_t lane, uint32_t number, const struct mc_answer *answer)
{
    struct sim_world *world = arg;
    struct sim_recipient *recipient = &world->recipients[number];
    MC_ASSERT(recipient->under_way && !recipient->done && recipient->lane == lane);
    MC_ASSERT(answer->ruling.rule && answer->detail);
    MC_ASSERT(answer->kind != MC_ANSWER_REPLY || answer->reply);
    world->answers++;
    world->lanes[lane].under_way--;
    recipient->under_way = false;
    keep(world, recipient, answer);
    bool greylisted = answer->ruling.reason == MC_REASON_GREYLISTED &&
                      (answer->kind == MC_ANSWER_REPLY || answer->kind == MC_ANSWER_HOPELESS);
    if (world->stopped) {
        recipient->done = true;
    } else if (greylisted && ++recipient->greylisted <= world->greylist_tries) {
        wait_out(world, number);
    } else if (answer->kind == MC_ANSWER_LOST && ++recipient->lost < world->lost_limit) {
        enqueue(world, number);
        offer(world, lane, MC_NONE);
    } else {
        recipient->done = true;
        if (world->lanes[lane].wants_control && !world->lanes[lane].has_control &&
            all_answered(world, lane))
            offer(world, lane, answer->peer);
    }
}

static void notice(void *arg, const char *line)
{
    struct sim_world *world = arg;
    world->notices++;
    if (world->tracing)
        mc_text_printf(&world->trace, "notice: %s\n", line);
}

static void trace(void *arg, const char *line)
{
    struct sim_world *world = arg;
    mc_text_printf(&world->trace, "%s\n", line);
}

/* The world */

void sim_world_options(struct mc_prober_options *options)
{
    *options = (struct mc_prober_options){.helo = "probe.test",
                                          .mail_from = "postmaster@probe.test",
                                          .port = 25,
                                          .connect_timeout_ms = 10000,
                                          .reply_timeout_ms = 30000,
                                          .concurrency = 100,
                                          .per_mx = 2,
                                          .per_provider = 10,
                                          .no_pace = true};
}

struct sim_world *sim_world_new(const char *zone, const struct mc_lists *lists,
                                const struct mc_prober_options *options, bool tracing)
{
    static const struct mc_net_options no_options = {0};
    struct sim_world *world = mc_calloc(1, sizeof *world);
    struct mc_mx_options mx_options = {.want_all = true};
    struct mc_prober_owner owner = {.arg = world,
                                    .take = take,
                                    .answered = answered,
                                    .notice = notice,
                                    .trace = tracing ? trace : NULL};
    char error[100];
    world->loop = mc_loop_new();
    world->net = mc_net_new(world->loop, &no_options, error, sizeof error);
    world->dns = sim_dns_new(world->loop, zone);
    world->mx = mc_mx_new(world->dns, &mx_options);
    world->prober = mc_prober_new(world->loop, world->net, world->mx, lists, options, &owner);
    world->lost_limit = 3;
    world->tracing = tracing;
    return world;
}

void sim_world_free(struct sim_world *world)
{
    while (world->retries) {
        struct sim_retry *due = world->retries;
        world->retries = due->next;
        mc_timer_cancel(&due->timer);
        free(due);
    }
    mc_prober_free(world->prober);
    mc_dns_free(world->dns);
    mc_mx_free(world->mx);
    mc_loop_run(world->loop, 0);
    mc_net_free(world->net);
    mc_loop_free(world->loop);
    for (size_t i = 0; i < world->count; i++)
        free(world->recipients[i].local);
    for (size_t i = 0; i < world->lane_count; i++) {
        free(world->lanes[i].domain);
        free(world->lanes[i].recipients);
    }
    free(world->recipients);
    free(world->lanes);
    mc_text_free(&world->trace);
    free(world);
}

struct lookup {
    struct sim_world *world;
    const char *domain;
};

static void mx_answered(void *arg, const struct mc_mx_answer *answer)
{
    struct lookup *lookup = arg;
    struct sim_world *world = lookup->world;
    MC_ASSERT(answer->reason == MC_REASON_ACCEPTED);
    for (uint32_t i = 0; i < world->lane_count; i++) {
        struct sim_lane *lane = &world->lanes[i];
        if (strcmp(lane->domain, lookup->domain) != 0 || lane->known)
            continue;
        lane->route = mc_prober_route(world->prober, answer->entries, answer->count);
        lane->known = true;
        offer(world, i, MC_NONE);
    }
    free(lookup);
}

static uint32_t lane_of(struct sim_world *world, const char *domain, bool smtputf8)
{
    for (uint32_t i = 0; i < world->lane_count; i++)
        if (strcmp(world->lanes[i].domain, domain) == 0 && world->lanes[i].smtputf8 == smtputf8)
            return i;
    world->lanes =
        mc_grow(world->lanes, world->lane_count, &world->lane_room, sizeof *world->lanes);
    world->lanes[world->lane_count] =
        (struct sim_lane){.domain = mc_strdup(domain), .smtputf8 = smtputf8};
    struct lookup *lookup = mc_malloc(sizeof *lookup);
    *lookup = (struct lookup){world, world->lanes[world->lane_count].domain};
    mc_mx_lookup(world->mx, mc_span_of(domain), mx_answered, lookup);
    return (uint32_t)world->lane_count++;
}

uint32_t sim_world_ask(struct sim_world *world, const char *local, const char *domain,
                       bool smtputf8)
{
    uint32_t lane = lane_of(world, domain, smtputf8);
    uint32_t number = add(world, local, lane, smtputf8);
    offer(world, lane, MC_NONE);
    return number;
}

void sim_world_want_control(struct sim_world *world, const char *domain)
{
    uint32_t lane = lane_of(world, domain, false);
    world->lanes[lane].wants_control = true;
}

struct sim_recipient *sim_world_find(struct sim_world *world, const char *local, const char *domain)
{
    for (size_t i = 0; i < world->count; i++)
        if (strcmp(world->recipients[i].local, local) == 0 &&
            strcmp(world->lanes[world->recipients[i].lane].domain, domain) == 0)
            return &world->recipients[i];
    return NULL;
}

size_t sim_world_unanswered(const struct sim_world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += !world->recipients[i].done;
    return count;
}

size_t sim_world_under_way(const struct sim_world *world)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        count += world->recipients[i].under_way;
    return count;
}

void sim_world_stopped(struct sim_world *world)
{
    world->stopped = true;
    for (struct sim_retry *due = world->retries; due; due = due->next)
        mc_timer_cancel(&due->timer);
}

bool sim_world_run(struct sim_world *world, int64_t limit_ms)
{
    int64_t end_ms = mc_loop_now_ms(world->loop) + limit_ms;
    while (mc_loop_now_ms(world->loop) < end_ms) {
        if (!mc_loop_run(world->loop, -1))
            return true;
        if (!sim_world_unanswered(world) && mc_prober_idle(world->prober))
            return true;
    }
    return false;
}
