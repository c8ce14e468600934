/* mailcheck bounces: delivery reports in, `address,bounce,reason,smtp,source` out, one row for
 * each failed recipient; a summary by reason and provider on stderr. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/find.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "bounce/cause.h"
#include "bounce/mailbox.h"
#include "bounce/verp.h"
#include "cli/command.h"
#include "cli/feedback.h"
#include "cli/follow.h"
#include "cli/outputs.h"
#include "cli/state_place.h"
#include "lists/lists.h"

#define SMTP_MAX      512
#define PROVIDERS_MAX 64
#define FLUSH_BYTES   (1u << 16)

struct output {
    struct mc_output file;
    struct mc_bounce_sink sink;
    struct mc_text text;
    struct mc_text cell;
    enum mc_format format;
    const struct mc_lists *lists;
    struct mc_store *store; /* NULL: nothing is remembered */
    bool failed;
    uint64_t kinds[MC_BOUNCE_KINDS], reasons[MC_REASON_COUNT], causes[MC_CAUSES];
    struct {
        const char *id; /* static, of the lists */
        uint64_t kinds[MC_BOUNCE_KINDS];
    } providers[PROVIDERS_MAX];
    size_t provider_count;
};

static struct mc_span provider_of(void *arg, struct mc_span host)
{
    const struct output *output = arg;
    const struct mc_provider *provider = mc_lists_provider(output->lists, host);
    return mc_span_of(provider ? provider->id : "");
}

static bool wants_quotes(struct mc_span cell)
{
    return mc_find_either(cell, ',', '"') || mc_find_either(cell, '\r', '\n');
}

static void add_cell(struct output *output, struct mc_span cell)
{
    bool quote = wants_quotes(cell);
    if (quote)
        mc_text_add_char(&output->text, '"');
    /* what a spreadsheet would run is text to it behind an apostrophe */
    if (cell.len && strchr("=+-@\t\r", cell.at[0]))
        mc_text_add_char(&output->text, '\'');
    for (const char *mark; quote && (mark = memchr(cell.at, '"', cell.len)) != NULL;) {
        size_t used = (size_t)(mark - cell.at) + 1;
        mc_text_add(&output->text, cell.at, used);
        mc_text_add_char(&output->text, '"');
        cell = mc_span(cell.at + used, cell.len - used);
    }
    mc_text_add_span(&output->text, cell);
    if (quote)
        mc_text_add_char(&output->text, '"');
}

static void flush(struct output *output)
{
    if (!output->failed && !mc_output_write(&output->file, output->text.at, output->text.len))
        output->failed = true;
    output->text.len = 0;
}

/* Somebody may be waiting at the other end of a pipe, and for the store. */
static void show(void *arg)
{
    struct output *output = arg;
    flush(output);
    if (output->store && mc_store_pending(output->store) &&
        !mc_store_commit(output->store, false)) {
        mc_log(MC_LOG_ERROR, "%s", mc_store_error(output->store));
        output->failed = true;
    }
    output->sink.now = (int64_t)time(NULL);
}

static bool show_and_go_on(void *arg)
{
    show(arg);
    return !((struct output *)arg)->failed;
}

static void add_csv(struct output *output, const struct mc_span *cells)
{
    for (size_t i = 0; i < 5; i++) {
        if (i)
            mc_text_add_char(&output->text, ',');
        add_cell(output, cells[i]);
    }
    mc_text_add_char(&output->text, '\n');
}

static void add_json(struct output *output, const struct mc_bounce *bounce,
                     const struct mc_span *cells)
{
    static const char *const names[] = {"address", "bounce", "reason", "smtp", "source"};
    json_t *object = json_object();
    for (size_t i = 0; i < 5; i++)
        json_object_set_new(object, names[i],
                            cells[i].len ? json_stringn(cells[i].at, cells[i].len) : json_null());
    if (bounce->mailed.len)
        json_object_set_new(object, "mailed", json_stringn(bounce->mailed.at, bounce->mailed.len));
    if (bounce->provider.len)
        json_object_set_new(object, "provider",
                            json_stringn(bounce->provider.at, bounce->provider.len));
    char *line = json_dumps(object, JSON_COMPACT);
    mc_text_add_z(&output->text, line ? line : "{}");
    mc_text_add_char(&output->text, '\n');
    free(line);
    json_decref(object);
}

static void count(struct output *output, const struct mc_bounce *bounce)
{
    enum mc_bounce_kind kind = mc_bounce_kind_of(bounce->reason);
    output->kinds[kind]++;
    output->reasons[bounce->reason]++;
    if (kind == MC_BOUNCE_BLOCKED && bounce->reason != MC_REASON_SUPPRESSED)
        output->causes[mc_cause_of(bounce->rule, bounce->smtp)]++;
    if (!bounce->provider.len)
        return;
    size_t i = 0;
    while (i < output->provider_count &&
           !mc_span_equal(mc_span_of(output->providers[i].id), bounce->provider))
        i++;
    if (i == PROVIDERS_MAX)
        return;
    if (i == output->provider_count)
        output->providers[output->provider_count++].id = bounce->provider.at;
    output->providers[i].kinds[kind]++;
}

