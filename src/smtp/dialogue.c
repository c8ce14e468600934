#include "smtp/dialogue.h"

#include "base/hash.h"
#include "base/memory.h"
#include "smtp/ehlo.h"

/* The commands of a recipient, in order. A cursor's phase is the last one it has passed. */
enum { PHASE_START, PHASE_RSET, PHASE_MAIL, PHASE_RCPT };
enum { PLAN_RSET = 1, PLAN_MAIL = 2, PLAN_MADE = 4 };

/* What READY says next. */
enum { NEXT_EHLO, NEXT_HELO, NEXT_STARTTLS, NEXT_WINDOW, NEXT_QUIT };

struct heard {
    enum mc_dialogue_event event;
    const struct mc_reply *reply;
    const struct mc_ruling *ruling;
};

typedef struct mc_dialogue_step handler(struct mc_dialogue *, const struct heard *);

void mc_dialogue_init(struct mc_dialogue *dialogue, const struct mc_dialogue_names *names,
                      const struct mc_habits *habits)
{
    *dialogue = (struct mc_dialogue){
        .names = names,
        .habits = *habits,
        .state = MC_DIALOGUE_GREETING,
        .window_over = true,
    };
}

void mc_dialogue_free(struct mc_dialogue *dialogue)
{
    mc_batch_free(&dialogue->batch);
}

static struct mc_dialogue_step step(enum mc_dialogue_action action)
{
    return (struct mc_dialogue_step){.action = action, .settled = MC_NONE};
}

static struct mc_dialogue_step ready(struct mc_dialogue *d, uint8_t next)
{
    d->state = MC_DIALOGUE_READY;
    d->next = next;
    return step(MC_DIALOGUE_GO);
}

/* Where the session's end teaches something about the server. Only the first explanation counts:
 * a habit already known explains nothing. */
static void learn_flag(struct mc_dialogue *d, bool *habit)
{
    d->learned |= !*habit;
    *habit = true;
}

static void learn_count(struct mc_dialogue *d, uint16_t *habit, uint32_t count)
{
    if (!count || (*habit && *habit <= count))
        return;
    d->learned = true;
    *habit = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
}

static bool cursors_meet(const struct mc_dialogue *d)
{
    return d->sent.item == d->replied.item && d->sent.phase == d->replied.phase;
}

static uint8_t next_phase(uint8_t plan, uint8_t phase)
{
    if (phase < PHASE_RSET && plan & PLAN_RSET)
        return PHASE_RSET;
    if (phase < PHASE_MAIL && plan & PLAN_MAIL)
        return PHASE_MAIL;
    return PHASE_RCPT;
}

static void pass(struct mc_dialogue_cursor *cursor, uint8_t phase)
{
    if (phase == PHASE_RCPT)
        *cursor = (struct mc_dialogue_cursor){cursor->item + 1, PHASE_START};
    else
        cursor->phase = phase;
}

static bool several_under_way(const struct mc_dialogue *d)
{
    struct mc_dialogue_cursor second = d->replied;
    if (cursors_meet(d))
        return false;
    pass(&second, next_phase(d->batch.items[second.item].plan, second.phase));
    return second.item != d->sent.item || second.phase != d->sent.phase;
}

/* A server that goes away amid a window: it may not bear pipelining, so many recipients, or so
 * many refusals. Servers count refusals (Postfix smtpd_hard_error_limit) more often than
 * recipients, but three at least. */
static void learn_from_loss(struct mc_dialogue *d, enum mc_dialogue_end end)
{
    if (d->quit_said && end != MC_END_LEAVING) {
        learn_flag(d, &d->habits.quits_apart);
        return;
    }
    if (d->state == MC_DIALOGUE_EHLO && end == MC_END_HANG_UP && !d->tls)
        learn_flag(d, &d->habits.helo_only);
    if (d->state < MC_DIALOGUE_RSET || d->state > MC_DIALOGUE_READY)
        return;
    if (several_under_way(d) && end != MC_END_LEAVING && (!d->answered || end != MC_END_HANG_UP)) {
        learn_flag(d, &d->habits.lock_step);
    } else if (d->answered && (end == MC_END_HANG_UP || end == MC_END_LEAVING)) {
        if (d->refusals >= 3 &&
            (!d->habits.session_refusals || d->refusals >= d->habits.session_refusals))
            learn_count(d, &d->habits.session_refusals, d->refusals);
        else
            learn_count(d, &d->habits.session_rcpts, d->answered);
    }
}

