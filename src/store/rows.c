/* What is known, as it stands in a row: lines shortened, histories packed. */
#include <string.h>

#include "store/codes.h"
#include "store/private.h"

#define MARK '\x01' /* stands for the address in a stored line */

struct mc_span mc_store_text_of(sqlite3_value *value)
{
    const void *at = sqlite3_value_blob(value);
    int len = sqlite3_value_bytes(value);
    return at && len > 0 ? mc_span(at, (size_t)len) : mc_span("", 0);
}

struct mc_span mc_store_column_text(sqlite3_stmt *row, int column)
{
    return mc_store_text_of(sqlite3_column_value(row, column));
}

/* As much of a deciding line as is kept: the address that it repeats as a mark, and in a hashed
 * store nothing but stage and codes, since a server may name anybody in its text. */
uint32_t mc_store_shorten(struct mc_store *store, struct mc_span line, struct mc_span local,
                          struct mc_span domain)
{
    char email[MC_KEY_MAX], out[MC_STORE_LINE_MAX];
    size_t len = 0, email_len = 0;
    if (local.len) {
        char *end = mempcpy(email, local.at, local.len);
        *end++ = '@';
        end = mempcpy(end, domain.at, domain.len);
        email_len = (size_t)(end - email);
    }
    for (size_t i = 0; i < line.len && len < sizeof out; len++) {
        bool here =
            email_len && line.len - i >= email_len &&
            mc_span_equal_nocase(mc_span(line.at + i, email_len), mc_span(email, email_len));
        out[len] = here ? MARK : line.at[i];
        i += here ? email_len : 1;
    }
    if (store->keys) {
        size_t words = 0, at = 0;
        for (; at < len && (mc_is_digit(out[at]) || out[at] == '.' || out[at] == ' ' ||
                            (words == 0 && out[at] >= 'A' && out[at] <= 'Z'));
             at++)
            words += out[at] == ' ';
        len = at;
    }
    while (len && ((unsigned char)out[len - 1] & 0x80 || out[len - 1] == ' '))
        len--; /* no half of a character */
    return len ? mc_arena_add(&store->texts, mc_span(out, len)) : 0;
}

/* The line as it was, in store->line. */
struct mc_span mc_store_restore(struct mc_store *store, struct mc_span line, struct mc_span local,
                                struct mc_span domain)
{
    store->line.len = 0;
    for (size_t i = 0; i < line.len; i++) {
        const char *mark = memchr(line.at + i, MARK, line.len - i);
        size_t end = mark ? (size_t)(mark - line.at) : line.len;
        mc_text_add(&store->line, line.at + i, end - i);
        i = end;
        if (!mark)
            break;
        mc_text_add_span(&store->line, local);
        mc_text_add_char(&store->line, '@');
        mc_text_add_span(&store->line, domain);
    }
    return mc_text_span(&store->line);
}

/* Answers that were: 5 bytes each, seconds and code. */
size_t mc_store_pack_past(const struct mc_known *known, unsigned char *out)
{
    for (size_t i = 0; i < known->past_count; i++) {
        uint32_t at = (uint32_t)known->past[i].at;
        memcpy(out + i * 5, &at, 4);
        out[i * 5 + 4] = (unsigned char)mc_code_of_reason(known->past[i].reason);
    }
    return known->past_count * 5;
}

/* Days with a soft bounce: 3 bytes each. */
size_t mc_store_pack_soft(const struct mc_known *known, unsigned char *out)
{
    for (size_t i = 0; i < known->soft_count; i++) {
        memcpy(out + i * 3, &known->soft[i].day, 2);
        out[i * 3 + 2] = (unsigned char)mc_code_of_reason(known->soft[i].reason);
    }
    return known->soft_count * 3;
}

void mc_store_unpack_soft(struct mc_span bytes, struct mc_known *known)
{
    for (size_t i = 0; i + 3 <= bytes.len && known->soft_count < MC_SOFT_MAX; i += 3) {
        struct mc_soft *soft = &known->soft[known->soft_count];
        memcpy(&soft->day, bytes.at + i, 2);
        known->soft_count += mc_reason_of_code((unsigned char)bytes.at[i + 2], &soft->reason);
    }
}

void mc_store_unpack_past(struct mc_span bytes, struct mc_known *known)
{
    for (size_t i = 0; i + 5 <= bytes.len && known->past_count < MC_PAST_MAX; i += 5) {
        uint32_t at;
        enum mc_reason reason;
        memcpy(&at, bytes.at + i, 4);
        if (mc_reason_of_code((unsigned char)bytes.at[i + 4], &reason))
            known->past[known->past_count++] = (struct mc_past){at, reason};
    }
}

