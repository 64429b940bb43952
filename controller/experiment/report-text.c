/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-text.c - the summary as text
 *
 * What misses stands first: who reads only the beginning is not misled.
 */
#include "experiment/report.h"

#include <string.h>

#define COLUMNS 9

static const Measure shown[] = { MEASURE_DOWNTIME, MEASURE_STALL,
                                 MEASURE_APPLICATION, MEASURE_LATENCY,
                                 MEASURE_CROSS };

static void
verdict_line(GString *out, const Summary *summary, const Verdict *verdict)
{
    g_autofree char *claim = claim_words(verdict->claim);
    g_autofree char *effect = estimate_text(&verdict->effect);
    g_autofree char *cell =
        verdict->cell ? summary_cell_name(summary, verdict->cell) : NULL;

    g_string_append_printf(out, "  %-19s  %s: ", verdict_word(verdict->kind),
                           cell ? cell : "all runs");
    if (verdict->share.known) {
        g_string_append_printf(out, "%.0f %% of %zu runs, median ",
                               100 * verdict->share.value, verdict->effect.n);
    }
    g_string_append(out, effect);
    if (verdict->effect.n > 0) {
        g_string_append_printf(out, ", n = %zu", verdict->effect.n);
        if (verdict->kind == VERDICT_TOO_FEW) {
            g_string_append_printf(out, " of %u", verdict->claim->pairs);
        }
    }
    g_string_append_printf(out, "  (%s)\n", claim);
}

/* Columns as wide as what stands in them; the first on the left. */
static void
print_table(GString *out, const GPtrArray *rows)
{
    glong widths[COLUMNS] = { 0 };

    for (guint r = 0; r < rows->len; r++) {
        char **row = g_ptr_array_index(rows, r);

        for (int c = 0; c < COLUMNS; c++) {
            widths[c] = MAX(widths[c], g_utf8_strlen(row[c], -1));
        }
    }
    for (guint r = 0; r < rows->len; r++) {
        char **row = g_ptr_array_index(rows, r);

        g_string_append(out, "  ");
        for (int c = 0; c < COLUMNS; c++) {
            int pad = (int)(widths[c] - g_utf8_strlen(row[c], -1));

            if (c == 0) {
                g_string_append_printf(out, "%s%*s", row[c], pad, "");
            } else {
                g_string_append_printf(out, "  %*s%s", pad, "", row[c]);
            }
        }
        g_string_append_c(out, '\n');
    }
}

static char *
runs_text(const SummaryMethod *method)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%u", method->runs);
    if (method->cut_off) {
        g_string_append_printf(text, ", %u cut off", method->cut_off);
    }
    if (method->failed) {
        g_string_append_printf(text, ", %u failed", method->failed);
    }
    if (method->disturbed) {
        g_string_append_printf(text, ", %u disturbed", method->disturbed);
    }
    return g_string_free(text, FALSE);
}

static void
print_cell(GString *out, const Summary *summary, const SummaryCell *cell)
{
    const GArray *methods = summary->scenario->methods;
    const char *first = g_array_index(methods, ScenarioMethod, 0).name;
    g_autoptr(GPtrArray) rows =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    g_autofree char *name = summary_cell_name(summary, cell);
    char **head = g_new0(char *, COLUMNS + 1);

    head[0] = g_strdup("method");
    head[1] = g_strdup("runs");
    head[2] = g_strdup("total time, s");
    head[3] = g_strdup_printf("of %s", first);
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        const char *unit = measure_unit(shown[i]);

        head[4 + i] = g_strdup_printf("%s%s%s", measure_name(shown[i]),
                                      *unit ? ", " : "", unit);
    }
    g_ptr_array_add(rows, head);
    for (guint m = 0; m < methods->len; m++) {
        const SummaryMethod *method = &cell->methods[m];
        char **row;

        if (method->runs == 0) {
            continue;
        }
        row = g_new0(char *, COLUMNS + 1);
        row[0] = g_strdup(g_array_index(methods, ScenarioMethod, m).name);
        row[1] = runs_text(method);
        row[2] = estimate_text(&method->measures[MEASURE_TOTAL]);
        row[3] = m == 0 ? g_strdup("")
                        : estimate_text(&method->ratios[MEASURE_TOTAL]);
        for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
            row[4 + i] = estimate_text(&method->measures[shown[i]]);
        }
        g_ptr_array_add(rows, row);
    }
    g_string_append_printf(out, "\n%s\n", name);
    print_table(out, rows);
}

char *
experiment_text(const Summary *summary)
{
    GString *out = g_string_new(NULL);
    const Scenario *scenario = summary->scenario;
    g_autoptr(GPtrArray) cells = summary_cells(summary);

    g_string_append_printf(out, "%s%s%s: %u runs of %u planned", scenario->name,
                           scenario->title ? ", " : "",
                           scenario->title ? scenario->title : "",
                           summary->runs, summary->planned);
    if (summary->failed) {
        g_string_append_printf(out, ", %u failed", summary->failed);
    }
    if (summary->disturbed) {
        g_string_append_printf(out, ", %u on a disturbed machine",
                               summary->disturbed);
    }
    if (summary->unknown) {
        g_string_append_printf(out, "; %u of another scenario left out",
                               summary->unknown);
    }
    g_string_append(out, "\n");
    if (summary->verdicts->len > 0) {
        g_string_append(out, "\nclaims\n");
    }
    for (guint i = 0; i < summary->verdicts->len; i++) {
        verdict_line(out, summary,
                     &g_array_index(summary->verdicts, Verdict, i));
    }
    for (guint c = 0; c < cells->len; c++) {
        print_cell(out, summary, g_ptr_array_index(cells, c));
    }
    g_string_append_printf(
        out,
        "\nMedians; [95 %% interval by bootstrap, %d resamples]; ratios are "
        "paired by\nrepetition. \">=\": runs were cut off after %g s and count "
        "as that.\n",
        BOOTSTRAP_RESAMPLES, scenario->cut_off_s);
    return g_string_free(out, FALSE);
}
