/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-migration.c - the whole migration against closed forms
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "forecast/forecast.h"

#define PAGE 4096.0

/* A forecaster that was shown D = c T^a often enough to believe it; of a page
 * @share goes over the wire, but for the first two passes. */
static Forecaster *
taught_share(double c, double a, double first_s, double share, bool compressed)
{
    Forecaster *forecaster = forecaster_new(0);
    double duration_s = first_s;

    if (compressed) {
        forecaster_set_compressed(forecaster);
    }
    for (unsigned iter = 1; iter <= 14; iter++, duration_s *= 0.7) {
        SampleRow row = {
            .iter = iter,
            .merged = 1,
            .page_bytes = (uint64_t)PAGE,
            .duration_s = duration_s,
            .dirty_pages = known(c * pow(duration_s, a)),
            .sent_pages = known(1000),
            .sent_bytes = (uint64_t)((iter <= 2 ? 1.0 : share) * 1000 * PAGE),
        };

        forecaster_add(forecaster, &row);
    }
    return forecaster;
}

static Forecaster *
taught(double c, double a, double first_s)
{
    return taught_share(c, a, first_s, 1.0, false);
}

static MigrationForecast
played(const Forecaster *forecaster, double pages, double bandwidth_bytes_s,
       double downtime_limit_s)
{
    MigrationQuery query = {
        .pages_to_send = (uint64_t)pages,
        .bandwidth_bytes_s = bandwidth_bytes_s,
        .downtime_limit_s = downtime_limit_s,
    };
    MigrationForecast forecast;

    forecaster_migration(forecaster, &query, &forecast);
    return forecast;
}

/* Linear: T_k = T_0 rho^k, rho = r P / B; the guest is stopped when a pass
 * would be shorter than 0.1 s. */
Test(migration, linear_is_a_geometric_series)
{
    const double rate = 800.0, bandwidth = 6e6, rho = rate * PAGE / bandwidth;
    g_autoptr(Forecaster) forecaster = taught(rate, 1.0, 20.0);
    const double first_s = 10.0;
    MigrationForecast forecast =
        played(forecaster, (first_s + 0.3) * bandwidth / PAGE, bandwidth, 0.3);
    double passes = ceil(log(0.1 / first_s) / log(rho));
    double time_s = first_s * (1.0 - pow(rho, passes)) / (1.0 - rho);

    cr_assert(forecast.converges);
    cr_assert(forecast.surely_converges);
    cr_assert(forecast.possibly_converges);
    /* the final one is counted too */
    cr_assert_float_eq(forecast.iterations.value, passes + 1.0, 1.0);
    cr_assert_float_eq(forecast.time_s.value, time_s + 0.3, 0.05 * time_s);
    cr_assert_float_eq(forecast.bytes.value, (time_s + 0.3) * bandwidth,
                       0.05 * time_s * bandwidth);
    cr_assert_leq(forecast.downtime_s.value, 0.3);
    cr_assert_geq(forecast.downtime_s.value, 0.2);
    cr_assert_leq(forecast.low_time_s, forecast.time_s.value);
    cr_assert_geq(forecast.high_time_s, forecast.time_s.value);
    /* converges iff rho < 1 */
    cr_assert_float_eq(forecast.least_bandwidth_bytes_s.value, rate * PAGE,
                       0.08 * rate * PAGE);
    cr_assert_not(played(forecaster, 1e4, 0.9 * rate * PAGE, 0.3).converges);
}

static double
number(JsonObject *object, const char *name)
{
    Known value = jobj_get_known(object, name);

    cr_assert(value.known, "%s", name);
    return value.value;
}

