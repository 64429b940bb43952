/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-plots.c - all cells at a glance: totals, claims, any one measure
 */
#include "experiment/report-plots.h"

#include "experiment/report-chart-priv.h"
#include "experiment/report-dots.h"

/* The name of the cell, above its first row only. */
static char *
head_of(const Summary *summary, const SummaryCell *cell,
        const SummaryCell **before)
{
    bool same = cell == *before;

    *before = cell;
    return same ? NULL : summary_cell_name(summary, cell);
}

static double
draw(GString *out, const GArray *rows, const DotAxis *axis)
{
    dots_draw(out, rows, axis);
    return rows->len > 0 ? dots_height(rows) : 0.0;
}

double
plot_ratios(GString *out, const Summary *summary, const GPtrArray *results)
{
    g_autoptr(GArray) rows = dots_new();
    g_autofree char *label = g_strdup_printf("total time, of that of %s",
                                             chart_method_name(summary, 0));
    const DotAxis axis = {
        .label = label, .log = true, .low = 0.5, .high = 1.5, .line = known(1)
    };
    const SummaryCell *before = NULL;

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        for (guint m = 1; m < summary->scenario->methods->len; m++) {
            if (cell->methods[m].ratios[MEASURE_TOTAL].n == 0) {
                continue;
            }
            dots_add(rows,
                     (DotRow){
                         .head = head_of(summary, cell, &before),
                         .label = g_strdup(chart_method_name(summary, m)),
                         .method = m,
                         .estimate = cell->methods[m].ratios[MEASURE_TOTAL],
                         .figures = summary_ratios(summary, results, cell, m, 0,
                                                   MEASURE_TOTAL),
                     });
        }
    }
    return draw(out, rows, &axis);
}

/* "default / static-htb, cross: misses" */
static char *
claim_label(const Verdict *verdict)
{
    const ScenarioClaim *claim = verdict->claim;
    bool total = claim->measure == MEASURE_TOTAL;

    return g_strdup_printf(
        "%s / %s%s%s: %s", claim->method, claim->against, total ? "" : ", ",
        total ? "" : measure_name(claim->measure), verdict_word(verdict->kind));
}

double
plot_claims(GString *out, const Summary *summary, const GPtrArray *results)
{
    g_autoptr(GArray) rows = dots_new();
    g_autoptr(GPtrArray) cells = summary_cells(summary);
    const DotAxis axis = { .label = "what claims compare, with their goals",
                           .log = true,
                           .low = 0.5,
                           .high = 1.5,
                           .line = known(1) };
    const SummaryCell *before = NULL;

    for (guint c = 0; c < cells->len; c++) {
        for (guint v = 0; v < summary->verdicts->len; v++) {
            const Verdict *verdict =
                &g_array_index(summary->verdicts, Verdict, v);
            const ScenarioClaim *claim = verdict->claim;

            if (verdict->cell != g_ptr_array_index(cells, c) ||
                !claim->against || verdict->effect.n == 0) {
                continue;
            }
            dots_add(rows,
                     (DotRow){
                         .head = head_of(summary, verdict->cell, &before),
                         .label = claim_label(verdict),
                         .method = verdict->method,
                         .estimate = verdict->effect,
                         .figures = summary_ratios(
                             summary, results, verdict->cell, verdict->method,
                             verdict->against, claim->measure),
                         .goal = claim->at_most.known ? claim->at_most
                                                      : claim->at_least,
                     });
        }
    }
    return draw(out, rows, &axis);
}

double
plot_measure(GString *out, const Summary *summary, const GPtrArray *results,
             Measure measure, Known line)
{
    g_autoptr(GArray) rows = dots_new();
    const DotAxis axis = { .label = measure_title(measure), .line = line };
    const SummaryCell *before = NULL;
    bool any = false;

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        for (guint m = 0; m < summary->scenario->methods->len; m++) {
            const Estimate *estimate = &cell->methods[m].measures[measure];

            if (estimate->n == 0) {
                continue;
            }
            any |= estimate->median.value > 0;
            dots_add(rows, (DotRow){
                               .head = head_of(summary, cell, &before),
                               .label = g_strdup(chart_method_name(summary, m)),
                               .method = m,
                               .estimate = *estimate,
                               .figures = summary_figures(summary, results,
                                                          cell, m, measure),
                           });
        }
    }
    return any ? draw(out, rows, &axis) : 0.0;
}
