/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-before.c - windows and history into one curve
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "forecast/before.h"

/* The curve at a time, as the forecaster reads it: linear between points. */
static double
at(const BeforeCurve *curve, double duration_s)
{
    ForecastPoint low = { 0, 0 };

    for (size_t i = 0; i < curve->n_points; i++) {
        const ForecastPoint *high = &curve->points[i];

        if (duration_s <= high->duration_s) {
            return low.pages + (duration_s - low.duration_s) /
                                   (high->duration_s - low.duration_s) *
                                   (high->pages - low.pages);
        }
        low = *high;
    }
    return low.pages;
}

typedef struct LawCase {
    double pages_1s, exponent;
} LawCase;

ParameterizedTestParameters(before, law)
{
    static LawCase cases[] = { { 5000, 0.75 },
                               { 800, 0.95 },
                               { 48400, 0.12 },
                               { 104600, 0.66 },
                               { 20, 0.5 } };

    return cr_make_param_array(LawCase, cases, G_N_ELEMENTS(cases));
}

/* Exact windows of a power law give it back, also between them. What shorter
 * times hold is the forecaster's to say. */
ParameterizedTest(LawCase *c, before, law)
{
    static const double times[] = { 1, 2, 4, 8 };
    BeforeWindow windows[G_N_ELEMENTS(times)];
    BeforeCurve curve;

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        windows[i] =
            (BeforeWindow){ times[i], c->pages_1s * pow(times[i], c->exponent),
                            0.02 };
    }
    cr_assert(before_fit(windows, G_N_ELEMENTS(times), NULL, 0, 0, &curve));
    cr_assert_float_eq(curve.exponent, c->exponent, 0.02);
    cr_assert_float_eq(at(&curve, 1) / c->pages_1s, 1, 0.03);
    cr_assert_float_eq(at(&curve, 5) / (c->pages_1s * pow(5, c->exponent)), 1,
                       0.1, "%g", at(&curve, 5));
    cr_assert_lt(curve.log_sd, 0.2);
}

Test(before, one_window_goes_by_the_usual_exponent)
{
    BeforeWindow window = { 1, 1000, 0.05 };
    BeforeCurve curve;

    cr_assert(before_fit(&window, 1, NULL, 0, 0, &curve));
    cr_assert_float_eq(curve.exponent, 0.75, 1e-6);
    cr_assert_float_eq(curve.pages_1s, 1000, 1);
    cr_assert_float_eq(curve.exponent, 0.75, 0.01);
}

/* Exponent 0.4 in the past, four times as many pages as now. */
Test(before, history_gives_the_shape_and_windows_the_level)
{
    static const double times[] = { 20, 8, 3, 1.5, 0.6, 0.3, 0.15 };
    ForecastPoint points[G_N_ELEMENTS(times)];
    BeforeRun runs[3];
    BeforeWindow window = { 1, 1000, 0.05 };
    BeforeCurve curve;

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        points[i] = (ForecastPoint){ times[i], 4000 * pow(times[i], 0.4) };
    }
    for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
        runs[i] = (BeforeRun){ points, G_N_ELEMENTS(times) };
    }
    cr_assert(before_fit(&window, 1, runs, 3, 0, &curve));
    cr_assert_float_eq(curve.exponent, 0.4, 0.03, "%g", curve.exponent);
    cr_assert_float_eq(at(&curve, 1), 1000, 60, "%g", at(&curve, 1));
    cr_assert_float_eq(at(&curve, 10) / (1000 * pow(10, 0.4)), 1, 0.1, "%g",
                       at(&curve, 10));

    cr_assert(before_fit(NULL, 0, runs, 3, 0, &curve), "history alone");
    cr_assert_float_eq(at(&curve, 1) / 4000, 1, 0.1);
    cr_assert_gt(curve.log_sd, 0.45, "it may have changed since");
}

/* A set of 16000 pages: no power law, and history shows where it ends. */
Test(before, a_set_that_fills_up_bends_the_curve)
{
    static const double times[] = { 0.2, 0.5, 1, 2, 4, 8, 16, 32, 64 };
    ForecastPoint points[G_N_ELEMENTS(times)];
    BeforeRun run = { points, G_N_ELEMENTS(times) };
    BeforeWindow windows[2];
    BeforeCurve curve;

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        points[i] =
            (ForecastPoint){ times[i], 16000 * (1 - exp(-times[i] / 8)) };
    }
    windows[0] = (BeforeWindow){ 1, points[2].pages, 0.05 };
    windows[1] = (BeforeWindow){ 4, points[4].pages, 0.05 };
    cr_assert(before_fit(windows, 2, &run, 1, 0, &curve));
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        cr_assert_float_eq(log(at(&curve, times[i]) / points[i].pages), 0, 0.35,
                           "%g s: %g, measured %g", times[i],
                           at(&curve, times[i]), points[i].pages);
    }
}

