#include "bounce/judge.h"

#include "base/find.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bounce/ruling.h"
#include "bounce/wordings.h"

/* ---- text tools ---- */

#define ANSWERS 256

bool mc_bounce_starts(struct mc_span text, const char *what)
{
    size_t i = 0;
    while (what[i] && i < text.len && mc_ascii_lower(text.at[i]) == mc_ascii_lower(what[i]))
        i++;
    return !what[i];
}

/* ---- kinds ---- */

enum mc_bounce_kind mc_bounce_kind_of(enum mc_reason reason)
{
    if (mc_reason_status(reason) == MC_UNDELIVERABLE)
        return MC_BOUNCE_HARD;
    if (reason == MC_REASON_BLOCKED || reason == MC_REASON_TLS_REQUIRED ||
        reason == MC_REASON_SUPPRESSED)
        return MC_BOUNCE_BLOCKED;
    return MC_BOUNCE_SOFT;
}

const char *mc_bounce_kind_name(enum mc_bounce_kind kind)
{
    static const char *const names[] = {"hard", "soft", "blocked"};
    _Static_assert(MC_ARRAY_LEN(names) == MC_BOUNCE_KINDS, "one for each");
    MC_ASSERT(kind < MC_BOUNCE_KINDS);
    return names[kind];
}

/* ---- what the sending host itself met ---- */

