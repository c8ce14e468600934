#include "clean/ledger.h"

#include "base/memory.h"

#define CHUNK_ROWS 65536

struct mc_ledger_chunk {
    struct mc_ledger_chunk *next;
    uint32_t count;
    uint32_t entries[CHUNK_ROWS];
};

void mc_ledger_add(struct mc_ledger *ledger, uint32_t entry)
{
    if (!ledger->last || ledger->last->count == CHUNK_ROWS) {
        struct mc_ledger_chunk *chunk = mc_malloc(sizeof *chunk);
        chunk->next = NULL;
        chunk->count = 0;
        if (ledger->last)
            ledger->last->next = chunk;
        else
            ledger->first = chunk;
        ledger->last = chunk;
    }
    ledger->last->entries[ledger->last->count++] = entry;
}

bool mc_ledger_peek(const struct mc_ledger *ledger, uint32_t *entry)
{
    if (!ledger->first || ledger->read == ledger->first->count)
        return false;
    *entry = ledger->first->entries[ledger->read];
    return true;
}

void mc_ledger_drop(struct mc_ledger *ledger)
{
    struct mc_ledger_chunk *chunk = ledger->first;
    MC_ASSERT(chunk && ledger->read < chunk->count);
    if (++ledger->read < CHUNK_ROWS)
        return;
    ledger->first = chunk->next;
    if (!ledger->first)
        ledger->last = NULL;
    ledger->read = 0;
    free(chunk);
}

void mc_ledger_free(struct mc_ledger *ledger)
{
    while (ledger->first) {
        struct mc_ledger_chunk *next = ledger->first->next;
        free(ledger->first);
        ledger->first = next;
    }
    *ledger = (struct mc_ledger){0};
}
