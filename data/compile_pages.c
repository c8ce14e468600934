/* Files as arrays of bytes: "dir/page.html" becomes `page_html`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        FILE *file = fopen(argv[i], "rb");
        int c;
        if (!file) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        fputs("static const unsigned char ", stdout);
        for (const char *at = slash ? slash + 1 : argv[i]; *at; at++)
            putchar(*at == '.' || *at == '-' ? '_' : *at);
        fputs("[] = {", stdout);
        for (unsigned long at = 0; (c = getc(file)) != EOF; at++)
            printf(at % 24 ? "%d," : "\n%d,", c);
        puts("\n};");
        fclose(file);
    }
    return EXIT_SUCCESS;
}
