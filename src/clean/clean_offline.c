/* Offline every verdict is a function of the address alone: one pass, no address record, no
 * ledger, no name is kept; only which row had each address first, and two bits a domain.
 *
 * What costs here is waiting for memory: both maps are larger than any cache. So rows go through
 * in batches, and where a row will be looked up is fetched while the batch is still being read.
 *
 * Most rows are of few kinds: a plain address in small letters, met for the first time, and a few
 * facts. Their results differ in nothing but mc_email, which is the cell itself; so what is written
 * for a kind is made once, and its rows are only counted. All others take the long way; both say
 * the same (tests/unit/test_clean_offline.c). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "address/parse.h"
#include "address/plain.h"
#include "base/digest_map.h"
#include "base/memory.h"
#include "clean/run.h"
#include "csv/csv_out.h"
#include "lists/lists.h"

/* So many that memory has the time to answer, so few that all of them stay in the first cache. */
#define BATCH        32
#define AT_ONCE      8    /* rows whose lines are fetched together: their waits overlap */
#define GUESS_ROWS   1024 /* after so many rows a list that is not long can be guessed, ... */
#define GUESS_MAX    (4 * PRESIZE_ROWS) /* ... up to this: what is wasted at worst is little */
#define PRESIZE_ROWS 65536              /* after so many any list can */
#define STOP_ROWS    (PRESIZE_ROWS / 2)
#define EMAIL_ROOM   (MC_ADDRESS_MAX + 2)

/* What is remembered of a domain. */
enum domain_fact { DISPOSABLE = 1, FREE = 2, SLIP = 4, SEEN = 8 };

struct item {
    struct mc_hash128 key, domain_key;
    struct mc_span email, local, domain;
    struct mc_plain plain;
    enum mc_syntax syntax;
    bool is_plain, is_role;
    uint32_t facts, duplicate_of;
    struct mc_address address; /* what the spans point into, but for a plain one */
};

/* Rows that differ in mc_email alone: those of one choice among the facts that make a result. */
enum { KIND_ROLE = 4, KIND_SUPPRESSED = 8, KINDS = 16 }; /* and DISPOSABLE, FREE */
struct kind {
    enum { KIND_NEW, KIND_FRAMED, KIND_LONG_WAY } state;
    struct mc_result result;
    struct mc_csv_frame frame;
    uint64_t rows;
};

struct offline {
    struct mc_clean_run *run;
    struct mc_cursor *cursor;
    struct mc_lists *lists;
    struct mc_digest_map first_rows; /* of each address */
    struct mc_digest_map domains;    /* enum domain_fact */
    double domains_halfway;          /* to PRESIZE_ROWS: how many there were */
    bool guessed, presized, has_kinds, has_suppressed;
    struct kind kinds[KINDS];
    struct mc_row rows[BATCH];
    struct item items[BATCH];
    char suggestion[EMAIL_ROOM + 256];
};

/* What needs the row alone: its address, and where that will be looked up. */
static void read_row(const struct offline *offline, const struct mc_row *row, struct item *item)
{
    char key[EMAIL_ROOM];
    struct mc_span cell = row->address;
    item->syntax = MC_SYNTAX_EMPTY;
    if (!row->number)
        return;
    item->is_plain = mc_address_look(cell, &item->plain);
    if (item->is_plain) {
        size_t local_len = item->plain.local_len;
        item->syntax = MC_SYNTAX_OK;
        item->email = cell;
        item->local = mc_span(cell.at, local_len);
        item->domain = mc_span(cell.at + local_len + 1, cell.len - local_len - 1);
        item->key = mc_hash128(cell);
    } else {
        item->syntax = mc_address_parse(cell, &item->address);
        item->email = item->address.email;
        if (item->syntax != MC_SYNTAX_OK) {
            mc_digest_map_prefetch(&offline->run->bad, mc_hash128(item->email));
            return;
        }
        item->local = item->address.local;
        item->domain = item->address.domain;
        item->key = mc_hash128(mc_span(key, mc_address_key(&item->address, key)));
    }
    uint64_t domain_hash = mc_hash(item->domain); /* tells a million domains apart */
    item->domain_key = (struct mc_hash128){domain_hash, domain_hash << 32};
}

static bool is_role(const struct offline *offline, const struct item *item)
{
    return item->is_plain ? mc_lists_is_role_looked(offline->lists, item->local, item->plain.digits,
                                                    item->plain.separators)
                          : mc_lists_is_role(offline->lists, item->local);
}

