#include "smtp/ruling_memo.h"

#include "base/find.h"
#include "base/hash.h"

static size_t append(struct mc_ruling_memo_key *key, size_t len, struct mc_span text)
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
    uint64_t hash;   /* of the reply without the address; 0: none */
    bool plain;      /* no part of the address is left in it */
    bool as_written; /* the address stood there as it was sent, its case included */
};

static struct mc_span pieces_of(const struct mc_ruling_memo_shape *shape)
{
    return mc_span(shape->key.text + shape->pieces, shape->len - shape->pieces);
}

/* Takes the reply apart, into `shape`. */
static struct found key_of(enum mc_stage stage, const struct mc_reply *reply,
                           struct mc_span provider, const struct mc_ours *ours,
                           const struct recipient *recipient, struct mc_ruling_memo_shape *shape)
{
    struct mc_ruling_memo_key *key = &shape->key;
    struct found found = {.as_written = true};
    struct mc_span rest = mc_span(reply->text, reply->text_len);
    if (rest.len > MC_RULING_MEMO_TEXT || provider.len + ours->address.len > 64)
        return found;
    memset(&key->head, 0, sizeof key->head);
    key->head.code = reply->code;
    key->head.class = reply->class;
    key->head.subject = reply->subject;
    key->head.detail = reply->detail;
    key->head.stage = (uint8_t)stage;
    size_t len = append(key, append(key, 0, provider), ours->address);
    shape->pieces = len;
    for (;;) {
        const char *place = find_whole(rest, recipient);
        struct mc_span part = mc_span(rest.at, place ? (size_t)(place - rest.at) : rest.len);
        if (len + part.len + sizeof(uint16_t) > sizeof key->text)
            return found;
        len = append(key, len, part);
        if (!place)
            break;
        found.as_written =
            found.as_written && memcmp(place, recipient->whole.at, recipient->whole.len) == 0;
        rest = mc_span(place + recipient->whole.len, rest.len - part.len - recipient->whole.len);
    }
    shape->len = len;
    struct mc_span pieces = pieces_of(shape);
    found.plain =
        !mc_find_nocase(pieces, recipient->local) && !mc_find_nocase(pieces, recipient->domain);
    uint64_t hash =
        mc_hash(mc_span((const char *)key, offsetof(struct mc_ruling_memo_key, text) + len));
    found.hash = hash ? hash : 1;
    return found;
}

/* ---- the same words again ---- */

static unsigned pair_at(const char *at)
{
    unsigned first = (unsigned char)mc_ascii_lower(at[0]);
    unsigned second = (unsigned char)mc_ascii_lower(at[1]);
    return (first * 37 + second) % 1024;
}

static void remember_shape(struct mc_ruling_memo_shape *shape, uint64_t hash)
{
    shape->hash = 0;
    if (!hash)
        return;
    struct mc_span pieces = pieces_of(shape);
    if (memchr(pieces.at, '@', pieces.len)) /* then an address might stand across their ends */
        return;
    memset(shape->pairs, 0, sizeof shape->pairs);
    for (size_t i = 0; i + 1 < pieces.len; i++) {
        unsigned pair = pair_at(pieces.at + i);
        shape->pairs[pair / 64] |= UINT64_C(1) << pair % 64;
    }
    shape->hash = hash;
}

/* False is certain; a pair that no piece has settles most. */
static bool may_hold(const struct mc_ruling_memo_shape *shape, struct mc_span what)
{
    for (size_t i = 0; i + 1 < what.len; i++) {
        unsigned pair = pair_at(what.at + i);
        if (!(shape->pairs[pair / 64] >> pair % 64 & 1))
            return false;
    }
    return mc_find_nocase(pieces_of(shape), what) != NULL;
}

/* Takes the next text of the key. */
static struct mc_span next_text(const struct mc_ruling_memo_key *key, size_t *at)
{
    uint16_t len;
    memcpy(&len, key->text + *at, sizeof len);
    struct mc_span text = mc_span(key->text + *at + sizeof len, len);
    *at += sizeof len + len;
    return text;
}

static bool take(struct mc_span *rest, struct mc_span what)
{
    if (rest->len < what.len || memcmp(rest->at, what.at, what.len) != 0)
        return false;
    *rest = mc_span(rest->at + what.len, rest->len - what.len);
    return true;
}

/* The reply is made of these pieces, with the recipient's address between them and nowhere else:
 * no piece has an at sign. */
static bool has_shape(const struct mc_ruling_memo_shape *shape, enum mc_stage stage,
                      const struct mc_reply *reply, struct mc_span provider,
                      const struct mc_ours *ours, const struct recipient *recipient)
{
    const struct mc_ruling_memo_key *key = &shape->key;
    struct mc_span rest = mc_span(reply->text, reply->text_len);
    size_t at = 0;
    if (!shape->hash || key->head.code != reply->code || key->head.class != reply->class ||
        key->head.subject != reply->subject || key->head.detail != reply->detail ||
        key->head.stage != (uint8_t)stage || !recipient->domain.len ||
        !mc_span_equal(next_text(key, &at), provider) ||
        !mc_span_equal(next_text(key, &at), ours->address) || !take(&rest, next_text(key, &at)))
        return false;
    while (at < shape->len)
        if (!take(&rest, recipient->whole) || !take(&rest, next_text(key, &at)))
            return false;
    return !rest.len;
}

/* Where a part of the address is left behind, the words around it could mean something else to the
 * reader than they would to another recipient's. */
struct mc_ruling mc_ruling_memo(struct mc_ruling_memo *memo, enum mc_stage stage,
                                const struct mc_reply *reply, struct mc_span provider,
                                const struct mc_ours *ours, uint64_t *wording)
{
    const struct recipient recipient = parts_of(ours->recipient);
    struct mc_ruling_memo_shape *shape = &memo->shapes[reply->code >= 400];
    if (has_shape(shape, stage, reply, provider, ours, &recipient)) {
        *wording = shape->hash;
        if (reply->code < 400 || may_hold(shape, recipient.local) ||
            may_hold(shape, recipient.domain))
            return mc_classify(stage, reply, provider, ours);
        return shape->ruling;
    }
    const struct found found = key_of(stage, reply, provider, ours, &recipient, shape);
    bool settled = found.hash && found.plain;
    *wording = found.as_written ? found.hash : 0;
    remember_shape(shape, settled ? *wording : 0);
    if (!settled || reply->code < 400)
        return mc_classify(stage, reply, provider, ours);
    struct mc_ruling_memo_slot *slot = &memo->slots[found.hash % MC_RULING_MEMO_SIZE];
    if (slot->key != found.hash)
        *slot = (struct mc_ruling_memo_slot){found.hash, mc_classify(stage, reply, provider, ours)};
    shape->ruling = slot->ruling;
    return slot->ruling;
}
