/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-oracle.c - forecasts by a guest that is known beforehand
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "forecast/forecast.h"

#define TOTAL 65536
#define WRITTEN_SET 8192.0
#define WRITES_S 500.0

/* 32 MB, 500 pages per second at random */
static double
even(double duration_s)
{
    return -WRITTEN_SET * expm1(-WRITES_S * duration_s / WRITTEN_SET);
}

static ForecastCurve
curve_of(const double *durations_s, size_t n)
{
    ForecastCurve curve = { .n_points = n, .log_sd = 0.1 };

    for (size_t i = 0; i < n; i++) {
        curve.points[i] =
            (ForecastPoint){ durations_s[i], even(durations_s[i]) };
    }
    return curve;
}

static Forecast
next_of(const Forecaster *forecaster, double duration_s)
{
    ForecastQuery query = {
        .pages_to_send = 1000000,
        .bandwidth_bytes_s = 1000000 * 4096.0 / duration_s,
    };
    Forecast forecast;

    forecaster_next(forecaster, &query, &forecast);
    return forecast;
}

static void
add(Forecaster *forecaster, unsigned iter, double duration_s, double pages)
{
    SampleRow row = {
        .iter = iter,
        .merged = 1,
        .page_bytes = 4096,
        .duration_s = duration_s,
        .dirty_pages = known(pages),
    };

    forecaster_add(forecaster, &row);
}

Test(oracle, says_what_the_curve_says_before_the_first_row)
{
    const double durations_s[] = { 30.0, 8.0, 2.0, 0.3 };
    ForecastCurve curve = curve_of(durations_s, 4);
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);

    cr_assert_not(forecaster_has_oracle(forecaster));
    cr_assert(forecaster_set_oracle(forecaster, &curve));
    cr_assert(forecaster_has_oracle(forecaster));
    for (size_t i = 0; i < 4; i++) {
        Forecast forecast = next_of(forecaster, durations_s[i]);

        cr_assert(forecast.pages.known);
        cr_assert_str_eq(forecast.model, "oracle");
        cr_assert_float_eq(forecast.median_pages / even(durations_s[i]), 1.0,
                           1e-6);
        cr_assert_lt(forecast.low_pages, forecast.pages.value);
        cr_assert_gt(forecast.high_pages, forecast.median_pages);
        cr_assert_str_eq(forecast.members[forecast.n_members - 1].name,
                         "oracle");
    }
}

/* Between its points, and shorter than the shortest, it keeps to the shape of
 * a guest that writes a set. */
Test(oracle, goes_on_between_and_beyond_its_points)
{
    const double durations_s[] = { 30.0, 1.0 };
    const double asked_s[] = { 0.2, 0.5, 3.0, 10.0, 40.0 };
    ForecastCurve curve = curve_of(durations_s, 2);
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);

    forecaster_set_oracle(forecaster, &curve);
    for (size_t i = 0; i < G_N_ELEMENTS(asked_s); i++) {
        double ratio =
            next_of(forecaster, asked_s[i]).median_pages / even(asked_s[i]);

        cr_assert(ratio > 0.75 && ratio < 1.34, "%g s: %g of the truth",
                  asked_s[i], ratio);
    }
}

/* Members learn, the oracle knows. */
Test(oracle, is_not_moved_by_what_is_seen)
{
    const double durations_s[] = { 30.0, 1.0 };
    ForecastCurve curve = curve_of(durations_s, 2);
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    Forecast before, after;

    forecaster_set_oracle(forecaster, &curve);
    before = next_of(forecaster, 1.0);
    for (unsigned i = 1; i <= 4; i++) {
        add(forecaster, i, 2.0, 40.0);
    }
    after = next_of(forecaster, 1.0);
    cr_assert_eq(forecaster_rows(forecaster), 4);
    cr_assert_float_eq(after.median_pages, before.median_pages, 1e-9);
    cr_assert_str_eq(after.members[0].name, "last");
    cr_assert_float_eq(after.members[0].pages.value, 40.0, 1e-9);
}

Test(oracle, plays_the_migration_through_without_a_row)
{
    const double durations_s[] = { 30.0, 8.0, 2.0, 0.3 };
    ForecastCurve curve = curve_of(durations_s, 4);
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    MigrationQuery query = {
        .pages_to_send = TOTAL,
        .bandwidth_bytes_s = 45e6 / 8,
        .downtime_limit_s = 0.3,
    };
    MigrationForecast fast, slow;

    forecaster_set_oracle(forecaster, &curve);
    forecaster_migration(forecaster, &query, &fast);
    query.bandwidth_bytes_s = 8e6 / 8;
    forecaster_migration(forecaster, &query, &slow);
    cr_assert(fast.verdict_known && fast.converges && fast.surely_converges);
    /* 500 pages a second are 16.4 Mbit/s */
    cr_assert(slow.verdict_known && !slow.converges &&
              !slow.possibly_converges);
}

typedef struct {
    char what[40];
    size_t n;
    double duration_s, pages, log_sd;
} BadCase;

ParameterizedTestParameters(oracle, refuses)
{
    static BadCase cases[] = {
        { "no point", 0, 1, 1, 0.1 },
        { "too many points", FORECAST_MAX_POINTS + 1, 1, 1, 0.1 },
        { "no duration", 1, 0, 1, 0.1 },
        { "negative pages", 1, 1, -1, 0.1 },
        { "no number", 1, 1, NAN, 0.1 },
        { "no doubt at all", 1, 1, 1, 0 },
        { "no number for the doubt", 1, 1, 1, NAN },
    };

    return cr_make_param_array(BadCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadCase *bad, oracle, refuses)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    ForecastCurve curve = { .n_points = bad->n, .log_sd = bad->log_sd };

    curve.points[0] = (ForecastPoint){ bad->duration_s, bad->pages };
    cr_assert_not(forecaster_set_oracle(forecaster, &curve), "%s", bad->what);
    cr_assert_not(forecaster_has_oracle(forecaster));
}

Test(oracle, comes_before_rows_and_alone)
{
    const double durations_s[] = { 1.0 };
    ForecastCurve curve = curve_of(durations_s, 1);
    g_autoptr(Forecaster) late = forecaster_new(TOTAL);
    g_autoptr(Forecaster) other = forecaster_new(TOTAL);

    add(late, 1, 1.0, 100.0);
    cr_assert_not(forecaster_set_oracle(late, &curve));
    cr_assert(forecaster_set_prior(other, curve.points, 1, 0.1));
    cr_assert_not(forecaster_set_oracle(other, &curve));
}
