/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ladder.c - every rung of the ladder, and what members must not do
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "forecast/forecast.h"

#define BANDWIDTH 5e6
#define TOTAL 131072

static SampleRow
row_of(unsigned iter, double duration_s, double pages)
{
    return (SampleRow){
        .iter = iter,
        .merged = 1,
        .pages_to_send = 10000,
        .page_bytes = 4096,
        .duration_s = duration_s,
        .dirty_pages = known(pages),
    };
}

static void
add(Forecaster *forecaster, unsigned iter, double duration_s, double pages)
{
    SampleRow row = row_of(iter, duration_s, pages);

    forecaster_add(forecaster, &row);
}

/* A query that plans a pass of @duration_s */
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

static Known
member(const Forecast *forecast, const char *name)
{
    for (size_t i = 0; i < forecast->n_members; i++) {
        if (strcmp(forecast->members[i].name, name) == 0) {
            return forecast->members[i].pages;
        }
    }
    cr_assert_fail("no member %s", name);
    return unknown();
}

Test(ladder, nothing_known_nothing_said)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    MigrationQuery query = { .pages_to_send = 1000,
                             .bandwidth_bytes_s = BANDWIDTH,
                             .downtime_limit_s = 0.3 };
    MigrationForecast migration;
    Forecast forecast = next_of(forecaster, 2.0);

    cr_assert_not(forecast.pages.known);
    cr_assert_null(forecast.model);
    cr_assert_float_eq(forecast.planned_duration_s, 2.0, 1e-9);
    for (size_t i = 0; i < forecast.n_members; i++) {
        cr_assert_not(forecast.members[i].pages.known, "%s",
                      forecast.members[i].name);
    }
    forecaster_migration(forecaster, &query, &migration);
    cr_assert_not(migration.verdict_known);
    cr_assert_not(migration.time_s.known);
    cr_assert_not(migration.least_bandwidth_bytes_s.known);
}

Test(ladder, one_pass_gives_the_power_law_with_its_prior)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    Forecast forecast;

    add(forecaster, 1, 16.0, 8000.0);
    forecast = next_of(forecaster, 1.0);
    cr_assert_str_eq(forecast.model, "power");
    cr_assert_float_eq(forecast.pages.value, 8000.0 * pow(16.0, -0.75), 10.0);
    cr_assert_float_eq(member(&forecast, "last").value, 8000.0, 1e-9);
    cr_assert_float_eq(member(&forecast, "linear").value, 500.0, 1e-9);
    cr_assert_not(member(&forecast, "gm11").known);
    cr_assert_not(member(&forecast, "gm1n").known);
    /* far from the one point, the interval is wide */
    cr_assert_gt(forecast.high_pages, 1.5 * forecast.pages.value);
    cr_assert_lt(forecast.low_pages, forecast.pages.value / 1.5);
}

Test(ladder, grey_members_come_when_they_have_rows)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (unsigned iter = 1; iter <= 12; iter++) {
        double pages =
            9000.0 * pow(0.8, iter) + g_rand_double_range(rand, 0, 9);
        SampleRow row = row_of(iter, 20.0 * pow(0.75, iter), pages);
        Forecast forecast;

        row.mem_used = known(0.4 + g_rand_double_range(rand, 0, 0.1));
        row.cpu_cores = known(1.0 + g_rand_double(rand));
        row.vm_net_bytes_s = known(1e5 * g_rand_double(rand));
        row.host_net_bytes_s = known(4e6 + 1e6 * g_rand_double(rand));
        if (iter > 1) {
            row.prev_duration_s = known(20.0 * pow(0.75, iter - 1));
        }
        forecaster_add(forecaster, &row);
        forecast = next_of(forecaster, row.duration_s);
        cr_assert_eq(member(&forecast, "gm11").known, iter >= 4, "%u", iter);
        /* without pass 1, and N + 1 = 7 rows */
        cr_assert_eq(member(&forecast, "gm1n").known, iter >= 8, "%u", iter);
        cr_assert_eq(member(&forecast, "gm1n-residual").known, iter >= 8);
        cr_assert_eq(forecaster_rows(forecaster), iter);
        if (iter >= 2) {
            cr_assert_str_eq(forecast.model, "ensemble");
        }
    }
}

