#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

static enum mc_log_level shown = MC_LOG_WARNING;
static void (*before_line)(void);

void mc_log_set_level(enum mc_log_level level)
{
    shown = level;
}

enum mc_log_level mc_log_level(void)
{
    return shown;
}

void mc_log_set_before(void (*before)(void))
{
    before_line = before;
}

void mc_log(enum mc_log_level level, const char *format, ...)
{
    int kept_errno = errno;
    if (level <= shown) {
        struct mc_text raw = {0}, line = {0};
        va_list args;
        va_start(args, format);
        mc_text_vprintf(&raw, format, args);
        va_end(args);
        mc_text_add_z(&line, level == MC_LOG_WARNING ? "mailcheck: warning: " : "mailcheck: ");
        mc_text_add_printable(&line, mc_text_span(&raw), SIZE_MAX);
        mc_text_add_char(&line, '\n');
        if (before_line)
            before_line();
        fwrite(line.at, 1, line.len, stderr);
        mc_text_free(&raw);
        mc_text_free(&line);
    }
    errno = kept_errno;
}
