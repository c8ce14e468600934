#include "bounce/quoted_reply.h"

#include "base/find.h"
#include "base/memory.h"
#include "bounce/judge.h"
#include "bounce/line_words.h"
#include "bounce/prose_words.h"
#include "bounce/wordings.h"

#define REPLY_MAX 1500 /* bytes: what follows is no longer about the reason */

/* A line with the words of a server: where they start in it, line.len where there are none. */
size_t mc_quoted_find(struct mc_span line)
{
    const char *at = line.at, *end = line.at + line.len;
    for (; (at = mc_find_either(mc_span(at, (size_t)(end - at)), '4', '5')) && end - at > 4; at++) {
        size_t i = (size_t)(at - line.at);
        char before = i ? line.at[i - 1] : ' ';
        if (!mc_is_digit(line.at[i + 1]) || !mc_is_digit(line.at[i + 2]))
            continue;
        if (line.at[i + 1] > '7' || !strchr(" \t:;<>('\"#[", before))
            continue;
        if (line.at[i + 3] != ' ' && line.at[i + 3] != '-' && line.at[i + 3] != ':')
            continue;
        struct mc_span after = mc_bounce_trim(mc_span(line.at + i + 4, line.len - i - 4));
        if (line.at[i + 3] == '-' && after.len > 1 && mc_is_digit(after.at[0]) &&
            mc_is_digit(after.at[1]))
            continue; /* "555-1234" */
        /* "465 bytes", "421 seconds" */
        if (mc_bounce_starts(after, "byte") || mc_bounce_starts(after, "sec") ||
            mc_bounce_starts(after, "KB") || mc_bounce_starts(after, "messages"))
            continue;
        return i;
    }
    return line.len;
}

/* From `start` to the end of the paragraph. */
struct mc_span mc_quoted_paragraph(struct mc_span text, size_t start)
{
    struct mc_span rest = mc_span(text.at + start, text.len - start);
    const char *begin = rest.at, *end = rest.at;
    while (rest.len && (size_t)(rest.at - begin) < REPLY_MAX) {
        struct mc_span line = mc_bounce_line(&rest);
        if (!mc_bounce_trim(line).len)
            break;
        end = line.at + line.len;
    }
    return mc_bounce_trim(mc_span(begin, (size_t)(end - begin)));
}

/* The best line or paragraph of the whole: a reply first, else the first that tells something. */
struct mc_span mc_quoted_best(struct mc_span text)
{
    struct mc_span best = mc_span(text.at, 0), rest = text;
    while (rest.len) { /* the last reply that tells something: a transcript ends with the verdict */
        size_t start = (size_t)(rest.at - text.at);
        struct mc_span line = mc_bounce_line(&rest);
        size_t at = mc_quoted_find(line);
        if (at == line.len)
            continue;
        struct mc_span said = mc_quoted_paragraph(text, start + at);
        bool final = best.len && best.at[0] == '4' && line.at[at] == '5';
        if (mc_bounce_is_telling(said) && (!best.len || final || mc_bounce_starts(line, "<<<")))
            best = said;
    }
    for (rest = text; !best.len && rest.len;) {
        struct mc_span said = mc_quoted_paragraph(rest, 0);
        if (said.len && mc_words_fail(said) && !mc_words_advise(said) && mc_bounce_is_telling(said))
            best = said;
        size_t used = (size_t)(said.at + said.len - rest.at) + 1;
        rest = used < rest.len ? mc_span(rest.at + used, rest.len - used) : mc_span(text.at, 0);
    }
    return best;
}

/* Where the server's part of a transcript begins: "<<< 550 5.1.1 no such user", "<-- 550 ...". */
static size_t next_arrow(struct mc_span text)
{
    static const char *const arrows[] = {"<<<", "<--", "< 5", "< 4"};
    const char *at = text.at, *end = text.at + text.len;
    for (; at < end && (at = memchr(at, '<', (size_t)(end - at))); at++)
        for (size_t i = 0; i < MC_ARRAY_LEN(arrows); i++)
            if (mc_bounce_starts(mc_span(at, (size_t)(end - at)), arrows[i]))
                return (size_t)(at - text.at);
    return text.len;
}

