/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * summary.c - runs into cells, cells into estimates
 */
#include "experiment/summary.h"

#include <string.h>

#include "experiment/summary-priv.h"

static const ScenarioMethod *
method_at(const Scenario *scenario, unsigned i)
{
    return &g_array_index(scenario->methods, ScenarioMethod, i);
}

static bool
is_of(const Summary *summary, const Result *result, const SummaryCell *cell)
{
    const Scenario *scenario = summary->scenario;

    return strcmp(result->guest,
                  g_array_index(scenario->guests, ScenarioGuest, cell->guest)
                      .name) == 0 &&
           strcmp(
               result->wire,
               g_array_index(scenario->wires, ScenarioWire, cell->wire).name) ==
               0 &&
           strcmp(result->cross,
                  g_array_index(scenario->crosses, ScenarioCross, cell->cross)
                      .name) == 0;
}

const Result *
summary_result(const Summary *summary, const GPtrArray *results,
               const SummaryCell *cell, unsigned method, unsigned repetition)
{
    const char *name = method_at(summary->scenario, method)->name;
    const Result *found = NULL;

    for (guint i = 0; i < results->len; i++) {
        const Result *result = g_ptr_array_index(results, i);

        if (result->repetition == repetition &&
            strcmp(result->method, name) == 0 && is_of(summary, result, cell) &&
            (!found || result->attempt > found->attempt)) {
            found = result;
        }
    }
    if (found && summary->undisturbed_only && found->disturbed) {
        return NULL;
    }
    return found;
}

/* The highest repetition that anything was run of. */
static unsigned
repetitions(const GPtrArray *results)
{
    unsigned most = 0;

    for (guint i = 0; i < results->len; i++) {
        most = MAX(most, ((Result *)g_ptr_array_index(results, i))->repetition);
    }
    return most;
}

/* A seed for each estimate, so that one more cell does not change another. */
static uint64_t
seed_of(uint64_t seed, const SummaryCell *cell, unsigned method,
        Measure measure)
{
    return seed * 1000003 + cell->guest * 524287 + cell->wire * 131071 +
           cell->cross * 8191 + method * 127 + (unsigned)measure;
}

bool
summary_has(const Summary *summary, const SummaryCell *cell, Measure measure)
{
    for (guint m = 0; m < summary->scenario->methods->len; m++) {
        if (cell->methods[m].measures[measure].n > 0) {
            return true;
        }
    }
    return false;
}

GArray *
summary_figures(const Summary *summary, const GPtrArray *results,
                const SummaryCell *cell, unsigned method, Measure measure)
{
    GArray *figures = g_array_new(FALSE, FALSE, sizeof(Figure));

    for (unsigned r = 1; r <= repetitions(results); r++) {
        const Result *result =
            summary_result(summary, results, cell, method, r);
        Figure figure;

        if (result && result_measure(result, measure, &figure)) {
            g_array_append_val(figures, figure);
        }
    }
    return figures;
}

void
summary_estimate(const Summary *summary, const GPtrArray *results,
                 const SummaryCell *cell, unsigned method, Measure measure,
                 uint64_t seed, Estimate *estimate)
{
    g_autoptr(GArray) figures =
        summary_figures(summary, results, cell, method, measure);

    figures_estimate((Figure *)(void *)figures->data, figures->len,
                     seed_of(seed, cell, method, measure), estimate);
}

GArray *
summary_ratios(const Summary *summary, const GPtrArray *results,
               const SummaryCell *cell, unsigned method, unsigned against,
               Measure measure)
{
    GArray *ratios = g_array_new(FALSE, FALSE, sizeof(Figure));

    for (unsigned r = 1; r <= repetitions(results); r++) {
        const Result *a = summary_result(summary, results, cell, method, r);
        const Result *b = summary_result(summary, results, cell, against, r);
        Figure one, other, ratio;

        if (a && b && result_measure(a, measure, &one) &&
            result_measure(b, measure, &other) && other.value > 0) {
            ratio = figure_ratio(one, other);
            g_array_append_val(ratios, ratio);
        }
    }
    return ratios;
}

void
summary_ratio(const Summary *summary, const GPtrArray *results,
              const SummaryCell *cell, unsigned method, unsigned against,
              Measure measure, uint64_t seed, Estimate *estimate)
{
    g_autoptr(GArray) ratios =
        summary_ratios(summary, results, cell, method, against, measure);

    figures_estimate((Figure *)(void *)ratios->data, ratios->len,
                     seed_of(~seed, cell, method * 61 + against, measure),
                     estimate);
}

