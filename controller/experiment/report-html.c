/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-html.c - the summary as a page
 *
 * One file without script, HTML in the spelling of XML. Claims that miss come
 * first, then all ratios in one picture, then each cell, those that miss first,
 * with its table, how its totals are distributed, and what the application got meanwhile.
 */
#include "experiment/report-chart.h"
#include "experiment/report-plots.h"
#include "experiment/report.h"
#include "report/report-style.h"
#include "report/report-svg.h"

static const Measure shown[] = { MEASURE_TOTAL, MEASURE_DOWNTIME,
                                 MEASURE_STALL, MEASURE_APPLICATION,
                                 MEASURE_NEED,  MEASURE_LATENCY,
                                 MEASURE_CROSS, MEASURE_BYTES,
                                 MEASURE_CPU };

static void
element(GString *out, const char *open, const char *text, const char *close)
{
    g_string_append(out, open);
    svg_escape(out, text);
    g_string_append(out, close);
}

static void
append_head(GString *out, const Summary *summary)
{
    const Scenario *scenario = summary->scenario;
    g_autofree char *line = g_strdup_printf(
        "%u of %u planned runs%s.", summary->runs, summary->planned,
        summary->undisturbed_only ? ", those on a disturbed machine left out"
                                  : "");
    unsigned misses = 0;

    for (guint i = 0; i < summary->verdicts->len; i++) {
        misses += g_array_index(summary->verdicts, Verdict, i).kind <=
                  VERDICT_MISSES_CLOSE;
    }
    g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
                         "<meta charset=\"utf-8\"/>\n"
                         "<meta name=\"viewport\" "
                         "content=\"width=device-width, initial-scale=1\"/>\n");
    element(out, "<title>", scenario->name, "</title>\n");
    g_string_append_printf(out, "<style>\n%s%s</style></head>\n<body>\n",
                           report_style, experiment_style);
    element(out, "<header><p class=\"over\">", scenario->name, "</p>\n<h1>");
    svg_escape(out, scenario->title ? scenario->title : scenario->name);
    element(out, "</h1>\n<p>", line, "</p>\n");
    if (summary->failed > 0 || summary->disturbed > 0) {
        g_string_append_printf(out,
                               "<p>%u failed, %u on a disturbed machine.</p>\n",
                               summary->failed, summary->disturbed);
    }
    if (summary->verdicts->len > 0) {
        g_string_append_printf(out, "<p>Of %u verdicts %u miss.</p>\n",
                               summary->verdicts->len, misses);
    }
    g_string_append(out, "</header>\n");
}

static void
append_verdicts(GString *out, const Summary *summary)
{
    if (summary->verdicts->len == 0) {
        return;
    }
    g_string_append(out, "<h2>Claims</h2>\n<div class=\"scroll\"><table>\n"
                         "<thead><tr><th>verdict</th><th>cell</th>"
                         "<th>effect</th><th>n</th><th>claim</th></tr>"
                         "</thead>\n<tbody>\n");
    for (guint i = 0; i < summary->verdicts->len; i++) {
        const Verdict *verdict = &g_array_index(summary->verdicts, Verdict, i);
        g_autofree char *claim = claim_words(verdict->claim);
        g_autofree char *effect = estimate_text(&verdict->effect);
        g_autofree char *cell = verdict->cell
                                    ? summary_cell_name(summary, verdict->cell)
                                    : g_strdup("all runs");
        g_autofree char *share =
            verdict->share.known ? g_strdup_printf("%.0f %% of runs; ",
                                                   100 * verdict->share.value)
                                 : g_strdup("");

        element(out,
                verdict->kind <= VERDICT_MISSES_CLOSE ? "<tr><td class=\"bad\">"
                                                      : "<tr><td>",
                verdict_word(verdict->kind), "</td>");
        element(out, "<td>", cell, "</td><td>");
        svg_escape(out, share);
        svg_escape(out, effect);
        g_string_append_printf(out, "</td><td>%zu</td>", verdict->effect.n);
        element(out, "<td>", claim, "</td></tr>\n");
    }
    g_string_append(out, "</tbody></table></div>\n");
}