/* A guest without balloon driver and network: N = 4, hence 5 rows. */
Test(ladder, missing_drivers_are_left_out)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);

    for (unsigned iter = 1; iter <= 8; iter++) {
        SampleRow row = row_of(iter, 20.0 * pow(0.75, iter),
                               5000.0 * g_rand_double_range(rand, 0.5, 1.0));
        Forecast forecast;

        row.cpu_cores = known(1.0 + g_rand_double(rand));
        row.host_net_bytes_s = known(4e6 + 1e6 * g_rand_double(rand));
        if (iter > 1) {
            row.prev_duration_s = known(20.0 * pow(0.75, iter - 1));
        }
        forecaster_add(forecaster, &row);
        forecast = next_of(forecaster, row.duration_s);
        cr_assert_eq(member(&forecast, "gm1n").known, iter >= 6, "%u", iter);
    }
}

/* Steady factors all accumulate to the same ramp: no model, no number. */
Test(ladder, constant_drivers_make_gm1n_abstain)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);

    for (unsigned iter = 1; iter <= 12; iter++) {
        SampleRow row = row_of(iter, 2.0, 4000.0 + 10.0 * iter);
        Forecast forecast;

        row.mem_used = known(0.5);
        row.cpu_cores = known(1.0);
        row.host_net_bytes_s = known(5e6);
        row.prev_duration_s = known(2.0);
        forecaster_add(forecaster, &row);
        forecast = next_of(forecaster, 2.0);
        cr_assert_not(member(&forecast, "gm1n").known);
        cr_assert_not(member(&forecast, "gm1n-residual").known);
        cr_assert(forecast.pages.known);
    }
}

Test(ladder, constant_series_is_forecast_by_every_member)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    Forecast forecast;

    for (unsigned iter = 1; iter <= 10; iter++) {
        add(forecaster, iter, 2.0, 4000.0);
    }
    forecast = next_of(forecaster, 2.0);
    for (size_t i = 0; i < forecast.n_members; i++) {
        const ForecastMember *one = &forecast.members[i];

        cr_assert(!one->pages.known || fabs(one->pages.value - 4000.0) < 1.0,
                  "%s says %g", one->name, one->pages.value);
    }
    cr_assert_float_eq(forecast.pages.value, 4000.0, 1.0);
}

/* Each curve finds the law that made the rows, also where it was not seen. */
typedef struct {
    char member[16];
    double a, tau_s; /* one of them is 0 */
    double tolerance;
} LawCase;

ParameterizedTestParameters(ladder, laws)
{
    static LawCase cases[] = {
        { "power", 0.7, 0.0, 0.10 },        { "power", 0.5, 0.0, 0.20 },
        { "power", 0.95, 0.0, 0.20 },       { "power-fast", 0.7, 0.0, 0.10 },
        { "working-set", 0.0, 20.0, 0.10 }, { "working-set", 0.0, 2.0, 0.10 },
        { "linear", 1.0, 0.0, 1e-9 },       { "spectrum", 0.7, 0.0, 0.15 },
        { "spectrum", 0.95, 0.0, 0.15 },    { "spectrum", 0.0, 20.0, 0.15 },
        { "spectrum", 0.0, 2.0, 0.15 },     { "two-class", 0.0, 20.0, 0.10 },
        { "two-class", 0.0, 2.0, 0.10 },
    };

    return cr_make_param_array(LawCase, cases, G_N_ELEMENTS(cases));
}

static double
law(const LawCase *lc, double duration_s)
{
    return lc->a > 0.0 ? 3000.0 * pow(duration_s, lc->a)
                       : -16384.0 * expm1(-duration_s / lc->tau_s);
}

ParameterizedTest(LawCase *lc, ladder, laws)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    double t = 20.0;
    Forecast forecast;
    Known says;

    for (unsigned iter = 1; iter <= 8; iter++, t *= 0.6) {
        add(forecaster, iter, t, law(lc, t));
    }
    forecast = next_of(forecaster, t / 2.0);
    says = member(&forecast, lc->member);
    cr_assert(says.known);
    cr_assert_float_eq(says.value / law(lc, t / 2.0), 1.0, lc->tolerance,
                       "%s: %g instead of %g", lc->member, says.value,
                       law(lc, t / 2.0));
    /* the combination, which also hears those who know no durations */
    forecast = next_of(forecaster, t);
    cr_assert_float_eq(forecast.pages.value / law(lc, t), 1.0, 0.25,
                       "combination: %g instead of %g", forecast.pages.value,
                       law(lc, t));
}