/* Words no remote server says at RCPT, in the order in which they decide. */
static const struct {
    const char *words;
    enum mc_reason reason;
} troubles[] = {
    {"host not found, try again", MC_REASON_DNS_FAILED},
    {"host name lookup failure", MC_REASON_DNS_FAILED},
    {"SERVFAIL", MC_REASON_DNS_FAILED},
    {"unable to lookup DNS", MC_REASON_DNS_FAILED},
    {"unable to exec or command does not exist", MC_REASON_SERVER_ERROR}, /* Exim's pipes */
    {"Traceback (most recent", MC_REASON_SERVER_ERROR}, /* a program's words are about itself */
    {"PHP Fatal error", MC_REASON_SERVER_ERROR},
    {"PHP Parse error", MC_REASON_SERVER_ERROR},
    {"PHP Warning", MC_REASON_SERVER_ERROR},
    {"PHP Notice", MC_REASON_SERVER_ERROR},
    {"Exception in thread", MC_REASON_SERVER_ERROR},
    {"Uncaught exception", MC_REASON_SERVER_ERROR},
    {"Can't locate ", MC_REASON_SERVER_ERROR},
    {"mail transport error", MC_REASON_SERVER_ERROR}, /* Postfix */
    {"mail transport unavailable", MC_REASON_SERVER_ERROR},
    {"DBD::", MC_REASON_SERVER_ERROR},
    {"unknown database", MC_REASON_SERVER_ERROR},
    {"unknown column", MC_REASON_SERVER_ERROR},
    {"Segmentation fault", MC_REASON_SERVER_ERROR},
    {"command not found", MC_REASON_SERVER_ERROR},
    {"chdir to maildir", MC_REASON_SERVER_ERROR},
    {"failed to open mailbox", MC_REASON_SERVER_ERROR},
    {"no space left on device", MC_REASON_SERVER_ERROR},
    {"lookup failed temporarily", MC_REASON_DNS_FAILED},
    {"CNAME lookup failed temporarily", MC_REASON_DNS_FAILED},
    {"SMTPUTF8 is required", MC_REASON_NO_SMTPUTF8},
    {"nullmx", MC_REASON_NULL_MX},
    {"null mx", MC_REASON_NULL_MX},
    {"does not accept mail (null", MC_REASON_NULL_MX},
    {"responded with code NOERROR", MC_REASON_NO_MAIL_SERVER},
    {"no mail exchanger", MC_REASON_NO_MAIL_SERVER},
    {"no mail servers appear", MC_REASON_NO_MAIL_SERVER},
    {"no MX or A for domain", MC_REASON_NO_MAIL_SERVER},
    {"find a mail exchanger", MC_REASON_NO_MAIL_SERVER},
    {"all relevant MX records point to non-existent hosts", MC_REASON_NO_MAIL_SERVER},
    {"Unable to find MX", MC_REASON_NO_MAIL_SERVER},
    {"an MX or SRV record indicated no SMTP service", MC_REASON_NULL_MX},
    {"no DNS MX", MC_REASON_NO_MAIL_SERVER},
    {"No MX found for domain", MC_REASON_NO_MAIL_SERVER},
    {"No MX for ", MC_REASON_NO_MAIL_SERVER},
    {"no MX or A", MC_REASON_NO_MAIL_SERVER},
    {"type=MX: host found but no data", MC_REASON_NO_MAIL_SERVER},
    {"host found but no data record", MC_REASON_NO_MAIL_SERVER},
    {"is not responding", MC_REASON_CONNECT_FAILED},
    {"not reachable", MC_REASON_CONNECT_FAILED},
    {"destination computer was", MC_REASON_NO_SUCH_DOMAIN}, /* not found, over two lines */
    {"destination system of this message could not be found", MC_REASON_NO_SUCH_DOMAIN},
    {"destination email system is unknown or invalid", MC_REASON_NO_SUCH_DOMAIN},
    {"no such host", MC_REASON_NO_SUCH_DOMAIN},
    {"NXDOMAIN", MC_REASON_NO_SUCH_DOMAIN},
    {"Host not found", MC_REASON_NO_SUCH_DOMAIN},
    {"host unknown", MC_REASON_NO_SUCH_DOMAIN},
    {"unknown host", MC_REASON_NO_SUCH_DOMAIN},
    {"no such domain", MC_REASON_NO_SUCH_DOMAIN},
    {"unknown domain", MC_REASON_NO_SUCH_DOMAIN},
    {"bad destination host", MC_REASON_NO_SUCH_DOMAIN},
    {"bad destination system", MC_REASON_NO_SUCH_DOMAIN},
    {"illegal host/domain name", MC_REASON_NO_SUCH_DOMAIN},
    {"find any host named", MC_REASON_NO_SUCH_DOMAIN},
    {"find any host by that name", MC_REASON_NO_SUCH_DOMAIN},
    {"cannot find your recipient's domain", MC_REASON_NO_SUCH_DOMAIN},
    {"domain name not found", MC_REASON_NO_SUCH_DOMAIN},
    {"domain was not found", MC_REASON_NO_SUCH_DOMAIN},
    {"non-existent domain", MC_REASON_NO_SUCH_DOMAIN},
    {"nonexistent domain", MC_REASON_NO_SUCH_DOMAIN},
    {"domain does not exist", MC_REASON_NO_SUCH_DOMAIN},
    {"domain doesn't exist", MC_REASON_NO_SUCH_DOMAIN},
    {"domain couldn't be found", MC_REASON_NO_SUCH_DOMAIN},
    {"couldn't be found. Check for unnecessary spaces", MC_REASON_NO_SUCH_DOMAIN},
    {"not listed in Domino Directory domain", MC_REASON_NO_SUCH_MAILBOX},
    {"no route found to domain", MC_REASON_NO_SUCH_DOMAIN},
    {"no valid hosts", MC_REASON_NO_SUCH_DOMAIN},
    {"Name or service not known", MC_REASON_NO_SUCH_DOMAIN},
    {"name service error", MC_REASON_DNS_FAILED},
    {"host lookup did not complete", MC_REASON_DNS_FAILED},
    {"failure in MX lookup", MC_REASON_DNS_FAILED},
    {"no mx record", MC_REASON_NO_SUCH_DOMAIN},
    {"no answer from host", MC_REASON_CONNECT_FAILED},
    {"connection to mail exchanger failed", MC_REASON_CONNECT_FAILED},
    {"connection refused", MC_REASON_CONNECT_FAILED},
    {"connection was refused", MC_REASON_CONNECT_FAILED},
    {"connection reset", MC_REASON_CONNECT_FAILED},
    {"connection was dropped", MC_REASON_CONNECT_FAILED},
    {"connection dropped", MC_REASON_CONNECT_FAILED},
    {"connection frequently dropped", MC_REASON_CONNECT_FAILED},
    {"connection failed", MC_REASON_CONNECT_FAILED},
    {"lost connection", MC_REASON_CONNECT_FAILED},
    {"connection died", MC_REASON_CONNECT_FAILED},
    {"connection closed unexpectedly", MC_REASON_CONNECT_FAILED},
    {"no route to host", MC_REASON_CONNECT_FAILED},
    {"host unreachable", MC_REASON_CONNECT_FAILED},
    {"network is unreachable", MC_REASON_CONNECT_FAILED},
    {"network unreachable", MC_REASON_CONNECT_FAILED},
    {"unable to connect", MC_REASON_CONNECT_FAILED},
    {"unable to establish an SMTP connection", MC_REASON_CONNECT_FAILED},
    {"establish an SMTP connection", MC_REASON_CONNECT_FAILED},
    {"could not connect", MC_REASON_CONNECT_FAILED},
    {"couldn't connect", MC_REASON_CONNECT_FAILED},
    {"cannot connect", MC_REASON_CONNECT_FAILED},
    {"error connecting to", MC_REASON_CONNECT_FAILED},
    {"failed to connect", MC_REASON_CONNECT_FAILED},
    {"all hosts have been failing", MC_REASON_CONNECT_FAILED},
    {"have been failing for a long time", MC_REASON_CONNECT_FAILED},
    {"Network error on destination", MC_REASON_CONNECT_FAILED},
    {"server is not responding", MC_REASON_CONNECT_FAILED},
    {"server did not respond", MC_REASON_CONNECT_FAILED},
    {"host not responding", MC_REASON_CONNECT_FAILED},
    {"mail loop", MC_REASON_SERVER_ERROR},
    {"loops back", MC_REASON_SERVER_ERROR},
    {"too many hops", MC_REASON_SERVER_ERROR},
    {"hop count", MC_REASON_SERVER_ERROR},
    {"routing loop", MC_REASON_SERVER_ERROR},
    {"无法连接", MC_REASON_CONNECT_FAILED},
    {"無法連線", MC_REASON_CONNECT_FAILED},
    {"接続できません", MC_REASON_CONNECT_FAILED},
    {"연결할 수 없", MC_REASON_CONNECT_FAILED},
    {"не удалось соедин", MC_REASON_CONNECT_FAILED},
    {"не удалось подкл", MC_REASON_CONNECT_FAILED},
    {"Verbindung fehlgeschlagen", MC_REASON_CONNECT_FAILED},
    {"Cannot send message for", MC_REASON_TIMEOUT},
    {"timed out", MC_REASON_TIMEOUT},
    {"超时", MC_REASON_TIMEOUT},
    {"逾時", MC_REASON_TIMEOUT},
    {"タイムアウト", MC_REASON_TIMEOUT},
    {"시간이 초과", MC_REASON_TIMEOUT},
    {"시간 초과", MC_REASON_TIMEOUT},
    {"시간이 만료", MC_REASON_TIMEOUT},
    {"Zeitüberschreitung", MC_REASON_TIMEOUT},
    {"délai dépassé", MC_REASON_TIMEOUT},
    {"tiempo de espera", MC_REASON_TIMEOUT},
    {"tempo scaduto", MC_REASON_TIMEOUT},
    {"timedout", MC_REASON_TIMEOUT},
    {"time out", MC_REASON_TIMEOUT},
    {"timeout", MC_REASON_TIMEOUT},
    {"retry time not reached", MC_REASON_TIMEOUT},
    {"queue too long", MC_REASON_TIMEOUT},
    {"delivery time expired", MC_REASON_TIMEOUT},
    {"delivery expired", MC_REASON_TIMEOUT},
    {"message expired", MC_REASON_TIMEOUT},
    {"envelope expired", MC_REASON_TIMEOUT},
    {"exceeded in queue", MC_REASON_TIMEOUT},
    {"exceeded max time", MC_REASON_TIMEOUT},
    {"message timeout", MC_REASON_TIMEOUT},
    {"within the specified time", MC_REASON_TIMEOUT},
    {"could not be delivered within", MC_REASON_TIMEOUT},
    {"within the time limit", MC_REASON_TIMEOUT},
    {"was not delivered within", MC_REASON_TIMEOUT},
    {"could not be delivered for", MC_REASON_TIMEOUT},
    {"couldn't be delivered for", MC_REASON_TIMEOUT},
    {"has been delayed", MC_REASON_TIMEOUT},
    {"retention period", MC_REASON_TIMEOUT},
    {"maximum delivery attempts", MC_REASON_TIMEOUT},
    {" attempts: ", MC_REASON_TIMEOUT}, /* IMail: "Delivery failed 20 attempts: a@b.example" */
    {"allowed queue period", MC_REASON_TIMEOUT},
    {"unable to deliver this message after", MC_REASON_TIMEOUT},
};