/* What is remembered: of the address, and of its domain. */
static void look_up(struct offline *offline, const struct mc_row *row, struct item *item)
{
    uint32_t *first_row = mc_digest_map_at(&offline->first_rows, item->key);
    item->duplicate_of = *first_row;
    if (!*first_row)
        *first_row = (uint32_t)row->number;
    uint32_t *facts = mc_digest_map_at(&offline->domains, item->domain_key);
    if (!*facts) {
        struct mc_domain_facts known = mc_lists_domain_facts(offline->lists, item->domain);
        *facts = SEEN | (known.is_disposable ? DISPOSABLE : 0) | (known.is_free ? FREE : 0) |
                 (known.is_slip ? SLIP : 0);
    }
    item->facts = *facts;
}

/* Slips are rare: what was meant is found out again rather than kept. */
static struct mc_span suggest(struct offline *offline, const struct item *item)
{
    char *out = offline->suggestion;
    size_t len = item->local.len;
    memcpy(out, item->local.at, len);
    out[len++] = '@';
    len += mc_lists_suggest(offline->lists, item->domain, out + len);
    return mc_span(out, len);
}

/* The result of a kind, without address. */
static void judge(const struct offline *offline, unsigned kind, struct mc_result *result)
{
    bool suppressed = kind & KIND_SUPPRESSED;
    *result = (struct mc_result){
        .reason = suppressed          ? MC_REASON_SUPPRESSED
                  : kind & DISPOSABLE ? MC_REASON_DISPOSABLE
                                      : MC_REASON_NOT_PROBED,
        .source = suppressed || kind & DISPOSABLE ? MC_SOURCE_LIST : MC_SOURCE_SYNTAX,
        .role = kind & KIND_ROLE ? MC_YES : MC_NO,
        .disposable = kind & DISPOSABLE ? MC_YES : MC_NO,
        .free = kind & FREE ? MC_YES : MC_NO,
        .catch_all = MC_NOT_KNOWN,
        .checked_at = offline->run->now,
    };
    result->status = mc_reason_status(result->reason);
}

/* A row that is first of its address and whose address is plain, if its kind has a frame. */
static bool can_be_framed(struct offline *offline, unsigned number)
{
    struct kind *kind = &offline->kinds[number];
    if (kind->state == KIND_NEW) {
        const struct mc_clean_run *run = offline->run;
        judge(offline, number, &kind->result);
        bool framed = offline->has_kinds && run->options->keep & 1u << kind->result.status &&
                      mc_writer_frame(run->writer, &kind->result, &kind->frame);
        kind->state = framed ? KIND_FRAMED : KIND_LONG_WAY;
    }
    return kind->state == KIND_FRAMED;
}

static bool write_good_row(struct offline *offline, const struct mc_row *row,
                           const struct item *item)
{
    struct mc_result result;
    unsigned kind = item->facts & (DISPOSABLE | FREE);
    kind |= item->is_role ? KIND_ROLE : 0;
    if (offline->has_suppressed &&
        mc_lists_is_suppressed(offline->lists, item->local, item->domain))
        kind |= KIND_SUPPRESSED;
    bool may_be_framed = item->is_plain && !item->duplicate_of && !(item->facts & SLIP);
    if (may_be_framed && can_be_framed(offline, kind)) {
        offline->kinds[kind].rows++;
        offline->kinds[kind].result.email = item->email;
        return mc_clean_emit_framed(offline->run, row, &offline->kinds[kind].frame,
                                    &offline->kinds[kind].result);
    }
    judge(offline, kind, &result);
    result.email = item->email;
    result.duplicate_of = item->duplicate_of;
    if (item->facts & SLIP)
        result.suggestion = suggest(offline, item);
    return mc_clean_emit(offline->run, row, &result);
}

/* Second half. False where the row cannot be written. */
static bool write_row(struct offline *offline, const struct mc_row *row, const struct item *item)
{
    struct mc_result result;
    if (!row->number)
        return mc_clean_emit(offline->run, row, NULL);
    if (item->syntax == MC_SYNTAX_OK)
        return write_good_row(offline, row, item);
    mc_clean_bad_result(offline->run, row, item->email, &result);
    return mc_clean_emit(offline->run, row, &result);
}

/* What was only counted enters the books. */
static void count_kinds(struct offline *offline)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct kind *kind = &offline->kinds[i];
        if (kind->rows > 0)
            mc_tally_add_many(offline->run->tally, &kind->result, kind->rows);
        offline->run->rows_written += kind->rows;
        kind->rows = 0;
    }
}

