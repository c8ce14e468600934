#include "bounce/prose_words.h"

#include "base/memory.h"
#include "bounce/bounce_text.h"
#include "bounce/judge.h"
#include "bounce/wordings.h"

#define HAS(table, text) mc_bounce_has_any(text, table, MC_ARRAY_LEN(table))

bool mc_words_are_ruler(struct mc_span line)
{
    static const char *const rulers[] = {
        "this is a copy of the message",
        "this is a copy of your message",
        "this line is a copy of",
        "original message follows",
        "original message below",
        "--original message",
        "-- original message",
        "- original message",
        "original message headers",
        "original message as received",
        "start of returned message",
        "header of the source mail",
        "message is following",
        "original message header",
        "original message text",
        "unsent message follows",
        "unsent message below",
        "returned message follows",
        "returned message below",
        "message header follows",
        "message headers follow",
        "message contents follow",
        "message text follows",
        "copy of original message",
        "copy of the original message",
        "headers of the original",
        "header of the original",
        "top 20 lines of the message",
        "message is returned below",
        "your message follows",
        "the original message was:",
        "returned content",
        "start of returned message",
        "begin forwarded",
        "the message header",
        "--- original",
        "- header of",
        "returned mail text",
        "rejected message:",
        "text of your message",
        "ursprüngliche nachricht",
        "message d'origine",
        "message original",
        "mensaje original",
        "оригинал",
        "исходное сообщение",
        "原始邮件",
        "元のメッセージ",
    };
    return line.len < 160 && HAS(rulers, line);
}

bool mc_words_are_cover(struct mc_span text)
{
    static const char *const words[] = {
        "copy of the bounce message", "copy of the first bounce",   "triggering bounce notice",
        "bounce message i received",  "bounce message is enclosed", "the attached bounce",
        "attached bounce message",
    };
    return HAS(words, text);
}

bool mc_words_answer(struct mc_span subject)
{
    static const char *const marks[] = {
        "Re:", "AW:", "SV:", "Antw:", "RES:", "Odp:", "回复", "答复"};
    for (size_t i = 0; i < MC_ARRAY_LEN(marks); i++)
        if (mc_bounce_starts(subject, marks[i]))
            return true;
    return false;
}

bool mc_words_trade(struct mc_span text)
{
    static const char *const words[] = {
        "parcel",  "package", "shipment", "invoice", "paket",      "sendung ", "rechnung", "colis",
        "facture", "paquete", "factura",  "pacco",   "spedizione", "pakiet",   "przesyłk", "посылк",
        "заказ",   "包裹",    "快递",     "订单",    "荷物",       "ご注文",   "택배",
    };
    return HAS(words, text);
}

bool mc_words_daemon(struct mc_span from)
{
    static const char *const words[] = {"daemon", "postmaster",           "mail delivery",
                                        "mailer", "system administrator", "mail admin"};
    return HAS(words, from);
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
    for (size_t i = 0; i < MC_ARRAY_LEN(heads); i++)
        if (mc_bounce_starts(said, heads[i]))
            return true;
    return false;
}

