/* The prober with all around it in memory: virtual time, scripted servers, a zone, and an owner
 * that does what the engine does with answers, in few words: it offers lost recipients again,
 * waits out greylisting, asks for a control where it is wanted. */
#ifndef SIM_SMTP_WORLD_H
#define SIM_SMTP_WORLD_H

#include "fake_stream.h"
#include "lists/lists.h"
#include "smtp/prober.h"

struct sim_recipient {
    char *local;
    uint32_t lane;
    bool smtputf8;
    bool under_way, done, control;
    unsigned lost, greylisted; /* times */
    /* the last answer */
    enum mc_answer_kind kind;
    enum mc_stage stage;
    enum mc_reason reason;
    uint16_t code; /* 0: no reply */
    uint32_t peer;
    int64_t answered_ms;
    bool backup, asked;
    char host[64], detail[128];
};

struct sim_lane {
    char *domain;
    uint32_t route;
    bool smtputf8;
    bool known; /* its MX answer came */
    bool wants_control, has_control;
    unsigned waiting, under_way;
    uint32_t *recipients; /* in order */
    size_t count, room, next;
};

struct sim_world {
    struct mc_loop *loop;
    struct mc_net *net;
    struct mc_dns *dns;
    struct mc_mx *mx;
    struct mc_prober *prober;
    struct sim_recipient *recipients;
    struct sim_lane *lanes;
    size_t count, room, lane_count, lane_room;
    unsigned lost_limit, greylist_tries;
    uint32_t greylist_wait_ms;
    struct sim_retry *retries;
    unsigned notices, answers;
    struct mc_text trace; /* what the prober traced */
    bool tracing, stopped;
};

/* Default options of a test: no pace, 2 connections an address, 10 a provider, 100 in all. */
void sim_world_options(struct mc_prober_options *options);
/* Borrows `zone` and `lists`. Servers are added to world->net. */
struct sim_world *sim_world_new(const char *zone, const struct mc_lists *lists,
                                const struct mc_prober_options *options, bool tracing);
void sim_world_free(struct sim_world *world);

/* Adds a recipient; its domain is looked up and the lane offered when the answer comes. */
uint32_t sim_world_ask(struct sim_world *world, const char *local, const char *domain,
                       bool smtputf8);
void sim_world_want_control(struct sim_world *world, const char *domain);
struct sim_recipient *sim_world_find(struct sim_world *world, const char *local,
                                     const char *domain);

/* Runs until nothing is under way; false when that takes more than `limit_ms`. */
bool sim_world_run(struct sim_world *world, int64_t limit_ms);
/* Recipients without a last answer; of them, those the prober has taken. */
size_t sim_world_unanswered(const struct sim_world *world);
size_t sim_world_under_way(const struct sim_world *world);
/* The owner offers nothing again from now on. */
void sim_world_stopped(struct sim_world *world);

#endif
