/* make_list ROWS [DOMAINS]: a list as exports look (id, name, email, city): 2% broken addresses, 3%
 * repeated ones, some quoted cells, domains by Zipf's law over DOMAINS names (0.11 a row). With
 * ROWS of 0: the DOMAINS names alone, one a line. The same arguments give the same bytes. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

static const char *const given[] = {"anna", "bao",  "carlos", "dina",  "emre", "farid", "grace",
                                    "hans", "ines", "jun",    "karin", "luca", "mei",   "noor"};
static const char *const family[] = {"smith", "wong",    "garcia", "mueller", "rossi", "tanaka",
                                     "novak", "ivanova", "chan",   "dubois",  "silva", "kim"};
static const char *const stems[] = {"harbour", "lotus",  "granite", "orchid", "summit", "delta",
                                    "maple",   "copper", "violet",  "falcon", "river",  "anchor"};
static const char *const trades[] = {"trading", "logistics", "foods",  "textile", "media",
                                     "systems", "travel",    "clinic", "design",  "motors"};
static const char *const endings[] = {"com",   "com",    "net", "org", "de",
                                      "co.uk", "com.hk", "fr",  "jp",  "io"};
static const char *const cities[] = {"Hong Kong",
                                     "K\xc3\xb6ln",
                                     "\"Paris, TX\"",
                                     "Lyon",
                                     "Kobe",
                                     "S\xc3\xa3o Paulo",
                                     "\"The \"\"Big\"\" Apple\"",
                                     "Oslo"};

#define PICK(list, number) list[(number) % (sizeof(list) / sizeof(list)[0])]

static void print_domain(char *out, size_t size, uint64_t rank)
{
    uint64_t mix = rank * 2654435761u;
    snprintf(out, size, "%s%s%" PRIu64 ".%s", PICK(stems, mix >> 7), PICK(trades, mix >> 17), rank,
             PICK(endings, mix >> 27));
}

int main(int argc, char **argv)
{
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t domains = argc > 2 ? strtoull(argv[2], NULL, 10) : rows / 9 + 100;
    enum { RECENT = 4096 };
    static char recent[RECENT][160];
    char domain[96], email[160];
    for (uint64_t i = 0; !rows && i < domains; i++) {
        print_domain(domain, sizeof domain, i);
        puts(domain);
    }
    if (rows)
        puts("id,name,email,city");
    for (uint64_t i = 0; i < rows; i++) {
        const char *first = PICK(given, draw(1000)), *last = PICK(family, draw(1000));
        uint64_t kind = draw(100);
        double u = (double)(draw(1u << 30) + 1) / (1u << 30);
        print_domain(domain, sizeof domain, (uint64_t)pow((double)domains, u) - 1);
        if (kind < 3 && i > RECENT)
            snprintf(email, sizeof email, "%s", recent[draw(RECENT)]);
        else if (kind < 5)
            snprintf(email, sizeof email, "%s..%s@@%s", first, last, domain);
        else if (kind < 8)
            snprintf(email, sizeof email, "info@%s", domain);
        else
            snprintf(email, sizeof email, "%s.%s%" PRIu64 "@%s", first, last, draw(10000000),
                     domain);
        snprintf(recent[i % RECENT], sizeof recent[0], "%s", email);
        if (kind % 10 == 0)
            printf("%" PRIu64 ",\"%s, %s\",%s,%s\n", i + 1, last, first, email,
                   PICK(cities, draw(1000)));
        else
            printf("%" PRIu64 ",%s %s,%s,%s\n", i + 1, first, last, email,
                   PICK(cities, draw(1000)));
    }
    return 0;
}
