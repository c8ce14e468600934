#include "smtp/route_table.h"

#include "base/memory.h"

void mc_routes_init(struct mc_routes *routes, const struct mc_mx *mx, struct mc_peers *peers)
{
    *routes = (struct mc_routes){.mx = mx, .table = peers};
}

static void free_held(struct mc_routes *routes, struct mc_route *route)
{
    if (!route->held)
        return;
    routes->held -= route->held->count;
    mc_batch_free(route->held);
    free(route->held);
    route->held = NULL;
}

void mc_routes_free(struct mc_routes *routes)
{
    for (uint32_t i = 0; i < routes->route_count; i++)
        free_held(routes, &routes->routes[i]);
    free(routes->sets);
    free(routes->hosts);
    free(routes->routes);
    free(routes->peers);
    free(routes->lanes);
    mc_index_free(&routes->set_index);
    mc_index_free(&routes->route_index);
    *routes = (struct mc_routes){0};
}

/* Routes */

static uint32_t intern(struct mc_routes *routes, const struct mc_route_peer *peers, uint16_t count,
                       bool needs_smtputf8)
{
    struct mc_span bytes = mc_span((const char *)peers, count * sizeof *peers);
    uint64_t hash = mc_hash(bytes) ^ needs_smtputf8;
    struct mc_index_cursor cursor;
    uint32_t at = mc_index_first(&routes->route_index, hash, &cursor);
    for (; at != MC_NONE; at = mc_index_next(&routes->route_index, &cursor)) {
        const struct mc_route *route = &routes->routes[at];
        if (route->peer_count == count && route->needs_smtputf8 == needs_smtputf8 &&
            memcmp(&routes->peers[route->peers], peers, bytes.len) == 0)
            return at;
    }
    routes->routes =
        mc_grow(routes->routes, routes->route_count, &routes->route_room, sizeof *routes->routes);
    routes->routes[routes->route_count] = (struct mc_route){
        .peers = routes->peer_count,
        .peer_count = count,
        .needs_smtputf8 = needs_smtputf8,
        .next = MC_NONE,
        .previous = MC_NONE,
        .lane_first = MC_NONE,
        .lane_last = MC_NONE,
    };
    for (uint16_t i = 0; i < count; i++) {
        routes->peers =
            mc_grow(routes->peers, routes->peer_count, &routes->peer_room, sizeof *routes->peers);
        routes->peers[routes->peer_count++] = peers[i];
    }
    mc_index_add(&routes->route_index, hash, routes->route_count);
    return routes->route_count++;
}

struct list {
    struct mc_route_peer at[MC_ROUTE_PEERS_MAX];
    uint16_t count;
};

static void append(struct list *list, uint32_t peer, uint32_t tier, uint32_t rank)
{
    for (uint16_t i = 0; i < list->count; i++)
        if (list->at[i].peer == peer)
            return;
    if (list->count < MC_ROUTE_PEERS_MAX)
        list->at[list->count++] = (struct mc_route_peer){peer, (uint16_t)tier, (uint16_t)rank};
}

static void append_host(struct mc_routes *routes, struct list *list, uint32_t host, uint32_t rank,
                        uint8_t family)
{
    const struct mc_ip *addresses;
    size_t count = mc_mx_host_addresses(routes->mx, host, &addresses);
    struct mc_span name = mc_mx_host_name(routes->mx, host);
    for (size_t i = 0; i < count; i++)
        if (addresses[i].family == family)
            append(list, mc_peers_intern(routes->table, &addresses[i], name),
                   2 * rank + (family == 6), rank);
}

/* By preference, and of one preference all IPv4 addresses first. */
static uint32_t route_of(struct mc_routes *routes, const struct mc_set_host *hosts, uint16_t count)
{
    struct list list;
    list.count = 0;
    for (uint16_t first = 0, last; first < count; first = last) {
        for (last = first; last < count && hosts[last].rank == hosts[first].rank; last++)
            append_host(routes, &list, hosts[last].host, hosts[last].rank, 4);
        for (uint16_t i = first; i < last; i++)
            append_host(routes, &list, hosts[i].host, hosts[i].rank, 6);
    }
    return intern(routes, list.at, list.count, false);
}

uint32_t mc_routes_set(struct mc_routes *routes, const struct mc_mx_entry *entries, size_t count)
{
    struct mc_set_host hosts[MC_MX_MAX];
    uint32_t rank = 0;
    MC_ASSERT(count > 0 && count <= MC_MX_MAX);
    for (size_t i = 0; i < count; i++) {
        rank += i && entries[i].preference != entries[i - 1].preference;
        hosts[i] = (struct mc_set_host){entries[i].host, rank};
    }
    uint64_t hash = mc_hash(mc_span((const char *)hosts, count * sizeof *hosts));
    struct mc_index_cursor cursor;
    uint32_t at = mc_index_first(&routes->set_index, hash, &cursor);
    for (; at != MC_NONE; at = mc_index_next(&routes->set_index, &cursor))
        if (routes->sets[at].count == count &&
            memcmp(&routes->hosts[routes->sets[at].hosts], hosts, count * sizeof *hosts) == 0)
            return at;
    uint32_t route = route_of(routes, hosts, (uint16_t)count);
    routes->sets =
        mc_grow(routes->sets, routes->set_count, &routes->set_room, sizeof *routes->sets);
    routes->sets[routes->set_count] =
        (struct mc_mx_set){routes->host_count, route, (uint16_t)count};
    for (size_t i = 0; i < count; i++) {
        routes->hosts =
            mc_grow(routes->hosts, routes->host_count, &routes->host_room, sizeof *routes->hosts);
        routes->hosts[routes->host_count++] = hosts[i];
    }
    mc_index_add(&routes->set_index, hash, routes->set_count);
    return routes->set_count++;
}

