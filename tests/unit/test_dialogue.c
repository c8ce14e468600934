/* The dialogue as a table: every state meets every event, and none of them ends in a wait that
 * nothing would end. And the names of controls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "smtp/dialogue.h"
#include "smtp/probe_name.h"

static const struct mc_dialogue_names names = {{"probe.test", 10}, {"postmaster@probe.test", 21}};

struct talk {
    struct mc_dialogue d;
    struct mc_text said;
    struct mc_reply reply;
    struct mc_dialogue_step step;
    unsigned settled, against;
};

static struct mc_ruling ruling_of(const struct mc_reply *reply)
{
    struct mc_ruling ruling = {.reason = MC_REASON_ACCEPTED, .rule = "test"};
    if (reply->code >= 400) {
        ruling.reason = MC_REASON_SERVER_ERROR;
        ruling.blame = MC_BLAME_PEER;
    }
    if (reply->code >= 550) {
        ruling.reason = MC_REASON_NO_SUCH_MAILBOX;
        ruling.blame = MC_BLAME_MAILBOX;
    }
    if (reply->code == 530) {
        ruling.reason = MC_REASON_TLS_REQUIRED;
        ruling.blame = MC_BLAME_US;
    }
    ruling.new_transaction = reply->code == 452;
    return ruling;
}

static void begin(struct talk *talk, const struct mc_habits *habits, unsigned recipients)
{
    static const struct mc_habits none;
    *talk = (struct talk){.step = {.action = MC_DIALOGUE_WAIT, .settled = MC_NONE}};
    mc_dialogue_init(&talk->d, &names, habits ? habits : &none);
    for (unsigned i = 0; i < recipients; i++)
        mc_batch_add(&talk->d.batch, i, i / 3, mc_span_of("user"), mc_span_of("a.test"));
    talk->d.limits = (struct mc_dialogue_limits){50, 50, 50, UINT32_MAX, UINT32_MAX, false};
}

static void end(struct talk *talk)
{
    mc_dialogue_free(&talk->d);
    mc_text_free(&talk->said);
}

static void note(struct talk *talk, struct mc_dialogue_step step)
{
    talk->step = step;
    talk->settled += step.settled != MC_NONE;
    talk->against += step.against;
}

static void speak(struct talk *talk)
{
    if (talk->step.action == MC_DIALOGUE_GO)
        note(talk, mc_dialogue_go(&talk->d, &talk->said));
}

static void hear_event(struct talk *talk, enum mc_dialogue_event event, const char *text)
{
    mc_reply_from_text(mc_span_of(text), &talk->reply);
    struct mc_ruling ruling = ruling_of(&talk->reply);
    note(talk, mc_dialogue_hear(&talk->d, event, &talk->reply, &ruling));
}

/* A reply, as the session brings it. */
static void hear(struct talk *talk, const char *text)
{
    mc_reply_from_text(mc_span_of(text), &talk->reply);
    struct mc_ruling ruling = ruling_of(&talk->reply);
    note(talk, mc_dialogue_hear(&talk->d, mc_dialogue_event_of(&talk->d, &talk->reply, &ruling),
                                &talk->reply, &ruling));
}

static void said(struct talk *talk, const char *what)
{
    speak(talk);
    assert_string_equal(mc_text_z(&talk->said), what);
    talk->said.len = 0;
}

