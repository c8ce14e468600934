#include "engine/address_table.h"

static struct mc_hash128 key_hash(struct mc_span local, uint32_t domain)
{
    char key[MC_LOCAL_MAX + sizeof domain];
    MC_ASSERT(local.len <= MC_LOCAL_MAX);
    for (size_t i = 0; i < local.len; i++)
        key[i] = mc_ascii_lower(local.at[i]);
    memcpy(key + local.len, &domain, sizeof domain);
    return mc_hash128(mc_span(key, local.len + sizeof domain));
}

_Static_assert(sizeof(struct mc_address_record) == 28, "as the header says");

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
    mc_digest_map_expect(&table->digests, addresses);
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