static struct mc_dialogue_step finish(struct mc_dialogue *d, enum mc_dialogue_end end,
                                      enum mc_dialogue_action action)
{
    d->end_stage = (uint8_t)mc_dialogue_stage(d);
    if (end != MC_END_DONE && end != MC_END_REFUSED && end != MC_END_TLS)
        learn_from_loss(d, end);
    d->end = (uint8_t)end;
    d->state = MC_DIALOGUE_ENDED;
    return step(d->quit_said ? MC_DIALOGUE_CLOSE : action);
}

struct mc_dialogue_step mc_dialogue_stop(struct mc_dialogue *d)
{
    /* Between the 220 of STARTTLS and the end of the handshake there is no way to say QUIT. */
    bool mute = !d->greeted || d->state == MC_DIALOGUE_TLS;
    return finish(d, MC_END_DONE, mute ? MC_DIALOGUE_CLOSE : MC_DIALOGUE_QUIT);
}

static struct mc_dialogue_step finish_against(struct mc_dialogue *d, enum mc_dialogue_end end,
                                              enum mc_dialogue_action action)
{
    struct mc_dialogue_step last = finish(d, end, action);
    last.against = true;
    return last;
}

/* The endings that every state shares. */

static struct mc_dialogue_step hung_up(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    return finish(d, MC_END_HANG_UP, MC_DIALOGUE_CLOSE);
}

static struct mc_dialogue_step silent(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    return finish(d, MC_END_SILENCE, d->greeted ? MC_DIALOGUE_QUIT : MC_DIALOGUE_CLOSE);
}

static struct mc_dialogue_step nonsense(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    return finish(d, MC_END_GARBAGE, d->greeted ? MC_DIALOGUE_QUIT : MC_DIALOGUE_CLOSE);
}

/* 421 needs no QUIT; others that announce the end may still wait for one. */
static struct mc_dialogue_step leaving(struct mc_dialogue *d, const struct heard *heard)
{
    return finish_against(d, MC_END_LEAVING,
                          heard->reply->code == 421 ? MC_DIALOGUE_CLOSE : MC_DIALOGUE_QUIT);
}

static struct mc_dialogue_step refused(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    d->greeted = true;
    return finish_against(d, MC_END_REFUSED, MC_DIALOGUE_QUIT);
}

/* Greeting, EHLO, HELO, STARTTLS */

static void lower(uint16_t *limit, uint16_t offered)
{
    if (offered && (!*limit || offered < *limit))
        *limit = offered;
}

/* Exim counts a RSET that no message came before as "no mail" and hangs up after ten of those. */
static struct mc_dialogue_step greeted(struct mc_dialogue *d, const struct heard *heard)
{
    if (mc_reply_says(heard->reply, " Exim "))
        lower(&d->habits.session_transactions, 10);
    d->greeted = true;
    return ready(d, d->habits.helo_only ? NEXT_HELO : NEXT_EHLO);
}

/* A complete greeting that is no SMTP greeting. */
static struct mc_dialogue_step odd_greeting(struct mc_dialogue *d, const struct heard *heard)
{
    d->greeted = true;
    return nonsense(d, heard);
}

static struct mc_dialogue_step said_hello(struct mc_dialogue *d, const struct heard *heard)
{
    struct mc_ehlo offer = {0};
    if (d->state == MC_DIALOGUE_EHLO)
        offer = mc_ehlo_read(heard->reply);
    lower(&d->habits.transaction_rcpts, offer.rcpt_max);
    lower(&d->habits.session_transactions, offer.mail_max);
    d->starttls = offer.starttls;
    d->smtputf8 = offer.smtputf8;
    d->pipelining = offer.pipelining && !d->habits.lock_step;
    d->habits.no_smtputf8 = !d->smtputf8;
    bool secure = d->starttls && !d->tls && !d->habits.tls_broken;
    return ready(d, d->habits.wants_tls && secure ? NEXT_STARTTLS : NEXT_WINDOW);
}

/* A server too old for EHLO gets HELO, whatever 5xx it has for words it does not know; one that
 * says that it means us keeps its word. */
static struct mc_dialogue_step no_ehlo(struct mc_dialogue *d, const struct heard *heard)
{
    const struct mc_reply *reply = heard->reply;
    bool means_us =
        reply->code == 521 || reply->code == 554 || (reply->code > 504 && reply->subject == 7);
    if (means_us || heard->ruling->refuses_session)
        return refused(d, heard);
    return ready(d, NEXT_HELO);
}

static struct mc_dialogue_step start_tls(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    d->state = MC_DIALOGUE_TLS;
    return step(MC_DIALOGUE_START_TLS);
}

