/* Offline every verdict is a function of the address alone: one pass, no address record, no
 * ledger, no name is kept; only which row had each address first, and two bits a domain.
 *
 * What costs here is waiting for memory: both maps are larger than any cache. So rows go through
 * in batches, and where a row will be looked up is fetched while the batch is still being read. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "address/parse.h"
#include "base/digest_map.h"
#include "base/memory.h"
#include "clean/run.h"
#include "lists/lists.h"

/* So many that memory has the time to answer, so few that all of them stay in the first cache. */
#define BATCH        32
#define PRESIZE_ROWS 65536 /* after so many rows the length of the list can be guessed */
#define EMAIL_ROOM   (MC_ADDRESS_MAX + 2)

/* What is remembered of a domain. */
enum domain_fact { SEEN = 1, DISPOSABLE = 2, FREE = 4, SLIP = 8 };

struct item {
    struct mc_hash128 key, domain;
    enum mc_syntax syntax;
    struct mc_address address;
};

struct offline {
    struct mc_clean_run *run;
    struct mc_cursor *cursor;
    struct mc_lists *lists;
    struct mc_digest_map first_rows; /* of each address */
    struct mc_digest_map domains;    /* enum domain_fact */
    bool presized;
    struct mc_row rows[BATCH];
    struct item items[BATCH];
    char suggestion[EMAIL_ROOM + 256];
};

/* First half of a row's way: what needs the row alone. */
static void read_row(struct offline *offline, const struct mc_row *row, struct item *item)
{
    char key[EMAIL_ROOM];
    if (!row->number)
        return;
    item->syntax = mc_address_parse(row->address, &item->address);
    if (item->syntax != MC_SYNTAX_OK)
        return;
    item->domain = mc_hash128(item->address.domain);
    mc_digest_map_prefetch(&offline->domains, item->domain);
    item->key = mc_hash128(mc_span(key, mc_address_key(&item->address, key)));
    mc_digest_map_prefetch(&offline->first_rows, item->key);
}

static unsigned facts_of(struct offline *offline, const struct item *item)
{
    uint32_t *facts = mc_digest_map_at(&offline->domains, item->domain);
    if (!*facts) {
        struct mc_span domain = item->address.domain;
        char suggestion[256];
        *facts = SEEN;
        if (mc_lists_is_disposable(offline->lists, domain))
            *facts |= DISPOSABLE;
        if (mc_lists_is_free(offline->lists, domain))
            *facts |= FREE;
        if (mc_lists_suggest(offline->lists, domain, suggestion))
            *facts |= SLIP;
    }
    return *facts;
}

/* Slips are rare: what was meant is found out again rather than kept. */
static struct mc_span suggest(struct offline *offline, const struct mc_address *address)
{
    char *out = offline->suggestion;
    size_t len = address->local.len;
    memcpy(out, address->local.at, len);
    out[len++] = '@';
    len += mc_lists_suggest(offline->lists, address->domain, out + len);
    return mc_span(out, len);
}

static void judge(struct offline *offline, const struct mc_row *row, const struct item *item,
                  struct mc_result *result)
{
    const struct mc_address *address = &item->address;
    unsigned facts = facts_of(offline, item);
    bool suppressed = mc_lists_is_suppressed(offline->lists, address->local, address->domain);
    *result = (struct mc_result){
        .reason = suppressed           ? MC_REASON_SUPPRESSED
                  : facts & DISPOSABLE ? MC_REASON_DISPOSABLE
                                       : MC_REASON_NOT_PROBED,
        .source = suppressed || facts & DISPOSABLE ? MC_SOURCE_LIST : MC_SOURCE_SYNTAX,
        .role = mc_lists_is_role(offline->lists, address->local) ? MC_YES : MC_NO,
        .disposable = facts & DISPOSABLE ? MC_YES : MC_NO,
        .free = facts & FREE ? MC_YES : MC_NO,
        .catch_all = MC_NOT_KNOWN,
        .email = address->email,
        .checked_at = offline->run->now,
    };
    result->status = mc_reason_status(result->reason);
    if (facts & SLIP)
        result->suggestion = suggest(offline, address);
    uint32_t *first_row = mc_digest_map_at(&offline->first_rows, item->key);
    if (*first_row)
        result->duplicate_of = *first_row;
    else
        *first_row = (uint32_t)row->number;
}

