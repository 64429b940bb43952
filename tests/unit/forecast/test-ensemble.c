/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ensemble.c - weights, overshoot and interval, without any member
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "forecast/ensemble.h"

static Opinion
says(double log_pages)
{
    return (Opinion){ .any = true, .log_pages = log_pages, .factor = 1.0 };
}

Test(ensemble, nothing_is_combined_before_a_score)
{
    Opinion opinions[2] = { says(1.0), says(2.0) };
    Combination combination;
    Ensemble ensemble;

    ensemble_init(&ensemble, 2);
    cr_assert_not(ensemble_ready(&ensemble));
    cr_assert_not(ensemble_combine(&ensemble, opinions, &combination));
    ensemble_learn(&ensemble, opinions, 1.5);
    cr_assert(ensemble_ready(&ensemble));
    cr_assert(ensemble_combine(&ensemble, opinions, &combination));
    cr_assert_float_eq(combination.log_pages, 1.5, 1e-9);
    cr_assert_float_eq(combination.spread, 0.25, 1e-9);
}

Test(ensemble, who_was_right_has_the_say)
{
    Opinion opinions[3] = { says(7.05), says(7.5), { 0 } };
    Combination combination;
    Ensemble ensemble;

    ensemble_init(&ensemble, 3);
    for (int i = 0; i < 10; i++) {
        ensemble_learn(&ensemble, opinions, 7.0);
    }
    cr_assert(ensemble_combine(&ensemble, opinions, &combination));
    cr_assert_float_eq(combination.log_pages, 7.05, 0.01);
    cr_assert_eq(ensemble.members[2].weight, 0.0, "it never spoke");

    /* and loses it when it is wrong a few times */
    for (int i = 0; i < 10; i++) {
        ensemble_learn(&ensemble, opinions, 7.5);
    }
    cr_assert(ensemble_combine(&ensemble, opinions, &combination));
    cr_assert_float_eq(combination.log_pages, 7.5, 0.05);

    /* who does not answer this question has no say in it */
    opinions[1].any = false;
    cr_assert(ensemble_combine(&ensemble, opinions, &combination));
    cr_assert_float_eq(combination.log_pages, 7.05, 1e-9);
    opinions[0].factor = 0.0;
    cr_assert_not(ensemble_combine(&ensemble, opinions, &combination));
}

/* One wild error is no reason to never listen again. */
Test(ensemble, errors_are_capped)
{
    Opinion opinions[2] = { says(7.0), says(7.4) };
    Combination combination;
    Ensemble ensemble;

    ensemble_init(&ensemble, 2);
    opinions[0].log_pages = -1000.0;
    ensemble_learn(&ensemble, opinions, 7.0);
    opinions[0].log_pages = 7.0;
    for (int i = 0; i < 12; i++) {
        ensemble_learn(&ensemble, opinions, 7.0);
    }
    cr_assert(ensemble_combine(&ensemble, opinions, &combination));
    cr_assert_lt(combination.log_pages, 7.05);
}

/* Errors that alternate are taken back, those that stay are not. */
Test(ensemble, overshoot)
{
    Ensemble alternating, steady;

    ensemble_init(&alternating, 1);
    ensemble_init(&steady, 1);
    for (int i = 0; i < 40; i++) {
        double plain = i % 2 ? 0.2 : -0.2;

        ensemble_learn_own(&alternating,
                           plain - ensemble_overshoot(&alternating), 1.0, 0.2);
        ensemble_learn_own(&steady, 0.2 - ensemble_overshoot(&steady), 1.0,
                           0.2);
    }
    /* the newest was +0.2, so -0.2 is due: 0.4 of it is foreseen, no more */
    cr_assert_float_eq(ensemble_overshoot(&alternating), -0.08, 1e-3);
    cr_assert_eq(ensemble_overshoot(&steady), 0.0);
}

/* Whatever the errors are like, four of five fall into the interval, and a few
 * more to make up for what cannot be foreseen. */
typedef struct {
    char what[24];
    double scale; /* of the normal part */
    double wild;  /* share of errors ten times as large */
    double drift; /* factor on the scale from first to last */
} NoiseCase;

ParameterizedTestParameters(ensemble, interval)
{
    static NoiseCase cases[] = {
        { "normal", 0.15, 0.0, 1.0 },  { "tiny", 0.01, 0.0, 1.0 },
        { "large", 0.6, 0.0, 1.0 },    { "heavy tails", 0.05, 0.1, 1.0 },
        { "growing", 0.05, 0.0, 6.0 }, { "shrinking", 0.3, 0.0, 0.1 },
    };

    return cr_make_param_array(NoiseCase, cases, G_N_ELEMENTS(cases));
}

static double
normal(GRand *rand)
{
    double u = g_rand_double_range(rand, 1e-12, 1.0);

    return sqrt(-2.0 * log(u)) * cos(2.0 * G_PI * g_rand_double(rand));
}

ParameterizedTest(NoiseCase *noise, ensemble, interval)
{
    enum { STEPS = 600, SETTLED = 60 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    unsigned inside = 0;
    Ensemble ensemble;

    ensemble_init(&ensemble, 1);
    for (int i = 0; i < STEPS; i++) {
        double error =
            noise->scale * pow(noise->drift, (double)i / STEPS) * normal(rand);
        double sd = ensemble_sd(&ensemble);

        error *= g_rand_double(rand) < noise->wild ? 10.0 : 1.0;
        if (i >= SETTLED) {
            inside += fabs(error) <= ensemble_half_width(&ensemble, sd);
        }
        ensemble_learn_own(&ensemble, error, 1.0, sd);
    }
    cr_assert_float_eq((double)inside / (STEPS - SETTLED), 0.82, 0.05, "%s: %g",
                       noise->what, (double)inside / (STEPS - SETTLED));
}
