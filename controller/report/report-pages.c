/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-pages.c - pages of one run by iteration: forecast interval, what came
 */
#include "report/report-frame.h"

#include <math.h>

bool
chart_has_pages(const RunFigures *run)
{
    return run->record->iterations->len > 0;
}

static ChartScale
pages_scale(const Frame *frame, const ChartExtent *extent)
{
    ChartScale scale = frame_value_scale(frame, extent->most_pages * 1.08);

    if (extent->most_pages > 30 * extent->least_pages) {
        scale.log = true;
        scale.low = extent->least_pages / 1.3;
        scale.high = extent->most_pages * 1.3;
        scale.zero_at = frame->bottom;
        /* nought has no logarithm: it gets a line of its own below */
        scale.from = extent->zero_pages ? frame->bottom - 22 : frame->bottom;
    }
    return scale;
}

/* "20", "3 000", "1.5 M" */
static char *
pages_text(double pages)
{
    if (pages >= 1e6) {
        return g_strdup_printf("%g M", pages / 1e6);
    }
    if (pages >= 1000 && fmod(pages, 1000) == 0) {
        return g_strdup_printf("%g k", pages / 1000);
    }
    return g_strdup_printf("%g", pages);
}

static void
draw_pages_axis(GString *out, const Frame *frame, const ChartExtent *extent,
                const ChartScale *scale)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = scale->log ? chart_log_ticks(scale->low, scale->high, 8, ticks)
                          : chart_ticks(scale->high, 6, ticks);

    svg_line(out, "axis", frame->left, frame->bottom, frame->right,
             frame->bottom);
    for (size_t i = 0; i < n; i++) {
        double y = chart_at(scale, ticks[i]);
        g_autofree char *text = pages_text(ticks[i]);

        svg_line(out, "grid", frame->left, y, frame->right, y);
        svg_text(out, "tick", frame->left - 7, y + 4, SVG_END, text);
    }
    if (scale->log && extent->zero_pages) {
        svg_text(out, "tick", frame->left - 7, frame->bottom + 4, SVG_END, "0");
    }
    svg_text(out, "tick", frame->left - 7, frame->top - 14, SVG_START,
             scale->log ? "pages, logarithmic" : "pages");
}

static char *
iteration_hint(const RunIteration *it)
{
    g_autoptr(GString) hint = g_string_new(NULL);

    g_string_append_printf(hint,
                           "iteration %u: %" G_GUINT64_FORMAT " pages to send",
                           it->row.iter, it->row.pages_to_send);
    if (it->forecast.pages.known) {
        g_string_append_printf(hint, ", %.0f predicted",
                               it->forecast.pages.value);
    }
    if (it->row.dirty_pages.known) {
        g_string_append_printf(hint, ", %.0f newly dirtied",
                               it->row.dirty_pages.value);
    }
    return g_strdup(hint->str);
}

static void
draw_iteration(GString *out, const RunIteration *it, const ChartScale *up,
               double x, double column)
{
    const Forecast *forecast = &it->forecast;
    double half = MIN(column * 0.32, 8);
    double radius = CLAMP(column * 0.2, 1.5, 4);
    double y = chart_at(up, (double)it->row.pages_to_send);
    g_autofree char *hint = iteration_hint(it);

    svg_line(out, "tosend", x - half * 1.3, y, x + half * 1.3, y);
    if (forecast->pages.known) {
        if (isfinite(forecast->low_pages) && isfinite(forecast->high_pages)) {
            double low = chart_at(up, forecast->low_pages);
            double high = chart_at(up, forecast->high_pages);

            svg_rect(out, "interval", x - half, high, 2 * half, low - high,
                     hint);
        }
        y = chart_at(up, forecast->pages.value);
        svg_line(out, "predicted", x - half, y, x + half, y);
    }
    if (it->row.dirty_pages.known) {
        svg_circle(out, "dirty", x, chart_at(up, it->row.dirty_pages.value),
                   radius, hint);
    }
}

/* Every how many-th iteration has room for its number. */
static guint
label_stride(guint n, double column)
{
    static const guint strides[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500 };
    double room = n < 10 ? 14 : n < 100 ? 22 : 30;

    for (size_t i = 0; i < G_N_ELEMENTS(strides); i++) {
        if (strides[i] * column >= room) {
            return strides[i];
        }
    }
    return MAX(n, 1);
}

void
chart_pages(GString *out, const RunFigures *run, const ChartExtent *extent,
            ChartSize size)
{
    const GArray *rows = run->record->iterations;
    Frame frame = frame_new(size, 284, 32, 14);
    ChartScale up = pages_scale(&frame, extent);
    /* a few iterations do not fill the width: dots too far apart tell less */
    double column = MIN((frame.right - frame.left) / MAX(rows->len, 1), 60);
    guint stride = label_stride(rows->len, column);

    svg_open(out, frame.width, frame.height,
             frame.wide ? "chart wide" : "chart narrow",
             "Pages to send, predicted and newly dirtied by iteration");
    draw_pages_axis(out, &frame, extent, &up);
    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);
        double x = frame.left + column * (i + 0.5);
        g_autofree char *number = g_strdup_printf("%u", it->row.iter);

        draw_iteration(out, it, &up, x, column);
        if (i == 0 || (i + 1) % stride == 0) {
            svg_text(out, "tick", x, frame.bottom + 18, SVG_MIDDLE, number);
        }
    }
    svg_text(out, "tick", 4, frame.bottom + 18, SVG_START,
             frame.wide ? "iteration" : "iter.");
    svg_close(out);
}
