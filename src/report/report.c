#include "report/report.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "report/report_html.h"

bool mc_report_kind_of(const char *path, enum mc_report_kind *kind)
{
    static const struct {
        const char *ending;
        enum mc_report_kind kind;
    } kinds[] = {{".txt", MC_REPORT_TEXT}, {".json", MC_REPORT_JSON}, {".html", MC_REPORT_HTML}};
    struct mc_span name = mc_span_of(path);
    for (size_t i = 0; i < MC_ARRAY_LEN(kinds); i++) {
        struct mc_span ending = mc_span_of(kinds[i].ending);
        if (name.len < ending.len ||
            !mc_span_equal_nocase(mc_span(name.at + name.len - ending.len, ending.len), ending))
            continue;
        *kind = kinds[i].kind;
        return true;
    }
    return false;
}

bool mc_report_write(const struct mc_tally *tally, const char *path, enum mc_language language,
                     char *error, size_t error_size)
{
    struct mc_text text = {0};
    enum mc_report_kind kind;
    if (!mc_report_kind_of(path, &kind)) {
        snprintf(error, error_size, "cannot write %s: a report ends in .html, .txt or .json", path);
        return false;
    }
    switch (kind) {
    case MC_REPORT_TEXT:
        mc_report_text(tally, &text);
        break;
    case MC_REPORT_JSON:
        mc_report_json(tally, &text);
        break;
    case MC_REPORT_HTML:
        mc_report_html(tally, language, &text);
        break;
    }
    bool ok = mc_output_put(path, mc_text_span(&text), error, error_size);
    mc_text_free(&text);
    return ok;
}
