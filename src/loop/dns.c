/* Questions: the queue, the window of those under way, what to do after each try. How a try
 * travels is the business of dns_ares.c and dns_stream.c. */
#include "loop/dns.h"

#include <ares.h>
#include <stdio.h>

#include "base/memory.h"
#include "loop/dns_ares.h"
#include "loop/dns_message.h"
#include "loop/dns_stream.h"
#include "loop/dns_window.h"

enum {
    ALIASES_MAX = 8,           /* further questions that a chain of CNAMEs may cost */
    LATE_IN_A_ROW = 8,         /* a server that was late so often is no longer asked first */
    WAITING_ENOUGH = 64,       /* questions in the queue while the window is full */
    REFUSED_PAUSE_MS = 1000,   /* before a single server is asked again after SERVFAIL */
    CROWDED_ROUNDS = 5,        /* as often a server that is only busy is asked */
    UNREACHABLE_PAUSE_MS = 50, /* before a dead server is tried again; doubles */
};

/* Who has the question now. */
enum question_state {
    QUEUED, /* waits for room in the window */
    SENT,   /* the carrier has it and will call back */
    PAUSED, /* waits for `retry_at_ms` */
    DEAD,   /* its answer is given, but the carrier still has it */
};

struct question {
    struct question *previous, *next; /* in `queue`, or in `under_way` while SENT or PAUSED */
    struct mc_dns *dns;
    void (*answered)(void *arg, const struct mc_dns_answer *answer);
    void *arg;
    int64_t deadline_ms, retry_at_ms;
    enum question_state state;
    enum mc_dns_type type;
    enum mc_dns_status failure; /* what to say if nothing better comes */
    uint8_t server;             /* asked first in this try */
    uint8_t refusals, cuts, aliases;
    bool patient;
    uint8_t name_len;
    char name[MC_DNS_NAME_MAX];
};

struct question_list {
    struct question *first, *last;
    size_t count;
};

struct mc_dns {
    struct mc_loop *loop;
    struct mc_dns_carrier carrier;
    struct mc_pool pool;                   /* of questions */
    struct question_list queue, under_way; /* the latter in the order of their deadlines */
    size_t paused, dead;
    struct mc_dns_window window;
    uint32_t refused_in_a_row;
    struct mc_timer tick, wake;
    struct mc_dns_message message;
    uint32_t timeout_ms;
    unsigned preferred; /* server to ask first */
    unsigned late_in_a_row;
    bool busy;    /* in a call back of ours, after which the queue is looked at anyway */
    bool ticking; /* while something is under way */
    bool closing;
    uint64_t questions;
};

static void list_add(struct question_list *list, struct question *question)
{
    question->previous = list->last;
    question->next = NULL;
    *(list->last ? &list->last->next : &list->first) = question;
    list->last = question;
    list->count++;
}

static void list_remove(struct question_list *list, struct question *question)
{
    *(question->previous ? &question->previous->next : &list->first) = question->next;
    *(question->next ? &question->next->previous : &list->last) = question->previous;
    list->count--;
}

static unsigned servers(const struct mc_dns *dns)
{
    return dns->carrier.servers(dns->carrier.self);
}

/* One that is too long is left empty, and cannot be asked either. */
static void set_name(struct question *question, const char *name)
{
    size_t len = strlen(name);
    question->name_len = (uint8_t)(len <= sizeof question->name ? len : 0);
    memcpy(question->name, name, question->name_len);
}

/* Answers */

/* Takes the question out of the books and tells the asker. A question that the carrier still has
 * is freed when the carrier is done with it. */
static void settle(struct question *question, const struct mc_dns_answer *answer, bool carried)
{
    struct mc_dns *dns = question->dns;
    void (*answered)(void *, const struct mc_dns_answer *) = question->answered;
    void *arg = question->arg;
    list_remove(&dns->under_way, question);
    dns->paused -= question->state == PAUSED;
    if (carried) {
        question->state = DEAD;
        dns->dead++;
    } else {
        mc_pool_put(&dns->pool, question);
    }
    answered(arg, answer);
}

