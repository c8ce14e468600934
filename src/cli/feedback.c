#include "cli/feedback.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "address/parse.h"
#include "base/memory.h"

#define COMMIT_EVERY 1000 /* reports */

void mc_feedback_take(struct mc_store *store, const struct mc_bounce *bounce, int64_t now)
{
    struct mc_address address;
    bool complaint = bounce->reason == MC_REASON_SUPPRESSED;
    /* who refuses the sender says nothing of the address */
    if ((!complaint && mc_bounce_kind_of(bounce->reason) == MC_BOUNCE_BLOCKED) ||
        mc_address_parse(bounce->address, &address) != MC_SYNTAX_OK)
        return;
    struct mc_text line = {0};
    if (bounce->stage != MC_STAGE_NONE) {
        mc_text_add_z(&line, mc_stage_name(bounce->stage));
        mc_text_add_char(&line, ' ');
    }
    mc_text_add_printable(&line, bounce->smtp, MC_BOUNCE_LINE_MAX);
    const struct mc_news news = {
        .reason = bounce->reason,
        .source = MC_SOURCE_BOUNCE,
        .at = bounce->at && bounce->at < now ? bounce->at : now,
        .mx = mc_span("", 0),
        .smtp = mc_text_span(&line),
        .rule = bounce->rule,
    };
    mc_store_put_bounce(store, address.local, address.domain, &news, bounce->report);
    mc_text_free(&line);
    if (mc_store_pending(store) >= COMMIT_EVERY)
        (void)mc_store_commit(store, false);
}

const char *mc_feedback_advice(const char *provider)
{
    static const struct {
        const char *provider, *advice;
    } table[] = {
        {"google", "see https://postmaster.google.com and authenticate with SPF, DKIM and DMARC"},
        {"microsoft", "ask at https://sender.office.com to be taken off its list"},
        {"outlook", "see https://sendersupport.olc.protection.outlook.com/snds/"},
        {"yahoo", "see https://senders.yahooinc.com"},
        {"gmx", "see https://postmaster.gmx.net"},
        {"mailru", "see https://postmaster.mail.ru"},
        {"", "send less at once, see to SPF, DKIM, PTR and blocklists, write to its postmaster"},
    };
    size_t i = 0;
    while (table[i].provider[0] && strcmp(table[i].provider, provider) != 0)
        i++;
    return table[i].advice;
}

/* ---- our own precision ---- */

struct figures {
    const struct mc_lists *lists;
    uint64_t living, returned, by_reason[MC_REASON_COUNT];
    struct provider {
        const char *id; /* static, of the lists */
        uint64_t living, returned;
    } * providers;
    size_t count, room;
};

static void add_host(void *arg, struct mc_span host, enum mc_reason reason, uint64_t count)
{
    struct figures *figures = arg;
    const struct mc_provider *provider = mc_lists_provider(figures->lists, host);
    const char *id = provider && provider->id[0] ? provider->id : "others";
    size_t i = 0;
    while (i < figures->count && strcmp(figures->providers[i].id, id) != 0)
        i++;
    if (i == figures->count) {
        figures->providers =
            mc_grow(figures->providers, figures->count, &figures->room, sizeof *figures->providers);
        figures->providers[figures->count++] = (struct provider){.id = id};
    }
    if (reason == MC_REASON_ACCEPTED) {
        figures->living += count;
        figures->providers[i].living += count;
    } else {
        figures->returned += count;
        figures->providers[i].returned += count;
        figures->by_reason[reason] += count;
    }
}

static int by_number(const void *left, const void *right)
{
    const struct provider *a = left, *b = right;
    uint64_t of_a = a->living + a->returned, of_b = b->living + b->returned;
    return of_a == of_b ? strcmp(a->id, b->id) : of_a < of_b ? 1 : -1;
}

static void add_share(struct mc_text *out, const char *name, uint64_t known, uint64_t returned)
{
    mc_text_printf(out, "%s\t%" PRIu64 " deliverable, %" PRIu64 " of them bounced later", name,
                   known, returned);
    if (known)
        mc_text_printf(out, " (%.2f%% right)", 100.0 * (double)(known - returned) / (double)known);
    mc_text_add_char(out, '\n');
}

bool mc_feedback_precision(struct mc_store *store, const struct mc_lists *lists,
                           struct mc_text *out)
{
    struct figures figures = {.lists = lists};
    bool ok = mc_store_precision(store, add_host, &figures);
    if (ok && figures.count) {
        add_share(out, "precision", figures.living + figures.returned, figures.returned);
        qsort(figures.providers, figures.count, sizeof *figures.providers, by_number);
        for (size_t i = 0; i < figures.count; i++) {
            struct mc_text name = {0};
            const struct provider *p = &figures.providers[i];
            mc_text_printf(&name, "precision at %s", p->id);
            add_share(out, mc_text_z(&name), p->living + p->returned, p->returned);
            mc_text_free(&name);
        }
        for (size_t i = 0; i < MC_REASON_COUNT; i++)
            if (figures.by_reason[i])
                mc_text_printf(out, "bounced later as %s\t%" PRIu64 "\n",
                               mc_reason_name((enum mc_reason)i), figures.by_reason[i]);
    }
    free(figures.providers);
    return ok;
}