static bool trouble(struct mc_span text, enum mc_reason *reason)
{
    text.len = mc_bounce_find(text, "(delivery attempts"); /* IronPort counts them */
    size_t i =
        mc_bounce_find_any(text, &troubles[0].words, MC_ARRAY_LEN(troubles), sizeof troubles[0]);
    if (i < MC_ARRAY_LEN(troubles))
        *reason = troubles[i].reason;
    return i < MC_ARRAY_LEN(troubles);
}

/* Exchange Online writes what it met itself like a reply, "550 5.4.310 DNS domain does not exist":
 * its numbers of the way there begin at 300. */
static bool own_number(struct mc_span text, struct mc_bounce_said *own)
{
    for (size_t i = 0; i + 7 <= text.len && i < 80; i++)
        if ((text.at[i] == '4' || text.at[i] == '5') && !memcmp(text.at + i + 1, ".4.3", 4) &&
            mc_is_digit(text.at[i + 5]) && mc_is_digit(text.at[i + 6]))
            return mc_bounce_status(mc_span(text.at + i, text.len - i), own);
    return false;
}

/* The words of a remote server, or only of the host that gave up? */
bool mc_bounce_quotes_reply(struct mc_span text)
{
    const char *at = text.at, *end = text.at + text.len;
    for (; (at = mc_find_either(mc_span(at, (size_t)(end - at)), '4', '5')) && end - at > 3; at++) {
        size_t i = (size_t)(at - text.at);
        if (!mc_is_digit(text.at[i + 1]) || !mc_is_digit(text.at[i + 2]))
            continue;
        char before = i ? text.at[i - 1] : ' ', after = text.at[i + 3];
        if ((after == ' ' || after == '-' || after == ':') && strchr(" \n:;<>('\"#", before) &&
            text.at[i + 1] <= '7')
            return true;
    }
    return false;
}

