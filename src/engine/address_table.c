#include "engine/address_table.h"

static bool has_capitals(struct mc_span text)
{
    uint64_t eight;
    size_t at = 0;
    for (; at + sizeof eight <= text.len; at += sizeof eight) {
        memcpy(&eight, text.at + at, sizeof eight);
        if (mc_ascii_lower_eight(eight) != eight)
            return true;
    }
    for (; at < text.len; at++)
        if (mc_ascii_lower(text.at[at]) != text.at[at])
            return true;
    return false;
}

/* Of the local part where it stands: to copy it together with its domain would cost as much again.
 * The hash is keyed, so that a sum with the domain is as good as a hash of both. */
static struct mc_hash128 key_hash(struct mc_span local, uint32_t domain)
{
    char lower[MC_LOCAL_MAX];
    MC_ASSERT(local.len <= MC_LOCAL_MAX);
    if (has_capitals(local)) {
        for (size_t i = 0; i < local.len; i++)
            lower[i] = mc_ascii_lower(local.at[i]);
        local.at = lower;
    }
    struct mc_hash128 hash = mc_hash128(local);
    hash.high += (domain + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
    hash.low += (domain + UINT64_C(1)) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return hash;
}

_Static_assert(sizeof(struct mc_address_record) == 28, "as the header says");

#define EXPECTED_MIN 100000 /* from here on it pays to make room at once; ... */
#define EXPECTED_MAX 100000000
#define LOCAL_BYTES  12 /* about */

/* Where a local part is, is kept of every eighth: from there it is a few steps. */
#define BLOCK 8

static void locals_add(struct mc_locals *locals, uint32_t address, struct mc_span local)
{
    size_t need = locals->len + 1 + local.len;
    MC_ASSERT(local.len <= UINT8_MAX);
    if (need > UINT32_MAX) {
        fprintf(stderr, "mailcheck: more than 4 GiB of addresses in one run; split the list\n");
        exit(1);
    }
    if (need > locals->room) {
        locals->room = need + need / 2;
        locals->at = mc_realloc(locals->at, locals->room);
    }
    if (address % BLOCK == 0) {
        locals->starts = mc_grow(locals->starts, locals->start_count, &locals->start_room,
                                 sizeof *locals->starts);
        locals->starts[locals->start_count++] = (uint32_t)locals->len;
    }
    locals->at[locals->len] = (char)local.len;
    memcpy(locals->at + locals->len + 1, local.at, local.len);
    locals->len = need;
}

void mc_address_table_expect(struct mc_address_table *table, uint64_t addresses)
{
    MC_ASSERT(!table->count);
    table->by_digest = true;
    /* half full, so that what is sought is in the one line that was fetched */
    mc_digest_map_expect(&table->digests, addresses + addresses / 4 * 3);
    if (addresses < EXPECTED_MIN || addresses > EXPECTED_MAX)
        return; /* then they grow as they fill, and where there is no memory for so many */
    table->records = mc_try_malloc_big(addresses * sizeof *table->records);
    table->room = table->records ? addresses : 0;
    table->locals.at = mc_try_malloc_big(addresses * LOCAL_BYTES);
    table->locals.room = table->locals.at ? addresses * LOCAL_BYTES : 0;
}

struct mc_hash128 mc_address_table_hash(struct mc_address_table *table, struct mc_span local,
                                        uint32_t domain)
{
    struct mc_hash128 hash = key_hash(local, domain);
    if (table->by_digest)
        mc_digest_map_prefetch(&table->digests, hash);
    else
        mc_index_prefetch(&table->index, hash.high);
    return hash;
}

uint32_t mc_address_table_find(struct mc_address_table *table, struct mc_hash128 hash)
{
    MC_ASSERT(table->by_digest);
    uint32_t number = mc_digest_map_find(&table->digests, hash);
    if (!number)
        return MC_NONE;
    __builtin_prefetch(&table->records[number - 1], 1);
    return number - 1;
}

static uint32_t find_in_index(const struct mc_address_table *table, uint64_t hash,
                              struct mc_span local, uint32_t domain)
{
    struct mc_index_cursor cursor;
    uint32_t found = mc_index_first(&table->index, hash, &cursor);
    for (; found != MC_NONE; found = mc_index_next(&table->index, &cursor)) {
        const struct mc_address_record *record = &table->records[found];
        if (record->domain == domain &&
            mc_span_equal_nocase(local, mc_address_table_local(table, found)))
            break;
    }
    return found;
}

uint32_t mc_address_table_add(struct mc_address_table *table, struct mc_hash128 hash,
                              struct mc_span local, uint32_t domain, bool *is_new)
{
    uint32_t *number = table->by_digest ? mc_digest_map_at(&table->digests, hash) : NULL;
    uint32_t found = !number   ? find_in_index(table, hash.high, local, domain)
                     : *number ? *number - 1
                               : MC_NONE;
    *is_new = found == MC_NONE;
    if (!*is_new)
        return found;
    table->records = mc_grow(table->records, table->count, &table->room, sizeof *table->records);
    uint32_t address = (uint32_t)table->count++;
    MC_ASSERT(address < MC_NONE);
    table->records[address] = (struct mc_address_record){
        .domain = domain,
        .next = MC_NONE,
        .host = MC_NONE,
        .peer = MC_NONE,
    };
    locals_add(&table->locals, address, local);
    if (number)
        *number = address + 1;
    else
        mc_index_add(&table->index, hash.high, address);
    return address;
}

struct mc_span mc_address_table_local(const struct mc_address_table *table, uint32_t address)
{
    const char *at = table->locals.at + table->locals.starts[address / BLOCK];
    for (uint32_t i = address % BLOCK; i > 0; i--)
        at += 1 + (unsigned char)*at;
    return mc_span(at + 1, (unsigned char)*at);
}

void mc_address_table_free(struct mc_address_table *table)
{
    free(table->records);
    free(table->locals.at);
    free(table->locals.starts);
    mc_index_free(&table->index);
    mc_digest_map_free(&table->digests);
}

void mc_address_queue_push(struct mc_address_table *table, struct mc_address_queue *queue,
                           uint32_t address)
{
    table->records[address].next = MC_NONE;
    if (queue->tail == MC_NONE)
        queue->head = address;
    else
        table->records[queue->tail].next = address;
    queue->tail = address;
}

uint32_t mc_address_queue_pop(struct mc_address_table *table, struct mc_address_queue *queue)
{
    uint32_t address = queue->head;
    if (address == MC_NONE)
        return MC_NONE;
    queue->head = table->records[address].next;
    if (queue->head == MC_NONE)
        queue->tail = MC_NONE;
    table->records[address].next = MC_NONE;
    return address;
}