static bool batch(struct offline *offline, size_t count)
{
    struct item *items = offline->items;
    for (size_t i = 0, end; i < count; i = end) {
        end = i + AT_ONCE < count ? i + AT_ONCE : count;
        for (size_t k = i; k < end; k++)
            read_row(offline, &offline->rows[k], &items[k]);
        /* one right after the other; needless ones do no harm */
        for (size_t k = i; k < end; k++) {
            mc_digest_map_prefetch(&offline->domains, items[k].domain_key);
            mc_digest_map_prefetch(&offline->first_rows, items[k].key);
        }
    }
    /* work of its own while they come */
    for (size_t i = 0; i < count; i++)
        if (items[i].syntax == MC_SYNTAX_OK)
            items[i].is_role = is_role(offline, &items[i]);
    /* some are not in the line that was fetched, but in the next */
    for (size_t i = 0; i < count; i++)
        mc_digest_map_prefetch_on(&offline->first_rows, items[i].key);
    for (size_t i = 0; i < count; i++)
        if (items[i].syntax == MC_SYNTAX_OK)
            look_up(offline, &offline->rows[i], &items[i]);
    for (size_t i = 0; i < count; i++)
        if (!write_row(offline, &offline->rows[i], &items[i]))
            return false;
    offline->run->rows_read += count;
    return true;
}

/* How long the list is, compared with what was read of it; 0 where nobody knows: a pipe. */
static double share_of_read(const struct offline *offline)
{
    double size = (double)mc_rows_size(offline->run->rows);
    return size / (double)mc_cursor_position(offline->cursor);
}

/* Maps that grow from nothing move all they hold nine or ten times: on a list of 100,000 rows that
 * takes a tenth of the time. */
static void guess(struct offline *offline)
{
    double rows = share_of_read(offline) * (double)offline->run->rows_read;
    offline->guessed = true;
    if (rows < 2 * GUESS_ROWS)
        return;
    rows = rows < GUESS_MAX ? rows : GUESS_MAX;
    mc_digest_map_expect(&offline->first_rows, (uint64_t)rows);
    double read = (double)offline->run->rows_read;
    double domains_a_row = (double)mc_digest_map_count(&offline->domains) / read;
    mc_digest_map_expect(&offline->domains, (uint64_t)(rows * domains_a_row / 4));
}

/* A file's length says how many addresses are still to come, if they come as they came so far. */
static void presize(struct offline *offline)
{
    double share = share_of_read(offline);
    double keys = share * (double)mc_digest_map_count(&offline->first_rows);
    offline->presized = true;
    if (keys <= 0)
        return; /* a pipe has no length */
    mc_digest_map_expect(&offline->first_rows, (uint64_t)keys);
    /* domains come ever more slowly: half of what there would be if each doubling of the rows
     * brought as many more as the last one did */
    double domains = (double)mc_digest_map_count(&offline->domains);
    double growth = domains / offline->domains_halfway;
    for (domains /= 2; share >= 2; share /= 2)
        domains *= growth;
    mc_digest_map_expect(&offline->domains, (uint64_t)domains);
}

static void say_progress(struct offline *offline)
{
    const struct mc_clean_run *run = offline->run;
    count_kinds(offline);
    if (!run->options->progress)
        return;
    struct mc_clean_progress progress = {
        .rows_read = run->rows_written, /* but for the header and blank lines */
        .rows_written = run->rows_written,
        .bytes_read = mc_cursor_position(offline->cursor),
        .bytes_total = mc_rows_size(run->rows),
    };
    run->options->progress(run->options->arg, &progress);
}

/* The pipe is empty: whoever reads ours gets what is ready. */
static bool wait_for_more(struct offline *offline)
{
    struct mc_clean_run *run = offline->run;
    struct pollfd pipe = {.fd = mc_rows_fd(run->rows), .events = POLLIN};
    if (poll(&pipe, 1, 0) == 0) {
        if (!mc_clean_flush(run))
            return false;
        say_progress(offline);
        while (poll(&pipe, 1, -1) < 0 && errno == EINTR)
            say_progress(offline); /* where it was asked for */
    }
    if (mc_rows_fill(run->rows) >= 0)
        return true;
    snprintf(run->error, run->error_size, "%s", mc_rows_error(run->rows));
    return false;
}

static bool all_rows(struct offline *offline)
{
    struct mc_clean_run *run = offline->run;
    uint64_t next_stop = GUESS_ROWS;
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
        if (!offline->guessed) {
            guess(offline);
            next_stop = STOP_ROWS;
            continue;
        }
        next_stop = run->rows_read + STOP_ROWS;
        if (offline->domains_halfway == 0)
            offline->domains_halfway = (double)mc_digest_map_count(&offline->domains);
        else if (!offline->presized)
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
        offline->has_suppressed = mc_lists_has_suppressed(offline->lists);
        offline->has_kinds = !run->options->split_dir && !run->tally->findings;
        ok = all_rows(offline);
        count_kinds(offline);
        mc_cursor_free(offline->cursor);
    }
    mc_lists_free(offline->lists);
    mc_digest_map_free(&offline->first_rows);
    mc_digest_map_free(&offline->domains);
    free(offline);
    return ok;
}