Test(ladder, more_bandwidth_never_means_more_dirty_pages)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    double before = INFINITY;

    add(forecaster, 1, 20.0, 9000.0);
    add(forecaster, 2, 8.0, 5000.0);
    add(forecaster, 3, 4.0, 3500.0);
    for (double bandwidth = 1e6; bandwidth < 1e9; bandwidth *= 1.5) {
        ForecastQuery query = { .pages_to_send = 3500,
                                .bandwidth_bytes_s = bandwidth };
        Forecast forecast;

        forecaster_next(forecaster, &query, &forecast);
        cr_assert_leq(forecast.pages.value, before);
        before = forecast.pages.value;
    }
}

Test(ladder, merged_rows_are_passes_of_their_mean)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    SampleRow row = row_of(2, 4.0, 2000.0);
    Forecast forecast;

    row.merged = 2;
    forecaster_add(forecaster, &row);
    forecast = next_of(forecaster, 2.0);
    cr_assert_float_eq(member(&forecast, "last").value, 1000.0, 1e-9);
    cr_assert_float_eq(forecast.pages.value, 1000.0, 5.0);
}

Test(ladder, what_is_no_row_is_not_learnt)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(TOTAL);
    SampleRow row = row_of(1, 4.0, 2000.0);

    row.final = true;
    forecaster_add(forecaster, &row);
    row = row_of(1, 4.0, 2000.0);
    row.dirty_pages = unknown();
    forecaster_add(forecaster, &row);
    add(forecaster, 1, 0.0, 100.0);
    add(forecaster, 1, NAN, 100.0);
    add(forecaster, 1, 1.0, NAN);
    add(forecaster, 1, 1.0, -5.0);
    cr_assert_eq(forecaster_rows(forecaster), 0);
    cr_assert_not(next_of(forecaster, 1.0).pages.known);
}

Test(ladder, forecast_never_exceeds_the_guest)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(5000);
    Forecast forecast;

    add(forecaster, 1, 1.0, 4000.0);
    add(forecaster, 2, 1.0, 4000.0);
    forecast = next_of(forecaster, 1000.0);
    cr_assert_leq(forecast.pages.value, 5000.0);
    cr_assert_leq(forecast.high_pages, 5000.0);
    for (size_t i = 0; i < forecast.n_members; i++) {
        cr_assert_leq(known_or(forecast.members[i].pages, 0.0), 5000.0);
    }
}

/* A guest that starts to write ten times as much is believed the second time
 * at the latest. */
Test(ladder, follows_a_new_phase)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(0);
    Forecast forecast;

    for (unsigned iter = 1; iter <= 8; iter++) {
        add(forecaster, iter, 2.0, 500.0);
    }
    for (unsigned iter = 9; iter <= 11; iter++) {
        add(forecaster, iter, 2.0, 5000.0);
    }
    forecast = next_of(forecaster, 2.0);
    cr_assert_float_eq(forecast.pages.value, 5000.0, 1000.0, "got %g",
                       forecast.pages.value);
}

Test(ladder, random_rows_never_yield_nan)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(99);

    for (unsigned run = 0; run < 200; run++) {
        g_autoptr(Forecaster) forecaster =
            forecaster_new(run % 2 ? 0 : 1u << 20);

        for (unsigned iter = 1; iter <= 20; iter++) {
            double pages = floor(pow(10.0, g_rand_double_range(rand, -1, 7)));
            SampleRow row =
                row_of(iter, pow(10.0, g_rand_double_range(rand, -5, 4)),
                       run % 3 ? pages : 0.0);
            MigrationQuery query = {
                .pages_to_send = (uint64_t)g_rand_int_range(rand, 0, 1 << 20),
                .bandwidth_bytes_s =
                    pow(10.0, g_rand_double_range(rand, 1, 11)),
                .downtime_limit_s = pow(10.0, g_rand_double_range(rand, -3, 1)),
            };
            MigrationForecast migration;
            Forecast forecast;

            row.merged = (unsigned)g_rand_int_range(rand, 0, 4);
            row.cpu_cores = known(g_rand_double(rand));
            row.prev_duration_s = known(g_rand_double(rand));
            forecaster_add(forecaster, &row);
            forecast = next_of(forecaster,
                               pow(10.0, g_rand_double_range(rand, -6, 6)));
            cr_assert(forecast.pages.known);
            cr_assert(isfinite(forecast.pages.value));
            cr_assert(isfinite(forecast.low_pages));
            cr_assert_not(isnan(forecast.high_pages));
            for (size_t i = 0; i < forecast.n_members; i++) {
                cr_assert(isfinite(known_or(forecast.members[i].pages, 0.0)),
                          "%s", forecast.members[i].name);
            }
            forecaster_migration(forecaster, &query, &migration);
            cr_assert(migration.verdict_known);
            cr_assert_eq(migration.converges, migration.time_s.known);
            cr_assert(isfinite(known_or(migration.time_s, 0.0)));
            cr_assert_not(isnan(migration.high_time_s));
            if (migration.converges) {
                cr_assert_leq(migration.low_time_s, migration.time_s.value);
                cr_assert_geq(migration.high_time_s, migration.time_s.value);
            }
        }
    }
}