/* So ask once more in plain: the demand, now final, is the better evidence. */
static struct mc_dialogue_step no_starttls(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    d->habits.tls_broken = true;
    return ready(d, NEXT_WINDOW);
}

static struct mc_dialogue_step tls_up(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    d->tls = true;
    d->open = false;
    d->asked = 0; /* in vain */
    return ready(d, NEXT_EHLO);
}

static struct mc_dialogue_step tls_failed(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    learn_flag(d, &d->habits.tls_broken);
    return finish(d, MC_END_TLS, MC_DIALOGUE_CLOSE);
}

/* The window: RSET, MAIL, RCPT */

static struct mc_dialogue_step end_refused(struct mc_dialogue *d)
{
    struct mc_dialogue_step last = finish(d, MC_END_REFUSED, MC_DIALOGUE_QUIT);
    d->end_stage = MC_STAGE_MAIL;
    return last;
}

static struct mc_dialogue_step replied(struct mc_dialogue *d)
{
    static const uint8_t states[] = {
        [PHASE_RSET] = MC_DIALOGUE_RSET,
        [PHASE_MAIL] = MC_DIALOGUE_MAIL,
        [PHASE_RCPT] = MC_DIALOGUE_RCPT,
    };
    pass(&d->replied, next_phase(d->batch.items[d->replied.item].plan, d->replied.phase));
    if (!cursors_meet(d)) {
        d->state = states[next_phase(d->batch.items[d->replied.item].plan, d->replied.phase)];
        return step(MC_DIALOGUE_WAIT);
    }
    if (d->quit_said)
        return d->refused ? end_refused(d) : finish(d, MC_END_DONE, MC_DIALOGUE_QUIT);
    if (d->insists && !d->tls && !d->habits.tls_broken) {
        d->window_over = true;
        return ready(d, NEXT_STARTTLS);
    }
    return ready(d, d->refused ? NEXT_QUIT : NEXT_WINDOW);
}

static struct mc_dialogue_step reset(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    return replied(d);
}

static struct mc_dialogue_step no_reset(struct mc_dialogue *d, const struct heard *heard)
{
    learn_count(d, &d->habits.session_transactions, d->begun);
    return refused(d, heard);
}

static struct mc_dialogue_step began(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    d->begun++;
    d->voided = false;
    d->replied_rcpts = d->accepted_rcpts = 0;
    return replied(d);
}

/* "improper command pipelining", "synchronization error", or a bad sequence that is none. */
static bool hates_pipelining(const struct mc_dialogue *d, const struct heard *heard)
{
    /* a refusal of the recipient may repeat its address, and that any word */
    if (!d->pipelining || heard->ruling->blame == MC_BLAME_MAILBOX ||
        heard->ruling->blame == MC_BLAME_DOMAIN)
        return false;
    return mc_reply_says(heard->reply, "pipelin") || mc_reply_says(heard->reply, "synchroni") ||
           (heard->reply->code == 503 && d->state == MC_DIALOGUE_RCPT && !d->voided);
}

static struct mc_dialogue_step go_lock_step(struct mc_dialogue *d)
{
    learn_flag(d, &d->habits.lock_step);
    return finish_against(d, MC_END_REFUSED, MC_DIALOGUE_QUIT);
}

static bool demands_tls(struct mc_dialogue *d, const struct heard *heard)
{
    if (heard->ruling->reason != MC_REASON_TLS_REQUIRED || !d->starttls || d->tls ||
        d->habits.tls_broken)
        return false;
    d->insists = d->habits.wants_tls = true;
    return true;
}

static struct mc_dialogue_step no_mail(struct mc_dialogue *d, const struct heard *heard)
{
    if (hates_pipelining(d, heard))
        return go_lock_step(d);
    bool tls_first = demands_tls(d, heard);
    d->voided = true;
    d->refused |= !tls_first;
    if (d->begun && !tls_first)
        learn_count(d, &d->habits.session_transactions, d->begun);
    struct mc_dialogue_step next = replied(d);
    next.against = !tls_first;
    return next;
}

static struct mc_dialogue_step settle(struct mc_dialogue *d, bool good)
{
    uint32_t item = d->replied.item;
    d->batch.items[item].asking = MC_ASKING_SETTLED;
    d->answered++;
    d->replied_rcpts++;
    d->accepted_rcpts += good;
    d->refusals += !good;
    d->refusals_in_row = good ? 0 : d->refusals_in_row + 1;
    struct mc_dialogue_step next = replied(d);
    next.settled = item;
    return next;
}

static struct mc_dialogue_step put_off(struct mc_dialogue *d, enum mc_asking asking)
{
    d->batch.items[d->replied.item].asking = (uint8_t)asking;
    return replied(d);
}

