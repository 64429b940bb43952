/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-plan.c - every combination once a repetition, in an order by seed
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/plan.h"
#include "experiment/progress-line.h"

static Scenario *
scenario_of(const char *repetitions)
{
    g_autofree char *text =
        g_strdup_printf("[scenario]\nwires = 50mbit, 6MiB/s\n"
                        "methods = virsh, static-htb, default\n"
                        "repetitions = %s\n[guest a]\n[guest b]\n",
                        repetitions);
    Scenario *scenario = scenario_parse(text, strlen(text), "t", NULL);

    cr_assert(scenario);
    return scenario;
}

Test(plan, has_each_combination_once_a_repetition)
{
    g_autoptr(Scenario) scenario = scenario_of("3");
    g_autoptr(GArray) plan = experiment_plan(scenario, 5);
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    cr_assert_eq(plan->len, 3 * 2 * 2 * 3);
    for (guint i = 0; i < plan->len; i++) {
        const PlannedRun *run = &g_array_index(plan, PlannedRun, i);

        cr_assert_eq(run->repetition, i / 12 + 1);
        cr_assert_eq(run->order, i % 12 + 1);
        cr_assert(g_hash_table_add(seen, planned_run_name(scenario, run)));
    }
}

static char *
order_of(const char *repetitions, uint64_t seed, guint first, guint n)
{
    g_autoptr(Scenario) scenario = scenario_of(repetitions);
    g_autoptr(GArray) plan = experiment_plan(scenario, seed);
    GString *order = g_string_new(NULL);

    for (guint i = first; i < first + n; i++) {
        const PlannedRun *run = &g_array_index(plan, PlannedRun, i);

        g_string_append_printf(order, "%u%u%u ", run->guest, run->wire,
                               run->method);
    }
    return g_string_free(order, FALSE);
}

Test(plan, depends_on_seed_and_repetition_alone)
{
    g_autofree char *one = order_of("2", 5, 0, 12);
    g_autofree char *longer = order_of("9", 5, 0, 12);
    g_autofree char *second = order_of("2", 5, 12, 12);
    g_autofree char *other = order_of("2", 6, 0, 12);

    cr_assert_str_eq(one, longer, "an experiment can be continued");
    cr_assert_str_neq(one, second);
    cr_assert_str_neq(one, other);
}

Test(plan, names_are_file_names)
{
    g_autoptr(Scenario) scenario = scenario_of("1");
    PlannedRun run = { .guest = 1, .wire = 1, .method = 1, .repetition = 7 };
    g_autofree char *name = planned_run_name(scenario, &run);

    cr_assert_str_eq(name, "r07-b-6MiB_s-none-static_htb");
}

Test(progress, is_a_bar_with_what_is_going_on)
{
    const ProgressLine line = { .done = 9,
                                .total = 36,
                                .left = "20 min left, over at 14:32",
                                .run = "r02-a-50mbit-none-virsh",
                                .step = "migrates",
                                .step_s = 7 };
    const ProgressLine first = { .total = 3 };
    const ProgressLine all = { .done = 5, .total = 4 };
    g_autofree char *text = progress_line(&line, 200);
    g_autofree char *narrow = progress_line(&line, 60);
    g_autofree char *none = progress_line(&first, 200);
    g_autofree char *over = progress_line(&all, 200);

    cr_assert_str_eq(text, "[#####               ] 9 of 36, 20 min left, over "
                           "at 14:32  r02-a-50mbit-none-virsh: migrates 7 s");
    cr_assert_str_eq(none, "[                    ] 0 of 3");
    cr_assert_eq(strlen(narrow), 60);
    cr_assert(g_str_has_prefix(text, narrow), "what is going on goes first");
    cr_assert_str_eq(over, "[####################] 4 of 4");
}
