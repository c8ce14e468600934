#include "clean/ledger.h"

#include <string.h>

#include "base/memory.h"

#define CHUNK_BYTES 65000 /* no entry is split: up to four bytes at the end stay unused */

enum kind { NEXT_NEW, NEXT_PLAIN, PASS, BAD, NUMBER }; /* the last is followed by four bytes */

struct mc_ledger_chunk {
    struct mc_ledger_chunk *next;
    uint32_t used;
    unsigned char bytes[CHUNK_BYTES];
};

static enum kind kind_of(const struct mc_ledger *ledger, uint32_t entry, bool is_plain)
{
    return entry == MC_LEDGER_PASS  ? PASS
           : entry == MC_LEDGER_BAD ? BAD
           : entry != ledger->added ? NUMBER
           : is_plain               ? NEXT_PLAIN
                                    : NEXT_NEW;
}

static uint32_t size_of(enum kind kind)
{
    return kind == NUMBER ? 1 + sizeof(uint32_t) : 1;
}

/* The first chunk, when all of it was read and more are behind it. */
static void free_read_chunk(struct mc_ledger *ledger)
{
    struct mc_ledger_chunk *chunk = ledger->first;
    if (ledger->read < chunk->used || !chunk->next)
        return;
    ledger->first = chunk->next;
    ledger->read = 0;
    free(chunk);
}

static void add_chunk(struct mc_ledger *ledger)
{
    struct mc_ledger_chunk *chunk = mc_malloc(sizeof *chunk);
    chunk->next = NULL;
    chunk->used = 0;
    if (ledger->last)
        ledger->last->next = chunk;
    else
        ledger->first = chunk;
    ledger->last = chunk;
    free_read_chunk(ledger);
}

void mc_ledger_add(struct mc_ledger *ledger, uint32_t entry, bool is_plain)
{
    enum kind kind = kind_of(ledger, entry, is_plain);
    if (!ledger->last || ledger->last->used + size_of(kind) > CHUNK_BYTES)
        add_chunk(ledger);
    struct mc_ledger_chunk *chunk = ledger->last;
    chunk->bytes[chunk->used] = (unsigned char)kind;
    if (kind == NUMBER)
        memcpy(&chunk->bytes[chunk->used + 1], &entry, sizeof entry);
    chunk->used += size_of(kind);
    ledger->added += kind == NEXT_NEW || kind == NEXT_PLAIN;
}

bool mc_ledger_peek(const struct mc_ledger *ledger, uint32_t *entry)
{
    const struct mc_ledger_chunk *chunk = ledger->first;
    if (!chunk || ledger->read == chunk->used)
        return false;
    switch ((enum kind)chunk->bytes[ledger->read]) {
    case NEXT_NEW:
    case NEXT_PLAIN:
        *entry = ledger->dropped;
        break;
    case PASS:
        *entry = MC_LEDGER_PASS;
        break;
    case BAD:
        *entry = MC_LEDGER_BAD;
        break;
    case NUMBER:
        memcpy(entry, &chunk->bytes[ledger->read + 1], sizeof *entry);
        break;
    }
    return true;
}

bool mc_ledger_is_plain(const struct mc_ledger *ledger)
{
    return ledger->first->bytes[ledger->read] == NEXT_PLAIN;
}

void mc_ledger_drop(struct mc_ledger *ledger)
{
    struct mc_ledger_chunk *chunk = ledger->first;
    MC_ASSERT(chunk && ledger->read < chunk->used);
    enum kind kind = (enum kind)chunk->bytes[ledger->read];
    ledger->dropped += kind == NEXT_NEW || kind == NEXT_PLAIN;
    ledger->read += size_of(kind);
    free_read_chunk(ledger);
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