/* Power law: T_{k+1} = kappa T_k^a goes to T* = kappa^(1/(1-a)). */
Test(migration, power_law_reaches_its_plateau)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) file = NULL;
    gsize length;
    JsonObject *cases;
    unsigned converging = 0, stuck = 0;

    cr_assert(g_file_get_contents(TEST_DATA_DIR
                                  "/dirty/powerlaw_closed_form.json",
                                  &text, &length, NULL));
    file = jobj_parse(text, length, NULL);
    cases = jobj_get(file, "cases");
    for (size_t i = 0; i < json_object_array_length(cases); i++) {
        JsonObject *one = json_object_array_get_idx(cases, i);
        double c = number(one, "c_pages_at_1s"), a = number(one, "alpha");
        double bandwidth = number(one, "bandwidth_Bps");
        double first_s = number(one, "T0_s"), star_s = number(one, "T_star_s");
        double kappa = c * PAGE / bandwidth, time_s = 0.0, t = first_s;
        g_autoptr(Forecaster) forecaster = taught(c, a, first_s);
        JsonObject *closed = jobj_get(one, "T_closed_form_s");
        MigrationForecast forecast;

        for (size_t k = 0; k < json_object_array_length(closed); k++) {
            cr_assert_float_eq(
                star_s * pow(first_s / star_s, pow(a, (double)k)),
                json_object_get_double(json_object_array_get_idx(closed, k)),
                1e-9 * first_s);
        }
        forecast = played(forecaster, (first_s + 0.3) * bandwidth / PAGE,
                          bandwidth, 0.3);
        cr_assert_eq(forecast.converges, star_s < 0.1);
        if (!forecast.converges) {
            stuck++;
            cr_assert_float_eq(forecast.plateau_s.value, star_s, 0.1 * star_s);
            cr_assert_not(forecast.time_s.known);
            /* B > P D(g) / g is what it takes; D / T is taken for bounded,
             * so that passes shorter than any seen dirty a little less than
             * the law says */
            cr_assert_float_eq(forecast.least_bandwidth_bytes_s.value,
                               PAGE * c * pow(0.1, a - 1.0),
                               0.25 * PAGE * c * pow(0.1, a - 1.0));
            cr_assert(played(forecaster, 1e6,
                             1.01 * forecast.least_bandwidth_bytes_s.value, 0.3)
                          .converges);
            continue;
        }
        converging++;
        for (; t >= 0.1; t = kappa * pow(t, a)) {
            time_s += t;
        }
        cr_assert_float_eq(forecast.time_s.value, time_s + 0.3, 0.05 * time_s);
    }
    cr_assert_eq(converging, 1);
    cr_assert_eq(stuck, 2);
}

Test(migration, less_than_the_limit_is_sent_at_once)
{
    g_autoptr(Forecaster) forecaster = taught(1e5, 0.9, 10.0);
    MigrationQuery query = {
        .pages_to_send = 100,
        .bandwidth_bytes_s = 100 * PAGE,
        .blackout_bytes_s = 200 * PAGE,
        .downtime_limit_s = 1.5,
        .fixed_downtime_s = 0.05,
    };
    MigrationForecast forecast;

    forecaster_migration(forecaster, &query, &forecast);
    cr_assert(forecast.converges);
    cr_assert_eq(forecast.iterations.value, 1.0);
    cr_assert_float_eq(forecast.downtime_s.value, 0.55, 1e-9);
    cr_assert_float_eq(forecast.time_s.value, 0.55, 1e-9);
    cr_assert_float_eq(forecast.bytes.value, 100 * PAGE, 1e-6);
}

Test(migration, more_bandwidth_is_never_slower)
{
    g_autoptr(Forecaster) forecaster = taught(900.0, 0.8, 20.0);
    double before_s = INFINITY;

    for (double bandwidth = 4e6; bandwidth < 1e8; bandwidth *= 1.1) {
        MigrationForecast forecast = played(forecaster, 4e4, bandwidth, 0.3);

        if (!forecast.converges) {
            cr_assert(isinf(before_s));
            continue;
        }
        /* a pass more or less moves the end by a slice */
        cr_assert_lt(forecast.time_s.value, before_s + 0.1);
        before_s = forecast.time_s.value;
    }
    cr_assert(isfinite(before_s));
}

Test(migration, nonsense_is_answered_with_nothing)
{
    g_autoptr(Forecaster) forecaster = taught(900.0, 0.8, 20.0);
    static const double bad[] = { 0.0, -1.0, NAN };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        cr_assert_not(played(forecaster, 100, bad[i], 0.3).verdict_known);
        cr_assert_not(played(forecaster, 100, 1e6, bad[i]).verdict_known);
    }
}

/* A guest that pauses is stopped in a pause, also where its mean rate would
 * never let it; without pauses that are long enough it is not. */
