#include "csv/row_split.h"

#include <string.h>

#include "base/memory.h"
#include "csv/marks.h"

static uint64_t marks_at(const struct mc_row_split *split, const char *at)
{
    char line_break = split->rules.cr_ends_rows ? '\r' : '\n';
    size_t left = (size_t)(split->end - at);
    if (left == 0)
        return 0;
    if (left >= MC_MARKS_BLOCK)
        return mc_marks(at, split->rules.delimiter, line_break);
    /* the rest of a window is read from a copy, so that no byte behind it is touched */
    char rest[MC_MARKS_BLOCK] = {0};
    memcpy(rest, at, left);
    return mc_marks(rest, split->rules.delimiter, line_break);
}

static inline void seek(struct mc_row_split *split, const char *at)
{
    uintptr_t into = (uintptr_t)at - (uintptr_t)split->block;
    if (into >= MC_MARKS_BLOCK) {
        split->block = at;
        split->block_marks = marks_at(split, at);
        into = 0;
    }
    split->marks = split->block_marks & (~UINT64_C(0) << into);
}

/* The next delimiter, quote or line break, or NULL where the window ends first. */
static inline const char *next_mark(struct mc_row_split *split)
{
    while (split->marks == 0) {
        if (split->end - split->block <= MC_MARKS_BLOCK)
            return NULL;
        split->block += MC_MARKS_BLOCK;
        split->block_marks = split->marks = marks_at(split, split->block);
    }
    const char *mark = split->block + __builtin_ctzll(split->marks);
    split->marks &= split->marks - 1;
    return mark;
}

void mc_row_split_init(struct mc_row_split *split, const struct mc_row_rules *rules)
{
    MC_ASSERT(rules->delimiter != '\0'); /* marks_at() fills up with it */
    *split = (struct mc_row_split){.rules = *rules};
}

void mc_row_split_window(struct mc_row_split *split, const char *at, size_t len, bool final)
{
    split->at = at;
    split->end = at + len;
    split->final = final;
    split->block = NULL;
    split->block_marks = 0;
}

void mc_row_split_lead(struct mc_row_split *split, size_t lead)
{
    split->walk = (struct mc_row_walk){.lead = lead, .cell = lead, .next = lead};
    split->is_unfinished = true;
}

static inline void end_cell(struct mc_row_walk *walk, uint32_t address, size_t end)
{
    if (walk->cells == address) {
        walk->address_at = walk->cell;
        walk->address_len = end - walk->cell;
        walk->address_kind = walk->kind;
    }
    walk->cells++;
    walk->kind = MC_CELL_PLAIN;
}

/* The cells of a row whose end is known and whose quotes are not to be trusted. */
static void read_malformed(const struct mc_row_split *split, struct mc_row_walk *walk, size_t body)
{
    struct mc_span cells = mc_span(split->at + walk->lead, body - walk->lead);
    struct mc_raw_cell cell;
    struct mc_raw_cells all;
    mc_raw_cells_malformed(&all, cells, split->rules.delimiter, split->rules.usual_cells);
    walk->cells = 0;
    walk->address_at = walk->address_len = 0;
    while (mc_raw_cells_next(&all, &cell)) {
        walk->cell = (size_t)(cell.raw.at - split->at);
        walk->kind = cell.kind;
        end_cell(walk, split->rules.address, walk->cell + cell.raw.len);
    }
}

static bool end_row(struct mc_row_split *split, struct mc_row_walk *walk, size_t body,
                    size_t line_end_len, struct mc_row_shape *shape)
{
    bool malformed = walk->state == MC_WALK_BROKEN;
    if (malformed)
        read_malformed(split, walk, body);
    else
        end_cell(walk, split->rules.address, body);
    *shape = (struct mc_row_shape){
        .len = body + line_end_len,
        .line_end_len = line_end_len,
        .cells = walk->cells,
        .breaks = walk->breaks,
        .malformed = malformed,
        .address_at = walk->address_at,
        .address_len = walk->address_len,
        .address_kind = walk->address_kind,
    };
    split->at += shape->len;
    split->is_unfinished = false;
    return true;
}

static bool need_more(struct mc_row_split *split, const struct mc_row_walk *walk, size_t next)
{
    split->walk = *walk;
    split->walk.next = next;
    split->is_unfinished = true;
    return false;
}

