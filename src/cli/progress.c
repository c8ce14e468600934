#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/interrupt.h"

#define PLAIN_EVERY_S 10 /* a terminal that cannot go back gets a line so often */

static struct {
    bool on, plain, drawn;
    double started, last;
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
    line.started = line.last = now_s();
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

/* What is left, by what has been done so far; a greylist wait cannot be hurried. */
static double eta_s(const struct mc_clean_progress *p, double elapsed)
{
    const struct mc_engine_counts *e = &p->engine;
    double left = -1;
    if (e->addresses && e->settled && p->input_ended)
        left = elapsed / (double)e->settled * (double)(e->in_probe);
    else if (!e->addresses && p->bytes_total && p->bytes_read)
        left = elapsed / (double)p->bytes_read * (double)(p->bytes_total - p->bytes_read);
    if (e->next_retry_ms >= 0 && left < (double)e->next_retry_ms / 1000)
        left = (double)e->next_retry_ms / 1000;
    return left;
}

void mc_progress_show(void *unused, const struct mc_clean_progress *p)
{
    const struct mc_engine_counts *e = &p->engine;
    struct mc_text text = {0};
    double now = now_s(), elapsed = now - line.started;
    bool asked = mc_interrupt_asked();
    (void)unused;
    if (!asked && (!line.on || (line.plain && now - line.last < PLAIN_EVERY_S)))
        return;
    line.last = now;
    if (!line.on)
        mc_text_add_z(&text, "mailcheck: ");
    mc_text_printf(&text, "%llu rows read, %llu done", (unsigned long long)p->rows_read,
                   (unsigned long long)p->rows_written);
    if (e->addresses) {
        mc_text_printf(&text, "; %llu of %llu addresses settled", (unsigned long long)e->settled,
                       (unsigned long long)e->addresses);
        if (elapsed > 1)
            mc_text_printf(&text, ", %.0f/s", (double)e->settled / elapsed);
        if (e->in_dns)
            mc_text_printf(&text, "; DNS %llu domains", (unsigned long long)e->in_dns);
        if (e->open_connections)
            mc_text_printf(&text, "; %u connections", e->open_connections);
        if (e->in_greylist)
            mc_text_printf(&text, "; %llu told to come back", (unsigned long long)e->in_greylist);
    }
    if (e->next_retry_ms >= 0) {
        mc_text_add_z(&text, ", next try in ");
        add_time(&text, (double)e->next_retry_ms / 1000);
    }
    double left = eta_s(p, elapsed);
    if (left >= 0) {
        mc_text_add_z(&text, "; about ");
        add_time(&text, left);
        mc_text_add_z(&text, " left");
    }
    erase();
    fwrite(text.at, 1, text.len, stderr);
    if (line.plain || !line.on)
        fputc('\n', stderr);
    fflush(stderr);
    line.drawn = line.on;
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
