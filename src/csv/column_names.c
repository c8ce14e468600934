#include "csv/column_names.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/memory.h"

/* Folded as folded() does: lower case, NFKC, without blanks and punctuation. */
static const char *const exact[] = {
    "email",
    "mail",
    "emailaddress",
    "mailaddress",
    "emailaddr",
    "emailid",
    "emails",
    "emailaddresses",
    "primaryemail",
    "mainemail",
    "contactemail",
    "useremail",
    "customeremail",
    "subscriberemail",
    "recipientemail",
    "email1",
    "email1value",
    "emailaddress1",
    "emailprimary",
    "emailwork",
    /* Dutch, German, Scandinavian, Finnish, Estonian */
    "emailadresse",
    "mailadresse",
    "emailadres",
    "mailadres",
    "epost",
    "epostadresse",
    "epostadress",
    "epostaadress",
    "mejl",
    "mejladress",
    "emailadress",
    "mailadress",
    "sähköposti",
    "sähköpostiosoite",
    "sahkoposti",
    "netfang",
    "tölvupóstur",
    /* French, Spanish, Catalan, Italian, Portuguese, Romanian */
    "courriel",
    "mél",
    "adressemail",
    "adresseemail",
    "adressecourriel",
    "adresseélectronique",
    "adresseelectronique",
    "courrierélectronique",
    "correo",
    "correoelectrónico",
    "correoelectronico",
    "direccióndecorreo",
    "direcciondecorreo",
    "direccióndecorreoelectrónico",
    "direcciondecorreoelectronico",
    "correuelectrònic",
    "adreçaelectrònica",
    "postaelettronica",
    "indirizzoemail",
    "indirizzomail",
    "indirizzodipostaelettronica",
    "correioeletrônico",
    "correioeletronico",
    "correioeletrónico",
    "endereçodeemail",
    "enderecodeemail",
    "endereçoeletrônico",
    "adresăemail",
    "adresaemail",
    "adresădeemail",
    "adresadeemail",
    "poștăelectronică",
    /* Slavic, Baltic, Hungarian, Albanian */
    "poczta",
    "pocztaelektroniczna",
    "adresemail",
    "adrespocztyelektronicznej",
    "emailováadresa",
    "emailovaadresa",
    "emailadresa",
    "elektronickáadresa",
    "elektronskapošta",
    "elektronskaposta",
    "epošta",
    "eposta",
    "enaslov",
    "elektronskinaslov",
    "elpaštas",
    "elpastas",
    "epaštas",
    "epastas",
    "epasts",
    "epastaadrese",
    "emailcím",
    "emailcim",
    "elektronikuslevélcím",
    "почта",
    "электроннаяпочта",
    "элпочта",
    "эпочта",
    "адресэлектроннойпочты",
    "имейл",
    "емейл",
    "емайл",
    "имэйл",
    "мейл",
    "мыло",
    "emailадрес",
    "адресemail",
    "пошта",
    "електроннапошта",
    "елпошта",
    "адресаелектронноїпошти",
    "електроннаадреса",
    "електронскапошта",
    "епошта",
    "електроненадрес",
    "имејл",
    "електронадреса",
    /* Greek, Turkish, Hebrew, Arabic, Persian */
    "ηλεκτρονικόταχυδρομείο",
    "ηλταχυδρομείο",
    "διεύθυνσηemail",
    "emailδιεύθυνση",
    "ηλεκτρονικήδιεύθυνση",
    "epostaadresi",
    "elektronikposta",
    "mailadresi",
    "emailadresi",
    "דואראלקטרוני",
    "דואל",
    "אימייל",
    "מייל",
    "כתובתמייל",
    "כתובתאימייל",
    "البريدالإلكتروني",
    "البريدالالكتروني",
    "بريدإلكتروني",
    "بريدالكتروني",
    "ايميل",
    "إيميل",
    "الإيميل",
    "الايميل",
    "ایمیل",
    "پستالکترونیک",
    "رایانامه",
    /* Chinese, Japanese, Korean */
    "邮箱",
    "电子邮箱",
    "电子邮件",
    "邮件",
    "邮件地址",
    "邮箱地址",
    "电子邮件地址",
    "电子邮箱地址",
    "電郵",
    "電郵地址",
    "電子郵件",
    "電子郵件地址",
    "電子信箱",
    "信箱",
    "郵箱",
    "郵件",
    "メール",
    "メールアドレス",
    "eメール",
    "eメールアドレス",
    "電子メール",
    "電子メールアドレス",
    "メアド",
    "이메일",
    "이메일주소",
    "전자우편",
    "전자메일",
    "메일",
    "메일주소",
    /* Hindi, Thai, Vietnamese, Indonesian, Malay */
    "ईमेल",
    "ईमेलपता",
    "อีเมล",
    "อีเมล์",
    "ที่อยู่อีเมล",
    "thưđiệntử",
    "địachỉemail",
    "diachiemail",
    "surel",
    "alamatemail",
    "alamatsurel",
    "emel",
    "alamatemel",
};

