/* The head of a reply, as bytes. Reads the time of day, once a second, for its Date. */
#ifndef MC_HTTP_REPLY_HEAD_H
#define MC_HTTP_REPLY_HEAD_H

#include <stdbool.h>
#include <time.h>

#include "base/text.h"
#include "http/http_server.h"

/* The time of day as it was written last; {0} at first. */
struct mc_http_date {
    time_t at;
    char text[64];
};

/* Status line and headers, with the empty line behind them. */
void mc_http_reply_head(struct mc_text *out, const struct mc_http_reply *reply, bool close_after,
                        struct mc_http_date *date);

/* "Not Found"; static. */
const char *mc_http_phrase(int status);

#endif
