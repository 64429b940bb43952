/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-markdown.c - the summary as a page of Markdown, to be kept
 *
 * Claims that miss stand first, and so do the cells they are about. What names
 * a machine is not said, but what guests ran with is.
 */
#include <string.h>

#include "experiment/report.h"

static const Measure shown[] = { MEASURE_TOTAL, MEASURE_DOWNTIME,
                                 MEASURE_STALL, MEASURE_APPLICATION,
                                 MEASURE_NEED,  MEASURE_LATENCY,
                                 MEASURE_CROSS };

/* Words that somebody chose: none of them makes a table or a link. */
static void
append_words(GString *out, const char *words)
{
    for (; *words; words++) {
        if (strchr("\\|*_`[]<", *words)) {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *words == '\n' ? ' ' : *words);
    }
}

static void
append_title(GString *out, const Summary *summary)
{
    g_string_append(out, "# ");
    append_words(out, summary->scenario->name);
    if (summary->scenario->title) {
        g_string_append(out, " - ");
        append_words(out, summary->scenario->title);
    }
    g_string_append(out, "\n\n");
}

/* What guests ran with, each once: most often it is one. */
static void
append_machines(GString *out, const GPtrArray *results)
{
    g_autoptr(GPtrArray) said = g_ptr_array_new();

    for (guint i = 0; i < results->len; i++) {
        char *machine =
            ((const Result *)g_ptr_array_index(results, i))->machine;

        if (machine && !g_ptr_array_find_with_equal_func(said, machine,
                                                         g_str_equal, NULL)) {
            g_string_append(out, said->len ? "; " : "Run with ");
            append_words(out, machine);
            g_ptr_array_add(said, machine);
        }
    }
    if (said->len > 0) {
        g_string_append(out, ".\n");
    }
}

/* The days of the first and of the last one. */
static void
append_days(GString *out, const GPtrArray *results)
{
    const char *first = NULL, *last = NULL;

    for (guint i = 0; i < results->len; i++) {
        const char *started =
            ((const Result *)g_ptr_array_index(results, i))->started;

        if (started && strlen(started) >= 10) {
            first = first && strcmp(first, started) <= 0 ? first : started;
            last = last && strcmp(last, started) >= 0 ? last : started;
        }
    }
    if (first) {
        g_string_append_printf(out, "%.10s", first);
        if (strncmp(first, last, 10) != 0) {
            g_string_append_printf(out, " to %.10s", last);
        }
        g_string_append(out, ": ");
    }
}

static void
append_counts(GString *out, const Summary *summary, const GPtrArray *results)
{
    append_days(out, results);
    g_string_append_printf(out, "%u of %u planned runs", summary->runs,
                           summary->planned);
    if (summary->failed > 0) {
        g_string_append_printf(out, ", %u failed", summary->failed);
    }
    if (summary->undisturbed_only) {
        g_string_append(out, ", those on a disturbed machine left out");
    } else if (summary->disturbed > 0) {
        g_string_append_printf(out, ", %u on a disturbed machine",
                               summary->disturbed);
    }
    g_string_append(out, ".\n");
    append_machines(out, results);
    g_string_append_printf(
        out,
        "Medians, [95 %% intervals by bootstrap]; ratios are paired by "
        "repetition; \">=\": runs were cut off after %g s and count as "
        "that.\n",
        summary->scenario->cut_off_s);
}

static void
append_verdict(GString *out, const Summary *summary, const Verdict *verdict)
{
    g_autofree char *claim = claim_words(verdict->claim);
    g_autofree char *effect = estimate_text(&verdict->effect);
    g_autofree char *cell =
        verdict->cell ? summary_cell_name(summary, verdict->cell) : NULL;
    const char *bold = verdict->kind <= VERDICT_MISSES_CLOSE ? "**" : "";

    g_string_append_printf(out, "| %s%s%s | ", bold,
                           verdict_word(verdict->kind), bold);
    append_words(out, cell ? cell : "all runs");
    g_string_append(out, " | ");
    if (verdict->share.known) {
        g_string_append_printf(out, "%.0f %% of runs; ",
                               100 * verdict->share.value);
    }
    g_string_append(out, effect);
    g_string_append_printf(
        out, " | %s%g | %zu", verdict->claim->at_most.known ? "<= " : ">= ",
        verdict->claim->at_most.known ? verdict->claim->at_most.value
                                      : verdict->claim->at_least.value,
        verdict->effect.n);
    if (verdict->kind == VERDICT_TOO_FEW) {
        g_string_append_printf(out, " of %u", verdict->claim->pairs);
    }
    g_string_append(out, " | ");
    append_words(out, claim);
    g_string_append(out, " |\n");
}

