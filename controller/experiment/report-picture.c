/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-picture.c - pictures that stand beside a page of Markdown
 *
 * Such a picture is looked at in places that know no style but its own: it has
 * its paper, its colours are plain values, and its title stands in it.
 */
#include "experiment/report-picture.h"

#include <string.h>

#include "experiment/plan.h"
#include "experiment/report-chart-priv.h"
#include "experiment/report-plots.h"
#include "experiment/report.h"
#include "report/report-svg.h"

static const char style[] =
    "text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#5d6873}"
    ".paper{fill:#fff}.name,.title{fill:#1d2329}.label{font-size:13px}"
    ".grid{stroke:#e4e8eb}.axis{stroke:#8a949d}"
    ".goal{stroke:#1d2329;stroke-width:2}"
    ".decided{stroke:#a3a9ae;stroke-dasharray:1 3}"
    ".method{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    ".again{stroke-dasharray:5 3}.run{fill-opacity:.55}"
    ".hollow{fill:#fff;stroke-width:1.6}";

static const char *const colours[] = { "#5d6873", "#0072b2", "#d55e00",
                                       "#009e73", "#b0609a", "#8a6d00",
                                       "#56b4e9", "#1d2329" };

static void
picture_free(gpointer data)
{
    Picture *picture = data;

    g_free(picture->file);
    g_free(picture->title);
    g_free(picture->note);
    g_free(picture->svg);
    g_free(picture);
}

/* The picture as it is, in one that says how it looks. */
static char *
framed(const char *inner, double height, const char *title)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
        "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<style>%s",
        WIDTH, height, WIDTH, height, style);
    for (size_t i = 0; i < G_N_ELEMENTS(colours); i++) {
        g_string_append_printf(out,
                               ".method.m%zu,.hollow.m%zu{stroke:%s}"
                               ".label.m%zu,.spot.m%zu,.run.m%zu{fill:%s}",
                               i, i, colours[i], i, i, i, colours[i]);
    }
    g_string_append(out, "</style>\n");
    svg_rect(out, "paper", 0.0, 0.0, WIDTH, height, NULL);
    g_string_append(out, inner);
    if (title) {
        svg_text(out, "title", RIGHT, TOP - 10.0, SVG_END, title);
    }
    g_string_append(out, "</svg>\n");
    return g_string_free(out, FALSE);
}

static void
add(GPtrArray *list, const char *file, char *note, const GString *inner,
    double height)
{
    Picture *picture;

    if (height <= 0.0) {
        g_free(note);
        return;
    }
    picture = g_new0(Picture, 1);
    picture->file = g_strdup_printf("%s.svg", file);
    picture->title = g_strdup(file);
    picture->note = note;
    picture->svg = framed(inner->str, height, NULL);
    g_ptr_array_add(list, picture);
}

static void
add_of_all(GPtrArray *list, const Summary *summary, const GPtrArray *results)
{
    static const struct {
        const char *file;
        Measure measure;
        const char *note;
    } shown[] = {
        { "cross", MEASURE_CROSS,
          "What the cross traffic got, share of the wire." },
        { "application", MEASURE_APPLICATION,
          "What the application got, share of before." },
        { "stall", MEASURE_STALL,
          "The stall seen from outside, ms; the line is the downtime limit." },
    };
    g_autoptr(GString) claims = g_string_new(NULL);
    g_autoptr(GString) ratios = g_string_new(NULL);

    add(list, "claims",
        g_strdup("What claims compare: medians with 95 % intervals. Small dots "
                 "are pairs, a hollow one is a bound, the mark is the goal."),
        claims, plot_claims(claims, summary, results));
    add(list, "ratios",
        g_strdup_printf(
            "Total time, of that of %s: medians of ratios paired by "
            "repetition, with 95 %% intervals.",
            chart_method_name(summary, 0)),
        ratios, plot_ratios(ratios, summary, results));
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        g_autoptr(GString) plot = g_string_new(NULL);
        Known line = shown[i].measure == MEASURE_STALL
                         ? known(summary->scenario->downtime_limit_ms)
                         : unknown();

        add(list, shown[i].file, g_strdup(shown[i].note), plot,
            plot_measure(plot, summary, results, shown[i].measure, line));
    }
}

static void
add_of_cell(GPtrArray *list, const Summary *summary, const SummaryCell *cell,
            const char *what, const char *note, const GString *inner,
            double height)
{
    const PlannedRun of = { .guest = cell->guest,
                            .wire = cell->wire,
                            .cross = cell->cross };
    g_autofree char *file = planned_cell_name(summary->scenario, &of);
    g_autofree char *title = summary_cell_name(summary, cell);
    Picture *picture = g_new0(Picture, 1);

    picture->file = g_strdup_printf("%s-%s.svg", file, what);
    picture->title = g_strdup_printf("%s: %s", title, what);
    picture->note = g_strdup(note);
    picture->svg = framed(inner->str, height, title);
    picture->cell = cell;
    g_ptr_array_add(list, picture);
}

static void
add_cell(GPtrArray *list, const Summary *summary, const GPtrArray *results,
         const SummaryCell *cell)
{
    g_autoptr(GString) totals = g_string_new(NULL);
    g_autoptr(GString) work = g_string_new(NULL);
    g_autoptr(GString) cross = g_string_new(NULL);

    chart_distribution(totals, summary, results, cell);
    add_of_cell(list, summary, cell, "total",
                "Share of runs that were over after so long.", totals,
                CHART_DISTRIBUTION_HEIGHT);
    if (chart_work(work, summary, results, cell)) {
        add_of_cell(list, summary, cell, "application",
                    "What the application got done in each second of one "
                    "repetition; the dotted line is the migration's start.",
                    work, CHART_SECONDS_HEIGHT);
    }
    if (chart_cross(cross, summary, results, cell)) {
        add_of_cell(list, summary, cell, "cross",
                    "What the cross traffic got, likewise.", cross,
                    CHART_SECONDS_HEIGHT);
    }
}

GPtrArray *
experiment_pictures(const Summary *summary, const GPtrArray *results)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(picture_free);
    g_autoptr(GPtrArray) cells = summary_cells(summary);

    add_of_all(list, summary, results);
    for (guint c = 0; c < cells->len; c++) {
        add_cell(list, summary, results, g_ptr_array_index(cells, c));
    }
    return list;
}

char *
experiment_svg(const Summary *summary, const GPtrArray *results)
{
    g_autoptr(GString) ratios = g_string_new(NULL);
    double height = plot_ratios(ratios, summary, results);

    return height > 0.0 ? framed(ratios->str, height, NULL) : NULL;
}
