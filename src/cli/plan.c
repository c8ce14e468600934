#include "cli/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/advice.h"

#define SESSION_S 2 /* of one with an unknown host: a few replies, and leave taken */

struct mc_planned {
    char id[32]; /* the engine is gone when it is shown */
    uint64_t addresses, domains, sessions, another_day;
    double seconds;
};

static double larger(double left, double right)
{
    return left > right ? left : right;
}

/* A provider is asked by its own rate, gaps and day's budget. Unknown hosts are many, each with its
 * own rate: the one with most addresses takes longest, or all of them where they are too many to be
 * asked at once. Nobody knows yet who will say "come back later". */
void mc_plan_add(struct mc_plan *plan, const struct mc_plan_line *line)
{
    const struct mc_provider *provider = line->provider;
    const struct mc_settings *settings = plan->settings;
    bool paced = settings->pace != MAILCHECK_PACE_OFF, known = provider->id[0] != '\0';
    double slower = settings->pace == MAILCHECK_PACE_GENTLE ? 2 : 1;
    uint64_t per_session = provider->rcpt_per_session ? provider->rcpt_per_session : 100;
    struct mc_planned planned = {.addresses = line->addresses, .domains = line->domains};
    snprintf(planned.id, sizeof planned.id, "%s", provider->id);
    if (paced && known && provider->rcpt_per_day && planned.addresses > provider->rcpt_per_day) {
        planned.another_day = planned.addresses - provider->rcpt_per_day;
        planned.addresses = provider->rcpt_per_day;
    }
    planned.sessions = (planned.addresses + per_session - 1) / per_session;
    if (!known && planned.sessions < planned.domains)
        planned.sessions = planned.domains;
    double alone = (double)(known ? planned.addresses : line->most);
    double at_once = known && provider->connections && provider->connections < settings->concurrency
                         ? provider->connections
                         : settings->concurrency;
    planned.seconds = (double)planned.sessions * SESSION_S / at_once;
    if (paced && provider->rcpt_per_minute)
        planned.seconds =
            larger(planned.seconds, alone * 60 * slower / (double)provider->rcpt_per_minute);
    if (paced && known)
        planned.seconds =
            larger(planned.seconds,
                   (double)planned.sessions * provider->connect_gap_ms * slower / 1000 / at_once);
    plan->lines = mc_grow(plan->lines, plan->line_count, &plan->line_room, sizeof *plan->lines);
    plan->lines[plan->line_count++] = planned;
}

/* Who takes longest first: that is how long it takes, for all are asked side by side. */
static int by_seconds(const void *left, const void *right)
{
    const struct mc_planned *a = left, *b = right;
    if (a->seconds > b->seconds || a->seconds < b->seconds)
        return a->seconds < b->seconds ? 1 : -1;
    return strcmp(a->id, b->id);
}

static void print_number(uint64_t number, int width, FILE *out)
{
    struct mc_text text = {0};
    mc_report_number(&text, number);
    fprintf(out, "%*s", width, mc_text_z(&text));
    mc_text_free(&text);
}

static void print_line(const char *name, const struct mc_planned *line, FILE *out)
{
    struct mc_text time = {0};
    mc_report_elapsed(&time, (uint64_t)(line->seconds * 1000 + 999) / 1000 * 1000);
    fprintf(out, "%-20.20s", name);
    print_number(line->addresses, 15, out);
    print_number(line->domains, 14, out);
    print_number(line->sessions, 14, out);
    fprintf(out, "%16s\n", mc_text_z(&time));
    mc_text_free(&time);
}

static void print_count(const char *name, uint64_t number, FILE *out)
{
    fprintf(out, "%-20s", name);
    print_number(number, 15, out);
    fputc('\n', out);
}

void mc_plan_print(struct mc_plan *plan, const struct mc_tally *tally, FILE *out)
{
    struct mc_planned all = {0};
    for (size_t i = 0; i < plan->line_count; i++) {
        const struct mc_planned *line = &plan->lines[i];
        all.addresses += line->addresses;
        all.domains += line->domains;
        all.sessions += line->sessions;
        all.another_day += line->another_day;
        all.seconds = larger(all.seconds, line->seconds);
    }
    uint64_t waiting = all.addresses + all.another_day;
    print_count("rows", plan->rows, out);
    print_count("addresses, each once", plan->counts.addresses, out);
    print_count("domains", plan->counts.domains, out);
    if (tally->remembered)
        print_count("known to the store", tally->from_store, out);
    if (plan->counts.addresses > waiting + tally->from_store)
        print_count("decided without", plan->counts.addresses - waiting - tally->from_store, out);
    fprintf(out, "\n%-20s%15s%14s%14s%16s\n", "to be asked about", "addresses", "domains",
            "sessions", "time, at least");
    if (plan->line_count)
        qsort(plan->lines, plan->line_count, sizeof *plan->lines, by_seconds);
    for (size_t i = 0; i < plan->line_count; i++)
        print_line(plan->lines[i].id[0] ? plan->lines[i].id : "other hosts", &plan->lines[i], out);
    print_line("in all", &all, out);
    fputc('\n', out);
    for (size_t i = 0; i < plan->line_count; i++)
        if (plan->lines[i].another_day) {
            fprintf(out, "%s: ", plan->lines[i].id);
            print_number(plan->lines[i].another_day, 0, out);
            fputs(" more than the budget of a day; they will be not_probed\n", out);
        }
    fprintf(out,
            "%" PRIu64 " DNS questions were asked for this plan; no mail server was contacted\n",
            tally->dns_questions);
    free(plan->lines);
    plan->lines = NULL;
}