bool mc_words_fail(struct mc_span line)
{
    static const char *const words[] = {
        "could not",      "couldn't",     "can not",
        "cannot",         "can't",        "not be deliv",
        "not deliver",    "undeliver",    "fail",
        "unable",         "unknown",      "not found",
        "no such",        "does not",     "doesn't",
        "not exist",      "rejected",     "refused",
        "invalid",        "not reach",    "did not",
        "was not",        "not accept",   "full",
        "quota",          "disabled",     "inactive",
        "suspended",      "bounced",      "error",
        "problem",        "unreachable",  "unavailable",
        "not available",  "unzustellbar", "nicht zu",
        "nicht gefunden", "konnte nicht", "existiert nicht",
        "unbekannt",      "pas pu",       "n'a pas",
        "inconnu",        "no se pudo",   "no se ha po",
        "no ha podido",   "no existe",    "desconocid",
        "non è stato",    "impossibile",  "inesistente",
        "não foi",        "não pôde",     "не ",
        "nie można",      "nie został",   "nie istnieje",
        "不存在",         "失败",         "退回",
        "无法",           "不能",         "無法",
        "失敗",           "不明",         "できません",
        "存在し",         "ありません",   "ませんでした",
        "見つかり",       "エラー",       "실패",
        "없습니다",       "못했습니다",   "returned",
        "not enough",     "valid user",   "not valid",
        "permanent",      "delayed",      "is not a",
        "not listed",     "kunne ikke",   "kunde inte",
        "ei voitu",       "未能",         "virus",
        "tidak ",         "không ",       "ไม่",
        "mislykkedes",    "wasn't",       "hittades",
        "fundet",         "funnet",       "gevonden",
        "trouvé",         "introuvable",  "encontrad",
        "trovat",         "nalezen",      "znalezion",
        "bulunamad",      "δεν ",         "misslyckades",
        "epäonnistu",     "nepodařilo",   "nezdařilo",
        "sikerült",       "edilemedi",    "nie udało",
        "nie udalo",      "kon niet",     "exceed",
    };
    return HAS(words, line);
}

bool mc_words_name_others(struct mc_span line)
{
    static const char *const words[] = {
        "contact",         "assistance",     "postmaster@",      "mail from ",   "write to",
        "message-id",      "reply-to",       "mailto:",          "http://",      "https://",
        "support@",        "help@",          "abuse@",           "helpdesk",     "sent by",
        "sender:",         "mail from:",     "return-path",      "originator",   "on behalf of",
        "envelope-sender", "envelope-from",  "email us",         "questions",    "forward this",
        "from <",          "please send",    "administrator at", "references:",  "in-reply-to",
        "webmaster@",      "mailer-daemon@", "you sent from",    "from address", "your address",
    };
    return mc_bounce_starts(line, "from:") || mc_bounce_starts(line, "from ") ||
           mc_bounce_starts(line, ">>> MAIL") || mc_bounce_starts(line, "von:") || HAS(words, line);
}

bool mc_words_lead_back(struct mc_span text)
{
    static const char *const words[] = {
        "generated from",       "expanded from",      "original address:", "forwarded from",
        "originally addressed", "originally sent to", "redirected from",   "generated by ",
    };
    return HAS(words, text);
}

size_t mc_words_label(struct mc_span line)
{
    static const char *const labels[] = {
        "rcpt to:",
        ">>> rcpt to:",
        "failed recipient:",
        "failed recipients:",
        "failed address:",
        "failed addresses:",
        "failed to deliver to",
        "user mailbox exceeds allowed size:",
        "unknown user:",
        "user unknown:",
        "unknown local-part",
        "unknown recipient:",
        "invalid recipient:",
        "invalid final delivery userid:",
        "final delivery failed for",
        "delivery failed:",
        "delivery failed for",
        "delivery failed to:",
        "delivery to the following recipient failed",
        "mail could not be delivered to:",
        "could not deliver to:",
        "could not be delivered to:",
        "was not delivered to:",
        "undeliverable to:",
        "undeliverable to",
        "undelivered to:",
        "recipient:",
        "recipient address:",
        "original address:",
        "recipient's address:",
        "recipients:",
        "recipient(s):",
        "address:",
        "addressee:",
        "user:",
        "to:",
        "an:",
        "para:",
        "account:",
        "mailbox:",
        "member:",
        "final-recipient:",
        "final recipient:",
        "intended recipient:",
        "original recipient:",
        "destinataire:",
        "destinatario:",
        "empfänger:",
        "收件人:",
        "收件人：",
        "宛先:",
        "宛先：",
        "받는사람:",
        "받는 사람:",
        "кому:",
        "odbiorca:",
        "message to:",
        "mail to:",
        "email address:",
        "mail to",
        "message to",
        "deferred",
    };
    for (size_t i = 0; i < MC_ARRAY_LEN(labels); i++)
        if (mc_bounce_starts(line, labels[i]))
            return strlen(labels[i]);
    return 0;
}

