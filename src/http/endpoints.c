#include "http/endpoints.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "http/endpoints_state.h"
#include "http/verdict_json.h"

/* One address of a request that waits. */
struct item {
    struct mc_waiter waiter;
    struct job *job;
    char *json; /* its verdict; NULL: not yet */
};

/* A request that could not be answered at once. */
struct job {
    struct mc_endpoints *endpoints;
    struct job *next, *previous;
    struct visit visit;
    struct mc_timer deadline;
    size_t count, open;
    struct item items[];
};

/* ---- replies ---- */

static void send_reply(struct mc_endpoints *endpoints, const struct visit *visit, int status,
                       const char *type, struct mc_span body)
{
    const struct mc_http_reply reply = {
        .status = status,
        .type = type,
        .head = mc_text_span(&endpoints->head),
        .body = body,
        .body_is_left_out = visit->is_head,
    };
    mc_metrics_answered(endpoints, visit, status);
    mc_http_reply(visit->exchange, &reply);
}

/* Header lines that every reply has; more may be added behind them. */
static void begin_head(struct mc_endpoints *endpoints, const struct visit *visit)
{
    struct mc_text *head = &endpoints->head;
    head->len = 0;
    mc_text_add_z(head, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (visit->is_cross_origin) {
        mc_text_add_z(head, "Access-Control-Allow-Origin: ");
        mc_text_add_span(head, mc_http_request_header(visit->request, MC_HTTP_ORIGIN));
        mc_text_add_z(head, "\r\nVary: Origin\r\n"
                            "Access-Control-Expose-Headers: Retry-After\r\n");
    }
}

void mc_endpoints_fail(struct mc_endpoints *endpoints, const struct visit *visit, int status,
                       const char *sentence)
{
    struct mc_text *body = &endpoints->body;
    begin_head(endpoints, visit);
    if (visit->retry_after)
        mc_text_printf(&endpoints->head, "Retry-After: %u\r\n", visit->retry_after);
    if (status == 401)
        mc_text_add_z(&endpoints->head, "WWW-Authenticate: Bearer realm=\"mailcheck\"\r\n");
    if (status == 405)
        mc_text_printf(&endpoints->head, "Allow: %s\r\n", visit->allowed);
    body->len = 0;
    mc_text_add_z(body, "{\"error\":");
    mc_json_string(body, mc_span_of(sentence));
    mc_text_add_z(body, "}\n");
    send_reply(endpoints, visit, status, "application/json", mc_text_span(body));
}

void mc_endpoints_give(struct mc_endpoints *endpoints, const struct visit *visit, int status,
                       const char *type, const char *head, struct mc_span body)
{
    begin_head(endpoints, visit);
    mc_text_add_z(&endpoints->head, head);
    send_reply(endpoints, visit, status, type, body);
}

/* ---- verdicts ---- */

/* True: `result` is the verdict on it. */
static bool ask(struct mc_endpoints *endpoints, const struct visit *visit, struct mc_span email,
                struct mc_address *address, struct mc_result *result, struct mc_waiter *waiter)
{
    const struct mc_desk_question question = {
        .address = address,
        .depth = visit->depth,
        .is_strangers = visit->caller.kind == MC_CALLER_ANYBODY,
    };
    bool known = true;
    if (mc_address_parse(email, address) != MC_SYNTAX_OK)
        *result = mc_result_of_no_address(address->email, time(NULL));
    else
        known = mc_desk_ask(endpoints->desk, &question, result, waiter);
    if (known)
        endpoints->verdicts[result->reason]++;
    return known;
}

static void finish(struct job *job)
{
    struct mc_endpoints *endpoints = job->endpoints;
    struct mc_text *body = &endpoints->body;
    bool is_bulk = job->visit.is_bulk, is_pending = job->open > 0;
    body->len = 0;
    mc_text_add_z(body, is_bulk ? "[" : "");
    for (size_t i = 0; i < job->count; i++) {
        struct item *item = &job->items[i];
        if (is_bulk)
            mc_text_add_z(body, i ? ",\n" : "");
        if (item->json) {
            mc_text_add_z(body, item->json);
        } else {
            struct mc_result result;
            mc_desk_so_far(endpoints->desk, &item->waiter, &result);
            mc_verdict_json(body, &result, true);
            mc_desk_leave(endpoints->desk, &item->waiter);
        }
        free(item->json);
    }
    mc_text_add_z(body, is_bulk ? "]\n" : "\n");
    mc_timer_cancel(&job->deadline);
    *(job->previous ? &job->previous->next : &endpoints->jobs) = job->next;
    if (job->next)
        job->next->previous = job->previous;
    endpoints->job_count--;
    struct visit visit = job->visit;
    free(job);
    mc_endpoints_give(endpoints, &visit, is_pending ? 202 : 200, "application/json", "",
                      mc_text_span(body));
}

static void on_deadline(void *arg)
{
    finish(arg);
}

static void keep_json(struct item *item, const struct mc_result *result)
{
    struct mc_text json = {0};
    mc_verdict_json(&json, result, false);
    item->json = mc_strdup(mc_text_z(&json));
    mc_text_free(&json);
    item->job->open--;
}

static void on_answered(void *arg, const struct mc_result *result)
{
    struct item *item = arg;
    struct job *job = item->job;
    job->endpoints->verdicts[result->reason]++;
    keep_json(item, result);
    if (!job->open)
        finish(job);
}

static void ask_all(struct mc_endpoints *endpoints, const struct visit *visit,
                    const struct mc_span *emails, size_t count)
{
    struct job *job = mc_malloc(sizeof *job + count * sizeof *job->items);
    *job = (struct job){.endpoints = endpoints,
                        .visit = *visit,
                        .count = count,
                        .open = count,
                        .next = endpoints->jobs};
    mc_timer_init(&job->deadline, endpoints->loop, on_deadline, job);
    if (job->next)
        job->next->previous = job;
    endpoints->jobs = job;
    endpoints->job_count++;
    for (size_t i = 0; i < count; i++) {
        struct item *item = &job->items[i];
        struct mc_address address;
        struct mc_result result;
        *item = (struct item){.waiter = {.answered = on_answered, .arg = item}, .job = job};
        if (ask(endpoints, visit, emails[i], &address, &result, &item->waiter))
            keep_json(item, &result);
    }
    if (!job->open || !visit->deadline_ms)
        finish(job);
    else
        mc_timer_set(&job->deadline, visit->at_ms + visit->deadline_ms);
}

static void log_address(const struct mc_endpoints *endpoints, struct mc_span email)
{
    if (endpoints->log_addresses)
        mc_log(MC_LOG_INFO, "asked about %.*s", (int)email.len, email.at);
}

/* The common case: one address, and its verdict is there. */
static void ask_one(struct mc_endpoints *endpoints, const struct visit *visit, struct mc_span email)
{
    struct mc_address address;
    struct mc_result result;
    struct mc_text *body = &endpoints->body;
    log_address(endpoints, email);
    if (!ask(endpoints, visit, email, &address, &result, NULL)) {
        ask_all(endpoints, visit, &email, 1);
        return;
    }
    body->len = 0;
    mc_verdict_json(body, &result, false);
    mc_text_add_char(body, '\n');
    mc_endpoints_give(endpoints, visit, 200, "application/json", "", mc_text_span(body));
}

/* ---- what is asked ---- */

/* 0, or the status that refuses it; `why` says in what way. */
static int set_depth(struct visit *visit, struct mc_span word, const char **why)
{
    static const char *const words[] = {"syntax", "dns", "smtp"};
    enum mailcheck_depth wanted = visit->caller.deepest;
    for (size_t i = 0; word.len && i < MC_ARRAY_LEN(words); i++)
        if (mc_span_equal(word, mc_span_of(words[i]))) {
            wanted = (enum mailcheck_depth)i;
            word.len = 0;
        }
    if (word.len) {
        *why = "depth takes syntax, dns or smtp";
        return 400;
    }
    if (wanted > visit->caller.deepest) {
        *why = "depth smtp wants a key (Authorization: Bearer KEY); without one there are syntax "
               "and dns";
        return 401;
    }
    visit->depth = wanted;
    return 0;
}

static int set_deadline(struct visit *visit, struct mc_span word, const char **why)
{
    uint64_t ms = MC_DEADLINE_MS;
    if (word.len && (!mc_duration_parse(word, &ms) || ms > MC_DEADLINE_MAX_MS)) {
        *why = "deadline takes a duration such as 800ms or 5s, at most 60s";
        return 400;
    }
    visit->deadline_ms = (uint32_t)ms;
    return 0;
}

/* Before any work is done for it. */
static bool may_ask(struct mc_endpoints *endpoints, struct visit *visit, size_t count)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    visit->retry_after = 1;
    if (endpoints->draining) {
        mc_endpoints_fail(endpoints, visit, 503, "shutting down");
        return false;
    }
    if (mc_desk_waiting(endpoints->desk) + count > MC_WAITING_MAX) {
        mc_endpoints_fail(endpoints, visit, 503, "too many questions are under way");
        return false;
    }
    visit->retry_after = mc_access_spend(endpoints->access, &visit->caller, (uint32_t)count,
                                         visit->at_ms, now.tv_sec);
    if (visit->retry_after) {
        mc_endpoints_fail(endpoints, visit, 429, "too many questions; see Retry-After");
        return false;
    }
    return true;
}

