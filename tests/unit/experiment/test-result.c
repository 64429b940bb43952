/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-result.c - a result as JSON there and back, and what is measured of it
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/result.h"

static Result *
sample(void)
{
    Result *result = result_new();
    ResultPoint point = { 1, known(48), known(5e5) };

    result->scenario = g_strdup("s \"quoted\"");
    result->guest = g_strdup("web");
    result->wire = g_strdup("50mbit");
    result->cross = g_strdup("four");
    result->method = g_strdup("default");
    result->repetition = 3;
    result->order = 5;
    result->attempt = 2;
    result->wire_bytes_s = 6250000;
    result->cut_off_s = 180;
    result->downtime_limit_ms = 300;
    result->status = RESULT_COMPLETED;
    result->total_s = known(58.6);
    result->downtime_ms = known(326);
    result->bytes = known(280.0 * 1048576);
    result->need_s = known(50);
    result->before.requests_s = known(50);
    result->during.requests_s = known(48);
    result->during.latency_ms[2] = known(120);
    result->during.stall_ms = known(420);
    result->cross_before_bytes_s = known(6e6);
    result->cross_during_bytes_s = known(1.25e6);
    result->busy = known(0.8);
    result->disturbed = true;
    result->disturbed_by = g_strdup("somebody");
    g_array_append_val(result->points, point);
    return result;
}

static double
measure(const Result *result, Measure which)
{
    Figure figure;

    cr_assert(result_measure(result, which, &figure), "%s",
              measure_name(which));
    cr_assert_eq(figure.bound, BOUND_EXACT);
    return figure.value;
}

static void
check_measures(const Result *result)
{
    cr_assert_float_eq(measure(result, MEASURE_TOTAL), 58.6, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_DOWNTIME), 326, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_BYTES), 280, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_APPLICATION), 0.96, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_NEED), 0.96, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_LATENCY), 120, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_CROSS), 0.2, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_STALL), 420, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_OVER_LIMIT), 120, 1e-9);
    cr_assert_float_eq(measure(result, MEASURE_CPU), 0.8, 1e-9);
}

Test(result, comes_back_from_json)
{
    g_autoptr(Result) result = sample();
    g_autoptr(JsonObject) json = result_to_json(result);
    g_autofree char *text = jobj_to_text(json, true);
    g_autoptr(GError) error = NULL;
    g_autoptr(Result) back = result_parse(text, strlen(text), &error);
    g_autoptr(JsonObject) again = NULL;
    g_autofree char *same = NULL;

    cr_assert(back, "%s", error ? error->message : "");
    check_measures(back);
    again = result_to_json(back);
    same = jobj_to_text(again, true);
    cr_assert_str_eq(same, text);
}

Test(result, cut_off_counts_as_the_cut_off_and_has_no_end)
{
    g_autoptr(Result) result = sample();
    Figure figure;

    result->status = RESULT_CUT_OFF;
    result->total_s = unknown();
    cr_assert(result_measure(result, MEASURE_TOTAL, &figure));
    cr_assert_float_eq(figure.value, 180, 1e-9);
    cr_assert_eq(figure.bound, BOUND_AT_LEAST);
    cr_assert(result_measure(result, MEASURE_BYTES, &figure));
    cr_assert_eq(figure.bound, BOUND_AT_LEAST);
    cr_assert_not(result_measure(result, MEASURE_DOWNTIME, &figure));
    cr_assert_not(result_measure(result, MEASURE_STALL, &figure));
    cr_assert(result_measure(result, MEASURE_APPLICATION, &figure));
    cr_assert_eq(figure.bound, BOUND_EXACT);
}

Test(result, a_failed_one_has_no_figures)
{
    g_autoptr(Result) result = sample();
    Figure figure;

    result->status = RESULT_FAILED;
    for (int i = 0; i < MEASURE_N; i++) {
        cr_assert_not(result_measure(result, (Measure)i, &figure));
    }
}

/* A guest that writes memory is judged by its pages, an idle one by the time
 * that it got. */
Test(result, work_is_requests_else_pages_else_time)
{
    g_autoptr(Result) result = sample();

    result->before =
        (ObservedWindow){ .pages_s = known(800), .ticks_s = known(100) };
    result->during =
        (ObservedWindow){ .pages_s = known(600), .ticks_s = known(99) };
    cr_assert_float_eq(measure(result, MEASURE_APPLICATION), 0.75, 1e-9);
    result->before.pages_s = result->during.pages_s = known(0);
    cr_assert_float_eq(measure(result, MEASURE_APPLICATION), 0.99, 1e-9);
}

Test(result, refuses_what_is_none)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"schema\":\"vmferry-run/1\"}",
        "{\"schema\":\"vmferry-experiment/1\"}",
        "{\"schema\":\"vmferry-experiment/1\",\"scenario\":\"s\",\"run\":{"
        "\"guest\":\"g\",\"wire\":\"w\",\"cross\":\"c\",\"method\":\"m\","
        "\"repetition\":-1}}",
        "{\"schema\":\"vmferry-experiment/1\",\"scenario\":\"s\",\"run\":{"
        "\"guest\":\"g\",\"wire\":\"w\",\"cross\":\"c\",\"method\":\"m\","
        "\"repetition\":1,\"order\":1,\"attempt\":1},"
        "\"outcome\":{\"status\":\"well\"}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        cr_assert_null(result_parse(wrong[i], strlen(wrong[i]), &error), "%s",
                       wrong[i]);
        cr_assert_not_null(error);
    }
}