bool mc_prose_is_report_subject(struct mc_span subject)
{
    static const char *const words[] = {
        "undeliver",
        "returned mail",
        "return mail",
        "returned to sender",
        "returned message",
        "delivery status",
        "delivery fail",
        "delivery notif",
        "delivery report",
        "delivery error",
        "delivery problem",
        "delivery has failed",
        "delivery time",
        "delivery exp",
        "delivery delayed",
        "delivery unsuccess",
        "failure notice",
        "failure notif",
        "failure delivery",
        "failed delivery",
        "failed mail",
        "mail failure",
        "mail delivery",
        "mail error",
        "mail system error",
        "message delivery",
        "message status",
        "message delayed",
        "message not deliv",
        "not deliver",
        "non deliver",
        "non-deliver",
        "nondeliver",
        "could not be",
        "could not send",
        "could not deliver",
        "cannot deliver",
        "can't deliver",
        "couldn't be",
        "unable to deliver",
        "unreachable",
        "user unknown",
        "unknown user",
        "mailbox full",
        "mailbox unavail",
        "rejected",
        "bounce",
        "ndn:",
        "ndr:",
        "dsn:",
        "non recapit",
        "mancato recapito",
        "mancata consegna",
        "unzustellbar",
        "nicht zu",
        "zustell",
        "fehlgeschlagen",
        "non remis",
        "non délivr",
        "échec",
        "non distribu",
        "no se puede",
        "no se pudo",
        "no entregado",
        "devuelto",
        "não entreg",
        "não pôde",
        "falha",
        "devolvid",
        "niedostarcz",
        "nie dostarcz",
        "zwrot",
        "zwrócon",
        "niemożliwe",
        "недостав",
        "не достав",
        "невозможно достав",
        "возвращ",
        "ошибка достав",
        "退信",
        "退回",
        "投递失败",
        "投遞",
        "系统退信",
        "无法送达",
        "發送失敗",
        "发送失败",
        "配信",
        "エラーメール",
        "戻り",
        "送信できません",
        "届けられ",
        "반송",
        "전달되지",
        "전송 실패",
        "발송실패",
        "onbestelbaar",
        "kunde inte",
        "kunne ikke",
        "kan inte lever",
        "kan ikke lever",
        "non può essere",
        "non consegnat",
        "nu a putut fi",
        "nebylo doručeno",
        "не удалось достав",
        "kan niet worden",
        "olevererbart",
        "oleveransbart",
        "ikke leveret",
        "olevererbar",
        "toimitus",
        "teslim edilemedi",
        "nedoručiteln",
        "nedorucit",
        "kézbesít",
        "undelivered",
        "delivery attempt",
        "delivery warning",
        "mail could not",
        "warning: message",
        "warning - delayed",
        "warning: could not",
        "deferred mail",
        "mail warning",
        "error sending",
        "error delivering",
        "failed to deliver",
        "delivery incomplete",
        "smtp server error",
        "problem delivering",
        "mail undeliv",
        "mailer-daemon",
        "自动回复: 退信",
        "transient delivery",
        "mail status report",
        "undeliv",
        "status notification",
        "failed to send",
    };
    return HAS(words, subject);
}

