/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-chart.c - distributions and time lines of a cell
 *
 * A method has the same colour in all pictures, and its name at the end of its
 * line: meaning never hangs on colour alone.
 */
#include "experiment/report-chart-priv.h"

#include <math.h>
#include <string.h>

#include "report/report-svg.h"

#define LABEL_GAP 15.0
#define COLOURS 8

const char experiment_style[] =
    ":root { --m0: #5d6873; --m1: #0072b2; --m2: #d55e00; --m3: #009e73;\n"
    "  --m4: #b0609a; --m5: #8a6d00; --m6: #56b4e9; --m7: #1d2329; }\n"
    "@media screen and (prefers-color-scheme: dark) { :root {\n"
    "  --m0: #98a3ad; --m1: #56b4e9; --m2: #f0883e; --m3: #35c79c;\n"
    "  --m4: #dd93c6; --m5: #d9b93a; --m6: #3aa0dd; --m7: #e4e8eb; } }\n"
    ".m0 { --c: var(--m0); } .m1 { --c: var(--m1); } .m2 { --c: var(--m2); }\n"
    ".m3 { --c: var(--m3); } .m4 { --c: var(--m4); } .m5 { --c: var(--m5); }\n"
    ".m6 { --c: var(--m6); } .m7 { --c: var(--m7); }\n"
    ".method { fill: none; stroke: var(--c); stroke-width: 1.8;\n"
    "  stroke-linejoin: round; } .method.again { stroke-dasharray: 5 3; }\n"
    ".chart text.label { fill: var(--c); font-size: 13px; }\n"
    ".spot { fill: var(--c); } .run { fill: var(--c); fill-opacity: .55; }\n"
    ".hollow { fill: var(--paper); stroke: var(--c); stroke-width: 1.6; }\n"
    ".goal { stroke: var(--ink); stroke-width: 2; }\n"
    "td.bad { font-weight: 600; }\n"
    ".cell thead th { white-space: normal; max-width: 6.5em; }\n"
    ".cell th, .cell td { vertical-align: bottom; padding-right: 12px; }\n"
    ".scroll { margin-bottom: 14px; }\n";

/* "method m3", and a second round of colours is dashed. */
const char *
chart_line_class(guint method)
{
    static const char *const classes[2 * COLOURS] = {
        "method m0",       "method m1",       "method m2",
        "method m3",       "method m4",       "method m5",
        "method m6",       "method m7",       "method again m0",
        "method again m1", "method again m2", "method again m3",
        "method again m4", "method again m5", "method again m6",
        "method again m7",
    };

    return classes[method % G_N_ELEMENTS(classes)];
}

#define OF_EACH_COLOUR(kind)                                                   \
    {                                                                          \
        kind " m0", kind " m1", kind " m2", kind " m3", kind " m4",            \
            kind " m5", kind " m6", kind " m7",                                \
    }

static const char *const label_classes[COLOURS] = OF_EACH_COLOUR("label");
static const char *const spot_classes[COLOURS] = OF_EACH_COLOUR("spot");
static const char *const hollow_classes[COLOURS] = OF_EACH_COLOUR("hollow");
static const char *const run_classes[COLOURS] = OF_EACH_COLOUR("run");

const char *
chart_spot_class(guint method)
{
    return spot_classes[method % COLOURS];
}

const char *
chart_hollow_class(guint method)
{
    return hollow_classes[method % COLOURS];
}

const char *
chart_run_class(guint method)
{
    return run_classes[method % COLOURS];
}

const char *
chart_method_name(const Summary *summary, guint method)
{
    return g_array_index(summary->scenario->methods, ScenarioMethod, method)
        .name;
}

static int
figure_compare(const void *left, const void *right)
{
    const Figure *a = left, *b = right;

    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return (int)(a->bound == BOUND_AT_LEAST) -
           (int)(b->bound == BOUND_AT_LEAST);
}

static GArray *
totals_of(const Summary *summary, const GPtrArray *results,
          const SummaryCell *cell, unsigned method)
{
    GArray *totals = g_array_new(FALSE, FALSE, sizeof(Figure));

    for (guint i = 0; i < results->len; i++) {
        const Result *result = g_ptr_array_index(results, i);
        Figure total;

        if (summary_result(summary, results, cell, method,
                           result->repetition) == result &&
            result_measure(result, MEASURE_TOTAL, &total)) {
            g_array_append_val(totals, total);
        }
    }
    g_array_sort(totals, figure_compare);
    return totals;
}

