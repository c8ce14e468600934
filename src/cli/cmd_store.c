/* mailcheck store: look into the memory between runs, or make it forget. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "address/parse.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/feedback.h"
#include "store/store.h"

#define PRUNE_DAYS 400 /* unless --max-age says otherwise */

static void add_time(struct mc_text *out, int64_t seconds)
{
    char text[40];
    struct tm parts;
    time_t t = (time_t)seconds;
    if (seconds && gmtime_r(&t, &parts) &&
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        mc_text_add_z(out, text);
}

static int failed(const struct mc_store *store)
{
    const char *error = mc_store_error(store);
    if (!error && errno == EPIPE) /* whoever read it has seen enough */
        return MC_EXIT_FAILED;
    mc_log(MC_LOG_ERROR, "%s", error ? error : "cannot write to standard output");
    return MC_EXIT_FAILED;
}

static int print(struct mc_text *text)
{
    size_t done = fwrite(text->at, 1, text->len, stdout);
    bool ok = done == text->len && fflush(stdout) == 0;
    mc_text_free(text);
    return ok ? MC_EXIT_OK : MC_EXIT_FAILED;
}

static int show_stats(struct mc_store *store, const struct mc_settings *settings)
{
    char error[512];
    struct mc_store_stats stats;
    struct mc_text out = {0};
    if (!mc_store_stats(store, &stats))
        return failed(store);
    mc_text_printf(&out,
                   "file\t%s\nschema\t%d\nhashed\t%s\nbytes\t%" PRIu64 "\naddresses\t%" PRIu64
                   "\ndomains\t%" PRIu64 "\nhosts\t%" PRIu64 "\noldest\t",
                   settings->store, stats.schema, stats.hashed ? "yes" : "no", stats.bytes,
                   stats.addresses, stats.domains, stats.hosts);
    add_time(&out, stats.oldest);
    mc_text_add_z(&out, "\nnewest\t");
    add_time(&out, stats.newest);
    mc_text_add_char(&out, '\n');
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (stats.by_reason[i])
            mc_text_printf(&out, "%s\t%" PRIu64 "\n", mc_reason_name((enum mc_reason)i),
                           stats.by_reason[i]);
    if (stats.undecided)
        mc_text_printf(&out, "undecided\t%" PRIu64 "\n", stats.undecided);
    mc_text_printf(&out, "reports\t%" PRIu64 "\ncomplaints\t%" PRIu64 "\n", stats.reports,
                   stats.complained);
    struct mc_lists *lists = mc_lists_new(settings->lists, error, sizeof error);
    if (!lists)
        mc_log(MC_LOG_ERROR, "%s", error);
    bool ok = lists && mc_feedback_precision(store, lists, &out);
    mc_lists_free(lists);
    if (ok)
        return print(&out);
    mc_text_free(&out);
    return lists ? failed(store) : MC_EXIT_FAILED;
}

/* A line of `get` and `export`: tab-separated, empty where nothing is known. */
static void add_known(struct mc_text *out, struct mc_span key, const struct mc_known *known)
{
    mc_text_add_printable(out, key, SIZE_MAX);
    mc_text_printf(out, "\t%s\t%s\t", known->checked_at ? mc_reason_name(known->reason) : "",
                   known->checked_at ? mc_source_name(known->source) : "");
    add_time(out, known->checked_at);
    mc_text_add_char(out, '\t');
    add_time(out, known->good_at);
    mc_text_add_char(out, '\t');
    add_time(out, known->bad_at);
    mc_text_printf(out, "\t%s\t", known->tried_at ? mc_reason_name(known->tried) : "");
    add_time(out, known->tried_at);
    mc_text_add_char(out, '\t');
    for (size_t i = 0; i < known->soft_count; i++) {
        mc_text_printf(out, "%s%s@", i ? " " : "", mc_reason_name(known->soft[i].reason));
        add_time(out, (int64_t)known->soft[i].day * MC_DAY_SECONDS);
    }
    mc_text_add_char(out, '\t');
    add_time(out, known->complained_at);
    mc_text_add_char(out, '\t');
    for (size_t i = 0; i < known->past_count; i++) {
        mc_text_printf(out, "%s%s@", i ? " " : "", mc_reason_name(known->past[i].reason));
        add_time(out, known->past[i].at);
    }
    mc_text_add_char(out, '\n');
}

static const char heading[] = "address\treason\tsource\tchecked_at\tgood_at\tdoubted_"
                              "at\ttried\ttried_at\tsoft_bounces\tcomplained_at\thistory\n";

static bool export_one(void *arg, struct mc_span key, const struct mc_known *known)
{
    struct mc_text line = {0};
    (void)arg;
    add_known(&line, key, known);
    bool ok = fwrite(line.at, 1, line.len, stdout) == line.len;
    mc_text_free(&line);
    return ok;
}

static int export_all(struct mc_store *store)
{
    fputs(heading, stdout);
    if (!mc_store_each(store, export_one, NULL) || fflush(stdout) != 0)
        return failed(store);
    return MC_EXIT_OK;
}

static bool parse(const char *operand, struct mc_address *address)
{
    if (mc_address_parse(mc_span_of(operand), address) == MC_SYNTAX_OK)
        return true;
    mc_log(MC_LOG_ERROR, "\"%s\" is no address", operand);
    return false;
}

static int get(struct mc_store *store, char **operands, size_t count)
{
    struct mc_text out = {0};
    int status = MC_EXIT_OK;
    mc_text_add_z(&out, heading);
    for (size_t i = 0; i < count; i++) {
        struct mc_address address;
        struct mc_known known;
        if (!parse(operands[i], &address)) {
            mc_text_free(&out);
            return MC_EXIT_USAGE;
        }
        if (mc_store_get(store, address.local, address.domain, &known)) {
            add_known(&out, address.email, &known);
        } else if (mc_store_error(store)) {
            mc_text_free(&out);
            return failed(store);
        } else {
            mc_log(MC_LOG_WARNING, "nothing is known of %s", operands[i]);
            status = MC_EXIT_FAILED;
        }
    }
    int printed = print(&out);
    return printed != MC_EXIT_OK ? printed : status;
}

/* A domain is read as part of an address, so that it is normalized the same way. */
static bool parse_whom(const char *operand, struct mc_address *address)
{
    struct mc_text any = {0};
    mc_text_printf(&any, "%s%s", operand[0] == '@' ? "x" : "", operand);
    bool ok = parse(mc_text_z(&any), address);
    mc_text_free(&any);
    return ok;
}

static int forget(struct mc_store *store, char **operands, size_t count)
{
    struct mc_address address;
    uint64_t all = 0, gone;
    for (size_t i = 0; i < count; i++) /* all of them or none */
        if (!parse_whom(operands[i], &address))
            return MC_EXIT_USAGE;
    for (size_t i = 0; i < count; i++) {
        bool whole = operands[i][0] == '@';
        MC_ASSERT(parse_whom(operands[i], &address));
        if (!mc_store_forget(store, whole ? mc_span("", 0) : address.local, address.domain, &gone))
            return failed(store);
        all += gone;
    }
    if (!mc_store_scrub(store))
        return failed(store);
    printf("%" PRIu64 " addresses forgotten\n", all);
    return MC_EXIT_OK;
}

static int prune(struct mc_store *store, const struct mc_settings *settings)
{
    uint64_t gone;
    int64_t age = settings->max_age_ms == UINT64_MAX ? (int64_t)PRUNE_DAYS * MC_DAY_SECONDS
                                                     : (int64_t)(settings->max_age_ms / 1000);
    /* what is just so old is too old, as it is for a run */
    if (!mc_store_prune(store, (int64_t)time(NULL) - age + 1, &gone))
        return failed(store);
    printf("%" PRIu64 " addresses forgotten\n", gone);
    return MC_EXIT_OK;
}

int mc_cmd_store(const struct mc_settings *settings)
{
    static const struct {
        const char *name;
        bool takes;
    } actions[] = {
        {"stats", false}, {"get", true}, {"forget", true}, {"prune", false}, {"export", false}};
    const char *path = settings->store;
    char error[1024];
    size_t which = 0, operands = settings->operand_count ? settings->operand_count - 1 : 0;
    while (which < MC_ARRAY_LEN(actions) &&
           (!settings->operand_count || strcmp(settings->operands[0], actions[which].name) != 0))
        which++;
    if (which == MC_ARRAY_LEN(actions) || (operands > 0) != actions[which].takes || !path) {
        mc_log(MC_LOG_ERROR, "%s",
               path ? "store what? stats, get ADDRESS..., forget ADDRESS|@DOMAIN..., prune, export"
                    : "which store? Neither XDG_STATE_HOME nor HOME names a folder: give --store "
                      "FILE");
        return MC_EXIT_USAGE;
    }
    const struct mc_store_options options = {.path = path, .must_exist = true};
    struct mc_store *store = mc_store_open(&options, error, sizeof error);
    if (!store) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    int status = which == 0   ? show_stats(store, settings)
                 : which == 1 ? get(store, settings->operands + 1, operands)
                 : which == 2 ? forget(store, settings->operands + 1, operands)
                 : which == 3 ? prune(store, settings)
                              : export_all(store);
    mc_store_close(store);
    return status;
}
