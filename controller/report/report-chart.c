/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-chart.c - the two pictures over time
 *
 *   memory still to send, all runs in one frame: the saw of pre-copy
 *   bandwidth of one run: reserved below, stream and others as lines
 *
 * Scales are shared between runs.
 */
#include "report/report-frame.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

Frame
frame_new(ChartSize size, double height, double top, double right_margin)
{
    bool wide = size == CHART_WIDE;
    Frame frame = {
        .width = wide ? 960 : 380,
        .height = wide ? height : height * 0.85 + 20,
        .wide = wide,
        .left = 74,
        .top = top,
    };

    frame.right = frame.width - (wide ? right_margin : 22);
    frame.bottom = frame.height - 34;
    return frame;
}

/* --- axes --------------------------------------------------------------- */

static void
draw_value_axis(GString *out, const Frame *frame, const ChartScale *scale,
                double unit, const char *unit_name)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = chart_ticks(scale->high / unit, 6, ticks);

    for (size_t i = 0; i < n; i++) {
        double y = chart_at(scale, ticks[i] * unit);
        g_autofree char *text =
            i + 1 < n ? g_strdup_printf("%g", ticks[i])
                      : g_strdup_printf("%g %s", ticks[i], unit_name);

        svg_line(out, i ? "grid" : "axis", frame->left, y, frame->right, y);
        svg_text(out, "tick", frame->left - 7, y + 4, SVG_END, text);
    }
}

static void
draw_time_axis(GString *out, const Frame *frame, const ChartScale *scale)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = chart_time_ticks(scale->high, frame->wide ? 13 : 6, ticks);
    bool minutes = n > 1 && ticks[1] >= 60;

    for (size_t i = 0; i < n; i++) {
        double x = chart_at(scale, ticks[i]);
        g_autofree char *text = minutes ? g_strdup_printf("%g", ticks[i] / 60)
                                        : g_strdup_printf("%g", ticks[i]);
        g_autofree char *first =
            g_strdup_printf("%s %s", text, minutes ? "min" : "s");

        svg_line(out, "axis", x, frame->bottom, x, frame->bottom + 4);
        svg_text(out, "tick", x, frame->bottom + 18, SVG_MIDDLE,
                 i + 1 < n ? text : first);
    }
}

/* A unit of bytes (binary) or bits (decimal) in which the axis is readable. */
static double
unit_of(double high, double step, const char *const *names, size_t n,
        const char **name)
{
    double unit = 1;
    size_t i = 0;

    while (i + 1 < n && high >= 2 * unit * step) {
        unit *= step;
        i++;
    }
    *name = names[i];
    return unit;
}

static double
byte_unit(double high, const char **name)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };

    return unit_of(high, 1024, names, G_N_ELEMENTS(names), name);
}

/* In bytes a second, for an axis in bits. */
static double
rate_unit(double high_bytes_s, const char **name)
{
    static const char *const names[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s",
                                         "Tbit/s" };

    return unit_of(high_bytes_s * 8, 1000, names, G_N_ELEMENTS(names), name) /
           8;
}

static ChartScale
time_scale(const Frame *frame, const ChartExtent *extent)
{
    return (ChartScale){ .low = 0,
                         .high = extent->time_s,
                         .from = frame->left,
                         .to = frame->right };
}

ChartScale
frame_value_scale(const Frame *frame, double high)
{
    return (ChartScale){
        .low = 0, .high = high, .from = frame->bottom, .to = frame->top
    };
}

/* --- extents ------------------------------------------------------------ */

static const size_t rate_offsets[] = {
    G_STRUCT_OFFSET(RunPoint, stream_bytes_s),
    G_STRUCT_OFFSET(RunPoint, reserved_bytes_s),
    G_STRUCT_OFFSET(RunPoint, ceiling_bytes_s),
    G_STRUCT_OFFSET(RunPoint, application_bytes_s),
    G_STRUCT_OFFSET(RunPoint, protected_bytes_s),
    G_STRUCT_OFFSET(RunPoint, other_bytes_s),
};

static Known
point_value(const RunPoint *point, size_t offset)
{
    return *(const Known *)G_STRUCT_MEMBER_P(point, offset);
}

static void
extend(double *high, Known value)
{
    if (value.known) {
        *high = MAX(*high, value.value);
    }
}

