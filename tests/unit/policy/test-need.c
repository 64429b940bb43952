/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-need.c - synthetic traffic: constant, bursts, ramps, silence, noise
 */
#include <criterion/criterion.h>
#include <math.h>

#include "policy/need.h"

#define MBIT 125000.0
#define LINK_RATE (100 * MBIT)
#define STEP_S 0.25

/* A guest whose traffic is a function of time; read four times a second. */
typedef struct Guest {
    Need *need;
    double at_s, bytes;
    unsigned flips;
    bool intensive;
    double forecast; /* need when it was last read */
} Guest;

static Guest
guest_new(void)
{
    NeedSettings settings;
    Guest guest = { 0 };

    need_settings_init(&settings, LINK_RATE);
    guest.need = need_new(&settings);
    need_add(guest.need, 0, 0.0, false);
    return guest;
}

static void
run(Guest *guest, double duration_s, double rate, bool limited)
{
    double until_s = guest->at_s + duration_s;

    while (guest->at_s < until_s - 1e-9) {
        NeedState state;

        guest->at_s += STEP_S;
        guest->bytes += rate * STEP_S;
        need_add(guest->need, (int64_t)(guest->at_s * 1e6), guest->bytes,
                 limited);
        need_state(guest->need, &state);
        guest->flips += state.intensive != guest->intensive;
        guest->intensive = state.intensive;
        guest->forecast = known_or(state.need_bytes_s, 0.0);
    }
}

Test(need, nothing_is_said_before_a_second)
{
    Guest guest = guest_new();
    NeedState state;

    run(&guest, 0.75, 50 * MBIT, false);
    need_state(guest.need, &state);
    cr_assert_not(state.mean_bytes_s.known);
    cr_assert_not(state.need_bytes_s.known);
    cr_assert_not(state.intensive);
    run(&guest, 0.25, 50 * MBIT, false);
    need_state(guest.need, &state);
    cr_assert(state.need_bytes_s.known);
    need_free(guest.need);
}

Test(need, steady_traffic_needs_what_it_is)
{
    Guest guest = guest_new();

    run(&guest, 30.0, 20 * MBIT, false);
    cr_assert(guest.intensive);
    cr_assert_eq(guest.flips, 1);
    cr_assert_float_eq(guest.forecast / MBIT, 20.0, 0.01);
    need_free(guest.need);
}

Test(need, recognised_within_seconds)
{
    Guest guest = guest_new();

    run(&guest, 5.0, 30 * MBIT, false);
    cr_assert(guest.intensive);
    need_free(guest.need);
}

/* Six seconds of 40 Mbit/s a minute: the class holds the burst. */
Test(need, bursts_are_not_cut_to_their_average)
{
    Guest guest = guest_new();

    for (unsigned minute = 0; minute < 5; minute++) {
        run(&guest, 10.0, 40 * MBIT, false);
        run(&guest, 20.0, 2 * MBIT, false);
    }
    cr_assert_geq(guest.forecast, 30 * MBIT, "%.1f", guest.forecast / MBIT);
    cr_assert_leq(guest.forecast, 40 * MBIT + 1);
    need_free(guest.need);
}

/* The mean passes both bounds, every time; the verdict does not follow. */
Test(need, does_not_flap_on_bursts)
{
    Guest guest = guest_new();

    for (unsigned i = 0; i < 20; i++) {
        run(&guest, 15.0, 25 * MBIT, false);
        run(&guest, 15.0, 1 * MBIT, false);
    }
    cr_assert(guest.intensive);
    cr_assert_eq(guest.flips, 1);
    need_free(guest.need);
}

/* Around Thr, with noise: it changes its mind once at most. */
Test(need, does_not_flap_at_the_threshold)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (unsigned seed = 0; seed < 20; seed++) {
        Guest guest = guest_new();

        for (unsigned i = 0; i < 600; i++) {
            run(&guest, 1.0, g_rand_double_range(rand, 5, 15) * MBIT, false);
        }
        cr_assert_leq(guest.flips, 1);
        need_free(guest.need);
    }
}

/* A ramp of half a Mbit/s a second: the level lags behind by 2.5, the need
 * does not. */
Test(need, follows_a_ramp)
{
    Guest guest = guest_new();

    for (double rate = 5.0; rate <= 60.0; rate += 0.5) {
        run(&guest, 1.0, rate * MBIT, false);
        if (rate > 10.0) {
            cr_assert_geq(guest.forecast, (rate - 0.6) * MBIT, "%.1f at %.1f",
                          guest.forecast / MBIT, rate);
            cr_assert_leq(guest.forecast, (rate + 0.1) * MBIT);
        }
    }
    need_free(guest.need);
}