static void
draw_time_axis(GString *out, const ChartScale *across, double bottom)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = chart_time_ticks(across->high, 8, ticks);

    svg_line(out, "axis", LEFT, bottom, RIGHT, bottom);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *text = g_strdup_printf("%g s", ticks[i]);

        svg_text(out, "tick", chart_at(across, ticks[i]), bottom + 16.0,
                 SVG_MIDDLE, text);
    }
}

typedef struct Labels {
    double at[64];
    guint method[64];
    size_t n;
} Labels;

static void
add_label(Labels *labels, guint method, double y)
{
    if (labels->n < G_N_ELEMENTS(labels->at)) {
        labels->at[labels->n] = y;
        labels->method[labels->n++] = method;
    }
}

static void
draw_labels(GString *out, const Summary *summary, Labels *labels, double bottom)
{
    chart_spread(labels->at, labels->n, LABEL_GAP, TOP, bottom);
    for (size_t i = 0; i < labels->n; i++) {
        svg_text(out, label_classes[labels->method[i] % COLOURS], RIGHT + 8.0,
                 labels->at[i] + 4.0, SVG_START,
                 chart_method_name(summary, labels->method[i]));
    }
}

static double
draw_steps(GString *out, const GArray *totals, guint method,
           const ChartScale *across, const ChartScale *up)
{
    SvgPath path;
    double share = 0.0;

    svg_path_init(&path);
    svg_path_to(&path, across->from, up->from);
    for (guint i = 0; i < totals->len; i++) {
        const Figure *total = &g_array_index(totals, Figure, i);

        if (total->bound == BOUND_EXACT) {
            share = (i + 1.0) / totals->len;
            svg_path_step(&path, chart_at(across, total->value),
                          chart_at(up, share));
        }
    }
    svg_path_step(&path, across->to, chart_at(up, share));
    svg_path_draw(&path, out, chart_line_class(method));
    return chart_at(up, share);
}

void
chart_distribution(GString *out, const Summary *summary,
                   const GPtrArray *results, const SummaryCell *cell)
{
    const double bottom = CHART_DISTRIBUTION_HEIGHT - 26.0;
    guint n = summary->scenario->methods->len;
    g_autoptr(GPtrArray) all =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    g_autofree char *name = summary_cell_name(summary, cell);
    ChartScale up = { .high = 1.0, .from = bottom, .to = TOP };
    ChartScale across = { .high = 1.0, .from = LEFT, .to = RIGHT };
    Labels labels = { .n = 0 };

    for (guint m = 0; m < n; m++) {
        GArray *totals = totals_of(summary, results, cell, m);

        for (guint i = 0; i < totals->len; i++) {
            across.high = fmax(across.high,
                               1.04 * g_array_index(totals, Figure, i).value);
        }
        g_ptr_array_add(all, totals);
    }
    svg_open(out, WIDTH, CHART_DISTRIBUTION_HEIGHT, "chart", name);
    for (int i = 0; i <= 2; i++) {
        double y = chart_at(&up, i / 2.0);
        g_autofree char *text = g_strdup_printf("%d %%", 50 * i);

        svg_line(out, "grid", LEFT, y, RIGHT, y);
        svg_text(out, "tick", LEFT - 8.0, y + 4.0, SVG_END, text);
    }
    draw_time_axis(out, &across, bottom);
    for (guint m = 0; m < n; m++) {
        const GArray *totals = g_ptr_array_index(all, m);

        if (totals->len > 0) {
            add_label(&labels, m, draw_steps(out, totals, m, &across, &up));
        }
    }
    draw_labels(out, summary, &labels, bottom);
    svg_close(out);
}

/* The first repetition that every method which ran here has a result of. */
static unsigned
common_repetition(const Summary *summary, const GPtrArray *results,
                  const SummaryCell *cell)
{
    for (unsigned r = 1; r <= summary->repetitions; r++) {
        bool all = true, any = false;

        for (guint m = 0; m < summary->scenario->methods->len && all; m++) {
            const Result *result = summary_result(summary, results, cell, m, r);

            any |= result && result->points->len > 0;
            all = result || cell->methods[m].runs == 0;
        }
        if (all && any) {
            return r;
        }
    }
    return 0;
}