/* The row ends with the line break at `at`. */
static inline bool end_row_at_break(struct mc_row_split *split, struct mc_row_walk *walk, size_t at,
                                    struct mc_row_shape *shape)
{
    const char *row = split->at;
    if (row[at] == '\n') {
        size_t crlf = at > walk->lead && row[at - 1] == '\r';
        return end_row(split, walk, at - crlf, 1 + crlf, shape);
    }
    if (row + at + 1 == split->end && !split->final)
        return need_more(split, walk, at);
    return end_row(split, walk, at, row + at + 1 < split->end && row[at + 1] == '\n' ? 2 : 1,
                   shape);
}

/* The quoted cell turned out to be none. True where the line break that ends its row has been
 * passed already, wherever the reading ahead has come to. */
static bool break_row(struct mc_row_walk *walk)
{
    walk->state = MC_WALK_BROKEN;
    return walk->has_break;
}

static bool end_of_window(struct mc_row_split *split, struct mc_row_walk *walk,
                          struct mc_row_shape *shape)
{
    const char *row = split->at;
    size_t len = (size_t)(split->end - row);
    bool too_long = len - walk->cell > MC_QUOTED_CELL_MAX;
    if (walk->state == MC_WALK_QUOTED && (split->final || too_long) && break_row(walk))
        return end_row_at_break(split, walk, walk->first_break, shape);
    if (!split->final)
        return need_more(split, walk, len);
    if (len == 0)
        return false;
    size_t cut_crlf = len > walk->lead && row[len - 1] == '\r';
    return end_row(split, walk, len - cut_crlf, cut_crlf, shape);
}

enum quote { QUOTE_CLOSES, QUOTE_IS_ONE_OF_TWO, QUOTE_IS_STRAY, QUOTE_NOT_KNOWN_YET };

static enum quote quote_inside(const struct mc_row_split *split, const char *quote)
{
    size_t left = (size_t)(split->end - quote) - 1;
    if (left == 0)
        return split->final ? QUOTE_CLOSES : QUOTE_NOT_KNOWN_YET;
    char next = quote[1];
    if (next == '"')
        return QUOTE_IS_ONE_OF_TWO;
    if (next == split->rules.delimiter || next == '\n' ||
        (next == '\r' && split->rules.cr_ends_rows))
        return QUOTE_CLOSES;
    if (next != '\r')
        return QUOTE_IS_STRAY;
    if (left == 1)
        return split->final ? QUOTE_CLOSES : QUOTE_NOT_KNOWN_YET;
    return quote[2] == '\n' ? QUOTE_CLOSES : QUOTE_IS_STRAY;
}

enum step { STEP_ON, STEP_NEED_MORE, STEP_BROKEN };

/* One mark inside a quoted cell. */
static enum step quoted_step(struct mc_row_split *split, struct mc_row_walk *walk, const char *mark)
{
    size_t at = (size_t)(mark - split->at);
    if (*mark == '\n' || *mark == '\r') {
        if (!walk->has_break)
            walk->first_break = at;
        walk->has_break = true;
        walk->cell_breaks += *mark == '\r' || mark[-1] != '\r' || !split->rules.cr_ends_rows;
    }
    if (at - walk->cell > MC_QUOTED_CELL_MAX)
        return STEP_BROKEN;
    if (*mark != '"')
        return STEP_ON;
    switch (quote_inside(split, mark)) {
    case QUOTE_CLOSES:
        walk->state = MC_WALK_PLAIN; /* what follows ends the cell by itself */
        walk->has_break = false;
        walk->breaks += walk->cell_breaks;
        walk->cell_breaks = 0;
        if (walk->kind == MC_CELL_PLAIN)
            walk->kind = MC_CELL_QUOTED;
        return STEP_ON;
    case QUOTE_IS_ONE_OF_TWO:
        walk->kind = MC_CELL_DOUBLED;
        next_mark(split);
        return STEP_ON;
    case QUOTE_IS_STRAY:
        return STEP_BROKEN;
    case QUOTE_NOT_KNOWN_YET:
        break;
    }
    return STEP_NEED_MORE;
}

static bool next_row(struct mc_row_split *split, struct mc_row_shape *shape)
{
    struct mc_row_walk walk = {0};
    const char *row = split->at;
    if (split->is_unfinished)
        walk = split->walk;
    seek(split, row + walk.next);
    for (;;) {
        const char *mark = next_mark(split);
        if (!mark)
            return end_of_window(split, &walk, shape);
        size_t at = (size_t)(mark - row);
        if (walk.state == MC_WALK_QUOTED) {
            enum step step = quoted_step(split, &walk, mark);
            if (step == STEP_NEED_MORE)
                return need_more(split, &walk, at);
            if (step == STEP_BROKEN && break_row(&walk))
                return end_row_at_break(split, &walk, walk.first_break, shape);
        } else if (*mark == split->rules.delimiter) {
            end_cell(&walk, split->rules.address, at);
            walk.cell = at + 1;
        } else if (*mark != '"') {
            return end_row_at_break(split, &walk, at, shape);
        } else if (at == walk.cell && walk.state == MC_WALK_PLAIN) {
            walk.state = MC_WALK_QUOTED;
        }
    }
}

