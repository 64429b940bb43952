/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare.c - ratios of medians, and what they say
 *
 * What is left out: the stall over the limit, which is a part of the stall.
 */
#include "experiment/compare.h"

#include <string.h>

static const char *const words[] = {
    [COMPARED_WORSE] = "worse",
    [COMPARED_BETTER] = "better",
    [COMPARED_ALIKE] = "alike",
    [COMPARED_OPEN] = "open",
};
G_STATIC_ASSERT(G_N_ELEMENTS(words) == COMPARED_N);

const char *
compared_word(ComparedKind kind)
{
    return words[kind];
}

bool
measure_more_is_better(Measure measure)
{
    return measure == MEASURE_APPLICATION || measure == MEASURE_NEED ||
           measure == MEASURE_CROSS;
}

/* A share of nothing, a pause of no millisecond: as little as is told from
 * nothing, so that what fell to 0 can be compared as well. */
static double
least_of(Measure measure)
{
    const char *unit = measure_unit(measure);

    return *unit == '\0' || strcmp(unit, "s") == 0 ? 0.001 : 1.0;
}

/* Figures of a measure that can stand below a line. */
static GArray *
figures_of(const Summary *summary, const GPtrArray *results,
           const SummaryCell *cell, unsigned method, Measure measure)
{
    GArray *figures = g_array_new(FALSE, FALSE, sizeof(Figure));

    for (guint i = 0; i < results->len; i++) {
        const Result *result = g_ptr_array_index(results, i);
        Figure figure;

        if (summary_result(summary, results, cell, method,
                           result->repetition) == result &&
            result_measure(result, measure, &figure)) {
            figure.value = MAX(figure.value, least_of(measure));
            g_array_append_val(figures, figure);
        }
    }
    return figures;
}

static const char *
guest_name(const Summary *summary, const SummaryCell *cell)
{
    return g_array_index(summary->scenario->guests, ScenarioGuest, cell->guest)
        .name;
}

static const char *
wire_name(const Summary *summary, const SummaryCell *cell)
{
    return g_array_index(summary->scenario->wires, ScenarioWire, cell->wire)
        .name;
}

static const char *
cross_name(const Summary *summary, const SummaryCell *cell)
{
    return g_array_index(summary->scenario->crosses, ScenarioCross, cell->cross)
        .name;
}

static const char *
method_name(const Summary *summary, unsigned method)
{
    return g_array_index(summary->scenario->methods, ScenarioMethod, method)
        .name;
}

/* The same cell in the other experiment. */
static const SummaryCell *
cell_like(const Summary *summary, const Summary *other, const SummaryCell *cell)
{
    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *mine =
            &g_array_index(summary->cells, SummaryCell, c);

        if (strcmp(guest_name(summary, mine), guest_name(other, cell)) == 0 &&
            strcmp(wire_name(summary, mine), wire_name(other, cell)) == 0 &&
            strcmp(cross_name(summary, mine), cross_name(other, cell)) == 0) {
            return mine;
        }
    }
    return NULL;
}

static ComparedKind
judge(const Estimate *ratio, Measure measure, double tolerance)
{
    double low = 1 - tolerance, high = 1 + tolerance;
    bool above, below;

    if (!ratio->interval || ratio->median.bound == BOUND_OPEN) {
        return COMPARED_OPEN;
    }
    above = ratio->low.value > high && ratio->low.bound != BOUND_AT_MOST;
    below = ratio->high.value < low && ratio->high.bound != BOUND_AT_LEAST;
    if (above || below) {
        return above == measure_more_is_better(measure) ? COMPARED_BETTER
                                                        : COMPARED_WORSE;
    }
    return ratio->low.value >= low && ratio->high.value <= high &&
                   ratio->bounded == 0
               ? COMPARED_ALIKE
               : COMPARED_OPEN;
}

static int
compared_order(const void *left, const void *right)
{
    const Compared *a = left, *b = right;

    return (int)a->kind - (int)b->kind;
}

/* How many came to an end that was none. */
static void
compare_failed(GArray *list, const SummaryCell *old_cell, unsigned old_method,
               const SummaryCell *cell, unsigned method)
{
    const SummaryMethod *old = &old_cell->methods[old_method];
    const SummaryMethod *new = &cell->methods[method];
    Compared compared = { .cell = cell,
                          .method = method,
                          .measure = MEASURE_N,
                          .earlier = { old->failed, old->runs },
                          .later = { new->failed, new->runs },
                          .kind = COMPARED_OPEN };

    if (old->runs == 0 || new->runs == 0 || old->failed + new->failed == 0) {
        return;
    }
    if (old->failed == 0) {
        compared.kind = COMPARED_WORSE;
    } else if (new->failed == 0) {
        compared.kind = COMPARED_BETTER;
    }
    g_array_append_val(list, compared);
}

static void
compare_cell(GArray *list, const Summary *earlier, const GPtrArray *before,
             const SummaryCell *old_cell, const Summary *later,
             const GPtrArray *after, const SummaryCell *cell, double tolerance,
             uint64_t seed)
{
    for (unsigned m = 0; m < later->scenario->methods->len; m++) {
        for (unsigned o = 0; o < earlier->scenario->methods->len; o++) {
            if (strcmp(method_name(later, m), method_name(earlier, o)) != 0) {
                continue;
            }
            compare_failed(list, old_cell, o, cell, m);
            for (int i = 0; i < MEASURE_N; i++) {
                Compared compared = { .cell = cell,
                                      .method = m,
                                      .measure = (Measure)i };
                g_autoptr(GArray) a =
                    figures_of(later, after, cell, m, (Measure)i);
                g_autoptr(GArray) b =
                    figures_of(earlier, before, old_cell, o, (Measure)i);

                figures_compare((Figure *)(void *)a->data, a->len,
                                (Figure *)(void *)b->data, b->len,
                                seed + list->len, &compared.ratio);
                if (compared.ratio.n > 0 && i != MEASURE_OVER_LIMIT) {
                    compared.kind =
                        judge(&compared.ratio, (Measure)i, tolerance);
                    g_array_append_val(list, compared);
                }
            }
        }
    }
}

GArray *
experiment_compare(const Summary *earlier, const GPtrArray *before,
                   const Summary *later, const GPtrArray *after,
                   double tolerance, uint64_t seed)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Compared));

    for (guint c = 0; c < later->cells->len; c++) {
        const SummaryCell *cell = &g_array_index(later->cells, SummaryCell, c);
        const SummaryCell *old_cell = cell_like(earlier, later, cell);

        if (old_cell) {
            compare_cell(list, earlier, before, old_cell, later, after, cell,
                         tolerance, seed);
        }
    }
    g_array_sort(list, compared_order);
    return list;
}
