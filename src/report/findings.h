/* What a reader of the report can act on, found as verdicts pass: the domains most rows are lost
 * at, the typing errors met most often, one reply of a server for each reason. Memory is bounded
 * whatever the list: rare names give way to frequent ones. */
#ifndef MC_REPORT_FINDINGS_H
#define MC_REPORT_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "verdict/verdict.h"

#define MC_FREQUENT_MAX 1024

struct mc_frequent_name {
    char name[256];
    char other[256]; /* of a typing error: what was meant */
    uint64_t rows;   /* at least; exact while fewer than MC_FREQUENT_MAX names were met */
    enum mc_reason reason;
};

/* Misra and Gries: a name on more than one in MC_FREQUENT_MAX rows is never missed. */
struct mc_frequent {
    struct mc_frequent_name *names; /* MC_FREQUENT_MAX of them once there is one */
    uint16_t *slots;                /* by hash: number + 1, 0 where free */
    size_t count;
};

/* What is not as it was, one example each; MC_CHANGED_AGAIN: unknown for several nights running. */
enum mc_changed {
    MC_CHANGED_DEAD,
    MC_CHANGED_RECOVERED,
    MC_CHANGED_DISPOSABLE,
    MC_CHANGED_AGAIN,
    MC_CHANGED_COUNT
};
#define MC_CHANGED_MAX 20
struct mc_changed_address {
    char email[330];
    enum mc_reason reason;
    unsigned nights;
};

struct mc_findings {
    struct mc_frequent domains; /* of undeliverable rows */
    struct mc_frequent typos;   /* domains as typed, and as suggested */
    struct {
        char mx[256], reply[256]; /* "" where none was met */
    } sample[MC_REASON_COUNT];
    struct { /* the first ones of the list */
        struct mc_changed_address *addresses;
        size_t count;
    } changed[MC_CHANGED_COUNT];
};

struct mc_findings *mc_findings_new(void);
void mc_findings_add(struct mc_findings *findings, const struct mc_result *result);
void mc_findings_free(struct mc_findings *findings);

/* The names with the most rows first; at most `room` of them. Returns how many. */
size_t mc_frequent_top(const struct mc_frequent *frequent, const struct mc_frequent_name **top,
                       size_t room);

#endif
