#include "engine/evidence.h"

bool mc_evidence_add(struct mc_proof *proof, const struct mc_ruling *ruling, bool backup)
{
    if (ruling->reason != MC_REASON_NO_SUCH_MAILBOX || ruling->surety != MC_SURE)
        return false;
    bool known = backup ? proof->by_backup : proof->by_best;
    if (backup)
        proof->by_backup = true;
    else
        proof->by_best = true;
    return !known;
}

enum mc_worth mc_evidence_worth(const struct mc_proof *proof, enum mc_rcpt_policy policy,
                                bool backup)
{
    if (policy == MC_RCPT_ACCEPTS_ALL)
        return MC_WORTH_UNPROVEN;
    /* a backup's yes is a proof only where that backup itself refuses somebody */
    if (proof->by_backup || (proof->by_best && !backup))
        return MC_WORTH_ACCEPTED;
    if (proof->by_best || proof->inconclusive)
        return MC_WORTH_UNPROVEN;
    if (proof->catch_all)
        return backup ? MC_WORTH_UNPROVEN : MC_WORTH_CATCH_ALL;
    return MC_WORTH_WAIT;
}

bool mc_evidence_control(struct mc_proof *proof, const struct mc_answer *answer)
{
    const struct mc_ruling *ruling = &answer->ruling;
    if (answer->kind == MC_ANSWER_LOST)
        return false;
    if (answer->kind != MC_ANSWER_REPLY || ruling->blame == MC_BLAME_US) {
        proof->inconclusive = true;
    } else if (answer->reply && answer->reply->code / 100 == 4) {
        return false;
    } else if (ruling->surety == MC_AMBIGUOUS && !answer->proved) {
        return false;
    } else if (ruling->reason == MC_REASON_ACCEPTED) {
        /* that a backup takes anything says nothing of the domain */
        if (answer->backup)
            proof->inconclusive = true;
        else
            proof->catch_all = true;
    } else if (ruling->blame == MC_BLAME_MAILBOX || ruling->blame == MC_BLAME_DOMAIN) {
        if (answer->backup)
            proof->by_backup = true;
        else
            proof->by_best = true;
    } else {
        proof->inconclusive = true;
    }
    proof->control_done = true;
    return true;
}
