/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-prior.c - what is known before the first row, and how rows correct it
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "forecast/forecast.h"

#define TOTAL 131072
#define WRITTEN_SET 16384.0
#define WRITES_S 800.0

/* 64 MB, 800 pages per second at random */
static double
even(double duration_s)
{
    return -WRITTEN_SET * expm1(-WRITES_S * duration_s / WRITTEN_SET);
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

static double
least_mbit(const Forecaster *forecaster, double pages)
{
    MigrationQuery query = {
        .pages_to_send = (uint64_t)pages,
        .bandwidth_bytes_s = 45e6 / 8,
        .downtime_limit_s = 0.3,
    };
    MigrationForecast forecast;

    forecaster_migration(forecaster, &query, &forecast);
    cr_assert(forecast.least_bandwidth_bytes_s.known);
    return forecast.least_bandwidth_bytes_s.value * 8e-6;
}

Test(prior, answers_before_the_first_row)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    const ForecastPoint points[] = { { 10.0, even(10.0) },
                                     { 1.0, even(1.0) },
                                     { 0.25, even(0.25) } };
    MigrationQuery query = {
        .pages_to_send = TOTAL,
        .zero_pages = TOTAL / 2,
        .header_bytes = 8.0,
        .bandwidth_bytes_s = 45e6 / 8,
        .downtime_limit_s = 0.3,
    };
    MigrationForecast migration;
    Forecast forecast;

    cr_assert(forecaster_set_prior(forecaster, points, 3, 0.1));
    cr_assert_eq(forecaster_rows(forecaster), 0);
    forecast = next_of(forecaster, 3.0);
    cr_assert(forecast.pages.known);
    cr_assert_float_eq(forecast.pages.value, even(3.0), 0.15 * even(3.0));
    cr_assert_str_eq(forecast.model, "spectrum");
    cr_assert_lt(forecast.low_pages, forecast.pages.value);
    cr_assert_gt(forecast.high_pages, forecast.pages.value);

    /* 800 pages per second are 26.2 Mbit/s */
    cr_assert_float_eq(least_mbit(forecaster, TOTAL), 26.2, 2.0);
    forecaster_migration(forecaster, &query, &migration);
    cr_assert(migration.converges);
    /* 47.6 s for half of the memory, in which 14,800 pages get dirty, and so
     * on with a ratio of 0.58: 69 s. No window was longer than 10 s. */
    cr_assert_float_eq(migration.time_s.value, 69.0, 0.2 * 69.0, "%g",
                       migration.time_s.value);
    cr_assert_leq(migration.low_time_s, 69.0);
    cr_assert_geq(migration.high_time_s, 69.0);
}

Test(prior, rows_correct_it)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    /* the guest writes twice as much today */
    const ForecastPoint points[] = { { 10.0, even(10.0) / 2.0 },
                                     { 0.5, even(0.5) / 2.0 } };
    double t = 28.0;
    Forecast forecast;

    cr_assert(forecaster_set_prior(forecaster, points, 2, 0.3));
    for (unsigned iter = 1; iter <= 5; iter++) {
        add(forecaster, iter, t, even(t));
        t *= 0.5;
    }
    forecast = next_of(forecaster, t);
    cr_assert_float_eq(forecast.pages.value, even(t), 0.15 * even(t), "%g: %g",
                       forecast.pages.value, even(t));
}

/* A prior helps in the first forecasts, where there is nothing else. */
Test(prior, first_forecast_is_better_with_it)
{
    g_autoptr(Forecaster) with = forecaster_new(TOTAL);
    g_autoptr(Forecaster) without = forecaster_new(TOTAL);
    const double hot = 9000.0;
    const ForecastPoint points[] = { { 4.0, hot }, { 0.5, 0.95 * hot } };
    double off_with, off_without;

    /* a small set that is written all over: the exponent is near 0 */
    cr_assert(forecaster_set_prior(with, points, 2, 0.2));
    add(with, 1, 28.0, 1.05 * hot);
    add(without, 1, 28.0, 1.05 * hot);
    off_with = fabs(log(next_of(with, 2.0).pages.value / hot));
    off_without = fabs(log(next_of(without, 2.0).pages.value / hot));
    cr_assert_lt(off_with, 0.15);
    cr_assert_gt(off_without, 1.0);
}

Test(prior, nonsense_changes_nothing)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    ForecastPoint point = { 1.0, 100.0 };
    static const ForecastPoint bad[] = {
        { 0.0, 1.0 },  { -1.0, 1.0 }, { NAN, 1.0 },      { INFINITY, 1.0 },
        { 1.0, -1.0 }, { 1.0, NAN },  { 1.0, INFINITY },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        cr_assert_not(forecaster_set_prior(forecaster, &bad[i], 1, 0.1));
    }
    cr_assert_not(forecaster_set_prior(forecaster, &point, 0, 0.1));
    cr_assert_not(forecaster_set_prior(forecaster, &point, 1, NAN));
    cr_assert_not(forecaster_set_prior(forecaster, &point, 1, -0.1));
    cr_assert_not(next_of(forecaster, 1.0).pages.known);

    cr_assert(forecaster_set_prior(forecaster, &point, 1, 0.1));
    cr_assert_not(forecaster_set_prior(forecaster, &point, 1, 0.1), "twice");
}

Test(prior, comes_before_the_rows)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    ForecastPoint point = { 1.0, 100.0 };

    add(forecaster, 1, 10.0, 1000.0);
    cr_assert_not(forecaster_set_prior(forecaster, &point, 1, 0.1));
}

/* Rows of a real guest of this kind, a stream of 45 Mbit/s. The plain power
 * law asked for 59 Mbit/s after the second row and for 37 after the fourth,
 * where 26 are enough, and had the guest called hopeless. */
Test(prior, evenly_written_memory_is_not_asked_too_much)
{
    static const double rows[][2] = { { 28.23, 12425 }, { 9.40, 6059 },
                                      { 4.28, 3197 },   { 2.50, 1993 },
                                      { 1.37, 1193 },   { 0.81, 775 } };
    static const double most_mbit[] = { 45, 55, 45, 38, 36, 36 };
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        double least;

        add(forecaster, i + 1, rows[i][0], rows[i][1]);
        least = least_mbit(forecaster, rows[i][1] + 400);
        cr_assert_geq(least, 24.0, "row %u: %g", i + 1, least);
        cr_assert_leq(least, most_mbit[i], "row %u: %g", i + 1, least);
    }
}
