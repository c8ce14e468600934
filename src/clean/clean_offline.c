/* Offline every verdict is a function of the address alone: one pass, no address record, no
 * ledger; only the dedupe table and one small record a domain. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "address/parse.h"
#include "base/memory.h"
#include "clean/run.h"
#include "lists/lists.h"

#define PRESIZE_ROWS  4096 /* after so many rows the length of the list can be guessed */
#define SHORTEST_ROW  7    /* "a@b.cc" and a line end */
#define PROGRESS_ROWS 65536
#define EMAIL_ROOM    (MC_ADDRESS_MAX + 2)

/* What the lists say of a domain, asked once. */
struct domain {
    uint32_t name, suggestion; /* in the arena */
    bool disposable, free;
};

struct offline {
    struct mc_clean_run *run;
    struct mc_lists *lists;
    struct mc_dedupe seen;
    struct domain *domains;
    size_t count, room;
    struct mc_index index;
    struct mc_arena names;
    char suggestion[EMAIL_ROOM + 256];
};

static const struct domain *domain_of(struct offline *offline, struct mc_span name)
{
    uint64_t hash = mc_hash(name);
    struct mc_index_cursor cursor;
    uint32_t found = mc_index_first(&offline->index, hash, &cursor);
    for (; found != MC_NONE; found = mc_index_next(&offline->index, &cursor))
        if (mc_span_equal(name, mc_arena_get(&offline->names, offline->domains[found].name)))
            return &offline->domains[found];
    char suggestion[256];
    size_t len = mc_lists_suggest(offline->lists, name, suggestion);
    offline->domains =
        mc_grow(offline->domains, offline->count, &offline->room, sizeof *offline->domains);
    struct domain *domain = &offline->domains[offline->count];
    domain->name = mc_arena_add(&offline->names, name);
    domain->suggestion = len ? mc_arena_add(&offline->names, mc_span(suggestion, len)) : 0;
    domain->disposable = mc_lists_is_disposable(offline->lists, name);
    domain->free = mc_lists_is_free(offline->lists, name);
    mc_index_add(&offline->index, hash, (uint32_t)offline->count++);
    return domain;
}

static void judge(struct offline *offline, const struct mc_row *row,
                  const struct mc_address *address, struct mc_result *result)
{
    char key[EMAIL_ROOM];
    size_t key_len = mc_address_key(address, key);
    const struct domain *domain = domain_of(offline, address->domain);
    bool suppressed = mc_lists_is_suppressed(offline->lists, address->local, address->domain);
    *result = (struct mc_result){
        .reason = suppressed           ? MC_REASON_SUPPRESSED
                  : domain->disposable ? MC_REASON_DISPOSABLE
                                       : MC_REASON_NOT_PROBED,
        .source = suppressed || domain->disposable ? MC_SOURCE_LIST : MC_SOURCE_SYNTAX,
        .role = mc_lists_is_role(offline->lists, address->local) ? MC_YES : MC_NO,
        .disposable = domain->disposable ? MC_YES : MC_NO,
        .free = domain->free ? MC_YES : MC_NO,
        .catch_all = MC_NOT_KNOWN,
        .email = address->email,
        .checked_at = offline->run->now,
    };
    result->status = mc_reason_status(result->reason);
    if (domain->suggestion) {
        struct mc_span intended = mc_arena_get(&offline->names, domain->suggestion);
        memcpy(offline->suggestion, address->local.at, address->local.len);
        offline->suggestion[address->local.len] = '@';
        memcpy(offline->suggestion + address->local.len + 1, intended.at, intended.len);
        result->suggestion = mc_span(offline->suggestion, address->local.len + 1 + intended.len);
    }
    uint32_t first =
        mc_dedupe_first(&offline->seen, mc_hash128(mc_span(key, key_len)), (uint32_t)row->number);
    if (first != row->number)
        result->duplicate_of = first;
}

static bool clean_row(struct offline *offline, const struct mc_row *row)
{
    struct mc_address address;
    struct mc_result result;
    if (!row->number)
        return mc_clean_emit(offline->run, row, NULL);
    if (mc_address_parse(row->address, &address) == MC_SYNTAX_OK)
        judge(offline, row, &address, &result);
    else
        mc_clean_bad_result(offline->run, row, address.email, &result);
    return mc_clean_emit(offline->run, row, &result);
}

/* By the mean of the rows so far, but no row has fewer than SHORTEST_ROW bytes with an address. */
static uint64_t rows_guessed(const struct mc_rows *rows, const struct mc_cursor *cursor)
{
    uint64_t mean = mc_cursor_position(cursor) / PRESIZE_ROWS;
    return mc_rows_size(rows) / (mean < SHORTEST_ROW ? SHORTEST_ROW : mean);
}

static void say_progress(const struct mc_clean_run *run, const struct mc_cursor *cursor)
{
    if (!run->options->progress)
        return;
    struct mc_clean_progress progress = {
        .rows_read = run->rows_read,
        .rows_written = run->rows_written,
        .bytes_read = mc_cursor_position(cursor),
        .bytes_total = mc_rows_size(run->rows),
    };
    run->options->progress(run->options->arg, &progress);
}

/* A pipe has no row yet: its reader gets what is ready, then we wait. Returns false on an error. */
static bool wait_for_rows(struct mc_clean_run *run)
{
    struct pollfd pipe = {.fd = mc_rows_fd(run->rows), .events = POLLIN};
    if (run->writer && !mc_writer_flush(run->writer)) {
        run->broken_pipe = mc_writer_broken_pipe(run->writer);
        snprintf(run->error, run->error_size, "%s", mc_writer_error(run->writer));
        return false;
    }
    if (pipe.fd >= 0 && poll(&pipe, 1, -1) < 0 && errno != EINTR) {
        snprintf(run->error, run->error_size, "cannot wait for standard input");
        return false;
    }
    if (mc_rows_fill(run->rows) >= 0)
        return true;
    snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
    return false;
}

static bool all_rows(struct offline *offline, struct mc_cursor *cursor)
{
    struct mc_clean_run *run = offline->run;
    struct mc_row row;
    for (;;) {
        switch (mc_cursor_next(cursor, &row)) {
        case MC_ROWS_ROW:
            break;
        case MC_ROWS_END:
            return true;
        case MC_ROWS_WAIT:
            if (!wait_for_rows(run))
                return false;
            continue;
        case MC_ROWS_FAILED:
            snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
            return false;
        }
        run->rows_read++;
        if (!clean_row(offline, &row))
            return false;
        if (run->rows_read == PRESIZE_ROWS && mc_rows_size(run->rows))
            mc_dedupe_expect(&offline->seen, rows_guessed(run->rows, cursor));
        if (run->rows_read % PROGRESS_ROWS == 0)
            say_progress(run, cursor);
    }
}

bool mc_clean_offline(struct mc_clean_run *run)
{
    struct offline offline = {.run = run};
    offline.lists = mc_lists_new(run->options->engine.lists_dir, run->error, run->error_size);
    if (!offline.lists)
        return false;
    struct mc_cursor *cursor = mc_cursor_new(run->rows);
    bool ok = all_rows(&offline, cursor);
    mc_cursor_free(cursor);
    mc_lists_free(offline.lists);
    mc_dedupe_free(&offline.seen);
    mc_index_free(&offline.index);
    mc_arena_free(&offline.names);
    free(offline.domains);
    return ok;
}
