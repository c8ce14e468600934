#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "report/advice.h"

#define PLAIN_EVERY_S 10 /* a terminal that cannot go back gets a line so often */

#define WIDTH_ASSUMED 80
#define MOMENTS       16 /* two seconds apart */

static struct {
    bool on, plain, drawn;
    double last;
    struct moment {
        double at, done;
    } moments[MOMENTS];
    size_t moment_count;
} line;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void erase(void)
{
    if (line.drawn && !line.plain)
        fputs("\r\033[K", stderr);
    line.drawn = false;
}

void mc_progress_start(bool on)
{
    const char *term = getenv("TERM");
    line.on = on;
    line.plain = !isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0;
    line.last = now_s();
    line.moment_count = 0;
    if (on)
        mc_log_set_before(erase);
}

static void add_time(struct mc_text *text, double seconds)
{
    unsigned long s = seconds > 0 ? (unsigned long)(seconds + 0.5) : 0;
    if (s >= 3600)
        mc_text_printf(text, "%luh%02lum", s / 3600, s / 60 % 60);
    else if (s >= 60)
        mc_text_printf(text, "%lum%02lus", s / 60, s % 60);
    else
        mc_text_printf(text, "%lus", s);
}

/* So much work had been done at those moments: the rate is that of the last half minute, for what a
 * store answers at once says nothing of how fast servers do. */
static double rate_now(const struct mc_clean_progress *p, double now)
{
    double done = (double)(p->engine.addresses ? p->engine.settled : p->bytes_read);
    struct moment *newest = &line.moments[line.moment_count % MOMENTS];
    if (!line.moment_count || now - line.moments[(line.moment_count - 1) % MOMENTS].at >= 2) {
        *newest = (struct moment){now, done};
        line.moment_count++;
    }
    const struct moment *oldest =
        &line.moments[line.moment_count > MOMENTS ? line.moment_count % MOMENTS : 0];
    return now - oldest->at >= 1 && done > oldest->done ? (done - oldest->done) / (now - oldest->at)
                                                        : 0;
}

/* Who was told to come back cannot be hurried, and may be told so once more: then there is a least
 * time only. Negative where nothing can be said. */
static double seconds_left(const struct mc_clean_progress *p, double per_second, bool *at_least)
{
    const struct mc_engine_counts *e = &p->engine;
    double left = -1;
    if (per_second > 0 && e->addresses && p->input_ended)
        left = (double)e->in_probe / per_second;
    else if (per_second > 0 && !e->addresses && p->bytes_total > p->bytes_read)
        left = (double)(p->bytes_total - p->bytes_read) / per_second;
    *at_least = e->in_greylist > 0;
    if (*at_least && e->last_retry_ms >= 0 && p->input_ended &&
        left < (double)e->last_retry_ms / 1000)
        left = (double)e->last_retry_ms / 1000;
    return left;
}

static void add_waiting(const struct mc_engine_counts *e, struct mc_text *out)
{
    if (e->in_greylist) {
        mc_text_add_z(out, "; ");
        mc_report_number(out, e->in_greylist);
        mc_text_add_z(out, " told to come back");
    }
    if (e->in_greylist && e->next_retry_ms >= 0) {
        mc_text_add_z(out, ", next try in ");
        add_time(out, (double)e->next_retry_ms / 1000);
    }
    if (e->in_dns) {
        mc_text_add_z(out, "; DNS: ");
        mc_report_number(out, e->in_dns);
        mc_text_add_z(out, e->in_dns == 1 ? " domain" : " domains");
    }
    if (e->open_connections)
        mc_text_printf(out, "; %u connection%s", e->open_connections,
                       e->open_connections == 1 ? "" : "s");
}

void mc_progress_sentence(const struct mc_clean_progress *p, double per_second, struct mc_text *out)
{
    const struct mc_engine_counts *e = &p->engine;
    bool at_least;
    double left = seconds_left(p, per_second, &at_least);
    mc_report_number(out, p->rows_written);
    if (p->input_ended) {
        mc_text_add_z(out, " of ");
        mc_report_number(out, p->rows_read);
    }
    uint64_t counted = p->input_ended ? p->rows_read : p->rows_written;
    mc_text_add_z(out, counted == 1 ? " row done" : " rows done");
    if (!p->input_ended && p->rows_read > p->rows_written) {
        mc_text_add_z(out, ", ");
        mc_report_number(out, p->rows_read);
        mc_text_add_z(out, " read");
    }
    if (e->addresses && per_second > 0)
        mc_text_printf(out, per_second < 10 ? ", %.1f/s" : ", %.0f/s", per_second);
    if (left >= 0) {
        mc_text_add_z(out, at_least ? ", at least " : ", about ");
        add_time(out, left);
        mc_text_add_z(out, " left");
    }
    if (e->addresses) {
        mc_text_add_z(out, "; ");
        mc_report_number(out, e->settled);
        mc_text_add_z(out, " of ");
        mc_report_number(out, e->addresses);
        mc_text_add_z(out, " addresses known");
    }
    add_waiting(e, out);
}

/* As it is now: a window may be resized. The last column stays free, for some wrap there. */
static size_t room(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col)
        return WIDTH_ASSUMED - 1;
    return size.ws_col - 1u;
}

void mc_progress_show(void *unused, const struct mc_clean_progress *p)
{
    struct mc_text text = {0};
    double now = now_s(), per_second = rate_now(p, now);
    bool asked = mc_interrupt_asked();
    (void)unused;
    if (!asked && (!line.on || (line.plain && now - line.last < PLAIN_EVERY_S)))
        return;
    line.last = now;
    if (line.plain || !line.on)
        mc_text_add_z(&text, "mailcheck: ");
    mc_progress_sentence(p, per_second, &text);
    bool whole_line = line.plain || !line.on;
    if (!whole_line && text.len > room())
        text.len = room();
    erase();
    fwrite(text.at, 1, text.len, stderr);
    if (whole_line)
        fputc('\n', stderr);
    fflush(stderr);
    line.drawn = !whole_line;
    mc_text_free(&text);
}

void mc_progress_end(void)
{
    if (!line.on)
        return;
    erase();
    fflush(stderr);
    mc_log_set_before(NULL);
    line.on = false;
}
