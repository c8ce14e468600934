/* The first rows of a list as one delimiter cuts them: how many cells they have, and what the
 * cells of each column look like. Pure. */
#ifndef MC_CSV_SAMPLE_H
#define MC_CSV_SAMPLE_H

#include "csv/column_names.h"
#include "csv/row_split.h"

enum mc_look { MC_LOOK_EMPTY, MC_LOOK_OTHER, MC_LOOK_NUMBER, MC_LOOK_MAYBE, MC_LOOK_ADDRESS };

struct mc_sample_column {
    enum mc_look first;                         /* its cell in the first row */
    enum mc_name_rank rank;                     /* of that cell, as a name */
    bool is_ours;                               /* a name of ours */
    uint32_t filled, maybe, addresses, numbers; /* its cells in the other rows */
};

struct mc_sample {
    struct mc_row_rules rules;
    struct mc_span text;
    bool final;
    uint32_t rows, malformed, widest, usual, usual_rows;
    uint32_t ended_by_cr, ended_by_lf;
    size_t bytes;         /* of the rows that were seen */
    struct mc_span first; /* the first row without its line end */
    uint32_t first_cells;
    struct mc_sample_column *columns;
    size_t count, room;
    char *scratch; /* as long as the text */
};

/* Borrows `text`, which may end within a row unless `final`. Blank lines do not count. */
void mc_sample_take(struct mc_sample *sample, struct mc_span text, bool final, char delimiter,
                    bool cr_ends_rows);
void mc_sample_free(struct mc_sample *sample);

/* A cell of the first row, decoded and trimmed; valid until the next call. */
struct mc_span mc_sample_first_cell(const struct mc_sample *sample, uint32_t at);
/* How much a column looks like addresses: 2 for each that does, 1 for each that may. */
uint32_t mc_sample_likeness(const struct mc_sample_column *column);
/* How well the delimiter explains the sample: a whole column of addresses counts 100, rows of one
 * width 50, a name that says e-mail 25. */
int64_t mc_sample_score(const struct mc_sample *sample);

struct mc_span mc_trimmed(struct mc_span text);

#endif
