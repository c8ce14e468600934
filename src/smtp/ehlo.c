#include "smtp/ehlo.h"

#include "base/find.h"

bool mc_reply_says(const struct mc_reply *reply, const char *word)
{
    return mc_find_nocase(mc_span(reply->text, reply->text_len), mc_span_of(word)) != NULL;
}

bool mc_reply_is_wordless(const struct mc_reply *reply)
{
    static const char marks[] = " .-#()<>\r\n\t";
    for (size_t i = 0; i < reply->text_len; i++)
        if (!mc_is_digit(reply->text[i]) && !memchr(marks, reply->text[i], sizeof marks - 1))
            return false;
    return true;
}

/* "LIMITS RCPTMAX=50 MAILMAX=10" */
static uint16_t limit_of(struct mc_span line, const char *name)
{
    const char *at = mc_find_nocase(line, mc_span_of(name)), *end = line.at + line.len;
    uint32_t number = 0;
    for (at = at ? at + strlen(name) : end; at < end && mc_is_digit(*at); at++)
        number = number < UINT16_MAX ? number * 10 + (uint32_t)(*at - '0') : number;
    return (uint16_t)(number < UINT16_MAX ? number : UINT16_MAX);
}

static bool is(struct mc_span line, const char *keyword)
{
    struct mc_span key = mc_span_of(keyword);
    return line.len >= key.len && (line.at[0] | 0x20) == (keyword[0] | 0x20) &&
           mc_span_equal_nocase(mc_span(line.at, key.len), key) &&
           (line.len == key.len || line.at[key.len] == ' ' || line.at[key.len] == '=');
}

static void read_line(struct mc_ehlo *ehlo, struct mc_span line)
{
    ehlo->pipelining |= is(line, "PIPELINING");
    ehlo->starttls |= is(line, "STARTTLS");
    ehlo->smtputf8 |= is(line, "SMTPUTF8");
    if (is(line, "LIMITS")) {
        ehlo->rcpt_max = limit_of(line, " RCPTMAX=");
        ehlo->mail_max = limit_of(line, " MAILMAX=");
    }
}

/* The first line is the server's name. */
struct mc_ehlo mc_ehlo_read(const struct mc_reply *reply)
{
    struct mc_ehlo ehlo = {0};
    const char *end = reply->text + reply->text_len;
    const char *at = memchr(reply->text, '\n', reply->text_len);
    while (at && ++at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((next ? next : end) - at);
        while (len && (at[len - 1] == '\r' || at[len - 1] == ' '))
            len--;
        read_line(&ehlo, mc_span(at, len));
        at = next;
    }
    return ehlo;
}
