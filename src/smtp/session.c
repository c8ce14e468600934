#include "smtp/session.h"

#include "base/hash.h"
#include "base/memory.h"

/* How long a stopped session may still wait for replies to what it has said. */
#define STOP_GRACE_MS 500
/* A server may be slow with each reply, but not with all of them for ever. */
#define SESSION_REPLIES 20

/* A reply in the making. Taken from the common pool for a read, kept beyond it only where the
 * reply is not complete. */
struct mc_reader {
    struct mc_reader *next;
    struct mc_reply_parser parser;
    struct mc_reply reply;
};

static void give_back(struct mc_session *session)
{
    struct mc_reader *reader = session->reader;
    if (!reader)
        return;
    reader->next = session->common->readers;
    session->common->readers = reader;
    session->reader = NULL;
}

static struct mc_reader *take_reader(struct mc_session *session)
{
    struct mc_reader *reader = session->common->readers;
    if (reader)
        session->common->readers = reader->next;
    else
        reader = mc_malloc(sizeof *reader);
    mc_reply_start(&reader->parser, &reader->reply);
    return reader;
}

/* Deadlines mostly move away, so the timer stays where it is and looks again when it fires. */
static void set_deadline(struct mc_session *session, int64_t wait_ms)
{
    session->deadline_ms = mc_loop_now_ms(session->common->loop) + wait_ms;
    if (session->latest_ms && session->deadline_ms > session->latest_ms)
        session->deadline_ms = session->latest_ms;
    if (session->timer_ms && session->timer_ms <= session->deadline_ms)
        return;
    session->timer_ms = session->deadline_ms;
    mc_timer_set(&session->timer, session->timer_ms);
}

/* `check -v`: time, who, direction, line. */
static void trace(struct mc_session *session, const char *sign, struct mc_span text)
{
    struct mc_session_common *common = session->common;
    if (!common->trace)
        return;
    int64_t spent_ms = mc_loop_now_ms(common->loop) - session->opened_ms;
    for (size_t at = 0; at < text.len;) {
        const char *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.at) - at : text.len - at;
        size_t shown = len && text.at[at + len - 1] == '\r' ? len - 1 : len;
        common->line.len = 0;
        mc_text_printf(&common->line, "%3d.%03d %s %s ", (int)(spent_ms / 1000),
                       (int)(spent_ms % 1000), session->label ? session->label : "", sign);
        mc_text_add_printable(&common->line, mc_span(text.at + at, shown), 1000);
        common->trace(common->trace_arg, mc_text_z(&common->line));
        at += len + 1;
    }
}

static void trace_reply(struct mc_session *session, const struct mc_reply *reply)
{
    struct mc_text text = {0};
    struct mc_span rest = mc_span(reply->text, reply->text_len);
    do {
        const char *end = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
        size_t len = end ? (size_t)(end - rest.at) : rest.len;
        mc_text_printf(&text, "%03u%c", reply->code, end ? '-' : ' ');
        mc_text_add(&text, rest.at, len);
        mc_text_add_char(&text, '\n');
        rest = end ? mc_span(rest.at + len + 1, rest.len - len - 1) : mc_span("", 0);
    } while (rest.len);
    trace(session, "<", mc_text_span(&text));
    mc_text_free(&text);
}

/* What was made of a reply: stage, reason, whom it blames, the rule that decided. */
static void trace_ruling(struct mc_session *session, const struct mc_ruling *ruling)
{
    static const char *const blames[] = {
        [MC_BLAME_NOBODY] = "nobody",
        [MC_BLAME_MAILBOX] = "the mailbox",
        [MC_BLAME_DOMAIN] = "the domain",
        [MC_BLAME_PEER] = "the server",
        [MC_BLAME_US] = "us",
    };
    struct mc_text text = {0};
    mc_text_printf(
        &text, "%s: %s, blames %s%s; rule %s", mc_stage_name(mc_dialogue_stage(&session->dialogue)),
        mc_reason_name(ruling->reason), blames[ruling->blame],
        ruling->surety == MC_AMBIGUOUS ? ", if others are accepted here" : "", ruling->rule);
    trace(session, "=", mc_text_span(&text));
    mc_text_free(&text);
}

/* TLS, and the wait for it: no server but the slowest is in it for more than some seconds. */