bool mc_bounce_status(struct mc_span text, struct mc_bounce_said *said)
{
    unsigned number[3] = {0}, part = 0, digits = 0;
    text = mc_bounce_trim(text);
    for (size_t i = 0; i < text.len && part < 3; i++) {
        char c = text.at[i];
        if (mc_is_digit(c) && digits < 3) {
            number[part] = number[part] * 10 + (unsigned)(c - '0');
            digits++;
        } else if (c == '.' && digits && part < 2) {
            part++;
            digits = 0;
        } else if (digits || part || (c != '#' && c != '(' && c != ' ')) {
            break;
        }
    }
    if (part != 2 || !digits || (number[0] != 2 && number[0] != 4 && number[0] != 5))
        return false;
    said->class = (uint8_t)number[0];
    said->subject = (uint16_t)number[1];
    said->detail = (uint16_t)number[2];
    return true;
}

static bool is_reply_line(struct mc_span line)
{
    return line.len > 3 && (line.at[0] == '4' || line.at[0] == '5') && mc_is_digit(line.at[1]) &&
           mc_is_digit(line.at[2]) && (line.at[3] == ' ' || line.at[3] == '-');
}

/* The part of a line that is not the Subject: of the message that failed, which may say anything.
 */
static struct mc_span without_subject(struct mc_span line)
{
    static const char *const marks[] = {"subject:", "with subject ", "subject \""};
    if (!mc_bounce_has(line, "subject"))
        return mc_bounce_trim(line);
    for (size_t i = 0; i < MC_ARRAY_LEN(marks); i++)
        line.len = mc_bounce_find(line, marks[i]);
    return mc_bounce_trim(line);
}

/* "<<< 550 ...", "<-- 550 ...": of a transcript, without the mark. */
static struct mc_span without_arrow(struct mc_span line)
{
    if (line.len && line.at[0] == '<' &&
        (mc_bounce_starts(line, "<<<") || mc_bounce_starts(line, "<--")))
        return mc_bounce_trim(mc_span(line.at + 3, line.len - 3));
    return line;
}

/* Reports fold the lines of a reply wherever they like: only those that begin with a code are
 * lines of their own. */
static struct mc_span unfolded(struct mc_span text, char *out, size_t size)
{
    size_t len = 0;
    bool subject = mc_bounce_has(text, "subject");
    while (text.len && len + 1 < size) {
        struct mc_span line = mc_bounce_line(&text);
        line = without_arrow(subject ? without_subject(line) : mc_bounce_trim(line));
        if (!line.len)
            continue;
        if (len)
            out[len++] = is_reply_line(line) ? '\n' : ' ';
        if (line.len > size - len)
            line.len = size - len;
        memcpy(out + len, line.at, line.len);
        if (!len && line.len > 4 && line.at[3] == ':' && line.at[4] == ' ' &&
            mc_is_digit(line.at[0]) && mc_is_digit(line.at[1]) && mc_is_digit(line.at[2]))
            out[3] = ' '; /* "554: 30 Sorry, ..." */
        len += line.len;
    }
    return mc_span(out, len);
}