static void settle_failure(struct question *question, enum mc_dns_status status, bool carried)
{
    struct mc_dns_answer answer = {.status = status};
    settle(question, &answer, carried);
}

/* Names that lead nowhere by definition, and are not to be asked for (RFC 7686). */
static bool is_onion(struct mc_span name)
{
    struct mc_span end = mc_span_of(".onion");
    return name.len >= end.len &&
           mc_span_equal_nocase(mc_span(name.at + name.len - end.len, end.len), end);
}

static void send_try(struct question *question)
{
    struct mc_dns *dns = question->dns;
    unsigned char message[MC_DNS_QUESTION_MAX];
    struct mc_span name = mc_span(question->name, question->name_len);
    struct mc_dns_try try = {
        .message = message,
        .len = mc_dns_question_write(message, question->type, name),
        .server = question->server,
        .patient = question->patient,
    };
    question->state = SENT;
    if (!try.len || is_onion(name)) {
        settle_failure(question, try.len ? MC_DNS_NOT_FOUND : MC_DNS_BAD, false);
        return;
    }
    dns->carrier.send(dns->carrier.self, &try, question);
}

static void pause_until(struct question *question, int64_t at_ms)
{
    question->state = PAUSED;
    question->retry_at_ms = at_ms;
    question->dns->paused++;
}

static int64_t left_ms(const struct question *question)
{
    return question->deadline_ms - mc_loop_now_ms(question->dns->loop);
}

static void note_pace(const struct question *question, enum mc_dns_pace pace)
{
    struct mc_dns *dns = question->dns;
    int64_t took_ms = (int64_t)dns->timeout_ms - left_ms(question);
    mc_dns_window_note(&dns->window, pace, (uint32_t)took_ms, dns->queue.count > 0);
}

/* A resolver that refuses what it has no room for, but answers others: dnsmasq, in many a home
 * router, takes 150 questions at once. Before an answer, or after none for long, it means it. */
static bool is_crowded(const struct mc_dns *dns, enum mc_dns_status status)
{
    return status == MC_DNS_REFUSED && dns->refused_in_a_row < dns->window.limit;
}

/* SERVFAIL, REFUSED, nonsense: each server is asked before that is believed, a single one twice,
 * since resolvers fail in passing. */
static void after_refusal(struct question *question, enum mc_dns_status status)
{
    struct mc_dns *dns = question->dns;
    unsigned count = servers(dns), rounds = count == 1 ? 2 : 1;
    if (is_crowded(dns, status)) {
        note_pace(question, MC_DNS_TURNED_AWAY);
        dns->refused_in_a_row++;
        rounds = CROWDED_ROUNDS;
    }
    question->failure = status;
    question->refusals++;
    if (question->refusals % count) {
        question->server = (uint8_t)((question->server + 1) % count);
        send_try(question);
    } else if (question->refusals / count < rounds && left_ms(question) > 2 * REFUSED_PAUSE_MS) {
        pause_until(question, mc_loop_now_ms(dns->loop) + REFUSED_PAUSE_MS);
    } else {
        settle_failure(question, status, false);
    }
}

/* The carrier has given up, though time is left: so it does over TCP, where it does not repeat. */
static void after_silence(struct question *question)
{
    struct mc_dns *dns = question->dns;
    if (left_ms(question) <= dns->timeout_ms / 4) {
        settle_failure(question, question->failure, false);
        return;
    }
    question->patient = true;
    question->server = (uint8_t)((question->server + 1) % servers(dns));
    send_try(question);
}

/* Nobody there, or no descriptor left: may pass. */
static void after_cut(struct question *question)
{
    int64_t pause_ms = (int64_t)UNREACHABLE_PAUSE_MS << question->cuts;
    if (question->failure == MC_DNS_TIMEOUT)
        question->failure = MC_DNS_LOCAL;
    if (pause_ms >= left_ms(question)) {
        settle_failure(question, question->failure, false);
        return;
    }
    question->cuts++;
    pause_until(question, mc_loop_now_ms(question->dns->loop) + pause_ms);
}