/* Second half. False where the row cannot be written. */
static bool write_row(struct offline *offline, const struct mc_row *row, const struct item *item)
{
    struct mc_result result;
    if (!row->number)
        return mc_clean_emit(offline->run, row, NULL);
    if (item->syntax == MC_SYNTAX_OK)
        judge(offline, row, item, &result);
    else
        mc_clean_bad_result(offline->run, row, item->address.email, &result);
    return mc_clean_emit(offline->run, row, &result);
}

static bool batch(struct offline *offline, size_t count)
{
    for (size_t i = 0; i < count; i++)
        read_row(offline, &offline->rows[i], &offline->items[i]);
    for (size_t i = 0; i < count; i++)
        if (!write_row(offline, &offline->rows[i], &offline->items[i]))
            return false;
    offline->run->rows_read += count;
    return true;
}

/* A file's length says how many addresses are still to come, if they come as they came so far. */
static void presize(struct offline *offline)
{
    const struct mc_clean_run *run = offline->run;
    double share = (double)mc_rows_size(run->rows) / (double)mc_cursor_position(offline->cursor);
    double keys = share * (double)mc_digest_map_count(&offline->first_rows);
    offline->presized = true;
    if (keys > 0)
        mc_digest_map_expect(&offline->first_rows, (uint64_t)keys);
}

static void say_progress(const struct offline *offline)
{
    const struct mc_clean_run *run = offline->run;
    if (!run->options->progress)
        return;
    struct mc_clean_progress progress = {
        .rows_read = run->rows_read,
        .rows_written = run->rows_written,
        .bytes_read = mc_cursor_position(offline->cursor),
        .bytes_total = mc_rows_size(run->rows),
    };
    run->options->progress(run->options->arg, &progress);
}

/* The pipe is empty: whoever reads ours gets what is ready. */
static bool wait_for_more(const struct offline *offline)
{
    struct mc_clean_run *run = offline->run;
    struct pollfd pipe = {.fd = mc_rows_fd(run->rows), .events = POLLIN};
    if (poll(&pipe, 1, 0) == 0) {
        if (!mc_clean_flush(run))
            return false;
        say_progress(offline);
        while (poll(&pipe, 1, -1) < 0 && errno == EINTR)
            ;
    }
    if (mc_rows_fill(run->rows) >= 0)
        return true;
    snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
    return false;
}

static bool all_rows(struct offline *offline)
{
    struct mc_clean_run *run = offline->run;
    uint64_t next_stop = PRESIZE_ROWS;
    for (size_t count;;) {
        switch (mc_cursor_next_rows(offline->cursor, offline->rows, BATCH, &count)) {
        case MC_ROWS_ROW:
            break;
        case MC_ROWS_END:
            return true;
        case MC_ROWS_WAIT:
            if (!wait_for_more(offline))
                return false;
            continue;
        case MC_ROWS_FAILED:
            snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
            return false;
        }
        if (!batch(offline, count))
            return false;
        if (run->rows_read < next_stop)
            continue;
        next_stop = run->rows_read + PRESIZE_ROWS;
        if (!offline->presized)
            presize(offline);
        say_progress(offline);
    }
}

bool mc_clean_offline(struct mc_clean_run *run)
{
    struct offline *offline = mc_calloc(1, sizeof *offline);
    offline->run = run;
    offline->lists = mc_lists_new(run->options->engine.lists_dir, run->error, run->error_size);
    bool ok = offline->lists != NULL;
    if (ok) {
        offline->cursor = mc_cursor_new(run->rows);
        ok = all_rows(offline);
        mc_cursor_free(offline->cursor);
    }
    mc_lists_free(offline->lists);
    mc_digest_map_free(&offline->first_rows);
    mc_digest_map_free(&offline->domains);
    free(offline);
    return ok;
}
