#include "report/advice.h"

#include "base/memory.h"

/* Mail providers grow wary of a sender at about 2% and turn it away at 5 to 10%. */
#define BOUNCES_TOO_MANY 0.05
#define BOUNCES_WORRYING 0.02

/* What a sentence counts. */
enum count {
    COUNT_UNDELIVERABLE,
    COUNT_DUPLICATES,
    COUNT_SUGGESTIONS,
    COUNT_UNTOLD_APART, /* catch-all and unproven */
    COUNT_FULL,
    COUNT_DISPOSABLE,
    COUNT_ROLE,
    COUNT_SUPPRESSED,
    COUNT_GREYLISTED,
    COUNT_BLOCKED,
    COUNT_UNREACHED, /* DNS, connections, time-outs, server errors */
    COUNT_TLS,
    COUNT_NOT_PROBED,
};

/* {} is the number. Order is by what it costs to leave it undone. */
static const struct {
    enum count count;
    const char *one, *many;
} sentences[] = {
    {COUNT_UNDELIVERABLE,
     "Take out the one undeliverable row (--keep deliverable,risky does); it would come back.",
     "Take out the {} undeliverable rows (--keep deliverable,risky does); nearly all of them "
     "would come back."},
    {COUNT_SUPPRESSED, "One row is on your own suppress list: do not mail it.",
     "{} rows are on your own suppress list: do not mail them."},
    {COUNT_BLOCKED,
     "One row is unknown because a server refused this host, not the mailbox: see mc_smtp, and "
     "`mailcheck doctor` for what is wrong with the host.",
     "{} rows are unknown because servers refused this host, not the mailboxes: see mc_smtp, and "
     "`mailcheck doctor` for what is wrong with the host."},
    {COUNT_GREYLISTED,
     "One row was greylisted (asked to come back later): run it again in an hour.",
     "{} rows were greylisted (asked to come back later): run them again in an hour, most will "
     "be answered then."},
    {COUNT_UNREACHED,
     "For one row no server gave a usable answer: run it again tomorrow before you decide.",
     "For {} rows no server gave a usable answer: run them again tomorrow before you decide."},
    {COUNT_TLS, "One row's server insists on encryption that could not be agreed on: keep the row.",
     "For {} rows the server insists on encryption that could not be agreed on: keep the rows."},
    {COUNT_UNTOLD_APART,
     "One row's server accepts any name, so the mailbox cannot be proven: send to it in a small "
     "batch first and watch what comes back.",
     "{} rows are at servers that accept any name, so the mailboxes cannot be proven: send to "
     "them in small batches first and watch what comes back."},
    {COUNT_FULL, "One mailbox is full: try it again in a week, then drop it.",
     "{} mailboxes are full: try them again in a week, then drop them."},
    {COUNT_SUGGESTIONS, "One address looks mistyped: mc_suggestion says what may be meant.",
     "{} addresses look mistyped: mc_suggestion says what may be meant."},
    {COUNT_DISPOSABLE, "One address is a throw-away one: nobody will read there next month.",
     "{} addresses are throw-away ones: nobody will read there next month."},
    {COUNT_ROLE, "One address is a role (info@, sales@): several people read it, any may complain.",
     "{} addresses are roles (info@, sales@): several people read them, any may complain."},
    {COUNT_DUPLICATES, "One row repeats an address: drop the row that has an mc_duplicate_of.",
     "{} rows repeat an address: drop the rows that have an mc_duplicate_of."},
    {COUNT_NOT_PROBED, "One row was not probed: only syntax, lists or DNS speak for it.",
     "{} rows were not probed: only syntax, lists or DNS speak for them."},
};

