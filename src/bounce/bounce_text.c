#include "bounce/bounce_text.h"

#include "base/memory.h"
#include "bounce/find_address.h"
#include "bounce/judge.h"
#include "bounce/line_words.h"
#include "bounce/prose_words.h"
#include "bounce/quoted_reply.h"
#include "bounce/wordings.h"

#define NAMED_MAX  16   /* times that one is looked for in a report */
#define REGION_MAX 8192 /* bytes: what stands further below a name is about somebody else */

/* ---- where the report ends and the returned message begins ---- */

static bool is_header_of_original(struct mc_span line)
{
    static const char *const fields[] = {
        "Received: ",     "Return-Path: ", "Message-ID: ",  "DKIM-Signature:",
        "MIME-Version: ", "X-Mailer: ",    "Delivered-To: "};
    return MC_BOUNCE_STARTS(line, fields);
}

static bool looks_like_header(struct mc_span line)
{
    size_t i = 0;
    while (i < line.len && i < 40 && line.at[i] > ' ' && line.at[i] != ':' && line.at[i] != '@' &&
           line.at[i] != '<')
        i++;
    return i > 1 && i + 1 < line.len && line.at[i] == ':' && line.at[i + 1] == ' ';
}

static void split(struct mc_span text, struct mc_prose *prose)
{
    struct mc_span rest = text;
    const char *block = NULL;    /* where a run of header lines began */
    bool quoted = false;         /* X.400 gateways name the message by its fields, then say why */
    const char *asked = text.at; /* as far as it was asked whether they do */
    const char *next_ruler = text.at + mc_words_next_ruler(text);
    while (rest.len) {
        const char *start = rest.at;
        struct mc_span line = mc_bounce_line(&rest);
        bool header = looks_like_header(line);
        if (!header && !(line.len && (line.at[0] == ' ' || line.at[0] == '\t')))
            block = NULL;
        else if (header && !block)
            block = start;
        bool ruler = start != text.at && next_ruler < rest.at && mc_words_are_ruler(line);
        if (!ruler && (quoted || !is_header_of_original(line)))
            continue;
        quoted = mc_bounce_has(mc_span(asked, (size_t)(rest.at - asked)), "report relates to");
        asked = rest.at;
        if (!ruler && quoted)
            continue;
        if (!ruler && block)
            start = block;
        prose->text = mc_span(text.at, (size_t)(start - text.at));
        prose->original = mc_span(start, (size_t)(text.at + text.len - start));
        if (mc_bounce_trim(prose->text).len || ruler)
            return;
    }
    prose->text = text;
    prose->original = mc_span(text.at + text.len, 0);
}

/* ---- what a line makes of its address ---- */

static struct mc_span without_marks(struct mc_span line)
{
    while (line.len && strchr(" \t-*>+.|#\"'([", line.at[0]))
        line = mc_span(line.at + 1, line.len - 1);
    return line;
}

static size_t count_words(const char *at, const char *end)
{
    size_t words = 0;
    bool in_word = false;
    for (; at < end; at++) {
        bool letter = (unsigned char)*at >= 0x80 || mc_is_digit(*at) ||
                      ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z');
        words += letter && !in_word;
        in_word = letter || (in_word && (*at == '\'' || *at == '.'));
    }
    return words;
}

/* Words left of a line when the address and its brackets are taken away. */
static size_t words_beside(struct mc_span line, struct mc_span address)
{
    return count_words(line.at, address.at) +
           count_words(address.at + address.len, line.at + line.len);
}

/* "the message from <a@b.example> to <c@d.example> could not be delivered" is about the second. */
static bool is_aim(struct mc_span line, struct mc_span address)
{
    struct mc_span left = mc_span(line.at, (size_t)(address.at - line.at));
    while (left.len && strchr("<\"'( ", left.at[left.len - 1]))
        left.len--;
    size_t from = mc_bounce_find(left, "from ");
    return from < left.len && left.len > 3 &&
           mc_bounce_starts(mc_span(left.at + left.len - 3, 3), " to") &&
           memchr(left.at + from, '@', left.len - from) && mc_words_fail(line);
}

/* "<user@example.com>: host mx said: 550 From address not verified, contact abuse@" */
static bool says_of_him(struct mc_span line, struct mc_span address)
{
    const char *end = address.at + address.len, *stop = line.at + line.len;
    while (end < stop && strchr(">)'\" ", *end))
        end++;
    struct mc_span rest = mc_span(end, (size_t)(stop - end));
    return rest.len && *end == ':' && mc_quoted_find(rest) < rest.len;
}

