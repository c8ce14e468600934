#include "smtp/ehlo.h"

static size_t find(struct mc_span text, struct mc_span word)
{
    size_t at = 0;
    while (at + word.len <= text.len &&
           !mc_span_equal_nocase(mc_span(text.at + at, word.len), word))
        at++;
    return at;
}

bool mc_reply_says(const struct mc_reply *reply, const char *word)
{
    struct mc_span text = mc_span(reply->text, reply->text_len), key = mc_span_of(word);
    return find(text, key) + key.len <= text.len;
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
    struct mc_span key = mc_span_of(name);
    uint32_t number = 0;
    for (size_t at = find(line, key) + key.len; at < line.len && mc_is_digit(line.at[at]); at++)
        number = number < UINT16_MAX ? number * 10 + (uint32_t)(line.at[at] - '0') : number;
    return (uint16_t)(number < UINT16_MAX ? number : UINT16_MAX);
}

static bool is(struct mc_span line, const char *keyword)
{
    struct mc_span key = mc_span_of(keyword);
    return line.len >= key.len && mc_span_equal_nocase(mc_span(line.at, key.len), key) &&
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
