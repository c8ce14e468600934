/* anchor_csv FILE: libcsv merely parsing a file, with callbacks that do nothing. */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>

static void field(void *text, size_t len, void *arg)
{
    (void)text, (void)len, (void)arg;
}

static void row(int end, void *arg)
{
    (void)end, (void)arg;
}

int main(int argc, char **argv)
{
    static char buffer[65536];
    struct csv_parser parser;
    size_t got;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file || csv_init(&parser, 0) != 0)
        return 1;
    setvbuf(file, NULL, _IONBF, 0);
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        if (csv_parse(&parser, buffer, got, field, row, NULL) != got)
            return 1;
    csv_fini(&parser, field, row, NULL);
    csv_free(&parser);
    return 0;
}
