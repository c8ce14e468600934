/* The service: questions in JSON or in a query, verdicts out. Brings together who asks
 * (access.h), what is known (desk.h) and how long he is willing to wait. Owns the questions that
 * wait for their answer or their deadline, and the counts of /metrics. */
#ifndef MC_HTTP_ENDPOINTS_H
#define MC_HTTP_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/access.h"
#include "http/desk.h"
#include "http/http_server.h"
#include "loop/loop.h"

#define MC_BULK_MAX        1000 /* addresses in one request */
#define MC_DEADLINE_MS     800  /* where none is given */
#define MC_DEADLINE_MAX_MS 60000
#define MC_WAITING_MAX     50000 /* questions under way, all told: more are told to come back */

struct mc_endpoints;

/* Borrows all of them. `log_addresses`: a line for each request names what was asked. */
struct mc_endpoints *mc_endpoints_new(struct mc_loop *loop, struct mc_desk *desk,
                                      struct mc_access *access, bool log_addresses);
/* After the server, so that nobody is answered any more. */
void mc_endpoints_free(struct mc_endpoints *endpoints);
/* For /metrics; before the first request. */
void mc_endpoints_set_server(struct mc_endpoints *endpoints, const struct mc_http_server *server);

/* For mc_http_options. */
void mc_endpoints_handle(void *arg, struct mc_http_exchange *exchange,
                         const struct mc_http_request *request);
void mc_endpoints_refused(void *arg, int status);

/* From now on new questions are refused; those under way are answered by their deadlines. */
void mc_endpoints_drain(struct mc_endpoints *endpoints);
/* Requests that wait for their answer. */
size_t mc_endpoints_waiting(const struct mc_endpoints *endpoints);

#endif
