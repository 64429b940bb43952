/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-result.c - results of runs as they lie on disk
 *
 * A text that is taken can be written, and what is read of that writes the
 * same again. Without names it is a result still, and guestperf's tools get a
 * report of it.
 */
#include "fuzz.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#include "experiment/anonymize.h"
#include "experiment/guestperf.h"
#include "experiment/result.h"

static char *
written(const Result *result)
{
    g_autoptr(JsonObject) json = result_to_json(result);

    return jobj_to_text(json, true);
}

static void
check_exports(const char *data, size_t size)
{
    g_autoptr(JsonObject) run = jobj_parse(data, size, NULL);
    g_autoptr(JsonObject) report = NULL;
    g_autoptr(Result) still = NULL;
    g_autofree char *text = NULL;

    FUZZ_CHECK(run);
    report = guestperf_report(run, NULL);
    FUZZ_CHECK(report);
    result_anonymize(run);
    text = jobj_to_text(run, false);
    still = result_parse(text, strlen(text), NULL);
    FUZZ_CHECK(still);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Result) result = result_parse((const char *)data, size, &error);
    g_autoptr(Result) again = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    if (!result) {
        FUZZ_CHECK(error);
        return 0;
    }
    check_exports((const char *)data, size);
    once = written(result);
    again = result_parse(once, strlen(once), NULL);
    FUZZ_CHECK(again);
    twice = written(again);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    for (int i = 0; i < MEASURE_N; i++) {
        Figure figure;

        if (result_measure(result, (Measure)i, &figure)) {
            FUZZ_CHECK(isfinite(figure.value));
        }
    }
    return 0;
}
