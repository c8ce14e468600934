#include "http/desk.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

#define KEEP_AGAIN_MS 10 /* another process has the store */
#define OFFICES       5  /* one a depth; and for strangers, where there is a suppress list */
#define FOR_STRANGERS 3  /* behind the last depth */

/* The engine of one depth and kind of callers, of one generation after the other. */
struct mc_office {
    struct mc_desk *desk;
    struct mc_engine *engine;
    enum mailcheck_depth depth;
    bool is_strangers;
    int64_t begun_ms;
    uint32_t addresses; /* in it */
    bool worn;          /* to be replaced when it has nothing to do */
    bool stopping;      /* to be replaced: it answers no more questions */
    struct mc_waiter **of_address;
    size_t room;
    struct mc_waiter *settled;  /* a verdict is there; not yet in the store */
    struct mc_waiter *homeless; /* to be asked of the next generation */
};

struct mc_desk {
    struct mc_loop *loop;
    struct mc_lists *lists;
    struct mailcheck_options options;
    struct mc_office offices[OFFICES];
    size_t waiting;
    uint64_t generations, dns_questions, sessions, recipients, controls;
    bool stopped;
    struct mc_timer again;
    char *email; /* scratch of what is known of a homeless question */
};

/* ---- waiters ---- */

static void put_waiter(struct mc_waiter **list, struct mc_waiter *waiter)
{
    waiter->next = *list;
    waiter->link = list;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    *list = waiter;
}

static void take_waiter(struct mc_waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    waiter->link = NULL;
}

static struct mc_waiter **place_of(struct mc_office *office, uint32_t address)
{
    if (address >= office->room) {
        size_t room = office->room;
        while (address >= office->room) /* many before it may have been answered at once */
            office->of_address = mc_grow(office->of_address, office->room, &office->room,
                                         sizeof *office->of_address);
        for (size_t i = room; i < office->room; i++)
            office->of_address[i] = NULL;
        for (size_t i = 0; i < room; i++) /* the first of each list looks back here */
            if (office->of_address[i])
                office->of_address[i]->link = &office->of_address[i];
    }
    return &office->of_address[address];
}

/* ---- generations ---- */

static bool is_unknown(const struct mc_result *result)
{
    return result->status == MC_UNKNOWN && result->reason != MC_REASON_NOT_PROBED;
}

static void on_settled(void *arg, uint32_t address)
{
    struct mc_office *office = arg;
    struct mc_result result;
    if (address >= office->room || !office->of_address[address])
        return;
    mc_engine_result(office->engine, address, &result);
    /* cut short by the change of generations, not by what was learned */
    bool again = office->stopping && !office->desk->stopped && result.status == MC_UNKNOWN;
    while (office->of_address[address]) {
        struct mc_waiter *waiter = office->of_address[address];
        take_waiter(waiter);
        if (again)
            waiter->address = MC_NONE;
        put_waiter(again ? &office->homeless : &office->settled, waiter);
    }
}

static bool begin(struct mc_office *office, char *error, size_t error_size)
{
    struct mc_desk *desk = office->desk;
    struct mailcheck_options options = desk->options;
    const struct mc_engine_hooks hooks = {.arg = office,
                                          .settled = on_settled,
                                          .loop = desk->loop,
                                          .lists = desk->lists,
                                          .is_endless = true,
                                          .hides_suppressed = office->is_strangers};
    options.depth = office->depth;
    office->engine = mc_engine_new(&options, &hooks, error, error_size);
    office->begun_ms = mc_loop_now_ms(desk->loop);
    office->worn = office->stopping = false;
    office->addresses = 0;
    desk->generations++;
    return office->engine != NULL;
}

static void add_counts(struct mc_desk *desk, const struct mc_office *office)
{
    struct mc_engine_counts counts;
    mc_engine_count(office->engine, &counts);
    desk->dns_questions += counts.dns_questions;
    desk->sessions += counts.sessions;
    desk->recipients += counts.recipients;
    desk->controls += counts.controls;
}

/* ---- asking ---- */

/* True: the address has its verdict, and that is in the store. */
static bool is_known(struct mc_office *office, uint32_t address)
{
    return mc_engine_is_settled(office->engine, address) && mc_engine_try_keep(office->engine);
}

static void wait_for(struct mc_office *office, uint32_t address, struct mc_waiter *waiter)
{
    waiter->address = address;
    put_waiter(mc_engine_is_settled(office->engine, address) ? &office->settled
                                                             : place_of(office, address),
               waiter);
}

static uint32_t add(struct mc_office *office, const struct mc_address *address)
{
    bool is_new;
    uint32_t index = mc_engine_add(office->engine, address, &is_new);
    office->addresses += is_new;
    return index;
}

/* ---- generations ---- */

