/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-spectrum.c - pages written at a spectrum of rates
 *
 * Distinct dirty pages are the sum over pages of 1 - exp(-rate T). Let the
 * number of pages with a rate be proportional to rate^(-1-a) e^(-rate / h),
 * a power law up to some highest rate h. Then (Frullani's integral)
 *
 *     D(T) = C ((1 + h T)^a - 1) / a,      a = 0: C log (1 + h T)
 *
 * which is nearly all that measured curves look like:
 *
 *     a = 1          C h T: no page is written twice
 *     0 < a < 1      a power law T^a for T > 1/h, linear below
 *     a < 0          saturates: a set of -C/a pages
 *     a -> -infinity W (1 - e^(-T/tau)) with tau = -1 / (a h)
 *
 * D(T) / T never exceeds C h. The plain power law has it grow without bound as
 * T gets shorter, and asks for far too much bandwidth to converge.
 *
 * A grid over (a, h) is kept. For each curve, log C follows log D - log shape
 * (the newest pass counts LEVEL), and the errors that it would have made one
 * step ahead, old ones forgotten, say how likely the curve is: Student's
 * t, for the size of the noise is not known. The answer is the mean of log D
 * over the curves, and how far they lie apart is how sure it is.
 *
 * Shapes are tables over log T, made once; the answer is one too, made when a
 * pass is learnt, so that asking costs an interpolation.
 */
#include "forecast/member.h"

#include <math.h>

#include <glib.h>

#define SATURATED (-1e3) /* stands for minus infinity */
#define N_EXPONENTS 10
#define N_RATES 12
#define N_CURVES (N_EXPONENTS * N_RATES)
#define LOWEST_RATE 0.01 /* of h, or 1 / tau, per second */
#define HIGHEST_RATE 100.0
#define SHORTEST_S 1e-3
#define LOG_STEP 0.25
#define N_TIMES 76 /* up to 1.4e5 s */

#define LEVEL 0.4
#define FORGET 0.9
#define NOISE 0.06 /* of log D, that may be expected anyway */
#define NOISE_COUNT 1.0
#define BOTH_WEIGHT 3.0 /* of the growth from one pass to two */
#define PRIOR_EXPONENT 0.6
#define PRIOR_SD 0.6

static const double exponents[N_EXPONENTS] = {
    1.0, 0.85, 0.75, 0.65, 0.5, 0.3, 0.001, -0.5, -2.0, SATURATED
};

typedef struct SpectrumState {
    size_t n;
    double level[N_CURVES];   /* log C */
    double squares[N_CURVES]; /* of errors one step ahead, forgotten */
    double count;
    double mean[N_TIMES], variance[N_TIMES]; /* the answer */
} SpectrumState;

/* Log of the shape, of which log C is no part. */
static double log_shapes[N_CURVES][N_TIMES];

static double
log_shape(double a, double rate, double t)
{
    if (a == SATURATED) {
        return log(-expm1(-rate * t));
    }
    return log(expm1(a * log1p(rate * t)) / a);
}

static void
make_shapes(void)
{
    static gsize made;

    if (!g_once_init_enter(&made)) {
        return;
    }
    for (size_t i = 0; i < N_CURVES; i++) {
        double rate = LOWEST_RATE * pow(HIGHEST_RATE / LOWEST_RATE,
                                        (double)(i % N_RATES) / (N_RATES - 1));

        for (size_t k = 0; k < N_TIMES; k++) {
            log_shapes[i][k] =
                log_shape(exponents[i / N_RATES], rate,
                          SHORTEST_S * exp(LOG_STEP * (double)k));
        }
    }
    g_once_init_leave(&made, 1);
}

static void
spectrum_init(void *state)
{
    (void)state;
    make_shapes();
}

/* Where a duration lies between two points of a table. */
static size_t
place(double duration_s, double *share)
{
    double at = log(fmax(duration_s, SHORTEST_S) / SHORTEST_S) / LOG_STEP;
    size_t k;

    at = CLAMP(at, 0.0, N_TIMES - 1.001);
    k = (size_t)at;
    *share = at - (double)k;
    return k;
}

static double
between(const double *table, size_t k, double share)
{
    return table[k] + share * (table[k + 1] - table[k]);
}

static void
answer(SpectrumState *spectrum)
{
    double likely[N_CURVES], best = -INFINITY, sum = 0.0;

    for (size_t i = 0; i < N_CURVES; i++) {
        double a = fmax(exponents[i / N_RATES], -0.5);
        double off = (a - PRIOR_EXPONENT) / PRIOR_SD;

        likely[i] = -0.5 * off * off -
                    0.5 * (spectrum->count + NOISE_COUNT) *
                        log(spectrum->squares[i] + NOISE_COUNT * NOISE * NOISE);
        best = fmax(best, likely[i]);
    }
    for (size_t i = 0; i < N_CURVES; i++) {
        likely[i] = exp(likely[i] - best);
        sum += likely[i];
    }
    for (size_t k = 0; k < N_TIMES; k++) {
        spectrum->mean[k] = spectrum->variance[k] = 0.0;
    }
    for (size_t i = 0; i < N_CURVES; i++) {
        double weight = likely[i] / sum;

        if (weight < 1e-6) {
            continue;
        }
        for (size_t k = 0; k < N_TIMES; k++) {
            double value = spectrum->level[i] + log_shapes[i][k];

            spectrum->mean[k] += weight * value;
            spectrum->variance[k] += weight * value * value;
        }
    }
    for (size_t k = 0; k < N_TIMES; k++) {
        spectrum->variance[k] = fmax(
            0.0, spectrum->variance[k] - spectrum->mean[k] * spectrum->mean[k]);
    }
}

/* By how much more pages two passes dirtied together than the first of them
 * tells about the shape alone: the level is in both. */
static void
learn_growth(SpectrumState *spectrum, const Observation *seen)
{
    double grown = log(seen->both_pages / seen->before_pages);
    double share, share_before;
    size_t k = place(seen->both_s, &share);
    size_t k_before = place(seen->before_s, &share_before);

    for (size_t i = 0; i < N_CURVES; i++) {
        double error = grown - between(log_shapes[i], k, share) +
                       between(log_shapes[i], k_before, share_before);

        spectrum->squares[i] += BOTH_WEIGHT * fmin(error * error, 1.0);
    }
    spectrum->count += BOTH_WEIGHT;
}

static void
spectrum_learn(void *state, const Observation *seen)
{
    SpectrumState *spectrum = state;
    double log_pages = log(fmax(seen->pages, MEMBER_LEAST_PAGES)), share;
    size_t k = place(seen->duration_s, &share);
    double newest = fmax(LEVEL, 1.0 / (double)(spectrum->n + 1));

    for (size_t i = 0; i < N_CURVES; i++) {
        double rest = log_pages - between(log_shapes[i], k, share);
        double error = rest - spectrum->level[i];

        if (spectrum->n > 0) {
            spectrum->squares[i] =
                FORGET * spectrum->squares[i] + fmin(error * error, 1.0);
        }
        spectrum->level[i] += newest * error;
    }
    if (spectrum->n > 0) {
        spectrum->count = FORGET * spectrum->count + 1.0;
    }
    if (seen->has_both) {
        learn_growth(spectrum, seen);
    }
    spectrum->n++;
    answer(spectrum);
}

void
member_spectrum_prior(void *state, const ForecastPoint *points, size_t n)
{
    SpectrumState *spectrum = state;

    g_assert(spectrum->n == 0 && n > 0);
    for (size_t i = 0; i < N_CURVES; i++) {
        double sum = 0.0, square = 0.0;

        for (size_t j = 0; j < n; j++) {
            double share, rest = log(fmax(points[j].pages, MEMBER_LEAST_PAGES));
            size_t k = place(points[j].duration_s, &share);

            rest -= between(log_shapes[i], k, share);
            sum += rest;
            square += rest * rest;
        }
        spectrum->level[i] = sum / (double)n;
        spectrum->squares[i] = fmax(0.0, square - sum * sum / (double)n);
    }
    spectrum->n = 1;
    spectrum->count = (double)(n - 1);
    answer(spectrum);
}

static bool
spectrum_predict(const void *state, double duration_s, double *pages)
{
    const SpectrumState *spectrum = state;
    double share;
    size_t k;

    if (spectrum->n == 0) {
        return false;
    }
    k = place(duration_s, &share);
    *pages = exp(between(spectrum->mean, k, share));
    return true;
}

double
member_spectrum_variance(const void *state, double duration_s)
{
    const SpectrumState *spectrum = state;
    double share;
    size_t k = place(duration_s, &share);

    return between(spectrum->variance, k, share);
}

const MemberOps member_spectrum = {
    .name = "spectrum",
    .curve = true,
    .combined = true,
    .state_size = sizeof(SpectrumState),
    .init = spectrum_init,
    .learn = spectrum_learn,
    .predict = spectrum_predict,
};
