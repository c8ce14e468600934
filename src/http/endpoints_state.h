/* Private to endpoints.c and what answers beside it (service_pages.c, metrics.c). */
#ifndef MC_HTTP_ENDPOINTS_STATE_H
#define MC_HTTP_ENDPOINTS_STATE_H

#include <jansson.h>
#include <time.h>

#include "base/text.h"
#include "http/endpoints.h"

struct job;
struct visit;

struct route {
    const char *path;
    void (*get)(struct mc_endpoints *endpoints, struct visit *visit);
    void (*post)(struct mc_endpoints *endpoints, struct visit *visit, const json_t *body);
    const char *allowed; /* methods */
    bool is_api;         /* with keys, and for pages of other origins */
};

/* One request, from its arrival to its reply. */
struct visit {
    struct mc_http_exchange *exchange;
    const struct mc_http_request *request;
    const struct route *route;
    const char *allowed;
    struct mc_caller caller;
    enum mailcheck_depth depth;
    int64_t at_ms;
    struct timespec began;
    uint32_t deadline_ms, retry_after;
    size_t asked; /* addresses */
    bool is_head, is_bulk, is_cross_origin;
};

#define MC_METRICS_STATUSES 24
#define MC_METRICS_BUCKETS  10

struct mc_endpoints {
    struct mc_loop *loop;
    struct mc_desk *desk;
    struct mc_access *access;
    const struct mc_http_server *server;
    struct job *jobs;
    size_t job_count;
    bool draining, log_addresses;
    struct mc_text head, body, email, field; /* scratch */
    time_t started;
    uint64_t verdicts[MC_REASON_COUNT];
    struct mc_metrics_status {
        int status;
        uint64_t count;
    } statuses[MC_METRICS_STATUSES];
    uint64_t took[MC_METRICS_BUCKETS + 1], took_us;
};

/* Replies to the visit, which is over then. */
void mc_endpoints_fail(struct mc_endpoints *endpoints, const struct visit *visit, int status,
                       const char *sentence);
void mc_endpoints_give(struct mc_endpoints *endpoints, const struct visit *visit, int status,
                       const char *type, const char *head, struct mc_span body);

void mc_endpoints_health(struct mc_endpoints *endpoints, struct visit *visit);
void mc_endpoints_openapi(struct mc_endpoints *endpoints, struct visit *visit);
void mc_endpoints_page(struct mc_endpoints *endpoints, struct visit *visit);

/* metrics.c */
void mc_endpoints_metrics(struct mc_endpoints *endpoints, struct visit *visit);
void mc_metrics_status(struct mc_endpoints *endpoints, int status);
void mc_metrics_answered(struct mc_endpoints *endpoints, const struct visit *visit, int status);

#endif
