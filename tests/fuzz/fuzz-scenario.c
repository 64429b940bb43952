/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-scenario.c - scenarios as people write them
 *
 * One that is refused says in which line. One that is taken has a plan: every
 * combination once a repetition, each run with a name that is a file name and
 * that no other has; and it has no doubts but in a line of its own.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "experiment/plan.h"

#define MOST_RUNS 3000 /* more only take time */

static void
check_refusal(const GError *error)
{
    char *end = NULL;

    FUZZ_CHECK(error && error->domain == SCENARIO_ERROR);
    FUZZ_CHECK(g_str_has_prefix(error->message, "f:"));
    FUZZ_CHECK(g_ascii_strtoull(error->message + 2, &end, 10) > 0);
    FUZZ_CHECK(g_str_has_prefix(end, ": "));
}

static void
check_plan(const Scenario *scenario)
{
    guint64 cells = (guint64)scenario->guests->len * scenario->wires->len *
                    scenario->crosses->len * scenario->methods->len;
    g_autoptr(GHashTable) names = NULL;
    g_autoptr(GArray) plan = NULL;

    FUZZ_CHECK(cells > 0);
    if (cells * scenario->repetitions > MOST_RUNS) {
        return;
    }
    plan = experiment_plan(scenario, 1);
    FUZZ_CHECK(plan->len == cells * scenario->repetitions);
    names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < plan->len; i++) {
        char *name =
            planned_run_name(scenario, &g_array_index(plan, PlannedRun, i));

        FUZZ_CHECK(*name && *name != '.' && !strchr(name, '/'));
        FUZZ_CHECK(g_hash_table_add(names, name));
    }
}

/* Results lie in a folder of that name. */
static void
check_name(const Scenario *scenario)
{
    FUZZ_CHECK(*scenario->name && *scenario->name != '.' &&
               !strchr(scenario->name, '/'));
}

static void
check_doubts(const Scenario *scenario)
{
    g_autoptr(GPtrArray) doubts = scenario_doubts(scenario, "f");

    for (guint i = 0; i < doubts->len; i++) {
        const char *doubt = g_ptr_array_index(doubts, i);
        char *end = NULL;

        FUZZ_CHECK(g_str_has_prefix(doubt, "f:"));
        FUZZ_CHECK(g_ascii_strtoull(doubt + 2, &end, 10) > 0);
        FUZZ_CHECK(g_str_has_prefix(end, ": ["));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Scenario) scenario =
        scenario_parse((const char *)data, size, "f", &error);

    if (!scenario) {
        check_refusal(error);
        return 0;
    }
    FUZZ_CHECK(!error);
    check_name(scenario);
    check_doubts(scenario);
    check_plan(scenario);
    return 0;
}