static size_t indent_of(struct mc_span line)
{
    size_t at = 0;
    while (at < line.len && (line.at[at] == ' ' || line.at[at] == '\t'))
        at++;
    return at;
}

/* "Please write to:" above an address; no server's words about the one before, though. */
static bool leads_elsewhere(struct mc_span before, struct mc_span line)
{
    return indent_of(before) <= indent_of(line) && mc_quoted_find(before) == before.len &&
           mc_words_lead_elsewhere(before);
}

/* A line that names somebody, and what is known of it. */
struct naming {
    struct mc_span line, before; /* the line of text before it */
    bool asked;                  /* "RCPT TO:" is in it */
    size_t beside;               /* words beside the address */
    bool elsewhere;              /* none, and the line before leads to another address */
};

/* 0: not the one; 5: nobody else. */
static unsigned worth_of(const struct naming *naming, struct mc_span address)
{
    struct mc_span line = naming->line, before = naming->before;
    struct mc_span core = without_marks(line);
    size_t at = (size_t)(address.at - core.at);
    if (address.at < core.at)
        at = 0;
    const char *behind = address.at + address.len;
    if (mc_words_arrived(mc_span(behind, (size_t)(line.at + line.len - behind))))
        return 0;
    if (naming->asked)
        return 4;
    if (at <= 1 && says_of_him(line, address))
        return 5;
    if (mc_words_name_others(line))
        return is_aim(line, address) ? 4 : 0;
    size_t label = mc_words_label(core);
    if (label && at <= label + 12)
        return 4;
    if (!naming->beside)
        return naming->elsewhere ? 0 : 5;
    if (at <= 1) { /* "<user@example.com>: why" */
        const char *end = address.at + address.len, *stop = line.at + line.len;
        while (end < stop && strchr(">)'\" ", *end))
            end++;
        if (end < stop && (*end == ':' || *end == '.' || *end == '-' || *end == '(' || *end == ','))
            return 5;
        if (end < stop && (*end == '\t' || (end[-1] == ' ' && end[-2] == ' ')))
            return 5; /* a table */
        return mc_words_fail(line) || mc_bounce_has(line, " on ") ? 5 : 3;
    }
    if (mc_words_fail(line))
        return 3;
    before = mc_bounce_trim(before);
    if (before.len && before.at[before.len - 1] == ':' && naming->beside < 8)
        return 4;
    if (before.len && mc_words_fail(before))
        return 3;
    return naming->beside < 5 ? 2 : 1;
}

static bool same(struct mc_span a, struct mc_span b)
{
    return a.len && mc_span_equal_nocase(a, b);
}

static void note(struct mc_prose *prose, struct mc_span address, size_t line, unsigned worth)
{
    if (worth > prose->worth) {
        prose->count = 0;
        prose->worth = worth;
    }
    if (worth < prose->worth || prose->count == MC_FAILED_MAX)
        return;
    for (size_t i = 0; i < prose->count; i++)
        if (same(prose->failed[i].address, address))
            return;
    prose->failed[prose->count++] = (struct mc_failed){.address = address, .line = line};
}

/* The address at the end of a mark such as "(expanded from <alias@example.org>)" belongs to the
 * one before it. */
static bool note_mailed(struct mc_prose *prose, struct mc_span line, struct mc_span address)
{
    struct mc_span left = mc_span(line.at, (size_t)(address.at - line.at));
    if (!prose->count || !mc_words_lead_back(left))
        return false;
    prose->failed[prose->count - 1].mailed = address;
    return true;
}

/* Two lines that follow each other, as one. */
static struct mc_span joined(struct mc_span first, struct mc_span second)
{
    return mc_span(first.at, (size_t)(second.at + second.len - first.at));
}

/* "<user@example.com>: ..." or "<user@example.com> (expanded from ...", not indented. */
static bool opens_entry(struct mc_span line, struct mc_span address)
{
    const char *end = address.at + address.len, *stop = line.at + line.len;
    if (line.at[0] != '<' || address.at != line.at + 1 || stop - end < 3 || *end != '>')
        return false;
    return end[1] == ':' || (end[1] == ' ' && end[2] == '(');
}

/* Behind one of these the failed ones are listed; what stands before repeats the message's own
 * To: and From:. */