/* Seen with a real guest: passes of 0.1 s with 100 dirty pages were forecast to
 * take 5 ms and to dirty 2, for what remained was just above the threshold. */
Test(ladder, no_pass_is_shorter_than_a_slice)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(131072);
    SampleRow row = {
        .iter = 1,
        .merged = 1,
        .pages_to_send = 131072,
        .page_bytes = 4096,
        .duration_s = 28,
        .dirty_pages = known(12400),
        .sent_bytes = 150000000,
        .bandwidth_bytes_s = 5e6,
    };
    ForecastQuery query = {
        .pages_to_send = 380,
        .bandwidth_bytes_s = 5e6,
        .left_bytes = 5e6 * 0.3,
    };
    Forecast forecast;

    forecaster_add(forecaster, &row);
    forecaster_next(forecaster, &query, &forecast);
    cr_expect_float_eq(forecast.planned_duration_s, 0.1, 1e-9);
    query.pages_to_send = 20;
    forecaster_next(forecaster, &query, &forecast);
    cr_expect_float_eq(forecast.planned_duration_s, 20 * 4096 / 5e6, 1e-9);
}

/* With no more to send than fits into the downtime limit QEMU stops the guest:
 * hardly anything is dirtied, but it may still be a slice. */
Test(ladder, a_pass_below_the_limit_is_the_stop)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(131072);
    ForecastQuery query = {
        .pages_to_send = 360,
        .bandwidth_bytes_s = 5e6,
        .left_bytes = 5e6 * 0.3,
        .stop_bytes = 5e6 * 0.3,
    };
    Forecast forecast;

    for (unsigned iter = 1; iter <= 6; iter++) {
        SampleRow row = {
            .iter = iter,
            .merged = 1,
            .pages_to_send = 1000,
            .page_bytes = 4096,
            .duration_s = 0.5,
            .dirty_pages = known(400 + iter % 2),
            .bandwidth_bytes_s = 5e6,
        };

        forecaster_add(forecaster, &row);
    }
    forecaster_next(forecaster, &query, &forecast);
    cr_assert(forecast.pages.known);
    cr_expect_lt(forecast.pages.value, 5);
    cr_expect_eq(forecast.low_pages, 0);
    cr_expect_gt(forecast.high_pages, 60, "%g", forecast.high_pages);

    query.pages_to_send = 370; /* a little more than the limit */
    forecaster_next(forecaster, &query, &forecast);
    cr_expect_gt(forecast.pages.value, 60);
}

/* Those who steer plan by the median: the other one is shaded. */
Test(ladder, the_median_is_above_the_shaded_forecast)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(131072);
    ForecastQuery query = { .pages_to_send = 1000, .bandwidth_bytes_s = 5e6 };
    Forecast forecast;

    for (unsigned iter = 1; iter <= 12; iter++) {
        SampleRow row = {
            .iter = iter,
            .merged = 1,
            .pages_to_send = 1000,
            .page_bytes = 4096,
            .duration_s = 0.8,
            .dirty_pages = known(iter % 3 ? 1000 : 300),
            .bandwidth_bytes_s = 5e6,
        };

        forecaster_add(forecaster, &row);
    }
    forecaster_next(forecaster, &query, &forecast);
    cr_expect_lt(forecast.pages.value, 0.97 * forecast.median_pages);
}