static void wait_for_secure(struct mc_session *session)
{
    struct mc_session **last = &session->common->secure_waiting;
    while (*last)
        last = &(*last)->secure_next;
    *last = session;
    session->secure_next = NULL;
    session->secure_waits = true;
    set_deadline(session, session->common->reply_timeout_ms * SESSION_REPLIES);
}

static void stop_waiting(struct mc_session *session)
{
    struct mc_session **at = &session->common->secure_waiting;
    if (!session->secure_waits)
        return;
    while (*at != session)
        at = &(*at)->secure_next;
    *at = session->secure_next;
    session->secure_waits = false;
}

static void speak(struct mc_session *session);

/* Its TLS is gone: the next one may begin. */
static void leave_secure(struct mc_session *session)
{
    struct mc_session *next = session->common->secure_waiting;
    if (!session->secure)
        return;
    session->secure = false;
    session->common->secure--;
    if (!next)
        return;
    stop_waiting(next);
    speak(next);
}

static void close_stream(struct mc_session *session)
{
    mc_stream_close(session->stream);
    session->stream = NULL;
    leave_secure(session);
}

/* The one way a session ends. `polite`: with QUIT; `linger`: the server is to close first. */
static void end(struct mc_session *session, bool polite, bool linger, const char *why)
{
    static const char quit[] = "QUIT\r\n";
    session->over = true;
    session->speak = false;
    mc_timer_cancel(&session->timer);
    stop_waiting(session);
    give_back(session);
    session->common->events->ended(session, why);
    if (polite)
        trace(session, ">", mc_span_of(quit));
    if (polite || linger) {
        mc_stream_finish(session->stream, quit, polite ? sizeof quit - 1 : 0, session->closes_first,
                         session->common->linger_ms);
    } else {
        close_stream(session);
        session->common->events->gone(session);
    }
}

/* The sentence for an end without a reply. */
static const char *explain(struct mc_session *session, char *room, size_t size)
{
    static const char *const what[] = {
        [MC_END_HANG_UP] = "the server closed the connection",
        [MC_END_SILENCE] = "no reply came in time",
        [MC_END_GARBAGE] = "what came is no SMTP reply",
        [MC_END_TLS] = "the TLS handshake failed",
    };
    static const char *const where[MC_STAGE_COUNT] = {
        [MC_STAGE_BANNER] = "before its greeting", [MC_STAGE_EHLO] = "after EHLO",
        [MC_STAGE_STARTTLS] = "after STARTTLS",    [MC_STAGE_MAIL] = "after MAIL FROM",
        [MC_STAGE_RCPT] = "after RCPT TO",
    };
    const char *first =
        session->dialogue.end < MC_ARRAY_LEN(what) ? what[session->dialogue.end] : NULL;
    const char *second = where[session->dialogue.end_stage];
    if (!first)
        return NULL;
    snprintf(room, size, "%s%s%s", first, second ? " " : "", second ? second : "");
    return room;
}

static void act(struct mc_session *session, const struct mc_dialogue_step *step);

static void stop_now(struct mc_session *session)
{
    struct mc_dialogue_step last = mc_dialogue_stop(&session->dialogue);
    act(session, &last);
}

static void hear(struct mc_session *session, enum mc_dialogue_event event)
{
    struct mc_dialogue_step step = mc_dialogue_hear(&session->dialogue, event, NULL, NULL);
    act(session, &step);
}

static void act(struct mc_session *session, const struct mc_dialogue_step *step)
{
    char room[160];
    switch (step->action) {
    case MC_DIALOGUE_WAIT:
        if (!session->stopping)
            set_deadline(session, session->common->reply_timeout_ms);
        break;
    case MC_DIALOGUE_GO:
        session->speak = true;
        break;
    case MC_DIALOGUE_START_TLS:
        if (session->surplus) { /* said in plain, to be believed as if it came in TLS? no */
            hear(session, MC_HEARD_GARBAGE);
            break;
        }
        trace(session, "*", mc_span_of("TLS handshake"));
        mc_stream_start_tls(session->stream, session->common->events->name(session));
        set_deadline(session, session->common->reply_timeout_ms);
        break;
    case MC_DIALOGUE_QUIT:
        end(session, true, true, explain(session, room, sizeof room));
        break;
    case MC_DIALOGUE_CLOSE:
        /* after QUIT or a 421 the server closes; one that never greeted may do nothing for ever */
        end(session, false, session->dialogue.end == MC_END_LEAVING || session->dialogue.quit_said,
            explain(session, room, sizeof room));
        break;
    }
}