static void
extend_pages(ChartExtent *extent, Known pages)
{
    if (!pages.known || !isfinite(pages.value)) {
        return;
    }
    if (pages.value <= 0) {
        extent->zero_pages = true;
        return;
    }
    extent->most_pages = MAX(extent->most_pages, pages.value);
    extent->least_pages = extent->least_pages > 0
                              ? MIN(extent->least_pages, pages.value)
                              : pages.value;
}

static void
extent_add(ChartExtent *extent, const RunFigures *run)
{
    const GArray *rows = run->record->iterations;

    extend(&extent->time_s, run->duration_s);
    for (guint i = 0; i < run->points->len; i++) {
        const RunPoint *point = &g_array_index(run->points, RunPoint, i);

        extent->time_s = MAX(extent->time_s, point->t_s);
        extend(&extent->left_bytes, point->remaining_bytes);
    }
    for (guint i = 0; i < run->smooth->len; i++) {
        const RunPoint *point = &g_array_index(run->smooth, RunPoint, i);

        for (size_t k = 0; k < G_N_ELEMENTS(rate_offsets); k++) {
            extend(&extent->rate_bytes_s, point_value(point, rate_offsets[k]));
        }
    }
    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);

        extent->time_s =
            MAX(extent->time_s,
                run_iteration_start_s(run->record, i) + it->row.duration_s);
        extend_pages(extent, known((double)it->row.pages_to_send));
        extend_pages(extent, it->row.dirty_pages);
        extend_pages(extent, it->forecast.pages);
        if (it->forecast.pages.known) {
            extend_pages(extent, known(it->forecast.low_pages));
            extend_pages(extent, known(it->forecast.high_pages));
        }
    }
}

void
chart_extent_init(ChartExtent *extent, const RunFigures *runs, size_t n)
{
    *extent = (ChartExtent){ 0 };
    for (size_t i = 0; i < n; i++) {
        extent_add(extent, &runs[i]);
    }
    /* whatever is not known still needs an axis */
    extent->time_s = extent->time_s > 0 ? extent->time_s : 1;
    extent->rate_bytes_s =
        chart_round_up(MAX(extent->rate_bytes_s * 8 * 1.02, 1)) / 8;
    extent->left_bytes = MAX(extent->left_bytes * 1.04, 1);
    extent->most_pages = MAX(extent->most_pages, 1);
    extent->least_pages =
        extent->least_pages > 0 ? extent->least_pages : extent->most_pages;
}

/* --- lines over time ---------------------------------------------------- */

typedef struct {
    double x, y; /* of the last point */
    bool any;
} LineEnd;

/* Longest distance of two points that still counts as watching. */
static double
longest_pause_s(const GArray *points)
{
    double first, last;

    if (points->len < 2) {
        return 1;
    }
    first = g_array_index(points, RunPoint, 0).t_s;
    last = g_array_index(points, RunPoint, points->len - 1).t_s;
    return MAX(4 * (last - first) / (points->len - 1), 2);
}

/*
 * More points than pixels are averaged pixel by pixel. Where nothing is known
 * the line is broken.
 */
static LineEnd
draw_line(GString *out, const GArray *points, bool sparse, size_t offset,
          const ChartScale *across, const ChartScale *up, bool steps,
          const char *class_name)
{
    double pause_s = sparse ? G_MAXDOUBLE : longest_pause_s(points);
    double before_s = 0;
    LineEnd end = { 0 };
    SvgPath path;
    guint i = 0;

    svg_path_init(&path);
    while (i < points->len) {
        const RunPoint *first = &g_array_index(points, RunPoint, i);
        double x = chart_at(across, first->t_s);
        double sum = 0;
        unsigned n = 0;

        if (first->t_s - before_s > pause_s) {
            svg_path_gap(&path);
        }
        do {
            const RunPoint *point = &g_array_index(points, RunPoint, i);
            Known value = point_value(point, offset);

            sum += value.known ? value.value : 0;
            n += value.known;
            before_s = point->t_s;
            i++;
        } while (!sparse && i < points->len &&
                 chart_at(across, g_array_index(points, RunPoint, i).t_s) <
                     x + 0.7);
        if (n == 0) {
            svg_path_gap(&path);
            continue;
        }
        end = (LineEnd){ x, chart_at(up, sum / n), true };
        if (steps) {
            svg_path_step(&path, end.x, end.y);
        } else {
            svg_path_to(&path, end.x, end.y);
        }
    }
    svg_path_draw(&path, out, class_name);
    return end;
}

typedef struct {
    LineEnd end;
    char *text; /* owned */
    const char *class_name;
} LineLabel;