static bool is_servers_part(struct mc_span line)
{
    size_t at = next_arrow(line);
    return at < line.len && at < 60;
}

/* Of a transcript, the last refusal in it that tells something; all of what is none. */
struct mc_span mc_quoted_verdict(struct mc_span said)
{
    struct mc_span best = said, rest = said;
    while (rest.len) {
        struct mc_span line = mc_bounce_line(&rest);
        bool given_up = best.len && best.at[0] == '4' && line.len && line.at[0] == '5';
        size_t at = is_servers_part(line) || given_up ? mc_quoted_find(line) : line.len;
        struct mc_span reply = mc_span(line.at + at, line.len - at);
        while (reply.len && rest.len && mc_quoted_find(rest) == 0) { /* "550-5.1.1 ..." goes on */
            struct mc_span more = mc_bounce_line(&rest);
            reply.len = (size_t)(more.at + more.len - reply.at);
        }
        if (reply.len && mc_bounce_is_telling(reply))
            best = reply;
    }
    return best;
}

/* The reply that starts at `at` of the text, with the lines that go on with its code. */
static struct mc_span whole(struct mc_span text, size_t at)
{
    struct mc_span rest = mc_span(text.at + at, text.len - at), line = mc_bounce_line(&rest);
    const char *end = line.at + line.len;
    while (rest.len) {
        struct mc_span next = mc_bounce_line(&rest);
        size_t start = mc_quoted_find(next);
        if (!is_servers_part(next) || start == next.len ||
            memcmp(next.at + start, text.at + at, 3) != 0)
            break;
        end = next.at + next.len;
    }
    return mc_bounce_trim(mc_span(text.at + at, (size_t)(end - text.at) - at));
}

/* What the server said in a transcript: the last refusal that tells something, else the first. */
static struct mc_span transcribed(struct mc_span text)
{
    struct mc_span best = mc_span(text.at, 0), rest = text;
    if (next_arrow(text) == text.len) /* nearly all texts */
        return best;
    while (rest.len) {
        struct mc_span line = mc_bounce_line(&rest);
        size_t at = is_servers_part(line) ? mc_quoted_find(line) : line.len;
        if (at == line.len)
            continue;
        struct mc_span reply = whole(text, (size_t)(line.at - text.at) + at);
        if (!best.len || mc_bounce_is_telling(reply))
            best = reply;
        size_t used = (size_t)(reply.at + reply.len - text.at);
        if (used < text.len && text.at + used > rest.at)
            rest = mc_span(text.at + used, text.len - used);
    }
    return best;
}

/* Without the lines below it that are the report's again. */
static struct mc_span alone(struct mc_span reply)
{
    static const char *const marks[] = {"Remote system",
                                        "Remote-MTA",
                                        "Reporting-MTA",
                                        "Subject:",
                                        "Message-ID:",
                                        "-->",
                                        ">>>",
                                        "Date:",
                                        "From:",
                                        "To:",
                                        "Sent:",
                                        "Last ",
                                        "I'm not going to try",
                                        "Next ",
                                        "Action:",
                                        "Status:",
                                        "Please reply to"};
    struct mc_span rest = reply;
    mc_bounce_line(&rest);
    while (rest.len) {
        struct mc_span line = mc_bounce_trim(mc_bounce_line(&rest));
        if (MC_BOUNCE_STARTS(line, marks))
            return mc_bounce_trim(mc_span(reply.at, (size_t)(line.at - reply.at)));
    }
    return reply;
}

struct mc_span mc_quoted_reply(struct mc_span text)
{
    struct mc_span found = transcribed(text), rest = text;
    if (found.len)
        return found;
    while (rest.len) {
        size_t start = (size_t)(rest.at - text.at);
        struct mc_span line = mc_bounce_line(&rest);
        size_t at = mc_quoted_find(line);
        if (at == line.len || mc_bounce_has(line, "... Service unavailable"))
            continue; /* Sendmail's own summary of what stands above it */
        if (found.len)
            return mc_span(text.at, 0); /* several: which? */
        found = mc_quoted_paragraph(text, start + at);
        size_t used = (size_t)(found.at + found.len - text.at);
        rest = mc_span(text.at + used, text.len - used);
    }
    return mc_quoted_verdict(alone(found));
}