/* Where the loop over simple rows is; local copies keep it in registers. */
struct simple_row {
    const char *row, *cell, *address, *address_end;
    uint32_t cells;
    bool in_quotes, after_doubled; /* the latter: the next quote is the second of two */
    enum mc_cell_kind kind, address_kind;
};

static inline struct simple_row start_simple_row(const char *row)
{
    return (struct simple_row){.row = row, .cell = row, .address = row, .address_end = row};
}

/* A cell ends at `end`. False where it is the address and has to be decoded. */
static inline bool end_simple_cell(struct simple_row *at, const char *end, uint32_t column)
{
    enum mc_cell_kind kind = at->kind;
    at->kind = MC_CELL_PLAIN;
    if (at->cells++ != column)
        return true;
    at->address = at->cell;
    at->address_end = end;
    at->address_kind = kind;
    return kind != MC_CELL_DOUBLED;
}

/* Field by field: a whole struct is put together beside and copied, which waits for its parts. */
static inline void fill_shape(struct mc_row_shape *shape, const struct simple_row *at,
                              const char *mark, size_t crlf)
{
    shape->len = (size_t)(mark - at->row) + 1;
    shape->line_end_len = 1 + crlf;
    shape->cells = at->cells;
    shape->breaks = 0;
    shape->malformed = false;
    shape->address_at = (size_t)(at->address - at->row);
    shape->address_len = (size_t)(at->address_end - at->address);
    shape->address_kind = at->address_kind;
}

/* One mark in a quoted cell. False where the row is not simple after all. */
static inline bool simple_quoted_step(const struct mc_row_split *split, struct simple_row *at,
                                      const char *mark)
{
    if (at->after_doubled) {
        at->after_doubled = false;
        return true;
    }
    if (*mark != '"')
        return *mark != '\n';
    switch (quote_inside(split, mark)) {
    case QUOTE_CLOSES:
        at->in_quotes = false;
        return true;
    case QUOTE_IS_ONE_OF_TWO:
        at->after_doubled = true;
        at->kind = MC_CELL_DOUBLED;
        return true;
    case QUOTE_IS_STRAY:
    case QUOTE_NOT_KNOWN_YET:
        break;
    }
    return false;
}

size_t mc_row_split_simple(struct mc_row_split *split, struct mc_row_shape *shapes, size_t room)
{
    const char delimiter = split->rules.delimiter, *mark;
    const uint32_t column = split->rules.address;
    size_t count = 0;
    if (split->is_unfinished || split->rules.cr_ends_rows || room == 0)
        return 0;
    seek(split, split->at);
    const char *block = split->block;
    uint64_t block_marks = split->block_marks, marks = split->marks;
    struct simple_row at = start_simple_row(split->at);
    for (;;) {
        while (marks == 0) {
            if (split->end - block < 2 * MC_MARKS_BLOCK)
                return count;
            block += MC_MARKS_BLOCK;
            marks = block_marks = mc_marks(block, delimiter, '\n');
        }
        mark = block + __builtin_ctzll(marks);
        marks &= marks - 1;
        if (at.in_quotes) {
            if (!simple_quoted_step(split, &at, mark))
                return count;
        } else if (*mark == delimiter) {
            if (!end_simple_cell(&at, mark, column))
                return count;
            at.cell = mark + 1;
        } else if (*mark == '\n') {
            size_t crlf = mark > at.row && mark[-1] == '\r';
            if (!end_simple_cell(&at, mark - crlf, column))
                return count;
            fill_shape(&shapes[count], &at, mark, crlf);
            split->block = block;
            split->block_marks = block_marks;
            split->at = mark + 1;
            if (++count == room)
                return count;
            at = start_simple_row(mark + 1);
        } else if (mark == at.cell) {
            at.in_quotes = true;
            at.kind = MC_CELL_QUOTED;
        }
    }
}

bool mc_row_split_next(struct mc_row_split *split, struct mc_row_shape *shape)
{
    return mc_row_split_simple(split, shape, 1) > 0 || next_row(split, shape);
}