/* What is due to be said, now that the input is drained. */
static void speak(struct mc_session *session)
{
    struct mc_session_common *common = session->common;
    session->speak = false;
    if (session->stopping) {
        stop_now(session);
        return;
    }
    if (mc_dialogue_wants_tls(&session->dialogue) && !session->secure) {
        if (common->secure >= MC_SESSION_SECURE_MAX) {
            wait_for_secure(session);
            return;
        }
        session->secure = true;
        common->secure++;
    }
    if (mc_dialogue_wants_more(&session->dialogue))
        common->events->fill(session);
    common->out.len = 0;
    struct mc_dialogue_step step = mc_dialogue_go(&session->dialogue, &common->out);
    if (common->out.len) {
        trace(session, ">", mc_text_span(&common->out));
        mc_stream_write(session->stream, common->out.at, common->out.len);
    }
    act(session, &step);
}

/* Our own address stands in few replies, and asking the kernel for it is dear. The least that one
 * has is three dots between digits, two colons in a row, or seven. */
static bool may_hold_an_address(const struct mc_reply *reply)
{
    const char *end = reply->text + reply->text_len;
    unsigned dots = 0, colons = 0;
    for (const char *at = reply->text; (at = memchr(at, '.', (size_t)(end - at))) != NULL; at++)
        dots += at > reply->text && mc_is_digit(at[-1]) && at + 1 < end && mc_is_digit(at[1]);
    for (const char *at = reply->text; (at = memchr(at, ':', (size_t)(end - at))) != NULL; at++)
        colons += at + 1 < end && at[1] == ':' ? 7 : 1;
    return dots >= 3 || colons >= 7;
}

static struct mc_ruling rule(struct mc_session *session, const struct mc_reply *reply)
{
    struct mc_session_common *common = session->common;
    enum mc_stage stage = mc_dialogue_stage(&session->dialogue);
    const struct mc_batch_item *item = mc_dialogue_item(&session->dialogue);
    struct mc_ours ours = {.sender = common->names.mail_from, .helo = common->names.helo};
    if (reply->code >= 400 && may_hold_an_address(reply)) /* of a good one the code counts */
        ours.address = mc_span_of(mc_stream_local_address(session->stream));
    if (item)
        ours.recipient = mc_batch_address(&session->dialogue.batch, item);
    return mc_ruling_memo(&common->memo, stage, reply, mc_span_of(session->provider), &ours,
                          &session->wording);
}

/* One complete reply. */
static void take_reply(struct mc_session *session, const struct mc_reply *reply)
{
    struct mc_dialogue *dialogue = &session->dialogue;
    const struct mc_session_events *events = session->common->events;
    struct mc_ruling ruling = {0};
    bool ruled = reply->code >= 400 || dialogue->state == MC_DIALOGUE_RCPT;
    if (session->common->trace)
        trace_reply(session, reply);
    if (ruled)
        ruling = rule(session, reply);
    if (ruled && session->common->trace)
        trace_ruling(session, &ruling);
    enum mc_dialogue_state state = dialogue->state;
    enum mc_stage stage = mc_dialogue_stage(dialogue);
    enum mc_dialogue_event event = mc_dialogue_event_of(dialogue, reply, ruled ? &ruling : NULL);
    struct mc_dialogue_step step = mc_dialogue_hear(dialogue, event, reply, ruled ? &ruling : NULL);
    if (step.settled != MC_NONE)
        events->answered(session, &dialogue->batch.items[step.settled], reply, &ruling);
    if (step.against)
        events->against(session, stage, reply, &ruling);
    if (event == MC_HEARD_GOOD && (state == MC_DIALOGUE_EHLO || state == MC_DIALOGUE_HELO))
        events->welcome(session);
    act(session, &step);
}