static bool has_nothing_to_do(const struct mc_office *office)
{
    struct mc_engine_counts counts;
    mc_engine_count(office->engine, &counts);
    return mc_engine_idle(office->engine) && !office->settled && !counts.open_connections;
}

/* The next generation; what the last one left open is asked of it. */
static void renew(struct mc_office *office)
{
    struct mc_desk *desk = office->desk;
    struct mc_engine *old = office->engine;
    struct mc_waiter *homeless;
    char error[512];
    (void)mc_engine_keep(old, error, sizeof error);
    add_counts(desk, office);
    if (!begin(office, error, sizeof error)) {
        mc_log(MC_LOG_ERROR, "%s", error); /* what could be opened before cannot be now */
        exit(1);
    }
    mc_engine_inherit(office->engine, old);
    mc_engine_free(old);
    for (size_t i = 0; i < office->room; i++)
        office->of_address[i] = NULL;
    while ((homeless = office->homeless)) {
        struct mc_address address;
        take_waiter(homeless);
        MC_ASSERT(mc_address_parse(mc_span_of(homeless->email), &address) == MC_SYNTAX_OK);
        wait_for(office, add(office, &address), homeless);
    }
}

static void consider_age(struct mc_office *office)
{
    int64_t age_ms = mc_loop_now_ms(office->desk->loop) - office->begun_ms;
    if (!office->addresses || office->desk->stopped)
        return;
    if (office->addresses > MC_DESK_ADDRESSES || age_ms > MC_DESK_FRESH_MS)
        office->worn = true;
    if (office->worn && has_nothing_to_do(office)) {
        if (mc_engine_try_keep(office->engine)) /* else later: nobody waits for a busy store */
            renew(office);
    } else if (!office->stopping &&
               (age_ms > MC_DESK_WORN_MS || office->addresses > 2 * MC_DESK_ADDRESSES)) {
        office->stopping = office->worn = true;
        mc_engine_stop(office->engine);
    }
}

/* An unknown verdict that is asked for again after a while is worth a new try. */
static bool is_stale(const struct mc_office *office, const struct mc_result *result)
{
    return is_unknown(result) &&
           mc_engine_wall_clock(office->engine) - result->checked_at > MC_DESK_UNKNOWN_MS / 1000;
}

/* ---- the counter ---- */

enum mailcheck_depth mc_desk_depth(const struct mc_desk *desk)
{
    return desk->options.depth;
}

static struct mc_office *office_of(struct mc_desk *desk, const struct mc_desk_question *question)
{
    enum mailcheck_depth depth =
        question->depth < desk->options.depth ? question->depth : desk->options.depth;
    MC_ASSERT(!question->is_strangers || depth != MAILCHECK_DEPTH_SMTP);
    struct mc_office *office = &desk->offices[depth];
    return question->is_strangers && office[FOR_STRANGERS].engine ? &office[FOR_STRANGERS] : office;
}

static void nothing_known(struct mc_desk *desk, struct mc_span email, struct mc_result *result)
{
    free(desk->email);
    desk->email = mc_span_dup(email);
    *result = (struct mc_result){
        .reason = MC_REASON_NOT_PROBED,
        .status = MC_UNKNOWN,
        .source = MC_SOURCE_SYNTAX,
        .role = MC_NOT_KNOWN,
        .disposable = MC_NOT_KNOWN,
        .free = MC_NOT_KNOWN,
        .catch_all = MC_NOT_KNOWN,
        .email = mc_span_of(desk->email),
    };
}

static void join(struct mc_office *office, struct mc_waiter *waiter,
                 const struct mc_address *address)
{
    waiter->email = mc_span_dup(address->email);
    waiter->office = office;
    office->desk->waiting++;
}

bool mc_desk_ask(struct mc_desk *desk, const struct mc_desk_question *question,
                 struct mc_result *result, struct mc_waiter *waiter)
{
    const struct mc_address *address = question->address;
    struct mc_office *office = office_of(desk, question);
    if (office->stopping) {
        nothing_known(desk, address->email, result);
        if (waiter) {
            join(office, waiter, address);
            waiter->address = MC_NONE;
            put_waiter(&office->homeless, waiter);
        }
        return false;
    }
    uint32_t index = add(office, address);
    bool known = is_known(office, index);
    mc_engine_result(office->engine, index, result);
    if (known && is_stale(office, result)) {
        office->worn = true;
        if (has_nothing_to_do(office) && mc_engine_try_keep(office->engine)) {
            renew(office);
            index = add(office, address);
            known = is_known(office, index);
            mc_engine_result(office->engine, index, result);
        }
    }
    if (!known && waiter) {
        join(office, waiter, address);
        wait_for(office, index, waiter);
    }
    return known;
}

void mc_desk_so_far(struct mc_desk *desk, const struct mc_waiter *waiter, struct mc_result *result)
{
    if (waiter->address == MC_NONE)
        nothing_known(desk, mc_span_of(waiter->email), result);
    else
        mc_engine_result(waiter->office->engine, waiter->address, result);
}

