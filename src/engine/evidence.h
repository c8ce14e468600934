/* What answers prove. Pure functions over plain data: no queue, no socket, no clock.
 *
 * One reply speaks of one recipient (verdict/classify.h). Here several are weighed together:
 * whether a domain tells mailboxes apart, what an acceptance is worth, whether the point still
 * needs a control recipient. */
#ifndef MC_ENGINE_EVIDENCE_H
#define MC_ENGINE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lists/provider.h"
#include "smtp/prober.h"
#include "verdict/classify.h"

/* What is known of a domain: does it tell mailboxes apart? */
struct mc_proof {
    bool by_best : 1;      /* an MX of the best preference refused an unknown recipient */
    bool by_backup : 1;    /* a backup did */
    bool catch_all : 1;    /* the control was accepted */
    bool inconclusive : 1; /* the control got no answer that says anything */
    bool control_out : 1;  /* the control is with the prober, or waits to be asked again */
    bool control_done : 1;
};

/* A real recipient was answered: does that prove something? Returns true where it is new. */
bool mc_evidence_add(struct mc_proof *proof, const struct mc_ruling *ruling, bool backup);

/* What becomes of a recipient that was accepted, as far as is known. */
enum mc_worth {
    MC_WORTH_WAIT, /* more answers, or the control, must decide */
    MC_WORTH_ACCEPTED,
    MC_WORTH_CATCH_ALL,
    MC_WORTH_UNPROVEN,
};
enum mc_worth mc_evidence_worth(const struct mc_proof *proof, enum mc_rcpt_policy policy,
                                bool backup);

/* The control was answered: enters what it proves. Returns false where it should be asked again
 * (told to come back, the session was lost under it, or the refusal is ambiguous and unproved). */
bool mc_evidence_control(struct mc_proof *proof, const struct mc_answer *answer);

#endif
