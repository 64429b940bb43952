/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plot.c - one recorded migration and its forecasts as a picture
 *
 * Passes to the right, pages on a logarithmic scale upwards. Dots are what
 * came, the band is the ensemble's 80 % interval, each line is a model, with
 * its name at its end. A model that abstains has a gap.
 */
#include "tools/predict/plot.h"

#include <math.h>

#include "report/report-svg.h"

#define WIDTH 960.0
#define HEIGHT 420.0
#define LEFT 70.0
#define RIGHT 830.0 /* names stand beyond */
#define TOP 44.0
#define BOTTOM 376.0
#define LABEL_GAP 15.0

static const char style[] =
    "<style>\n"
    ":root { color-scheme: light dark; --paper: #fff; --ink: #1d2329;\n"
    "  --soft: #5d6873; --rule: #e4e8eb; --band: #f6d9b8; --m0: #b45309;\n"
    "  --m1: #0072b2; --m2: #009e73; --m3: #b0609a; --m4: #56b4e9;\n"
    "  --m5: #8a949d; }\n"
    "@media screen and (prefers-color-scheme: dark) { :root {\n"
    "  --paper: #15191d; --ink: #e4e8eb; --soft: #98a3ad; --rule: #2c343b;\n"
    "  --band: #5a3a17; --m0: #f5b265; --m1: #3aa0dd; --m2: #35c79c;\n"
    "  --m3: #dd93c6; } }\n"
    "svg { background: var(--paper); }\n"
    "text { font: 13px system-ui, 'DejaVu Sans', sans-serif;\n"
    "  fill: var(--soft); } .title { font-size: 15px; fill: var(--ink); }\n"
    ".grid { stroke: var(--rule); } .axis { stroke: var(--soft); }\n"
    ".band { fill: var(--band); } .truth { fill: var(--ink); }\n"
    "path { fill: none; stroke-width: 1.6; }\n"
    ".m0 { stroke: var(--m0); stroke-width: 2.2; } .m1 { stroke: var(--m1); }\n"
    ".m2 { stroke: var(--m2); } .m3 { stroke: var(--m3); }\n"
    ".m4 { stroke: var(--m4); } .m5 { stroke: var(--m5); }\n"
    "text.m0, text.m1, text.m2, text.m3, text.m4, text.m5 { stroke: none; }\n"
    "text.m0 { fill: var(--m0); } text.m1 { fill: var(--m1); }\n"
    "text.m2 { fill: var(--m2); } text.m3 { fill: var(--m3); }\n"
    "text.m4 { fill: var(--m4); } text.m5 { fill: var(--m5); }\n"
    "</style>\n";

static const char *const classes[PLOT_MAX_MODELS] = { "m0", "m1", "m2",
                                                      "m3", "m4", "m5" };

typedef struct Plot {
    const Replay *replay;
    const ReplayRun *run;
    const size_t *models;
    size_t n_models;
    double first, last; /* numbers of the passes shown */
    ChartScale up;
} Plot;

static const ReplayStep *
step_at(const Plot *plot, guint i)
{
    return &g_array_index(plot->run->steps, ReplayStep, i);
}

static double
across(const Plot *plot, double pass)
{
    return LEFT + 12.0 +
           (RIGHT - LEFT - 24.0) * (pass - plot->first) /
               fmax(plot->last - plot->first, 1.0);
}

static double
pass_of(const Plot *plot, const ReplayStep *step)
{
    return (double)replay_row(plot->run, step)->iter;
}

/* What is drawn decides on the scale; one wild forecast does not. */
static void
set_scale(Plot *plot)
{
    double low = INFINITY, high = 1.0;

    for (guint i = 0; i < plot->run->steps->len; i++) {
        const ReplayStep *step = step_at(plot, i);

        low = fmin(low, fmin(step->truth, step->low));
        high = fmax(high, fmax(step->truth, step->high));
    }
    low = fmax(low, 1.0);
    high = fmax(high, 2.0 * low);
    plot->up = (ChartScale){
        .low = low / 1.3,
        .high = chart_round_up(high),
        .from = BOTTOM - 12.0,
        .to = TOP,
        .log = true,
        .zero_at = BOTTOM - 2.0,
    };
}

