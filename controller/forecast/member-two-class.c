/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-two-class.c - hot pages that are all written, cold ones one by one
 *
 *     D(T) = W (1 - exp(-T / tau)) + r T,    W, r >= 0
 *
 * The hot class of W pages saturates, the cold one is so large that no page of
 * it is written twice. So D(T) / T is bounded by W / tau + r, where a power
 * law has it grow without end as T gets shorter. For each tau of a grid W and
 * r are known in closed form: least squares of the relative errors, with old
 * passes forgotten, which need six running sums. The answer is the mean over
 * the grid, each tau weighted by its likelihood.
 *
 * Page classes with other rates each are the general case: D(T) = sum of
 * W_i (1 - exp(-r_i T)) (Akoush et al. 2010; Gudkov 2023 for measured curves).
 */
#include "forecast/member.h"

#include <math.h>

#define N_TAUS 24
#define SHORTEST_TAU_S 0.05
#define LONGEST_TAU_S 200.0
#define FORGET 0.85
#define NOISE_VARIANCE 0.01 /* of D / D^, about 10 % */
#define LEAST_ROWS 2

typedef struct TwoClassState {
    size_t n;
    double weight, t, tt; /* sums of 1, T/D and (T/D)^2, forgotten */
    double s[N_TAUS], ss[N_TAUS], st[N_TAUS]; /* with s = 1 - e^(-T/tau) */
    double tau_s[N_TAUS];
    double hot[N_TAUS], rate[N_TAUS], likely[N_TAUS]; /* the answer */
} TwoClassState;

static void
two_class_init(void *state)
{
    TwoClassState *two = state;

    for (int i = 0; i < N_TAUS; i++) {
        two->tau_s[i] = SHORTEST_TAU_S * pow(LONGEST_TAU_S / SHORTEST_TAU_S,
                                             (double)i / (N_TAUS - 1));
    }
}

/* Least squares of W s + r t = 1 over two columns, none negative. Returns what
 * is left of the squares. */
static double
fit(const TwoClassState *two, int i, double *hot, double *rate)
{
    double s = two->s[i], ss = two->ss[i], st = two->st[i];
    double determinant = ss * two->tt - st * st;
    double only_hot = s / ss, only_rate = two->t / two->tt;

    if (determinant > 1e-9 * ss * two->tt) {
        *hot = (s * two->tt - two->t * st) / determinant;
        *rate = (ss * two->t - st * s) / determinant;
        if (*hot >= 0.0 && *rate >= 0.0) {
            return fmax(0.0, two->weight - *hot * s - *rate * two->t);
        }
    }
    if (only_hot * s >= only_rate * two->t) {
        *hot = only_hot;
        *rate = 0.0;
        return fmax(0.0, two->weight - only_hot * s);
    }
    *hot = 0.0;
    *rate = only_rate;
    return fmax(0.0, two->weight - only_rate * two->t);
}

static void
two_class_learn(void *state, const Observation *seen)
{
    TwoClassState *two = state;
    double pages = fmax(seen->pages, MEMBER_LEAST_PAGES);
    double t = seen->duration_s / pages, least = INFINITY, sum = 0.0;

    two->n++;
    two->weight = FORGET * two->weight + 1.0;
    two->t = FORGET * two->t + t;
    two->tt = FORGET * two->tt + t * t;
    for (int i = 0; i < N_TAUS; i++) {
        double s = -expm1(-seen->duration_s / two->tau_s[i]) / pages;

        two->s[i] = FORGET * two->s[i] + s;
        two->ss[i] = FORGET * two->ss[i] + s * s;
        two->st[i] = FORGET * two->st[i] + s * t;
        two->likely[i] = fit(two, i, &two->hot[i], &two->rate[i]);
        least = fmin(least, two->likely[i]);
    }
    for (int i = 0; i < N_TAUS; i++) {
        two->likely[i] = exp(-0.5 * (two->likely[i] - least) / NOISE_VARIANCE);
        sum += two->likely[i];
    }
    for (int i = 0; i < N_TAUS; i++) {
        two->likely[i] /= sum;
    }
}

static bool
two_class_predict(const void *state, double duration_s, double *pages)
{
    const TwoClassState *two = state;

    if (two->n < LEAST_ROWS) {
        return false;
    }
    *pages = 0.0;
    for (int i = 0; i < N_TAUS; i++) {
        *pages += two->likely[i] *
                  (-two->hot[i] * expm1(-duration_s / two->tau_s[i]) +
                   two->rate[i] * duration_s);
    }
    return true;
}

const MemberOps member_two_class = {
    .name = "two-class",
    .curve = true,
    .combined = true,
    .state_size = sizeof(TwoClassState),
    .init = two_class_init,
    .learn = two_class_learn,
    .predict = two_class_predict,
};
