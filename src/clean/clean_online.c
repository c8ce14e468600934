/* With DNS and SMTP: one cursor reads ahead to the end, so that all work is known early; another
 * follows in input order and writes each row as soon as its verdict is there. */
#include <stdio.h>
#include <stdlib.h>

#include "address/parse.h"
#include "address/plain.h"
#include "base/memory.h"
#include "base/text.h"
#include "clean/first_rows.h"
#include "clean/ledger.h"
#include "clean/list_lock.h"
#include "clean/run.h"

#define BATCH       32
#define READ_ROWS   2048 /* rows read between two turns of the loop */
#define WRITE_ROWS  8192
#define TURN_MS     100
#define PROGRESS_MS 200
#define LEAVE_MS    2000

/* A row that was read ahead. */
struct item {
    struct mc_row row;
    enum mc_syntax syntax;
    struct mc_address address;
    struct mc_sought sought;
};

struct online {
    struct mc_clean_run *run;
    struct mc_engine *engine;
    struct mc_cursor *ahead, *behind;
    struct mc_ledger ledger;
    struct mc_first_rows first_rows;
    struct mc_watch pipe;
    bool pipe_watched, pipe_ended, pipe_failed;
    bool caught_up; /* the cursor that reads ahead has read all that came so far */
    bool input_ended, stopped, sampled;
    int64_t started_ms, progress_ms;
    struct mc_address spelled; /* scratch of own_spelling */
    struct mc_text suggestion;
    struct mc_row rows[BATCH];
    struct item items[BATCH];
    struct mc_row behind_rows[BATCH]; /* read, and some of them written */
    size_t behind_count, behind_next;
};

static struct mc_clean_progress progress_of(const struct online *online)
{
    const struct mc_clean_run *run = online->run;
    struct mc_clean_progress progress = {
        .rows_read = run->rows_read,
        .rows_written = run->rows_written,
        .bytes_read = mc_cursor_position(online->ahead),
        .bytes_total = mc_rows_size(run->rows),
        .elapsed_ms =
            (uint64_t)(mc_loop_now_ms(mc_engine_loop(online->engine)) - online->started_ms),
        .input_ended = online->input_ended,
    };
    mc_engine_count(online->engine, &progress.engine);
    return progress;
}

static void tell_stage(const struct online *online, const char *stage)
{
    const struct mc_clean_options *options = online->run->options;
    struct mc_clean_progress progress = progress_of(online);
    if (options->stage)
        options->stage(options->arg, stage, &progress);
}

static void input_ended(struct online *online)
{
    const struct mc_clean_options *options = online->run->options;
    online->input_ended = true;
    if (!options->sample && !options->plan)
        mc_engine_set_input(online->engine, MC_INPUT_LIVE);
    tell_stage(online, "read");
}

/* Most are plain, and need no copy: the address is in the row then. */
static bool is_plain(const struct mc_row *row, struct mc_plain *plain, struct mc_address *address)
{
    struct mc_span cell = row->address;
    _Static_assert(MC_PLAIN_READS <= MC_ROW_READS, "behind a cell there is as much as is read");
    if (!mc_address_look(cell, plain))
        return false;
    address->email = cell;
    address->local = mc_span(cell.at, plain->local_len);
    address->domain = mc_span(cell.at + plain->local_len + 1, cell.len - plain->local_len - 1);
    address->needs_smtputf8 = false;
    address->complaint = NULL;
    return true;
}

/* What needs the row alone. */
static void look_at_row(struct online *online, struct item *item)
{
    struct mc_plain plain;
    item->syntax = MC_SYNTAX_EMPTY;
    if (!item->row.number)
        return;
    bool looked = is_plain(&item->row, &plain, &item->address);
    item->syntax = looked ? MC_SYNTAX_OK : mc_address_parse(item->row.address, &item->address);
    if (item->syntax == MC_SYNTAX_OK)
        mc_engine_seek_domain(online->engine, &item->address, looked ? &plain : NULL,
                              &item->sought);
}