/* How to get to each state: replies, each followed by what is to be said. */
static void lead_to(struct talk *talk, enum mc_dialogue_state state)
{
    static const char ehlo[] = "250-mx\n250-PIPELINING\n250 STARTTLS";
    begin(talk, NULL, 5);
    if (state == MC_DIALOGUE_GREETING)
        return;
    hear(talk, "220 mx");
    if (state == MC_DIALOGUE_READY)
        return;
    speak(talk);
    if (state == MC_DIALOGUE_EHLO)
        return;
    if (state == MC_DIALOGUE_HELO) {
        hear(talk, "502 what?");
        speak(talk);
        return;
    }
    hear(talk, ehlo);
    speak(talk);
    if (state == MC_DIALOGUE_MAIL)
        return;
    if (state == MC_DIALOGUE_STARTTLS || state == MC_DIALOGUE_TLS) {
        hear(talk, "530 TLS first");
        while (talk->d.state != MC_DIALOGUE_READY)
            hear(talk, talk->d.state == MC_DIALOGUE_RSET ? "250 ok" : "530 TLS first");
        speak(talk);
        assert_int_equal(talk->d.state, MC_DIALOGUE_STARTTLS);
        if (state == MC_DIALOGUE_TLS)
            hear(talk, "220 go");
        return;
    }
    hear(talk, "250 ok");
    if (state == MC_DIALOGUE_RCPT)
        return;
    for (unsigned i = 0; i < 3; i++)
        hear(talk, "250 ok");
}

static void every_cell_leads_somewhere(void **state)
{
    (void)state;
    static const struct {
        enum mc_dialogue_event event;
        const char *text;
    } events[] = {
        {MC_HEARD_GOOD, "250 ok"},
        {MC_HEARD_GO_ON, "354 go on"},
        {MC_HEARD_LATER, "451 later"},
        {MC_HEARD_LATER, "452 too many"},
        {MC_HEARD_NEVER, "550 no"},
        {MC_HEARD_NEVER, "530 TLS first"},
        {MC_HEARD_NEVER, "503 sequence"},
        {MC_HEARD_LEAVING, "421 bye"},
        {MC_HEARD_GARBAGE, "what is this"},
        {MC_HEARD_TLS_UP, ""},
        {MC_HEARD_TLS_FAILED, ""},
        {MC_HEARD_CLOSED, ""},
        {MC_HEARD_SILENCE, ""},
    };
    for (int from = 0; from < MC_DIALOGUE_ENDED; from++) {
        for (size_t i = 0; i < MC_ARRAY_LEN(events); i++) {
            bool tls_event = events[i].event == MC_HEARD_TLS_UP;
            bool reply = events[i].event <= MC_HEARD_LEAVING;
            bool shaking = from == MC_DIALOGUE_TLS;
            struct talk talk;
            /* the fake's and the real stream's promise: no TLS event where none was begun, and
             * bytes amid a handshake come as garbage */
            if (shaking ? reply : tls_event)
                continue;
            if (events[i].event == MC_HEARD_TLS_FAILED && from < MC_DIALOGUE_EHLO)
                continue;
            if (events[i].event == MC_HEARD_TLS_FAILED && from == MC_DIALOGUE_STARTTLS)
                continue;
            lead_to(&talk, (enum mc_dialogue_state)from);
            assert_int_equal(talk.d.state, from);
            talk.said.len = 0;
            hear_event(&talk, events[i].event, events[i].text);
            unsigned turns = 0;
            while (talk.step.action == MC_DIALOGUE_GO && turns++ < 3)
                speak(&talk);
            if (talk.step.action == MC_DIALOGUE_WAIT)
                assert_true(talk.said.len > 0 || talk.d.sent.item != talk.d.replied.item ||
                            talk.d.sent.phase != talk.d.replied.phase);
            else if (talk.step.action == MC_DIALOGUE_START_TLS)
                assert_int_equal(talk.d.state, MC_DIALOGUE_TLS);
            else
                assert_int_equal(talk.d.state, MC_DIALOGUE_ENDED);
            assert_int_not_equal(talk.d.state, MC_DIALOGUE_READY);
            if (talk.d.state == MC_DIALOGUE_ENDED)
                assert_int_not_equal(talk.d.end, MC_END_NONE);
            end(&talk);
        }
    }
}

/* Whatever a server says, a dialogue with n recipients ends within so many replies, and answers
 * nobody twice. */