/* The server left a chain of CNAMEs to us: one that is authoritative for the first link only. */
static void follow_alias(struct question *question)
{
    if (++question->aliases > ALIASES_MAX) {
        settle_failure(question, MC_DNS_BAD, false);
        return;
    }
    question->dns->questions++;
    set_name(question, question->dns->message.alias);
    send_try(question);
}

static void after_answer(struct question *question, const struct mc_dns_try_result *result)
{
    struct mc_dns *dns = question->dns;
    struct mc_dns_message *message = &dns->message;
    mc_fetch(question->arg, 128); /* the asker's, wanted when the message is read */
    enum mc_dns_status status =
        mc_dns_message_read(message, question->type, result->bytes, result->len);
    if (status == MC_DNS_OK || status == MC_DNS_NO_DATA || status == MC_DNS_NOT_FOUND) {
        note_pace(question, result->late ? MC_DNS_LATE : MC_DNS_PROMPT);
        dns->refused_in_a_row = 0;
    }
    switch (status) {
    case MC_DNS_NO_DATA:
        if (message->alias[0]) {
            follow_alias(question);
            return;
        }
        settle(question, &message->answer, false);
        return;
    case MC_DNS_OK:
    case MC_DNS_NOT_FOUND:
        settle(question, &message->answer, false);
        return;
    case MC_DNS_SERVFAIL:
    case MC_DNS_REFUSED:
    case MC_DNS_BAD:
    case MC_DNS_TIMEOUT:
    case MC_DNS_LOCAL:
        after_refusal(question, status);
        return;
    }
}

/* Leaves a server alone that is late again and again, for the next one. */
static void judge_server(struct mc_dns *dns, const struct question *question, bool late)
{
    if (question->server != dns->preferred)
        return;
    dns->late_in_a_row = late ? dns->late_in_a_row + 1 : 0;
    if (dns->late_in_a_row < LATE_IN_A_ROW)
        return;
    dns->late_in_a_row = 0;
    dns->preferred = (dns->preferred + 1) % servers(dns);
}

static void on_ended(void *arg, const struct mc_dns_try_result *result)
{
    struct question *question = arg;
    struct mc_dns *dns = question->dns;
    if (question->state == DEAD || dns->closing) {
        dns->dead -= question->state == DEAD;
        if (question->state != DEAD)
            list_remove(&dns->under_way, question);
        mc_pool_put(&dns->pool, question);
        return;
    }
    bool was_busy = dns->busy;
    dns->busy = true;
    judge_server(dns, question,
                 result->late || result->outcome == MC_DNS_TRY_SILENCE ||
                     result->outcome == MC_DNS_TRY_UNREACHABLE);
    switch (result->outcome) {
    case MC_DNS_TRY_ANSWERED:
        after_answer(question, result);
        break;
    case MC_DNS_TRY_SILENCE:
        after_silence(question);
        break;
    case MC_DNS_TRY_UNREACHABLE:
        after_cut(question);
        break;
    }
    dns->busy = was_busy;
}

/* The queue */

static void start(struct mc_dns *dns, struct question *question)
{
    list_remove(&dns->queue, question);
    list_add(&dns->under_way, question);
    question->deadline_ms = mc_loop_now_ms(dns->loop) + dns->timeout_ms;
    question->server = (uint8_t)dns->preferred;
    question->failure = MC_DNS_TIMEOUT;
    dns->questions++;
    send_try(question);
}

static void fill_window(void *arg)
{
    struct mc_dns *dns = arg;
    dns->busy = true;
    while (dns->queue.first && dns->under_way.count < dns->window.size) {
        struct question *question = dns->queue.first;
        if (question->next) /* while this one is sent */
            mc_fetch(question->next, offsetof(struct question, name) + 64);
        start(dns, question);
    }
    dns->busy = false;
    if ((dns->under_way.count || dns->dead) && !dns->ticking) {
        dns->ticking = true;
        mc_timer_set(&dns->tick, mc_loop_now_ms(dns->loop) + dns->carrier.tick_ms);
    }
}