static void read_row(struct online *online, const struct item *item)
{
    bool is_new;
    if (!item->row.number) {
        mc_ledger_add(&online->ledger, MC_LEDGER_PASS, false);
    } else if (item->syntax == MC_SYNTAX_OK) {
        uint32_t address =
            mc_engine_add_sought(online->engine, &item->address, &item->sought, &is_new);
        mc_ledger_add(&online->ledger, address, item->sought.is_plain);
        if (is_new)
            mc_first_rows_add(&online->first_rows, (uint32_t)item->row.number);
    } else {
        mc_ledger_add(&online->ledger, MC_LEDGER_BAD, false);
        mc_clean_note_bad(online->run, &item->row, item->address.email);
    }
}

/* A million addresses lie in no cache: what a batch will look at is fetched ahead. */
static void read_batch(struct online *online, size_t count)
{
    struct item *items = online->items;
    for (size_t i = 0; i < count; i++) {
        items[i].row = online->rows[i];
        look_at_row(online, &items[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (items[i].syntax == MC_SYNTAX_OK)
            mc_engine_seek_address(online->engine, &items[i].address, &items[i].sought);
    for (size_t i = 0; i < count; i++) {
        online->run->rows_read += items[i].row.number != 0;
        read_row(online, &items[i]);
    }
}

/* Reads ahead a little. False on failure. */
static bool read_rows(struct online *online)
{
    struct mc_clean_run *run = online->run;
    online->caught_up = false;
    for (size_t i = 0, count; i < READ_ROWS && !online->input_ended; i += count) {
        switch (mc_cursor_next_rows(online->ahead, online->rows, BATCH, &count)) {
        case MC_ROWS_ROW:
            read_batch(online, count);
            break;
        case MC_ROWS_WAIT:
            online->caught_up = true;
            return true;
        case MC_ROWS_END:
            input_ended(online);
            break;
        case MC_ROWS_FAILED:
            snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
            return false;
        }
    }
    return true;
}

/* A duplicate has the verdict of its first row, and its own spelling of the local part. */
static void own_spelling(struct online *online, const struct mc_row *row, struct mc_result *result)
{
    struct mc_address *address = &online->spelled;
    if (mc_address_parse(row->address, address) != MC_SYNTAX_OK)
        return;
    result->email = address->email;
    if (result->suggestion.len) {
        const char *sign = memrchr(result->suggestion.at, '@', result->suggestion.len);
        size_t kept = result->suggestion.len - (size_t)(sign - result->suggestion.at);
        online->suggestion.len = 0;
        mc_text_add_span(&online->suggestion, address->local);
        mc_text_add(&online->suggestion, sign, kept);
        result->suggestion = mc_text_span(&online->suggestion);
    }
}

/* The next row to be written; NULL: there is none, though it was there when it was read ahead. */
static const struct mc_row *next_to_write(struct online *online)
{
    if (online->behind_next == online->behind_count) {
        online->behind_next = 0;
        if (mc_cursor_next_rows(online->behind, online->behind_rows, BATCH,
                                &online->behind_count) != MC_ROWS_ROW)
            return NULL;
    }
    return &online->behind_rows[online->behind_next++];
}

/* Writes every row whose turn it is and whose verdict is there. False on failure. */
static bool write_rows(struct online *online)
{
    struct mc_clean_run *run = online->run;
    uint32_t entry;
    bool any = false;
    for (size_t i = 0; i < WRITE_ROWS && mc_ledger_peek(&online->ledger, &entry); i++) {
        struct mc_result result;
        if (entry < MC_LEDGER_BAD && !mc_engine_is_settled(online->engine, entry))
            break;
        const struct mc_row *row = next_to_write(online);
        if (!row) {
            snprintf(run->error, run->error_size, "the list changed while it was read: %s",
                     mc_rows_error(run->rows));
            return false;
        }
        if (entry == MC_LEDGER_BAD) {
            struct mc_address address;
            (void)mc_address_parse(row->address, &address);
            mc_clean_bad_result(run, row, address.email, &result);
        } else if (entry != MC_LEDGER_PASS) {
            bool is_plain = mc_ledger_is_plain(&online->ledger);
            mc_engine_result_of(online->engine, entry, is_plain ? row->address : mc_span("", 0),
                                &result);
            if (mc_ledger_is_first(&online->ledger, entry)) {
                mc_engine_fetch_results(online->engine, entry);
            } else {
                result.duplicate_of = mc_first_rows_at(&online->first_rows, entry);
                own_spelling(online, row, &result);
            }
        }
        if (!mc_clean_emit(run, row, entry == MC_LEDGER_PASS ? NULL : &result))
            return false;
        mc_ledger_drop(&online->ledger);
        any = true;
    }
    /* whoever reads a pipe wants the rows as they are ready */
    return !any || mc_clean_flush(run);
}

static void pipe_ready(void *arg, int fd, int what)
{
    struct online *online = arg;
    (void)fd;
    (void)what;
    int more = mc_rows_fill(online->run->rows);
    if (more > 0)
        return;
    online->pipe_ended = true;
    online->pipe_failed = more < 0;
    mc_watch_stop(&online->pipe);
}

static void stop(struct online *online, const char *why)
{
    if (online->stopped)
        return;
    online->stopped = true;
    tell_stage(online, why);
    mc_engine_set_input(online->engine, MC_INPUT_LIVE);
    mc_engine_stop(online->engine);
}

static void look_at_the_clock(struct online *online)
{
    struct mc_clean_run *run = online->run;
    int64_t now = mc_loop_now_ms(mc_engine_loop(online->engine));
    if (mc_clean_interrupted(run))
        stop(online, "signal");
    else if (run->options->until_ms && now - online->started_ms >= (int64_t)run->options->until_ms)
        stop(online, "until");
    if (run->options->progress && now - online->progress_ms >= PROGRESS_MS) {
        struct mc_clean_progress progress = progress_of(online);
        run->options->progress(run->options->arg, &progress);
        online->progress_ms = now;
    }
}

/* --sample and --plan look first: nothing is probed before DNS has answered for all. Returns true
 * when the run is over. */
static bool looked(struct online *online)
{
    const struct mc_clean_options *options = online->run->options;
    if (online->sampled || !online->input_ended || !mc_engine_dns_done(online->engine))
        return false;
    online->sampled = true;
    if (options->plan) {
        struct mc_engine_counts counts;
        mc_engine_count(online->engine, &counts);
        mc_engine_plan(online->engine, options->planned, options->arg);
        options->looked(options->arg, online->run->rows_read, &counts);
        return true;
    }
    mc_engine_sample(online->engine, options->sample);
    online->run->tally->is_sample = true;
    mc_engine_set_input(online->engine, MC_INPUT_LIVE);
    return false;
}

static bool work(struct online *online)
{
    const struct mc_clean_options *options = online->run->options;
    bool look_first = options->sample || options->plan;
    for (;;) {
        uint32_t entry;
        bool waits_for_pipe = online->pipe_watched && !online->pipe_ended && online->caught_up;
        if (online->pipe_failed) {
            snprintf(online->run->error, online->run->error_size, "%s",
                     mc_rows_error(online->run->rows));
            return false;
        }
        if (!online->input_ended && !read_rows(online))
            return false;
        if (!options->plan && !write_rows(online))
            return false;
        if (look_first && !online->stopped && looked(online))
            return true;
        if (online->input_ended && mc_engine_idle(online->engine) &&
            (options->plan || !mc_ledger_peek(&online->ledger, &entry)))
            return true;
        bool more_to_do = (!online->input_ended && !waits_for_pipe) ||
                          (mc_ledger_peek(&online->ledger, &entry) && !options->plan &&
                           (entry >= MC_LEDGER_BAD || mc_engine_is_settled(online->engine, entry)));
        mc_engine_run(online->engine, more_to_do ? 0 : TURN_MS);
        if (mc_engine_store_failed(online->engine))
            return mc_engine_keep(online->engine, online->run->error, online->run->error_size);
        look_at_the_clock(online);
    }
}

/* The run has failed; the servers that are listening still get their QUIT. */
static void take_leave(struct online *online)
{
    int64_t until = mc_loop_now_ms(mc_engine_loop(online->engine)) + LEAVE_MS;
    mc_engine_set_input(online->engine, MC_INPUT_LIVE);
    mc_engine_stop(online->engine);
    while (!mc_engine_idle(online->engine) &&
           mc_loop_now_ms(mc_engine_loop(online->engine)) < until)
        mc_engine_run(online->engine, TURN_MS);
}

static void fill_tally(const struct online *online)
{
    struct mc_tally *tally = online->run->tally;
    struct mc_engine_counts counts;
    mc_engine_count(online->engine, &counts);
    tally->dns_questions = counts.dns_questions;
    tally->smtp_sessions = counts.sessions;
    tally->recipients_asked = counts.recipients;
    tally->controls_asked = counts.controls;
    tally->from_store = mc_engine_recalled(online->engine);
    tally->interrupted = online->stopped;
    tally->remembered = online->run->options->engine.store &&
                        online->run->options->engine.depth == MAILCHECK_DEPTH_SMTP;
}

/* By its name a run that was cut short is known again. */
static void begin_list(const struct online *online)
{
    const struct mc_clean_options *options = online->run->options;
    const char *path = options->rows.path;
    if (options->plan || !path || strcmp(path, "-") == 0)
        return;
    char *real = realpath(path, NULL);
    mc_engine_begin_list(online->engine, real ? real : path);
    free(real);
}

/* Two runs at once would ask everybody twice, and the later one would win the output. */
static bool take_lock(struct mc_clean_run *run, struct mc_list_lock *lock)
{
    const struct mc_clean_options *options = run->options;
    const char *list = options->rows.path;
    if (!options->engine.store || options->engine.depth != MAILCHECK_DEPTH_SMTP || options->plan ||
        !list || strcmp(list, "-") == 0)
        return true;
    return mc_list_lock_take(lock, options->engine.store, list, run->error, run->error_size) ==
           MC_LIST_LOCKED;
}

bool mc_clean_online(struct mc_clean_run *run)
{
    struct mc_list_lock lock = MC_LIST_LOCK_NONE;
    struct online online = {.run = run};
    const struct mc_engine_hooks hooks = {0};
    int fd = mc_rows_fd(run->rows);
    online.engine = mc_engine_new(&run->options->engine, &hooks, run->error, run->error_size);
    if (!online.engine || !take_lock(run, &lock)) {
        mc_engine_free(online.engine);
        return false;
    }
    online.started_ms = mc_loop_now_ms(mc_engine_loop(online.engine));
    mc_engine_set_input(online.engine, run->options->sample || run->options->plan ? MC_INPUT_HELD
                                       : fd >= 0                                  ? MC_INPUT_PIPE
                                                                                  : MC_INPUT_FILE);
    online.ahead = mc_cursor_new(run->rows);
    online.behind = mc_cursor_new(run->rows);
    if (fd >= 0) {
        online.pipe_watched = true;
        mc_watch_start(&online.pipe, mc_engine_loop(online.engine), fd, MC_WATCH_READ, pipe_ready,
                       &online);
    }
    begin_list(&online);
    mc_engine_expect(online.engine, mc_rows_expected(run->rows));
    bool ok = work(&online) && mc_engine_keep(online.engine, run->error, run->error_size);
    if (!ok)
        take_leave(&online);
    else if (!mc_clean_interrupted(run))
        mc_engine_end_list(online.engine);
    fill_tally(&online);
    const char *impossible = mc_engine_probe_impossible(online.engine);
    run->tally->probe_notice = impossible ? mc_strdup(impossible) : NULL;
    run->tally->obstacle = mc_engine_obstacle(online.engine);
    if (fd >= 0)
        mc_watch_stop(&online.pipe);
    mc_cursor_free(online.ahead);
    mc_cursor_free(online.behind);
    mc_ledger_free(&online.ledger);
    mc_first_rows_free(&online.first_rows);
    mc_text_free(&online.suggestion);
    mc_engine_free(online.engine);
    mc_list_lock_release(&lock);
    return ok;
}