/* Of a second: what the application did, or Mbit/s of the cross traffic */
static Known
second_of(const ResultPoint *point, bool cross)
{
    if (!cross) {
        return point->work_s;
    }
    return point->cross_bytes_s.known ? known(point->cross_bytes_s.value * 8e-6)
                                      : unknown();
}

static void
draw_seconds(GString *out, const Result *result, bool cross, guint method,
             double start, const ChartScale *across, const ChartScale *up,
             Labels *labels)
{
    double last = NAN;
    SvgPath path;

    svg_path_init(&path);
    for (guint i = 0; i < result->points->len; i++) {
        const ResultPoint *point =
            &g_array_index(result->points, ResultPoint, i);

        Known value = second_of(point, cross);

        if (!value.known) {
            svg_path_gap(&path);
            continue;
        }
        last = chart_at(up, value.value);
        svg_path_to(&path, chart_at(across, point->t_s - start), last);
    }
    svg_path_draw(&path, out, chart_line_class(method));
    if (!isnan(last)) {
        add_label(labels, method, last);
    }
}

static bool
chart_seconds(GString *out, const Summary *summary, const GPtrArray *results,
              const SummaryCell *cell, bool cross)
{
    const double bottom = CHART_SECONDS_HEIGHT - 26.0;
    guint n = summary->scenario->methods->len;
    unsigned repetition = common_repetition(summary, results, cell);
    double start = 0.0, end = 1.0, most = 0.0, ticks[CHART_MAX_TICKS];
    g_autofree char *name = summary_cell_name(summary, cell);
    ChartScale up, across;
    Labels labels = { .n = 0 };
    size_t n_ticks;

    if (repetition == 0) {
        return false;
    }
    for (guint m = 0; m < n; m++) {
        const Result *result =
            summary_result(summary, results, cell, m, repetition);

        for (guint i = 0; result && i < result->points->len; i++) {
            const ResultPoint *point =
                &g_array_index(result->points, ResultPoint, i);

            start = fmin(start, point->t_s - 1.0);
            end = fmax(end, point->t_s);
            most = fmax(most, known_or(second_of(point, cross), 0));
        }
    }
    if (most <= 0.0) {
        return false;
    }
    /* the scale is of times from 0 on: all is moved by its beginning */
    across = (ChartScale){ .high = end - start, .from = LEFT, .to = RIGHT };
    up =
        (ChartScale){ .high = chart_round_up(most), .from = bottom, .to = TOP };
    svg_open(out, WIDTH, CHART_SECONDS_HEIGHT, "chart", name);
    n_ticks = chart_ticks(up.high, 4, ticks);
    for (size_t i = 0; i < n_ticks; i++) {
        double y = chart_at(&up, ticks[i]);
        g_autofree char *text = g_strdup_printf("%g", ticks[i]);

        svg_line(out, "grid", LEFT, y, RIGHT, y);
        svg_text(out, "tick", LEFT - 8.0, y + 4.0, SVG_END, text);
    }
    svg_text(out, "tick", LEFT - 8.0, TOP - 10.0, SVG_START,
             cross ? "Mbit/s" : "requests, pages or ticks a second");
    svg_line(out, "axis", LEFT, bottom, RIGHT, bottom);
    svg_line(out, "decided", chart_at(&across, -start), TOP,
             chart_at(&across, -start), bottom);
    n_ticks = chart_time_ticks(end, 8, ticks);
    for (size_t i = 0; i < n_ticks; i++) {
        g_autofree char *text = g_strdup_printf("%g s", ticks[i]);

        svg_text(out, "tick", chart_at(&across, ticks[i] - start),
                 bottom + 16.0, SVG_MIDDLE, text);
    }
    for (guint m = 0; m < n; m++) {
        const Result *result =
            summary_result(summary, results, cell, m, repetition);

        if (result) {
            draw_seconds(out, result, cross, m, start, &across, &up, &labels);
        }
    }
    draw_labels(out, summary, &labels, bottom);
    svg_close(out);
    return true;
}

bool
chart_work(GString *out, const Summary *summary, const GPtrArray *results,
           const SummaryCell *cell)
{
    return chart_seconds(out, summary, results, cell, false);
}

bool
chart_cross(GString *out, const Summary *summary, const GPtrArray *results,
            const SummaryCell *cell)
{
    return chart_seconds(out, summary, results, cell, true);
}