static uint64_t count_of(const struct mc_tally *tally, enum count count)
{
    const uint64_t *rows = tally->by_reason;
    switch (count) {
    case COUNT_UNDELIVERABLE:
        return tally->by_status[MC_UNDELIVERABLE];
    case COUNT_DUPLICATES:
        return tally->duplicates;
    case COUNT_SUGGESTIONS:
        return tally->suggestions;
    case COUNT_UNTOLD_APART:
        return rows[MC_REASON_CATCH_ALL] + rows[MC_REASON_UNPROVEN];
    case COUNT_FULL:
        return rows[MC_REASON_MAILBOX_FULL];
    case COUNT_DISPOSABLE:
        return tally->disposable;
    case COUNT_ROLE:
        return tally->role;
    case COUNT_SUPPRESSED:
        return rows[MC_REASON_SUPPRESSED];
    case COUNT_GREYLISTED:
        return rows[MC_REASON_GREYLISTED];
    case COUNT_BLOCKED:
        return rows[MC_REASON_BLOCKED];
    case COUNT_UNREACHED:
        return rows[MC_REASON_DNS_FAILED] + rows[MC_REASON_CONNECT_FAILED] +
               rows[MC_REASON_TIMEOUT] + rows[MC_REASON_SERVER_ERROR];
    case COUNT_TLS:
        return rows[MC_REASON_TLS_REQUIRED];
    case COUNT_NOT_PROBED:
        return rows[MC_REASON_NOT_PROBED];
    }
    return 0;
}

void mc_report_number(struct mc_text *out, uint64_t number)
{
    struct mc_text digits = {0};
    mc_text_add_u64(&digits, number);
    for (size_t i = 0; i < digits.len; i++) {
        if (i && (digits.len - i) % 3 == 0)
            mc_text_add_char(out, ',');
        mc_text_add_char(out, digits.at[i]);
    }
    mc_text_free(&digits);
}

void mc_report_percent(struct mc_text *out, double part, double whole)
{
    double percent = whole > 0 ? 100 * part / whole : 0;
    if (percent > 0 && percent < 0.05)
        mc_text_add_z(out, "<0.1%");
    else if (percent >= 99.95 && part < whole)
        mc_text_add_z(out, "99.9%");
    else
        mc_text_printf(out, "%.1f%%", percent);
}

/* The one sentence about the list as a whole. */
static void judge(const struct mc_tally *tally, struct mc_text *out)
{
    double rows = (double)tally->rows, cleaned = (double)mc_tally_cleaned(tally);
    double now = mc_tally_expected_bounces(tally);
    double then = mc_tally_expected_bounces_cleaned(tally);
    if (now > BOUNCES_TOO_MANY * rows)
        mc_text_add_z(out, "Do not mail this list as it is: about ");
    else if (now > BOUNCES_WORRYING * rows)
        mc_text_add_z(out, "Clean this list before you mail it: about ");
    else
        mc_text_add_z(out, "This list is fit to be mailed: about ");
    mc_report_percent(out, now, rows);
    mc_text_add_z(out, " would come back");
    if (now > BOUNCES_WORRYING * rows && cleaned > 0) {
        mc_text_add_z(out, ", after cleaning ");
        mc_report_percent(out, then, cleaned);
    }
    mc_text_add_z(
        out, now > BOUNCES_WORRYING * rows ? "; mail providers grow wary of a sender at 2%." : ".");
}

static void add_sentence(const char *sentence, uint64_t number, struct mc_text *out)
{
    const char *place = strstr(sentence, "{}");
    if (place) {
        mc_text_add(out, sentence, (size_t)(place - sentence));
        mc_report_number(out, number);
        sentence = place + 2;
    }
    mc_text_add_z(out, sentence);
}

void mc_report_advice(const struct mc_tally *tally, void (*add)(void *arg, struct mc_span sentence),
                      void *arg)
{
    struct mc_text text = {0};
    if (!tally->rows) {
        add(arg, mc_span_of("There was no row to check."));
        return;
    }
    if (tally->interrupted)
        add(arg, mc_span_of("The run was cut short: run it again for the rows that are still "
                            "not_probed or greylisted."));
    if (tally->probe_notice) {
        mc_text_add_z(&text, "No mailbox could be probed from here: ");
        mc_text_add_printable(&text, mc_span_of(tally->probe_notice), 400);
        add(arg, mc_text_span(&text));
    }
    /* an average of guesses would tell nothing about a list of which nothing is known */
    if (tally->by_status[MC_UNKNOWN] * 2 < tally->rows) {
        text.len = 0;
        judge(tally, &text);
        add(arg, mc_text_span(&text));
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(sentences); i++) {
        uint64_t number = count_of(tally, sentences[i].count);
        if (!number)
            continue;
        text.len = 0;
        add_sentence(number == 1 ? sentences[i].one : sentences[i].many, number, &text);
        add(arg, mc_text_span(&text));
    }
    mc_text_free(&text);
}