uint32_t mc_routes_host(const struct mc_routes *routes, uint32_t set, uint32_t peer)
{
    const struct mc_mx_set *record = &routes->sets[set];
    const struct mc_ip *ip = &routes->table->peers[peer].ip;
    for (uint16_t i = 0; i < record->count; i++) {
        const struct mc_ip *addresses;
        uint32_t host = routes->hosts[record->hosts + i].host;
        size_t count = mc_mx_host_addresses(routes->mx, host, &addresses);
        for (size_t j = 0; j < count; j++)
            if (addresses[j].family == ip->family &&
                memcmp(addresses[j].octets, ip->octets, ip->family == 4 ? 4 : 16) == 0)
                return host;
    }
    return MC_NONE;
}

uint32_t mc_routes_prefer(struct mc_routes *routes, uint32_t route, uint32_t prefer)
{
    const struct mc_route *base = &routes->routes[route];
    const struct mc_route_peer *peers = &routes->peers[base->peers];
    const struct mc_route_peer *first =
        prefer == MC_NONE ? NULL : mc_routes_find(routes, route, prefer);
    struct list list;
    list.count = 0;
    if (!first || base->peer_count == 1)
        return route;
    append(&list, prefer, 0, first->rank);
    for (uint16_t i = 0; i < base->peer_count; i++)
        append(&list, peers[i].peer, peers[i].tier + 1u, peers[i].rank);
    return intern(routes, list.at, list.count, base->needs_smtputf8);
}

uint32_t mc_routes_smtputf8(struct mc_routes *routes, uint32_t route)
{
    const struct mc_route *base = &routes->routes[route];
    struct list list;
    if (base->needs_smtputf8)
        return route;
    list.count = base->peer_count;
    memcpy(list.at, &routes->peers[base->peers], list.count * sizeof *list.at);
    return intern(routes, list.at, list.count, true);
}

const struct mc_route_peer *mc_routes_find(const struct mc_routes *routes, uint32_t route,
                                           uint32_t peer)
{
    const struct mc_route *record = &routes->routes[route];
    for (uint16_t i = 0; i < record->peer_count; i++)
        if (routes->peers[record->peers + i].peer == peer)
            return &routes->peers[record->peers + i];
    return NULL;
}

/* Lanes */

struct mc_lane *mc_routes_lane(struct mc_routes *routes, uint32_t lane)
{
    while (routes->lane_count <= lane) {
        routes->lanes =
            mc_grow(routes->lanes, routes->lane_count, &routes->lane_room, sizeof *routes->lanes);
        routes->lanes[routes->lane_count++] =
            (struct mc_lane){.set = MC_NONE, .prefer = MC_NONE, .next = MC_NONE};
    }
    return &routes->lanes[lane];
}

uint32_t mc_routes_of_lane(struct mc_routes *routes, uint32_t lane)
{
    struct mc_lane record = routes->lanes[lane];
    uint32_t route = mc_routes_prefer(routes, routes->sets[record.set].route, record.prefer);
    return record.needs_smtputf8 ? mc_routes_smtputf8(routes, route) : route;
}

void mc_routes_push(struct mc_routes *routes, uint32_t route, uint32_t lane)
{
    struct mc_route *queue = &routes->routes[route];
    struct mc_lane *record = &routes->lanes[lane];
    MC_ASSERT(!record->queued);
    record->queued = true;
    record->next = MC_NONE;
    if (queue->lane_first == MC_NONE)
        queue->lane_first = lane;
    else
        routes->lanes[queue->lane_last].next = lane;
    queue->lane_last = lane;
    routes->queued_lanes++;
}

uint32_t mc_routes_pop(struct mc_routes *routes, uint32_t route)
{
    struct mc_route *queue = &routes->routes[route];
    uint32_t lane = queue->lane_first;
    if (lane == MC_NONE)
        return MC_NONE;
    queue->lane_first = routes->lanes[lane].next;
    if (queue->lane_first == MC_NONE)
        queue->lane_last = MC_NONE;
    routes->lanes[lane].queued = false;
    routes->queued_lanes--;
    return lane;
}

/* Recipients held */

void mc_routes_hold(struct mc_routes *routes, uint32_t route, const struct mc_batch *from,
                    const struct mc_batch_item *item)
{
    struct mc_route *record = &routes->routes[route];
    if (!record->held)
        record->held = mc_calloc(1, sizeof *record->held);
    mc_batch_copy(record->held, from, item);
    routes->held++;
}

uint32_t mc_routes_unhold(struct mc_routes *routes, uint32_t route, struct mc_batch *to,
                          uint32_t most)
{
    struct mc_route *record = &routes->routes[route];
    if (!record->held)
        return 0;
    uint32_t count = record->held->count < most ? record->held->count : most;
    for (uint32_t i = 0; i < count; i++)
        mc_batch_copy(to, record->held, &record->held->items[i]);
    mc_batch_drop(record->held, count);
    routes->held -= count;
    if (!record->held->count)
        free_held(routes, record);
    return count;
}
