/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-ratios.c - all cells at a glance: who was faster than the first method
 *
 * A row a cell and method, on a logarithmic scale: half the time and twice the
 * time are as far from the line.
 */
#include "experiment/report-chart-priv.h"

#include <math.h>

#include "report/report-svg.h"

#define RATIO_ROW 18.0

static void
ratio_row(GString *out, const Summary *summary, const SummaryCell *cell,
          guint method, double y, const ChartScale *across)
{
    const Estimate *ratio = &cell->methods[method].ratios[MEASURE_TOTAL];
    g_autofree char *cell_name = summary_cell_name(summary, cell);
    g_autofree char *hint = estimate_text(ratio);
    g_autofree char *label = g_strdup_printf(
        "%s: %s", cell_name, chart_method_name(summary, method));

    if (ratio->interval) {
        svg_line(out, chart_line_class(method),
                 chart_at(across, ratio->low.value), y,
                 chart_at(across, ratio->high.value), y);
    }
    svg_circle(out, chart_spot_class(method),
               chart_at(across, ratio->median.value), y, 4.0, hint);
    svg_text(out, "tick", 300.0, y + 4.0, SVG_END, label);
    svg_text(out, "tick", RIGHT + 8.0, y + 4.0, SVG_START, hint);
}

/* How many ratios there are, and what they span. */
static guint
ratio_extent(const Summary *summary, double *low, double *high)
{
    guint rows = 0;

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        for (guint m = 1; m < summary->scenario->methods->len; m++) {
            const Estimate *ratio = &cell->methods[m].ratios[MEASURE_TOTAL];

            if (ratio->n > 0) {
                rows++;
                *low = fmin(*low, ratio->interval ? ratio->low.value
                                                  : ratio->median.value);
                *high = fmax(*high, ratio->interval ? ratio->high.value
                                                    : ratio->median.value);
            }
        }
    }
    return rows;
}

double
chart_ratios_height(const Summary *summary)
{
    double low = 1.0, high = 1.0;

    return TOP + RATIO_ROW * ratio_extent(summary, &low, &high) + 26.0;
}

void
chart_ratios(GString *out, const Summary *summary)
{
    double low = 0.5, high = 1.5, ticks[CHART_MAX_TICKS], bottom, y = TOP + 8.0;
    guint rows = ratio_extent(summary, &low, &high);
    ChartScale across;
    size_t n_ticks;

    if (rows == 0) {
        return;
    }
    low = fmax(low, 0.001);
    bottom = TOP + RATIO_ROW * rows;
    across = (ChartScale){ .low = low / 1.1,
                           .high = high * 1.1,
                           .from = 312.0,
                           .to = RIGHT,
                           .log = true,
                           .zero_at = 312.0 };
    svg_open(out, WIDTH, bottom + 26.0, "chart",
             "total time of each method, of the first");
    n_ticks = chart_log_ticks(across.low, across.high, 10, ticks);
    for (size_t i = 0; i < n_ticks; i++) {
        double x = chart_at(&across, ticks[i]);
        g_autofree char *text = g_strdup_printf("%g", ticks[i]);

        svg_line(out, ticks[i] == 1.0 ? "goal" : "grid", x, TOP - 4.0, x,
                 bottom);
        svg_text(out, "tick", x, bottom + 16.0, SVG_MIDDLE, text);
    }
    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        for (guint m = 1; m < summary->scenario->methods->len; m++) {
            if (cell->methods[m].ratios[MEASURE_TOTAL].n > 0) {
                ratio_row(out, summary, cell, m, y, &across);
                y += RATIO_ROW;
            }
        }
    }
    svg_close(out);
}
