#include "report/drawings.h"

#include "base/memory.h"
#include "report/advice.h"

#define HOLE_WIDTH  25.8 /* of the ring, in its own units */
#define DIGIT_WIDTH 0.7  /* of its size, in the widest of fonts */

const char *const mc_status_classes[MC_STATUS_COUNT] = {
    [MC_DELIVERABLE] = "D", [MC_RISKY] = "R", [MC_UNDELIVERABLE] = "U", [MC_UNKNOWN] = "K"};
const enum mc_status mc_drawn_statuses[MC_STATUS_COUNT] = {MC_DELIVERABLE, MC_RISKY, MC_UNKNOWN,
                                                           MC_UNDELIVERABLE};

void mc_html_escape(struct mc_text *out, struct mc_span text)
{
    struct mc_text line = {0};
    mc_text_add_printable(&line, text, SIZE_MAX);
    for (size_t i = 0; i < line.len; i++)
        switch (line.at[i]) {
        case '&':
            mc_text_add_z(out, "&amp;");
            break;
        case '<':
            mc_text_add_z(out, "&lt;");
            break;
        case '>':
            mc_text_add_z(out, "&gt;");
            break;
        case '"':
            mc_text_add_z(out, "&quot;");
            break;
        case '\'':
            mc_text_add_z(out, "&#39;");
            break;
        default:
            mc_text_add_char(out, line.at[i]);
        }
    mc_text_free(&line);
}

void mc_draw_statuses(struct mc_text *out, enum mc_language language, const uint64_t *by_status,
                      uint64_t rows)
{
    struct mc_text share = {0};
    const char *between = "";
    for (size_t i = 0; i < MC_STATUS_COUNT; i++) {
        enum mc_status status = mc_drawn_statuses[i];
        if (!by_status[status])
            continue;
        mc_text_add_z(out, between);
        between = language == MC_ENGLISH ? ", " : "、";
        mc_text_add_z(out, mc_word_of_status(language, status));
        mc_text_add_char(out, ' ');
        share.len = 0;
        mc_report_percent(&share, (double)by_status[status], (double)rows);
        mc_html_escape(out, mc_text_span(&share));
    }
    mc_text_free(&share);
}

void mc_draw_status_bar(struct mc_text *out, const uint64_t *by_status, uint64_t rows)
{
    double at = 0;
    mc_text_add_z(out, "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
                       "aria-hidden=\"true\">");
    for (size_t i = 0; i < MC_STATUS_COUNT; i++) {
        enum mc_status status = mc_drawn_statuses[i];
        double width = 100.0 * (double)by_status[status] / (double)rows;
        if (width > 0)
            mc_text_printf(out, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"10\"/>",
                           mc_status_classes[status], at, width);
        at += width;
    }
    mc_text_add_z(out, "</svg>");
}

void mc_draw_ring(struct mc_text *out, const struct mc_tally *tally, enum mc_language language)
{
    double at = 0, size = 5;
    struct mc_text number = {0};
    mc_text_add_z(out, "<svg class=\"ring\" viewBox=\"0 0 42 42\" role=\"img\" "
                       "aria-labelledby=\"ring\" aria-describedby=\"parts\"><title id=\"ring\">");
    mc_text_add_z(out, mc_word(language, MC_WORD_VERDICTS));
    mc_text_add_z(out, "</title><desc id=\"parts\">");
    mc_draw_statuses(out, language, tally->by_status, tally->rows);
    /* of radius 15.9155 the circumference is 100 */
    mc_text_add_z(out, "</desc><circle class=\"T\" cx=\"21\" cy=\"21\" r=\"15.9155\"/>");
    for (size_t i = 0; i < MC_STATUS_COUNT; i++) {
        enum mc_status status = mc_drawn_statuses[i];
        double share = 100.0 * (double)tally->by_status[status] / (double)tally->rows;
        if (share > 0)
            mc_text_printf(out,
                           "<circle class=\"%s\" cx=\"21\" cy=\"21\" r=\"15.9155\" "
                           "stroke-dasharray=\"%.2f %.2f\" stroke-dashoffset=\"%.2f\"/>",
                           mc_status_classes[status], share, 100 - share, 25 - at);
        at += share;
    }
    mc_report_number(&number, tally->rows);
    if (size * DIGIT_WIDTH * (double)number.len > HOLE_WIDTH)
        size = HOLE_WIDTH / DIGIT_WIDTH / (double)number.len;
    mc_text_printf(out,
                   "<text x=\"21\" y=\"21.6\" font-size=\"%.1f\" font-weight=\"700\">%s</text>"
                   "<text x=\"21\" y=\"26\" font-size=\"3\">%s</text></svg>\n",
                   size, mc_text_z(&number),
                   mc_word(language, tally->rows == 1 ? MC_WORD_ROW : MC_WORD_ROWS));
    mc_text_free(&number);
}

void mc_draw_bounce_bar(struct mc_text *out, double share)
{
    double width = share * 500 < 100 ? share * 500 : 100;
    mc_text_printf(out,
                   "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
                   "aria-hidden=\"true\"><rect class=\"T\" width=\"100\" height=\"10\"/>"
                   "<rect class=\"%s\" width=\"%.2f\" height=\"10\"/>"
                   "<rect class=\"L\" x=\"10\" width=\".5\" height=\"10\"/></svg>",
                   share > 0.05   ? "U"
                   : share > 0.02 ? "R"
                                  : "D",
                   width);
}
