/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-rate.c - rates as users type them
 *
 * A rate taken is a number of bytes that, spelled out, is taken again; a rate
 * refused leaves the result alone and says why. Case and blanks around change
 * neither.
 */
#include "fuzz.h"

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/units.h"

#define UNTOUCHED UINT64_C(0xdeadbeefcafe)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *upper = g_ascii_strup(text, -1);
    g_autofree char *padded = g_strdup_printf(" %s\t", upper);
    g_autofree char *spelled = NULL;
    g_autofree char *shown = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) again_error = NULL;
    uint64_t rate_bytes_s = UNTOUCHED;
    uint64_t again_bytes_s = UNTOUCHED;
    bool taken = units_parse_rate(text, &rate_bytes_s, &error);
    bool again = units_parse_rate(padded, &again_bytes_s, &again_error);

    FUZZ_CHECK(taken == !error);
    FUZZ_CHECK(again == taken);
    FUZZ_CHECK(again_bytes_s == rate_bytes_s);
    if (!taken) {
        FUZZ_CHECK(rate_bytes_s == UNTOUCHED);
        FUZZ_CHECK(error->message[0]);
        FUZZ_CHECK(error->code == again_error->code);
        return 0;
    }
    FUZZ_CHECK(rate_bytes_s >= 1 && rate_bytes_s <= UINT64_C(1) << 53);
    spelled = g_strdup_printf("%" PRIu64 "bps", rate_bytes_s);
    FUZZ_CHECK(units_parse_rate(spelled, &again_bytes_s, NULL));
    FUZZ_CHECK(again_bytes_s == rate_bytes_s);
    shown = units_format_rate((double)rate_bytes_s);
    FUZZ_CHECK(strstr(shown, "bit/s"));
    return 0;
}
