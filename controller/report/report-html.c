/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-html.c - the page, from the headline down to the setting
 *
 * A reader who was not there gets the outcome in one sentence, then in numbers,
 * then what the memory, the link and the forecasts did, then the decisions with
 * their reasons, at last what it all ran on. The page is one file without
 * script, HTML in the spelling of XML.
 */
#include "report/report-priv.h"
#include "report/report-svg.h"

#include <string.h>

/* More rows than this are folded away. */
#define OPEN_ROWS 24

typedef struct {
    const char *swatch; /* inside of a 26 x 12 svg */
    const char *text;
    const bool *shown; /* NULL: always */
} KeyEntry;

static void
append_key(GString *out, const KeyEntry *entries, size_t n)
{
    g_string_append(out, "<ul class=\"key\">");
    for (size_t i = 0; i < n; i++) {
        if (entries[i].shown && !*entries[i].shown) {
            continue;
        }
        g_string_append_printf(out,
                               "<li><svg viewBox=\"0 0 26 12\" "
                               "aria-hidden=\"true\">%s</svg>%s</li>\n",
                               entries[i].swatch, entries[i].text);
    }
    g_string_append(out, "</ul>\n");
}

static void
append_paragraphs(GString *out, const char *lines)
{
    g_auto(GStrv) each = g_strsplit(lines, "\n", -1);

    for (char **line = each; *line; line++) {
        if (**line) {
            g_string_append(out, "<p>");
            svg_escape(out, *line);
            g_string_append(out, "</p>\n");
        }
    }
}

static void
append_heading(GString *out, const RunFigures *run, size_t n)
{
    if (n > 1) {
        g_string_append(out, "<h3>");
        svg_escape(out, run->name);
        g_string_append(out, "</h3>\n");
    }
}

static void
append_head(GString *out, const RunFigures *runs, size_t n, const char *title)
{
    g_autofree char *headline = report_headline(runs, n);
    g_autofree char *details = report_details(runs, n);

    g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
                         "<meta charset=\"utf-8\"/>\n"
                         "<meta name=\"viewport\" "
                         "content=\"width=device-width, initial-scale=1\"/>\n"
                         "<title>");
    svg_escape(out, title);
    g_string_append_printf(
        out, "</title>\n<style>\n%s</style></head>\n<body>\n", report_style);
    g_string_append(out, "<header><p class=\"over\">");
    svg_escape(out, title);
    g_string_append(out, "</p>\n<h1>");
    svg_escape(out, headline);
    g_string_append(out, "</h1>\n");
    append_paragraphs(out, details);
    g_string_append(out, "</header>\n");
}

static bool
any_left(const RunFigures *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (runs[i].left_bytes.known || runs[i].points_from_rows) {
            return true;
        }
    }
    return false;
}

static void
append_left(GString *out, const RunFigures *runs, size_t n,
            const ChartExtent *extent)
{
    if (!any_left(runs, n)) {
        return;
    }
    g_string_append(
        out, "<h2>Memory still to be sent</h2>\n"
             "<p class=\"note\">Each tooth is an iteration: what is left is "
             "sent, then the pages that the guest wrote meanwhile come back "
             "on the list. When little enough is left the guest is stopped "
             "and moves.</p>\n");
    chart_left(out, runs, n, extent, CHART_WIDE);
    chart_left(out, runs, n, extent, CHART_NARROW);
}

static void
append_bandwidth(GString *out, const RunFigures *runs, size_t n,
                 const ChartExtent *extent)
{
    bool application = false, protects = false;
    const KeyEntry entries[] = {
        { "<path class=\"line stream\" d=\"M1 6h24\"/>",
          "migration, achieved" },
        { "<rect class=\"area reserved\" x=\"1\" width=\"24\" height=\"12\"/>",
          "reserved for it" },
        { "<path class=\"line ceiling\" d=\"M1 6h24\"/>",
          "ceiling, up to which it may borrow" },
        { "<path class=\"line other\" d=\"M1 6h24\"/>",
          "other traffic on the link" },
        { "<path class=\"line application\" d=\"M1 6h24\"/>",
          "the guest\xe2\x80\x99s application", &application },
        { "<path class=\"line protected\" d=\"M1 6h24\"/>", "protected traffic",
          &protects },
        { "<circle class=\"changed\" cx=\"7\" cy=\"6\" r=\"2.5\"/>"
          "<circle class=\"kept\" cx=\"19\" cy=\"6\" r=\"2.5\"/>",
          "decision: changed, kept" },
    };

    g_string_append(out, "<h2>Bandwidth</h2>\n"
                         "<p class=\"note\">All runs on the same scales. "
                         "Rates are means over up to a second. "
                         "Decisions are numbered as in the tables below. "
                         "Where a line is broken nothing was "
                         "measured.</p>\n");
    for (size_t i = 0; i < n; i++) {
        application |= runs[i].application_bytes_s.known;
        protects |= runs[i].protected_bytes_s.known;
    }
    append_key(out, entries, G_N_ELEMENTS(entries));
    for (size_t i = 0; i < n; i++) {
        append_heading(out, &runs[i], n);
        if (runs[i].points->len == 0) {
            g_string_append(out, "<p class=\"note\">Nothing was "
                                 "recorded.</p>\n");
            continue;
        }
        if (runs[i].points_from_rows) {
            g_string_append(out, "<p class=\"note\">The record holds no time "
                                 "lines: averages of the iterations.</p>\n");
        }
        chart_bandwidth(out, &runs[i], extent, CHART_WIDE);
        chart_bandwidth(out, &runs[i], extent, CHART_NARROW);
    }
}

