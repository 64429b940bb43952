/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-summary.c - a tiny experiment, worked out by hand
 *
 *   total, s        rep 1   rep 2          rep 3   rep 4
 *   virsh           100     cut off 180    120     -
 *   default          50      60             66     55
 *   ratio           0.5     <= 0.333       0.55
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/report.h"
#include "experiment/summary.h"

static const char text[] = "[scenario]\n"
                           "name = tiny\n"
                           "wires = 50mbit\n"
                           "methods = virsh, default\n"
                           "cross = four\n"
                           "repetitions = 4\n"
                           "cut-off = 180\n"
                           "[cross four]\n"
                           "[guest a]\n"
                           "[guest b]\n"
                           "%s";

typedef struct Tiny {
    Scenario *scenario;
    GPtrArray *results;
    Summary *summary;
} Tiny;

static Result *
result_of(const char *method, unsigned repetition, ResultStatus status,
          double total_s)
{
    Result *result = result_new();

    result->scenario = g_strdup("tiny");
    result->guest = g_strdup("a");
    result->wire = g_strdup("50mbit");
    result->cross = g_strdup("four");
    result->method = g_strdup(method);
    result->repetition = repetition;
    result->attempt = 1;
    result->status = status;
    result->cut_off_s = 180;
    result->downtime_limit_ms = 300;
    if (status == RESULT_COMPLETED) {
        result->total_s = known(total_s);
        result->downtime_ms = known(200);
        result->during.stall_ms = known(350 + 10 * repetition);
    }
    return result;
}

static Tiny
tiny(const char *claims, const SummaryOptions *options)
{
    g_autofree char *whole = g_strdup_printf(text, claims);
    g_autoptr(GError) error = NULL;
    Tiny made = {
        .scenario = scenario_parse(whole, strlen(whole), "t", &error),
        .results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free),
    };
    GPtrArray *r = made.results;

    cr_assert(made.scenario, "%s", error ? error->message : "");
    g_ptr_array_add(r, result_of("virsh", 1, RESULT_COMPLETED, 100));
    g_ptr_array_add(r, result_of("virsh", 2, RESULT_CUT_OFF, 0));
    g_ptr_array_add(r, result_of("virsh", 3, RESULT_COMPLETED, 120));
    g_ptr_array_add(r, result_of("virsh", 4, RESULT_FAILED, 0));
    g_ptr_array_add(r, result_of("default", 1, RESULT_COMPLETED, 50));
    g_ptr_array_add(r, result_of("default", 2, RESULT_COMPLETED, 60));
    g_ptr_array_add(r, result_of("default", 3, RESULT_COMPLETED, 66));
    g_ptr_array_add(r, result_of("default", 4, RESULT_COMPLETED, 55));
    ((Result *)g_ptr_array_index(r, 6))->disturbed = true;
    made.summary = summary_new(made.scenario, r, options);
    return made;
}

static void
tiny_clear(Tiny *made)
{
    summary_free(made->summary);
    g_ptr_array_unref(made->results);
    scenario_free(made->scenario);
}

static const SummaryOptions plain = { .seed = 1 };

static const SummaryCell *
cell_at(const Tiny *made, guint i)
{
    return &g_array_index(made->summary->cells, SummaryCell, i);
}

Test(summary, medians_count_a_cut_off_run_as_the_cut_off)
{
    Tiny made = tiny("", &plain);
    const SummaryCell *cell = cell_at(&made, 0);
    const Estimate *virsh = &cell->methods[0].measures[MEASURE_TOTAL];
    const Estimate *ours = &cell->methods[1].measures[MEASURE_TOTAL];

    cr_assert_eq(cell->methods[0].runs, 4);
    cr_assert_eq(cell->methods[0].completed, 2);
    cr_assert_eq(cell->methods[0].cut_off, 1);
    cr_assert_eq(cell->methods[0].failed, 1);
    cr_assert_eq(virsh->n, 3, "the failed one is no figure");
    cr_assert_eq(virsh->bounded, 1);
    cr_assert_float_eq(virsh->median.value, 120, 1e-9);
    cr_assert_eq(virsh->median.bound, BOUND_EXACT);
    cr_assert_eq(virsh->high.bound, BOUND_AT_LEAST);
    cr_assert_float_eq(virsh->high.value, 180, 1e-9);
    cr_assert_eq(ours->n, 4);
    cr_assert_float_eq(ours->median.value, 57.5, 1e-9);
    cr_assert_eq(cell->methods[0].measures[MEASURE_DOWNTIME].n, 2,
                 "one that was cut off had no downtime");
    tiny_clear(&made);
}

