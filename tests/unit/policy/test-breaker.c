/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-breaker.c - falling back a level at a time, and coming back
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "policy/breaker.h"

static Breaker *
closed(void)
{
    BreakerSettings settings;

    breaker_settings_init(&settings);
    g_assert(breaker_settings_check(&settings, NULL));
    return breaker_new(&settings);
}

static const BreakerRun good = { 8, 7, { true, 0.99 } };
static const BreakerRun wrong = { 8, 2, { true, 0.99 } }; /* forecasts */
static const BreakerRun weak = { 8, 7, { true, 0.6 } };   /* reservation */
static const BreakerRun mute = { 0, 0, { false, 0.0 } };

/* Return: how many runs until the level changed, 0: not within @most */
static unsigned
until_change(Breaker *breaker, const BreakerRun *run, unsigned most,
             BreakerState *state)
{
    for (unsigned i = 1; i <= most; i++) {
        breaker_add(breaker, run, state);
        if (state->changed) {
            return i;
        }
    }
    return 0;
}

Test(breaker, good_runs_change_nothing)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    cr_assert_eq(until_change(breaker, &good, 200, &state), 0);
    cr_assert_eq(state.level, BREAKER_STEER);
    cr_assert_float_eq(state.coverage.value, 7.0 / 8.0, 1e-9);
    cr_assert_eq(state.kept.value, 1.0);
    cr_assert_eq(state.runs, 10);
}

/* "other bounds in the file held after a restart only" */
Test(breaker, other_bounds_hold_at_once)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerSettings settings;
    BreakerState state;

    cr_assert_eq(until_change(breaker, &weak, 3, &state), 0);
    breaker_settings_init(&settings);
    settings.reserved_least = 0.5; /* which these runs keep */
    breaker_configure(breaker, &settings);
    cr_assert_eq(until_change(breaker, &weak, 50, &state), 0);
    settings.reserved_least = 0.9;
    breaker_configure(breaker, &settings);
    cr_assert_eq(until_change(breaker, &weak, 50, &state), 1);
}

Test(breaker, wrong_forecasts_fall_back_twice_with_alerts)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    until_change(breaker, &good, 10, &state);
    cr_assert_geq(until_change(breaker, &wrong, 20, &state), 4);
    cr_assert_eq(state.level, BREAKER_LAST);
    cr_assert(state.alert);
    cr_assert(strstr(state.reason, "came true"));
    cr_assert_eq(until_change(breaker, &wrong, 20, &state), 4);
    cr_assert_eq(state.level, BREAKER_OBSERVE);
    cr_assert(state.alert);
    cr_assert_eq(until_change(breaker, &wrong, 50, &state), 0);
    cr_assert_eq(state.level, BREAKER_OBSERVE);
}

Test(breaker, weak_reservations_count_alike)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    cr_assert_eq(until_change(breaker, &weak, 20, &state), 4);
    cr_assert_eq(state.level, BREAKER_LAST);
    cr_assert(strstr(state.reason, "reservations held"));
    until_change(breaker, &weak, 20, &state);
    cr_assert_eq(state.level, BREAKER_OBSERVE);
    /* nothing is reserved there: forecasts alone bring it back */
    cr_assert_eq(until_change(breaker, &weak, 20, &state), 5);
    cr_assert_eq(state.level, BREAKER_LAST);
}

Test(breaker, one_bad_run_is_not_enough)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    for (unsigned i = 0; i < 100; i++) {
        breaker_add(breaker, i % 3 ? &good : &wrong, &state);
        cr_assert_not(state.changed, "%u: %s", i, state.reason);
    }
    for (unsigned i = 0; i < 100; i++) {
        breaker_add(breaker, i % 5 ? &good : &weak, &state);
        cr_assert_not(state.changed, "%u: %s", i, state.reason);
    }
}

Test(breaker, comes_back_a_level_at_a_time_without_alert)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    until_change(breaker, &wrong, 20, &state);
    until_change(breaker, &wrong, 20, &state);
    cr_assert_eq(until_change(breaker, &good, 50, &state), 5);
    cr_assert_eq(state.level, BREAKER_LAST);
    cr_assert_not(state.alert);
    cr_assert_eq(until_change(breaker, &good, 50, &state), 5);
    cr_assert_eq(state.level, BREAKER_STEER);
    cr_assert(strstr(state.reason, "decide again"));
}

/* It does not flap: each relapse takes twice as long, up to a bound. */
Test(breaker, relapses_take_longer)
{
    static const unsigned wanted[] = { 5, 10, 20, 40, 40, 40 };
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        cr_assert_eq(until_change(breaker, &wrong, 20, &state), 4);
        cr_assert_eq(until_change(breaker, &good, 100, &state), wanted[i]);
    }
    /* and is forgiven */
    cr_assert_eq(until_change(breaker, &good, 100, &state), 0);
    until_change(breaker, &wrong, 20, &state);
    cr_assert_eq(until_change(breaker, &good, 100, &state), 5);
}