/* Long tables are folded away behind a line. */
static void
append_folded(GString *out, guint rows, const char *what,
              void (*table)(GString *, const RunFigures *),
              const RunFigures *run)
{
    bool fold = rows > OPEN_ROWS;

    if (fold) {
        g_string_append_printf(out, "<details><summary>%u %s</summary>\n", rows,
                               what);
    }
    table(out, run);
    if (fold) {
        g_string_append(out, "</details>\n");
    }
}

static void
append_iterations(GString *out, const RunFigures *runs, size_t n,
                  const ChartExtent *extent)
{
    static const KeyEntry entries[] = {
        { "<path class=\"tosend\" d=\"M3 6h20\"/>", "pages to send" },
        { "<rect class=\"interval\" x=\"5\" width=\"16\" height=\"12\"/>"
          "<path class=\"predicted\" d=\"M5 6h16\"/>",
          "newly dirtied pages, predicted at the start, with 80 % interval" },
        { "<circle class=\"dirty\" cx=\"13\" cy=\"6\" r=\"4\"/>",
          "newly dirtied pages, actual" },
    };

    g_string_append(out, "<h2>Iterations: predicted and actual</h2>\n"
                         "<p class=\"note\">The dot should lie in the bar "
                         "four times out of five. Pages dirtied during an "
                         "iteration are to be sent in the next.</p>\n");
    append_key(out, entries, G_N_ELEMENTS(entries));
    for (size_t i = 0; i < n; i++) {
        append_heading(out, &runs[i], n);
        if (!chart_has_pages(&runs[i])) {
            g_string_append(out, "<p class=\"note\">No iteration was "
                                 "recorded.</p>\n");
            continue;
        }
        chart_pages(out, &runs[i], extent, CHART_WIDE);
        chart_pages(out, &runs[i], extent, CHART_NARROW);
        append_folded(out, runs[i].record->iterations->len, "iterations",
                      table_iterations, &runs[i]);
    }
}

static void
append_decisions(GString *out, const RunFigures *runs, size_t n)
{
    g_string_append(out, "<h2>Decisions and their reasons</h2>\n");
    for (size_t i = 0; i < n; i++) {
        guint made = runs[i].record->decisions->len;

        append_heading(out, &runs[i], n);
        if (made == 0) {
            g_string_append(out,
                            runs[i].record->policy.kind == POLICY_NONE
                                ? "<p class=\"note\">None: traffic control "
                                  "was left alone.</p>\n"
                                : "<p class=\"note\">None was "
                                  "recorded.</p>\n");
            continue;
        }
        append_folded(out, made, "decisions", table_decisions, &runs[i]);
        table_ladder(out, &runs[i]);
    }
}

static void
append_foot(GString *out)
{
    g_string_append(
        out, "<footer><p>A dash means not known. Rates are in bits per second "
             "with decimal prefixes, amounts in bytes with binary ones. The "
             "80 % interval is the range in which the forecast expected four "
             "of five outcomes. Total time, downtime and bytes are "
             "QEMU\xe2\x80\x99s own figures. Iterations marked * cover several "
             "passes. Drawn by vmferry from its run records.</p></footer>\n"
             "</body></html>\n");
}

char *
report_html(const RunRecord *const *records, size_t n_records,
            const char *title)
{
    RunFigures runs[REPORT_MAX_RUNS];
    GString *out = g_string_new(NULL);
    ChartExtent extent;

    g_assert(n_records >= 1 && n_records <= REPORT_MAX_RUNS);
    for (size_t i = 0; i < n_records; i++) {
        run_figures_init(&runs[i], records[i]);
    }
    run_figures_name(runs, n_records);
    chart_extent_init(&extent, runs, n_records);

    append_head(out, runs, n_records, title);
    g_string_append(out, "<h2>Outcome</h2>\n");
    table_outcome(out, runs, n_records);
    append_left(out, runs, n_records, &extent);
    append_bandwidth(out, runs, n_records, &extent);
    append_iterations(out, runs, n_records, &extent);
    append_decisions(out, runs, n_records);
    g_string_append(out, "<h2>Setting</h2>\n");
    table_setting(out, runs, n_records);
    append_foot(out);

    for (size_t i = 0; i < n_records; i++) {
        run_figures_clear(&runs[i]);
    }
    return g_string_free(out, FALSE);
}
