/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics.c - medians, ratios, bootstrap
 */
#include "experiment/statistics.h"

#include <stdlib.h>

#include "experiment/random.h"

static const char *const signs[] = {
    [BOUND_EXACT] = "",
    [BOUND_AT_LEAST] = ">= ",
    [BOUND_AT_MOST] = "<= ",
    [BOUND_OPEN] = "~ ",
};
G_STATIC_ASSERT(G_N_ELEMENTS(signs) == BOUND_N);

const char *
bound_sign(Bound bound)
{
    return signs[bound];
}

static Bound
bound_opposite(Bound bound)
{
    return bound == BOUND_AT_LEAST  ? BOUND_AT_MOST
           : bound == BOUND_AT_MOST ? BOUND_AT_LEAST
                                    : bound;
}

static Bound
bound_together(Bound a, Bound b)
{
    if (a == b || b == BOUND_EXACT) {
        return a;
    }
    return a == BOUND_EXACT ? b : BOUND_OPEN;
}

Figure
figure_ratio(Figure a, Figure b)
{
    return (Figure){ .value = a.value / b.value,
                     .bound =
                         bound_together(a.bound, bound_opposite(b.bound)) };
}

/* Where a figure stands among others of its value. */
static int
rank(const Figure *figure)
{
    return figure->bound == BOUND_AT_MOST    ? 0
           : figure->bound == BOUND_AT_LEAST ? 2
                                             : 1;
}

static int
figure_order(const void *left, const void *right)
{
    const Figure *a = left, *b = right;

    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return rank(a) - rank(b);
}

Figure
figures_median(Figure *figures, size_t n)
{
    Figure low, high;

    g_assert(n > 0);
    qsort(figures, n, sizeof(*figures), figure_order);
    low = figures[(n - 1) / 2];
    high = figures[n / 2];
    return (Figure){ .value = (low.value + high.value) / 2,
                     .bound = bound_together(low.bound, high.bound) };
}

/* What was computed from resamples, and its middle 95 %. */
static void
take_interval(Figure *resampled, Estimate *estimate)
{
    qsort(resampled, BOOTSTRAP_RESAMPLES, sizeof(*resampled), figure_order);
    estimate->interval = true;
    estimate->low = resampled[BOOTSTRAP_RESAMPLES / 40];
    estimate->high =
        resampled[BOOTSTRAP_RESAMPLES - 1 - BOOTSTRAP_RESAMPLES / 40];
}

static Figure
resampled_median(const Figure *figures, size_t n, Figure *drawn, Random *random)
{
    for (size_t i = 0; i < n; i++) {
        drawn[i] = figures[random_below(random, n)];
    }
    return figures_median(drawn, n);
}

static Figure
plain_median(const Figure *figures, size_t n, Figure *copy)
{
    for (size_t i = 0; i < n; i++) {
        copy[i] = figures[i];
    }
    return figures_median(copy, n);
}

static size_t
count_bounded(const Figure *figures, size_t n)
{
    size_t bounded = 0;

    for (size_t i = 0; i < n; i++) {
        bounded += figures[i].bound != BOUND_EXACT;
    }
    return bounded;
}

void
figures_estimate(const Figure *figures, size_t n, uint64_t seed,
                 Estimate *estimate)
{
    g_autofree Figure *drawn = g_new(Figure, MAX(n, 1));
    g_autofree Figure *medians = NULL;
    Random random = { seed };

    *estimate = (Estimate){ .n = n, .bounded = count_bounded(figures, n) };
    if (n == 0) {
        return;
    }
    estimate->median = plain_median(figures, n, drawn);
    if (n == 1) {
        return;
    }
    medians = g_new(Figure, BOOTSTRAP_RESAMPLES);
    for (size_t r = 0; r < BOOTSTRAP_RESAMPLES; r++) {
        medians[r] = resampled_median(figures, n, drawn, &random);
    }
    take_interval(medians, estimate);
}

void
figures_compare(const Figure *a, size_t n_a, const Figure *b, size_t n_b,
                uint64_t seed, Estimate *estimate)
{
    g_autofree Figure *drawn = g_new(Figure, MAX(MAX(n_a, n_b), 1));
    g_autofree Figure *ratios = NULL;
    Random random = { seed };

    *estimate =
        (Estimate){ .n = MIN(n_a, n_b),
                    .bounded = count_bounded(a, n_a) + count_bounded(b, n_b) };
    if (estimate->n == 0) {
        return;
    }
    estimate->median =
        figure_ratio(plain_median(a, n_a, drawn), plain_median(b, n_b, drawn));
    if (estimate->n == 1) {
        return;
    }
    ratios = g_new(Figure, BOOTSTRAP_RESAMPLES);
    for (size_t r = 0; r < BOOTSTRAP_RESAMPLES; r++) {
        Figure one = resampled_median(a, n_a, drawn, &random);

        ratios[r] = figure_ratio(one, resampled_median(b, n_b, drawn, &random));
    }
    take_interval(ratios, estimate);
}