static struct mc_dialogue_step accepted(struct mc_dialogue *d, const struct heard *heard)
{
    (void)heard;
    return d->voided ? put_off(d, MC_ASKING_VOID) : settle(d, true);
}

static struct mc_dialogue_step rejected(struct mc_dialogue *d, const struct heard *heard)
{
    if (d->voided)
        return put_off(d, MC_ASKING_VOID);
    if (hates_pipelining(d, heard))
        return go_lock_step(d);
    if (demands_tls(d, heard))
        return put_off(d, MC_ASKING_AGAIN);
    if (heard->ruling->new_transaction && !d->replied_rcpts && d->answered) {
        learn_count(d, &d->habits.session_rcpts, d->answered);
        return finish(d, MC_END_DONE, MC_DIALOGUE_QUIT);
    }
    if (heard->ruling->new_transaction && d->replied_rcpts) {
        uint16_t limit = d->accepted_rcpts ? d->accepted_rcpts : d->replied_rcpts;
        lower(&d->habits.transaction_rcpts, limit);
        return put_off(d, MC_ASKING_AGAIN);
    }
    return settle(d, false);
}

/* A reply between two commands of ours: only 421 makes sense there. The
 * greeting alone may come in two. */
static struct mc_dialogue_step unasked(struct mc_dialogue *d, const struct heard *heard)
{
    if (!d->spoken)
        return heard->event == MC_HEARD_GOOD ? step(MC_DIALOGUE_GO) : refused(d, heard);
    return nonsense(d, heard);
}

/* Every state that waits has a row; a cell without handler is an event that cannot come there. */
static handler *const cells[MC_DIALOGUE_STATE_COUNT][MC_HEARD_COUNT] = {
#define ROW(state, good, go_on, later, never, leave, up, failed, closed)                           \
    [MC_DIALOGUE_##state] = {                                                                      \
        [MC_HEARD_GOOD] = good,     [MC_HEARD_GO_ON] = go_on,       [MC_HEARD_LATER] = later,      \
        [MC_HEARD_NEVER] = never,   [MC_HEARD_LEAVING] = leave,     [MC_HEARD_GARBAGE] = nonsense, \
        [MC_HEARD_TLS_UP] = up,     [MC_HEARD_TLS_FAILED] = failed, [MC_HEARD_CLOSED] = closed,    \
        [MC_HEARD_SILENCE] = silent}
    ROW(GREETING, greeted, odd_greeting, refused, refused, leaving, NULL, NULL, hung_up),
    ROW(EHLO, said_hello, nonsense, refused, no_ehlo, leaving, NULL, hung_up, hung_up),
    ROW(HELO, said_hello, nonsense, refused, refused, leaving, NULL, hung_up, hung_up),
    ROW(STARTTLS, start_tls, nonsense, no_starttls, no_starttls, leaving, NULL, NULL, tls_failed),
    ROW(RSET, reset, nonsense, no_reset, no_reset, leaving, NULL, hung_up, hung_up),
    ROW(MAIL, began, nonsense, no_mail, no_mail, leaving, NULL, hung_up, hung_up),
    ROW(RCPT, accepted, rejected, rejected, rejected, leaving, NULL, hung_up, hung_up),
    ROW(READY, unasked, unasked, unasked, unasked, leaving, NULL, hung_up, hung_up),
#undef ROW
    [MC_DIALOGUE_TLS] = {[MC_HEARD_GARBAGE] = tls_failed,
                         [MC_HEARD_TLS_UP] = tls_up,
                         [MC_HEARD_TLS_FAILED] = tls_failed,
                         [MC_HEARD_CLOSED] = tls_failed,
                         [MC_HEARD_SILENCE] = tls_failed},
};

struct mc_dialogue_step mc_dialogue_hear(struct mc_dialogue *d, enum mc_dialogue_event event,
                                         const struct mc_reply *reply,
                                         const struct mc_ruling *ruling)
{
    handler *handle = cells[d->state][event];
    MC_ASSERT(handle);
    return handle(d, &(struct heard){event, reply, ruling});
}

/* Speaking */

static bool enough_refusals(const struct mc_dialogue *d)
{
    return d->refusals >= d->limits.refusals || d->refusals_in_row >= d->limits.refusals_in_row;
}

bool mc_dialogue_wants_more(const struct mc_dialogue *d)
{
    return d->state == MC_DIALOGUE_READY && d->next == NEXT_WINDOW &&
           (d->window_over || d->sent.item == d->batch.count ||
            (d->sent.phase == PHASE_START &&
             (d->window_rcpts >= d->limits.window || enough_refusals(d))));
}

