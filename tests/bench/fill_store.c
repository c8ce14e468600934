/* Fills a store as a run over a list would have, without a network: fill_store STORE LIST, a list
 * as make_list writes it (the address is the third cell). Every fifth address was refused, the
 * others accepted, each domain has its mail server, all of it a moment ago. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address/parse.h"
#include "store/store.h"

static void fill(struct mc_store *store, const struct mc_address *address, uint64_t number)
{
    char host[300];
    int len = snprintf(host, sizeof host, "mx.%.*s", (int)address->domain.len, address->domain.at);
    bool refused = number % 5 == 0;
    const struct mc_news news = {
        .reason = refused ? MC_REASON_NO_SUCH_MAILBOX : MC_REASON_ACCEPTED,
        .source = MC_SOURCE_PROBE,
        .at = time(NULL),
        .mx = mc_span(host, (size_t)len),
        .smtp = mc_span_of(refused ? "RCPT 550 5.1.1 no such user here" : "RCPT 250 2.1.5 Ok"),
    };
    const struct mc_store_domain domain = {
        .outcome = MC_REASON_ACCEPTED,
        .outcome_at = news.at,
        .proof = MC_STORE_PROOF_BEST,
        .proof_at = news.at,
        .best_host = news.mx,
        .detail = mc_span("", 0),
    };
    mc_store_put(store, address->local, address->domain, &news);
    mc_store_put_domain(store, address->domain, &domain);
    if (mc_store_pending(store) >= 10000 && !mc_store_commit(store, true))
        exit(1);
}

int main(int count, char **arguments)
{
    char error[512], *line = NULL;
    size_t room = 0;
    uint64_t number = 0;
    const struct mc_store_options options = {.path = count == 3 ? arguments[1] : ""};
    FILE *list = count == 3 ? fopen(arguments[2], "re") : NULL;
    struct mc_store *store = list ? mc_store_open(&options, error, sizeof error) : NULL;
    if (!store) {
        fprintf(stderr, "fill_store STORE LIST: %s\n", list ? error : "no such list");
        return 1;
    }
    while (getline(&line, &room, list) > 0) {
        struct mc_address address;
        char *cell = strchr(line, ',');
        cell = cell ? strchr(cell + 1, ',') : NULL;
        size_t len = cell ? strcspn(++cell, ",\r\n") : 0;
        if (len && mc_address_parse(mc_span(cell, len), &address) == MC_SYNTAX_OK)
            fill(store, &address, ++number);
    }
    bool ok = mc_store_commit(store, true);
    mc_store_close(store);
    fclose(list);
    free(line);
    return ok ? 0 : 1;
}
