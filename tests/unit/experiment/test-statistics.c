/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-statistics.c - medians, bounds and the bootstrap, by hand and by seed
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "experiment/random.h"
#include "experiment/statistics.h"

#define EXACT(x)                                                               \
    {                                                                          \
        x, BOUND_EXACT                                                         \
    }
#define LEAST(x)                                                               \
    {                                                                          \
        x, BOUND_AT_LEAST                                                      \
    }
#define MOST(x)                                                                \
    {                                                                          \
        x, BOUND_AT_MOST                                                       \
    }

/* Outputs of the published generator for seed 0. */
Test(random, is_splitmix64)
{
    Random random = { 0 };

    cr_assert_eq(random_next(&random), UINT64_C(0xe220a8397b1dcdaf));
    cr_assert_eq(random_next(&random), UINT64_C(0x6e789e6aa1b965f4));
    cr_assert_eq(random_next(&random), UINT64_C(0x06c45d188009454f));
}

Test(random, draws_each_of_three_as_often)
{
    Random random = { 42 };
    unsigned drawn[3] = { 0 };

    for (int i = 0; i < 30000; i++) {
        drawn[random_below(&random, 3)]++;
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(drawn[i] > 9600 && drawn[i] < 10400, "%u of 30000 are %d",
                  drawn[i], i);
    }
}

typedef struct {
    char what[64];
    Figure figures[5];
    size_t n;
    Figure median;
} MedianCase;

ParameterizedTestParameters(figures, median)
{
    static MedianCase cases[] = {
        { "one", { EXACT(3) }, 1, EXACT(3) },
        { "the middle of three",
          { EXACT(9), EXACT(1), EXACT(4) },
          3,
          EXACT(4) },
        { "the mean of the middle two",
          { EXACT(1), EXACT(9), EXACT(4), EXACT(6) },
          4,
          EXACT(5) },
        { "one cut off beyond the middle",
          { LEAST(180), EXACT(1), EXACT(4) },
          3,
          EXACT(4) },
        { "the middle one cut off",
          { LEAST(180), EXACT(1), LEAST(180) },
          3,
          LEAST(180) },
        { "one of the middle two cut off",
          { EXACT(100), LEAST(180) },
          2,
          LEAST(140) },
        { "a completed one stands before one cut off at the same",
          { LEAST(180), EXACT(180), EXACT(180) },
          3,
          EXACT(180) },
        { "bounds of both kinds", { MOST(1), LEAST(3) }, 2, { 2, BOUND_OPEN } },
    };

    return cr_make_param_array(MedianCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(MedianCase *one, figures, median)
{
    Figure got = figures_median(one->figures, one->n);

    cr_assert_float_eq(got.value, one->median.value, 1e-12, "%s: %g", one->what,
                       got.value);
    cr_assert_eq(got.bound, one->median.bound, "%s: %s", one->what,
                 bound_sign(got.bound));
}

typedef struct {
    Figure a, b, ratio;
} RatioCase;

ParameterizedTestParameters(figures, ratio)
{
    static RatioCase cases[] = {
        { EXACT(30), EXACT(60), EXACT(0.5) },
        { EXACT(30), LEAST(60), MOST(0.5) },         /* plain was cut off */
        { LEAST(60), EXACT(30), LEAST(2) },          /* ours was */
        { LEAST(60), LEAST(60), { 1, BOUND_OPEN } }, /* both */
    };

    return cr_make_param_array(RatioCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RatioCase *one, figures, ratio)
{
    Figure got = figure_ratio(one->a, one->b);

    cr_assert_float_eq(got.value, one->ratio.value, 1e-12);
    cr_assert_eq(got.bound, one->ratio.bound, "%s", bound_sign(got.bound));
}

/* Of 27 draws of three out of 1, 2, 3 the median is 1 in 7, 2 in 13, 3 in 7:
 * 26 % at either end, so that a 95 % interval is all of it. */
Test(bootstrap, of_three_is_their_range)
{
    const Figure figures[] = { EXACT(1), EXACT(2), EXACT(3) };
    Estimate estimate;

    figures_estimate(figures, 3, 1, &estimate);
    cr_assert_eq(estimate.n, 3);
    cr_assert_float_eq(estimate.median.value, 2, 1e-12);
    cr_assert(estimate.interval);
    cr_assert_float_eq(estimate.low.value, 1, 1e-12);
    cr_assert_float_eq(estimate.high.value, 3, 1e-12);
}

Test(bootstrap, of_nothing_and_of_one)
{
    const Figure figures[] = { EXACT(7) };
    Estimate estimate;

    figures_estimate(figures, 0, 1, &estimate);
    cr_assert_eq(estimate.n, 0);
    cr_assert_not(estimate.interval);
    figures_estimate(figures, 1, 1, &estimate);
    cr_assert_eq(estimate.n, 1);
    cr_assert_float_eq(estimate.median.value, 7, 1e-12);
    cr_assert_not(estimate.interval);
}

/*
 * Of 11 figures 1..11 the resampled median is at most m if at least 6 of 11
 * draws are: the binomial (11, m/11) from 6 on. That is 0.0072 for m = 2 and
 * 0.0512 for 3, so that 2.5 % lie below 3; 9 is its mirror.
 */
Test(bootstrap, of_eleven_follows_the_binomial)
{
    Figure figures[11];
    Estimate estimate;

    for (int i = 0; i < 11; i++) {
        figures[i] = (Figure)EXACT(i + 1);
    }
    for (uint64_t seed = 1; seed <= 5; seed++) {
        figures_estimate(figures, 11, seed, &estimate);
        cr_assert_float_eq(estimate.median.value, 6, 1e-12);
        cr_assert_float_eq(estimate.low.value, 3, 1e-12, "%g",
                           estimate.low.value);
        cr_assert_float_eq(estimate.high.value, 9, 1e-12, "%g",
                           estimate.high.value);
    }
}

/* Golden: whoever changes generator, seed or percentile sees it here. */
Test(bootstrap, is_the_same_for_the_same_seed)
{
    static const double numbers[] = { 0.31, 0.74, 0.55, 0.42, 0.98,
                                      0.61, 0.37, 0.59, 0.47, 0.83 };
    Figure figures[10];
    Estimate estimate, again;

    for (int i = 0; i < 10; i++) {
        figures[i] = (Figure)EXACT(numbers[i]);
    }
    figures_estimate(figures, 10, 12345, &estimate);
    figures_estimate(figures, 10, 12345, &again);
    cr_assert_eq(estimate.low.value, again.low.value);
    cr_assert_eq(estimate.high.value, again.high.value);
    cr_assert_float_eq(estimate.median.value, 0.57, 1e-12);
    cr_assert_float_eq(estimate.low.value, 0.42, 1e-9, "%.9g",
                       estimate.low.value);
    cr_assert_float_eq(estimate.high.value, 0.74, 1e-9, "%.9g",
                       estimate.high.value);
}

/* Seven of nine were cut off: so is the median, and both ends say so. */
Test(bootstrap, keeps_bounds)
{
    Figure figures[9];
    Estimate estimate;

    for (int i = 0; i < 9; i++) {
        figures[i] = i < 7 ? (Figure)LEAST(180) : (Figure)EXACT(90 + i);
    }
    figures_estimate(figures, 9, 3, &estimate);
    cr_assert_eq(estimate.bounded, 7);
    cr_assert_eq(estimate.median.bound, BOUND_AT_LEAST);
    cr_assert_float_eq(estimate.median.value, 180, 1e-12);
    cr_assert_eq(estimate.high.bound, BOUND_AT_LEAST);
    cr_assert_leq(estimate.low.value, 180);
}
