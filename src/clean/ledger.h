/* Row after row, who answers for it, and whether its cell says the address as it is shown: written
 * by the cursor that reads ahead, read once by the one that writes, freed behind that one. One byte
 * a row where addresses are new, as most are: new ones are numbered 0, 1, 2... in the order of
 * their rows. Five bytes for one that came before. */
#ifndef MC_CLEAN_LEDGER_H
#define MC_CLEAN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define MC_LEDGER_PASS UINT32_MAX       /* header or blank line: no verdict */
#define MC_LEDGER_BAD  (UINT32_MAX - 1) /* invalid syntax: the row itself says all */

/* {0} is empty. */
struct mc_ledger {
    struct mc_ledger_chunk *first, *last;
    uint32_t read;           /* bytes read of the first chunk */
    uint32_t added, dropped; /* addresses that were new, on either side */
};

/* `is_plain` is kept of addresses that are new. */
void mc_ledger_add(struct mc_ledger *ledger, uint32_t entry, bool is_plain);
/* The oldest entry, which stays until mc_ledger_drop. False where all were dropped. */
bool mc_ledger_peek(const struct mc_ledger *ledger, uint32_t *entry);
/* Whether the entry just peeked at is the address's first row. */
static inline bool mc_ledger_is_first(const struct mc_ledger *ledger, uint32_t entry)
{
    return entry == ledger->dropped;
}
/* Whether the entry just peeked at is new and was plain. */
bool mc_ledger_is_plain(const struct mc_ledger *ledger);
void mc_ledger_drop(struct mc_ledger *ledger);
void mc_ledger_free(struct mc_ledger *ledger);

#endif