static void get_check(struct mc_endpoints *endpoints, struct visit *visit)
{
    struct mc_span query = mc_http_request_query(visit->request);
    struct mc_text *email = &endpoints->email, *field = &endpoints->field;
    const char *why = "email is missing: /v1/check?email=ADDRESS";
    int bad = mc_http_query_field(query, "email", email) == MC_HTTP_FIELD_OK ? 0 : 400;
    if (!bad && mc_http_query_field(query, "depth", field) == MC_HTTP_FIELD_BAD)
        bad = 400, why = "depth is there twice, or its escapes are broken";
    if (!bad)
        bad = set_depth(visit, mc_text_span(field), &why);
    if (!bad && mc_http_query_field(query, "deadline", field) == MC_HTTP_FIELD_BAD)
        bad = 400, why = "deadline is there twice, or its escapes are broken";
    if (!bad)
        bad = set_deadline(visit, mc_text_span(field), &why);
    if (bad) {
        mc_endpoints_fail(endpoints, visit, bad, why);
        return;
    }
    if (may_ask(endpoints, visit, 1))
        ask_one(endpoints, visit, mc_text_span(email));
}

/* A string field of an object, or empty. False where it is something else. */
static bool string_field(const json_t *object, const char *name, struct mc_span *text)
{
    const json_t *field = json_object_get(object, name);
    *text = mc_span("", 0);
    if (!field || json_is_null(field))
        return true;
    if (!json_is_string(field))
        return false;
    *text = mc_span(json_string_value(field), json_string_length(field));
    return true;
}

