#include "smtp/ruling_memo.h"

#include "base/hash.h"

#define KEY_TEXT_MAX 600 /* longer replies are rare, and read */

struct key {
    struct {
        uint16_t code, subject, detail;
        uint8_t class, stage;
    } head;
    char text[KEY_TEXT_MAX + 128];
};

static const char *find(struct mc_span text, struct mc_span what)
{
    if (!what.len)
        return NULL;
    char first = mc_ascii_lower(what.at[0]);
    for (size_t i = 0; i + what.len <= text.len; i++)
        if (mc_ascii_lower(text.at[i]) == first &&
            mc_span_equal_nocase(mc_span(text.at + i, what.len), what))
            return text.at + i;
    return NULL;
}

static void append(struct key *key, size_t *len, struct mc_span text)
{
    if (text.len)
        memcpy(key->text + *len, text.at, text.len);
    *len += text.len;
    key->text[(*len)++] = '\0';
}

/* The reply without the recipient's address: 0 where that leaves a part of the address behind,
 * for the words around it could then mean something else to the reader. */
static uint64_t key_of(enum mc_stage stage, const struct mc_reply *reply, struct mc_span provider,
                       const struct mc_ours *ours)
{
    struct key key;
    struct mc_span rest = mc_span(reply->text, reply->text_len), whole = ours->recipient;
    const char *at = whole.len ? memrchr(whole.at, '@', whole.len) : NULL;
    struct mc_span local = at ? mc_span(whole.at, (size_t)(at - whole.at)) : mc_span("", 0);
    struct mc_span domain = at ? mc_span(at + 1, whole.len - local.len - 1) : mc_span("", 0);
    size_t len = 0;
    if (rest.len > KEY_TEXT_MAX || provider.len + ours->address.len > 64)
        return 0;
    memset(&key.head, 0, sizeof key.head);
    key.head.code = reply->code;
    key.head.class = reply->class;
    key.head.subject = reply->subject;
    key.head.detail = reply->detail;
    key.head.stage = (uint8_t)stage;
    append(&key, &len, provider);
    append(&key, &len, ours->address);
    for (;;) {
        const char *found = find(rest, whole);
        struct mc_span part = mc_span(rest.at, found ? (size_t)(found - rest.at) : rest.len);
        if (find(part, local) || find(part, domain) || len + part.len + 1 > sizeof key.text)
            return 0;
        append(&key, &len, part);
        if (!found)
            break;
        rest = mc_span(found + whole.len, rest.len - part.len - whole.len);
    }
    uint64_t hash = mc_hash(mc_span((const char *)&key, offsetof(struct key, text) + len));
    return hash ? hash : 1;
}

struct mc_ruling mc_ruling_memo(struct mc_ruling_memo *memo, enum mc_stage stage,
                                const struct mc_reply *reply, struct mc_span provider,
                                const struct mc_ours *ours)
{
    uint64_t key = reply->code < 400 ? 0 : key_of(stage, reply, provider, ours);
    if (!key)
        return mc_classify(stage, reply, provider, ours);
    struct mc_ruling_memo_slot *slot = &memo->slots[key % MC_RULING_MEMO_SIZE];
    if (slot->key != key)
        *slot = (struct mc_ruling_memo_slot){key, mc_classify(stage, reply, provider, ours)};
    return slot->ruling;
}
