/* One self-contained page: no script, no file from elsewhere; styles and drawings are inline, each
 * drawing with its numbers as text. Whatever came from outside is escaped and set apart for its
 * direction. */
#include "report/report_html.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "report/advice.h"
#include "report/drawings.h"
#include "report/report_style.h"

#define PROVIDERS_MAX 12
#define DOMAINS_MAX   10
#define TYPOS_MAX     12

struct page {
    struct mc_text *out;
    const struct mc_tally *tally;
    enum mc_language language;
};

static void put(struct page *page, const char *html)
{
    mc_text_add_z(page->out, html);
}

static void put_escaped(struct page *page, struct mc_span text)
{
    mc_html_escape(page->out, text);
}

static const char *word(const struct page *page, enum mc_word which)
{
    return mc_word(page->language, which);
}

static void put_word(struct page *page, enum mc_word which)
{
    put_escaped(page, mc_span_of(word(page, which)));
}

static void put_outside(struct page *page, const char *tag, const char *text)
{
    mc_text_printf(page->out, "<%s><bdi>", tag);
    put_escaped(page, mc_span_of(text));
    mc_text_printf(page->out, "</bdi></%s>", tag);
}

static void put_number(struct page *page, uint64_t number)
{
    mc_report_number(page->out, number);
}

static void put_share(struct page *page, double part, double whole)
{
    struct mc_text text = {0};
    mc_report_percent(&text, part, whole);
    put_escaped(page, mc_text_span(&text));
    mc_text_free(&text);
}

/* A phrase of the table whose {} are numbers. */
static void put_phrase(struct page *page, enum mc_word which, const uint64_t *numbers)
{
    const char *rest = word(page, which), *place;
    for (; (place = strstr(rest, "{}")); rest = place + 2) {
        put_escaped(page, mc_span(rest, (size_t)(place - rest)));
        put_number(page, *numbers++);
    }
    put_escaped(page, mc_span_of(rest));
}

static void open_section(struct page *page, enum mc_word title)
{
    put(page, "<section><h2>");
    put_word(page, title);
    put(page, "</h2>\n");
}

