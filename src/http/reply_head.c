#include "http/reply_head.h"

#include <stdio.h>

/* RFC 9110 section 5.6.7, whatever the locale. */
static const char *text_of(struct mc_http_date *date)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != date->at && gmtime_r(&now.tv_sec, &tm)) {
        snprintf(date->text, sizeof date->text, "%s, %02d %s %d %02d:%02d:%02d GMT",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        date->at = now.tv_sec;
    }
    return date->text;
}

const char *mc_http_phrase(int status)
{
    switch (status) {
#define XX(number, name, string)                                                                   \
    case number:                                                                                   \
        return #string;
        HTTP_STATUS_MAP(XX)
#undef XX
    }
    return "Unknown";
}

void mc_http_reply_head(struct mc_text *out, const struct mc_http_reply *reply, bool close_after,
                        struct mc_http_date *date)
{
    mc_text_add_z(out, "HTTP/1.1 ");
    mc_text_add_u64(out, (uint64_t)reply->status);
    mc_text_add_char(out, ' ');
    mc_text_add_z(out, mc_http_phrase(reply->status));
    mc_text_add_z(out, "\r\nDate: ");
    mc_text_add_z(out, text_of(date));
    if (reply->type) {
        mc_text_add_z(out, "\r\nContent-Type: ");
        mc_text_add_z(out, reply->type);
    }
    if (reply->status != 204) {
        mc_text_add_z(out, "\r\nContent-Length: ");
        mc_text_add_u64(out, reply->body.len);
    }
    mc_text_add_z(out, close_after ? "\r\nConnection: close\r\n" : "\r\n");
    mc_text_add_span(out, reply->head);
    mc_text_add_z(out, "\r\n");
}