bool mc_prose_is_report_text(struct mc_span text)
{
    static const char *const words[] = {
        "could not be delivered",
        "couldn't be delivered",
        "could not deliver",
        "can not be delivered",
        "cannot be delivered",
        "was undeliverable",
        "is undeliverable",
        "not been delivered",
        "was not delivered",
        "wasn't delivered",
        "not be delivered",
        "unable to deliver",
        "failed to deliver",
        "delivery failed",
        "delivery has failed",
        "delivery to the following",
        "did not reach the following",
        "permanent fatal errors",
        "transient non-fatal errors",
        "was unable to accept",
        "failed addresses follow",
        "has been returned",
        "is being returned",
        "were undeliverable",
        "undeliverable message",
        "undelivered mail",
        "undeliverable mail",
        "error while attempting to deliver",
        "transcript of session",
        "the following address",
        "the following recipient",
        "message is returned",
        "mail is returned",
        "returned to sender",
        "bounce message",
        "550 ",
        "konnte nicht",
        "n'a pas pu être",
        "kunde inte levereras",
        "kunne ikke leveres",
        "kon niet worden",
        "no pudo ser entregado",
        "non può essere consegnato",
        "no se ha podido entregar",
        "no se pudo entregar",
        "non è stato possibile",
        "não pôde ser entregue",
        "nie mogła zostać",
        "nie została dostarczona",
        "не может быть доставлено",
        "не было доставлено",
        "не доставлено",
        "退回",
        "未能",
        "无法投递",
        "无法送达",
        "配信できません",
        "配信されません",
        "送信できません",
        "届けること",
        "전달하지 못",
        "전송되지",
        "반송",
    };
    return HAS(words, text);
}

bool mc_prose_is_auto_reply_subject(struct mc_span subject)
{
    static const char *const words[] = {
        "out of office",
        "out of the office",
        "out-of-office",
        "automatic reply",
        "auto reply",
        "auto-reply",
        "autoreply",
        "automatic response",
        "auto response",
        "auto-response",
        "autoresponse",
        "automated reply",
        "automated response",
        "vacation",
        "on holiday",
        "away from",
        "i am away",
        "abwesen",
        "automatische antwort",
        "nicht im büro",
        "absence",
        "absent",
        "réponse automatique",
        "fuera de la oficina",
        "respuesta automática",
        "fuera de oficina",
        "risposta automatica",
        "assenza",
        "fuori sede",
        "resposta automática",
        "ausência",
        "автоответ",
        "autoodpowied",
        "nieobecno",
        "自动回复",
        "自動回覆",
        "自動返信",
        "自動応答",
        "不在",
        "부재중",
        "자동응답",
        "automatisch antwoord",
        "afwezig",
        "autosvar",
        "auto:",
        "away message",
        "otomatik yan",
        "no longer with",
        "we have received your",
        "probe message",
        "thank you for your",
        "has left the company",
    };
    return HAS(words, subject);
}

bool mc_prose_is_delay(struct mc_span text)
{
    static const char *const words[] = {
        "this is a warning message only",
        "you do not need to resend",
        "no action is required on your part",
        "delivery attempts will continue",
        "will continue to be attempted",
        "will keep trying",
        "will try again",
        "will continue to try",
        "will continue trying",
        "will be retried",
        "will be retrying",
        "still being attempted",
        "has not yet been delivered",
        "not yet been delivered",
        "not been delivered yet",
        "temporarily undelivered",
        "has been delayed",
        "is delayed",
        "will be made until",
        "continue to attempt",
        "wird weiterhin versucht",
        "continuera",
        "будет продолж",
        "повторные попытки",
        "повторит попыт",
        "попытки доставки будут",
        "будет повтор",
    };
    static const char *const over[] = {
        "giving up",       "gave up",         "no further attempts", "will not be tried",
        "permanent fatal", "permanent error", "permanent failure",   "has been canceled",
    };
    return HAS(words, text) && !HAS(over, text);
}

bool mc_prose_is_success(struct mc_span subject, struct mc_span text)
{
    static const char *const words[] = {
        "successful mail delivery",   "successful delivery notif", "successfully delivered",
        "was successfully",           "been successfully",         "has been delivered to",
        "has been relayed",           "were successfully",         "erfolgreich zugestellt",
        "delivery acknowledgement (",
    };
    static const char *const but[] = {
        "fatal errors", "fail", "could not be", "not been delivered", "undeliver", "rejected",
    };
    return (HAS(words, text) || HAS(words, subject)) && !HAS(but, text) && !HAS(but, subject);
}
