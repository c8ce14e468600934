/* One SMTP dialogue as a state machine: what was heard goes in, what to say comes out. No socket,
 * no clock, no classifier; the caller brings replies with their rulings.
 *
 * It never speaks inside mc_dialogue_hear: when nothing is awaited any more it asks for
 * mc_dialogue_go, which the caller calls once the input is drained, so that a line nobody asked
 * for is met before anything is said to it. Lock-step is pipelining with a window of one command.
 *
 * It says EHLO, HELO, STARTTLS, MAIL, RCPT, RSET, QUIT and nothing else. */
#ifndef MC_SMTP_DIALOGUE_H
#define MC_SMTP_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/batch.h"
#include "verdict/classify.h"
#include "verdict/reply.h"

/* What is awaited. In all states but READY and ENDED something was sent, or the connection just
 * came up, and the caller keeps a deadline. */
enum mc_dialogue_state {
    MC_DIALOGUE_GREETING, /* connected; the whole greeting */
    MC_DIALOGUE_EHLO,
    MC_DIALOGUE_HELO,
    MC_DIALOGUE_STARTTLS,
    MC_DIALOGUE_TLS,   /* the handshake */
    MC_DIALOGUE_RSET,  /* the oldest of the commands under way is RSET ... */
    MC_DIALOGUE_MAIL,  /* ... MAIL ... */
    MC_DIALOGUE_RCPT,  /* ... RCPT */
    MC_DIALOGUE_READY, /* nothing: mc_dialogue_go speaks next */
    MC_DIALOGUE_ENDED, /* nothing, ever */
    MC_DIALOGUE_STATE_COUNT
};

enum mc_dialogue_event {
    MC_HEARD_GOOD,    /* 2xx */
    MC_HEARD_GO_ON,   /* 3xx: no command of ours asks for it */
    MC_HEARD_LATER,   /* 4xx but 421 */
    MC_HEARD_NEVER,   /* 5xx */
    MC_HEARD_LEAVING, /* 421, or a recipient's reply that says that the server hangs up */
    MC_HEARD_GARBAGE, /* no SMTP reply, or one without end */
    MC_HEARD_TLS_UP,
    MC_HEARD_TLS_FAILED,
    MC_HEARD_CLOSED,  /* end of file, reset */
    MC_HEARD_SILENCE, /* the deadline passed */
    MC_HEARD_COUNT
};

enum mc_dialogue_action {
    MC_DIALOGUE_WAIT,      /* for the next event, with a deadline */
    MC_DIALOGUE_GO,        /* call mc_dialogue_go when the input is drained */
    MC_DIALOGUE_START_TLS, /* nothing may be left in the input */
    MC_DIALOGUE_QUIT,      /* ended: say QUIT, take leave */
    MC_DIALOGUE_CLOSE,     /* ended: just close; where quit_said, take leave */
};

struct mc_dialogue_step {
    enum mc_dialogue_action action;
    uint32_t settled; /* the item of the batch that this reply answers for good, or MC_NONE */
    bool against;     /* this reply speaks against the whole session */
};

enum mc_dialogue_end {
    MC_END_NONE,
    MC_END_DONE,    /* nobody left to ask, or enough asked */
    MC_END_REFUSED, /* the greeting, EHLO, RSET or MAIL was refused */
    MC_END_LEAVING, /* 421 and the like */
    MC_END_HANG_UP,
    MC_END_SILENCE,
    MC_END_GARBAGE,
    MC_END_TLS, /* the handshake failed */
};

/* What sessions learn about a server, kept with the peer. Counts: 0 is not known. */
struct mc_habits {
    bool helo_only;   /* hangs up at EHLO */
    bool lock_step;   /* offers PIPELINING and cannot bear it */
    bool wants_tls;   /* insists on STARTTLS */
    bool tls_broken;  /* and cannot do it */
    bool no_smtputf8; /* its last EHLO did not offer it */
    bool quits_apart; /* a QUIT right behind the last recipient costs that one's answer */
    uint16_t transaction_rcpts;
    uint16_t session_rcpts;
    uint16_t session_refusals;
    uint16_t session_transactions;
};