Test(summary, ratios_are_paired_and_a_missing_run_is_no_pair)
{
    Tiny made = tiny("", &plain);
    const Estimate *ratio =
        &cell_at(&made, 0)->methods[1].ratios[MEASURE_TOTAL];

    cr_assert_eq(ratio->n, 3, "repetition 4 has no partner");
    cr_assert_eq(ratio->bounded, 1);
    cr_assert_float_eq(ratio->median.value, 0.5, 1e-9);
    cr_assert_eq(ratio->median.bound, BOUND_EXACT);
    cr_assert_float_eq(ratio->low.value, 60.0 / 180, 1e-9);
    cr_assert_eq(ratio->low.bound, BOUND_AT_MOST);
    cr_assert_float_eq(ratio->high.value, 0.55, 1e-9);
    tiny_clear(&made);
}

Test(summary, counts_what_is_there_and_what_is_not)
{
    Tiny made = tiny("", &plain);

    cr_assert_eq(made.summary->planned, 2 * 2 * 4);
    cr_assert_eq(made.summary->runs, 8);
    cr_assert_eq(made.summary->failed, 1);
    cr_assert_eq(made.summary->disturbed, 1);
    cr_assert_eq(cell_at(&made, 1)->runs, 0);
    tiny_clear(&made);
}

/* run --repeat asks for more than the scenario does. */
Test(summary, more_repetitions_than_planned_are_planned)
{
    Tiny made = tiny("", &plain);
    Summary *summary;

    g_ptr_array_add(made.results,
                    result_of("default", 6, RESULT_COMPLETED, 50));
    summary = summary_new(made.scenario, made.results, &plain);
    cr_assert_eq(summary->repetitions, 6);
    cr_assert_eq(summary->planned, 2 * 2 * 6);
    cr_assert_eq(summary->runs, 9);
    summary_free(summary);
    tiny_clear(&made);
}

Test(summary, disturbed_runs_can_be_left_out)
{
    const SummaryOptions quiet = { .seed = 1, .undisturbed_only = true };
    Tiny made = tiny("", &quiet);

    cr_assert_eq(cell_at(&made, 0)->methods[1].runs, 3);
    cr_assert_eq(cell_at(&made, 0)->methods[1].ratios[MEASURE_TOTAL].n, 2);
    tiny_clear(&made);
}

Test(summary, of_two_attempts_the_last_counts)
{
    Tiny made = tiny("", &plain);
    Result *again = result_of("default", 1, RESULT_COMPLETED, 40);
    Summary *summary;

    again->attempt = 2;
    g_ptr_array_insert(made.results, 0, again);
    summary = summary_new(made.scenario, made.results, &plain);
    cr_assert_eq(g_array_index(summary->cells, SummaryCell, 0).methods[1].runs,
                 4);
    cr_assert_eq(summary_result(summary, made.results,
                                &g_array_index(summary->cells, SummaryCell, 0),
                                1, 1),
                 again);
    summary_free(summary);
    tiny_clear(&made);
}

static VerdictKind
verdict_on(const char *claim, Estimate *effect)
{
    g_autofree char *whole =
        g_strdup_printf("[claim c]\nguests = a\nmethod = default\n%s", claim);
    Tiny made = tiny(whole, &plain);
    const Verdict *verdict = &g_array_index(made.summary->verdicts, Verdict, 0);
    VerdictKind kind = verdict->kind;

    cr_assert_eq(made.summary->verdicts->len, 1);
    if (effect) {
        *effect = verdict->effect;
    }
    tiny_clear(&made);
    return kind;
}

#define TOTAL "measure = total\nagainst = virsh\n"

Test(verdict, of_a_ratio)
{
    Estimate effect;

    /* [0.333 to 0.55], median 0.5 */
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.6\n", &effect), VERDICT_HOLDS);
    cr_assert_eq(effect.n, 3);
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.5\n", NULL),
                 VERDICT_HOLDS_CLOSE);
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.4\n", NULL),
                 VERDICT_MISSES_CLOSE);
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.3\n", NULL), VERDICT_MISSES);
    cr_assert_eq(verdict_on(TOTAL "at-least = 0.6\n", NULL), VERDICT_MISSES);
    cr_assert_eq(verdict_on(TOTAL "at-least = 0.51\n", NULL),
                 VERDICT_MISSES_CLOSE);
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.6\npairs = 4\n", NULL),
                 VERDICT_TOO_FEW);
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.6\nreach = 0.3\n", NULL),
                 VERDICT_MISSES_CLOSE, "the interval does not reach 0.3");
    cr_assert_eq(verdict_on(TOTAL "at-most = 0.6\nreach = 0.4\n", NULL),
                 VERDICT_HOLDS);
}