/* Nothing is known yet. */
static void clear(struct mc_known *known)
{
    known->reason = known->tried = (enum mc_reason)0;
    known->source = (enum mc_source)0;
    known->checked_at = known->good_at = 0;
    known->tried_at = known->unknown_since = known->bad_at = known->complained_at = 0;
    known->origin = 0;
    known->waits = false;
    known->mx = known->smtp = mc_span("", 0);
    known->past_count = known->soft_count = 0;
}

bool mc_store_read_address(sqlite3_value **columns, struct mc_known *known)
{
    clear(known);
    known->checked_at = sqlite3_value_int64(columns[MC_AT_CHECKED_AT]);
    known->good_at = sqlite3_value_int64(columns[MC_AT_GOOD_AT]);
    known->smtp = mc_store_text_of(columns[MC_AT_SMTP]);
    known->tried_at = sqlite3_value_int64(columns[MC_AT_TRIED_AT]);
    known->unknown_since = sqlite3_value_int64(columns[MC_AT_UNKNOWN_SINCE]);
    known->bad_at = sqlite3_value_int64(columns[MC_AT_BAD_AT]);
    known->complained_at = sqlite3_value_int64(columns[MC_AT_COMPLAINED_AT]);
    known->origin = (uint32_t)sqlite3_value_int64(columns[MC_AT_ORIGIN]);
    known->waits = sqlite3_value_int(columns[MC_AT_WAITS]) != 0;
    mc_store_unpack_past(mc_store_text_of(columns[MC_AT_PAST]), known);
    mc_store_unpack_soft(mc_store_text_of(columns[MC_AT_SOFT]), known);
    if (known->tried_at &&
        !mc_reason_of_code(sqlite3_value_int(columns[MC_AT_TRIED]), &known->tried))
        return false;
    return !known->checked_at ||
           (mc_reason_of_code(sqlite3_value_int(columns[MC_AT_REASON]), &known->reason) &&
            mc_source_of_code(sqlite3_value_int(columns[MC_AT_SOURCE]), &known->source));
}

/* Reason, source, then four bytes each: when checked, when good, the host. The past behind them. */
#define NUMBERS_AT 2
#define NUMBERS    3
#define PAST_AT    (NUMBERS_AT + NUMBERS * sizeof(uint32_t))

_Static_assert(PAST_AT + MC_PAST_MAX * 5 == MC_USUAL_MAX, "as the header says");

size_t mc_store_pack_usual(const struct mc_known *known, uint32_t host, unsigned char *out)
{
    const uint32_t numbers[NUMBERS] = {(uint32_t)known->checked_at, (uint32_t)known->good_at, host};
    if (!known->checked_at || known->tried_at || known->unknown_since || known->bad_at ||
        known->soft_count || known->complained_at)
        return 0;
    out[0] = (unsigned char)mc_code_of_reason(known->reason);
    out[1] = (unsigned char)mc_code_of_source(known->source);
    memcpy(out + NUMBERS_AT, numbers, sizeof numbers);
    return PAST_AT + mc_store_pack_past(known, out + PAST_AT);
}

bool mc_store_read_usual(struct mc_span usual, struct mc_known *known, uint32_t *host,
                         struct mc_span *past)
{
    uint32_t numbers[NUMBERS];
    if (usual.len < PAST_AT)
        return false;
    clear(known);
    memcpy(numbers, usual.at + NUMBERS_AT, sizeof numbers);
    known->checked_at = numbers[0];
    known->good_at = numbers[1];
    *host = numbers[2];
    *past = mc_span(usual.at + PAST_AT, usual.len - PAST_AT);
    mc_store_unpack_past(*past, known);
    return mc_reason_of_code((unsigned char)usual.at[0], &known->reason) &&
           mc_source_of_code((unsigned char)usual.at[1], &known->source);
}

bool mc_store_row(sqlite3_stmt *row, int first, struct mc_known *known)
{
    sqlite3_value *columns[MC_ADDRESS_COUNT];
    for (int i = 0; i < MC_ADDRESS_COUNT; i++)
        columns[i] = sqlite3_column_value(row, first + i);
    return mc_store_read_address(columns, known);
}

bool mc_store_read_domain(sqlite3_value **columns, struct mc_store_domain *domain)
{
    *domain = (struct mc_store_domain){
        .outcome_at = sqlite3_value_int64(columns[1]),
        .proof = (unsigned)sqlite3_value_int(columns[3]),
        .proof_at = sqlite3_value_int64(columns[4]),
        .detail = mc_store_text_of(columns[5]),
    };
    return mc_reason_of_code(sqlite3_value_int(columns[0]), &domain->outcome);
}

bool mc_store_domain_row(sqlite3_stmt *row, struct mc_store_domain *domain)
{
    sqlite3_value *columns[MC_DOMAIN_COUNT];
    for (int i = 0; i < MC_DOMAIN_COUNT; i++)
        columns[i] = sqlite3_column_value(row, i);
    return mc_store_read_domain(columns, domain);
}