/* Random runs of true coverage 0.8 hardly ever trip it. */
Test(breaker, chance_does_not_trip_it)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(31);
    unsigned trips = 0;

    for (unsigned link = 0; link < 200; link++) {
        g_autoptr(Breaker) breaker = closed();
        BreakerState state;

        for (unsigned i = 0; i < 100; i++) {
            BreakerRun run = { .forecasts =
                                   (unsigned)g_rand_int_range(rand, 2, 12) };

            for (unsigned k = 0; k < run.forecasts; k++) {
                run.covered += g_rand_double(rand) < 0.8;
            }
            breaker_add(breaker, &run, &state);
            trips += state.alert;
        }
    }
    cr_assert_leq(trips, 4, "%u in 20000 runs", trips);
}

Test(breaker, runs_that_show_nothing_are_none)
{
    g_autoptr(Breaker) breaker = closed();
    BreakerState state;

    cr_assert_eq(until_change(breaker, &mute, 50, &state), 0);
    cr_assert_eq(state.runs, 0);
    cr_assert_not(state.coverage.known);
    until_change(breaker, &wrong, 20, &state);
    until_change(breaker, &mute, 50, &state);
    cr_assert_eq(state.level, BREAKER_LAST);
}

/* A restart in between makes no difference. */
Test(breaker, survives_a_restart)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(32);
    g_autoptr(Breaker) one = closed();
    g_autoptr(Breaker) two = closed();
    BreakerSettings settings;
    unsigned changes = 0;

    breaker_settings_init(&settings);
    for (unsigned i = 0; i < 600; i++) {
        bool bad_times = i / 40 % 2;
        BreakerRun run = { .forecasts =
                               (unsigned)g_rand_int_range(rand, 0, 12) };
        g_autoptr(JsonObject) json = breaker_to_json(two);
        g_autofree char *text = jobj_to_text(json, false);
        g_autoptr(JsonObject) read = jobj_parse(text, strlen(text), NULL);
        BreakerState a, b;

        breaker_free(two);
        two = breaker_from_json(read, &settings, NULL);
        cr_assert_not_null(two);
        for (unsigned k = 0; k < run.forecasts; k++) {
            run.covered += g_rand_double(rand) < (bad_times ? 0.3 : 0.9);
        }
        if (g_rand_boolean(rand)) {
            run.reserved = known(g_rand_double_range(rand, 0.85, 1.1));
        }
        breaker_add(one, &run, &a);
        breaker_add(two, &run, &b);
        changes += a.changed;
        cr_assert_eq(a.level, b.level);
        cr_assert_eq(a.changed, b.changed);
        cr_assert_eq(a.good, b.good);
        cr_assert_eq(a.needed, b.needed);
        cr_assert_str_eq(a.reason, b.reason);
    }
    cr_assert_gt(changes, 4);
}

Test(breaker, absurd_states_are_refused)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"level\":\"open\",\"good\":0,\"needed\":5,\"returned\":false,"
        "\"reason\":\"\",\"runs\":[]}",
        "{\"level\":\"steer\",\"good\":-1,\"needed\":5,\"returned\":false,"
        "\"reason\":\"\",\"runs\":[]}",
        "{\"level\":\"steer\",\"good\":0,\"needed\":5,\"returned\":false,"
        "\"reason\":\"\",\"runs\":{}}",
        "{\"level\":\"steer\",\"good\":0,\"needed\":5,\"returned\":false,"
        "\"reason\":\"\",\"runs\":[{\"forecasts\":1,\"covered\":2}]}",
        "{\"level\":\"steer\",\"good\":0,\"needed\":5,\"returned\":false,"
        "\"reason\":\"\",\"runs\":[null]}",
    };
    BreakerSettings settings;

    breaker_settings_init(&settings);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(JsonObject) json =
            jobj_parse(texts[i], strlen(texts[i]), NULL);
        g_autoptr(GError) error = NULL;

        cr_assert_null(breaker_from_json(json, &settings, &error), "%s",
                       texts[i]);
        cr_assert(g_error_matches(error, BREAKER_ERROR, BREAKER_ERROR_STATE));
    }
}

Test(breaker, settings_out_of_range)
{
    BreakerSettings settings;

    breaker_settings_init(&settings);
    settings.window = 65;
    cr_assert_not(breaker_settings_check(&settings, NULL));
    breaker_settings_init(&settings);
    settings.coverage_least = NAN;
    cr_assert_not(breaker_settings_check(&settings, NULL));
    breaker_settings_init(&settings);
    settings.close_after = 0;
    cr_assert_not(breaker_settings_check(&settings, NULL));
    breaker_settings_init(&settings);
    settings.least_runs = 11;
    cr_assert_not(breaker_settings_check(&settings, NULL));
}
