/* The lists, small: providers with limits of the test's choosing. Defines the whole of
 * lists/lists.h, so that the real one stays in the archive; include it in one file of a program. */
#ifndef SIM_FAKE_LISTS_H
#define SIM_FAKE_LISTS_H

#include "lists/lists.h"

struct mc_lists {
    struct mc_provider unknown; /* limits for hosts of no provider */
    struct mc_provider known[4];
    const char *suffix[4];
    size_t count;
};

const struct mc_provider *mc_lists_provider(const struct mc_lists *lists, struct mc_span mx_host)
{
    for (size_t i = 0; i < lists->count; i++)
        if (mc_span_ends_with(mx_host, mc_span_of(lists->suffix[i])))
            return &lists->known[i];
    return NULL;
}

const struct mc_provider *mc_lists_provider_at(const struct mc_lists *lists, size_t index)
{
    for (size_t i = 0; i < lists->count; i++)
        if (lists->known[i].index == index)
            return &lists->known[i];
    return &lists->unknown;
}

const struct mc_provider *mc_lists_default_provider(const struct mc_lists *lists)
{
    return &lists->unknown;
}

size_t mc_lists_provider_count(const struct mc_lists *lists)
{
    return lists->count + 1;
}

struct mc_lists *mc_lists_new(const char *dir, char *error, size_t error_size)
{
    (void)dir, (void)error, (void)error_size;
    return NULL;
}

void mc_lists_free(struct mc_lists *lists)
{
    (void)lists;
}

bool mc_lists_is_role(const struct mc_lists *lists, struct mc_span local)
{
    (void)lists, (void)local;
    return false;
}

bool mc_lists_is_role_looked(const struct mc_lists *lists, struct mc_span local, uint64_t digits,
                             uint64_t separators)
{
    (void)lists, (void)local, (void)digits, (void)separators;
    return false;
}

struct mc_domain_facts mc_lists_domain_facts(const struct mc_lists *lists, struct mc_span domain)
{
    (void)lists, (void)domain;
    return (struct mc_domain_facts){0};
}

bool mc_lists_has_suppressed(const struct mc_lists *lists)
{
    (void)lists;
    return false;
}

bool mc_lists_is_disposable(const struct mc_lists *lists, struct mc_span domain)
{
    (void)lists, (void)domain;
    return false;
}

bool mc_lists_is_disposable_mx(const struct mc_lists *lists, struct mc_span mx_host)
{
    (void)lists, (void)mx_host;
    return false;
}

bool mc_lists_is_free(const struct mc_lists *lists, struct mc_span domain)
{
    (void)lists, (void)domain;
    return false;
}

bool mc_lists_is_suppressed(const struct mc_lists *lists, struct mc_span local,
                            struct mc_span domain)
{
    (void)lists, (void)local, (void)domain;
    return false;
}

size_t mc_lists_suggest(const struct mc_lists *lists, struct mc_span domain, char *out)
{
    (void)lists, (void)domain, (void)out;
    return 0;
}

void mc_lists_describe(const struct mc_lists *lists, FILE *out)
{
    (void)lists, (void)out;
}

#endif
