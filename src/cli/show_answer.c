#include "cli/show_answer.h"

#include <stddef.h>

#include "base/memory.h"
#include "csv/writer.h"

#define SHOWN_MAX 4096

void mc_show_line(struct mc_text *out, struct mc_span asked, const struct mailcheck_result *result)
{
    mc_text_add_printable(out, asked, SHOWN_MAX);
    mc_text_printf(out, "\t%s\t%s\n", mailcheck_status_name(result->status),
                   mailcheck_reason_name(result->reason));
}

static void to_result(const struct mailcheck_result *in, struct mc_result *out)
{
    *out = (struct mc_result){
        .reason = (enum mc_reason)in->reason,
        .status = (enum mc_status)in->status,
        .source = (enum mc_source)in->source,
        .role = (enum mc_flag)in->role,
        .disposable = (enum mc_flag)in->disposable,
        .free = (enum mc_flag)in->free,
        .catch_all = (enum mc_flag)in->catch_all,
        .email = mc_span_of(in->email),
        .suggestion = mc_span_of(in->suggestion),
        .provider = mc_span_of(in->provider),
        .mx = mc_span_of(in->mx),
        .smtp = mc_span_of(in->smtp),
        .checked_at = in->checked_at,
    };
}

static void add_field(struct mc_text *text, const char *name, const char *value)
{
    if (*value) {
        mc_text_printf(text, "  %-12s", name);
        mc_text_add_printable(text, mc_span_of(value), 600);
        mc_text_add_char(text, '\n');
    }
}

void mc_show_block(struct mc_text *text, struct mc_span asked,
                   const struct mailcheck_result *result)
{
    static const struct {
        size_t place;
        const char *name;
    } flags[] = {{offsetof(struct mailcheck_result, role), "role"},
                 {offsetof(struct mailcheck_result, disposable), "disposable"},
                 {offsetof(struct mailcheck_result, free), "free provider"},
                 {offsetof(struct mailcheck_result, catch_all), "catch-all"}};
    struct mc_text found = {0};
    mc_text_add_printable(text, asked, SHOWN_MAX);
    mc_text_printf(text, "\n  %-12s%s (%s), score %d\n", "verdict",
                   mailcheck_status_name(result->status), mailcheck_reason_name(result->reason),
                   result->score);
    if (!mc_span_equal(mc_span_of(result->email), asked))
        add_field(text, "read as", result->email);
    add_field(text, "did you mean", result->suggestion);
    for (size_t i = 0; i < MC_ARRAY_LEN(flags); i++) {
        enum mailcheck_flag flag;
        memcpy(&flag, (const char *)result + flags[i].place, sizeof flag);
        if (flag == MAILCHECK_YES)
            mc_text_printf(&found, "%s%s", found.len ? ", " : "", flags[i].name);
    }
    add_field(text, "flags", found.len ? mc_text_z(&found) : "");
    add_field(text, "provider", result->provider);
    add_field(text, "mail server", result->mx);
    add_field(text, "answer", result->smtp);
    add_field(text, "known by", mailcheck_source_name(result->source));
    mc_text_free(&found);
}

void mc_show_json(struct mc_text *out, struct mc_span asked, const struct mc_columns *columns,
                  const struct mailcheck_result *result)
{
    struct mc_result row;
    to_result(result, &row);
    mc_json_answer(out, asked, columns, &row);
}
