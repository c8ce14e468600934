/* Any bytes as a list file of each kind, and as what the lists are asked about. A file is read or
 * refused with file and line; a suggestion is never the domain itself nor longer than a domain. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "lists/list_file.h"
#include "lists/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_entry(void *arg, const struct mc_list_entry *entry)
{
    (void)arg;
    MC_ASSERT(entry->key.len > 0 && entry->key.len < MC_LOCAL_KEY_SIZE + 256);
    for (size_t i = 0; i < entry->key.len; i++)
        MC_ASSERT(entry->key.at[i] != '\n');
}

static void read_as_lists(const uint8_t *bytes, size_t size)
{
    char path[64], error[512] = "";
    struct mc_list_header header = {0};
    int file = memfd_create("list", 0);
    MC_ASSERT(file >= 0 && write(file, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (size_t i = 0; i < mc_list_kinds_count; i++) {
        long count = mc_list_file_read(path, &mc_list_kinds[i], check_entry, NULL, &header, error,
                                       sizeof error);
        MC_ASSERT(count >= 0 || strncmp(error, path, strlen(path)) == 0);
    }
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char error[512], out[256];
    struct mc_span text = mc_span((const char *)bytes, size);
    struct mc_lists *lists = mc_lists_new(NULL, error, sizeof error);
    MC_ASSERT(lists != NULL);
    mc_lists_is_role(lists, text);
    mc_lists_is_disposable(lists, text);
    mc_lists_is_disposable_mx(lists, text);
    mc_lists_is_free(lists, text);
    mc_lists_is_suppressed(lists, text, text);
    const struct mc_provider *provider = mc_lists_provider(lists, text);
    MC_ASSERT(provider == NULL || provider->id[0] != '\0');
    size_t len = mc_lists_suggest(lists, text, out);
    MC_ASSERT(len < sizeof out);
    MC_ASSERT(len == 0 || !mc_span_equal(mc_span(out, len), text));
    mc_lists_free(lists);
    read_as_lists(bytes, size);
    return 0;
}
