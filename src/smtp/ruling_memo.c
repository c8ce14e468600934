#include "smtp/ruling_memo.h"

#include "base/find.h"
#include "base/hash.h"

#define KEY_TEXT_MAX 600 /* longer replies are rare, and read */

/* A reply without its recipient's address: what is hashed. Each text has its length before it. */
struct key {
    struct {
        uint16_t code, subject, detail;
        uint8_t class, stage;
    } head;
    char text[KEY_TEXT_MAX + 128];
};

static size_t append(struct key *key, size_t len, struct mc_span text)
{
    uint16_t text_len = (uint16_t)text.len;
    memcpy(key->text + len, &text_len, sizeof text_len);
    if (text.len)
        memcpy(key->text + len + sizeof text_len, text.at, text.len);
    return len + sizeof text_len + text.len;
}

/* An address, in the two parts that may stand in a reply by themselves. */
struct recipient {
    struct mc_span whole, local, domain;
};

static struct recipient parts_of(struct mc_span whole)
{
    const char *at = whole.len ? memrchr(whole.at, '@', whole.len) : NULL;
    size_t local = at ? (size_t)(at - whole.at) : 0;
    return (struct recipient){
        .whole = whole,
        .local = mc_span(whole.at, local),
        .domain = at ? mc_span(at + 1, whole.len - local - 1) : mc_span("", 0),
    };
}

static bool same(const char *at, struct mc_span what)
{
    return memcmp(at, what.at, what.len) == 0 || mc_span_equal_nocase(mc_span(at, what.len), what);
}

/* The first place of the address in the text: an at sign has it on both sides. */
static const char *find_whole(struct mc_span text, const struct recipient *recipient)
{
    const char *end = text.at + text.len, *from = text.at + recipient->local.len, *at;
    if (!recipient->domain.len)
        return mc_find_nocase(text, recipient->whole);
    while (from < end && (at = memchr(from, '@', (size_t)(end - from))) != NULL) {
        if ((size_t)(end - at) > recipient->domain.len && same(at + 1, recipient->domain) &&
            same(at - recipient->local.len, recipient->local))
            return at - recipient->local.len;
        from = at + 1;
    }
    return NULL;
}

struct found {
    uint64_t key;    /* of the reply without the address; 0: none */
    bool plain;      /* no part of the address is left in it */
    bool as_written; /* the address stood there as it was sent, its case included */
};

static struct found key_of(enum mc_stage stage, const struct mc_reply *reply,
                           struct mc_span provider, const struct mc_ours *ours)
{
    struct key key;
    struct found found = {.as_written = true};
    struct mc_span rest = mc_span(reply->text, reply->text_len);
    const struct recipient recipient = parts_of(ours->recipient);
    if (rest.len > KEY_TEXT_MAX || provider.len + ours->address.len > 64)
        return found;
    memset(&key.head, 0, sizeof key.head);
    key.head.code = reply->code;
    key.head.class = reply->class;
    key.head.subject = reply->subject;
    key.head.detail = reply->detail;
    key.head.stage = (uint8_t)stage;
    size_t start = append(&key, append(&key, 0, provider), ours->address), len = start;
    for (;;) {
        const char *place = find_whole(rest, &recipient);
        struct mc_span part = mc_span(rest.at, place ? (size_t)(place - rest.at) : rest.len);
        if (len + part.len + sizeof(uint16_t) > sizeof key.text)
            return found;
        len = append(&key, len, part);
        if (!place)
            break;
        found.as_written =
            found.as_written && memcmp(place, recipient.whole.at, recipient.whole.len) == 0;
        rest = mc_span(place + recipient.whole.len, rest.len - part.len - recipient.whole.len);
    }
    struct mc_span left = mc_span(key.text + start, len - start);
    found.plain = !mc_find_nocase(left, recipient.local) && !mc_find_nocase(left, recipient.domain);
    uint64_t hash = mc_hash(mc_span((const char *)&key, offsetof(struct key, text) + len));
    found.key = hash ? hash : 1;
    return found;
}

/* Where a part of the address is left behind, the words around it could mean something else to the
 * reader than they would to another recipient's. */
struct mc_ruling mc_ruling_memo(struct mc_ruling_memo *memo, enum mc_stage stage,
                                const struct mc_reply *reply, struct mc_span provider,
                                const struct mc_ours *ours, uint64_t *wording)
{
    const struct found found = key_of(stage, reply, provider, ours);
    *wording = found.as_written ? found.key : 0;
    if (!found.key || !found.plain || reply->code < 400)
        return mc_classify(stage, reply, provider, ours);
    struct mc_ruling_memo_slot *slot = &memo->slots[found.key % MC_RULING_MEMO_SIZE];
    if (slot->key != found.key)
        *slot = (struct mc_ruling_memo_slot){found.key, mc_classify(stage, reply, provider, ours)};
    return slot->ruling;
}
