#include "cli/outputs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "cli/command.h"

static bool is_file(const char *path)
{
    return path && strcmp(path, "-") != 0;
}

/* A device, such as /dev/null, is not written over. */
bool mc_outputs_same_file(const char *one, const char *other)
{
    struct stat left, right;
    if (!is_file(one) || !is_file(other))
        return false;
    bool there = stat(one, &left) == 0;
    if (there && !S_ISREG(left.st_mode))
        return false;
    return strcmp(one, other) == 0 || (there && stat(other, &right) == 0 &&
                                       left.st_dev == right.st_dev && left.st_ino == right.st_ino);
}

int mc_outputs_check(const struct mc_settings *settings, const char *list, char *error,
                     size_t error_size)
{
    static const char *const parts[] = {"send.csv", "review.csv", "drop.csv"};
    bool over_list = mc_outputs_same_file(settings->report, list);
    if (over_list || mc_outputs_same_file(settings->report, settings->output)) {
        snprintf(error, error_size,
                 "--report %s would be written over the %s: give it another name", settings->report,
                 over_list ? "list" : "rows of -o");
        return MC_EXIT_USAGE;
    }
    for (size_t i = 0; settings->split && i < MC_ARRAY_LEN(parts); i++) {
        char part[4096];
        snprintf(part, sizeof part, "%s/%s", settings->split, parts[i]);
        if (!mc_outputs_same_file(part, list) && !mc_outputs_same_file(part, settings->output) &&
            !mc_outputs_same_file(part, settings->report))
            continue;
        snprintf(error, error_size,
                 "--split %s would write its %s over another file of this run: name another folder",
                 settings->split, parts[i]);
        return MC_EXIT_USAGE;
    }
    struct stat info;
    bool replaced = is_file(settings->report) && !settings->plan &&
                    (stat(settings->report, &info) != 0 || S_ISREG(info.st_mode));
    if (replaced) {
        struct mc_output output;
        bool ok = mc_output_open(&output, settings->report);
        if (!ok)
            snprintf(error, error_size, "%s", output.error);
        mc_output_abort(&output);
        return ok ? MC_EXIT_OK : MC_EXIT_FAILED;
    }
    return MC_EXIT_OK;
}
