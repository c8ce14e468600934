#include "report/findings.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define SLOTS (MC_FREQUENT_MAX * 2)

struct mc_findings *mc_findings_new(void)
{
    return mc_calloc(1, sizeof(struct mc_findings));
}

void mc_findings_free(struct mc_findings *findings)
{
    if (!findings)
        return;
    struct mc_frequent *all[] = {&findings->domains, &findings->typos};
    for (size_t i = 0; i < MC_ARRAY_LEN(all); i++) {
        free(all[i]->names);
        free(all[i]->slots);
    }
    for (size_t i = 0; i < MC_CHANGED_COUNT; i++)
        free(findings->changed[i].addresses);
    free(findings);
}

/* The slot of `name`, or the free one where it belongs. */
static uint16_t *slot_of(const struct mc_frequent *frequent, struct mc_span name)
{
    size_t at = (size_t)(mc_hash(name) % SLOTS);
    while (frequent->slots[at] &&
           !mc_span_equal(mc_span_of(frequent->names[frequent->slots[at] - 1].name), name))
        at = (at + 1) % SLOTS;
    return &frequent->slots[at];
}

/* Every name loses a row, those without any go: what is frequent outlives this. */
static void thin_out(struct mc_frequent *frequent)
{
    size_t kept = 0;
    for (size_t i = 0; i < frequent->count; i++)
        if (--frequent->names[i].rows) {
            if (kept != i)
                frequent->names[kept] = frequent->names[i];
            kept++;
        }
    frequent->count = kept;
    memset(frequent->slots, 0, SLOTS * sizeof *frequent->slots);
    for (size_t i = 0; i < kept; i++)
        *slot_of(frequent, mc_span_of(frequent->names[i].name)) = (uint16_t)(i + 1);
}

static void copy(char *to, size_t size, struct mc_span from)
{
    struct mc_text clean = {0};
    mc_text_add_printable(&clean, from, size - 1);
    if (clean.len)
        memcpy(to, clean.at, clean.len);
    to[clean.len] = '\0';
    mc_text_free(&clean);
}

static void count(struct mc_frequent *frequent, struct mc_span name, struct mc_span other,
                  enum mc_reason reason)
{
    if (!name.len || name.len >= sizeof frequent->names->name || memchr(name.at, 0, name.len))
        return;
    if (!frequent->names) {
        frequent->names = mc_calloc(MC_FREQUENT_MAX, sizeof *frequent->names);
        frequent->slots = mc_calloc(SLOTS, sizeof *frequent->slots);
    }
    uint16_t *slot = slot_of(frequent, name);
    if (*slot) {
        frequent->names[*slot - 1].rows++;
        return;
    }
    if (frequent->count == MC_FREQUENT_MAX) {
        thin_out(frequent);
        return;
    }
    struct mc_frequent_name *fresh = &frequent->names[frequent->count++];
    memcpy(fresh->name, name.at, name.len);
    fresh->name[name.len] = '\0';
    copy(fresh->other, sizeof fresh->other, other);
    fresh->rows = 1;
    fresh->reason = reason;
    *slot = (uint16_t)frequent->count;
}

static struct mc_span domain_of(struct mc_span email)
{
    for (size_t i = email.len; i; i--)
        if (email.at[i - 1] == '@')
            return mc_span(email.at + i, email.len - i);
    return mc_span("", 0);
}

static void add_changed(struct mc_findings *findings, enum mc_changed kind,
                        const struct mc_result *result)
{
    if (findings->changed[kind].count == MC_CHANGED_MAX)
        return;
    if (!findings->changed[kind].addresses)
        findings->changed[kind].addresses =
            mc_calloc(MC_CHANGED_MAX, sizeof *findings->changed[kind].addresses);
    struct mc_changed_address *fresh =
        &findings->changed[kind].addresses[findings->changed[kind].count++];
    copy(fresh->email, sizeof fresh->email, result->email);
    fresh->reason = result->reason;
    fresh->nights = result->nights_unknown;
}

/* A duplicate says nothing new. */
static void look_for_changes(struct mc_findings *findings, const struct mc_result *result)
{
    static const enum mc_changed kinds[MC_CHANGE_COUNT] = {
        [MC_CHANGE_DEAD] = MC_CHANGED_DEAD,
        [MC_CHANGE_RECOVERED] = MC_CHANGED_RECOVERED,
        [MC_CHANGE_DISPOSABLE] = MC_CHANGED_DISPOSABLE,
    };
    if (result->duplicate_of)
        return;
    if (result->change != MC_CHANGE_NONE)
        add_changed(findings, kinds[result->change], result);
    if (result->nights_unknown > 1)
        add_changed(findings, MC_CHANGED_AGAIN, result);
}

void mc_findings_add(struct mc_findings *findings, const struct mc_result *result)
{
    struct mc_span domain = domain_of(result->email);
    look_for_changes(findings, result);
    if (result->status == MC_UNDELIVERABLE && result->reason != MC_REASON_INVALID_SYNTAX)
        count(&findings->domains, domain, mc_span("", 0), result->reason);
    if (result->suggestion.len)
        count(&findings->typos, domain, domain_of(result->suggestion), result->reason);
    if (result->smtp.len && !findings->sample[result->reason].reply[0]) {
        copy(findings->sample[result->reason].reply, sizeof findings->sample->reply, result->smtp);
        copy(findings->sample[result->reason].mx, sizeof findings->sample->mx, result->mx);
    }
}

/* By rows, then by name: the same numbers give the same report. */
static int by_rows(const void *left, const void *right)
{
    const struct mc_frequent_name *a = *(const struct mc_frequent_name *const *)left;
    const struct mc_frequent_name *b = *(const struct mc_frequent_name *const *)right;
    if (a->rows != b->rows)
        return a->rows < b->rows ? 1 : -1;
    return strcmp(a->name, b->name);
}

size_t mc_frequent_top(const struct mc_frequent *frequent, const struct mc_frequent_name **top,
                       size_t room)
{
    const struct mc_frequent_name **all = mc_calloc(frequent->count + 1, sizeof *all);
    for (size_t i = 0; i < frequent->count; i++)
        all[i] = &frequent->names[i];
    qsort(all, frequent->count, sizeof *all, by_rows);
    size_t count = frequent->count < room ? frequent->count : room;
    for (size_t i = 0; i < count; i++)
        top[i] = all[i];
    free(all);
    return count;
}
