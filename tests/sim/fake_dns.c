#include "fake_dns.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { LATENCY_MS = 10, SILENCE_MS = 10000, RECORDS_MAX = 64, CROWD = 100 };

struct question {
    struct question *next;
    struct mc_dns *dns;
    enum mc_dns_type type;
    bool was_silent;
    void (*answered)(void *arg, const struct mc_dns_answer *answer);
    void *arg;
    struct mc_timer timer;
    char name[256];
};

struct mc_dns {
    struct mc_loop *loop;
    const char *zone;
    struct question *questions; /* all there ever were */
    size_t under_way;
};

static const char *const type_names[] = {"MX", "A", "AAAA"};

static const struct {
    const char *word;
    enum mc_dns_status status;
} failures[] = {
    {"SERVFAIL", MC_DNS_SERVFAIL}, {"REFUSED", MC_DNS_REFUSED}, {"TIMEOUT", MC_DNS_TIMEOUT},
    {"BAD", MC_DNS_BAD},           {"LOCAL", MC_DNS_LOCAL},     {"NXDOMAIN", MC_DNS_NOT_FOUND},
    {"SILENT", MC_DNS_TIMEOUT},
};

/* The next word of the record at `at`, "" at its end. */
static struct mc_span word(const char **at)
{
    *at += strspn(*at, " ");
    struct mc_span found = mc_span(*at, strcspn(*at, " ;\n"));
    *at += found.len;
    return found;
}

static bool failure(struct mc_span value, enum mc_dns_status *status)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(failures); i++)
        if (mc_span_equal(value, mc_span_of(failures[i].word))) {
            *status = failures[i].status;
            return true;
        }
    return false;
}

struct records {
    size_t count;
    struct mc_dns_mx mx[RECORDS_MAX];
    struct in_addr a[RECORDS_MAX];
    struct in6_addr aaaa[RECORDS_MAX];
    char text[RECORDS_MAX][256];
};

static void add(struct records *records, enum mc_dns_type type, struct mc_span value,
                struct mc_span host)
{
    size_t i = records->count++;
    struct mc_span text = type == MC_DNS_MX ? host : value;
    MC_ASSERT(i < RECORDS_MAX && text.len && text.len < sizeof records->text[i]);
    memcpy(records->text[i], text.at, text.len);
    records->text[i][text.len] = '\0';
    if (type == MC_DNS_A) {
        MC_ASSERT(inet_pton(AF_INET, records->text[i], &records->a[i]) == 1);
    } else if (type == MC_DNS_AAAA) {
        MC_ASSERT(inet_pton(AF_INET6, records->text[i], &records->aaaa[i]) == 1);
    } else {
        uint64_t preference;
        MC_ASSERT(mc_parse_u64(value, UINT16_MAX, &preference));
        if (records->text[i][text.len - 1] == '.')
            records->text[i][text.len - 1] = '\0';
        records->mx[i] = (struct mc_dns_mx){(uint16_t)preference, records->text[i]};
    }
}

static void on_due(void *arg)
{
    struct question *question = arg;
    static struct records records;
    records.count = 0;
    struct mc_dns_answer answer = {.status = MC_DNS_NOT_FOUND};
    for (const char *at = question->dns->zone; *at; at += strspn(at, "; \n")) {
        struct mc_span name = word(&at), type = word(&at), value = word(&at), host = word(&at);
        at += strcspn(at, ";\n");
        if (!mc_span_equal(name, mc_span_of(question->name)))
            continue;
        if (answer.status == MC_DNS_NOT_FOUND)
            answer.status = MC_DNS_NO_DATA;
        if (!mc_span_equal(type, mc_span_of(type_names[question->type])))
            continue;
        if (mc_span_equal(value, mc_span_of("SILENT")) && !question->was_silent) {
            question->was_silent = true;
            mc_timer_set(&question->timer, mc_loop_now_ms(question->dns->loop) + SILENCE_MS);
            return;
        }
        if (failure(value, &answer.status))
            break;
        add(&records, question->type, value, host);
        answer.status = MC_DNS_OK;
    }
    answer.count = records.count;
    answer.mx = question->type == MC_DNS_MX ? records.mx : NULL;
    answer.a = question->type == MC_DNS_A ? records.a : NULL;
    answer.aaaa = question->type == MC_DNS_AAAA ? records.aaaa : NULL;
    question->dns->under_way--;
    question->answered(question->arg, &answer);
}

struct mc_dns *sim_dns_new(struct mc_loop *loop, const char *zone)
{
    struct mc_dns *dns = mc_calloc(1, sizeof *dns);
    *dns = (struct mc_dns){.loop = loop, .zone = zone};
    return dns;
}

struct mc_dns *mc_dns_new(struct mc_loop *loop, const struct mc_dns_options *options, char *error,
                          size_t error_size)
{
    (void)error, (void)error_size;
    return sim_dns_new(loop, options->servers ? options->servers : "");
}

void mc_dns_free(struct mc_dns *dns)
{
    if (!dns)
        return;
    while (dns->questions) {
        struct question *question = dns->questions;
        dns->questions = question->next;
        mc_timer_cancel(&question->timer);
        free(question);
    }
    free(dns);
}

void mc_dns_ask(struct mc_dns *dns, enum mc_dns_type type, const char *name,
                void (*answered)(void *arg, const struct mc_dns_answer *answer), void *arg)
{
    struct question *question = mc_calloc(1, sizeof *question);
    *question = (struct question){
        .next = dns->questions, .dns = dns, .type = type, .answered = answered, .arg = arg};
    MC_ASSERT(strlen(name) < sizeof question->name);
    memcpy(question->name, name, strlen(name) + 1);
    dns->questions = question;
    dns->under_way++;
    mc_timer_init(&question->timer, dns->loop, on_due, question);
    mc_timer_set(&question->timer, mc_loop_now_ms(dns->loop) + LATENCY_MS);
}

bool mc_dns_has_room(const struct mc_dns *dns)
{
    return dns->under_way < CROWD;
}

uint64_t mc_dns_questions(const struct mc_dns *dns)
{
    uint64_t count = 0;
    for (const struct question *question = dns->questions; question; question = question->next)
        count++;
    return count;
}

unsigned sim_dns_asked(const struct mc_dns *dns, enum mc_dns_type type, const char *name)
{
    unsigned count = 0;
    for (const struct question *question = dns->questions; question; question = question->next)
        count += question->type == type && (!name || strcmp(question->name, name) == 0);
    return count;
}