/* 0, or the status that refuses the fields that both POSTs share. */
static int read_options(struct visit *visit, const json_t *object, const char **why)
{
    struct mc_span depth = {"", 0}, deadline = {"", 0};
    *why = "depth and deadline are strings";
    if (json_is_object(object) &&
        (!string_field(object, "depth", &depth) || !string_field(object, "deadline", &deadline)))
        return 400;
    int bad = set_depth(visit, depth, why);
    return bad ? bad : set_deadline(visit, deadline, why);
}

static void post_check(struct mc_endpoints *endpoints, struct visit *visit, const json_t *body)
{
    struct mc_span email;
    const char *why = "the body is {\"email\": \"ADDRESS\"}, with deadline and depth if you like";
    int bad = json_is_object(body) && json_object_get(body, "email") &&
                      string_field(body, "email", &email)
                  ? 0
                  : 400;
    if (!bad)
        bad = read_options(visit, body, &why);
    if (bad) {
        mc_endpoints_fail(endpoints, visit, bad, why);
        return;
    }
    if (may_ask(endpoints, visit, 1))
        ask_one(endpoints, visit, email);
}

static void post_bulk(struct mc_endpoints *endpoints, struct visit *visit, const json_t *body)
{
    const json_t *list = json_is_object(body) ? json_object_get(body, "emails") : body;
    const char *why = "the body is an array of addresses, or {\"emails\": [...]}";
    struct mc_span emails[MC_BULK_MAX];
    size_t count = json_array_size(list);
    int bad = json_is_array(list) ? 0 : 400;
    if (count > MC_BULK_MAX)
        bad = 413, why = "at most 1000 addresses in one request";
    for (size_t i = 0; !bad && i < count; i++) {
        const json_t *email = json_array_get(list, i);
        bad = json_is_string(email) ? 0 : 400;
        emails[i] = mc_span(json_string_value(email), json_string_length(email));
    }
    if (!bad)
        bad = read_options(visit, body, &why);
    if (bad) {
        mc_endpoints_fail(endpoints, visit, bad, why);
        return;
    }
    visit->is_bulk = true;
    visit->asked = count;
    if (!may_ask(endpoints, visit, count))
        return;
    for (size_t i = 0; i < count; i++)
        log_address(endpoints, emails[i]);
    ask_all(endpoints, visit, emails, count);
}

static void post(struct mc_endpoints *endpoints, struct visit *visit)
{
    struct mc_span text = mc_http_request_body(visit->request);
    json_error_t error;
    json_t *body = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!body) {
        char why[JSON_ERROR_TEXT_LENGTH + 32];
        snprintf(why, sizeof why, "the body is no JSON: %s", error.text);
        mc_endpoints_fail(endpoints, visit, 400, why);
        return;
    }
    visit->route->post(endpoints, visit, body);
    json_decref(body);
}

/* ---- routes ---- */

