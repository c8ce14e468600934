/* The bytes of a file, a pipe or memory as text: unpacked where they are gzip, in UTF-8 where they
 * are UTF-16, with line feeds where they have bare carriage returns. What is not yet dropped is one
 * piece, the window, which grows and moves along, so that input of any size takes little memory.
 *
 * Knows nothing of what the text says, and prints nothing. */
#ifndef MC_BOUNCE_INPUT_H
#define MC_BOUNCE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum mc_input_state {
    MC_INPUT_OPEN,
    MC_INPUT_ENDED,
    MC_INPUT_FAILED,  /* `error` says the errno */
    MC_INPUT_DAMAGED, /* what could be unpacked is in the window */
    MC_INPUT_BOMB     /* unpacks to far more than text ever does */
};

struct mc_input_layers; /* gzip and UTF-16, where there are any */

/* {0} is one that was never opened. Private to input.c but for state and error. */
struct mc_input {
    enum mc_input_state state;
    int error;
    int fd; /* -1: memory */
    struct mc_span memory;
    uint64_t expected; /* bytes of a regular file still to come; UINT64_MAX where nobody knows */
    struct mc_text text;
    size_t at;
    bool bare_returns, regular;
    struct mc_input_layers *layers;
    /* called before a read that may have to wait; NULL: nobody */
    void (*waiting)(void *arg);
    void *waiting_arg;
};

/* Borrows the descriptor, or the bytes. The input may be one that was read before: its room is used
 * again. A read that fails at once leaves state MC_INPUT_FAILED. */
void mc_input_open(struct mc_input *input, int fd);
/* The same of a regular file that was just opened, without asking for its size: one call less for
 * each of many small ones. */
void mc_input_open_regular(struct mc_input *input, int fd);
void mc_input_open_bytes(struct mc_input *input, struct mc_span bytes);
void mc_input_free(struct mc_input *input);

/* Valid until the next call. */
static inline struct mc_span mc_input_window(const struct mc_input *input)
{
    return mc_span(input->text.at ? input->text.at + input->at : "", input->text.len - input->at);
}
/* Nothing more comes: it need not even be tried. */
bool mc_input_is_whole(const struct mc_input *input);
/* Makes the window longer; false where there is no more. */
bool mc_input_more(struct mc_input *input);
/* Until the window has `len` bytes, or there is no more. */
struct mc_span mc_input_fill(struct mc_input *input, size_t len);
void mc_input_drop(struct mc_input *input, size_t len);

#endif
