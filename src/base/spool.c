#include "base/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

const char *mc_spool_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

int mc_spool_open(void)
{
    const char *folder = mc_spool_folder();
    int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* not every file system has nameless files */
    size_t size = strlen(folder) + sizeof "/mailcheck.XXXXXX";
    char *name = mc_malloc(size);
    snprintf(name, size, "%s/mailcheck.XXXXXX", folder);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    free(name);
    return fd;
}