struct mc_dialogue_names {
    struct mc_span helo, mail_from;
};

/* For the next window, to be set before mc_dialogue_go. */
struct mc_dialogue_limits {
    uint32_t window; /* RCPT commands until mc_dialogue_wants_more */
    uint32_t transaction_rcpts;
    uint32_t transactions; /* of the session */
    uint32_t refusals;     /* of the session */
    uint32_t refusals_in_row;
    bool last; /* nobody will follow: QUIT may go with it, and its reply is one wait less */
};

struct mc_dialogue_cursor {
    uint32_t item;
    uint8_t phase;
};

struct mc_dialogue {
    const struct mc_dialogue_names *names;
    struct mc_batch batch;
    struct mc_habits habits;
    struct mc_dialogue_limits limits;
    struct mc_dialogue_cursor sent, replied; /* between them: the commands under way */
    uint8_t state;                           /* enum mc_dialogue_state */
    uint8_t next;                            /* what READY says next */
    uint8_t end;                             /* enum mc_dialogue_end */
    uint8_t end_stage;                       /* enum mc_stage */
    bool greeted, spoken, tls;
    bool pipelining, starttls, smtputf8; /* offered by the last EHLO */
    bool insists;                        /* STARTTLS was demanded in this session */
    bool refused;                        /* a MAIL was; the session ends with this window */
    bool quit_said;                      /* with the window; the session ends with it, too */
    bool learned;                        /* its end is explained by a habit now known */
    bool window_over;                    /* begin a new one, whatever the cursors say */
    bool open, open_smtputf8;            /* a transaction, as far as commands were sent */
    bool voided;                         /* the MAIL before the replies to come was refused */
    uint16_t open_rcpts;
    uint16_t replied_rcpts, accepted_rcpts; /* of the transaction whose replies come in */
    uint32_t open_lane;
    uint32_t window_rcpts; /* sent in this window */
    /* of the session: MAIL said and accepted, RCPT said, recipients answered for good */
    uint32_t transactions, begun, asked, answered, refusals, refusals_in_row;
    uint32_t said; /* RCPT commands in all */
};

/* Borrows `names`. The first event comes when the connection is up. */
void mc_dialogue_init(struct mc_dialogue *dialogue, const struct mc_dialogue_names *names,
                      const struct mc_habits *habits);
void mc_dialogue_free(struct mc_dialogue *dialogue);

/* `reply` and `ruling`: for the MC_HEARD_ of replies (a ruling may be missing where the reply is
 * good and not one to RCPT), else NULL. */
struct mc_dialogue_step mc_dialogue_hear(struct mc_dialogue *dialogue, enum mc_dialogue_event event,
                                         const struct mc_reply *reply,
                                         const struct mc_ruling *ruling);

/* READY only: appends what is to be said to `out`. Says WAIT or QUIT (that QUIT itself is the
 * caller's to write). */
struct mc_dialogue_step mc_dialogue_go(struct mc_dialogue *dialogue, struct mc_text *out);

/* READY, and the next mc_dialogue_go begins a window: now is the time to add recipients. */
bool mc_dialogue_wants_more(const struct mc_dialogue *dialogue);

/* READY, and the next mc_dialogue_go says STARTTLS. */
bool mc_dialogue_wants_tls(const struct mc_dialogue *dialogue);

/* The stage of the reply that is awaited, and whose RCPT it answers (NULL: not RCPT). */
enum mc_stage mc_dialogue_stage(const struct mc_dialogue *dialogue);
const struct mc_batch_item *mc_dialogue_item(const struct mc_dialogue *dialogue);

/* The event that a reply is, at this point. */
enum mc_dialogue_event mc_dialogue_event_of(const struct mc_dialogue *dialogue,
                                            const struct mc_reply *reply,
                                            const struct mc_ruling *ruling);

/* Ends the dialogue for a reason of the caller's own (stop, enough). QUIT or CLOSE. */
struct mc_dialogue_step mc_dialogue_stop(struct mc_dialogue *dialogue);

const char *mc_dialogue_state_name(enum mc_dialogue_state state);

#endif