/* Each piece of evidence passes here once. */
static void found(void *arg, const struct mc_bounce *bounce)
{
    struct output *output = arg;
    size_t smtp, source;
    count(output, bounce);
    if (output->store)
        mc_feedback_take(output->store, bounce, output->sink.now);
    output->cell.len = 0;
    if (bounce->stage != MC_STAGE_NONE) {
        mc_text_add_z(&output->cell, mc_stage_name(bounce->stage));
        mc_text_add_char(&output->cell, ' ');
    }
    mc_text_add_printable(&output->cell, bounce->smtp, SMTP_MAX - output->cell.len);
    smtp = output->cell.len;
    mc_text_add_printable(&output->cell, bounce->source, 4096);
    source = output->cell.len - smtp;
    const struct mc_span cells[] = {
        bounce->address,
        mc_span_of(mc_bounce_kind_name(mc_bounce_kind_of(bounce->reason))),
        mc_span_of(mc_reason_name(bounce->reason)),
        mc_span(output->cell.at, smtp),
        mc_span(output->cell.at + smtp, source),
    };
    if (output->format == MC_FORMAT_JSONL)
        add_json(output, bounce, cells);
    else
        add_csv(output, cells);
    if (output->text.len >= FLUSH_BYTES)
        flush(output);
}

static void summarize(const struct output *output, const struct mc_bounce_counts *counts)
{
    fprintf(stderr,
            "%" PRIu64 " messages, %" PRIu64 " lines, %" PRIu64 " events: %" PRIu64
            " hard, %" PRIu64 " soft, %" PRIu64 " blocked\n",
            counts->messages, counts->lines, counts->events, output->kinds[MC_BOUNCE_HARD],
            output->kinds[MC_BOUNCE_SOFT], output->kinds[MC_BOUNCE_BLOCKED]);
    for (size_t i = 0; i < MC_REASON_COUNT; i++)
        if (output->reasons[i])
            fprintf(stderr, "  %-18s %8" PRIu64 "  %s\n", mc_reason_name((enum mc_reason)i),
                    output->reasons[i], mc_bounce_kind_name(mc_bounce_kind_of((enum mc_reason)i)));
    for (size_t i = 0; i < output->provider_count; i++)
        fprintf(stderr, "  at %-15s %8" PRIu64 " hard, %" PRIu64 " soft, %" PRIu64 " blocked\n",
                output->providers[i].id, output->providers[i].kinds[MC_BOUNCE_HARD],
                output->providers[i].kinds[MC_BOUNCE_SOFT],
                output->providers[i].kinds[MC_BOUNCE_BLOCKED]);
    for (size_t i = 0; i < output->provider_count; i++)
        if (output->providers[i].kinds[MC_BOUNCE_BLOCKED])
            fprintf(stderr, "  %s refused you, not your recipients: %s\n", output->providers[i].id,
                    mc_feedback_advice(output->providers[i].id));
    for (size_t i = 0; i < MC_CAUSES; i++)
        if (output->causes[i])
            fprintf(stderr, "  for %-14s %8" PRIu64 " blocked: %s\n",
                    mc_cause_name((enum mc_cause)i), output->causes[i],
                    mc_cause_advice((enum mc_cause)i));
    fprintf(stderr,
            "no failures: %" PRIu64 " automatic replies, %" PRIu64 " successes, %" PRIu64
            " complaints, %" PRIu64 " that report nothing\n",
            counts->auto_replies, counts->successes, counts->complaints, counts->no_reports);
    if (counts->nameless || counts->damaged)
        fprintf(stderr, "%" PRIu64 " reports name nobody, %" PRIu64 " were damaged or cut\n",
                counts->nameless, counts->damaged);
    if (output->kinds[MC_BOUNCE_BLOCKED] > output->kinds[MC_BOUNCE_HARD])
        fprintf(stderr, "Most were refused for the sender's sake, not the recipients': see to "
                        "reputation, SPF, DKIM and rate before the next mailing.\n");
}

/* What went into the store, and what that says of our own verdicts. False on failure. */
static bool remember(struct output *output, bool tell)
{
    struct mc_text text = {0};
    bool ok = mc_store_commit(output->store, true) &&
              (!tell || mc_feedback_precision(output->store, output->lists, &text));
    struct mc_store_feedback feedback = mc_store_feedback(output->store);
    if (ok && tell)
        fprintf(stderr,
                "%" PRIu64 " were new to the store; %" PRIu64 " were against addresses it called "
                "deliverable\n%s",
                feedback.taken, feedback.misjudged, mc_text_z(&text));
    for (size_t i = 0; i < MC_STORE_RULES && feedback.by_rule[i].rule && ok && tell; i++)
        fprintf(stderr, "of them by the rule \"%s\"\t%" PRIu64 "\n", feedback.by_rule[i].rule,
                feedback.by_rule[i].count);
    if (!ok)
        mc_log(MC_LOG_ERROR, "%s", mc_store_error(output->store));
    mc_text_free(&text);
    mc_store_close(output->store);
    output->store = NULL;
    return ok;
}

