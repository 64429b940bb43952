/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-gudkov.c - forecasts from a measured curve, before the start
 *
 * A. Gudkov measured distinct dirty pages of a 32 GiB memcached guest in 22
 * windows and printed what they mean for migrations at 8 bandwidths and 6
 * downtime limits: 48 cells, times rounded up to seconds, "does not converge"
 * among them. His rules: a pass of which the rest can be sent within the limit
 * is the last; 8 bytes of header a page; zero pages go once, as headers; no
 * end within 3600 s is none; 1 Gbps is 2^30 bits.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "forecast/forecast.h"

#define DEADLINE_S 3600.0
#define HEADER 8.0

static JsonObject *
load(void)
{
    g_autofree char *text = NULL;
    gsize length;
    JsonObject *file;

    cr_assert(g_file_get_contents(TEST_DATA_DIR
                                  "/dirty/gudkov_calc_dirty_rate.json",
                                  &text, &length, NULL));
    file = jobj_parse(text, length, NULL);
    cr_assert(file);
    return file;
}

static double
number(JsonObject *file, const char *name)
{
    Known value = jobj_get_known(file, name);

    cr_assert(value.known, "%s", name);
    return value.value;
}

static Forecaster *
measured(JsonObject *file)
{
    Forecaster *forecaster =
        forecaster_new((uint64_t)number(file, "n-total-pages"));
    JsonObject *periods = jobj_get(file, "periods");
    JsonObject *dirty = jobj_get(file, "n-dirty-pages");
    double scale =
        number(file, "n-total-pages") / number(file, "n-sampled-pages");
    ForecastPoint points[FORECAST_MAX_POINTS];
    size_t n = json_object_array_length(periods);

    cr_assert_eq(n, json_object_array_length(dirty));
    for (size_t i = 0; i < n; i++) {
        points[i] = (ForecastPoint){
            .duration_s =
                json_object_get_double(json_object_array_get_idx(periods, i)) /
                1e3,
            .pages =
                json_object_get_double(json_object_array_get_idx(dirty, i)) *
                scale,
        };
    }
    cr_assert(forecaster_set_prior(forecaster, points, n, 0.05));
    return forecaster;
}

/* "2.5 Gbps" in bytes per second */
static double
bandwidth_of(const char *name)
{
    char *unit;
    double value = g_ascii_strtod(name, &unit);

    return value * (strcmp(unit, " Gbps") == 0 ? 1u << 30 : 1u << 20) / 8.0;
}

/* "16m59s" in seconds */
static double
seconds_of(const char *text)
{
    char *rest;
    double minutes = 0.0, seconds = (double)g_ascii_strtoull(text, &rest, 10);

    if (*rest == 'm') {
        minutes = seconds;
        seconds = (double)g_ascii_strtoull(rest + 1, &rest, 10);
    }
    cr_assert_str_eq(rest, "s", "%s", text);
    return 60.0 * minutes + seconds;
}

Test(gudkov, all_cells_of_the_printed_table)
{
    g_autoptr(JsonObject) file = load();
    g_autoptr(Forecaster) forecaster = measured(file);
    JsonObject *limits = jobj_get(file, "predicted_table.downtimes_ms");
    JsonObject *rows = jobj_get(file, "predicted_table.rows");
    double total = number(file, "n-total-pages");
    double zero =
        total * number(file, "n-zero-pages") / number(file, "n-sampled-pages");
    unsigned cells = 0, none = 0;

    json_object_object_foreach (rows, name, row) {
        for (size_t i = 0; i < json_object_array_length(row); i++) {
            JsonObject *limit = json_object_array_get_idx(limits, i);
            JsonObject *cell = json_object_array_get_idx(row, i);
            MigrationQuery query = {
                .pages_to_send = (uint64_t)total,
                .zero_pages = (uint64_t)zero,
                .header_bytes = HEADER,
                .bandwidth_bytes_s = bandwidth_of(name),
                /* null: any downtime will do */
                .downtime_limit_s =
                    limit ? json_object_get_double(limit) / 1e3 : 1e9,
                .stop = MIGRATION_STOP_IDEAL,
            };
            MigrationForecast forecast;
            double time_s;

            forecaster_migration(forecaster, &query, &forecast);
            cr_assert(forecast.verdict_known);
            time_s = known_or(forecast.time_s, INFINITY);
            cells++;
            if (!cell) {
                none++;
                cr_assert_gt(time_s, DEADLINE_S, "%s, limit %zu: %g s", name, i,
                             time_s);
                continue;
            }
            cr_assert_eq(ceil(time_s), seconds_of(json_object_get_string(cell)),
                         "%s, limit %zu: %g s, printed %s", name, i, time_s,
                         json_object_get_string(cell));
        }
    }
    cr_assert_eq(cells, 48);
    cr_assert_eq(none, 18);
}

