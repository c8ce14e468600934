/* Counts for Prometheus, in its text format 0.0.4, and the line of a request in the log. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/endpoints_state.h"

static const struct {
    uint32_t us;
    const char *label; /* seconds */
} buckets[MC_METRICS_BUCKETS] = {
    {500, "0.0005"}, {1000, "0.001"}, {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},
    {50000, "0.05"}, {100000, "0.1"}, {500000, "0.5"},  {1000000, "1"},  {5000000, "5"},
};

void mc_metrics_status(struct mc_endpoints *endpoints, int status)
{
    for (size_t i = 0; i < MC_METRICS_STATUSES; i++) {
        struct mc_metrics_status *at = &endpoints->statuses[i];
        if (at->status && at->status != status)
            continue;
        at->status = status;
        at->count++;
        return;
    }
}

void mc_metrics_answered(struct mc_endpoints *endpoints, const struct visit *visit, int status)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t us =
        (now.tv_sec - visit->began.tv_sec) * 1000000 + (now.tv_nsec - visit->began.tv_nsec) / 1000;
    size_t bucket = 0;
    while (bucket < MC_METRICS_BUCKETS && us > buckets[bucket].us)
        bucket++;
    endpoints->took[bucket]++;
    endpoints->took_us += us > 0 ? (uint64_t)us : 0;
    mc_metrics_status(endpoints, status);
    if (mc_log_level() >= MC_LOG_INFO)
        mc_log(MC_LOG_INFO, "path=%s status=%d ms=%.1f addresses=%zu key=%s",
               visit->route ? visit->route->path : "?", status, (double)us / 1000, visit->asked,
               mc_access_key_name(endpoints->access, &visit->caller));
}

static void add(struct mc_text *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    mc_text_printf(out, "# HELP mailcheck_%s %s\n# TYPE mailcheck_%s %s\nmailcheck_%s ", name, help,
                   name, type, name);
    mc_text_add_u64(out, value);
    mc_text_add_char(out, '\n');
}

static void add_requests(const struct mc_endpoints *endpoints, struct mc_text *out)
{
    uint64_t sum = 0;
    mc_text_add_z(out, "# HELP mailcheck_http_requests_total Requests by status.\n"
                       "# TYPE mailcheck_http_requests_total counter\n");
    for (size_t i = 0; i < MC_METRICS_STATUSES && endpoints->statuses[i].status; i++)
        mc_text_printf(out, "mailcheck_http_requests_total{code=\"%d\"} %llu\n",
                       endpoints->statuses[i].status,
                       (unsigned long long)endpoints->statuses[i].count);
    mc_text_add_z(out, "# HELP mailcheck_http_request_seconds Time from request to reply.\n"
                       "# TYPE mailcheck_http_request_seconds histogram\n");
    for (size_t i = 0; i <= MC_METRICS_BUCKETS; i++) {
        sum += endpoints->took[i];
        mc_text_printf(out, "mailcheck_http_request_seconds_bucket{le=\"%s\"} %llu\n",
                       i < MC_METRICS_BUCKETS ? buckets[i].label : "+Inf", (unsigned long long)sum);
    }
    mc_text_printf(out,
                   "mailcheck_http_request_seconds_sum %.6f\n"
                   "mailcheck_http_request_seconds_count %llu\n",
                   (double)endpoints->took_us / 1e6, (unsigned long long)sum);
    mc_text_add_z(out, "# HELP mailcheck_verdicts_total Verdicts given, by reason.\n"
                       "# TYPE mailcheck_verdicts_total counter\n");
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (endpoints->verdicts[i])
            mc_text_printf(out, "mailcheck_verdicts_total{reason=\"%s\"} %llu\n",
                           mc_reason_name((enum mc_reason)i),
                           (unsigned long long)endpoints->verdicts[i]);
}

void mc_endpoints_metrics(struct mc_endpoints *endpoints, struct visit *visit)
{
    struct mc_text out = {0};
    struct mc_desk_counts desk;
    struct mc_http_counts http = {0};
    /* how busy we are is the business of this host's monitoring */
    if (mc_http_request_is_passed_on(visit->request)) {
        mc_endpoints_fail(endpoints, visit, 404, "not through a proxy");
        return;
    }
    mc_desk_count(endpoints->desk, &desk);
    if (endpoints->server)
        mc_http_server_count(endpoints->server, &http);
    add_requests(endpoints, &out);
    add(&out, "questions_waiting", "gauge", "Questions whose answer is waited for.",
        mc_desk_waiting(endpoints->desk));
    add(&out, "http_connections", "gauge", "Open connections.", http.open);
    add(&out, "http_connections_total", "counter", "Connections accepted.", http.accepted);
    add(&out, "http_evictions_total", "counter", "Idle connections closed to make room.",
        http.evicted);
    add(&out, "http_timeouts_total", "counter", "Connections too slow with a request or a reply.",
        http.timed_out);
    add(&out, "dns_questions_total", "counter", "DNS questions asked.", desk.dns_questions);
    add(&out, "smtp_sessions_total", "counter", "SMTP sessions opened.", desk.sessions);
    add(&out, "smtp_recipients_total", "counter", "RCPT commands sent.", desk.recipients);
    add(&out, "smtp_controls_total", "counter", "Of those, to made-up addresses.", desk.controls);
    add(&out, "smtp_connections", "gauge", "SMTP connections open.", desk.open_connections);
    add(&out, "addresses_remembered", "gauge", "Addresses in memory.", desk.addresses);
    add(&out, "generations_total", "counter", "Engines begun.", desk.generations);
    add(&out, "probe_possible", "gauge", "1: mail servers can be asked from here.",
        mc_desk_depth(endpoints->desk) == MAILCHECK_DEPTH_SMTP && !desk.probe_impossible);
    add(&out, "store_failed", "gauge", "1: verdicts are not remembered any more.",
        desk.store_failed);
    add(&out, "start_time_seconds", "gauge", "When the process began.",
        (uint64_t)endpoints->started);
    mc_endpoints_give(endpoints, visit, 200, "text/plain; version=0.0.4; charset=utf-8", "",
                      mc_text_span(&out));
    mc_text_free(&out);
}
