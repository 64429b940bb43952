/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * summary-words.c - cells, claims and figures as text
 */
#include <math.h>

#include "experiment/summary.h"

static const char *const verdict_words[] = {
    [VERDICT_MISSES] = "misses",
    [VERDICT_MISSES_CLOSE] = "misses, and may not",
    [VERDICT_UNDECIDED] = "undecided",
    [VERDICT_TOO_FEW] = "too few runs",
    [VERDICT_NO_DATA] = "not run",
    [VERDICT_HOLDS_CLOSE] = "holds by its median",
    [VERDICT_HOLDS] = "holds",
};
G_STATIC_ASSERT(G_N_ELEMENTS(verdict_words) == VERDICT_N);

const char *
verdict_word(VerdictKind kind)
{
    return verdict_words[kind];
}

char *
summary_cell_name(const Summary *summary, const SummaryCell *cell)
{
    const Scenario *scenario = summary->scenario;
    const ScenarioCross *cross =
        &g_array_index(scenario->crosses, ScenarioCross, cell->cross);

    return g_strdup_printf(
        "%s, %s%s%s",
        g_array_index(scenario->guests, ScenarioGuest, cell->guest).name,
        g_array_index(scenario->wires, ScenarioWire, cell->wire).name,
        cross->flows ? ", beside " : "", cross->flows ? cross->name : "");
}

char *
claim_words(const ScenarioClaim *claim)
{
    double limit =
        claim->at_most.known ? claim->at_most.value : claim->at_least.value;
    const char *unit = claim->against ? "" : measure_unit(claim->measure);
    GString *words;

    if (claim->title) {
        return g_strdup(claim->title);
    }
    words = g_string_new(measure_title(claim->measure));
    g_string_append_printf(words, " of %s", claim->method);
    if (claim->against) {
        g_string_append_printf(words, ", of that of %s,", claim->against);
    }
    g_string_append_printf(words, " is at %s %g%s%s",
                           claim->at_most.known ? "most" : "least", limit,
                           *unit ? " " : "", unit);
    if (claim->share.known) {
        g_string_append_printf(words, " in %.0f %% of the runs",
                               100 * claim->share.value);
    }
    return g_string_free(words, FALSE);
}

/* Three digits that mean something. */
static void
append_number(GString *text, double value)
{
    double size = fabs(value);

    g_string_append_printf(text, "%.*f",
                           size >= 100  ? 0
                           : size >= 10 ? 1
                                        : 2,
                           value);
}

char *
figure_text(Figure figure)
{
    GString *text = g_string_new(bound_sign(figure.bound));

    append_number(text, figure.value);
    return g_string_free(text, FALSE);
}

char *
estimate_text(const Estimate *estimate)
{
    g_autofree char *median = NULL, *low = NULL, *high = NULL;

    if (estimate->n == 0) {
        return g_strdup("-");
    }
    median = figure_text(estimate->median);
    if (!estimate->interval) {
        return g_steal_pointer(&median);
    }
    low = figure_text(estimate->low);
    high = figure_text(estimate->high);
    return g_strdup_printf("%s [%s to %s]", median, low, high);
}