/* Names right of where the lines end, pushed apart. */
static void
draw_labels(GString *out, const Frame *frame, LineLabel *labels, size_t n)
{
    g_autofree double *y = g_new(double, n);

    for (size_t i = 0; i < n; i++) {
        y[i] = labels[i].end.y + 4;
    }
    chart_spread(y, n, 15, frame->top + 4, frame->bottom - 4);
    for (size_t i = 0; i < n; i++) {
        if (frame->wide) {
            svg_text(out, labels[i].class_name, labels[i].end.x + 9, y[i],
                     SVG_START, labels[i].text);
        }
        g_free(labels[i].text);
    }
}

/* --- memory still to send ----------------------------------------------- */

static char *
end_label(const RunFigures *run)
{
    static const char *const words[] = { "moved", "failed", "aborted",
                                         "cut off", "left" };
    g_autofree char *at = run->duration_s.known
                              ? units_format_seconds(run->duration_s.value)
                              : g_strdup("");
    const char *name = run->name;

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == RUN_N_STATUSES);
    return g_strdup_printf("%s: %s %s", name, words[run->record->status], at);
}

/* The end is named at the top, where lines that fall leave room. */
static void
draw_end(GString *out, const Frame *frame, LineEnd end, size_t run,
         const char *label)
{
    static const char *const names[REPORT_MAX_RUNS] = {
        "name run0", "name run1", "name run2", "name run3"
    };
    double y = frame->top + 18 + 18 * (double)run;
    bool late = end.x > frame->left + 0.62 * (frame->right - frame->left);

    svg_line(out, "leader", end.x, y + 6, end.x, end.y - 7);
    svg_text(out, names[run], end.x + (late ? 4 : -4), y,
             late ? SVG_END : SVG_START, label);
}

void
chart_left(GString *out, const RunFigures *runs, size_t n,
           const ChartExtent *extent, ChartSize size)
{
    static const char *const lines[REPORT_MAX_RUNS] = {
        "line run0", "line run1", "line run2", "line run3"
    };
    static const char *const dots[REPORT_MAX_RUNS] = { "dot run0", "dot run1",
                                                       "dot run2", "dot run3" };
    Frame frame = frame_new(size, 300, 14, 24);
    ChartScale across = time_scale(&frame, extent);
    ChartScale up = frame_value_scale(&frame, extent->left_bytes);
    const char *unit_name;
    double unit = byte_unit(extent->left_bytes, &unit_name);

    svg_open(out, frame.width, frame.height,
             frame.wide ? "chart wide" : "chart narrow",
             "Memory still to be sent over time");
    draw_value_axis(out, &frame, &up, unit, unit_name);
    draw_time_axis(out, &frame, &across);
    for (size_t i = 0; i < n; i++) {
        LineEnd end = draw_line(out, runs[i].points, runs[i].points_from_rows,
                                G_STRUCT_OFFSET(RunPoint, remaining_bytes),
                                &across, &up, false, lines[i]);
        g_autofree char *label = end_label(&runs[i]);
        bool moved = runs[i].record->status == RUN_STATUS_COMPLETED;

        if (!end.any) {
            continue;
        }
        if (moved) {
            svg_circle(out, dots[i], end.x, end.y, 4, label);
        } else {
            svg_line(out, lines[i], end.x - 4, end.y - 4, end.x + 4, end.y + 4);
            svg_line(out, lines[i], end.x - 4, end.y + 4, end.x + 4, end.y - 4);
        }
        draw_end(out, &frame, end, i, label);
    }
    svg_close(out);
}

/* --- bandwidth ---------------------------------------------------------- */

/* Reserved is an area from the axis, for it is room kept free. */
static void
draw_reserved(GString *out, const RunFigures *run, const ChartScale *across,
              const ChartScale *up)
{
    SvgPath path;
    const double base = chart_at(up, 0);

    svg_path_init(&path);
    for (guint i = 0; i < run->points->len; i++) {
        const RunPoint *point = &g_array_index(run->points, RunPoint, i);
        double x = chart_at(across, point->t_s);

        if (!point->reserved_bytes_s.known ||
            point->reserved_bytes_s.value <= 0) {
            if (path.down) {
                svg_path_to(&path, path.x, base);
            }
            svg_path_gap(&path);
            continue;
        }
        if (!path.down) {
            svg_path_to(&path, i == 0 ? chart_at(across, 0) : x, base);
        }
        /* the rate was in force before the point */
        svg_path_to(&path, path.x, chart_at(up, point->reserved_bytes_s.value));
        svg_path_step(&path, x, path.y);
    }
    if (path.down) {
        svg_path_to(&path, path.x, base);
    }
    svg_path_draw(&path, out, "area reserved");
}

