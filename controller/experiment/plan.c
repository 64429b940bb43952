/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c - all combinations, shuffled within their repetition
 */
#include "experiment/plan.h"

#include "experiment/random.h"

/* Fisher and Yates; the repetition is mixed into the seed. */
static void
shuffle(PlannedRun *runs, guint n, uint64_t seed, unsigned repetition)
{
    Random random = { seed };

    for (unsigned i = 0; i < 2; i++) {
        random.state = random_next(&random) + repetition;
    }
    for (guint left = n; left > 1; left--) {
        guint chosen = (guint)random_below(&random, left);
        PlannedRun run = runs[chosen];

        runs[chosen] = runs[left - 1];
        runs[left - 1] = run;
    }
}

static void
add_repetition(GArray *runs, const Scenario *scenario, unsigned repetition)
{
    for (unsigned g = 0; g < scenario->guests->len; g++) {
        for (unsigned w = 0; w < scenario->wires->len; w++) {
            for (unsigned c = 0; c < scenario->crosses->len; c++) {
                for (unsigned m = 0; m < scenario->methods->len; m++) {
                    PlannedRun run = { g, w, c, m, repetition, 0 };

                    g_array_append_val(runs, run);
                }
            }
        }
    }
}

GArray *
experiment_plan(const Scenario *scenario, uint64_t seed)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(PlannedRun));

    for (unsigned r = 1; r <= scenario->repetitions; r++) {
        guint first = runs->len;

        add_repetition(runs, scenario, r);
        shuffle(&g_array_index(runs, PlannedRun, first), runs->len - first,
                seed, r);
        for (guint i = first; i < runs->len; i++) {
            g_array_index(runs, PlannedRun, i).order = i - first + 1;
        }
    }
    return runs;
}

/* "6MiB/s" is no part of a file name. */
static void
append_word(GString *name, const char *word)
{
    g_string_append_c(name, '-');
    for (; *word; word++) {
        g_string_append_c(name,
                          g_ascii_isalnum(*word) || *word == '.' ? *word : '_');
    }
}

char *
planned_cell_name(const Scenario *scenario, const PlannedRun *run)
{
    GString *name = g_string_new(NULL);

    append_word(
        name, g_array_index(scenario->guests, ScenarioGuest, run->guest).name);
    append_word(name,
                g_array_index(scenario->wires, ScenarioWire, run->wire).name);
    append_word(
        name, g_array_index(scenario->crosses, ScenarioCross, run->cross).name);
    g_string_erase(name, 0, 1);
    return g_string_free(name, FALSE);
}

char *
planned_run_name(const Scenario *scenario, const PlannedRun *run)
{
    g_autofree char *cell = planned_cell_name(scenario, run);
    GString *name = g_string_new(NULL);

    g_string_append_printf(name, "r%02u-%s", run->repetition, cell);
    append_word(
        name,
        g_array_index(scenario->methods, ScenarioMethod, run->method).name);
    return g_string_free(name, FALSE);
}