/* What the rule B = P D(T_d) / T_d says, and what the table says of it. */
Test(gudkov, least_bandwidth_is_that_of_the_downtime_limit)
{
    g_autoptr(JsonObject) file = load();
    g_autoptr(Forecaster) forecaster = measured(file);
    MigrationQuery query = {
        .pages_to_send = 3000000,
        .header_bytes = HEADER,
        .bandwidth_bytes_s = bandwidth_of("2.5 Gbps"),
        .downtime_limit_s = 0.5,
        .stop = MIGRATION_STOP_IDEAL,
    };
    MigrationForecast forecast;
    double scale =
        number(file, "n-total-pages") / number(file, "n-sampled-pages");
    double expected = (4096.0 + HEADER) * 151.0 * scale / 0.5;

    forecaster_migration(forecaster, &query, &forecast);
    cr_assert_not(forecast.converges);
    cr_assert(forecast.least_bandwidth_bytes_s.known);
    cr_assert_float_eq(forecast.least_bandwidth_bytes_s.value, expected,
                       0.02 * expected);
    cr_assert_lt(forecast.least_bandwidth_bytes_s.value,
                 bandwidth_of("5 Gbps"));

    /* a deadline asks for more */
    query.deadline_s = 20.0;
    forecaster_migration(forecaster, &query, &forecast);
    cr_assert_gt(forecast.least_bandwidth_bytes_s.value, 1.02 * expected);
    query.bandwidth_bytes_s = 1.001 * forecast.least_bandwidth_bytes_s.value;
    forecaster_migration(forecaster, &query, &forecast);
    cr_assert(forecast.converges);
    cr_assert_leq(forecast.time_s.value, query.deadline_s);
}

/* Each remedy that is offered must be one. */
Test(gudkov, remedies_help)
{
    g_autoptr(JsonObject) file = load();
    g_autoptr(Forecaster) forecaster = measured(file);
    MigrationQuery query = {
        .pages_to_send = 3000000,
        .bandwidth_bytes_s = bandwidth_of("2.5 Gbps"),
        .downtime_limit_s = 0.5,
        .stop = MIGRATION_STOP_IDEAL,
    };
    MigrationForecast forecast, cured;
    double limit_s;

    forecaster_migration(forecaster, &query, &forecast);
    cr_assert_not(forecast.converges);
    cr_assert(forecast.enough_downtime_s.known);
    limit_s = forecast.enough_downtime_s.value;
    cr_assert_gt(limit_s, query.downtime_limit_s);
    cr_assert(forecast.enough_throttle.known);
    cr_assert_gt(forecast.enough_throttle.value, 0.0);
    cr_assert_lt(forecast.enough_throttle.value, 1.0);

    query.downtime_limit_s = 1.01 * limit_s;
    forecaster_migration(forecaster, &query, &cured);
    cr_assert(cured.converges);
    cr_assert_not(cured.enough_throttle.known);
    query.downtime_limit_s = 0.9 * limit_s;
    forecaster_migration(forecaster, &query, &cured);
    cr_assert_not(cured.converges);
}
