#include "cli/state_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/given.h"

const char *mc_state_place(void)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct mc_text path = {0};
    /* a relative one is to be ignored, says the XDG base directory specification */
    if (base && base[0] == '/')
        mc_text_printf(&path, "%s/mailcheck/verdicts.db", base);
    else if (home && home[0] == '/')
        mc_text_printf(&path, "%s/.local/state/mailcheck/verdicts.db", home);
    else
        return NULL;
    (void)mc_text_z(&path);
    return mc_given_keep(path.at);
}

/* The file and its folder can be written, or made. Else errno says why not. */
static bool usable(const char *path, bool feeds)
{
    struct mc_text copy = {0};
    mc_text_add_z(&copy, path);
    (void)mc_text_z(&copy);
    char *slash = strrchr(copy.at, '/');
    bool ok = true;
    /* as the specification has it: what is missing is made, for its owner alone */
    for (char *at = copy.at + 1; feeds && ok && at <= slash; at++)
        if (*at == '/') {
            *at = '\0';
            ok = mkdir(copy.at, 0700) == 0 || errno == EEXIST || errno == EROFS ||
                 errno == EACCES; /* of a folder above: what counts is whether ours can be used */
            *at = '/';
        }
    *slash = '\0';
    /* SQLite makes files beside it, so the folder counts as well */
    ok = ok && faccessat(AT_FDCWD, copy.at, W_OK | X_OK, AT_EACCESS) == 0 &&
         (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 || (feeds && errno == ENOENT));
    int why = errno;
    mc_text_free(&copy);
    errno = why;
    return ok;
}

const char *mc_state_store(const struct mc_settings *settings, bool feeds)
{
    if (settings->no_store)
        return NULL;
    if (settings->store &&
        (!settings->usual_store || strcmp(settings->store, settings->usual_store) != 0))
        return feeds || access(settings->store, F_OK) == 0 ? settings->store : NULL;
    if (!settings->store) {
        mc_log(MC_LOG_WARNING, "nothing is remembered: neither XDG_STATE_HOME nor HOME names a "
                               "folder (--store FILE names a file, --no-store says so)");
        return NULL;
    }
    if (usable(settings->store, feeds))
        return settings->store;
    if (feeds || errno != ENOENT)
        mc_log(MC_LOG_WARNING,
               "nothing is remembered: %s cannot be used: %s (--store FILE names another, "
               "--no-store says so)",
               settings->store, strerror(errno));
    return NULL;
}
