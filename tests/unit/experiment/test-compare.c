/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compare.c - a regression is seen, noise is not
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/compare.h"

static const char text[] = "[scenario]\n"
                           "name = t\n"
                           "wires = 50mbit\n"
                           "methods = virsh, default\n"
                           "repetitions = 7\n"
                           "[guest a]\n";

typedef struct Side {
    Scenario *scenario;
    GPtrArray *results;
    Summary *summary;
} Side;

/* Seven totals around @total_s, and an application that got @share. */
static Side
side_of(double total_s, double share)
{
    static const double noise[] = { 0.97, 1.0, 1.02, 0.99, 1.01, 1.03, 0.98 };
    SummaryOptions options = { .seed = 1 };
    Side side = { .scenario = scenario_parse(text, strlen(text), "t", NULL),
                  .results = g_ptr_array_new_with_free_func(
                      (GDestroyNotify)result_free) };

    for (unsigned r = 1; r <= 7; r++) {
        Result *result = result_new();

        result->scenario = g_strdup("t");
        result->guest = g_strdup("a");
        result->wire = g_strdup("50mbit");
        result->cross = g_strdup("none");
        result->method = g_strdup("default");
        result->repetition = r;
        result->cut_off_s = 600;
        result->total_s = known(total_s * noise[r - 1]);
        result->before.pages_s = known(800);
        result->during.pages_s = known(800 * share * noise[(r + 2) % 7]);
        g_ptr_array_add(side.results, result);
    }
    side.summary = summary_new(side.scenario, side.results, &options);
    return side;
}

static void
side_clear(Side *side)
{
    summary_free(side->summary);
    g_ptr_array_unref(side->results);
    scenario_free(side->scenario);
}

static ComparedKind
compared(double total_s, double share, Measure measure)
{
    Side earlier = side_of(100, 0.9), later = side_of(total_s, share);
    g_autoptr(GArray) list =
        experiment_compare(earlier.summary, earlier.results, later.summary,
                           later.results, 0.05, 1);
    g_autoptr(GPtrArray) notes = experiment_compare_notes(
        earlier.summary, earlier.results, later.summary, later.results);
    g_autofree char *out =
        experiment_compare_text(later.summary, list, notes, 0.05);
    ComparedKind kind = COMPARED_N;

    cr_assert_eq(list->len, 2);
    cr_assert_eq(notes->len, 0, "%s", out);
    for (guint i = 0; i < list->len; i++) {
        const Compared *one = &g_array_index(list, Compared, i);

        if (one->measure == measure) {
            kind = one->kind;
        }
    }
    cr_assert_lt(kind, COMPARED_N);
    cr_assert(strstr(out, compared_word(kind)));
    side_clear(&earlier);
    side_clear(&later);
    return kind;
}

Test(compare, total_times)
{
    cr_assert_eq(compared(130, 0.9, MEASURE_TOTAL), COMPARED_WORSE);
    cr_assert_eq(compared(70, 0.9, MEASURE_TOTAL), COMPARED_BETTER);
    cr_assert_eq(compared(100, 0.9, MEASURE_TOTAL), COMPARED_ALIKE);
    cr_assert_eq(compared(105, 0.9, MEASURE_TOTAL), COMPARED_OPEN);
}

Test(compare, more_is_better_for_an_application)
{
    cr_assert_eq(compared(100, 0.5, MEASURE_APPLICATION), COMPARED_WORSE);
    cr_assert_eq(compared(100, 1.2, MEASURE_APPLICATION), COMPARED_BETTER);
}

Test(compare, worse_comes_first)
{
    Side earlier = side_of(100, 0.5), later = side_of(130, 0.9);
    g_autoptr(GArray) list =
        experiment_compare(earlier.summary, earlier.results, later.summary,
                           later.results, 0.05, 1);

    cr_assert_eq(g_array_index(list, Compared, 0).kind, COMPARED_WORSE);
    cr_assert_eq(g_array_index(list, Compared, 0).measure, MEASURE_TOTAL);
    side_clear(&earlier);
    side_clear(&later);
}