static void
count(const Summary *summary, const GPtrArray *results, SummaryCell *cell,
      unsigned method)
{
    SummaryMethod *sum = &cell->methods[method];

    for (unsigned r = 1; r <= repetitions(results); r++) {
        const Result *result =
            summary_result(summary, results, cell, method, r);

        if (!result) {
            continue;
        }
        cell->runs++;
        sum->runs++;
        sum->completed += result->status == RESULT_COMPLETED;
        sum->cut_off += result->status == RESULT_CUT_OFF;
        sum->failed += result->status == RESULT_FAILED;
        sum->disturbed += result->disturbed;
    }
}

static void
sum_cell(const Summary *summary, const GPtrArray *results, SummaryCell *cell,
         uint64_t seed)
{
    guint n = summary->scenario->methods->len;

    cell->methods = g_new0(SummaryMethod, n);
    for (unsigned m = 0; m < n; m++) {
        count(summary, results, cell, m);
        for (int i = 0; i < MEASURE_N; i++) {
            summary_estimate(summary, results, cell, m, (Measure)i, seed,
                             &cell->methods[m].measures[i]);
            if (m > 0) {
                summary_ratio(summary, results, cell, m, 0, (Measure)i, seed,
                              &cell->methods[m].ratios[i]);
            }
        }
    }
}

static void
cell_clear(gpointer data)
{
    g_free(((SummaryCell *)data)->methods);
}

static bool
is_known(const Summary *summary, const Result *result)
{
    bool method = false, cell = false;

    for (guint m = 0; m < summary->scenario->methods->len; m++) {
        method |=
            strcmp(method_at(summary->scenario, m)->name, result->method) == 0;
    }
    for (guint c = 0; c < summary->cells->len; c++) {
        cell |= is_of(summary, result,
                      &g_array_index(summary->cells, SummaryCell, c));
    }
    return method && cell;
}

Summary *
summary_new(const Scenario *scenario, const GPtrArray *results,
            const SummaryOptions *options)
{
    Summary *summary = g_new0(Summary, 1);

    summary->scenario = scenario;
    summary->undisturbed_only = options->undisturbed_only;
    summary->repetitions = MAX(scenario->repetitions, repetitions(results));
    summary->cells = g_array_new(FALSE, TRUE, sizeof(SummaryCell));
    g_array_set_clear_func(summary->cells, cell_clear);
    summary->verdicts = g_array_new(FALSE, TRUE, sizeof(Verdict));
    for (unsigned w = 0; w < scenario->wires->len; w++) {
        for (unsigned c = 0; c < scenario->crosses->len; c++) {
            for (unsigned g = 0; g < scenario->guests->len; g++) {
                SummaryCell cell = { .guest = g, .wire = w, .cross = c };

                sum_cell(summary, results, &cell, options->seed);
                g_array_append_val(summary->cells, cell);
            }
        }
    }
    for (guint i = 0; i < results->len; i++) {
        const Result *result = g_ptr_array_index(results, i);

        if (!is_known(summary, result)) {
            summary->unknown++;
        }
    }
    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        summary->runs += cell->runs;
        for (guint m = 0; m < scenario->methods->len; m++) {
            summary->disturbed += cell->methods[m].disturbed;
            summary->failed += cell->methods[m].failed;
        }
    }
    summary->planned =
        summary->cells->len * scenario->methods->len * summary->repetitions;
    summary_judge(summary, results, options->seed);
    return summary;
}

GPtrArray *
summary_cells(const Summary *summary)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint v = 0; v < summary->verdicts->len; v++) {
        const Verdict *verdict = &g_array_index(summary->verdicts, Verdict, v);

        if (verdict->kind <= VERDICT_MISSES_CLOSE && verdict->cell &&
            verdict->cell->runs > 0 &&
            !g_ptr_array_find(list, verdict->cell, NULL)) {
            g_ptr_array_add(list, (gpointer)verdict->cell);
        }
    }
    for (guint c = 0; c < summary->cells->len; c++) {
        SummaryCell *cell = &g_array_index(summary->cells, SummaryCell, c);

        if (cell->runs > 0 && !g_ptr_array_find(list, cell, NULL)) {
            g_ptr_array_add(list, cell);
        }
    }
    return list;
}

void
summary_free(Summary *summary)
{
    if (summary) {
        g_array_unref(summary->cells);
        g_array_unref(summary->verdicts);
        g_free(summary);
    }
}
