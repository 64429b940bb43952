/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * summary-judge.c - is it as claimed?
 *
 * A claim is judged in each cell that it is about. Its goal is one for the
 * median; whether the interval keeps to it as well decides between "holds" and
 * "holds by its median". A median that is only known to be at least X meets no
 * goal of "at most", and misses none above X: then it is undecided.
 */
#include "experiment/summary-priv.h"

#include <string.h>

/* The goal seen as one of "at most": of both, the better is the smaller. */
static double
worse(const ScenarioClaim *claim, double value)
{
    return claim->at_most.known ? value : -value;
}

static double
goal(const ScenarioClaim *claim)
{
    return claim->at_most.known ? claim->at_most.value : -claim->at_least.value;
}

typedef enum { MEETS_NO, MEETS_YES, MEETS_UNKNOWN } Meets;

static Meets
meets(const ScenarioClaim *claim, Figure figure, double limit)
{
    bool inside = worse(claim, figure.value) <= limit;
    /* bounds that could carry it across */
    Bound upwards = claim->at_most.known ? BOUND_AT_LEAST : BOUND_AT_MOST;
    Bound downwards = claim->at_most.known ? BOUND_AT_MOST : BOUND_AT_LEAST;

    if (figure.bound == BOUND_OPEN ||
        figure.bound == (inside ? upwards : downwards)) {
        return MEETS_UNKNOWN;
    }
    return inside ? MEETS_YES : MEETS_NO;
}

static VerdictKind
judge_estimate(const ScenarioClaim *claim, const Estimate *effect)
{
    bool most = claim->at_most.known;
    Figure bad = most ? effect->high : effect->low;
    Figure good = most ? effect->low : effect->high;
    Meets median;

    if (effect->n == 0) {
        return VERDICT_NO_DATA;
    }
    if (effect->n < claim->pairs) {
        return VERDICT_TOO_FEW;
    }
    median = meets(claim, effect->median, goal(claim));
    if (median == MEETS_UNKNOWN) {
        return VERDICT_UNDECIDED;
    }
    if (median == MEETS_NO) {
        return effect->interval && worse(claim, good.value) <= goal(claim)
                   ? VERDICT_MISSES_CLOSE
                   : VERDICT_MISSES;
    }
    if (claim->reach.known && effect->interval &&
        worse(claim, good.value) > worse(claim, claim->reach.value)) {
        return VERDICT_MISSES_CLOSE;
    }
    return effect->interval && meets(claim, bad, goal(claim)) == MEETS_YES
               ? VERDICT_HOLDS
               : VERDICT_HOLDS_CLOSE;
}

static bool
among(char **names, const char *name)
{
    return !names || g_strv_contains((const char *const *)names, name);
}

static bool
is_about(const Scenario *scenario, const ScenarioClaim *claim,
         const SummaryCell *cell)
{
    return among(claim->guests,
                 g_array_index(scenario->guests, ScenarioGuest, cell->guest)
                     .name) &&
           among(
               claim->wires,
               g_array_index(scenario->wires, ScenarioWire, cell->wire).name) &&
           among(claim->crosses,
                 g_array_index(scenario->crosses, ScenarioCross, cell->cross)
                     .name);
}

/* Which of the scenario's methods; it was checked that there is one. */
static unsigned
method_named(const Scenario *scenario, const char *name)
{
    for (unsigned m = 0; m < scenario->methods->len; m++) {
        if (strcmp(g_array_index(scenario->methods, ScenarioMethod, m).name,
                   name) == 0) {
            return m;
        }
    }
    g_assert_not_reached();
}

/* So many of all runs, whatever their cell. */
static void
judge_share(Summary *summary, const GPtrArray *results,
            const ScenarioClaim *claim)
{
    g_autoptr(GArray) figures = g_array_new(FALSE, FALSE, sizeof(Figure));
    unsigned method = method_named(summary->scenario, claim->method);
    Verdict verdict = { .claim = claim,
                        .method = method,
                        .kind = VERDICT_NO_DATA };
    unsigned kept = 0;

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        if (!is_about(summary->scenario, claim, cell)) {
            continue;
        }
        for (guint i = 0; i < results->len; i++) {
            const Result *result = g_ptr_array_index(results, i);
            Figure figure;

            if (summary_result(summary, results, cell, method,
                               result->repetition) == result &&
                result_measure(result, claim->measure, &figure)) {
                g_array_append_val(figures, figure);
                kept += meets(claim, figure, goal(claim)) == MEETS_YES;
            }
        }
    }
    figures_estimate((Figure *)(void *)figures->data, figures->len, method + 1,
                     &verdict.effect);
    if (figures->len > 0) {
        verdict.share = known((double)kept / figures->len);
        verdict.kind = figures->len < claim->pairs ? VERDICT_TOO_FEW
                       : verdict.share.value >= claim->share.value
                           ? VERDICT_HOLDS
                           : VERDICT_MISSES;
    }
    g_array_append_val(summary->verdicts, verdict);
}

static void
judge_cells(Summary *summary, const GPtrArray *results,
            const ScenarioClaim *claim, uint64_t seed)
{
    const Scenario *scenario = summary->scenario;
    unsigned method = method_named(scenario, claim->method);

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);
        Verdict verdict = { .claim = claim, .cell = cell, .method = method };

        if (!is_about(scenario, claim, cell)) {
            continue;
        }
        if (claim->against) {
            verdict.against = method_named(scenario, claim->against);
            summary_ratio(summary, results, cell, method, verdict.against,
                          claim->measure, seed, &verdict.effect);
        } else {
            verdict.effect = cell->methods[method].measures[claim->measure];
        }
        verdict.kind = judge_estimate(claim, &verdict.effect);
        g_array_append_val(summary->verdicts, verdict);
    }
}

static int
verdict_compare(const void *left, const void *right)
{
    const Verdict *a = left, *b = right;

    return (int)a->kind - (int)b->kind;
}

void
summary_judge(Summary *summary, const GPtrArray *results, uint64_t seed)
{
    GArray *claims = summary->scenario->claims;

    for (guint i = 0; i < claims->len; i++) {
        const ScenarioClaim *claim = &g_array_index(claims, ScenarioClaim, i);

        if (claim->share.known) {
            judge_share(summary, results, claim);
        } else {
            judge_cells(summary, results, claim, seed);
        }
    }
    g_array_sort(summary->verdicts, verdict_compare); /* stable */
}