Test(need, silence_is_forgotten_into)
{
    Guest guest = guest_new();

    run(&guest, 60.0, 30 * MBIT, false);
    cr_assert(guest.intensive);
    run(&guest, 20.0, 0.0, false);
    cr_assert(guest.intensive); /* not yet: it may only pause */
    run(&guest, 100.0, 0.0, false);
    cr_assert_not(guest.intensive);
    cr_assert_lt(guest.forecast, 0.01 * MBIT);
    cr_assert_eq(guest.flips, 2);
    need_free(guest.need);
}

/* Noise: nine bins of ten lie below what is forecast. */
Test(need, covers_as_much_as_it_says)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    Guest guest = guest_new();
    unsigned below = 0, n = 2000;

    run(&guest, 60.0, 20 * MBIT, false);
    for (unsigned i = 0; i < n; i++) {
        double rate = 20 * MBIT * -log(1.0 - g_rand_double(rand));
        double forecast = guest.forecast;

        run(&guest, 1.0, rate, false);
        below += rate <= forecast;
    }
    cr_assert_geq(below, 0.84 * n, "%u of %u", below, n);
    cr_assert_leq(below, 0.95 * n, "%u of %u", below, n);
    need_free(guest.need);
}

/* Held at 10 Mbit/s it is asked what more would do. */
Test(need, what_is_held_back_asks_for_more)
{
    Guest guest = guest_new();
    double least;

    run(&guest, 20.0, 30 * MBIT, false);
    run(&guest, 20.0, 10 * MBIT, true);
    cr_assert_geq(guest.forecast, 30 * MBIT);
    least = guest.forecast;
    run(&guest, 20.0, 45 * MBIT, true);
    cr_assert_geq(guest.forecast, 1.2 * 45 * MBIT);
    cr_assert_gt(guest.forecast, least);
    run(&guest, 90.0, 45 * MBIT, false);
    cr_assert_float_eq(guest.forecast / MBIT, 45.0, 0.5);
    need_free(guest.need);
}

Test(need, configuration_has_the_last_word)
{
    NeedSettings settings;
    Guest guest = guest_new();
    NeedState state;

    need_settings_init(&settings, LINK_RATE);
    run(&guest, 60.0, 30 * MBIT, false);
    settings.fixed_bytes_s = known(7 * MBIT);
    need_configure(guest.need, &settings);
    run(&guest, 200.0, 0.0, false);
    need_state(guest.need, &state);
    cr_assert(state.intensive);
    cr_assert_float_eq(state.need_bytes_s.value / MBIT, 7.0, 0.001);
    need_free(guest.need);
}

/* Counters that are reset, run backwards, stand still or are nonsense. */
Test(need, absurd_counters)
{
    Guest guest = guest_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    NeedState state;

    run(&guest, 10.0, 30 * MBIT, false);
    need_add(guest.need, 11000000, 5.0, false); /* an interface came anew */
    need_state(guest.need, &state);
    cr_assert_not(state.need_bytes_s.known);
    need_add(guest.need, 10000000, 1e12, false); /* the past */
    need_add(guest.need, 12000000, NAN, false);
    need_add(guest.need, 12000000, 5.0 + MBIT, false);
    need_state(guest.need, &state);
    cr_assert_float_eq(state.need_bytes_s.value, MBIT, 1.0);

    for (unsigned i = 0; i < 20000; i++) {
        int64_t at_us = 12000000 + g_rand_int_range(rand, -10, 1000) * 100000;

        need_add(guest.need, at_us, g_rand_double_range(rand, -1e15, 1e15),
                 g_rand_boolean(rand));
        need_state(guest.need, &state);
        cr_assert(!state.need_bytes_s.known ||
                  (isfinite(state.need_bytes_s.value) &&
                   state.need_bytes_s.value >= 0.0));
    }
    need_free(guest.need);
}

/* How often it is read does not matter. */
Test(need, any_rhythm_gives_the_same)
{
    NeedSettings settings;
    double needs[3];

    need_settings_init(&settings, LINK_RATE);
    for (unsigned k = 0; k < 3; k++) {
        static const int64_t every_us[] = { 100000, 500000, 1000000 };
        g_autoptr(Need) need = need_new(&settings);
        NeedState state;

        /* 5 s of 30, 5 s of 10 */
        for (int64_t at_us = 0; at_us <= 60000000; at_us += every_us[k]) {
            double at_s = (double)at_us / 1e6;
            double whole = floor(at_s / 10.0), part = at_s - whole * 10.0;

            need_add(need, at_us,
                     MBIT * (whole * 200.0 + 30.0 * fmin(part, 5.0) +
                             10.0 * fmax(part - 5.0, 0.0)),
                     false);
        }
        need_state(need, &state);
        needs[k] = state.need_bytes_s.value;
    }
    cr_assert_float_eq(needs[0], needs[1], 1.0);
    cr_assert_float_eq(needs[0], needs[2], 1.0);
}