static size_t list_start(struct mc_span text)
{
    static const char *const anchors[] = {
        "did not reach the following",
        "had permanent fatal errors",
        "delivery failed for:",
        "delivery failed to:",
        "failed recipients:",
        "following recipients failed",
        "following recipient failed",
        "following address(es) failed",
        "addresses failed",
        "delivered to the following",
        "did not receive your message",
        "following addresses did not receive",
        "delivery to the following",
    };
    size_t i = mc_bounce_find_any(text, anchors, MC_ARRAY_LEN(anchors), sizeof *anchors);
    size_t at = i < MC_ARRAY_LEN(anchors) ? mc_bounce_find(text, anchors[i]) : text.len;
    return at < text.len && memchr(text.at + at, '@', text.len - at) ? at : 0;
}

/* "RCPT TO:<alive@example.com>", and the server said 250. */
static bool was_taken(struct mc_span rest)
{
    struct mc_span answer = mc_bounce_line(&rest);
    size_t at = mc_bounce_find(answer, "<");
    size_t code = mc_bounce_find(answer, " 250 ");
    return mc_bounce_starts(answer, "250 ") || (at < code && code < answer.len);
}

/* Over lines without an address, which only come before one that has some. */
static struct mc_span pass_over(struct mc_span rest, struct mc_span *before)
{
    const char *sign = memchr(rest.at, '@', rest.len);
    const char *end = sign ? memrchr(rest.at, '\n', (size_t)(sign - rest.at)) : NULL;
    if (!sign)
        return mc_span(rest.at + rest.len, 0);
    size_t skipped = end ? (size_t)(end - rest.at) + 1 : 0;
    struct mc_span passed = mc_span(rest.at, skipped);
    for (bool done = false; passed.len && !done;
         passed.len = end ? (size_t)(end - rest.at) + 1 : 0) {
        end = memrchr(rest.at, '\n', passed.len - 1);
        const char *start = end ? end + 1 : rest.at;
        struct mc_span last = mc_span(start, (size_t)(rest.at + passed.len - start)), line;
        line = mc_bounce_line(&last);
        done = mc_bounce_trim(line).len > 0;
        if (done)
            *before = line;
    }
    return mc_span(rest.at + skipped, rest.len - skipped);
}

static void scan(struct mc_prose *prose, size_t from_here, struct mc_span sender)
{
    struct mc_span rest = mc_span(prose->text.at + from_here, prose->text.len - from_here);
    struct mc_span before = mc_span(rest.at, 0);
    bool inside = false; /* the folded lines of "<user@example.com>: host mx said ..." */
    while (rest.len) {
        rest = inside ? rest : pass_over(rest, &before);
        size_t start = (size_t)(rest.at - prose->text.at), from = 0, seen = 0;
        struct mc_span line = mc_bounce_line(&rest), address;
        struct naming naming = {.line = line, .before = before};
        inside = inside && line.len && (line.at[0] == ' ' || line.at[0] == '\t');
        bool folded = inside, led = false;
        while (seen++ < 20 && mc_find_address(line, &from, &address)) {
            naming.asked = naming.asked || (seen == 1 && mc_bounce_has(line, "RCPT TO:"));
            if (mc_span_equal_nocase(address, sender) || mc_is_daemon(address) ||
                (naming.asked && was_taken(rest)) ||
                note_mailed(prose, folded ? joined(before, line) : line, address) || folded)
                continue;
            inside = inside || opens_entry(line, address);
            naming.beside = words_beside(line, address);
            naming.elsewhere = !naming.beside && leads_elsewhere(before, line);
            led = led || naming.elsewhere;
            unsigned worth = worth_of(&naming, address);
            if (worth)
                note(prose, address, start, worth);
        }
        if (mc_bounce_trim(line).len && !led) /* "did you mean:" leads to all of a list */
            before = line;
    }
}

void mc_prose_read(struct mc_span text, struct mc_span sender, struct mc_prose *prose)
{
    static const struct mc_span nobody = {"", 0};
    prose->count = 0;
    prose->worth = 0;
    split(text, prose);
    size_t list = list_start(prose->text);
    if (list)
        scan(prose, list, sender);
    if (prose->worth < 3)
        scan(prose, 0, sender);
    if (!prose->worth) { /* people do write to themselves */
        scan(prose, list, nobody);
        if (prose->worth < 4)
            prose->worth = 0;
    }
    if (!prose->worth)
        prose->count = 0;
}