/* A rule that only repeats the number, where the Status may know better. */
static bool is_weak(const struct mc_ruling *ruling, struct mc_span text)
{
    static const char *const weak[] = {"nothing", "nothing known", "code",
                                       "syntax",  "weather",       "expired"};
    static const char *const refusals[] = {"reject", "refus",  "denied",    "block",
                                           "accept", "拒",     "abgelehnt", "rechaz",
                                           "rifiut", "отклон", "odrzuc"};
    /* "could not be delivered" is what every report says, whoever is to blame */
    if (!strcmp(ruling->rule, "refused") && !mc_bounce_quotes_reply(text)) {
        return !mc_bounce_has_any(text, refusals, MC_ARRAY_LEN(refusals));
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(weak); i++)
        if (!strcmp(ruling->rule, weak[i]))
            return true;
    return false;
}

static bool is_telling(struct mc_span text)
{
    enum mc_reason reason;
    char flat[MC_REPLY_TEXT_MAX];
    struct mc_bounce_said said = {.text = unfolded(text, flat, sizeof flat)};
    if (!said.text.len)
        return false;
    struct mc_ruling ruling = mc_bounce_ruling(&said, false);
    return !is_weak(&ruling, said.text) || trouble(said.text, &reason);
}

/* The same text is asked about several times on the way from a message to its verdict. */
bool mc_bounce_is_telling(struct mc_span text)
{
    static struct {
        struct mc_hash128 of;
        bool known, telling;
    } answers[ANSWERS];
    if (!text.len)
        return false;
    struct mc_hash128 hash = mc_hash128(text);
    size_t at = hash.low % ANSWERS;
    if (!answers[at].known || answers[at].of.low != hash.low || answers[at].of.high != hash.high) {
        answers[at].telling = is_telling(text);
        answers[at].of = hash;
        answers[at].known = true;
    }
    return answers[at].telling;
}

/* RFC 3463: what the number alone says of the way there. */
static enum mc_reason by_status(const struct mc_bounce_said *said, enum mc_reason otherwise)
{
    static const struct {
        uint8_t class;
        uint16_t subject, detail;
        enum mc_reason reason;
    } codes[] = {
        {5, 1, 1, MC_REASON_NO_SUCH_MAILBOX},  {5, 1, 2, MC_REASON_NO_SUCH_DOMAIN},
        {5, 1, 10, MC_REASON_NO_SUCH_MAILBOX}, {5, 1, 3, MC_REASON_NO_SUCH_MAILBOX},
        {5, 1, 6, MC_REASON_NO_SUCH_MAILBOX},  {5, 2, 1, MC_REASON_MAILBOX_DISABLED},
        {5, 2, 2, MC_REASON_MAILBOX_FULL},     {4, 2, 2, MC_REASON_MAILBOX_FULL},
        {5, 4, 1, MC_REASON_CONNECT_FAILED},   {4, 4, 1, MC_REASON_CONNECT_FAILED},
        {5, 4, 2, MC_REASON_CONNECT_FAILED},   {4, 4, 2, MC_REASON_CONNECT_FAILED},
        {5, 4, 3, MC_REASON_DNS_FAILED},       {4, 4, 3, MC_REASON_DNS_FAILED},
        {5, 4, 4, MC_REASON_NO_SUCH_DOMAIN},   {5, 4, 310, MC_REASON_NO_SUCH_DOMAIN},
        {5, 4, 7, MC_REASON_TIMEOUT},          {4, 4, 7, MC_REASON_TIMEOUT},
        {4, 4, 4, MC_REASON_DNS_FAILED},       {4, 4, 310, MC_REASON_DNS_FAILED},
        {4, 4, 312, MC_REASON_DNS_FAILED},     {5, 4, 312, MC_REASON_DNS_FAILED},
        {4, 4, 316, MC_REASON_CONNECT_FAILED}, {5, 4, 316, MC_REASON_CONNECT_FAILED},
        {4, 4, 317, MC_REASON_CONNECT_FAILED}, {5, 4, 317, MC_REASON_CONNECT_FAILED},
        {4, 4, 318, MC_REASON_CONNECT_FAILED}, {5, 4, 318, MC_REASON_CONNECT_FAILED},
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(codes); i++)
        if (said->class == codes[i].class && said->subject == codes[i].subject &&
            said->detail == codes[i].detail)
            return codes[i].reason;
    return otherwise;
}

