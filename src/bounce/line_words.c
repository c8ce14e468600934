#include "bounce/line_words.h"

#include "base/memory.h"
#include "bounce/judge.h"
#include "bounce/wordings.h"

bool mc_words_answer(struct mc_span subject)
{
    static const char *const marks[] = {
        "Re:", "AW:", "SV:", "Antw:", "RES:", "Odp:", "回复", "答复"};
    return MC_BOUNCE_STARTS(subject, marks);
}

bool mc_words_delay(struct mc_span subject)
{
    return mc_bounce_has(subject, "delayed") ||
           mc_bounce_starts(subject, "warning: could not send") ||
           mc_bounce_starts(subject, "warning: message");
}

bool mc_words_trade(struct mc_span text)
{
    static const char *const words[] = {
        "parcel",   "payment",  "transaction", "be paid", "invitation", "überweisung",
        "virement", "支付",     "оплат",       "package", "shipment",   "invoice",
        "paket",    "sendung ", "rechnung",    "colis",   "facture",    "paquete",
        "factura",  "pacco",    "spedizione",  "pakiet",  "przesyłk",   "посылк",
        "заказ",    "包裹",     "快递",        "订单",    "荷物",       "ご注文",
        "택배",
    };
    return MC_BOUNCE_HAS(text, words);
}

bool mc_words_daemon(struct mc_span from)
{
    static const char *const words[] = {"daemon", "postmaster",           "mail delivery",
                                        "mailer", "system administrator", "mail admin"};
    return (MC_BOUNCE_HAS(from, words) && !mc_bounce_has(from, "cron daemon")) ||
           mc_span_equal(from, mc_span("<>", 2));
}

bool mc_words_person(struct mc_span from)
{
    static const char *const machines[] = {
        "system",    "server", "bounce",  "return",  "microsoft", "exchange", "reply",
        "robot",     "report", "notif",   "mail",    "post",      "list",     "admin",
        "majordomo", "sympa",  "gateway", "filter",  "security",  "spam",     "firewall",
        "deliver",   "=?",     "domino",  "outlook", "webshield",
    };
    const char *sign = from.len ? memchr(from.at, '<', from.len) : NULL;
    struct mc_span name = mc_span(from.at, sign ? (size_t)(sign - from.at) : 0);
    return mc_bounce_trim(name).len > 0 && !MC_BOUNCE_HAS(name, machines);
}

bool mc_words_advise(struct mc_span said)
{
    static const char *const heads[] = {
        "建议",
        "解决",
        "處理",
        "建議",
        "解決",
        "how to fix",
        "what can you do",
        "what should i do",
        "what to do",
        "possible solution",
        "suggested",
        "recommend",
        "cómo solucion",
        "comment résoudre",
        "so beheben",
        "что делать",
        "рекоменд",
        "対処",
        "해결",
    };
    return MC_BOUNCE_STARTS(said, heads);
}

bool mc_words_lead_elsewhere(struct mc_span line)
{
    static const char *const words[] = {
        "resend",          "did you mean", "nuevo correo",  "ansprechpartner",
        "proszę pisać",    "stuur uw",     "nieuwe adres",  "vertretung",
        "stattdessen",     "请找",         "联系",          "message sent to",
        "new address",     "new e-mail",   "new email",     "instead",
        "please use",      "contact",      "write to",      "assist",
        "verwenden sie",   "nutzen sie",   "benutzen sie",  "wenden sie",
        "schreiben sie",   "neue adresse", "kontakt",       "nouvelle adresse",
        "contacter",       "écrire",       "écrivez",       "utiliser l'adresse",
        "nueva dirección", "contacte",     "escriba",       "nuovo indirizzo",
        "contatt",         "scrivere",     "novo endereço", "новый адрес",
        "пишите",          "обращ",        "nowy adres",    "请联系",
        "新邮箱",          "新地址",       "ご連絡",        "新しい",
        "お問い合わせ",    "문의",
    };
    static const char wide[] = "\xe3\x80\x82"; /* U+3002, which ends a sentence */
    line = mc_bounce_trim(line);
    if (!line.len || strchr(".!", line.at[line.len - 1]) ||
        (line.len > 3 && !memcmp(line.at + line.len - 3, wide, 3)))
        return false;
    return MC_BOUNCE_HAS(line, words);
}

bool mc_words_arrived(struct mc_span behind)
{
    static const char *const words[] = {
        "delivered",           "successful",    "relayed",        "delivery succeeded",
        "delivery successful", "was delivered", "was successful", "has been delivered",
        "was relayed",         "zugestellt",
    };
    while (behind.len && strchr("<>()[]:;,.-\"' \t", behind.at[0]))
        behind = mc_span(behind.at + 1, behind.len - 1);
    return MC_BOUNCE_STARTS(behind, words);
}