struct mc_span mc_prose_mailed(const struct mc_prose *prose, struct mc_span address)
{
    for (size_t i = 0; i < prose->count; i++)
        if (same(prose->failed[i].address, address))
            return prose->failed[i].mailed;
    return mc_span("", 0);
}

/* ---- what is said of him ---- */

/* The Subject: of the message that failed is no word about why. */
static struct mc_span without_subject(struct mc_span said)
{
    while (mc_bounce_starts(said, "Subject:") || mc_bounce_starts(said, "Sent:") ||
           mc_bounce_starts(said, "Date:") || mc_bounce_starts(said, "with subject")) {
        mc_bounce_line(&said);
        said = mc_bounce_trim(said);
    }
    return said;
}

/* "because:", "aus folgendem Grund:": what it announces is the next paragraph. */
static bool announces(struct mc_span said)
{
    static const char wide[] = "\xef\xbc\x9a"; /* U+FF1A */
    if (said.len < 2 || said.len > 100)
        return false;
    return said.at[said.len - 1] == ':' ||
           (said.len > 3 && !memcmp(said.at + said.len - 3, wide, 3));
}

/* A line that names another one who failed. */
static bool names_another(const struct mc_prose *prose, struct mc_span line, struct mc_span address)
{
    struct mc_span found;
    size_t from = 0;
    while (mc_find_address(line, &from, &found))
        for (size_t i = 0; i < prose->count; i++)
            if (same(prose->failed[i].address, found) && !same(address, found))
                return true;
    return false;
}

/* From the address to the next line that names another one. */
static struct mc_span region(const struct mc_prose *prose, struct mc_span address)
{
    const char *start = address.at + address.len, *end = prose->text.at + prose->text.len;
    if (prose->count > 1 && end - start > REGION_MAX)
        end = start + REGION_MAX;
    struct mc_span rest = mc_span(start, (size_t)(end - start));
    mc_bounce_line(&rest);
    while (prose->count > 1 && rest.len) {
        struct mc_span line = mc_bounce_line(&rest);
        if (!names_another(prose, line, address))
            continue;
        end = line.at;
        break;
    }
    return mc_span(start, (size_t)(end - start));
}

/* What follows the address: its line's rest and the lines below, to the end of the paragraph that
 * holds the first of them, or to the next one's line. */
static struct mc_span below(const struct mc_prose *prose, struct mc_span address)
{
    struct mc_span rest = region(prose, address);
    while (rest.len && strchr(">:)]'\"., \t\r\n-", rest.at[0]))
        rest = mc_span(rest.at + 1, rest.len - 1);
    struct mc_span first = without_subject(mc_quoted_paragraph(rest, 0)), said = first;
    if (mc_words_advise(first))
        return mc_span(first.at, 0);
    for (size_t i = 0; i < 5 && said.len && !mc_bounce_is_telling(said); i++) {
        bool announced = announces(said);
        size_t used = (size_t)(said.at + said.len - rest.at);
        said = mc_quoted_paragraph(mc_bounce_trim(mc_span(rest.at + used, rest.len - used)), 0);
        if (mc_words_advise(said) || (said.len && !announced && !announces(said) &&
                                      !mc_words_fail(said) && mc_quoted_find(said) == said.len))
            said.len = 0; /* a disclaimer, an advertisement */
    }
    return said.len ? said : first;
}

/* Reports name him in the fields of the message or in a list first, then where they say why: the
 * last reply quoted below his name that tells something, else the first. */
static struct mc_span quoted_of(const struct mc_prose *prose, struct mc_span address)
{
    struct mc_span best = mc_span(prose->text.at, 0), found;
    size_t from = 0, seen = 0, named = 0;
    while (address.len && seen++ < 3 * MC_FAILED_MAX &&
           mc_find_address(prose->text, &from, &found)) {
        bool echoed = found.at >= best.at && found.at < best.at + best.len;
        if (!same(found, address) || echoed)
            continue;
        if (named++ == NAMED_MAX)
            break;
        struct mc_span reply = mc_quoted_reply(region(prose, found));
        if (reply.len && (!best.len || mc_bounce_is_telling(reply)))
            best = reply;
    }
    return best;
}

/* The same of what the report says in its own words. */
static struct mc_span below_another(const struct mc_prose *prose, struct mc_span address)
{
    struct mc_span found;
    size_t from = 0, seen = 0, named = 0;
    while (address.len && seen++ < 3 * MC_FAILED_MAX &&
           mc_find_address(prose->text, &from, &found)) {
        if (!same(found, address))
            continue;
        struct mc_span said = named++ < NAMED_MAX ? below(prose, found) : mc_span("", 0);
        if (mc_bounce_is_telling(said))
            return said;
    }
    return mc_span("", 0);
}