/* The first so many of a side's runs failed. */
static void
fail(Side *side, unsigned n)
{
    SummaryOptions options = { .seed = 1 };

    for (unsigned i = 0; i < n; i++) {
        ((Result *)g_ptr_array_index(side->results, i))->status = RESULT_FAILED;
    }
    summary_free(side->summary);
    side->summary = summary_new(side->scenario, side->results, &options);
}

static ComparedKind
failures(unsigned before, unsigned after)
{
    Side earlier = side_of(100, 0.9), later = side_of(100, 0.9);
    g_autoptr(GArray) list = NULL;
    ComparedKind kind = COMPARED_N;

    fail(&earlier, before);
    fail(&later, after);
    list = experiment_compare(earlier.summary, earlier.results, later.summary,
                              later.results, 0.05, 1);
    for (guint i = 0; i < list->len; i++) {
        const Compared *one = &g_array_index(list, Compared, i);

        if (one->measure == MEASURE_N) {
            kind = one->kind;
            cr_assert_eq(one->earlier.failed, before);
            cr_assert_eq(one->later.runs, 7);
        }
    }
    side_clear(&earlier);
    side_clear(&later);
    return kind;
}

Test(compare, a_run_that_fails_is_worse_than_any_time)
{
    cr_assert_eq(failures(0, 0), COMPARED_N, "nothing to say");
    cr_assert_eq(failures(0, 1), COMPARED_WORSE);
    cr_assert_eq(failures(2, 0), COMPARED_BETTER);
    cr_assert_eq(failures(2, 3), COMPARED_OPEN);
}

/* Of a wire of 1 MB/s. */
static void
give_cross(Side *side, double bytes_s)
{
    for (guint i = 0; i < side->results->len; i++) {
        Result *result = g_ptr_array_index(side->results, i);

        result->wire_bytes_s = 1000000;
        result->cross_during_bytes_s = known(bytes_s);
    }
}

/* Cross traffic that got a third, and gets nothing now. */
Test(compare, what_fell_to_nothing_is_seen)
{
    Side earlier = side_of(100, 0.9), later = side_of(100, 0.9);
    g_autoptr(GArray) list = NULL;
    const Compared *first;

    give_cross(&earlier, 330000);
    give_cross(&later, 0);
    list = experiment_compare(earlier.summary, earlier.results, later.summary,
                              later.results, 0.05, 1);
    first = &g_array_index(list, Compared, 0);
    cr_assert_eq(first->measure, MEASURE_CROSS);
    cr_assert_eq(first->kind, COMPARED_WORSE);
    side_clear(&earlier);
    side_clear(&later);
}

Test(compare, says_what_was_not_alike)
{
    Side earlier = side_of(100, 0.9), later = side_of(130, 0.9);
    g_autoptr(GPtrArray) notes = NULL;
    g_autoptr(GArray) list = NULL;
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *out = NULL;
    g_autofree char *words = NULL;
    JsonObject *first;
    const char *measure = NULL;

    later.scenario->cut_off_s = 300;
    ((Result *)g_ptr_array_index(later.results, 0))->machine =
        g_strdup("kvm, QEMU 10.0");
    notes = experiment_compare_notes(earlier.summary, earlier.results,
                                     later.summary, later.results);
    cr_assert_eq(notes->len, 2);
    list = experiment_compare(earlier.summary, earlier.results, later.summary,
                              later.results, 0.05, 1);
    out = experiment_compare_text(later.summary, list, notes, 0.05);
    cr_assert(strstr(out, "note: runs were cut off after 600 s in the earlier "
                          "one, after 300 s in the later.\n"),
              "%s", out);
    cr_assert(strstr(out, "the later with kvm, QEMU 10.0.\n"), "%s", out);
    words = experiment_compare_json(later.summary, list, notes, 0.05);
    json = jobj_parse(words, strlen(words), NULL);
    cr_assert(json);
    cr_assert_eq(jobj_get_known(json, "worse").value, 1);
    first = json_object_array_get_idx(jobj_get(json, "compared"), 0);
    cr_assert(jobj_get_string(first, "measure", &measure));
    cr_assert_str_eq(measure, "total");
    cr_assert_float_eq(jobj_get_known(first, "ratio.median.value").value, 1.3,
                       1e-9);
    cr_assert_eq(json_object_array_length(jobj_get(json, "notes")), 2);
    side_clear(&earlier);
    side_clear(&later);
}