/* The store that the evidence goes to, where there is one. False on failure. */
static bool open_store(const struct mc_settings *settings, struct output *output)
{
    char error[1024];
    const struct mc_store_options options = {.path = mc_state_store(settings, true),
                                             .hashed = settings->store_hashed};
    if (!options.path)
        return true;
    output->store = mc_store_open(&options, error, sizeof error);
    if (!output->store)
        mc_log(MC_LOG_ERROR, "%s", error);
    return output->store != NULL;
}

/* False where something that was named could not be read; `signal` is the one that ended it. */
static bool read_all(const struct mc_settings *settings, struct output *output,
                     struct mc_bounce_counts *counts, int *signal)
{
    static char *standard[] = {"-"};
    size_t count = settings->operand_count ? settings->operand_count : 1;
    char *const *paths = settings->operand_count ? settings->operands : standard;
    bool ok = true;
    struct mc_mailbox mailbox;
    mc_mailbox_init(&mailbox, &output->sink, counts);
    if (settings->follow) {
        const struct mc_follow follow = {
            .mailbox = &mailbox, .read = show_and_go_on, .arg = output};
        *signal = mc_follow(&follow, paths, count);
        ok = *signal != 0;
    }
    for (size_t i = 0; !settings->follow && i < count && !output->failed; i++)
        ok = mc_mailbox_read_path(&mailbox, paths[i]) && ok;
    mc_mailbox_free(&mailbox);
    return ok;
}

static bool is_usable(const struct mc_settings *settings)
{
    bool standard = !settings->operand_count, over_itself = false;
    for (size_t i = 0; i < settings->operand_count; i++) {
        standard = standard || !strcmp(settings->operands[i], "-");
        over_itself |= mc_outputs_same_file(settings->output, settings->operands[i]);
    }
    if (settings->verp && !mc_verp_valid(settings->verp))
        mc_log(MC_LOG_ERROR, "--verp takes a pattern with {local} and {domain}, such as "
                             "bounces+{local}={domain}@lists.example");
    else if (settings->follow && standard)
        mc_log(MC_LOG_ERROR,
               "--follow wants the folder of mail, or the log, that is to be watched");
    else if (over_itself)
        mc_log(MC_LOG_ERROR, "-o %s would be written over what is to be read", settings->output);
    else
        return true;
    return false;
}

/* Opens what the rows and the evidence go to. False on failure. */
static bool open_output(const struct mc_settings *settings, struct output *output)
{
    if (!mc_output_open(&output->file, settings->output)) {
        mc_log(MC_LOG_ERROR, "%s", output->file.error);
        return false;
    }
    return open_store(settings, output);
}

static bool close_output(struct output *output)
{
    flush(output);
    bool ok = !output->failed && mc_output_commit(&output->file);
    if (!ok && !output->file.is_broken_pipe && *output->file.error)
        mc_log(MC_LOG_ERROR, "%s", output->file.error);
    return ok;
}

int mc_cmd_bounces(const struct mc_settings *settings)
{
    char error[512];
    struct mc_bounce_counts counts = {0};
    int status = MC_EXIT_FAILED, signal = 0;
    if (!is_usable(settings))
        return MC_EXIT_USAGE;
    struct mc_lists *lists = mc_lists_new(settings->lists, error, sizeof error);
    if (!lists) {
        mc_log(MC_LOG_ERROR, "%s", error);
        return MC_EXIT_FAILED;
    }
    struct output output = {.format = settings->format, .lists = lists};
    output.sink = (struct mc_bounce_sink){.found = found,
                                          .provider = provider_of,
                                          .waiting = show,
                                          .arg = &output,
                                          .verp = settings->verp,
                                          .now = (int64_t)time(NULL)};
    if (!open_output(settings, &output))
        goto done;
    if (output.format == MC_FORMAT_CSV)
        mc_text_add_z(&output.text, "address,bounce,reason,smtp,source\n");
    bool ok = read_all(settings, &output, &counts, &signal);
    ok = close_output(&output) && ok;
    bool tell = !settings->quiet && (settings->verbose || isatty(STDERR_FILENO));
    if (tell)
        summarize(&output, &counts);
    if (output.store && !remember(&output, tell))
        ok = false;
    status = !ok ? MC_EXIT_FAILED : signal ? 128 + signal : MC_EXIT_OK;
done:
    mc_output_abort(&output.file);
    mc_text_free(&output.text);
    mc_text_free(&output.cell);
    mc_lists_free(lists);
    return status;
}
