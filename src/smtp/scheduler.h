/* Whose turn is it? Picks the next route and the peer to connect to for it, or says when to ask
 * again. Pure: the clock is an argument.
 *
 * Routes with work stand in a ring. One whose peers are all busy or not to be asked yet leaves it
 * for the list of one of them (or of its house) and comes back when that one has a slot or its
 * time has come, one route a slot; so an event costs the same whatever the number of routes. */
#ifndef MC_SMTP_SCHEDULER_H
#define MC_SMTP_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/peer_table.h"
#include "smtp/route_table.h"

struct mc_schedule_entry {
    int64_t at_ms;
    uint32_t owner; /* peer or house */
    bool is_house;
};

struct mc_scheduler {
    struct mc_peers *peers;
    struct mc_routes *routes;
    uint32_t concurrency;
    uint32_t open, leaving; /* connections that ask; that only wait for the server to close */
    struct mc_route_list ready;
    struct mc_schedule_entry *heap; /* when lists are to be looked at */
    size_t heap_room;
    uint32_t heap_count;
    int64_t paused_ms;  /* no connect before this: our own side had trouble */
    uint32_t local_row; /* how often in a row */
};

enum mc_schedule {
    MC_SCHEDULE_CONNECT,  /* route and peer: mc_scheduler_opened or mc_scheduler_declined */
    MC_SCHEDULE_HOPELESS, /* route: no peer is left; its work is to be given up */
    MC_SCHEDULE_LATER,    /* at_ms */
    MC_SCHEDULE_NOTHING,  /* until an event */
};

struct mc_schedule_job {
    uint32_t route, peer;
    int64_t at_ms;
};

void mc_scheduler_init(struct mc_scheduler *scheduler, struct mc_peers *peers,
                       struct mc_routes *routes, uint32_t concurrency);
void mc_scheduler_free(struct mc_scheduler *scheduler);

/* The route has work (again). */
void mc_scheduler_wake(struct mc_scheduler *scheduler, uint32_t route);

enum mc_schedule mc_scheduler_next(struct mc_scheduler *scheduler, int64_t now_ms,
                                   struct mc_schedule_job *job);
void mc_scheduler_opened(struct mc_scheduler *scheduler, const struct mc_schedule_job *job,
                         int64_t now_ms);
void mc_scheduler_declined(struct mc_scheduler *scheduler, const struct mc_schedule_job *job);

/* The connection takes its leave: it still counts for its peer and house. */
void mc_scheduler_leaving(struct mc_scheduler *scheduler);
/* It is gone: somebody may follow. */
void mc_scheduler_gone(struct mc_scheduler *scheduler, uint32_t peer, int64_t now_ms);
/* The peer may have more connections than before. */
void mc_scheduler_more(struct mc_scheduler *scheduler, uint32_t peer);
/* The peer or its house was given up: whoever waits there must look elsewhere. */
void mc_scheduler_lost(struct mc_scheduler *scheduler, uint32_t peer);

/* A connect failed for a reason of ours (no descriptors...), or one went well. */
void mc_scheduler_local_trouble(struct mc_scheduler *scheduler, int64_t now_ms);
void mc_scheduler_local_ease(struct mc_scheduler *scheduler);

/* A route that waits in the list of this peer, taken out of it; MC_NONE. */
uint32_t mc_scheduler_adopt(struct mc_scheduler *scheduler, uint32_t peer);

/* The best failure that explains a hopeless route, and its peer (MC_NONE); NULL: see the rule. */
const struct mc_failure *mc_scheduler_why(const struct mc_scheduler *scheduler, uint32_t route,
                                          uint32_t *peer, bool *no_smtputf8);

#endif
