/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-classes.c - hot and cold pages tell the shape of the curve
 */
#include <criterion/criterion.h>
#include <string.h>

#include "forecast/forecast.h"

#define PASS_S 4.0
#define PAGES 4000.0

/* Four passes of the same length and pages: D(PASS_S) is known, and by itself
 * no other duration. @cold: of each but the first; below 0: not told */
static Forecaster *
taught(double cold)
{
    Forecaster *forecaster = forecaster_new(65536);

    for (unsigned iter = 1; iter <= 4; iter++) {
        SampleRow row = {
            .iter = iter,
            .merged = 1,
            .pages_to_send = 12000,
            .page_bytes = 4096,
            .duration_s = PASS_S,
            .dirty_pages = known(PAGES),
            .bandwidth_bytes_s = 12000 * 4096 / PASS_S,
            .sent_bytes = 12000 * 4096,
        };

        if (cold >= 0) {
            row.cold_pages = known(iter == 1 ? PAGES : cold);
            row.hot_pages = known(PAGES - row.cold_pages.value);
        }
        forecaster_add(forecaster, &row);
    }
    return forecaster;
}

static double
spectrum_at(const Forecaster *forecaster, double duration_s)
{
    ForecastQuery query = {
        .pages_to_send = 10000,
        .bandwidth_bytes_s = 10000 * 4096 / duration_s,
    };
    Forecast forecast;

    size_t i = 0;

    forecaster_next(forecaster, &query, &forecast);
    while (i < forecast.n_members &&
           strcmp(forecast.members[i].name, "spectrum") != 0) {
        i++;
    }
    cr_assert_lt(i, forecast.n_members);
    cr_assert(forecast.members[i].pages.known);
    return forecast.members[i].pages.value;
}

/* Nothing new in twice the time: a set that is written all over. Everything
 * new: no page is written twice. */
Test(classes, tell_a_small_set_from_a_wide_one)
{
    g_autoptr(Forecaster) set = taught(0);
    g_autoptr(Forecaster) wide = taught(PAGES);
    g_autoptr(Forecaster) untold = taught(-1);

    for (double t = 1; t >= 0.25; t /= 2) {
        double of_set = spectrum_at(set, t), of_wide = spectrum_at(wide, t);

        cr_expect_gt(of_set, 1.5 * of_wide, "%g s: %g, %g", t, of_set, of_wide);
        cr_expect(spectrum_at(untold, t) < of_set &&
                      spectrum_at(untold, t) > of_wide,
                  "%g s: without classes it lies between", t);
    }
    /* the wide one is nearly proportional to the time */
    cr_expect_float_eq(spectrum_at(wide, 1), PAGES / PASS_S,
                       0.25 * PAGES / PASS_S);
}

Test(classes, nonsense_is_passed_over)
{
    g_autoptr(Forecaster) untold = taught(-1);
    g_autoptr(Forecaster) nonsense = taught(PAGES + 1);

    cr_expect_eq(spectrum_at(nonsense, 1), spectrum_at(untold, 1));
}
