#include "report/advice.h"

#include "base/memory.h"

/* Mail providers grow wary of a sender at about 2% and turn it away at 5 to 10%. */
#define BOUNCES_TOO_MANY 0.05
#define BOUNCES_WORRYING 0.02

/* What a sentence counts. */
enum count {
    COUNT_UNDELIVERABLE,
    COUNT_DUPLICATES,
    COUNT_SUGGESTIONS,
    COUNT_UNTOLD_APART, /* catch-all and unproven */
    COUNT_FULL,
    COUNT_DISPOSABLE,
    COUNT_ROLE,
    COUNT_SUPPRESSED,
    COUNT_GREYLISTED,
    COUNT_BLOCKED,
    COUNT_UNREACHED, /* DNS, connections, time-outs, server errors */
    COUNT_TLS,
    COUNT_NOT_PROBED,
};

/* {} is the number. Order is by what it costs to leave it undone. */
static const struct {
    enum count count;
    const char *one, *many, *traditional, *simplified;
} sentences[] = {
    {COUNT_UNDELIVERABLE,
     "Take out the one undeliverable row (--keep deliverable,risky does); it would come back.",
     "Take out the {} undeliverable rows (--keep deliverable,risky does); nearly all of them "
     "would come back.",
     "請移除 {} 列無法投遞的資料（--keep deliverable,risky），幾乎都會退信。",
     "请移除 {} 行无法投递的数据（--keep deliverable,risky），几乎都会退信。"},
    {COUNT_SUPPRESSED, "One row is on your own suppress list: do not mail it.",
     "{} rows are on your own suppress list: do not mail them.",
     "{} 列在您自己的禁寄名單中，請勿寄送。", "{} 行在您自己的禁发名单中，请勿发送。"},
    {COUNT_BLOCKED,
     "One row is unknown because a server refused this host, not the mailbox: see mc_smtp, and "
     "what "
     "mailcheck doctor says of this host.",
     "{} rows are unknown because servers refused this host, not the mailboxes: see mc_smtp, and "
     "what mailcheck doctor says of this host.",
     "{} 列未知，因為伺服器拒絕的是本機而非信箱：請看 mc_smtp，並執行 mailcheck doctor 檢查本機。",
     "{} 行未知，因为服务器拒绝的是本机而非邮箱：请看 mc_smtp，并运行 mailcheck doctor 检查本机。"},
    {COUNT_GREYLISTED,
     "One row was greylisted (asked to come back later): run it again in an hour.",
     "{} rows were greylisted (asked to come back later): run them again in an hour, most will "
     "be answered then.",
     "{} 列被要求稍後再試（灰名單）：一小時後再執行一次，多數會有答案。",
     "{} 行被要求稍后再试（灰名单）：一小时后再运行一次，多数会有答案。"},
    {COUNT_UNREACHED,
     "For one row no server gave a usable answer: run it again tomorrow before you decide.",
     "For {} rows no server gave a usable answer: run them again tomorrow before you decide.",
     "{} 列沒有伺服器給出可用的回覆：明天再執行一次再作決定。",
     "{} 行没有服务器给出可用的回复：明天再运行一次再作决定。"},
    {COUNT_TLS, "One row's server insists on encryption that could not be agreed on: keep the row.",
     "For {} rows the server insists on encryption that could not be agreed on: keep the rows.",
     "{} 列的伺服器要求加密但未能協商：請保留這些列。",
     "{} 行的服务器要求加密但未能协商：请保留这些行。"},
    {COUNT_UNTOLD_APART,
     "One row's server accepts any name, so the mailbox cannot be proven: send to it in a small "
     "batch first and watch what comes back.",
     "{} rows are at servers that accept any name, so the mailboxes cannot be proven: send to "
     "them in small batches first and watch what comes back.",
     "{} 列所在的伺服器接受任何名稱，無法證實信箱：請先小批寄送，觀察退信。",
     "{} 行所在的服务器接受任何名称，无法证实邮箱：请先小批发送，观察退信。"},
    {COUNT_FULL, "One mailbox is full: try it again in a week, then drop it.",
     "{} mailboxes are full: try them again in a week, then drop them.",
     "{} 個信箱已滿：一週後再試，仍滿則移除。", "{} 个邮箱已满：一周后再试，仍满则移除。"},
    {COUNT_SUGGESTIONS, "One address looks mistyped: mc_suggestion says what may be meant.",
     "{} addresses look mistyped: mc_suggestion says what may be meant.",
     "{} 個地址疑似輸入錯誤：mc_suggestion 欄指出可能的正確地址。",
     "{} 个地址疑似输入错误：mc_suggestion 列指出可能的正确地址。"},
    {COUNT_DISPOSABLE, "One address is a throw-away one: nobody will read there next month.",
     "{} addresses are throw-away ones: nobody will read there next month.",
     "{} 個是拋棄式地址：下個月就沒有人看了。", "{} 个是一次性地址：下个月就没有人看了。"},
    {COUNT_ROLE, "One address is a role (info@, sales@): several people read it, any may complain.",
     "{} addresses are roles (info@, sales@): several people read them, any may complain.",
     "{} 個是職務地址（info@、sales@）：多人閱讀，任何一人都可能檢舉。",
     "{} 个是职能地址（info@、sales@）：多人阅读，任何一人都可能投诉。"},
    {COUNT_DUPLICATES, "One row repeats an address: drop the row that has an mc_duplicate_of.",
     "{} rows repeat an address: drop the rows that have an mc_duplicate_of.",
     "{} 列重複：請移除 mc_duplicate_of 欄有值的列。",
     "{} 行重复：请移除 mc_duplicate_of 列有值的行。"},
    {COUNT_NOT_PROBED, "One row was not probed: only syntax, lists or DNS speak for it.",
     "{} rows were not probed: only syntax, lists or DNS speak for them.",
     "{} 列未經查詢：只有語法、清單或 DNS 的依據。",
     "{} 行未经查询：只有语法、清单或 DNS 的依据。"},
};

