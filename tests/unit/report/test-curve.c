/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-curve.c - D(T) of a recorded guest
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "report/record-curve.h"

static RunIteration *
add(RunRecord *record, double duration_s, double pages)
{
    RunIteration it = {
        .row = { .iter = record->iterations->len + 1,
                 .merged = 1,
                 .page_bytes = 4096,
                 .duration_s = duration_s,
                 .dirty_pages = known(pages) },
    };

    g_array_append_val(record->iterations, it);
    return &g_array_index(record->iterations, RunIteration,
                          record->iterations->len - 1);
}

static ForecastCurve
curve_of(const RunRecord *record)
{
    ForecastCurve curve = { 0 };
    g_autoptr(GError) error = NULL;

    cr_assert(run_record_curve(record, &curve, &error), "%s",
              error ? error->message : "");
    return curve;
}

Test(record_curve, each_pass_is_a_point)
{
    g_autoptr(RunRecord) record = run_record_new();
    ForecastCurve curve;

    add(record, 20, 6000);
    add(record, 5, 2000);
    add(record, 1, 450);
    curve = curve_of(record);
    cr_assert_eq(curve.n_points, 3);
    cr_assert_float_eq(curve.points[0].duration_s, 1, 1e-9);
    cr_assert_float_eq(curve.points[0].pages, 450, 1e-6);
    cr_assert_float_eq(curve.points[2].pages, 6000, 1e-6);
    cr_assert_gt(curve.log_sd, 0);
}

Test(record_curve, passes_of_a_length_are_one_and_their_scatter_is_told)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(RunRecord) even = run_record_new();

    for (int i = 0; i < 10; i++) {
        add(record, 1, i % 2 ? 200 : 800);
        add(even, 1, 400);
    }
    cr_assert_eq(curve_of(record).n_points, 1);
    cr_assert_float_eq(curve_of(record).points[0].pages, 400, 1e-6);
    cr_assert_gt(curve_of(record).log_sd, 3 * curve_of(even).log_sd);
}

/* Distinct pages do not become fewer with time. */
Test(record_curve, a_point_that_falls_is_pooled)
{
    g_autoptr(RunRecord) record = run_record_new();
    ForecastCurve curve;

    add(record, 1, 500);
    add(record, 4, 2000);
    add(record, 16, 1000);
    add(record, 64, 4000);
    curve = curve_of(record);
    cr_assert_eq(curve.n_points, 3);
    for (size_t i = 1; i < curve.n_points; i++) {
        cr_assert_geq(curve.points[i].pages, curve.points[i - 1].pages);
        cr_assert_gt(curve.points[i].duration_s,
                     curve.points[i - 1].duration_s);
    }
    cr_assert_float_eq(curve.points[1].pages, sqrt(2000.0 * 1000.0), 1e-6);
}

Test(record_curve, what_does_not_tell_of_the_guest_is_left_out)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(GError) error = NULL;
    ForecastCurve curve = { .n_points = 7 };

    add(record, 1, 100)->row.final = true;
    add(record, 1, 100)->row.throttle_percent = 20;
    add(record, 1, 100)->row.flags = SAMPLE_FLAG_BACKWARDS;
    add(record, 1, 100)->row.dirty_pages = unknown();
    add(record, 0, 100);
    cr_assert_not(run_record_curve(record, &curve, &error));
    cr_assert(g_error_matches(error, RECORD_ERROR, RECORD_ERROR_VALUE));
    cr_assert(strstr(error->message, "none of its 5 iterations"), "%s",
              error->message);
    cr_assert_eq(curve.n_points, 7);
    add(record, 2, 300);
    cr_assert_eq(curve_of(record).n_points, 1);
}

/* A real one: passes from 40 s to a tenth of one. */
Test(record_curve, of_a_real_migration)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(RunRecord) record = NULL;
    g_autoptr(Forecaster) forecaster = forecaster_new(65536);
    ForecastCurve curve;

    cr_assert(g_file_get_contents(TEST_DATA "/records/real-default.json", &text,
                                  &length, NULL));
    record = run_record_parse(text, length, NULL);
    cr_assert(record);
    curve = curve_of(record);
    cr_assert_geq(curve.n_points, 4);
    /* 800 pages a second in 24 MiB */
    cr_assert_lt(curve.points[curve.n_points - 1].pages, 6144 * 1.1);
    cr_assert(forecaster_set_oracle(forecaster, &curve));
}
