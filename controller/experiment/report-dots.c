/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-dots.c - medians at a glance
 *
 *   vm2-memory, 50mbit, beside four
 *          static-htb        o  |--o-O-o--|             0.31 [0.28 to 0.35]
 *             default      |-oO-o-|                     0.27 [0.25 to 0.30]
 *
 * A row has its median, its interval, every run or pair that it is made of, and
 * says in figures what it shows. What is only a bound is hollow.
 */
#include "experiment/report-dots.h"

#include <math.h>

#include "experiment/report-chart-priv.h"
#include "report/report-svg.h"

#define ROW 18.0
#define HEAD 22.0
#define PLOT_FROM 302.0
#define PLOT_TO 748.0
#define FOOT 26.0
#define MOST_TICKS 10

static void
row_clear(gpointer data)
{
    DotRow *row = data;

    g_free(row->head);
    g_free(row->label);
    g_clear_pointer(&row->figures, g_array_unref);
}

GArray *
dots_new(void)
{
    GArray *rows = g_array_new(FALSE, TRUE, sizeof(DotRow));

    g_array_set_clear_func(rows, row_clear);
    return rows;
}

void
dots_add(GArray *rows, DotRow row)
{
    g_array_append_val(rows, row);
}

static double
rows_bottom(const GArray *rows)
{
    double y = TOP;

    for (guint i = 0; i < rows->len; i++) {
        y += ROW + (g_array_index(rows, DotRow, i).head ? HEAD : 0.0);
    }
    return y;
}

double
dots_height(const GArray *rows)
{
    return rows_bottom(rows) + FOOT;
}

static void
span(const DotRow *row, double *low, double *high)
{
    const Estimate *estimate = &row->estimate;

    *low = fmin(*low, estimate->interval ? estimate->low.value
                                         : estimate->median.value);
    *high = fmax(*high, estimate->interval ? estimate->high.value
                                           : estimate->median.value);
    for (guint i = 0; row->figures && i < row->figures->len; i++) {
        double value = g_array_index(row->figures, Figure, i).value;

        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
    if (row->goal.known) {
        *low = fmin(*low, row->goal.value);
        *high = fmax(*high, row->goal.value);
    }
}

static ChartScale
scale_of(const GArray *rows, const DotAxis *axis)
{
    double low = axis->low, high = axis->high;

    for (guint i = 0; i < rows->len; i++) {
        span(&g_array_index(rows, DotRow, i), &low, &high);
    }
    if (axis->line.known) {
        high = fmax(high, axis->line.value);
    }
    return (ChartScale){ .low = axis->log ? fmax(low, 0.001) / 1.1 : 0.0,
                         .high = axis->log ? high * 1.1 : high * 1.04,
                         .from = PLOT_FROM,
                         .to = PLOT_TO,
                         .log = axis->log,
                         .zero_at = PLOT_FROM };
}

/* Ratios seldom span much: 1, 1.5, 2, 3, 5 and 7 of each power of ten. */
static size_t
ratio_ticks(double low, double high, double *ticks)
{
    static const double steps[] = { 1, 1.5, 2, 3, 5, 7 };
    size_t n = 0;

    for (int power = -3; power < 9; power++) {
        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
            double at = steps[i] * pow(10, power);

            if (at < low * (1 - 1e-9) || at > high) {
                continue;
            }
            if (n == MOST_TICKS) {
                return chart_log_ticks(low, high, MOST_TICKS, ticks);
            }
            ticks[n++] = at;
        }
    }
    return n;
}

static void
draw_axis(GString *out, const DotAxis *axis, const ChartScale *across,
          double bottom)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = axis->log ? ratio_ticks(across->low, across->high, ticks)
                         : chart_ticks(across->high, 8, ticks);

    for (size_t i = 0; i < n; i++) {
        double x = chart_at(across, ticks[i]);
        g_autofree char *text = g_strdup_printf("%g", ticks[i]);

        svg_line(out, "grid", x, TOP - 4.0, x, bottom);
        svg_text(out, "tick", x, bottom + 16.0, SVG_MIDDLE, text);
    }
    if (axis->line.known) {
        double x = chart_at(across, axis->line.value);

        svg_line(out, "axis", x, TOP - 4.0, x, bottom);
    }
}

static void
draw_row(GString *out, const DotRow *row, double y, const ChartScale *across)
{
    const Estimate *estimate = &row->estimate;
    g_autofree char *words = estimate_text(estimate);

    svg_text(out, "tick", PLOT_FROM - 12.0, y + 4.0, SVG_END, row->label);
    svg_text(out, "tick", PLOT_TO + 12.0, y + 4.0, SVG_START, words);
    if (row->goal.known) {
        double x = chart_at(across, row->goal.value);

        svg_line(out, "goal", x, y - 7.0, x, y + 7.0);
    }
    if (estimate->interval) {
        svg_line(out, chart_line_class(row->method),
                 chart_at(across, estimate->low.value), y,
                 chart_at(across, estimate->high.value), y);
    }
    for (guint i = 0; row->figures && i < row->figures->len; i++) {
        const Figure *figure = &g_array_index(row->figures, Figure, i);

        svg_circle(out, chart_run_class(row->method),
                   chart_at(across, figure->value), y, 2.2, NULL);
    }
    svg_circle(out,
               estimate->median.bound == BOUND_EXACT
                   ? chart_spot_class(row->method)
                   : chart_hollow_class(row->method),
               chart_at(across, estimate->median.value), y, 4.0, words);
}

void
dots_draw(GString *out, const GArray *rows, const DotAxis *axis)
{
    double bottom = rows_bottom(rows), y = TOP;
    ChartScale across;

    if (rows->len == 0) {
        return;
    }
    across = scale_of(rows, axis);
    svg_open(out, WIDTH, dots_height(rows), "chart", axis->label);
    draw_axis(out, axis, &across, bottom);
    for (guint i = 0; i < rows->len; i++) {
        const DotRow *row = &g_array_index(rows, DotRow, i);

        if (row->head) {
            svg_text(out, "name", 4.0, y + HEAD - 6.0, SVG_START, row->head);
            y += HEAD;
        }
        draw_row(out, row, y + ROW / 2.0, &across);
        y += ROW;
    }
    svg_close(out);
}