bool mc_bounce_status_tells(const struct mc_bounce_said *said)
{
    return by_status(said, MC_REASON_COUNT) != MC_REASON_COUNT;
}

/* An ambiguous refusal counts where its enhanced code says which mailbox is meant, and nothing in
 * its text objected: a real message came back, no probe. */
static bool names_mailbox(const struct mc_bounce_said *said)
{
    return mc_bounce_has(said->text, "5.1.1 ") || mc_bounce_has(said->text, "5.2.1 ") ||
           mc_bounce_has(said->text, "5.1.10 ") ||
           (said->class == 5 && ((said->subject == 1 && said->detail == 1) ||
                                 (said->subject == 2 && said->detail == 1)));
}

static enum mc_reason judge(const struct mc_bounce_said *said, const char **rule)
{
    enum mc_reason reason;
    struct mc_bounce_said own = {0};
    if (own_number(said->text, &own) &&
        (reason = by_status(&own, MC_REASON_COUNT)) != MC_REASON_COUNT)
        return reason;
    bool remote = mc_bounce_quotes_reply(said->text);
    struct mc_ruling ruling = mc_bounce_ruling(said, false);
    bool weak = is_weak(&ruling, said->text);
    if ((!remote || weak || ruling.reason == MC_REASON_DOMAIN_NOT_SERVED) &&
        trouble(said->text, &reason) &&
        (!remote || weak || mc_bounce_kind_of(reason) == MC_BOUNCE_HARD))
        return reason;
    if (weak && said->class) {
        reason = remote ? MC_REASON_COUNT : by_status(said, MC_REASON_COUNT);
        if (reason != MC_REASON_COUNT)
            return reason;
        ruling = mc_bounce_ruling(said, true);
        if (is_weak(&ruling, said->text) && ruling.surety == MC_SURE && !remote)
            return by_status(said, ruling.reason == MC_REASON_BLOCKED ? MC_REASON_SERVER_ERROR
                                                                      : ruling.reason);
    } else if (weak && !remote) {
        return MC_REASON_SERVER_ERROR;
    }
    /* "larger than the current system limit or the recipient's mailbox is full": the number knows
     */
    if (ruling.reason == MC_REASON_MAILBOX_FULL && said->class == 5 && said->subject == 2 &&
        said->detail == 3 && mc_bounce_has(said->text, "larger"))
        return MC_REASON_BLOCKED;
    *rule = ruling.rule;
    /* the sending host found no such domain: a server that answered would be there */
    if (!remote && ruling.reason == MC_REASON_DOMAIN_NOT_SERVED &&
        (!strcmp(ruling.rule, "domain-unknown") || !strcmp(ruling.rule, "host-unknown")))
        return MC_REASON_NO_SUCH_DOMAIN;
    if (ruling.surety == MC_AMBIGUOUS && !names_mailbox(said)) /* a program's trouble, or a no */
        return weak && !remote ? MC_REASON_SERVER_ERROR : MC_REASON_BLOCKED;
    return ruling.reason;
}

enum mc_reason mc_bounce_judge(const struct mc_bounce_said *said, const char **rule)
{
    const char *decided = NULL;
    char flat[MC_REPLY_TEXT_MAX];
    struct mc_bounce_said unfolded_said = *said;
    unfolded_said.text = unfolded(said->text, flat, sizeof flat);
    enum mc_reason reason = judge(&unfolded_said, &decided);
    if (rule)
        *rule = decided;
    if (reason == MC_REASON_ACCEPTED || reason == MC_REASON_UNPROVEN)
        reason = MC_REASON_SERVER_ERROR; /* a report of a failure that quotes a success */
    if (said->delayed && mc_bounce_kind_of(reason) == MC_BOUNCE_HARD)
        return reason == MC_REASON_NO_SUCH_DOMAIN || reason == MC_REASON_NO_MAIL_SERVER
                   ? MC_REASON_DNS_FAILED
                   : MC_REASON_SERVER_ERROR;
    return reason;
}