bool mc_dialogue_wants_tls(const struct mc_dialogue *d)
{
    return d->state == MC_DIALOGUE_READY && d->next == NEXT_STARTTLS;
}

static void begin_window(struct mc_dialogue *d)
{
    mc_batch_compact(&d->batch);
    d->sent = d->replied = (struct mc_dialogue_cursor){0, PHASE_START};
    d->window_rcpts = 0;
    d->window_over = false;
}

/* Decides what must be said before this recipient's RCPT. False: no transaction is left. */
static bool plan(struct mc_dialogue *d, struct mc_batch_item *item)
{
    bool same = d->open && !d->voided && d->open_lane == item->lane &&
                d->open_smtputf8 == item->needs_smtputf8 &&
                d->open_rcpts < d->limits.transaction_rcpts;
    if (!same && d->transactions >= d->limits.transactions)
        return false;
    item->plan = PLAN_MADE;
    if (same)
        return true;
    item->plan |= d->open ? PLAN_RSET | PLAN_MAIL : PLAN_MAIL;
    d->open = true;
    d->open_lane = item->lane;
    d->open_smtputf8 = item->needs_smtputf8;
    d->open_rcpts = 0;
    d->transactions++;
    return true;
}

static bool say_next(struct mc_dialogue *d, struct mc_text *out)
{
    if (d->sent.item == d->batch.count)
        return false;
    struct mc_batch_item *item = &d->batch.items[d->sent.item];
    if (!item->plan) {
        if (d->window_rcpts >= d->limits.window || enough_refusals(d) || !plan(d, item))
            return false;
    }
    uint8_t phase = next_phase(item->plan, d->sent.phase);
    if (phase == PHASE_RSET) {
        mc_text_add_z(out, "RSET\r\n");
    } else if (phase == PHASE_MAIL) {
        mc_text_add_z(out, "MAIL FROM:<");
        mc_text_add_span(out, d->names->mail_from);
        mc_text_add_z(out, item->needs_smtputf8 ? "> SMTPUTF8\r\n" : ">\r\n");
    } else {
        mc_text_add_z(out, "RCPT TO:<");
        mc_text_add_span(out, mc_batch_address(&d->batch, item));
        mc_text_add_z(out, ">\r\n");
        item->asking = MC_ASKING_SENT;
        d->open_rcpts++;
        d->window_rcpts++;
        d->asked++;
        d->said++;
    }
    pass(&d->sent, phase);
    return true;
}

static struct mc_dialogue_step say_window(struct mc_dialogue *d, struct mc_text *out)
{
    if (mc_dialogue_wants_more(d))
        begin_window(d);
    while (say_next(d, out))
        if (!d->pipelining)
            break;
    if (cursors_meet(d))
        return finish(d, MC_END_DONE, MC_DIALOGUE_QUIT);
    if (d->limits.last && d->pipelining && d->sent.item == d->batch.count &&
        !d->habits.quits_apart) {
        mc_text_add_z(out, "QUIT\r\n");
        d->quit_said = true;
    }
    uint8_t phase = next_phase(d->batch.items[d->replied.item].plan, d->replied.phase);
    d->state = phase == PHASE_RSET   ? MC_DIALOGUE_RSET
               : phase == PHASE_MAIL ? MC_DIALOGUE_MAIL
                                     : MC_DIALOGUE_RCPT;
    return step(MC_DIALOGUE_WAIT);
}

static struct mc_dialogue_step say_line(struct mc_dialogue *d, struct mc_text *out,
                                        enum mc_dialogue_state state, const char *verb,
                                        struct mc_span argument)
{
    mc_text_add_z(out, verb);
    mc_text_add_span(out, argument);
    mc_text_add_z(out, "\r\n");
    d->state = (uint8_t)state;
    return step(MC_DIALOGUE_WAIT);
}

struct mc_dialogue_step mc_dialogue_go(struct mc_dialogue *d, struct mc_text *out)
{
    MC_ASSERT(d->state == MC_DIALOGUE_READY);
    d->spoken = true;
    switch (d->next) {
    case NEXT_EHLO:
        return say_line(d, out, MC_DIALOGUE_EHLO, "EHLO ", d->names->helo);
    case NEXT_HELO:
        return say_line(d, out, MC_DIALOGUE_HELO, "HELO ", d->names->helo);
    case NEXT_STARTTLS:
        return say_line(d, out, MC_DIALOGUE_STARTTLS, "STARTTLS", mc_span("", 0));
    case NEXT_QUIT:
        return end_refused(d);
    default:
        return say_window(d, out);
    }
}
