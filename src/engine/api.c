/* The functions of include/mailcheck.h, over the engine. Nothing is decided here. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/engine.h"
#include "mailcheck.h"
#include "mailcheck_event.h"
#include "verdict/classify.h"
#include "verdict/reply.h"

/* The public enums are written out in mailcheck.h, for its readers; they must stay ours. */
#define X(name, token, status, score)                                                              \
    _Static_assert((int)MAILCHECK_REASON_##name == (int)MC_REASON_##name, #name);
MC_REASON_TABLE(X)
#undef X
_Static_assert((int)MAILCHECK_UNKNOWN == (int)MC_UNKNOWN, "status");
_Static_assert((int)MAILCHECK_SOURCE_SYNTAX == (int)MC_SOURCE_SYNTAX, "source");

/* One submission. Its id is its place and how often that was used, so that an old id is known. */
struct ticket {
    mailcheck_callback callback; /* NULL: cancelled or delivered */
    void *arg;
    char *bad;        /* the trimmed cell, where it is no address */
    uint32_t address; /* else the engine's */
    uint32_t next;    /* the next ticket of the same address, of the ready list, of the free ones */
    uint32_t use;
};

struct mailcheck {
    struct mc_engine *engine;
    struct ticket *tickets;
    size_t count, room;
    uint32_t unused;      /* tickets to be used again */
    uint64_t open;        /* submissions without their callback */
    bool freeing, fresh;  /* fresh: something was submitted or stopped since the last turn */
    uint32_t *of_address; /* first ticket of each address */
    size_t address_room;
    uint32_t ready, ready_tail; /* answered without the engine's help */
    struct mc_text email, suggestion, mx, smtp;
    bool is_guest; /* on a base of libevent's that is the caller's */
};

static void settled(void *arg, uint32_t address);

struct mailcheck *mailcheck_new(const struct mailcheck_options *given, char *error,
                                size_t error_size)
{
    struct mailcheck_options options;
    struct mailcheck *context = mc_calloc(1, sizeof *context);
    struct mc_engine_hooks hooks = {.arg = context, .settled = settled};
    mailcheck_options_init(&options, sizeof options);
    memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    context->ready = context->ready_tail = context->unused = MC_NONE;
    context->engine = mc_engine_new(&options, &hooks, error, error_size);
    if (!context->engine) {
        free(context);
        return NULL;
    }
    return context;
}

static const char *keep(struct mc_text *text, struct mc_span span)
{
    text->len = 0;
    mc_text_add_span(text, span);
    return mc_text_z(text);
}

/* A turn of the caller's loop must come, and soon. */
static void wake(struct mailcheck *context)
{
    context->fresh = true;
    if (context->is_guest)
        mc_loop_guest_wait(mc_engine_loop(context->engine), 0);
}

static uint32_t take_ticket(struct mailcheck *context)
{
    uint32_t index = context->unused;
    if (index != MC_NONE) {
        context->unused = context->tickets[index].next;
    } else {
        context->tickets =
            mc_grow(context->tickets, context->count, &context->room, sizeof *context->tickets);
        index = (uint32_t)context->count++;
        context->tickets[index].use = 0;
    }
    return index;
}

/* `ticket` is on no list any more: gives it back and calls, if that is still wanted. */
static void call(struct mailcheck *context, uint32_t index, const struct mc_result *result)
{
    struct ticket *ticket = &context->tickets[index];
    mailcheck_callback callback = ticket->callback;
    void *arg = ticket->arg;
    uint64_t id = (uint64_t)ticket->use << 32 | (index + 1u);
    ticket->callback = NULL;
    ticket->use++;
    ticket->next = context->unused;
    context->unused = index;
    if (!callback)
        return;
    const struct mailcheck_result out = {
        .status = (enum mailcheck_status)result->status,
        .reason = (enum mailcheck_reason)result->reason,
        .source = (enum mailcheck_source)result->source,
        .score = mc_reason_score(result->reason),
        .role = (enum mailcheck_flag)result->role,
        .disposable = (enum mailcheck_flag)result->disposable,
        .free = (enum mailcheck_flag)result->free,
        .catch_all = (enum mailcheck_flag)result->catch_all,
        .email = keep(&context->email, result->email),
        .suggestion = keep(&context->suggestion, result->suggestion),
        .provider = result->provider.len ? result->provider.at : "",
        .mx = keep(&context->mx, result->mx),
        .smtp = keep(&context->smtp, result->smtp),
        .checked_at = result->checked_at,
    };
    context->open--;
    callback(arg, id, &out);
}

static void settled(void *arg, uint32_t address)
{
    struct mailcheck *context = arg;
    if (address >= context->address_room)
        return;
    uint32_t index = context->of_address[address];
    context->of_address[address] = MC_NONE;
    while (index != MC_NONE) {
        struct mc_result result;
        uint32_t next = context->tickets[index].next;
        mc_engine_result(context->engine, address, &result);
        call(context, index, &result);
        index = next;
    }
}

static void deliver_ready(struct mailcheck *context)
{
    while (context->ready != MC_NONE) {
        uint32_t index = context->ready;
        struct ticket *ticket = &context->tickets[index];
        struct mc_result result;
        context->ready = ticket->next;
        if (context->ready == MC_NONE)
            context->ready_tail = MC_NONE;
        char *bad = ticket->bad;
        ticket->bad = NULL;
        if (bad)
            result =
                mc_result_of_no_address(mc_span_of(bad), mc_engine_wall_clock(context->engine));
        else
            mc_engine_result(context->engine, ticket->address, &result);
        call(context, index, &result);
        free(bad);
    }
}

static void put_ready(struct mailcheck *context, uint32_t index)
{
    context->tickets[index].next = MC_NONE;
    if (context->ready_tail == MC_NONE)
        context->ready = index;
    else
        context->tickets[context->ready_tail].next = index;
    context->ready_tail = index;
}

static void wait_for(struct mailcheck *context, uint32_t index, uint32_t address)
{
    if (address >= context->address_room) {
        size_t room = context->address_room;
        context->of_address =
            mc_grow(context->of_address, address, &context->address_room, sizeof(uint32_t));
        MC_ASSERT(address < context->address_room);
        for (; room < context->address_room; room++)
            context->of_address[room] = MC_NONE;
    }
    context->tickets[index].next = context->of_address[address];
    context->of_address[address] = index;
}

uint64_t mailcheck_submit(struct mailcheck *context, const char *address, size_t len,
                          mailcheck_callback callback, void *arg)
{
    struct mc_address parsed;
    MC_ASSERT(callback);
    if (context->freeing)
        return 0;
    mc_loop_refresh_now(mc_engine_loop(context->engine));
    uint32_t index = take_ticket(context);
    struct ticket *ticket = &context->tickets[index];
    ticket->callback = callback;
    ticket->arg = arg;
    ticket->bad = NULL;
    ticket->address = MC_NONE;
    context->open++;
    uint64_t id = (uint64_t)ticket->use << 32 | (index + 1u);
    if (mc_address_parse(mc_span(address, len), &parsed) != MC_SYNTAX_OK) {
        ticket->bad = mc_span_dup(parsed.email);
        put_ready(context, index);
    } else {
        bool is_new;
        ticket->address = mc_engine_add(context->engine, &parsed, &is_new);
        /* a settled one's hook may still be to come: then it must not be answered twice */
        if (!is_new && mc_engine_is_settled(context->engine, ticket->address) &&
            ticket->address < context->address_room &&
            context->of_address[ticket->address] == MC_NONE)
            put_ready(context, index);
        else
            wait_for(context, index, ticket->address);
    }
    wake(context);
    return id;
}

bool mailcheck_cancel(struct mailcheck *context, uint64_t id)
{
    uint64_t index = (id & UINT32_MAX) - 1;
    if (index >= context->count)
        return false;
    struct ticket *ticket = &context->tickets[index];
    if (ticket->use != id >> 32 || !ticket->callback)
        return false;
    ticket->callback = NULL; /* it goes when its list is walked */
    context->open--;
    return true;
}

void mailcheck_run(struct mailcheck *context, int timeout_ms)
{
    bool waits = context->ready == MC_NONE && context->open;
    context->fresh = false;
    deliver_ready(context);
    /* connections that say goodbye want to be served even when no answer is waited for */
    mc_engine_run(context->engine, waits ? timeout_ms : 0);
    deliver_ready(context);
}

int mailcheck_fd(const struct mailcheck *context)
{
    return mc_loop_fd(mc_engine_loop(context->engine));
}

int mailcheck_timeout_ms(struct mailcheck *context)
{
    int64_t wait_ms = mc_loop_wait_ms(mc_engine_loop(context->engine));
    if (context->fresh)
        return 0;
    return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

static void guest_turn(void *arg)
{
    struct mailcheck *context = arg;
    mailcheck_run(context, 0);
    mc_loop_guest_wait(mc_engine_loop(context->engine), mailcheck_timeout_ms(context));
}

struct mailcheck *mailcheck_new_on_base(struct event_base *base,
                                        const struct mailcheck_options *options, char *error,
                                        size_t error_size)
{
    struct mailcheck *context = mailcheck_new(options, error, error_size);
    if (!context)
        return NULL;
    context->is_guest =
        mc_loop_be_guest(mc_engine_loop(context->engine), base, guest_turn, context);
    if (context->is_guest)
        return context;
    snprintf(error, error_size, "libevent has no memory for two more events");
    mailcheck_free(context);
    return NULL;
}

void mailcheck_stop(struct mailcheck *context)
{
    mc_engine_stop(context->engine);
    wake(context);
}

bool mailcheck_idle(const struct mailcheck *context)
{
    return context->open == 0;
}

bool mailcheck_probe_impossible(const struct mailcheck *context)
{
    return mc_engine_probe_impossible(context->engine) != NULL;
}

void mailcheck_free(struct mailcheck *context)
{
    if (!context)
        return;
    context->freeing = true;
    deliver_ready(context);
    for (uint32_t i = 0; i < context->count; i++) {
        struct mc_result result;
        if (!context->tickets[i].callback)
            continue;
        mc_engine_result(context->engine, context->tickets[i].address, &result);
        call(context, i, &result);
    }
    mc_engine_free(context->engine);
    free(context->tickets);
    free(context->of_address);
    mc_text_free(&context->email);
    mc_text_free(&context->suggestion);
    mc_text_free(&context->mx);
    mc_text_free(&context->smtp);
    free(context);
}

void mailcheck_options_init(struct mailcheck_options *options, size_t size)
{
    const struct mailcheck_options defaults = {
        .size = size,
        .depth = MAILCHECK_DEPTH_SMTP,
        .smtp_port = 25,
        .dns_timeout_ms = 10000,
        .connect_timeout_ms = 10000,
        .reply_timeout_ms = 60000,
        .concurrency = 500,
        .per_mx = 2,
        .per_provider = 10,
        .pace = MAILCHECK_PACE_DEFAULT,
        .store_max_age_ms = UINT64_MAX,
    };
    memcpy(options, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

enum mailcheck_reason mailcheck_classify_reply(const char *text, size_t len)
{
    struct mc_reply reply;
    const struct mc_ours nothing = {0};
    mc_reply_from_text(mc_span(text, len), &reply);
    struct mc_ruling ruling = mc_classify(MC_STAGE_NONE, &reply, mc_span("", 0), &nothing);
    return (enum mailcheck_reason)(ruling.surety == MC_AMBIGUOUS ? MC_REASON_BLOCKED
                                                                 : ruling.reason);
}

const char *mailcheck_status_name(enum mailcheck_status status)
{
    return mc_status_name((enum mc_status)status);
}

const char *mailcheck_reason_name(enum mailcheck_reason reason)
{
    return mc_reason_name((enum mc_reason)reason);
}

const char *mailcheck_source_name(enum mailcheck_source source)
{
    return mc_source_name((enum mc_source)source);
}

enum mailcheck_status mailcheck_reason_status(enum mailcheck_reason reason)
{
    return (enum mailcheck_status)mc_reason_status((enum mc_reason)reason);
}

const char *mailcheck_version(void)
{
    return MC_VERSION;
}
