/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics.h - medians that know what they do not know
 *
 * A run that was cut off tells that its total is at least so much; a ratio to
 * it is at most so much. Such figures keep their bound through medians,
 * intervals and ratios, so that a report can print ">= 180" and mean it.
 */
#ifndef EXPERIMENT_STATISTICS_H
#define EXPERIMENT_STATISTICS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BOUND_EXACT,
    BOUND_AT_LEAST, /* the value, or more */
    BOUND_AT_MOST,  /* the value, or less */
    BOUND_OPEN,     /* of bounds of both kinds: the value says little */
    BOUND_N
} Bound;

/** bound_sign() - "", ">= ", "<= ", "~ " */
const char *bound_sign(Bound bound);

typedef struct Figure {
    double value; /* finite */
    Bound bound;
} Figure;

/** figure_ratio() - @a of @b, @b above 0; both cut off: 1 and open */
Figure figure_ratio(Figure a, Figure b);

/**
 * figures_median() - Of @n > 0 figures, which are put in order
 *
 * The middle one, or the mean of the middle two. Its bound is that of those.
 * A figure that is at least X stands behind all that are X, one that is at
 * most X before them.
 */
Figure figures_median(Figure *figures, size_t n);

typedef struct Estimate {
    size_t n;
    size_t bounded; /* of them, not exact */
    Figure median;  /* if n > 0 */
    bool interval;  /* n > 1 */
    Figure low, high;
} Estimate;

#define BOOTSTRAP_RESAMPLES 4000

/**
 * figures_estimate() - Median with its 95 % interval
 * @seed: The same seed and figures give the same interval
 *
 * Percentile bootstrap: BOOTSTRAP_RESAMPLES times, n figures are drawn with
 * replacement and their median is taken; the interval leaves out 2.5 % of these
 * medians at each end. With few figures it is too narrow, which is why claims
 * ask for a number of pairs; one figure has none.
 */
void figures_estimate(const Figure *figures, size_t n, uint64_t seed,
                      Estimate *estimate);

/**
 * figures_compare() - Ratio of the median of @a to that of @b, not paired
 * @b: All above 0
 *
 * Both are resampled, each by itself. Without figures of both, .n is 0;
 * otherwise it is the smaller number.
 */
void figures_compare(const Figure *a, size_t n_a, const Figure *b, size_t n_b,
                     uint64_t seed, Estimate *estimate);

#endif
