/* Lines for people and for log files, on stderr only. Data never comes here. */
#ifndef MC_BASE_LOG_H
#define MC_BASE_LOG_H

enum mc_log_level { MC_LOG_ERROR, MC_LOG_WARNING, MC_LOG_INFO, MC_LOG_DEBUG };

/* Levels above this one are dropped; MC_LOG_WARNING at the start. */
void mc_log_set_level(enum mc_log_level level);
enum mc_log_level mc_log_level(void);

/* One line, "mailcheck: " before it, hostile bytes masked. */
void mc_log(enum mc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Called before each line is written, to take a progress line off the screen; NULL: nothing. */
void mc_log_set_before(void (*before)(void));

#endif