static uint64_t count_of(const struct mc_tally *tally, enum count count)
{
    const uint64_t *rows = tally->by_reason;
    switch (count) {
    case COUNT_UNDELIVERABLE:
        return tally->by_status[MC_UNDELIVERABLE];
    case COUNT_DUPLICATES:
        return tally->duplicates;
    case COUNT_SUGGESTIONS:
        return tally->suggestions;
    case COUNT_UNTOLD_APART:
        return rows[MC_REASON_CATCH_ALL] + rows[MC_REASON_UNPROVEN];
    case COUNT_FULL:
        return rows[MC_REASON_MAILBOX_FULL];
    case COUNT_DISPOSABLE:
        return tally->disposable;
    case COUNT_ROLE:
        return tally->role;
    case COUNT_SUPPRESSED:
        return rows[MC_REASON_SUPPRESSED];
    case COUNT_GREYLISTED:
        return rows[MC_REASON_GREYLISTED];
    case COUNT_BLOCKED:
        return rows[MC_REASON_BLOCKED];
    case COUNT_UNREACHED:
        return rows[MC_REASON_DNS_FAILED] + rows[MC_REASON_CONNECT_FAILED] +
               rows[MC_REASON_TIMEOUT] + rows[MC_REASON_SERVER_ERROR];
    case COUNT_TLS:
        return rows[MC_REASON_TLS_REQUIRED];
    case COUNT_NOT_PROBED:
        return rows[MC_REASON_NOT_PROBED];
    }
    return 0;
}

void mc_report_number(struct mc_text *out, uint64_t number)
{
    struct mc_text digits = {0};
    mc_text_add_u64(&digits, number);
    for (size_t i = 0; i < digits.len; i++) {
        if (i && (digits.len - i) % 3 == 0)
            mc_text_add_char(out, ',');
        mc_text_add_char(out, digits.at[i]);
    }
    mc_text_free(&digits);
}

void mc_report_percent(struct mc_text *out, double part, double whole)
{
    double percent = whole > 0 ? 100 * part / whole : 0;
    if (percent > 0 && percent < 0.05)
        mc_text_add_z(out, "<0.1%");
    else if (percent >= 99.95 && part < whole)
        mc_text_add_z(out, "99.9%");
    else
        mc_text_printf(out, "%.1f%%", percent);
}