static void
draw_iterations(GString *out, const RunFigures *run, const Frame *frame,
                const ChartScale *across)
{
    const GArray *rows = run->record->iterations;
    double free_from = frame->left;

    svg_text(out, "strip", frame->left - 7, frame->top - 32, SVG_END,
             frame->wide ? "iteration" : "iter.");
    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);
        double start_s = run_iteration_start_s(run->record, i);
        double x = chart_at(across, start_s);
        double to = chart_at(across, start_s + it->row.duration_s);
        g_autofree char *number = g_strdup_printf("%u", it->row.iter);
        double room = 7.5 * (double)strlen(number);

        if (i % 2) {
            svg_rect(out, "band", x, frame->top, to - x,
                     frame->bottom - frame->top, NULL);
        }
        if (to - x >= room && (x + to - room) / 2 >= free_from) {
            svg_text(out, "strip", (x + to) / 2, frame->top - 32, SVG_MIDDLE,
                     number);
            free_from = (x + to + room) / 2 + 3;
        }
    }
}

static void
draw_decisions(GString *out, const RunFigures *run, const Frame *frame,
               const ChartScale *across)
{
    const GArray *decisions = run->record->decisions;
    double free_from = frame->left - 4;

    if (decisions->len > 0) {
        svg_text(out, "strip", frame->left - 7, frame->top - 13, SVG_END,
                 frame->wide ? "decision" : "dec.");
    }
    for (guint i = 0; i < decisions->len; i++) {
        const RunDecision *made = &g_array_index(decisions, RunDecision, i);
        double x = chart_at(across, made->t_s);
        g_autofree char *number = g_strdup_printf("%u", i + 1);
        g_autofree char *hint =
            g_strdup_printf("%u: %s", i + 1, made->decision.reason);
        double room = 7.5 * (double)strlen(number);
        bool kept = made->decision.step == POLICY_STEP_KEEP;

        if (!kept) {
            svg_line(out, "decided", x, frame->top - 5, x, frame->bottom);
        }
        svg_circle(out, kept ? "kept" : "changed", x, frame->top - 5, 2.5,
                   hint);
        if (x - room / 2 >= free_from) {
            svg_text(out, "strip", x, frame->top - 13, SVG_MIDDLE, number);
            free_from = x + room / 2 + 3;
        }
    }
}

void
chart_bandwidth(GString *out, const RunFigures *run, const ChartExtent *extent,
                ChartSize size)
{
    static const struct {
        size_t offset;
        const char *line, *name, *label;
        bool steps;
    } lines[] = {
        { G_STRUCT_OFFSET(RunPoint, ceiling_bytes_s), "line ceiling",
          "name ceiling", "ceiling", true },
        { G_STRUCT_OFFSET(RunPoint, other_bytes_s), "line other", "name other",
          "other traffic", false },
        { G_STRUCT_OFFSET(RunPoint, protected_bytes_s), "line protected",
          "name protected", "protected", false },
        { G_STRUCT_OFFSET(RunPoint, application_bytes_s), "line application",
          "name application", "application", false },
        { G_STRUCT_OFFSET(RunPoint, stream_bytes_s), "line stream",
          "name stream", "migration", false },
    };
    Frame frame = frame_new(size, 300, 56, 110);
    ChartScale across = time_scale(&frame, extent);
    ChartScale up = frame_value_scale(&frame, extent->rate_bytes_s);
    LineLabel labels[G_N_ELEMENTS(lines)];
    const char *unit_name;
    double unit = rate_unit(extent->rate_bytes_s, &unit_name);
    size_t n_labels = 0;

    svg_open(out, frame.width, frame.height,
             frame.wide ? "chart wide" : "chart narrow", "Bandwidth over time");
    draw_iterations(out, run, &frame, &across);
    draw_value_axis(out, &frame, &up, unit, unit_name);
    draw_time_axis(out, &frame, &across);
    draw_reserved(out, run, &across, &up);
    draw_decisions(out, run, &frame, &across);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        LineEnd end =
            draw_line(out, run->smooth, run->points_from_rows, lines[i].offset,
                      &across, &up, lines[i].steps, lines[i].line);

        if (end.any) {
            labels[n_labels++] =
                (LineLabel){ end, g_strdup(lines[i].label), lines[i].name };
        }
    }
    draw_labels(out, &frame, labels, n_labels);
    svg_close(out);
}