static void every_dialogue_ends(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "220 a", "250 b",          "250-c\n250 PIPELINING",
        "451 d", "452 e",          "550 f",
        "530 g", "354 h",          "250-i\n250 STARTTLS",
        "503 j", "554 pipelining", "250-mx\n250-PIPELINING\n250 STARTTLS"};
    uint64_t random = 88172645463325252ULL;
    for (unsigned round = 0; round < 20000; round++) {
        struct talk talk;
        unsigned heard = 0, windows = 0;
        bool answered[12] = {false};
        begin(&talk, NULL, round % 12);
        talk.d.limits.transaction_rcpts = 1 + round % 4;
        talk.d.limits.window = 1 + round % 7;
        talk.d.limits.last = round % 2;
        while (talk.d.state != MC_DIALOGUE_ENDED && heard < 400) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            unsigned pick = (unsigned)(random >> 20) % 100;
            if (talk.step.action == MC_DIALOGUE_GO) {
                if (mc_dialogue_wants_more(&talk.d) && ++windows > 60)
                    talk.d.limits.window = 0;
                speak(&talk);
                continue;
            }
            heard++;
            if (talk.d.state == MC_DIALOGUE_TLS) {
                note(&talk,
                     mc_dialogue_hear(&talk.d, pick < 70 ? MC_HEARD_TLS_UP : MC_HEARD_TLS_FAILED,
                                      NULL, NULL));
                continue;
            }
            const struct mc_batch_item *item = mc_dialogue_item(&talk.d);
            uint32_t id = item ? item->id : MC_NONE;
            unsigned settled = talk.settled;
            hear(&talk, pick < 40 ? "250 ok" : replies[(random >> 40) % MC_ARRAY_LEN(replies)]);
            if (talk.settled == settled)
                continue;
            assert_true(id < 12);
            assert_false(answered[id]);
            answered[id] = true;
        }
        assert_int_equal(talk.d.state, MC_DIALOGUE_ENDED);
        unsigned quits = talk.d.greeted && talk.step.action == MC_DIALOGUE_QUIT;
        for (const char *at = mc_text_z(&talk.said); (at = strstr(at, "QUIT\r\n")) != NULL; at++) {
            quits++;
            assert_int_equal(at[6], '\0'); /* nothing comes after it */
        }
        assert_true(quits <= 1);
        assert_int_equal(talk.d.quit_said, quits && talk.step.action == MC_DIALOGUE_CLOSE);
        end(&talk);
    }
}

static void what_is_said(void **state)
{
    (void)state;
    struct talk talk;
    begin(&talk, NULL, 4);
    hear(&talk, "220-wait\n220 mx");
    said(&talk, "EHLO probe.test\r\n");
    hear(&talk, "250-mx\n250-PIPELINING\n250-LIMITS RCPTMAX=2 MAILMAX=9\n250 OK");
    assert_int_equal(talk.d.habits.transaction_rcpts, 2);
    assert_int_equal(talk.d.habits.session_transactions, 9);
    talk.d.limits.transaction_rcpts = 2;
    said(&talk, "MAIL FROM:<postmaster@probe.test>\r\nRCPT TO:<user@a.test>\r\n"
                "RCPT TO:<user@a.test>\r\nRSET\r\nMAIL FROM:<postmaster@probe.test>\r\n"
                "RCPT TO:<user@a.test>\r\nRSET\r\nMAIL FROM:<postmaster@probe.test>\r\n"
                "RCPT TO:<user@a.test>\r\n");
    static const char *const replies[] = {"250 mail", "250 1", "452 2",    "250 rset", "250 mail",
                                          "550 3",    "250 x", "250 mail", "250 4"};
    for (size_t i = 0; i < MC_ARRAY_LEN(replies); i++)
        hear(&talk, replies[i]);
    assert_int_equal(talk.settled, 3);
    said(&talk, "RSET\r\nMAIL FROM:<postmaster@probe.test>\r\nRCPT TO:<user@a.test>\r\n");
    end(&talk);
}