void mc_report_elapsed(struct mc_text *out, uint64_t ms)
{
    unsigned long long seconds = ms / 1000;
    if (seconds < 10)
        mc_text_printf(out, "%.1f s", (double)ms / 1000);
    else if (seconds < 60)
        mc_text_printf(out, "%llu s", seconds);
    else if (seconds < 3600)
        mc_text_printf(out, "%llu min %llu s", seconds / 60, seconds % 60);
    else
        mc_text_printf(out, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
}

const char *mc_report_notice(const struct mc_tally *tally, enum mc_language language)
{
    return language == MC_ENGLISH || tally->obstacle == MC_OBSTACLE_NONE
               ? tally->probe_notice
               : mc_word_of_obstacle(language, tally->obstacle);
}

enum mc_judgement mc_report_judge(const struct mc_tally *tally)
{
    double rows = (double)tally->rows, bounces = mc_tally_expected_bounces(tally);
    double unknown = (double)tally->by_status[MC_UNKNOWN];
    if (tally->is_sample && tally->probed) { /* who was not drawn is as unknown as who was */
        double not_drawn = (double)tally->by_reason[MC_REASON_NOT_PROBED];
        unknown += not_drawn * ((double)tally->probed_unknown / (double)tally->probed - 1);
    }
    if (!tally->rows || unknown * 2 >= rows)
        return MC_JUDGED_UNKNOWN;
    return bounces > BOUNCES_TOO_MANY * rows   ? MC_JUDGED_BAD
           : bounces > BOUNCES_WORRYING * rows ? MC_JUDGED_WORRYING
                                               : MC_JUDGED_GOOD;
}

enum part {
    PART_ABOUT,
    PART_WOULD,
    PART_CLEANED,
    PART_WARY,
    PART_END,
    PART_EMPTY,
    PART_CUT_SHORT,
    PART_NO_PROBE
};
static const char *const parts[][MC_LANGUAGE_COUNT] = {
    [PART_ABOUT] = {": about ", "：約 ", "：约 "},
    [PART_WOULD] = {" would come back", " 會退信", " 会退信"},
    [PART_CLEANED] = {", after cleaning ", "，清理後 ", "，清理后 "},
    [PART_WARY] = {"; mail providers grow wary of a sender at 2%.",
                   "；達 2% 時郵件服務商便會提防寄件者。", "；达 2% 时邮件服务商便会提防发件人。"},
    [PART_END] = {".", "。", "。"},
    [PART_EMPTY] = {"There was no row to check.", "沒有可檢查的資料列。", "没有可检查的数据行。"},
    [PART_CUT_SHORT] = {"The run was cut short: run it again for the rows that are still "
                        "not_probed or greylisted.",
                        "執行中途停止：仍為 not_probed 或 greylisted 的列請再執行一次。",
                        "运行中途停止：仍为 not_probed 或 greylisted 的行请再运行一次。"},
    [PART_NO_PROBE] = {"No mailbox could be probed from here: ", "從這台主機無法查詢任何信箱：",
                       "从这台主机无法查询任何邮箱："},
};

/* The one sentence about the list as a whole. */
static void judge(const struct mc_tally *tally, enum mc_language language, struct mc_text *out)
{
    static const enum mc_word words[] = {
        [MC_JUDGED_UNKNOWN] = MC_WORD_JUDGE_NONE,
        [MC_JUDGED_GOOD] = MC_WORD_JUDGE_GOOD,
        [MC_JUDGED_WORRYING] = MC_WORD_JUDGE_WARN,
        [MC_JUDGED_BAD] = MC_WORD_JUDGE_BAD,
    };
    enum mc_judgement judgement = mc_report_judge(tally);
    double cleaned = (double)mc_tally_cleaned(tally);
    mc_text_add_z(out, mc_word(language, words[judgement]));
    mc_text_add_z(out, parts[PART_ABOUT][language]);
    mc_report_percent(out, mc_tally_expected_bounces(tally), (double)tally->rows);
    mc_text_add_z(out, parts[PART_WOULD][language]);
    if (judgement != MC_JUDGED_GOOD && cleaned > 0 && !tally->is_sample) {
        mc_text_add_z(out, parts[PART_CLEANED][language]);
        mc_report_percent(out, mc_tally_expected_bounces_cleaned(tally), cleaned);
    }
    mc_text_add_z(out, parts[judgement == MC_JUDGED_GOOD ? PART_END : PART_WARY][language]);
}

static void add_sentence(const char *sentence, uint64_t number, struct mc_text *out)
{
    const char *place = strstr(sentence, "{}");
    if (place) {
        mc_text_add(out, sentence, (size_t)(place - sentence));
        mc_report_number(out, number);
        sentence = place + 2;
    }
    mc_text_add_z(out, sentence);
}

void mc_report_advice(const struct mc_tally *tally, enum mc_language language,
                      void (*add)(void *arg, struct mc_span sentence), void *arg)
{
    struct mc_text text = {0};
    if (!tally->rows) {
        add(arg, mc_span_of(parts[PART_EMPTY][language]));
        return;
    }
    if (tally->interrupted)
        add(arg, mc_span_of(parts[PART_CUT_SHORT][language]));
    const char *notice = mc_report_notice(tally, language);
    if (notice) {
        mc_text_add_z(&text, parts[PART_NO_PROBE][language]);
        mc_text_add_printable(&text, mc_span_of(notice), 800);
        mc_text_add_z(&text, parts[PART_END][language]);
        add(arg, mc_text_span(&text));
    }
    if (mc_report_judge(tally) != MC_JUDGED_UNKNOWN) {
        text.len = 0;
        judge(tally, language, &text);
        add(arg, mc_text_span(&text));
    }
    for (size_t i = 0; i < MC_ARRAY_LEN(sentences); i++) {
        uint64_t number = count_of(tally, sentences[i].count);
        const char *const in[MC_LANGUAGE_COUNT] = {
            number == 1 ? sentences[i].one : sentences[i].many,
            sentences[i].traditional,
            sentences[i].simplified,
        };
        if (!number)
            continue;
        text.len = 0;
        add_sentence(in[language], number, &text);
        add(arg, mc_text_span(&text));
    }
    mc_text_free(&text);
}
