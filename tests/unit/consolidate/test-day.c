/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-day.c - the whole manager on a day of processor use, beside the planner's
 * own rules in plan/simulate.c on the same traces and meters
 */
#include <criterion/criterion.h>

#include "consolidate/world.h"
#include "fixture.h"

#define GUESTS 120
#define STEPS 288
#define HOSTS 90
#define DAY_US (86400 * INT64_C(1000000))

/* Guests like PlanetLab's: little for most of the time, with hills and peaks */
static PlanTraces *
make_traces(uint64_t seed)
{
    PlanTraces *traces = g_new0(PlanTraces, 1);
    GRand *random = g_rand_new_with_seed((guint32)seed);

    traces->n_guests = GUESTS;
    traces->n_steps = STEPS;
    traces->percent = g_new0(uint8_t, GUESTS * STEPS);
    traces->hash = g_new0(uint64_t, GUESTS);
    for (size_t g = 0; g < GUESTS; g++) {
        double level = g_rand_double_range(random, 2, 25);

        for (size_t i = 0; i < STEPS; i++) {
            double peak = g_rand_double(random) < 0.02
                              ? g_rand_double_range(random, 20, 60)
                              : 0;

            level += g_rand_double_range(random, -3, 3);
            level = CLAMP(level, 1, 40);
            traces->percent[g * STEPS + i] = (uint8_t)MIN(100, level + peak);
        }
    }
    g_rand_free(random);
    return traces;
}

static ConsSimulatorFigures
manage(const PlanTraces *traces, bool memory_counts)
{
    g_autoptr(ConsSettings) settings = cons_settings_new();
    g_autoptr(ConsWorld) world =
        cons_world_cloudsim(settings, traces, HOSTS, memory_counts, NULL);
    g_autoptr(ConsSimulator) simulator = NULL;
    g_autoptr(ConsManager) manager = NULL;
    g_autofree char *asleep = NULL;
    int64_t start_us;

    cr_assert(world);
    cons_world_cloudsim_settings(settings);
    settings->mode = CONS_MODE_AUTO;
    start_us = world->cluster->at_us;
    simulator = cons_world_simulator(settings, world, traces, 1);
    manager = cons_manager_new(settings, cons_simulator_backend(), simulator);
    asleep = cons_world_asleep(world->cluster);
    cr_assert(cons_manager_restore(manager, asleep, NULL));
    if (!memory_counts) {
        cons_world_frame(simulator, traces);
    }
    cons_simulator_set_manager(simulator, manager);
    cons_manager_start(manager);
    cons_simulator_run(simulator, start_us + DAY_US, 0);
    cons_simulator_set_manager(simulator, NULL);
    return cons_simulator_figures(simulator);
}

Test(day, the_manager_is_as_good_as_the_planners_own_rules)
{
    PlanSimulateQuery query = { .rules = PLAN_SIMULATE_CLOUDSIM,
                                .n_hosts = HOSTS };
    double kwh = 0, rules_kwh = 0, late = 0, rules_late = 0;
    uint64_t moves = 0, rules_moves = 0;

    for (uint64_t seed = 1; seed <= 2; seed++) {
        g_autoptr(PlanTraces) traces = make_traces(seed);
        PlanSimulation rules = plan_simulate(traces, &query);
        ConsSimulatorFigures figures = manage(traces, false);

        kwh += figures.energy_kwh;
        rules_kwh += rules.energy_kwh;
        moves += figures.migrations;
        rules_moves += rules.migrations;
        late += figures.overloaded_share;
        rules_late += rules.slatah;
        cr_assert_eq(figures.failed, 0);
    }
    /* 120 guests are few: a host more or less is some percent */
    cr_assert(kwh <= 1.05 * rules_kwh && late <= rules_late &&
                  moves <= rules_moves,
              "%g kWh, %" G_GUINT64_FORMAT " moves, SLATAH %g; the rules have "
              "%g kWh, %" G_GUINT64_FORMAT " moves, %g",
              kwh, moves, late, rules_kwh, rules_moves, rules_late);
}

/* Where memory fills the hosts the two meter the same, to the watt-hour. */
Test(day, standing_still_costs_the_same_in_both)
{
    g_autoptr(PlanTraces) traces = make_traces(3);
    PlanSimulateQuery query = { .rules = PLAN_SIMULATE_HONEST,
                                .stay = true,
                                .n_hosts = HOSTS };
    PlanSimulation rules = plan_simulate(traces, &query);
    g_autoptr(ConsSettings) settings = cons_settings_new();
    g_autoptr(ConsWorld) world =
        cons_world_cloudsim(settings, traces, HOSTS, true, NULL);
    g_autoptr(ConsSimulator) simulator =
        cons_world_simulator(settings, world, traces, 1);

    cons_simulator_run(simulator, world->cluster->at_us + DAY_US, 0);
    cr_assert_float_eq(cons_simulator_figures(simulator).energy_kwh,
                       rules.energy_kwh, 0.002 * rules.energy_kwh);
}

Test(day, the_example_says_what_is_built_in)
{
    g_autofree char *text = NULL;
    g_autoptr(ConsSettings) built_in = cons_settings_new();
    g_autoptr(ConsSettings) s = NULL;

    cr_assert(g_file_get_contents(EXAMPLE, &text, NULL, NULL));
    s = fixture_settings(text);
    cons_world_cloudsim_settings(built_in);
    cr_assert_eq(s->mode, CONS_MODE_AUTO);
    cr_assert_float_eq(s->cycle_s, built_in->cycle_s, 1e-9);
    cr_assert_float_eq(s->reserve_cpu, built_in->reserve_cpu, 1e-9);
    cr_assert_float_eq(s->reserve_memory, built_in->reserve_memory, 1e-9);
    cr_assert_eq(s->overload, built_in->overload);
    cr_assert_float_eq(s->overload_factor, built_in->overload_factor, 1e-9);
    cr_assert_eq(s->overload_k, built_in->overload_k);
    cr_assert_eq(s->overload_n, built_in->overload_n);
    cr_assert_float_eq(s->underload, built_in->underload, 1e-9);
    cr_assert_eq(s->underload_k, built_in->underload_k);
    cr_assert_eq(s->underload_n, built_in->underload_n);
    cr_assert_float_eq(s->wake_above, built_in->wake_above, 1e-9);
    cr_assert_float_eq(s->wake_above_memory, built_in->wake_above_memory, 1e-9);
    cr_assert_eq(s->demand, built_in->demand);
    cr_assert_float_eq(s->window_s, built_in->window_s, 1e-9);
    cr_assert_float_eq(s->cool_down_s, built_in->cool_down_s, 1e-9);
    cr_assert_float_eq(s->no_return_s, built_in->no_return_s, 1e-9);
    cr_assert_eq(s->moves_per_hour, built_in->moves_per_hour);
    cr_assert_eq(s->parallel, built_in->parallel);
}
