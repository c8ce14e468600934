/* A scenario as text: servers, what is asked, what must come out. One line a statement:
 *
 *     # a comment
 *     set per_mx=1 reply_timeout=2000 lost=3 greylist=2 wait=300000 paced=1
 *     limits breaker=3 rcpt_per_session=20         (of hosts of no provider)
 *     provider .big.test connections=1             (hosts with this ending)
 *     zone a.test MX 10 mx1.test.
 *     server 198.18.0.1 latency=20 connect=refuse tls=fails piece=1 after=close
 *     greeting 554 5.7.1 go away                   (of that server; \n is a line end, '-' silence,
 *     ehlo 250-mx.test\n250 SIZE                    a trailing \c leaves the last line end out)
 *     excused                                      (no QUIT is due there)
 *     rule times=1 then=close delay=50 RCPT TO:<dead@* => 550 5.1.1 no such user
 *     ask ok@a.test utf8
 *     control a.test                               (a control, once all others are answered)
 *     many 40 user@a.test                          (user1@a.test ... user40@a.test)
 *     expect ok@a.test reply accepted 250 mx1.test backup within=500
 *     each user@a.test lost timeout                (all that "many" made)
 *     seen 198.18.0.1 max_open=1 attempts=2 quits=2 abandoned=0
 *     total sessions=3 notices=1 within=1000
 */
#ifndef SIM_SMTP_SCENARIO_H
#define SIM_SMTP_SCENARIO_H

#include "lists/lists.h"

/* Runs it; NULL where all held, else what did not (to be freed), with the dialogue. `limits` and
 * `provider` lines write to the lists through these. */
struct sim_limits {
    struct mc_lists *lists;
    struct mc_provider *(*unknown)(struct mc_lists *lists);
    struct mc_provider *(*known)(struct mc_lists *lists, const char *suffix);
};
char *sim_scenario_run(const char *path, const struct sim_limits *limits);

#endif