static const char *const parts[] = {
    "mail", "courriel", "correo", "epost", "sähköpost", "почт",   "пошт", "имейл",
    "邮箱", "邮件",     "電郵",   "郵件",  "メール",    "이메일", "메일", "อีเมล",
};

/* Somebody else's address, or not the first choice. */
static const char *const secondary[] = {
    "owner",    "manager", "referr",  "second",  "other",   "altern", "backup", "former",
    "previous", "agent",   "assist",  "parent",  "spouse",  "reply",  "sender", "created",
    "admin",    "billing", "invoice", "support", "recover", "2",      "3",      "4",
};

static const char *const weak[] = {
    "address",      "addresses", "contact",  "contacts",   "recipient", "recipients",
    "to",           "user",      "username", "userid",     "login",     "subscriber",
    "subscribers",  "member",    "members",  "account",    "adresse",   "adressen",
    "kontakt",      "kontakte",  "contacto", "contatto",   "empfänger", "destinataire",
    "destinatario", "адрес",     "адреса",   "получатель", "контакт",   "宛先",
    "アドレス",     "地址",      "收件人",   "주소",       "benutzer",  "benutzername",
    "utilisateur",  "usuario",   "abonnent", "abonné",     "upn",       "userprincipalname",
    "list",         "liste",
};

/* Not a name but what stands in a cell where an address is missing: "no email", "not-an-email". */
static const char *const denials[] = {
    "notan",   "nota",    "noemail", "nomail", "invalid", "bad",  "plain", "junk",
    "missing", "without", "broken",  "justan", "keine",   "sans", "sin",
};

#define NAME_MAX_LEN 200

static bool is_noise(unsigned char c)
{
    return c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9');
}

/* Writes at most `size` bytes, which is more than any name of the tables needs. */
static struct mc_span folded(struct mc_span name, char *out, size_t size)
{
    size_t len = size, kept = 0;
    const uint8_t *from = (const uint8_t *)name.at;
    uint8_t *fold = u8_casefold(from, name.len, NULL, UNINORM_NFKC, NULL, &len);
    for (size_t i = 0; fold && i < len && kept < size; i++)
        if (!is_noise(fold[i]))
            out[kept++] = (char)fold[i];
    free(fold);
    return mc_span(out, kept);
}

static bool is_one_of(struct mc_span name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mc_span_equal(name, mc_span_of(table[i])))
            return true;
    return false;
}

static bool has_one_of(struct mc_span name, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memmem(name.at, name.len, table[i], strlen(table[i])))
            return true;
    return false;
}

static bool denies(struct mc_span name)
{
    for (size_t i = 0; i < MC_ARRAY_LEN(denials); i++) {
        struct mc_span denial = mc_span_of(denials[i]);
        if (name.len >= denial.len && memcmp(name.at, denial.at, denial.len) == 0)
            return true;
    }
    return false;
}

enum mc_name_rank mc_column_name_rank(struct mc_span name)
{
    char buffer[NAME_MAX_LEN];
    if (name.len > NAME_MAX_LEN / 2)
        return MC_NAME_OTHER;
    struct mc_span fold = folded(name, buffer, sizeof buffer);
    if (is_one_of(fold, exact, MC_ARRAY_LEN(exact)))
        return MC_NAME_EXACT;
    if (!denies(fold) && has_one_of(fold, parts, MC_ARRAY_LEN(parts)))
        return has_one_of(fold, secondary, MC_ARRAY_LEN(secondary)) ? MC_NAME_SECONDARY
                                                                    : MC_NAME_CONTAINS;
    return is_one_of(fold, weak, MC_ARRAY_LEN(weak)) ? MC_NAME_WEAK : MC_NAME_OTHER;
}