static void on_received(void *owner, const char *bytes, size_t len)
{
    struct mc_session *session = owner;
    bool partial = session->reader != NULL;
    if (!session->reader)
        session->reader = take_reader(session);
    while (len && !session->over) {
        struct mc_reader *reader = session->reader;
        size_t used = 0;
        if (session->dialogue.state == MC_DIALOGUE_TLS) {
            hear(session, MC_HEARD_GARBAGE);
            return;
        }
        enum mc_reply_state state = mc_reply_feed(&reader->parser, bytes, len, &used);
        bytes += used;
        len -= used;
        partial = state == MC_REPLY_MORE;
        if (partial)
            break;
        session->surplus = len > 0;
        if (state == MC_REPLY_COMPLETE) {
            take_reply(session, &reader->reply);
        } else {
            if (session->common->trace)
                trace_reply(session, &reader->reply);
            hear(session, MC_HEARD_GARBAGE);
        }
        if (!session->over)
            mc_reply_start(&reader->parser, &reader->reply);
    }
    if (session->over)
        return;
    if (!partial)
        give_back(session);
    if (!partial && session->speak)
        speak(session);
}

static void on_connected(void *owner)
{
    struct mc_session *session = owner;
    session->connected = true;
    session->latest_ms = mc_loop_now_ms(session->common->loop) +
                         (int64_t)session->common->reply_timeout_ms * SESSION_REPLIES;
    session->common->events->connected(session);
    trace(session, "*", mc_span_of("connected"));
    if (session->stopping)
        stop_now(session);
    else
        set_deadline(session, session->common->reply_timeout_ms);
}

static void on_tls_up(void *owner)
{
    struct mc_session *session = owner;
    hear(session, MC_HEARD_TLS_UP);
    if (session->speak)
        speak(session);
}

static void on_failed(void *owner, enum mc_stream_failure failure, const char *why)
{
    struct mc_session *session = owner;
    trace(session, "*", mc_span_of(why));
    if (!session->connected) {
        session->failure = failure;
        end(session, false, false, why);
        return;
    }
    hear(session,
         session->dialogue.state == MC_DIALOGUE_TLS ? MC_HEARD_TLS_FAILED : MC_HEARD_CLOSED);
}

static void on_finished(void *owner)
{
    struct mc_session *session = owner;
    close_stream(session);
    session->common->events->gone(session);
}

static void on_timer(void *arg)
{
    struct mc_session *session = arg;
    session->timer_ms = 0;
    int64_t left_ms = session->deadline_ms - mc_loop_now_ms(session->common->loop);
    if (left_ms > 0) {
        set_deadline(session, left_ms);
        return;
    }
    if (session->stopping) {
        stop_now(session);
    } else if (!session->connected) {
        session->timed_out = true;
        end(session, false, false, "no answer to the connect in time");
    } else {
        hear(session, MC_HEARD_SILENCE);
    }
}

struct mc_session *mc_session_open(struct mc_session_common *common, const struct sockaddr *address,
                                   socklen_t address_len, const struct mc_habits *habits,
                                   struct mc_batch *batch)
{
    static const struct mc_stream_events events = {on_connected, on_received, on_tls_up, on_failed,
                                                   on_finished};
    common->sessions.size = sizeof(struct mc_session);
    struct mc_session *session = mc_pool_get(&common->sessions);
    *session = (struct mc_session){
        .common = common, .opened_ms = mc_loop_now_ms(common->loop), .role.set = MC_NONE};
    mc_dialogue_init(&session->dialogue, &common->names, habits);
    mc_batch_settle_in(&session->dialogue.batch, batch);
    mc_timer_init(&session->timer, common->loop, on_timer, session);
    set_deadline(session, common->connect_timeout_ms);
    session->stream = mc_stream_connect(common->net, address, address_len, &events, session);
    return session;
}

void mc_session_stop(struct mc_session *session)
{
    if (session->over || session->stopping)
        return;
    session->stopping = true;
    if (!session->connected || !session->dialogue.greeted) {
        end(session, false, false, NULL);
        return;
    }
    session->timer_ms = 0;
    set_deadline(session, STOP_GRACE_MS);
}

void mc_session_free(struct mc_session *session)
{
    if (!session)
        return;
    mc_timer_cancel(&session->timer);
    stop_waiting(session);
    give_back(session);
    mc_stream_close(session->stream);
    mc_dialogue_free(&session->dialogue);
    free(session->blame);
    free(session->wordless_last);
    mc_doubts_free(&session->doubts);
    free(session->label);
    mc_pool_put(&session->common->sessions, session);
}

void mc_session_common_free(struct mc_session_common *common)
{
    while (common->readers) {
        struct mc_reader *reader = common->readers;
        common->readers = reader->next;
        free(reader);
    }
    mc_pool_free(&common->sessions);
    mc_text_free(&common->out);
    mc_text_free(&common->line);
}
