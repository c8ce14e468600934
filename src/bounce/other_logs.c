#include "bounce/other_logs.h"

#include "address/parse.h"
#include "base/memory.h"
#include "bounce/judge.h"

/* ---- qmail ---- */

/* qmail numbers its deliveries in a row and has at most 255 of a kind under way. */
#define UNDER_WAY 1024
#define SAID_MAX  2000

struct mc_deliveries {
    struct {
        uint64_t number;
        uint16_t len;
        char recipient[MC_ADDRESS_MAX + 2];
    } slots[UNDER_WAY];
    char said[SAID_MAX];
};

static struct mc_span behind(struct mc_span text, size_t at)
{
    return at < text.len ? mc_span(text.at + at, text.len - at) : mc_span("", 0);
}

static size_t number_at(struct mc_span text, uint64_t *number)
{
    size_t len = 0;
    while (len < text.len && len < 18 && mc_is_digit(text.at[len]))
        len++;
    return mc_parse_u64(mc_span(text.at, len), UINT64_MAX, number) ? len : 0;
}

static struct mc_deliveries *deliveries_of(struct mc_deliveries **deliveries)
{
    if (!*deliveries)
        *deliveries = mc_calloc(1, sizeof **deliveries);
    return *deliveries;
}

/* starting delivery 12: msg 345 to remote user@example.org */
static bool remember(struct mc_deliveries **deliveries, struct mc_span line)
{
    static const char start[] = "starting delivery ", to[] = " to ";
    uint64_t number;
    size_t at = mc_bounce_find(line, start);
    struct mc_span rest = behind(line, at + strlen(start));
    if (at == line.len || !number_at(rest, &number))
        return false;
    rest = behind(rest, mc_bounce_find(rest, to) + strlen(to));
    const char *blank = rest.len ? memchr(rest.at, ' ', rest.len) : NULL;
    if (!blank)
        return true;
    struct mc_span recipient = behind(rest, (size_t)(blank - rest.at) + 1);
    if (recipient.len > MC_ADDRESS_MAX)
        return true;
    struct mc_deliveries *known = deliveries_of(deliveries);
    known->slots[number % UNDER_WAY].number = number;
    known->slots[number % UNDER_WAY].len = (uint16_t)recipient.len;
    memcpy(known->slots[number % UNDER_WAY].recipient, recipient.at, recipient.len);
    return true;
}

/* "Remote_host_said:_550_no/Giving_up_on_mx./" */
static struct mc_span said_in(struct mc_deliveries *deliveries, struct mc_span text)
{
    size_t len = text.len < SAID_MAX ? text.len : SAID_MAX;
    for (size_t i = 0; i < len; i++)
        deliveries->said[i] = text.at[i] == '_' ? ' ' : text.at[i] == '/' ? '\n' : text.at[i];
    return mc_bounce_trim(mc_span(deliveries->said, len));
}

enum mc_fate mc_qmail_line_read(struct mc_deliveries **deliveries, struct mc_span line,
                                struct mc_fate_line *out)
{
    static const struct {
        const char *word;
        enum mc_fate fate;
    } fates[] = {{": failure: ", MC_FATE_FAILED},
                 {": deferral: ", MC_FATE_DELAYED},
                 {": success: ", MC_FATE_DELIVERED}};
    static const char delivery[] = "delivery ";
    uint64_t number;
    *out = (struct mc_fate_line){0};
    if (remember(deliveries, line))
        return MC_FATE_NEWS;
    size_t at = mc_bounce_find(line, delivery);
    struct mc_span rest = behind(line, at + strlen(delivery));
    size_t digits = at < line.len ? number_at(rest, &number) : 0;
    if (!digits)
        return MC_FATE_NONE;
    rest = behind(rest, digits);
    for (size_t i = 0; i < MC_ARRAY_LEN(fates); i++) {
        if (!mc_bounce_starts(rest, fates[i].word))
            continue;
        struct mc_deliveries *known = deliveries_of(deliveries);
        out->said = said_in(known, behind(rest, strlen(fates[i].word)));
        if (known->slots[number % UNDER_WAY].number == number)
            out->recipients = mc_span(known->slots[number % UNDER_WAY].recipient,
                                      known->slots[number % UNDER_WAY].len);
        return fates[i].fate;
    }
    return MC_FATE_NONE;
}

void mc_deliveries_free(struct mc_deliveries *deliveries)
{
    free(deliveries);
}

/* ---- Exchange's message tracking ---- */

#define FIELDS_MAX 24

/* Splits CSV into `fields`; a doubled quote stays so. */
static size_t split(struct mc_span line, struct mc_span *fields)
{
    size_t count = 0, i = 0;
    while (i <= line.len && count < FIELDS_MAX) {
        bool quoted = i < line.len && line.at[i] == '"';
        size_t start = i + quoted, end = start;
        while (end < line.len && (quoted ? line.at[end] != '"' : line.at[end] != ',')) {
            end++;
            if (quoted && end + 1 < line.len && line.at[end] == '"' && line.at[end + 1] == '"')
                end += 2;
        }
        fields[count++] = mc_span(line.at + start, end - start);
        i = end + quoted + 1;
    }
    return count;
}

/* "{[{LED=550 5.1.1 no such user};{FQDN=mx}]}" -> what stands behind LED=. */
static struct mc_span last_error(struct mc_span status)
{
    static const char mark[] = "LED=";
    size_t at = mc_bounce_find(status, mark);
    if (at == status.len)
        return status;
    struct mc_span said = behind(status, at + strlen(mark));
    const char *end = memchr(said.at, '}', said.len);
    return mc_span(said.at, end ? (size_t)(end - said.at) : said.len);
}

enum mc_fate mc_tracking_line_read(struct mc_span line, struct mc_text *text,
                                   struct mc_fate_line *out)
{
    static const struct {
        const char *event;
        enum mc_fate fate;
    } events[] = {{"FAIL", MC_FATE_FAILED},
                  {"DEFER", MC_FATE_DELAYED},
                  {"DELIVER", MC_FATE_DELIVERED},
                  {"SEND", MC_FATE_DELIVERED}};
    struct mc_span fields[FIELDS_MAX];
    *out = (struct mc_fate_line){0};
    if (line.len < 40 || line.at[4] != '-' || line.at[10] != 'T' || !mc_is_digit(line.at[0]))
        return MC_FATE_NONE;
    size_t count = split(line, fields), event = 6;
    if (count < 12)
        return MC_FATE_NONE;
    enum mc_fate fate = MC_FATE_NEWS;
    for (; event < 10 && fate == MC_FATE_NEWS; event++)
        for (size_t i = 0; i < MC_ARRAY_LEN(events); i++)
            if (mc_span_equal(fields[event], mc_span_of(events[i].event)))
                fate = events[i].fate;
    if (fate == MC_FATE_NEWS || fate == MC_FATE_DELIVERED)
        return fate;
    /* message-id has brackets; the recipients follow, and what was said of them */
    size_t at = event;
    while (at + 1 < count &&
           (!fields[at].len || fields[at].at[0] == '<' || !mc_bounce_has(fields[at], "@")))
        at++;
    out->recipients = fields[at];
    text->len = 0;
    struct mc_span status = last_error(at + 1 < count ? fields[at + 1] : mc_span("", 0));
    for (size_t i = 0; i < status.len; i++)
        if (status.at[i] != '"' || i + 1 == status.len || status.at[i + 1] != '"')
            mc_text_add_char(text, status.at[i]);
    out->said = mc_bounce_trim(mc_text_span(text));
    return fate;
}