Test(before, grows_and_stays_below_the_guest)
{
    BeforeWindow windows[] = { { 1, 50000, 0.05 },
                               { 4, 120000, 0.05 },
                               { 60, 131072, 0.05 } };
    BeforeCurve curve;

    cr_assert(before_fit(windows, 3, NULL, 0, 131072, &curve));
    for (size_t i = 1; i < curve.n_points; i++) {
        cr_assert_gt(curve.points[i].duration_s,
                     curve.points[i - 1].duration_s);
        cr_assert_geq(curve.points[i].pages, curve.points[i - 1].pages);
        cr_assert_leq(curve.points[i].pages, 131072);
    }
    cr_assert_float_eq(curve.points[curve.n_points - 1].duration_s, 60, 1e-9);
}

Test(before, an_idle_guest)
{
    BeforeWindow windows[] = { { 1, 0, 1 }, { 4, 0, 1 } };
    BeforeCurve curve;

    cr_assert(before_fit(windows, 2, NULL, 0, 131072, &curve));
    cr_assert_lt(at(&curve, 1), 10);
    cr_assert(isfinite(curve.log_sd));
}

/* Seen: passes of 82 and 3 ms of a guest that writes 800 pages/s, the second
 * with none. They are hardly worth a word beside the longer ones. */
Test(before, a_pass_with_no_page_bends_nothing)
{
    ForecastPoint points[] = { { 12.6, 7661 }, { 2.55, 1917 }, { 0.635, 636 },
                               { 0.282, 182 }, { 0.082, 108 }, { 0.0035, 0 } };
    BeforeRun with = { points, 6 }, without = { points, 5 };
    BeforeCurve a, b;

    cr_assert(before_fit(NULL, 0, &with, 1, 0, &a));
    cr_assert(before_fit(NULL, 0, &without, 1, 0, &b));
    cr_assert_float_eq(a.exponent, b.exponent, 0.03, "%g, not %g", a.exponent,
                       b.exponent);
    cr_assert_float_eq(log(at(&a, 0.1) / at(&b, 0.1)), 0, 0.1);
}

Test(before, nothing_to_go_by)
{
    ForecastPoint bad[] = { { NAN, 1 }, { 0, 1 }, { 1, -1 }, { INFINITY, 5 } };
    BeforeRun run = { bad, G_N_ELEMENTS(bad) };
    BeforeWindow window = { -1, 5, 0.1 };
    BeforeCurve curve = { .n_points = 7 };

    cr_assert_not(before_fit(NULL, 0, NULL, 0, 0, &curve));
    cr_assert_not(before_fit(&window, 1, &run, 1, 0, &curve));
    cr_assert_eq(curve.n_points, 7, "untouched");
}

/* What it is for: the forecaster takes it. */
Test(before, the_forecaster_takes_it)
{
    BeforeWindow windows[] = { { 1, 780, 0.1 }, { 4, 2700, 0.1 } };
    g_autoptr(Forecaster) forecaster = forecaster_new(131072);
    MigrationQuery query = { .pages_to_send = 131072,
                             .zero_pages = 80000,
                             .header_bytes = 8,
                             .bandwidth_bytes_s = 12.5e6,
                             .downtime_limit_s = 0.3 };
    MigrationForecast forecast;
    BeforeCurve curve;

    cr_assert(before_fit(windows, 2, NULL, 0, 131072, &curve));
    cr_assert(forecaster_set_prior(forecaster, curve.points, curve.n_points,
                                   curve.log_sd));
    forecaster_migration(forecaster, &query, &forecast);
    cr_assert(forecast.verdict_known);
    cr_assert(forecast.converges);
    cr_assert_gt(forecast.time_s.value, 51072.0 * 4096 / 12.5e6);
    query.bandwidth_bytes_s = 1e6;
    forecaster_migration(forecaster, &query, &forecast);
    cr_assert_not(forecast.converges);
    cr_assert_gt(forecast.least_bandwidth_bytes_s.value, 1e6);
}

/* Windows of one length that agree are those of a steady guest. */
Test(before, windows_that_agree_have_no_levels)
{
    static const BeforeWindow windows[] = {
        { 1, 1000, 0.05 }, { 1, 1060, 0.05 }, { 2, 1600, 0.05 },
        { 2, 1540, 0.05 }, { 4, 2600, 0.05 },
    };
    BeforeCurve curve;

    cr_assert(before_fit(windows, G_N_ELEMENTS(windows), NULL, 0, 0, &curve));
    cr_expect_eq(curve.n_levels, 0);
}

/* Those that do not are kept as levels around the curve, in their order. */
Test(before, phases_become_levels)
{
    static const BeforeWindow windows[] = {
        { 1, 3000, 0.05 }, { 1, 100, 0.2 }, { 1, 2900, 0.05 },
        { 2, 5000, 0.05 }, { 2, 200, 0.2 },
    };
    BeforeCurve curve;

    cr_assert(before_fit(windows, G_N_ELEMENTS(windows), NULL, 0, 0, &curve));
    cr_assert_eq(curve.n_levels, G_N_ELEMENTS(windows));
    for (size_t i = 0; i < curve.n_levels; i++) {
        cr_expect_eq(curve.levels[i].duration_s, windows[i].duration_s);
        cr_expect((curve.levels[i].log_level > 0) == (windows[i].pages > 1000),
                  "window %zu: %g", i, curve.levels[i].log_level);
    }
    cr_expect_lt(at(&curve, 1), 3000);
    cr_expect_gt(at(&curve, 1), 100);
}