static void release(struct mc_desk *desk, struct mc_waiter *waiter)
{
    take_waiter(waiter);
    free(waiter->email);
    waiter->email = NULL;
    desk->waiting--;
}

void mc_desk_leave(struct mc_desk *desk, struct mc_waiter *waiter)
{
    if (waiter->email)
        release(desk, waiter);
}

static void answer_settled(struct mc_office *office)
{
    struct mc_desk *desk = office->desk;
    if (!office->settled)
        return;
    if (!mc_engine_try_keep(office->engine)) {
        mc_timer_set(&desk->again, mc_loop_now_ms(desk->loop) + KEEP_AGAIN_MS);
        return;
    }
    while (office->settled) {
        struct mc_waiter *waiter = office->settled;
        struct mc_result result;
        release(desk, waiter);
        mc_engine_result(office->engine, waiter->address, &result);
        waiter->answered(waiter->arg, &result);
    }
}

void mc_desk_turn(struct mc_desk *desk)
{
    for (struct mc_office *office = desk->offices; office < desk->offices + OFFICES; office++)
        if (office->engine) {
            mc_engine_turn(office->engine);
            answer_settled(office);
            consider_age(office);
        }
}

void mc_desk_stop(struct mc_desk *desk)
{
    desk->stopped = true;
    for (size_t i = 0; i < OFFICES; i++)
        if (desk->offices[i].engine)
            mc_engine_stop(desk->offices[i].engine);
}

bool mc_desk_keep(struct mc_desk *desk, char *error, size_t error_size)
{
    return mc_engine_keep(desk->offices[desk->options.depth].engine, error, error_size);
}

/* ---- making ---- */

/* A turn must come, no more. */
static void turn_again(void *arg)
{
    (void)arg;
}

struct mc_desk *mc_desk_new(struct mc_loop *loop, const struct mailcheck_options *options,
                            char *error, size_t error_size)
{
    struct mc_desk *desk = mc_calloc(1, sizeof *desk);
    desk->loop = loop;
    desk->options = *options;
    mc_timer_init(&desk->again, loop, turn_again, desk);
    desk->lists = mc_lists_new(options->lists_dir, error, error_size);
    if (!desk->lists) {
        mc_desk_free(desk);
        return NULL;
    }
    for (size_t i = 0; i < OFFICES; i++) {
        struct mc_office *office = &desk->offices[i];
        office->desk = desk;
        office->is_strangers = i >= FOR_STRANGERS;
        office->depth = (enum mailcheck_depth)(i % FOR_STRANGERS);
        if (office->depth > options->depth ||
            (office->is_strangers && !mc_lists_has_suppressed(desk->lists)))
            continue;
        if (!begin(office, error, error_size)) {
            mc_desk_free(desk);
            return NULL;
        }
    }
    return desk;
}

static void forget_waiters(struct mc_desk *desk, struct mc_waiter *list)
{
    while (list) {
        struct mc_waiter *next = list->next;
        release(desk, list);
        list = next;
    }
}

void mc_desk_free(struct mc_desk *desk)
{
    if (!desk)
        return;
    mc_timer_cancel(&desk->again);
    for (size_t i = 0; i < OFFICES; i++) {
        struct mc_office *office = &desk->offices[i];
        forget_waiters(desk, office->settled);
        forget_waiters(desk, office->homeless);
        for (size_t at = 0; at < office->room; at++)
            forget_waiters(desk, office->of_address[at]);
        mc_engine_free(office->engine);
        free(office->of_address);
    }
    mc_lists_free(desk->lists);
    free(desk->email);
    free(desk);
}

size_t mc_desk_waiting(const struct mc_desk *desk)
{
    return desk->waiting;
}

void mc_desk_count(const struct mc_desk *desk, struct mc_desk_counts *counts)
{
    *counts = (struct mc_desk_counts){
        .generations = desk->generations,
        .dns_questions = desk->dns_questions,
        .sessions = desk->sessions,
        .recipients = desk->recipients,
        .controls = desk->controls,
    };
    for (size_t i = 0; i < OFFICES; i++) {
        const struct mc_engine *engine = desk->offices[i].engine;
        struct mc_engine_counts now;
        if (!engine)
            continue;
        mc_engine_count(engine, &now);
        counts->dns_questions += now.dns_questions;
        counts->sessions += now.sessions;
        counts->recipients += now.recipients;
        counts->controls += now.controls;
        counts->addresses += now.addresses;
        counts->open_connections += now.open_connections;
        counts->store_failed |= mc_engine_store_failed(engine);
        if (mc_engine_probe_impossible(engine))
            counts->probe_impossible = mc_engine_probe_impossible(engine);
    }
}