Test(verdict, without_data_there_is_none)
{
    cr_assert_eq(verdict_on("measure = need\nat-least = 0.9\n", NULL),
                 VERDICT_NO_DATA);
}

/* Stalls of 360, 370, 380, 390 ms, a limit of 300: over by 60 .. 90. */
Test(verdict, of_a_share_of_runs)
{
    Estimate effect;

    cr_assert_eq(verdict_on("measure = over-limit\nat-most = 80\n"
                            "share = 0.75\n",
                            &effect),
                 VERDICT_HOLDS);
    cr_assert_eq(effect.n, 4);
    cr_assert_float_eq(effect.median.value, 75, 1e-9);
    cr_assert_eq(verdict_on("measure = over-limit\nat-most = 80\n"
                            "share = 0.9\n",
                            NULL),
                 VERDICT_MISSES);
}

/* Both cut off in every repetition: neither is shown to be the faster. */
Test(verdict, is_open_if_both_were_cut_off)
{
    Tiny made =
        tiny("[claim c]\nguests = a\nmethod = default\n" TOTAL "at-most = 1\n",
             &plain);
    Summary *summary;

    for (guint i = 0; i < made.results->len; i++) {
        ((Result *)g_ptr_array_index(made.results, i))->status = RESULT_CUT_OFF;
    }
    summary = summary_new(made.scenario, made.results, &plain);
    cr_assert_eq(g_array_index(summary->verdicts, Verdict, 0).kind,
                 VERDICT_UNDECIDED);
    summary_free(summary);
    tiny_clear(&made);
}

Test(verdict, misses_come_first)
{
    Tiny made = tiny(
        "[claim good]\nguests = a\nmethod = default\n" TOTAL "at-most = 0.6\n"
        "[claim bad]\nguests = a\nmethod = default\n" TOTAL "at-most = 0.1\n",
        &plain);

    cr_assert_str_eq(
        g_array_index(made.summary->verdicts, Verdict, 0).claim->name, "bad");
    tiny_clear(&made);
}

Test(report, text_says_it)
{
    Tiny made = tiny("[claim c]\nguests = a\nmethod = default\n" TOTAL
                     "at-most = 0.6\n",
                     &plain);
    g_autofree char *out = experiment_text(made.summary);
    static const char *const parts[] = {
        "tiny: 8 runs of 16 planned, 1 failed, 1 on a disturbed machine\n",
        "  holds                a, 50mbit, beside four: "
        "0.50 [<= 0.33 to 0.55], n = 3  (total time of default, of that of "
        "virsh, is at most 0.6)\n",
        "4, 1 cut off, 1 failed",
        "120 [100 to >= 180]",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        cr_assert(strstr(out, parts[i]), "no \"%s\" in:\n%s", parts[i], out);
    }
    cr_assert_null(strstr(out, "\nb, 50mbit"), "a cell without runs");
    tiny_clear(&made);
}

Test(report, csv_has_a_line_a_figure)
{
    Tiny made = tiny("", &plain);
    g_autofree char *out = experiment_csv(made.summary);
    g_autofree char *runs = experiment_runs_csv(made.summary, made.results);
    static const char row[] =
        "\ntiny,a,50mbit,four,default,total,4,57.5,exact,50,66,3,0.5,exact,";

    cr_assert(strstr(out, row), "%s", out);
    cr_assert(strstr(runs, "\ntiny,a,50mbit,four,virsh,2,0,1,cut-off,0,180,"
                           "at-least,"),
              "%s", runs);
    tiny_clear(&made);
}

Test(report, json_reads_back)
{
    Tiny made = tiny("[claim c]\nguests = a\nmethod = default\n" TOTAL
                     "at-most = 0.6\n",
                     &plain);
    g_autofree char *out = experiment_json(made.summary);
    g_autoptr(JsonObject) json = jobj_parse(out, strlen(out), NULL);
    JsonObject *verdict;
    const char *word = NULL;

    cr_assert(json);
    verdict = json_object_array_get_idx(jobj_get(json, "verdicts"), 0);
    cr_assert(jobj_get_string(verdict, "verdict", &word));
    cr_assert_str_eq(word, "holds");
    cr_assert_float_eq(jobj_get_known(verdict, "effect.median.value").value,
                       0.5, 1e-9);
    tiny_clear(&made);
}
