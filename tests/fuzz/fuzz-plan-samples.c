/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-samples.c - tables of measured migrations, and what is fitted to
 * them
 */
#include "fuzz.h"

#include <glib.h>
#include <math.h>

#include "plan/calibrate.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) samples =
        plan_samples_read((PlanText){ (const char *)data, size }, &error);

    FUZZ_CHECK(!samples == !!error);
    if (samples && samples->len <= 50) {
        PlanCalibration c = plan_calibrate(samples, 0.3);

        FUZZ_CHECK(c.n_folds >= 1 && c.n_folds <= c.n_samples);
        FUZZ_CHECK(isfinite(c.error) && c.error >= 0);
        FUZZ_CHECK(isfinite(c.factor) && isfinite(c.extra_bytes));
    }
    return 0;
}
