/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-goals.c - the accuracy that docs/prediction.md promises
 *
 * On the recorded migrations of tests/data/dirty, of which three scenarios are
 * long enough to tell. The same figures come from
 *
 *     vmferry-predict eval tests/data/dirty/kvm-postgres-dev.csv
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tools/predict/evaluation.h"

#define ENOUGH_ROWS 200 /* for a share to be held to within a few per cent */

static const char *const naive[] = { "last",  "mean", "wmean",  "ewma",
                                     "arima", "rate", "linear", "gm11" };

static JsonObject *
evaluate(bool all)
{
    g_autofree char *text = NULL;
    g_autoptr(TraceTable) table = NULL;
    g_autoptr(Replay) replay = replay_new();
    g_autofree char *json = NULL;
    char a[] = "Autoconverge_16T", b[] = "Precopy_Nonconvergent_16T",
         c[] = "Precopy_Nonconvergent_OnlyReads_16T";
    char *longs[] = { a, b, c, NULL };
    EvaluationOptions options = { .groups = all ? NULL : longs,
                                  .format = FORMAT_JSON };
    gsize length;
    JsonObject *top;

    cr_assert(g_file_get_contents(TEST_DATA_DIR "/dirty/kvm-postgres-dev.csv",
                                  &text, &length, NULL));
    table = trace_parse(text, length, NULL);
    cr_assert(table);
    replay_add(replay, table);
    json = evaluation_print(replay, &options, NULL);
    cr_assert(json);
    top = jobj_parse(json, strlen(json), NULL);
    cr_assert(top);
    return top;
}

static double
number(JsonObject *object, const char *model, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s.%s", model, name);
    Known value = jobj_get_known(object, path);

    cr_assert(value.known, "%s", path);
    return value.value;
}

Test(goals, ensemble_beats_every_naive_model_by_a_fifth)
{
    g_autoptr(JsonObject) top = evaluate(false);
    JsonObject *mean = jobj_get(top, "mean_of_groups");
    double ensemble = number(mean, "ensemble", "mape"), best = INFINITY;

    cr_assert_eq(json_object_array_length(jobj_get(top, "groups")), 3);
    for (size_t i = 0; i < G_N_ELEMENTS(naive); i++) {
        best = fmin(best, number(mean, naive[i], "mape"));
    }
    fprintf(stderr, "MAPE %.1f %%, best naive %.1f %%, ratio %.2f\n", ensemble,
            best, ensemble / best);
    cr_assert_leq(ensemble, 19.5);
    cr_assert_leq(ensemble, 0.8 * best);
    cr_assert_leq(ensemble, 0.6 * number(mean, "gm1n", "mape"));
}

Test(goals, early_forecasts_are_good_already)
{
    g_autoptr(JsonObject) top = evaluate(false);
    JsonObject *mean = jobj_get(top, "mean_of_groups");
    double early = number(mean, "ensemble", "by_history.2-6.mape");

    fprintf(stderr, "2 to 6 passes: %.1f %%\n", early);
    cr_assert_leq(early, 10.0);
}

/* Share of outcomes of n trials at least as far from the mean as k, p = 0.8 */
static double
binomial_p_value(unsigned n, unsigned k)
{
    double mean = 0.8 * n, sum = 0.0;

    for (unsigned i = 0; i <= n; i++) {
        if (fabs(i - mean) >= fabs(k - mean) - 1e-9) {
            sum += exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) +
                       i * log(0.8) + (n - i) * log(0.2));
        }
    }
    return sum;
}

Test(goals, four_of_five_passes_fall_into_the_interval)
{
    g_autoptr(JsonObject) top = evaluate(true);
    JsonObject *groups = jobj_get(top, "groups");
    double all =
        number(jobj_get(top, "mean_of_groups"), "ensemble", "coverage_80");

    cr_assert_eq(json_object_array_length(groups), 4);
    for (size_t i = 0; i < json_object_array_length(groups); i++) {
        JsonObject *group = json_object_array_get_idx(groups, i);
        JsonObject *models = jobj_get(group, "models");
        double covered = number(models, "ensemble", "coverage_80");
        unsigned n = (unsigned)number(models, "ensemble", "n");
        const char *name = "";

        jobj_get_string(group, "group", &name);
        fprintf(stderr, "%s: %.1f %% of %u\n", name, covered, n);
        if (n >= ENOUGH_ROWS) {
            cr_assert_geq(covered, 75.0, "%s", name);
            cr_assert_leq(covered, 88.0, "%s", name);
        } else {
            cr_assert_gt(
                binomial_p_value(n, (unsigned)lround(covered * n / 100.0)),
                0.05, "%s", name);
        }
    }
    cr_assert_geq(all, 75.0);
    cr_assert_leq(all, 88.0);
}

/* Where last time is all there is to know, it is about as good. The first
 * forecast has one row and a prior to go by, and is left out. */
Test(goals, steady_guests_are_not_forecast_worse_than_by_the_last_value)
{
    g_autoptr(JsonObject) top = evaluate(true);
    JsonObject *groups = jobj_get(top, "groups");
    bool any = false;

    for (size_t i = 0; i < json_object_array_length(groups); i++) {
        JsonObject *group = json_object_array_get_idx(groups, i);
        JsonObject *models = jobj_get(group, "models");
        static const char *const parts[] = { "by_history.2-6.mape",
                                             "by_history.7-15.mape",
                                             "by_history.16+.mape" };
        const char *name = "";

        jobj_get_string(group, "group", &name);
        if (strcmp(name, "Precopy_Nonconvergent_OnlyReads_16T") != 0) {
            continue;
        }
        any = true;
        for (size_t p = 0; p < G_N_ELEMENTS(parts); p++) {
            double last = number(models, "last", parts[p]);

            cr_assert_leq(number(models, "ensemble", parts[p]),
                          fmax(1.05 * last, last + 1.0), "%s", parts[p]);
        }
    }
    cr_assert(any);
}
