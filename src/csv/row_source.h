/* The bytes of a list, readable anywhere and more than once: a regular file by itself; a pipe
 * through an unlinked temporary file that is written as it is read. For one pass over a pipe the
 * bytes are held in memory only until they were read. Never waits, but in mc_row_source_wait.
 * Knows nothing of rows. */
#ifndef MC_CSV_ROW_SOURCE_H
#define MC_CSV_ROW_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct mc_row_source {
    int fd;
    bool owns_fd, is_stream, single_pass;
    bool ended;    /* nothing comes behind `size` */
    char *name;    /* for messages */
    uint64_t base; /* where in the file the list begins: standard input may have been read from */
    uint64_t size; /* bytes there are so far */
    struct stat at_start;
    int spool;  /* -1: none */
    char *held; /* single pass: the bytes from held_from to size */
    uint64_t held_from;
    size_t held_room;
    char error[512];
};

/* `path` NULL or "-": standard input. False and source->error on failure. */
bool mc_row_source_open(struct mc_row_source *source, const char *path, bool single_pass)
    __attribute__((warn_unused_result));
void mc_row_source_close(struct mc_row_source *source);

/* Takes over what a pipe has ready, at most `limit` bytes. 1: more may come, 0: the end, -1: see
 * source->error. */
int mc_row_source_fill(struct mc_row_source *source, size_t limit);
/* Waits until a pipe has something ready. 1: it has, 0: the time is over, -1: see source->error. */
int mc_row_source_wait(struct mc_row_source *source, int timeout_ms);

/* Up to `len` bytes from `offset` on; 0: none there (the end where source->ended), -1: see
 * source->error. */
ssize_t mc_row_source_read(struct mc_row_source *source, uint64_t offset, char *to, size_t len);
/* Nothing before `offset` will be read again: a single pass gives it up. */
void mc_row_source_forget(struct mc_row_source *source, uint64_t offset);

/* True where a regular file is no longer what it was when it was opened. */
bool mc_row_source_changed(const struct mc_row_source *source);

/* "cannot read list.csv: Is a directory" */
void mc_row_source_fail(struct mc_row_source *source, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