/* The first line with him in it. */
static struct mc_span line_of(const struct mc_prose *prose, struct mc_span address)
{
    for (size_t i = 0; i < prose->count; i++)
        if (same(prose->failed[i].address, address)) {
            struct mc_span rest = mc_span(prose->text.at + prose->failed[i].line,
                                          prose->text.len - prose->failed[i].line);
            return mc_bounce_trim(mc_bounce_line(&rest));
        }
    return mc_span("", 0);
}

struct mc_span mc_prose_reply(const struct mc_prose *prose, struct mc_span address, bool alone)
{
    struct mc_span said = mc_span(prose->text.at, 0), named = address;
    bool known = false;
    for (size_t i = 0; i < prose->count; i++)
        if (same(prose->failed[i].address, address) || same(prose->failed[i].mailed, address)) {
            named = prose->failed[i].address;
            known = true;
        }
    /* more than the report's own words */
    struct mc_span quoted = alone ? mc_quoted_reply(prose->text) : quoted_of(prose, named);
    if (quoted.len)
        return quoted;
    if (known)
        said = below(prose, named);
    if (mc_bounce_is_telling(said))
        return mc_quoted_verdict(said);
    struct mc_span later = below_another(prose, address);
    if (later.len)
        return mc_quoted_verdict(later);
    struct mc_span around = line_of(prose, address); /* "the mailbox a@b.example is unavailable" */
    if (mc_words_fail(around) && mc_bounce_is_telling(around))
        return around;
    /* what stands before the first of several is about all of them */
    struct mc_span all = prose->text;
    if (!alone && prose->count)
        all.len = prose->failed[0].line;
    struct mc_span other = mc_quoted_best(all);
    if (!other.len) /* one for all of them */
        other = mc_quoted_reply(prose->text);
    return other.len ? other : said;
}

/* ---- HTML ---- */

static size_t entity(struct mc_span at, struct mc_text *text)
{
    static const char *const names[][2] = {{"&lt;", "<"},    {"&gt;", ">"},   {"&amp;", "&"},
                                           {"&quot;", "\""}, {"&nbsp;", " "}, {"&#39;", "'"},
                                           {"&#64;", "@"},   {"&#x40;", "@"}, {"&#46;", "."}};
    for (size_t i = 0; i < MC_ARRAY_LEN(names); i++)
        if (mc_bounce_starts(at, names[i][0])) {
            mc_text_add_z(text, names[i][1]);
            return strlen(names[i][0]);
        }
    mc_text_add_char(text, '&');
    return 1;
}

static bool breaks(struct mc_span tag)
{
    static const char *const tags[] = {"br", "p",   "/p", "div", "/div", "tr",   "/tr",
                                       "li", "/li", "h",  "/h",  "pre",  "/pre", "hr"};
    return MC_BOUNCE_STARTS(tag, tags);
}

void mc_prose_from_html(struct mc_span html, struct mc_text *text)
{
    for (size_t i = 0; i < html.len;) {
        struct mc_span rest = mc_span(html.at + i, html.len - i);
        if (rest.at[0] == '&') {
            i += entity(rest, text);
        } else if (rest.at[0] == '<' && !mc_bounce_starts(rest, "< ")) {
            const char *end = memchr(rest.at, '>', rest.len);
            size_t len = end ? (size_t)(end - rest.at) + 1 : rest.len;
            struct mc_span tag = mc_span(rest.at + 1, len - 1);
            bool hidden = mc_bounce_starts(tag, "style") || mc_bounce_starts(tag, "script");
            if (hidden) {
                size_t close =
                    mc_bounce_find(rest, mc_bounce_starts(tag, "style") ? "</style" : "</script");
                len = close > len ? close : len;
            }
            if (memchr(tag.at, '@', tag.len) && !memchr(tag.at, ' ', tag.len) &&
                !memchr(tag.at, '=', tag.len))
                mc_text_add_span(text, mc_span(rest.at, len)); /* <user@example.com>, bare */
            else
                mc_text_add_char(text, breaks(tag) ? '\n' : ' ');
            i += len;
        } else {
            mc_text_add_char(text, rest.at[0] == '\r' ? ' ' : rest.at[0]);
            i++;
        }
    }
}
