/* Routes: interned, ordered lists of peers, and the lanes that wait on them.
 *
 * An MX *set* is what a domain has: hosts with preferences. A *route* is what is left of it when
 * only addresses count; sets with the same addresses share one, and so one queue, one session. A
 * peer's tier is its place in the order of asking: by preference, IPv4 before IPv6.
 *
 * Two kinds of routes are derived from another: with a peer that is to be asked first (a
 * greylisting one), and for recipients that need SMTPUTF8. */
#ifndef MC_SMTP_ROUTE_TABLE_H
#define MC_SMTP_ROUTE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mx/mx_lookup.h"
#include "smtp/batch.h"
#include "smtp/peer_table.h"

#define MC_ROUTE_PEERS_MAX 64 /* addresses of a set that are looked at */

struct mc_route_peer {
    uint32_t peer;
    uint16_t tier; /* order of asking */
    uint16_t rank; /* of the preference, 0 is the best; more: a backup */
};

/* Where a route stands with the scheduler. */
enum mc_route_place {
    MC_ROUTE_IDLE,     /* nowhere */
    MC_ROUTE_READY,    /* in the ring of those to be looked at */
    MC_ROUTE_AT_PEER,  /* waits in a peer's list ... */
    MC_ROUTE_AT_HOUSE, /* ... or in a house's */
};

struct mc_route {
    uint32_t peers; /* where they start in mc_routes.peers, ordered by tier */
    uint16_t peer_count;
    bool needs_smtputf8;
    uint8_t place;      /* enum mc_route_place */
    uint32_t place_at;  /* the peer or house */
    uint8_t woken_from; /* enum mc_route_place; and which one */
    uint8_t turn;       /* rotates among equal peers */
    uint32_t woken_at;
    uint32_t next, previous;        /* in the ring or list */
    uint32_t lane_first, lane_last; /* the queue */
    uint32_t sessions;              /* that serve it now */
    struct mc_batch *held;          /* taken, waiting for a session; NULL: none */
};

struct mc_lane {
    uint32_t set;    /* of its last offer */
    uint32_t prefer; /* the same */
    uint32_t next;   /* in the queue it stands in */
    bool queued;
    bool deep; /* it had more to give when last asked */
    bool needs_smtputf8;
};

struct mc_mx_set {
    uint32_t hosts; /* where they start in mc_routes.hosts */
    uint32_t route;
    uint16_t count;
};

struct mc_set_host {
    uint32_t host, rank;
};

struct mc_routes {
    const struct mc_mx *mx;
    struct mc_peers *table;
    struct mc_mx_set *sets;
    struct mc_set_host *hosts;
    struct mc_route *routes;
    struct mc_route_peer *peers;
    struct mc_lane *lanes;
    size_t set_room, host_room, route_room, peer_room, lane_room;
    uint32_t set_count, host_count, route_count, peer_count, lane_count;
    struct mc_index set_index, route_index;
    uint64_t queued_lanes;
    uint64_t held; /* recipients, of all routes */
};

/* Borrows both. */
void mc_routes_init(struct mc_routes *routes, const struct mc_mx *mx, struct mc_peers *peers);
void mc_routes_free(struct mc_routes *routes);

uint32_t mc_routes_set(struct mc_routes *routes, const struct mc_mx_entry *entries, size_t count);
/* The set's host with this peer's address, MC_NONE where there is none. */
uint32_t mc_routes_host(const struct mc_routes *routes, uint32_t set, uint32_t peer);

/* The route that asks `prefer` first (MC_NONE: as it is). */
uint32_t mc_routes_prefer(struct mc_routes *routes, uint32_t route, uint32_t prefer);
/* The same for recipients that need SMTPUTF8. */
uint32_t mc_routes_smtputf8(struct mc_routes *routes, uint32_t route);

/* The peer's entry in the route, NULL where it is none of it. */
const struct mc_route_peer *mc_routes_find(const struct mc_routes *routes, uint32_t route,
                                           uint32_t peer);

/* The lane's record; made where it is new. Valid until the next call. */
struct mc_lane *mc_routes_lane(struct mc_routes *routes, uint32_t lane);
/* The route that a lane belongs on, by its set, the peer it prefers, its need of SMTPUTF8. */
uint32_t mc_routes_of_lane(struct mc_routes *routes, uint32_t lane);
void mc_routes_push(struct mc_routes *routes, uint32_t route, uint32_t lane);
uint32_t mc_routes_pop(struct mc_routes *routes, uint32_t route); /* MC_NONE: empty */

/* Moves an item to the recipients that the route holds. */
void mc_routes_hold(struct mc_routes *routes, uint32_t route, const struct mc_batch *from,
                    const struct mc_batch_item *item);
/* Moves up to `most` held items into `to`; returns how many. */
uint32_t mc_routes_unhold(struct mc_routes *routes, uint32_t route, struct mc_batch *to,
                          uint32_t most);

static inline bool mc_route_has_work(const struct mc_route *route)
{
    return route->held || route->lane_first != MC_NONE;
}

#endif