static void put_heads(struct page *page, const enum mc_word *heads, size_t count)
{
    put(page, "<table><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        bool number = heads[i] == MC_WORD_ROWS_HEAD || heads[i] == MC_WORD_SHARE;
        put(page, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        put_word(page, heads[i]);
        put(page, "</th>");
    }
    put(page, "</tr></thead><tbody>\n");
}

static void put_count(struct page *page, uint64_t rows, uint64_t whole)
{
    put(page, "<td class=\"n\">");
    put_number(page, rows);
    put(page, "</td><td class=\"n\">");
    put_share(page, (double)rows, (double)whole);
    put(page, "</td>");
}

/* ---- sections ---- */

static void put_head(struct page *page)
{
    const struct mc_tally *tally = page->tally;
    char moment[40];
    struct tm parts;
    time_t ended = (time_t)tally->ended_at;
    mc_text_printf(page->out,
                   "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'unsafe-inline'; img-src data:\">\n"
                   "<meta name=\"generator\" content=\"mailcheck " MC_VERSION "\">\n"
                   "<link rel=\"icon\" href=\"data:,\">\n<title>",
                   mc_language_tags[page->language]);
    put_word(page, MC_WORD_TITLE);
    put(page, ": ");
    put_escaped(page, mc_span_of(tally->list_name ? tally->list_name : ""));
    mc_text_printf(page->out, "</title>\n<style>%s</style></head>\n<body><main>\n<header><h1>",
                   mc_report_style);
    put_word(page, MC_WORD_TITLE);
    put(page, ": <bdi>");
    put_escaped(page, mc_span_of(tally->list_name ? tally->list_name : ""));
    put(page, "</bdi></h1>\n<p>");
    if (tally->ended_at && gmtime_r(&ended, &parts) &&
        strftime(moment, sizeof moment, "%Y-%m-%d %H:%M UTC", &parts)) {
        put_word(page, MC_WORD_CHECKED);
        mc_text_printf(page->out, " %s · ", moment);
    }
    put_word(page, MC_WORD_TOOK);
    put(page, " ");
    mc_report_elapsed(page->out, tally->elapsed_ms);
    if (tally->interrupted) {
        put(page, " · ");
        put_word(page, MC_WORD_INTERRUPTED);
    }
    put(page, "</p></header>\n");
}

static void put_expectation(struct page *page, enum mc_word name, double bounces, uint64_t rows)
{
    const uint64_t numbers[] = {(uint64_t)(bounces + 0.5), rows};
    if (!rows)
        return;
    put(page, "<div><div class=\"label\">");
    put_word(page, name);
    put(page, "</div><div class=\"big\">");
    put_share(page, bounces, (double)rows);
    put(page, "</div>");
    mc_draw_bounce_bar(page->out, bounces / (double)rows);
    put(page, "<div class=\"label\">");
    put_word(page, MC_WORD_WOULD_BOUNCE);
    put(page, page->language == MC_ENGLISH ? ": " : "：");
    put_phrase(page, rows == 1 ? MC_WORD_OF_ROW : MC_WORD_OF_ROWS, numbers);
    put(page, "</div></div>\n");
}

static void put_note(struct page *page, enum mc_word which)
{
    put(page, "<p class=\"note\">");
    put_word(page, which);
    put(page, "</p>\n");
}

/* The phrase holds a number and two shares. */
static void put_interval(struct page *page)
{
    const struct mc_tally *tally = page->tally;
    const char *rest = word(page, MC_WORD_FROM_SAMPLE), *place;
    double low, high;
    if (!mc_tally_interval(tally, &low, &high))
        return;
    put(page, "<p class=\"note\">");
    for (size_t i = 0; (place = strstr(rest, "{}")); i++, rest = place + 2) {
        put_escaped(page, mc_span(rest, (size_t)(place - rest)));
        if (i)
            put_share(page, i == 1 ? low : high, (double)tally->rows);
        else
            put_number(page, tally->probed);
    }
    put_escaped(page, mc_span_of(rest));
    put(page, "</p>\n");
}

static void put_hero(struct page *page)
{
    static const struct {
        const char *class;
        enum mc_word word;
    } tones[] = {
        [MC_JUDGED_UNKNOWN] = {"none", MC_WORD_JUDGE_NONE},
        [MC_JUDGED_GOOD] = {"good", MC_WORD_JUDGE_GOOD},
        [MC_JUDGED_WORRYING] = {"warn", MC_WORD_JUDGE_WARN},
        [MC_JUDGED_BAD] = {"bad", MC_WORD_JUDGE_BAD},
    };
    const struct mc_tally *tally = page->tally;
    enum mc_judgement judgement = mc_report_judge(tally);
    mc_text_printf(page->out, "<section class=\"hero %s\"><h2>", tones[judgement].class);
    put_word(page, tally->rows ? tones[judgement].word : MC_WORD_JUDGE_EMPTY);
    put(page, "</h2>\n");
    if (judgement != MC_JUDGED_UNKNOWN) { /* else an average of guesses */
        put(page, "<div class=\"pair\">");
        put_expectation(page, MC_WORD_AS_IT_IS, mc_tally_expected_bounces(tally), tally->rows);
        if (!tally->is_sample) /* else it holds but few of those that would be left */
            put_expectation(page, MC_WORD_CLEANED, mc_tally_expected_bounces_cleaned(tally),
                            mc_tally_cleaned(tally));
        put(page, "</div>\n");
        put_interval(page);
        put_note(page, MC_WORD_LIMIT);
        put_note(page, MC_WORD_CLEANED_MEANS);
        put_note(page, MC_WORD_ESTIMATE);
    }
    put(page, "</section>\n");
}

static void put_sentence(void *arg, struct mc_span sentence)
{
    struct page *page = arg;
    put(page, "<li>");
    put_escaped(page, sentence);
    put(page, "</li>\n");
}

static void put_advice(struct page *page)
{
    open_section(page, MC_WORD_NEXT);
    put(page, "<ol>\n");
    mc_report_advice(page->tally, page->language, put_sentence, page);
    put(page, "</ol></section>\n");
}

static void put_verdicts(struct page *page)
{
    const struct mc_tally *tally = page->tally;
    open_section(page, MC_WORD_VERDICTS);
    put(page, "<div class=\"split\">");
    mc_draw_ring(page->out, tally, page->language);
    put(page, "<table><tbody>\n");
    for (size_t i = 0; i < MC_STATUS_COUNT; i++) {
        enum mc_status status = mc_drawn_statuses[i];
        mc_text_printf(page->out, "<tr><th scope=\"row\"><span class=\"chip %s\"></span>",
                       mc_status_classes[status]);
        put(page, mc_word_of_status(page->language, status));
        put(page, "<small>");
        put(page, mc_word_of_action(page->language, status));
        put(page, "</small></th>");
        put_count(page, tally->by_status[status], tally->rows);
        put(page, "</tr>\n");
    }
    put(page, "</tbody></table></div></section>\n");
}

static void put_reason_row(struct page *page, enum mc_status status, enum mc_reason reason)
{
    const struct mc_tally *tally = page->tally;
    double width = 100.0 * (double)tally->by_reason[reason] / (double)tally->rows;
    put(page, "<tr><td>");
    put_escaped(page, mc_span_of(mc_word_of_reason(page->language, reason)));
    mc_text_printf(page->out, "<small><code>%s</code></small></td>", mc_reason_name(reason));
    put_count(page, tally->by_reason[reason], tally->rows);
    mc_text_printf(page->out,
                   "<td class=\"wide\"><svg class=\"bar\" viewBox=\"0 0 100 10\" "
                   "preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"T\" "
                   "width=\"100\" height=\"10\"/><rect class=\"%s\" width=\"%.2f\" "
                   "height=\"10\"/></svg></td></tr>\n",
                   mc_status_classes[status], width);
}

static void put_reasons(struct page *page)
{
    const struct mc_tally *tally = page->tally;
    open_section(page, MC_WORD_BY_REASON);
    put(page, "<table>\n");
    for (size_t i = 0; i < MC_STATUS_COUNT; i++) {
        if (!tally->by_status[mc_drawn_statuses[i]])
            continue;
        mc_text_printf(page->out,
                       "<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"4\">"
                       "<span class=\"chip %s\"></span>%s</th></tr>\n",
                       mc_status_classes[mc_drawn_statuses[i]],
                       mc_word_of_status(page->language, mc_drawn_statuses[i]));
        for (size_t r = 0; r < MC_REASON_COUNT; r++)
            if (tally->by_reason[r] &&
                mc_tally_status(tally, (enum mc_reason)r) == mc_drawn_statuses[i])
                put_reason_row(page, mc_drawn_statuses[i], (enum mc_reason)r);
        put(page, "</tbody>\n");
    }
    put(page, "</table></section>\n");
}

static void put_providers(struct page *page)
{
    static const enum mc_word heads[] = {MC_WORD_PROVIDER, MC_WORD_ROWS_HEAD, MC_WORD_SHARE};
    const struct mc_tally *tally = page->tally;
    size_t count = tally->provider_count;
    if (!count || (count == 1 && !tally->providers[0].id[0]))
        return;
    struct mc_tally_provider *sorted = mc_tally_sorted_providers(tally);
    open_section(page, MC_WORD_BY_PROVIDER);
    put_heads(page, heads, MC_ARRAY_LEN(heads));
    for (size_t i = 0; i < count && i < PROVIDERS_MAX; i++) {
        put(page, "<tr><td>");
        put_escaped(page, mc_span_of(sorted[i].id[0] ? sorted[i].id : word(page, MC_WORD_OTHERS)));
        mc_draw_status_bar(page->out, sorted[i].by_status, sorted[i].rows);
        put(page, "<small>");
        mc_draw_statuses(page->out, page->language, sorted[i].by_status, sorted[i].rows);
        put(page, "</small></td>");
        put_count(page, sorted[i].rows, tally->rows);
        put(page, "</tr>\n");
    }
    put(page, "</tbody></table>\n");
    if (count > PROVIDERS_MAX) {
        put(page, "<p class=\"note\">");
        put_phrase(page, MC_WORD_MORE, &(uint64_t){count - PROVIDERS_MAX});
        put(page, "</p>");
    }
    put(page, "</section>\n");
    free(sorted);
}

static void put_domains(struct page *page)
{
    static const enum mc_word heads[] = {MC_WORD_DOMAIN, MC_WORD_ROWS_HEAD};
    const struct mc_frequent_name *top[DOMAINS_MAX];
    size_t count = mc_frequent_top(&page->tally->findings->domains, top, DOMAINS_MAX);
    if (!count)
        return;
    open_section(page, MC_WORD_WORST);
    put_heads(page, heads, MC_ARRAY_LEN(heads));
    for (size_t i = 0; i < count; i++) {
        put(page, "<tr><td>");
        put_outside(page, "span", top[i]->name);
        put(page, "<small>");
        put_escaped(page, mc_span_of(mc_word_of_reason(page->language, top[i]->reason)));
        put(page, "</small></td><td class=\"n\">");
        put_number(page, top[i]->rows);
        put(page, "</td></tr>\n");
    }
    put(page, "</tbody></table></section>\n");
}

static void put_typos(struct page *page)
{
    static const enum mc_word heads[] = {MC_WORD_TYPED, MC_WORD_MEANT, MC_WORD_ROWS_HEAD};
    const struct mc_frequent_name *top[TYPOS_MAX];
    size_t count = mc_frequent_top(&page->tally->findings->typos, top, TYPOS_MAX);
    if (!count)
        return;
    open_section(page, MC_WORD_FIX);
    put_heads(page, heads, MC_ARRAY_LEN(heads));
    for (size_t i = 0; i < count; i++) {
        put(page, "<tr>");
        put_outside(page, "td", top[i]->name);
        put_outside(page, "td", top[i]->other);
        put(page, "<td class=\"n\">");
        put_number(page, top[i]->rows);
        put(page, "</td></tr>\n");
    }
    put(page, "</tbody></table></section>\n");
}

static void put_unknowns(struct page *page)
{
    static const enum mc_word heads[] = {MC_WORD_REASON, MC_WORD_ROWS_HEAD, MC_WORD_SHARE};
    const struct mc_tally *tally = page->tally;
    bool any = false;
    for (size_t r = 0; r < MC_REASON_COUNT; r++)
        any |= tally->by_reason[r] && mc_tally_not_known((enum mc_reason)r);
    if (!any)
        return;
    open_section(page, MC_WORD_NOT_KNOWN);
    const char *notice = mc_report_notice(tally, page->language);
    if (notice) {
        put(page, "<p><bdi>");
        put_escaped(page, mc_span_of(notice));
        put(page, "</bdi></p>\n");
    }
    put_heads(page, heads, MC_ARRAY_LEN(heads));
    for (size_t r = 0; r < MC_REASON_COUNT; r++) {
        if (!tally->by_reason[r] || !mc_tally_not_known((enum mc_reason)r))
            continue;
        put(page, "<tr><td>");
        put_escaped(page, mc_span_of(mc_word_of_reason(page->language, (enum mc_reason)r)));
        const char *reply = tally->findings ? tally->findings->sample[r].reply : "";
        if (*reply) {
            put(page, "<small>");
            put_word(page, MC_WORD_FOR_EXAMPLE);
            put(page, page->language == MC_ENGLISH ? ": " : "：");
            put(page, "<bdi>");
            put_escaped(page, mc_span_of(tally->findings->sample[r].mx));
            put(page, "</bdi>");
            put_outside(page, "code", reply);
            put(page, "</small>");
        }
        put(page, "</td>");
        put_count(page, tally->by_reason[r], tally->rows);
        put(page, "</tr>\n");
    }
    put(page, "</tbody></table></section>\n");
}

struct figure {
    enum mc_word word;
    uint64_t number;
    bool share; /* of the rows, beside the number */
};

static void put_figures(struct page *page, enum mc_word title, const struct figure *figures,
                        size_t count)
{
    open_section(page, title);
    put(page, "<dl>");
    for (size_t i = 0; i < count; i++) {
        put(page, "<div><dt>");
        put_word(page, figures[i].word);
        put(page, "</dt><dd>");
        put_number(page, figures[i].number);
        if (figures[i].share && page->tally->rows) {
            put(page, " <span class=\"label\">");
            put_share(page, (double)figures[i].number, (double)page->tally->rows);
            put(page, "</span>");
        }
        put(page, "</dd></div>\n");
    }
    put(page, "</dl></section>\n");
}

/* Which ones they are. */
static void put_changed(struct page *page)
{
    static const enum mc_word kinds[MC_CHANGED_COUNT] = {
        MC_WORD_NEWLY_DEAD, MC_WORD_RECOVERED, MC_WORD_NEWLY_DISPOSABLE, MC_WORD_UNKNOWN_AGAIN};
    const struct mc_findings *findings = page->tally->findings;
    for (size_t kind = 0; findings && kind < MC_CHANGED_COUNT; kind++) {
        if (!findings->changed[kind].count)
            continue;
        open_section(page, kinds[kind]);
        put(page, "<table><tbody>\n");
        for (size_t i = 0; i < findings->changed[kind].count; i++) {
            const struct mc_changed_address *changed = &findings->changed[kind].addresses[i];
            put(page, "<tr><td>");
            put_outside(page, "span", changed->email);
            put(page, "<small>");
            put_escaped(page, mc_span_of(mc_word_of_reason(page->language, changed->reason)));
            put(page, "</small></td></tr>\n");
        }
        put(page, "</tbody></table></section>\n");
    }
}

static void put_list(struct page *page)
{
    const struct mc_tally *tally = page->tally;
    const struct figure list[] = {
        {MC_WORD_ROWS_HEAD, tally->rows, false},
        {MC_WORD_UNIQUE, tally->rows - tally->duplicates, true},
        {MC_WORD_DUPLICATES, tally->duplicates, true},
        {MC_WORD_CATCH_ALLS, tally->by_reason[MC_REASON_CATCH_ALL], true},
        {MC_WORD_UNPROVENS, tally->by_reason[MC_REASON_UNPROVEN], true},
        {MC_WORD_ROLES, tally->role, true},
        {MC_WORD_DISPOSABLES, tally->disposable, true},
        {MC_WORD_FREES, tally->free, true},
        {MC_WORD_SUGGESTIONS, tally->suggestions, true},
        {MC_WORD_BLANK_LINES, tally->blank_lines, false},
    };
    const struct figure spent[] = {
        {MC_WORD_DNS_QUESTIONS, tally->dns_questions, false},
        {MC_WORD_SESSIONS, tally->smtp_sessions, false},
        {MC_WORD_RECIPIENTS, tally->recipients_asked, false},
        {MC_WORD_CONTROLS, tally->controls_asked, false},
    };
    const struct figure changed[] = {
        {MC_WORD_NEWLY_DEAD, tally->changes[MC_CHANGE_DEAD], false},
        {MC_WORD_RECOVERED, tally->changes[MC_CHANGE_RECOVERED], false},
        {MC_WORD_NEWLY_DISPOSABLE, tally->changes[MC_CHANGE_DISPOSABLE], false},
        {MC_WORD_UNKNOWN_AGAIN, tally->unknown_again, false},
        {MC_WORD_MOST_NIGHTS, tally->most_nights, false},
    };
    put_figures(page, MC_WORD_LIST, list, MC_ARRAY_LEN(list));
    if (tally->remembered) {
        put_figures(page, MC_WORD_CHANGED, changed,
                    MC_ARRAY_LEN(changed) - (tally->unknown_again ? 0 : 1));
        put_changed(page);
    }
    if (tally->dns_questions || tally->smtp_sessions)
        put_figures(page, MC_WORD_SPENT, spent, MC_ARRAY_LEN(spent));
}

void mc_report_html(const struct mc_tally *tally, enum mc_language language, struct mc_text *out)
{
    struct page page = {.out = out, .tally = tally, .language = language};
    put_head(&page);
    put_hero(&page);
    if (tally->rows) {
        put_verdicts(&page);
        put_advice(&page);
        put_reasons(&page);
        put_providers(&page);
        if (tally->findings) {
            put_domains(&page);
            put_typos(&page);
        }
        put_unknowns(&page);
    }
    put_list(&page);
    put(&page, "<footer><p>");
    put_word(&page, MC_WORD_FOOT);
    put(&page, "</p></footer>\n</main></body></html>\n");
}