Test(migration, phases)
{
    g_autoptr(Forecaster) forecaster = taught(2000, 0.9, 20);
    ForecastLevel levels[] = { { 10, log(1.5) }, { 5, log(0.01) } };
    MigrationQuery query = {
        .pages_to_send = 50000,
        .bandwidth_bytes_s = 2000 * PAGE,
        .downtime_limit_s = 0.3,
    };
    MigrationForecast steady, moving, never;

    forecaster_migration(forecaster, &query, &steady);
    cr_expect_not(steady.converges);

    query.levels = levels;
    query.n_levels = 2;
    forecaster_migration(forecaster, &query, &moving);
    cr_assert(moving.converges);
    cr_expect_gt(moving.time_s.value, 25); /* the first pass */
    cr_expect_lt(moving.time_s.value, 25 + 10 * 15);
    cr_expect_leq(moving.low_time_s, moving.time_s.value);
    cr_expect_geq(moving.high_time_s, moving.time_s.value);

    levels[1].log_level = log(1.2);
    forecaster_migration(forecaster, &query, &never);
    cr_expect_not(never.converges);
    cr_expect(never.least_bandwidth_bytes_s.known);
}

/* --- compressed pages --- */

/* What takes a quarter converges at a quarter of the bandwidth, in the time
 * and with the bytes that a quarter takes. */
Test(migration, compressed_pages_need_less)
{
    const double rate = 800.0, bandwidth = 0.5 * rate * PAGE;
    g_autoptr(Forecaster) forecaster =
        taught_share(rate, 1.0, 20.0, 0.25, true);
    g_autoptr(Forecaster) whole = taught_share(rate, 1.0, 20.0, 0.25, false);
    MigrationForecast forecast = played(forecaster, 8000, bandwidth, 0.3);
    const double rho = 0.25 * rate * PAGE / bandwidth;
    double first_s = 0.25 * (8000 * PAGE - 0.3 * bandwidth) / bandwidth;

    cr_assert_float_eq(forecaster_wire_share(forecaster), 0.25, 1e-9);
    cr_assert_eq(forecaster_wire_share(whole), 1.0);
    cr_assert(forecast.converges);
    cr_assert_float_eq(forecast.least_bandwidth_bytes_s.value,
                       0.25 * rate * PAGE, 0.08 * rate * PAGE);
    cr_assert_float_eq(forecast.time_s.value, first_s / (1 - rho),
                       0.15 * first_s / (1 - rho));
    /* QEMU stops when 0.3 s of memory remain; they take a quarter of it */
    cr_assert_leq(forecast.downtime_s.value, 0.3 * 0.25 + 1e-6);
    cr_assert_not(played(whole, 8000, bandwidth, 0.3).converges);
}

/* The limit that would end it is compared with memory, not with the wire. */
Test(migration, the_limit_that_helps_is_one_of_memory)
{
    const double rate = 800.0, bandwidth = 0.2 * rate * PAGE;
    g_autoptr(Forecaster) forecaster = taught_share(rate, 1.0, 2.0, 0.25, true);
    MigrationForecast forecast = played(forecaster, 8000, bandwidth, 0.3);

    cr_assert_not(forecast.converges);
    cr_assert_float_eq(forecast.enough_downtime_s.value,
                       forecast.plateau_s.value / 0.25 + 0.3, 1e-6);
}

/* Rows without bytes, or with more of them than memory, teach no nonsense. */
Test(migration, wire_share_stays_within_bounds)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(0);
    SampleRow row = {
        .iter = 3,
        .merged = 1,
        .page_bytes = (uint64_t)PAGE,
        .duration_s = 1,
        .dirty_pages = known(100),
    };

    forecaster_set_compressed(forecaster);
    cr_assert_eq(forecaster_wire_share(forecaster), 1.0, "nothing learnt");
    forecaster_add(forecaster, &row);
    cr_assert_eq(forecaster_wire_share(forecaster), 1.0, "nothing sent");
    row.sent_pages = known(1);
    row.sent_bytes = 1 << 20;
    forecaster_add(forecaster, &row);
    cr_assert_eq(forecaster_wire_share(forecaster), 1.0);
    for (int i = 0; i < 3; i++) {
        row.sent_pages = known(1e6);
        row.sent_bytes = 1;
        forecaster_add(forecaster, &row);
    }
    cr_assert_gt(forecaster_wire_share(forecaster), 0.0);
    cr_assert_lt(forecaster_wire_share(forecaster), 0.1);
}