static void control_names(void **state)
{
    (void)state;
    char one[MC_PROBE_NAME_MAX], two[MC_PROBE_NAME_MAX];
    for (unsigned i = 0; i < 2000; i++) {
        char domain[32];
        int len = snprintf(domain, sizeof domain, "d%u.test", i);
        size_t size = mc_probe_name(mc_span(domain, (size_t)len), one);
        assert_int_equal(mc_probe_name(mc_span(domain, (size_t)len), two), size);
        assert_string_equal(one, two);
        assert_true(size >= 12 && size <= 16 && strlen(one) == size);
        assert_int_equal(strspn(one, "bcdfghjklmnpqrstvwxz23456789"), size);
        assert_true(strcspn(one, "23456789") < 4 && strcspn(one, "23456789") > 0);
        mc_probe_name(mc_span_of("other.test"), two);
        assert_string_not_equal(one, two);
    }
}

#define LAST_MAIL "MAIL FROM:<postmaster@probe.test>\r\n"
#define LAST_RCPT "RCPT TO:<user@a.test>\r\n"

static void lead_to_the_last(struct talk *talk, const struct mc_habits *habits, const char *ehlo)
{
    begin(talk, habits, 1);
    talk->d.limits.last = true;
    hear(talk, "220 mx");
    said(talk, "EHLO probe.test\r\n");
    hear(talk, ehlo);
}

/* Where nobody follows, QUIT is said at once: its reply is not waited for by anybody. */
static void quit_goes_with_the_last(void **state)
{
    (void)state;
    static const char ehlo[] = "250-mx\n250 PIPELINING";
    struct talk talk;
    lead_to_the_last(&talk, NULL, ehlo);
    said(&talk, LAST_MAIL LAST_RCPT "QUIT\r\n");
    hear(&talk, "250 ok");
    hear(&talk, "550 no");
    assert_int_equal(talk.settled, 1);
    assert_int_equal(talk.step.action, MC_DIALOGUE_CLOSE);
    assert_int_equal(talk.d.end, MC_END_DONE);
    end(&talk);

    lead_to_the_last(&talk, NULL, ehlo);
    speak(&talk);
    hear(&talk, "550 we do not know you");
    hear(&talk, "503 MAIL first");
    assert_int_equal(talk.step.action, MC_DIALOGUE_CLOSE);
    assert_int_equal(talk.d.end, MC_END_REFUSED);
    assert_int_equal(talk.d.end_stage, MC_STAGE_MAIL);
    assert_int_equal(talk.settled, 0);
    end(&talk);

    lead_to_the_last(&talk, NULL, "250 mx");
    said(&talk, LAST_MAIL);
    end(&talk);

    /* a server that looks at QUIT first is met one after the other from then on */
    static const char *const losses[] = {"221 bye", ""};
    for (size_t i = 0; i < MC_ARRAY_LEN(losses); i++) {
        lead_to_the_last(&talk, NULL, ehlo);
        speak(&talk);
        hear(&talk, "250 ok");
        if (*losses[i])
            hear(&talk, losses[i]);
        else
            hear_event(&talk, MC_HEARD_SILENCE, "");
        assert_int_equal(talk.step.action, MC_DIALOGUE_CLOSE);
        assert_true(talk.d.learned && talk.d.habits.quits_apart && !talk.d.habits.lock_step);
        assert_int_equal(talk.settled, 0);
        struct mc_habits habits = talk.d.habits;
        end(&talk);
        lead_to_the_last(&talk, &habits, ehlo);
        said(&talk, LAST_MAIL LAST_RCPT);
        hear(&talk, "250 ok");
        hear(&talk, "250 ok");
        talk.d.limits.window = 0;
        speak(&talk);
        assert_int_equal(talk.step.action, MC_DIALOGUE_QUIT);
        end(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_leads_somewhere),
        cmocka_unit_test(every_dialogue_ends),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(quit_goes_with_the_last),
        cmocka_unit_test(control_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