static void
draw_axes(GString *out, const Plot *plot)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = chart_log_ticks(plot->up.low, plot->up.high, 8, ticks);
    unsigned every = 1;

    for (size_t i = 0; i < n; i++) {
        double y = chart_at(&plot->up, ticks[i]);
        g_autofree char *text = g_strdup_printf("%.0f", ticks[i]);

        svg_line(out, "grid", LEFT, y, RIGHT, y);
        svg_text(out, "tick", LEFT - 8.0, y + 4.0, SVG_END, text);
    }
    svg_text(out, "tick", LEFT - 8.0, TOP - 14.0, SVG_END, "pages");
    svg_line(out, "axis", LEFT, BOTTOM, RIGHT, BOTTOM);
    while (plot->last - plot->first > 16.0 * every) {
        every *= every % 3 == 2 ? 5 : 2; /* 1 2 10 20 100 .. */
    }
    for (unsigned pass = (unsigned)plot->first; pass <= plot->last;
         pass += every) {
        g_autofree char *text = g_strdup_printf("%u", pass);

        svg_text(out, "tick", across(plot, pass), BOTTOM + 18.0, SVG_MIDDLE,
                 text);
    }
    svg_text(out, "tick", RIGHT, BOTTOM + 36.0, SVG_END, "pass");
}

static void
draw_band(GString *out, const Plot *plot)
{
    guint n = plot->run->steps->len;
    double half =
        0.5 * (across(plot, plot->first + 1.0) - across(plot, plot->first));

    half = CLAMP(half, 1.0, 14.0);
    for (guint i = 0; i < n; i++) {
        const ReplayStep *step = step_at(plot, i);
        double x = across(plot, pass_of(plot, step));
        double high = chart_at(&plot->up, step->high);
        double low = chart_at(&plot->up, step->low);

        svg_rect(out, "band", x - half, high, 2.0 * half, fmax(low - high, 0.0),
                 NULL);
    }
}

static void
draw_model(GString *out, const Plot *plot, size_t m, double *label_y)
{
    SvgPath path;

    svg_path_init(&path);
    *label_y = NAN;
    for (guint i = 0; i < plot->run->steps->len; i++) {
        const ReplayStep *step = step_at(plot, i);
        Known pages = step->pages[plot->models[m]];

        if (!pages.known) {
            svg_path_gap(&path);
            continue;
        }
        *label_y = chart_at(&plot->up, pages.value);
        svg_path_to(&path, across(plot, pass_of(plot, step)), *label_y);
    }
    svg_path_draw(&path, out, classes[m]);
}

static void
draw_truth(GString *out, const Plot *plot)
{
    for (guint i = 0; i < plot->run->steps->len; i++) {
        const ReplayStep *step = step_at(plot, i);
        g_autofree char *hint = g_strdup_printf(
            "pass %.0f: %.0f pages, %.0f forecast", pass_of(plot, step),
            step->truth, known_or(step->pages[0], step->last));

        svg_circle(out, "truth", across(plot, pass_of(plot, step)),
                   chart_at(&plot->up, step->truth), 2.6, hint);
    }
}

char *
plot_draw(const Replay *replay, const ReplayRun *run, const size_t *models,
          size_t n_models)
{
    const TraceRow *row =
        &g_array_index(run->table->rows, TraceRow, run->first);
    GString *out = g_string_new(NULL);
    Plot plot = {
        .replay = replay, .run = run, .models = models, .n_models = n_models
    };
    bool twice = g_str_has_prefix(row->trace, row->group);
    g_autofree char *title =
        g_strdup_printf("%s%s%s: pages by pass (dots) and forecasts",
                        twice ? "" : row->group, twice ? "" : ", ", row->trace);
    double label_y[PLOT_MAX_MODELS];

    g_assert(n_models <= PLOT_MAX_MODELS);
    g_assert(run->steps->len > 0);
    plot.first = pass_of(&plot, step_at(&plot, 0));
    plot.last = pass_of(&plot, step_at(&plot, run->steps->len - 1));
    set_scale(&plot);

    g_string_append_printf(out,
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                           "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>",
                           WIDTH, HEIGHT);
    svg_escape(out, title);
    g_string_append(out, "</title>\n");
    g_string_append(out, style);
    draw_band(out, &plot);
    draw_axes(out, &plot);
    for (size_t m = n_models; m-- > 0;) {
        draw_model(out, &plot, m, &label_y[m]);
    }
    draw_truth(out, &plot);
    svg_text(out, "title", LEFT, 18.0, SVG_START, title);

    for (size_t m = 0; m < n_models; m++) {
        /* a model that never spoke is named below the others */
        label_y[m] = isnan(label_y[m]) ? BOTTOM : label_y[m];
    }
    chart_spread(label_y, n_models, LABEL_GAP, TOP, BOTTOM);
    for (size_t m = 0; m < n_models; m++) {
        svg_text(out, classes[m], RIGHT + 8.0, label_y[m] + 4.0, SVG_START,
                 replay->names[models[m]]);
    }
    g_string_append(out, "</svg>\n");
    return g_string_free(out, FALSE);
}