static void retry_paused(struct mc_dns *dns, int64_t now_ms)
{
    /* A try that fails at once pauses its question again, in place: the walk comes to an end. */
    struct question *next = dns->paused ? dns->under_way.first : NULL;
    while (next) {
        struct question *question = next;
        next = question->next;
        if (question->state != PAUSED || question->retry_at_ms > now_ms)
            continue;
        dns->paused--;
        question->server = (uint8_t)dns->preferred;
        send_try(question);
    }
}

/* The hard bound: whatever the carrier still hopes for, the asker has waited long enough. */
static void settle_overdue(struct mc_dns *dns, int64_t now_ms)
{
    while (dns->under_way.first && dns->under_way.first->deadline_ms <= now_ms) {
        struct question *question = dns->under_way.first;
        settle_failure(question, question->failure, question->state == SENT);
    }
}

static void on_tick(void *arg)
{
    struct mc_dns *dns = arg;
    int64_t now_ms = mc_loop_now_ms(dns->loop);
    dns->ticking = false;
    dns->busy = true;
    dns->carrier.tick(dns->carrier.self);
    retry_paused(dns, now_ms);
    settle_overdue(dns, now_ms);
    fill_window(dns);
    if (!dns->ticking)
        dns->carrier.rest(dns->carrier.self);
}

void mc_dns_ask(struct mc_dns *dns, enum mc_dns_type type, const char *name,
                void (*answered)(void *arg, const struct mc_dns_answer *answer), void *arg)
{
    struct question *question = mc_pool_get(&dns->pool);
    memset(question, 0, offsetof(struct question, name));
    question->dns = dns;
    question->answered = answered;
    question->arg = arg;
    question->state = QUEUED;
    question->type = type;
    set_name(question, name);
    list_add(&dns->queue, question);
    if (!dns->busy)
        mc_timer_set(&dns->wake, mc_loop_now_ms(dns->loop));
}

bool mc_dns_has_room(const struct mc_dns *dns)
{
    return dns->under_way.count + dns->queue.count < dns->window.size + WAITING_ENOUGH;
}

uint64_t mc_dns_questions(const struct mc_dns *dns)
{
    return dns->questions;
}

/* Life */

struct mc_dns *mc_dns_new(struct mc_loop *loop, const struct mc_dns_options *options, char *error,
                          size_t error_size)
{
    struct mc_dns *dns = mc_calloc(1, sizeof *dns);
    struct mc_dns_carrier_events events = {on_ended, fill_window, dns};
    dns->loop = loop;
    dns->pool.size = sizeof(struct question);
    dns->timeout_ms = options->timeout_ms ? options->timeout_ms : 1;
    mc_dns_window_init(&dns->window, options->outstanding);
    dns->refused_in_a_row = dns->window.limit;
    mc_timer_init(&dns->tick, loop, on_tick, dns);
    mc_timer_init(&dns->wake, loop, fill_window, dns);
    struct mc_dns_options checked = *options;
    checked.timeout_ms = dns->timeout_ms;
    bool good = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    MC_ASSERT(good);
    good = options->proxy
               ? mc_dns_stream_new(&dns->carrier, loop, &checked, &events, error, error_size)
               : mc_dns_ares_new(&dns->carrier, loop, &checked, &events, error, error_size);
    if (good)
        return dns;
    ares_library_cleanup();
    free(dns);
    return NULL;
}

void mc_dns_free(struct mc_dns *dns)
{
    if (!dns)
        return;
    dns->closing = true;
    mc_timer_cancel(&dns->tick);
    mc_timer_cancel(&dns->wake);
    dns->carrier.free(dns->carrier.self);
    /* the carrier has given back what it had; the rest was queued or paused */
    while (dns->queue.first) {
        struct question *question = dns->queue.first;
        list_remove(&dns->queue, question);
        mc_pool_put(&dns->pool, question);
    }
    while (dns->under_way.first) {
        struct question *question = dns->under_way.first;
        list_remove(&dns->under_way, question);
        mc_pool_put(&dns->pool, question);
    }
    mc_pool_free(&dns->pool);
    mc_dns_message_free(&dns->message);
    ares_library_cleanup();
    free(dns);
}
