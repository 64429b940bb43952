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
    g_autofree char *out = experiment_compare_text(later.summary, list, 0.05);
    ComparedKind kind = COMPARED_N;

    cr_assert_eq(list->len, 2);
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
