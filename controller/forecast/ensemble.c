/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ensemble.c - one forecast, and how sure it is, out of what members say
 *
 * A member's weight is (e2)^-3, e2 being its mean squared error in log D when
 * it was asked about passes that it had not seen, old errors forgotten and
 * each capped. A fraction of a pseudo-error of the members' median size keeps
 * a member with one lucky hit from ruling.
 *
 * Errors of a good forecast tell nothing about the next one. Where the noise
 * is in the timing of passes, what belongs to one is counted with the next,
 * and a forecast that follows the newest pass overshoots: its errors alternate
 * in sign. How much they do, the regression of an error on the one before,
 * with PSEUDO_PAIRS of nothing, is taken back from the forecast. Errors that
 * keep their sign are left to the weights.
 *
 * The interval rests on the mean absolute error of the combination itself,
 * 1.25 of which are a standard deviation, and on its hits: each miss widens it
 * by 18 %, each hit narrows it by 3 %, so that whatever the distribution of
 * the errors the share of misses tends to MISS (Gibbs, Candes 2021). That is
 * somewhat less than a fifth, for first forecasts and the ends of loads are
 * missed on top, and no recent error foretells them. The first forecast, which
 * is the prior's, counts for neither.
 */
#include "forecast/ensemble.h"

#include <math.h>
#include <string.h>

#define FORGET 0.8
#define ERROR_CAP 1.0
#define WEIGHT_POWER 3.0
#define PSEUDO_ERRORS 0.3
#define LEAST_SQUARE 1e-5
#define SD_FORGET 0.9
#define PRIOR_ERROR 0.18
#define PRIOR_COUNT 2.0
#define PRIOR_FADES 0.8
#define LEAST_MEAN_ERROR 1e-4
#define PER_MEAN_ERROR 1.25
#define LARGE_ERROR 1.0
#define PAIR_FORGET 0.98
#define PSEUDO_PAIRS 4.0
#define LEAST_PAIRS 1.0
#define MOST_OVERSHOOT 0.4
#define INTERVAL_80 1.2816
#define MISS 0.17
#define WIDEN_STEP 0.2
#define MOST_WIDEN 0.8
#define MOST_NARROW 2.0

void
ensemble_init(Ensemble *ensemble, size_t n)
{
    g_assert(n <= FORECAST_MAX_MEMBERS);
    *ensemble = (Ensemble){ .n = n };
}

bool
ensemble_ready(const Ensemble *ensemble)
{
    for (size_t i = 0; i < ensemble->n; i++) {
        if (ensemble->members[i].weight > 0.0) {
            return true;
        }
    }
    return false;
}

static double
median(double *values, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double swap = values[j];

            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static void
weigh(Ensemble *ensemble)
{
    double means[FORECAST_MAX_MEMBERS], typical;
    size_t n = 0;

    for (size_t i = 0; i < ensemble->n; i++) {
        if (ensemble->members[i].count > 0.0) {
            means[n++] =
                ensemble->members[i].squares / ensemble->members[i].count;
        }
    }
    if (n == 0) {
        return;
    }
    typical = median(means, n);
    for (size_t i = 0; i < ensemble->n; i++) {
        double count = ensemble->members[i].count, square;

        if (count > 0.0) {
            square = (ensemble->members[i].squares + PSEUDO_ERRORS * typical) /
                     (count + PSEUDO_ERRORS);
            ensemble->members[i].weight =
                pow(fmax(square, LEAST_SQUARE), -WEIGHT_POWER);
        }
    }
}

double
ensemble_sd(const Ensemble *ensemble)
{
    double prior = PRIOR_COUNT * pow(PRIOR_FADES, (double)ensemble->scored);

    return PER_MEAN_ERROR *
           fmax(LEAST_MEAN_ERROR, (ensemble->errors + prior * PRIOR_ERROR) /
                                      (ensemble->count + prior));
}

double
ensemble_seen_sd(const Ensemble *ensemble)
{
    return PER_MEAN_ERROR * ensemble->errors / (ensemble->count + PRIOR_COUNT);
}

double
ensemble_half_width(const Ensemble *ensemble, double sd)
{
    return INTERVAL_80 * sd * exp(ensemble->widen);
}

void
ensemble_learn(Ensemble *ensemble, const Opinion *opinions, double log_pages)
{
    for (size_t i = 0; i < ensemble->n; i++) {
        double error = opinions[i].log_pages - log_pages;

        if (opinions[i].any) {
            ensemble->members[i].squares =
                FORGET * ensemble->members[i].squares +
                fmin(error * error, ERROR_CAP);
            ensemble->members[i].count =
                FORGET * ensemble->members[i].count + 1.0;
        }
    }
    weigh(ensemble);
}

double
ensemble_overshoot(const Ensemble *ensemble)
{
    double typical, share;

    if (ensemble->pairs < LEAST_PAIRS || ensemble->pair_squares <= 0.0) {
        return 0.0;
    }
    typical = ensemble->pair_squares / ensemble->pairs;
    share = ensemble->pair_products /
            (ensemble->pair_squares + PSEUDO_PAIRS * typical);
    return CLAMP(share, -MOST_OVERSHOOT, 0.0) * ensemble->last_error;
}

void
ensemble_learn_own(Ensemble *ensemble, double error, double shape, double sd)
{
    double plain = error + ensemble_overshoot(ensemble);
    bool miss = fabs(error) > ensemble_half_width(ensemble, sd);

    if (ensemble->scored++ == 0) {
        return;
    }
    plain = CLAMP(plain, -LARGE_ERROR, LARGE_ERROR);
    if (ensemble->scored > 2) {
        ensemble->pair_products = PAIR_FORGET * ensemble->pair_products +
                                  plain * ensemble->last_error;
        ensemble->pair_squares = PAIR_FORGET * ensemble->pair_squares +
                                 ensemble->last_error * ensemble->last_error;
        ensemble->pairs = PAIR_FORGET * ensemble->pairs + 1.0;
    }
    ensemble->last_error = plain;
    ensemble->errors =
        SD_FORGET * ensemble->errors + fmin(fabs(error) / shape, LARGE_ERROR);
    ensemble->count = SD_FORGET * ensemble->count + 1.0;
    ensemble->widen += WIDEN_STEP * ((miss ? 1.0 : 0.0) - MISS);
    ensemble->widen = CLAMP(ensemble->widen, -MOST_NARROW, MOST_WIDEN);
}

bool
ensemble_combine(const Ensemble *ensemble, const Opinion *opinions,
                 Combination *combination)
{
    double sum = 0.0, mean = 0.0, square = 0.0;

    for (size_t i = 0; i < ensemble->n; i++) {
        double weight = ensemble->members[i].weight * opinions[i].factor;
        double log_pages = opinions[i].log_pages;

        if (opinions[i].any && weight > 0.0) {
            sum += weight;
            mean += weight * log_pages;
            square += weight * log_pages * log_pages;
        }
    }
    if (!(sum > 0.0)) {
        return false;
    }
    mean /= sum;
    *combination = (Combination){
        .log_pages = mean,
        .spread = fmax(0.0, square / sum - mean * mean),
    };
    return true;
}
