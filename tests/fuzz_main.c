/* Runs a fuzzer (tests/fuzz) over the files it is given: its corpus as a plain test, or the one
 * file of a crash. */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file || fseek(file, 0, SEEK_END))
            err(1, "%s", argv[i]);
        long size = ftell(file);
        rewind(file);
        /* Exactly as large as the input, so that a sanitizer sees the first byte beyond it. */
        uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
        if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
            err(1, "%s", argv[i]);
        fclose(file);
        printf("%s\n", argv[i]);
        fflush(stdout);
        LLVMFuzzerTestOneInput(data, (size_t)size);
        free(data);
    }
    return 0;
}