static void
append_table(GString *out, const Summary *summary, const SummaryCell *cell)
{
    const GArray *methods = summary->scenario->methods;

    g_string_append(out, "<div class=\"scroll\">"
                         "<table class=\"list cell\">"
                         "<thead><tr><th>method</th><th>runs</th>"
                         "<th>cut off</th>");
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        const char *unit = measure_unit(shown[i]);

        if (!summary_has(summary, cell, shown[i])) {
            continue;
        }
        element(out, "<th>", measure_title(shown[i]), "");
        g_string_append_printf(out, "%s%s</th>", *unit ? ", " : "", unit);
        if (shown[i] == MEASURE_TOTAL) {
            element(out, "<th>of ",
                    g_array_index(methods, ScenarioMethod, 0).name, "</th>");
        }
    }
    g_string_append(out, "</tr></thead>\n<tbody>\n");
    for (guint m = 0; m < methods->len; m++) {
        const SummaryMethod *method = &cell->methods[m];

        if (method->runs == 0) {
            continue;
        }
        element(out, "<tr><th scope=\"row\">",
                g_array_index(methods, ScenarioMethod, m).name, "</th>");
        g_string_append_printf(out,
                               "<td class=\"number\">%u</td>"
                               "<td class=\"number\">%u</td>",
                               method->runs, method->cut_off);
        for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
            g_autofree char *text = estimate_text(&method->measures[shown[i]]);
            g_autofree char *ratio =
                m > 0 ? estimate_text(&method->ratios[MEASURE_TOTAL])
                      : g_strdup("1");

            if (!summary_has(summary, cell, shown[i])) {
                continue;
            }
            element(out, "<td class=\"number\">", text, "</td>");
            if (shown[i] == MEASURE_TOTAL) {
                element(out, "<td class=\"number\">", ratio, "</td>");
            }
        }
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table></div>\n");
}

static void
append_cell(GString *out, const Summary *summary, const GPtrArray *results,
            const SummaryCell *cell)
{
    g_autofree char *name = summary_cell_name(summary, cell);
    g_autoptr(GString) work = g_string_new(NULL);
    g_autoptr(GString) cross = g_string_new(NULL);

    element(out, "<h2>", name, "</h2>\n");
    append_table(out, summary, cell);
    g_string_append(out, "<p class=\"note\">Share of runs that were over after "
                         "so long. A curve that ends below 100 % had runs "
                         "that were cut off.</p>\n");
    chart_distribution(out, summary, results, cell);
    if (chart_work(work, summary, results, cell)) {
        g_string_append(out, "<p class=\"note\">What the application got done "
                             "in each second of one repetition; the dotted "
                             "line is the start of the migration.</p>\n");
        g_string_append(out, work->str);
    }
    if (chart_cross(cross, summary, results, cell)) {
        g_string_append(out, "<p class=\"note\">What the cross traffic got, "
                             "likewise.</p>\n");
        g_string_append(out, cross->str);
    }
}

char *
experiment_html(const Summary *summary, const GPtrArray *results)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GString) claims = g_string_new(NULL);
    g_autoptr(GString) ratios = g_string_new(NULL);
    g_autoptr(GPtrArray) cells = summary_cells(summary);

    append_head(out, summary);
    append_verdicts(out, summary);
    if (plot_claims(claims, summary, results) > 0.0) {
        g_string_append(out,
                        "<p class=\"note\">What claims compare, with their "
                        "95 % intervals; small dots are pairs, a hollow "
                        "one is a bound, the mark is the goal.</p>\n");
        g_string_append(out, claims->str);
    }
    if (plot_ratios(ratios, summary, results) > 0.0) {
        element(
            out, "<h2>Total time, of that of ",
            g_array_index(summary->scenario->methods, ScenarioMethod, 0).name,
            "</h2>\n<p class=\"note\">Medians of ratios paired by "
            "repetition, with their 95 % interval.</p>\n");
        g_string_append(out, ratios->str);
    }
    for (guint c = 0; c < cells->len; c++) {
        append_cell(out, summary, results, g_ptr_array_index(cells, c));
    }
    g_string_append_printf(
        out,
        "<footer>Medians with 95 %% intervals by bootstrap, %d resamples. "
        "\xe2\x80\x9c&gt;=\xe2\x80\x9d: runs were cut off after %g s and "
        "count as that.</footer>\n</body></html>\n",
        BOOTSTRAP_RESAMPLES, summary->scenario->cut_off_s);
    return g_string_free(out, FALSE);
}