static const struct route routes[] = {
    {"/v1/check", get_check, post_check, "GET, HEAD, POST, OPTIONS", true},
    {"/v1/bulk", NULL, post_bulk, "POST, OPTIONS", true},
    {"/healthz", mc_endpoints_health, NULL, "GET, HEAD", false},
    {"/metrics", mc_endpoints_metrics, NULL, "GET, HEAD", false},
    {"/v1/openapi.json", mc_endpoints_openapi, NULL, "GET, HEAD", false},
    {"/", mc_endpoints_page, NULL, "GET, HEAD", false},
};

static void preflight(struct mc_endpoints *endpoints, struct visit *visit)
{
    mc_endpoints_give(endpoints, visit, 204, NULL,
                      visit->is_cross_origin
                          ? "Access-Control-Allow-Methods: GET, POST\r\n"
                            "Access-Control-Allow-Headers: authorization, content-type, "
                            "x-api-key\r\nAccess-Control-Max-Age: 600\r\n"
                          : "",
                      mc_span("", 0));
}

void mc_endpoints_handle(void *arg, struct mc_http_exchange *exchange,
                         const struct mc_http_request *request)
{
    struct mc_endpoints *endpoints = arg;
    struct mc_span path = mc_http_request_path(request);
    struct mc_span method = mc_span_of(mc_http_request_method(request));
    struct visit visit = {
        .exchange = exchange,
        .request = request,
        .at_ms = mc_loop_now_ms(endpoints->loop),
        .is_head = mc_span_equal(method, mc_span("HEAD", 4)),
        .asked = 1,
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(routes); i++)
        if (mc_span_equal(path, mc_span_of(routes[i].path)))
            visit.route = &routes[i];
    clock_gettime(CLOCK_MONOTONIC, &visit.began);
    mc_access_identify(endpoints->access, request, mc_http_exchange_peer(exchange), &visit.caller);
    visit.is_cross_origin =
        visit.route && visit.route->is_api &&
        mc_access_origin(endpoints->access, mc_http_request_header(request, MC_HTTP_ORIGIN));
    if (visit.caller.kind == MC_CALLER_REFUSED) {
        visit.retry_after = mc_access_spend(endpoints->access, &visit.caller, 1, visit.at_ms, 0);
        mc_endpoints_fail(endpoints, &visit, visit.retry_after ? 429 : 401,
                          visit.retry_after ? "too many questions; see Retry-After"
                                            : "this key is not known here");
        return;
    }
    if (!visit.route) {
        mc_endpoints_fail(endpoints, &visit, 404, "there is nothing here; see /v1/openapi.json");
        return;
    }
    visit.allowed = visit.route->allowed;
    bool is_post = mc_span_equal(method, mc_span("POST", 4));
    bool is_get = visit.is_head || mc_span_equal(method, mc_span("GET", 3));
    if (visit.route->is_api && mc_span_equal(method, mc_span("OPTIONS", 7))) {
        preflight(endpoints, &visit);
        return;
    }
    if (!(is_get && visit.route->get) && !(is_post && visit.route->post)) {
        mc_endpoints_fail(endpoints, &visit, 405, "not with this method; see Allow");
        return;
    }
    if (is_post)
        post(endpoints, &visit);
    else
        visit.route->get(endpoints, &visit);
}

void mc_endpoints_refused(void *arg, int status)
{
    struct mc_endpoints *endpoints = arg;
    mc_metrics_status(endpoints, status);
}

struct mc_endpoints *mc_endpoints_new(struct mc_loop *loop, struct mc_desk *desk,
                                      struct mc_access *access, bool log_addresses)
{
    struct mc_endpoints *endpoints = mc_calloc(1, sizeof *endpoints);
    endpoints->loop = loop;
    endpoints->desk = desk;
    endpoints->access = access;
    endpoints->log_addresses = log_addresses;
    endpoints->started = time(NULL);
    return endpoints;
}

void mc_endpoints_set_server(struct mc_endpoints *endpoints, const struct mc_http_server *server)
{
    endpoints->server = server;
}

void mc_endpoints_drain(struct mc_endpoints *endpoints)
{
    endpoints->draining = true;
}

size_t mc_endpoints_waiting(const struct mc_endpoints *endpoints)
{
    return endpoints->job_count;
}

void mc_endpoints_free(struct mc_endpoints *endpoints)
{
    if (!endpoints)
        return;
    while (endpoints->jobs) {
        struct job *job = endpoints->jobs;
        endpoints->jobs = job->next;
        mc_timer_cancel(&job->deadline);
        for (size_t i = 0; i < job->count; i++) {
            mc_desk_leave(endpoints->desk, &job->items[i].waiter);
            free(job->items[i].json);
        }
        free(job);
    }
    mc_text_free(&endpoints->head);
    mc_text_free(&endpoints->body);
    mc_text_free(&endpoints->email);
    mc_text_free(&endpoints->field);
    free(endpoints);
}