/* "Of 10 verdicts: 2 misses, 8 holds." */
static void
append_tally(GString *out, const Summary *summary)
{
    unsigned counts[VERDICT_N] = { 0 };
    const char *between = ": ";

    for (guint i = 0; i < summary->verdicts->len; i++) {
        counts[g_array_index(summary->verdicts, Verdict, i).kind]++;
    }
    g_string_append_printf(out, "Of %u verdicts", summary->verdicts->len);
    for (int i = 0; i < VERDICT_N; i++) {
        if (counts[i] > 0) {
            g_string_append_printf(out, "%s%u %s", between, counts[i],
                                   verdict_word((VerdictKind)i));
            between = "; ";
        }
    }
    g_string_append(out, ".\n\n");
}

static void
append_verdicts(GString *out, const Summary *summary)
{
    if (summary->verdicts->len == 0) {
        return;
    }
    g_string_append(out, "\n## Claims\n\n");
    append_tally(out, summary);
    g_string_append(out, "| verdict | cell | effect | goal | n | claim |\n"
                         "|---|---|---|---|---|---|\n");
    for (guint i = 0; i < summary->verdicts->len; i++) {
        append_verdict(out, summary,
                       &g_array_index(summary->verdicts, Verdict, i));
    }
}

static void
append_head(GString *out, const Summary *summary, const SummaryCell *cell)
{
    GString *rule = g_string_new("\n|---|---|");

    g_string_append(out, "| method | runs |");
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        const char *unit = measure_unit(shown[i]);

        if (!summary_has(summary, cell, shown[i])) {
            continue;
        }
        g_string_append_printf(out, " %s%s%s |", measure_name(shown[i]),
                               *unit ? ", " : "", unit);
        g_string_append(rule, "---|");
        if (shown[i] == MEASURE_TOTAL && summary->scenario->methods->len > 1) {
            g_string_append(out, " of ");
            append_words(out, g_array_index(summary->scenario->methods,
                                            ScenarioMethod, 0)
                                  .name);
            g_string_append(out, " |");
            g_string_append(rule, "---|");
        }
    }
    g_string_append_printf(out, "%s\n", rule->str);
    g_string_free(rule, TRUE);
}

static void
append_method(GString *out, const Summary *summary, const SummaryCell *cell,
              guint m)
{
    const SummaryMethod *method = &cell->methods[m];

    g_string_append(out, "| ");
    append_words(
        out, g_array_index(summary->scenario->methods, ScenarioMethod, m).name);
    g_string_append_printf(out, " | %u", method->runs);
    if (method->cut_off > 0) {
        g_string_append_printf(out, ", %u cut off", method->cut_off);
    }
    if (method->failed > 0) {
        g_string_append_printf(out, ", %u failed", method->failed);
    }
    if (method->disturbed > 0) {
        g_string_append_printf(out, ", %u disturbed", method->disturbed);
    }
    g_string_append(out, " |");
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        g_autofree char *text = estimate_text(&method->measures[shown[i]]);
        g_autofree char *ratio = estimate_text(&method->ratios[shown[i]]);

        if (!summary_has(summary, cell, shown[i])) {
            continue;
        }
        g_string_append_c(out, ' ');
        g_string_append_printf(out, "%s |", text);
        if (shown[i] == MEASURE_TOTAL && summary->scenario->methods->len > 1) {
            g_string_append_c(out, ' ');
            g_string_append(out, m > 0 ? ratio : "1");
            g_string_append(out, " |");
        }
    }
    g_string_append_c(out, '\n');
}

/* The pictures of a cell, or of all. */
static void
append_pictures(GString *out, const GPtrArray *pictures,
                const SummaryCell *cell)
{
    for (guint i = 0; pictures && i < pictures->len; i++) {
        const Picture *picture = g_ptr_array_index(pictures, i);

        if (picture->cell == cell) {
            g_string_append_printf(out, "\n%s\n\n![%s](%s)\n", picture->note,
                                   picture->title, picture->file);
        }
    }
}

char *
experiment_markdown(const Summary *summary, const GPtrArray *results,
                    const GPtrArray *pictures)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GPtrArray) cells = summary_cells(summary);

    append_title(out, summary);
    append_counts(out, summary, results);
    append_verdicts(out, summary);
    append_pictures(out, pictures, NULL);
    for (guint c = 0; c < cells->len; c++) {
        const SummaryCell *cell = g_ptr_array_index(cells, c);
        g_autofree char *name = summary_cell_name(summary, cell);

        g_string_append(out, "\n## ");
        append_words(out, name);
        g_string_append(out, "\n\n");
        append_head(out, summary, cell);
        for (guint m = 0; m < summary->scenario->methods->len; m++) {
            if (cell->methods[m].runs > 0) {
                append_method(out, summary, cell, m);
            }
        }
        append_pictures(out, pictures, cell);
    }
    return g_string_free(out, FALSE);
}
