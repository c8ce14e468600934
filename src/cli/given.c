#include "cli/given.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define OPTIONS_MAX 128

static struct {
    const char *text, *file; /* file NULL: the command line */
    int line;
    bool given;
} given[OPTIONS_MAX];

char *mc_given_keep(char *text)
{
    static char **kept;
    static size_t count, room;
    kept = mc_grow(kept, count, &room, sizeof *kept);
    return kept[count++] = text;
}

void mc_given_note(const struct mc_option *option, const char *text, const char *file, int line)
{
    size_t at = (size_t)(option - mc_options);
    MC_ASSERT(at < OPTIONS_MAX);
    given[at].text = text;
    given[at].file = file;
    given[at].line = line;
    given[at].given = true;
}

static void print_one(size_t at, const struct mc_settings *settings, FILE *out)
{
    const struct mc_option *option = &mc_options[at];
    struct mc_text value = {0};
    bool known = mc_option_show(option, settings, &value);
    const char *shown = known ? mc_text_z(&value) : given[at].text;
    if (given[at].file)
        fprintf(out, "# %s:%d\n", given[at].file, given[at].line);
    else if (given[at].given)
        fprintf(out, "# command line\n");
    else
        fprintf(out, "# default\n");
    if (shown)
        fprintf(out, "%s = %s\n", option->name, shown);
    else
        fprintf(out, given[at].given ? "%s\n" : "# %s is not set\n", option->name);
    mc_text_free(&value);
}

void mc_given_print(const struct mc_command *command, const struct mc_settings *settings, FILE *out)
{
    for (size_t i = 0; i < mc_option_count; i++)
        if (mc_options[i].commands & command->bit && strcmp(mc_options[i].name, "config") != 0)
            print_one(i, settings, out);
}
