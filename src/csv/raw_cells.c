#include "csv/raw_cells.h"

#include <csv.h>
#include <string.h>

#include "base/memory.h"

void mc_raw_cells_begin(struct mc_raw_cells *cells, struct mc_span body, char delimiter)
{
    *cells = (struct mc_raw_cells){.body = body, .delimiter = delimiter};
}

static size_t find(struct mc_span body, size_t from, char c)
{
    const char *hit = from < body.len ? memchr(body.at + from, c, body.len - from) : NULL;
    return hit ? (size_t)(hit - body.at) : body.len;
}

/* The first quote from `from` on that is not one of two; body.len where there is none. */
static size_t closing_quote(struct mc_span body, size_t from, bool *doubled)
{
    for (;;) {
        size_t quote = find(body, from, '"');
        if (quote + 1 >= body.len || body.at[quote + 1] != '"')
            return quote;
        *doubled = true;
        from = quote + 2;
    }
}

static bool ends_cell(const struct mc_raw_cells *cells, size_t at)
{
    return at == cells->body.len || cells->body.at[at] == cells->delimiter;
}

static size_t broken_cell_end(struct mc_raw_cells *cells, size_t start, size_t quote)
{
    struct mc_span body = cells->body;
    if (quote == body.len || cells->broken_ends == MC_BROKEN_ENDS_LITERALLY)
        return find(body, start, cells->delimiter);
    if (cells->broken_ends == MC_BROKEN_ENDS_AT_QUOTE && !cells->no_quote_ends) {
        for (size_t at = quote; at < body.len; at = find(body, at + 1, '"'))
            if (ends_cell(cells, at + 1))
                return at + 1;
        cells->no_quote_ends = true; /* looked for once a row: many broken cells stay cheap */
    }
    return find(body, quote + 1, cells->delimiter);
}

bool mc_raw_cells_next(struct mc_raw_cells *cells, struct mc_raw_cell *cell)
{
    if (cells->done)
        return false;
    struct mc_span body = cells->body;
    size_t start = cells->at, end;
    if (start >= body.len || body.at[start] != '"') {
        cell->kind = MC_CELL_PLAIN;
        end = find(body, start, cells->delimiter);
    } else {
        bool doubled = false;
        size_t quote = closing_quote(body, start + 1, &doubled);
        cell->kind = doubled ? MC_CELL_DOUBLED : MC_CELL_QUOTED;
        end = quote + 1;
        if (quote == body.len || !ends_cell(cells, end)) {
            cell->kind = MC_CELL_BROKEN;
            end = broken_cell_end(cells, start, quote);
        }
    }
    cell->raw = mc_span(body.at + start, end - start);
    cells->at = end + 1;
    cells->done = end >= body.len;
    return true;
}

void mc_raw_cells_malformed(struct mc_raw_cells *cells, struct mc_span body, char delimiter,
                            uint32_t usual_cells)
{
    static const enum mc_broken_ends ways[] = {MC_BROKEN_ENDS_AFTER_QUOTE, MC_BROKEN_ENDS_AT_QUOTE,
                                               MC_BROKEN_ENDS_LITERALLY};
    for (size_t i = 0; i < MC_ARRAY_LEN(ways); i++) {
        struct mc_raw_cell cell;
        uint32_t count = 0;
        mc_raw_cells_begin(cells, body, delimiter);
        cells->broken_ends = ways[i];
        while (mc_raw_cells_next(cells, &cell))
            count++;
        if (count == usual_cells)
            break;
        cells->broken_ends = ways[0];
    }
    enum mc_broken_ends chosen = cells->broken_ends;
    mc_raw_cells_begin(cells, body, delimiter);
    cells->broken_ends = chosen;
}

struct copy {
    char *to;
    size_t len;
};

static void take_field(void *field, size_t len, void *arg)
{
    struct copy *copy = arg;
    if (len)
        memcpy(copy->to + copy->len, field, len);
    copy->len += len;
}

/* libcsv takes the quotes off; `raw` is one well-formed quoted cell. */
static struct mc_span unquote(struct mc_span raw, char delimiter, char *scratch)
{
    struct csv_parser parser;
    struct copy copy = {.to = scratch};
    csv_init(&parser, 0);
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_blk_size(&parser, raw.len + 1);
    if (csv_parse(&parser, raw.at, raw.len, take_field, NULL, &copy) != raw.len ||
        csv_fini(&parser, take_field, NULL, &copy) != 0)
        copy.len = 0;
    csv_free(&parser);
    return mc_span(scratch, copy.len);
}

static bool is_blank(struct mc_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != ' ' && text.at[i] != '\t')
            return false;
    return true;
}

/* A broken cell says what it would say without its accident: `"Ann" ` is Ann, `"Ann` too. One
 * that goes on behind its second quote is its own bytes, as `"Ann Lee" <ann@x.example>`. */
static struct mc_span broken_text(struct mc_span raw, char delimiter, char *scratch)
{
    bool doubled = false;
    size_t quote = closing_quote(raw, 1, &doubled);
    if (quote == raw.len)
        return mc_span(raw.at + 1, raw.len - 1);
    if (!is_blank(mc_span(raw.at + quote + 1, raw.len - quote - 1)))
        return raw;
    return doubled ? unquote(mc_span(raw.at, quote + 1), delimiter, scratch)
                   : mc_span(raw.at + 1, quote - 1);
}

struct mc_span mc_raw_cell_text(const struct mc_raw_cell *cell, char delimiter, char *scratch)
{
    switch (cell->kind) {
    case MC_CELL_PLAIN:
        return cell->raw;
    case MC_CELL_QUOTED:
        return mc_span(cell->raw.at + 1, cell->raw.len - 2);
    case MC_CELL_DOUBLED:
        return unquote(cell->raw, delimiter, scratch);
    case MC_CELL_BROKEN:
        break;
    }
    return broken_text(cell->raw, delimiter, scratch);
}
