#include "engine/domain_table.h"

#define EXPECTED_MIN 10000 /* from here on it pays to make room at once; ... */
#define EXPECTED_MAX 12000000
#define NAME_BYTES   60 /* about, with that of its mail server */

void mc_domain_table_expect(struct mc_domain_table *table, size_t domains)
{
    MC_ASSERT(!table->count);
    if (domains < EXPECTED_MIN || domains > EXPECTED_MAX)
        return; /* then it grows as it fills */
    table->domains = mc_try_malloc_big(domains * sizeof *table->domains);
    table->room = table->domains ? domains : 0;
    mc_arena_expect(&table->names, domains * NAME_BYTES);
    mc_digest_map_expect(&table->index, domains + domains / 2); /* see mc_address_table_expect */
}

struct mc_hash128 mc_domain_table_hash(struct mc_domain_table *table, struct mc_span name)
{
    struct mc_hash128 hash = mc_hash128(name);
    mc_digest_map_prefetch(&table->index, hash);
    return hash;
}

uint32_t mc_domain_table_find(struct mc_domain_table *table, struct mc_hash128 hash)
{
    uint32_t number = mc_digest_map_find(&table->index, hash);
    return number ? number - 1 : MC_NONE;
}

uint32_t mc_domain_table_add(struct mc_domain_table *table, struct mc_hash128 hash,
                             struct mc_span name, bool *is_new)
{
    uint32_t *number = mc_digest_map_at(&table->index, hash);
    *is_new = *number == 0;
    if (!*is_new)
        return *number - 1;
    table->domains = mc_grow(table->domains, table->count, &table->room, sizeof *table->domains);
    uint32_t domain = (uint32_t)table->count++;
    MC_ASSERT(domain < MC_NONE / MC_LANES);
    *number = domain + 1;
    table->domains[domain] = (struct mc_domain){
        .name = mc_arena_add(&table->names, name),
        .waiting = {MC_ADDRESS_QUEUE_EMPTY, MC_ADDRESS_QUEUE_EMPTY},
        .set = {MC_NONE, MC_NONE},
        .held = MC_ADDRESS_QUEUE_EMPTY,
        .denied_by = MC_NONE,
        .served_by = MC_NONE,
        .ended_at = MC_NONE,
    };
    return domain;
}

struct mc_span mc_domain_table_name(const struct mc_domain_table *table, uint32_t domain)
{
    return mc_arena_get(&table->names, table->domains[domain].name);
}

void mc_domain_table_free(struct mc_domain_table *table)
{
    free(table->domains);
    mc_arena_free(&table->names);
    mc_digest_map_free(&table->index);
}

static bool same_entries(const struct mc_mx_sets *sets, uint32_t set,
                         const struct mc_mx_entry *entries, size_t count)
{
    const struct mc_mx_set *old = &sets->sets[set];
    if (old->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct mc_mx_entry *entry = &sets->entries[old->first + i];
        if (entry->preference != entries[i].preference || entry->host != entries[i].host)
            return false;
    }
    return true;
}

static uint64_t hash_entries(const struct mc_mx_entry *entries, size_t count)
{
    uint32_t flat[MC_MX_MAX * 2];
    MC_ASSERT(count <= MC_MX_MAX);
    for (size_t i = 0; i < count; i++) {
        flat[i * 2] = entries[i].preference;
        flat[i * 2 + 1] = entries[i].host;
    }
    return mc_hash(mc_span((const char *)flat, count * 2 * sizeof *flat));
}

uint32_t mc_mx_sets_add(struct mc_mx_sets *sets, const struct mc_mx_entry *entries, size_t count)
{
    if (!count)
        return MC_NONE;
    if (count > MC_MX_MAX)
        count = MC_MX_MAX;
    uint64_t hash = hash_entries(entries, count);
    struct mc_index_cursor cursor;
    uint32_t found = mc_index_first(&sets->index, hash, &cursor);
    for (; found != MC_NONE; found = mc_index_next(&sets->index, &cursor))
        if (same_entries(sets, found, entries, count))
            return found;
    uint32_t set = (uint32_t)sets->count;
    sets->sets = mc_grow(sets->sets, sets->count, &sets->room, sizeof *sets->sets);
    sets->sets[sets->count++] =
        (struct mc_mx_set){(uint32_t)sets->entry_count, (uint32_t)count, MC_NONE, {0}};
    for (size_t i = 0; i < count; i++) {
        sets->entries =
            mc_grow(sets->entries, sets->entry_count, &sets->entry_room, sizeof *sets->entries);
        sets->entries[sets->entry_count++] = entries[i];
    }
    mc_index_add(&sets->index, hash, set);
    return set;
}

uint32_t mc_mx_sets_without(struct mc_mx_sets *sets, uint32_t set, uint32_t host)
{
    struct mc_mx_entry left[MC_MX_MAX];
    size_t count = 0;
    const struct mc_mx_set *old = &sets->sets[set];
    for (uint32_t i = 0; i < old->count; i++)
        if (sets->entries[old->first + i].host != host)
            left[count++] = sets->entries[old->first + i];
    return mc_mx_sets_add(sets, left, count);
}

void mc_mx_sets_free(struct mc_mx_sets *sets)
{
    free(sets->sets);
    free(sets->entries);
    mc_index_free(&sets->index);
}
