/* What a file is and how it is written, told from any bytes; UTF-16 comes back as it was. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "csv/dialect.h"
#include "csv/file_kind.h"
#include "csv/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_detection(struct mc_span text, bool final)
{
    static const char *const columns[] = {NULL, "2", "email"};
    struct mc_detected detected = {.cr_ends_rows = false};
    char error[200];
    for (size_t i = 0; i < MC_ARRAY_LEN(columns); i++) {
        const struct mc_rows_options options = {.column = columns[i]};
        if (!mc_dialect_detect(&detected, text, final, &options, "list", error, sizeof error))
            continue;
        const struct mc_dialect *dialect = &detected.dialect;
        MC_ASSERT(dialect->ours_count == 0 || dialect->has_header);
        MC_ASSERT(dialect->header_cells > 0 || !dialect->has_header);
        MC_ASSERT(detected.description.len > 0);
        for (uint32_t k = 1; k < dialect->ours_count; k++)
            MC_ASSERT(dialect->ours[k - 1] < dialect->ours[k]);
    }
    mc_detected_free(&detected);
}

static void check_utf16(struct mc_span units, bool big_endian, size_t cut)
{
    char *text = mc_malloc(mc_utf16_decoded_max(units.len) + MC_ODD_BYTE_LEN);
    size_t used, rest_used;
    size_t len = mc_utf16_decode(units.at, cut, big_endian, false, text, &used);
    len += mc_utf16_decode(units.at + used, units.len - used, big_endian, true, text + len,
                           &rest_used);
    MC_ASSERT(used + rest_used == units.len);
    char *back = mc_malloc(mc_utf16_encoded_max(len) + 1);
    size_t back_len = mc_utf16_encode(text, len, big_endian, true, back, &used);
    MC_ASSERT(used == len && mc_span_equal(mc_span(back, back_len), units));
    free(back);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct mc_span text = mc_span((const char *)data + 2, size - 2);
    char error[200];
    bool bom;
    (void)mc_file_kind_encoding(text, &bom);
    (void)mc_file_kind_refuse(text, "list", error, sizeof error);
    check_detection(text, data[0] & 1);
    check_utf16(text, data[0] & 2, text.len * data[1] / 256);
    return 0;
}
