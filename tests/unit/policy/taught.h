/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * taught.h - a forecaster that was shown a guest of a known law
 */
#ifndef TESTS_POLICY_TAUGHT_H
#define TESTS_POLICY_TAUGHT_H

#include <math.h>

#include "forecast/forecast.h"

#define MBIT 125000.0
#define PAGE 4096.0

/* @passes of a guest that dirties W (1 - exp(-writes T / W)) pages, the first
 * one of 20 s, each 0.7 times as long as the one before. */
static inline Forecaster *
taught(unsigned passes, double writes_s, double written_set)
{
    Forecaster *forecaster = forecaster_new(1u << 20);
    double duration_s = 20.0;

    for (unsigned iter = 1; iter <= passes; iter++, duration_s *= 0.7) {
        SampleRow row = {
            .iter = iter,
            .merged = 1,
            .page_bytes = (uint64_t)PAGE,
            .duration_s = duration_s,
            .dirty_pages = known(-written_set *
                                 expm1(-writes_s * duration_s / written_set)),
        };

        forecaster_add(forecaster, &row);
    }
    return forecaster;
}

#endif
