/* Counts as verdicts pass, for the reports. Plain data; every report is a view of it. */
#ifndef MC_REPORT_TALLY_H
#define MC_REPORT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/findings.h"
#include "verdict/verdict.h"

struct mc_tally_provider {
    char id[32]; /* "" where not known */
    uint64_t rows;
    uint64_t by_status[MC_STATUS_COUNT];
};

struct mc_tally {
    uint64_t rows, blank_lines, duplicates;
    uint64_t by_reason[MC_REASON_COUNT]; /* rows, duplicates included */
    uint64_t by_status[MC_STATUS_COUNT];
    uint64_t unique_by_reason[MC_REASON_COUNT]; /* first rows only */
    uint64_t role, disposable, free, suggestions;
    /* unique addresses that are not what they were, by enum mc_change; and those that are unknown
     * for several nights running, with the most nights of any */
    uint64_t changes[MC_CHANGE_COUNT], unknown_again;
    unsigned most_nights;
    uint64_t from_store; /* addresses */
    bool remembered;     /* a store was used: the changes mean something */
    bool role_allowed;   /* rows of reason `role` came as deliverable (--allow role) */
    struct mc_tally_provider *providers;
    size_t provider_count, provider_room;
    struct mc_findings *findings; /* where a report wants them (mc_findings_new), else NULL */

    bool is_sample;          /* --sample: who is not_probed was not drawn */
    uint64_t probed;         /* addresses, each once */
    uint64_t probed_unknown; /* of them */
    double probed_bounces;   /* expected of them */

    /* what was spent; filled at the end */
    uint64_t dns_questions, smtp_sessions, recipients_asked, controls_asked;
    int64_t started_at, ended_at; /* seconds since 1970 */
    uint64_t elapsed_ms;
    const char *list_name;    /* as the user named it, "standard input" for a pipe */
    const char *probe_notice; /* why the probe stage could not run; NULL where it could */
    enum mc_obstacle obstacle;
    bool interrupted;
};

void mc_tally_add(struct mc_tally *tally, const struct mc_result *result);
/* The same for so many results like this one, where nobody wants findings. */
void mc_tally_add_many(struct mc_tally *tally, const struct mc_result *result, uint64_t rows);
void mc_tally_free(struct mc_tally *tally);

/* mc_reason_status() under the options of this run. */
enum mc_status mc_tally_status(const struct mc_tally *tally, enum mc_reason reason);

/* Whether a row of this reason stays a question: nobody could answer, or everything is accepted
 * there. */
bool mc_tally_not_known(enum mc_reason reason);

/* The providers with the most rows first; to be freed by the caller. */
struct mc_tally_provider *mc_tally_sorted_providers(const struct mc_tally *tally);

/* Rows left after cleaning: deliverable, and risky but suppressed and disposable; each address
 * once. */
uint64_t mc_tally_cleaned(const struct mc_tally *tally);
/* Expected bounces if every row is mailed as it is, and if those left after cleaning are; from the
 * rates in tally.c. */
double mc_tally_expected_bounces(const struct mc_tally *tally);
double mc_tally_expected_bounces_cleaned(const struct mc_tally *tally);

/* Of a sample: between what the bounces of the whole list are to be expected (95%). False where it
 * is none, or nobody was asked. */
bool mc_tally_interval(const struct mc_tally *tally, double *low, double *high);

#endif
